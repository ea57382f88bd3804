"""Everything there is to compare after a run: our rows, and the venue's own account of it."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.time import to_ms
from holdfast.execution.ids import is_ours
from holdfast.execution.models import Execution, Order, OrderEvent
from holdfast.execution.plans import PlannedLeg, legs_of
from holdfast.execution.risk.models import RiskLimit, Stop
from holdfast.portfolio.models import Alteration, Fill, Halt, Plan, Posting, Sleeve
from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.records import Execution as Trade
from holdfast.sim.bybit.records import Order as VenueOrder

Row = TypeVar("Row")
ZERO = Decimal(0)


@dataclass
class Books:
    """One connection: ``trades`` are the venue's executions since our books began, in their own order, and
    ``venue_orders`` those that carry our ids, as they were right before our rows were read."""

    account: Account
    connection: Connection
    opening: dict[str, Decimal]
    sleeves: dict[UUID, Sleeve]
    executions: dict[UUID, Execution]
    legs: dict[UUID, list[PlannedLeg]]
    orders: dict[UUID, Order]
    events: dict[UUID, list[OrderEvent]]
    fills: dict[str, Fill]
    postings: list[Posting]
    alterations: list[Alteration]
    halts: list[Halt]
    stops: list[Stop]
    limits: list[RiskLimit]
    venue_orders: dict[str, VenueOrder]
    trades: list[Trade] = field(default_factory=list)
    price_at: Callable[[str, datetime], Decimal] | None = None
    told_stopped: Mapping[UUID, datetime] = field(default_factory=dict)
    """When which stop was confirmed to the user."""
    calm: bool = False
    """Whether nothing went wrong at all."""
    fallen: bool = False
    """Whether the account was further below its peak than the user allows, from the beginning."""
    steady: bool = False
    """Whether nobody was frozen in the middle of writing."""

    @property
    def by_client_id(self) -> dict[str, Order]:
        return {order.client_id: order for order in self.orders.values()}

    @cached_property
    def sequences(self) -> dict[str, int]:
        """The venue's own order of its executions."""
        return {trade.exec_id: trade.sequence for trade in self.trades}

    def contracts(self, symbol: str) -> list[Posting]:
        """What was booked of the contract itself, by moment."""
        return [posting for posting in self.postings if posting.asset == posting.symbol == symbol]

    def orders_of(self, execution_id: UUID) -> list[Order]:
        return [order for order in self.orders.values() if order.execution_id == execution_id]

    def held(self) -> dict[tuple[UUID | None, str], Decimal]:
        """Our ledger's quantities by sleeve (``None``: the user's own) and symbol."""
        held: dict[tuple[UUID | None, str], Decimal] = defaultdict(lambda: ZERO)
        for posting in self.postings:
            if posting.asset == posting.symbol:
                held[posting.sleeve_id, posting.symbol] += posting.amount
        return held


async def books_of(
    session: AsyncSession, connection_id: UUID, account: Account, opening: dict[str, Decimal]
) -> Books:
    """Everything on one connection."""

    async def all_of(model: type[Row], *where: Any) -> Sequence[Row]:
        return (await session.scalars(select(model).where(*where))).all()

    known = list(account.order_by_link.items())
    venue_orders = {link: copy(order) for (_, link), order in known if is_ours(link)}
    connection = await session.get_one(Connection, connection_id)
    sleeves = await all_of(Sleeve, Sleeve.connection_id == connection_id)
    executions = await all_of(Execution, Execution.connection_id == connection_id)
    orders = await all_of(Order, Order.connection_id == connection_id)
    plans = {plan.id: plan for plan in await all_of(Plan, Plan.connection_id == connection_id)}
    events: dict[UUID, list[OrderEvent]] = defaultdict(list)
    mine = select(Order.id).where(Order.connection_id == connection_id)
    for event in sorted(await all_of(OrderEvent, OrderEvent.order_id.in_(mine)), key=lambda row: row.id):
        events[event.order_id].append(event)
    begun_ms = to_ms(connection.begun_at) if connection.begun_at else 0
    trades = [
        trade
        for trade in account.executions
        if trade.exec_type != "Funding" and trade.category == "linear" and trade.time_ms >= begun_ms
    ]
    return Books(
        account=account,
        connection=connection,
        opening=opening,
        sleeves={sleeve.id: sleeve for sleeve in sleeves},
        executions={execution.id: execution for execution in executions},
        legs={execution.id: legs_of(plans[execution.plan_id]) for execution in executions},
        orders={order.id: order for order in orders},
        events=events,
        fills={fill.exec_id: fill for fill in await all_of(Fill, Fill.connection_id == connection_id)},
        postings=sorted(
            await all_of(Posting, Posting.connection_id == connection_id), key=lambda p: (p.at, p.id)
        ),
        alterations=list(
            await all_of(Alteration, Alteration.sleeve_id.in_([sleeve.id for sleeve in sleeves]))
        ),
        halts=list(await all_of(Halt, Halt.connection_id == connection_id)),
        stops=list(await all_of(Stop, or_(Stop.user_id == connection.user_id, Stop.scope == "instance"))),
        limits=list(await all_of(RiskLimit, RiskLimit.user_id == connection.user_id)),
        venue_orders=venue_orders,
        trades=sorted(trades, key=lambda trade: trade.sequence),
    )
