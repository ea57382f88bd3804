"""Does an account stream tell everything? A socket may answer every ping and still say nothing.

What the books know from elsewhere (an answer, a reconciliation) the stream must have told too, soon after.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.execution.models import Execution, Order
from holdfast.portfolio.models import Fill

WINDOW: Final = timedelta(minutes=3)
"""How far back the books are looked through."""
EXECUTIONS_LAST: Final = timedelta(hours=2)
"""Orders are looked for in executions that began in this time."""
REMEMBERED: Final = timedelta(minutes=10)


@dataclass(slots=True)
class Told:
    """What a stream has told since it is live: executions and orders of ours, with when."""

    fills: dict[str, datetime] = field(default_factory=dict)
    orders: dict[str, datetime] = field(default_factory=dict)

    def forget(self, before: datetime) -> None:
        self.fills = {name: at for name, at in self.fills.items() if at >= before}
        self.orders = {name: at for name, at in self.orders.items() if at >= before}


async def untold(
    session: AsyncSession,
    live: Mapping[UUID, tuple[datetime | None, Told]],
    *,
    now: datetime,
    grace: timedelta,
    clocks: timedelta,
) -> dict[UUID, str]:
    """Connections whose stream was live when something happened and has not told of it ``grace`` after the
    books knew, each with what it was. ``live``: since when each stream is, and what it has told. ``clocks``:
    by how much the venue's clock and ours may differ."""
    for _, told in live.values():
        told.forget(now - REMEMBERED)
    known_by, looked_from = now - grace, now - grace - WINDOW
    fills = await session.execute(
        select(Fill.connection_id, Fill.exec_id, Fill.executed_at, Fill.symbol).where(
            Fill.connection_id.in_(live), Fill.executed_at > looked_from, Fill.booked_at <= known_by
        )
    )
    orders = await session.execute(
        select(Order.connection_id, Order.client_id, Order.sent_at, Order.symbol)
        .join(Execution, Execution.id == Order.execution_id)
        .where(
            Execution.connection_id.in_(live),
            Execution.created_at > now - EXECUTIONS_LAST,
            Order.finished_at > looked_from,
            Order.finished_at <= known_by,
            Order.venue_order_id != "",
            Order.state.in_(("filled", "cancelled")),
        )
    )
    silent: dict[UUID, str] = {}
    for connection_id, name, at, symbol in fills:
        since, told = live.get(connection_id, (None, Told()))
        if since and at > since + clocks and name not in told.fills:
            silent[connection_id] = f"a trade in {symbol}"
    for connection_id, name, at, symbol in orders:
        since, told = live.get(connection_id, (None, Told()))
        if since and at and at > since + clocks and name not in told.orders:
            silent.setdefault(connection_id, f"an order in {symbol}")
    return silent
