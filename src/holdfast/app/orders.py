"""The topic ``orders``: a user's open orders, and the executions on their accounts that were booked last."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import BindParameter, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from holdfast.execution.models import Order
from holdfast.execution.orders import WORKING
from holdfast.execution.schemas import OrderView
from holdfast.execution.views import order_view
from holdfast.platform.schemas import Schema
from holdfast.portfolio.history import newest_fills
from holdfast.portfolio.models import Sleeve
from holdfast.portfolio.positions import OPEN_STATES
from holdfast.portfolio.schemas import FillView

TOPIC: Final = "orders"
EVERY: Final = 30.0
"""Every change is told by one of those: only what a lost message said is found this way."""
TOLD_BY: Final = ("execution", "positions", "incidents")
"""Whatever sends, answers, fills or books an order says so on one of these topics: each step of an execution
on its own, and every reconciliation of an account on positions."""
APART: Final = 0.25
"""An execution says many words a second; a page is sent no more than four frames."""
MOST_ORDERS: Final = 200
MOST_FILLS: Final = 50
_WORKING: Final[BindParameter[str]] = bindparam(
    "working", sorted(WORKING), expanding=True, literal_execute=True
)
"""In the text of the question, because the index of working orders serves those that name exactly these."""


class OrdersTick(Schema):
    """Pushed on the stream topic ``orders``. The newest of each come first: orders by when they were made,
    fills by when they were booked. A frame none of whose fills was told before says that there may be more
    between."""

    orders: list[OrderView]
    fills: list[FillView]


async def snapshots(session: AsyncSession, users: Sequence[UUID]) -> dict[UUID, OrdersTick]:
    """What each of the users is told."""
    orders = await _open_orders(session, users, limit=MOST_ORDERS)
    fills = await newest_fills(session, users, limit=MOST_FILLS)
    return {user_id: OrdersTick(orders=orders[user_id], fills=fills[user_id]) for user_id in users}


async def _open_orders(
    session: AsyncSession, users: Sequence[UUID], *, limit: int
) -> dict[UUID, list[OrderView]]:
    """Newest first. An order is open while its position is."""
    newest = Order.created_at.desc(), Order.id.desc()
    rank = func.row_number().over(partition_by=Sleeve.user_id, order_by=newest).label("rank")
    ranked = (
        select(Order, Sleeve.user_id, Sleeve.index_id, rank)
        .join(Sleeve, Sleeve.id == Order.sleeve_id)
        .where(Sleeve.user_id.in_(users), Sleeve.state.in_(OPEN_STATES), Order.state.in_(_WORKING))
        .subquery()
    )
    order = aliased(Order, ranked)
    rows = await session.execute(
        select(ranked.c.user_id, order, ranked.c.index_id)
        .where(ranked.c.rank <= limit)
        .order_by(ranked.c.user_id, ranked.c.rank)
    )
    found: dict[UUID, list[OrderView]] = {user_id: [] for user_id in users}
    for user_id, each, index_id in rows:
        found[user_id].append(order_view(each, index_id))
    return found
