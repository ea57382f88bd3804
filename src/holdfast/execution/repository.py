"""Every query about executions and orders, and the one way an order changes state."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.errors import NotFound
from holdfast.core.instruments import Side
from holdfast.execution.models import Execution, Order, OrderEvent
from holdfast.execution.orders import FINAL, IN_DOUBT, OrderState, step
from holdfast.execution.orders import OrderEvent as Event
from holdfast.execution.risk.models import Flatten
from holdfast.platform.jobs import LeaseLost
from holdfast.portfolio.ledger import QUOTE
from holdfast.portfolio.models import Fill, Halt, Plan, Sleeve

STUCK_STATE = "needs_attention"
UNFINISHED = ("pending", "running", "unwinding", STUCK_STATE)
_FENCE = "execution.fence"


async def fence_off(session: AsyncSession, execution_id: UUID, fence: int) -> Execution:
    """The execution, locked, and ours: nobody with an older fencing number may write to it any more.

    Raises:
        LeaseLost: somebody with a newer number has taken over.
    """
    execution = await session.get(Execution, execution_id, with_for_update=True, populate_existing=True)
    if execution is None:
        raise LeaseLost(f"execution {execution_id} does not exist")
    if is_taken_over(execution, fence):
        raise LeaseLost(f"execution {execution_id} was taken over")
    execution.fence = fence
    session.info[_FENCE] = fence
    return execution


def is_taken_over(execution: Execution, fence: int) -> bool:
    """Whether somebody with a newer number has written to it."""
    return execution.fence > fence


async def orders_of(session: AsyncSession, execution_id: UUID) -> list[Order]:
    """The orders of an execution, by leg and attempt, unwinding last."""
    rows = await session.scalars(select(Order).where(Order.execution_id == execution_id))
    return sorted(rows, key=lambda order: (order.leg, order.role == "unwind", order.attempt))


async def booked_quantities(session: AsyncSession, order_ids: Sequence[UUID]) -> dict[UUID, Decimal]:
    """How much of each order has its fills in the ledger."""
    rows = await session.execute(
        select(Fill.order_id, func.sum(Fill.quantity))
        .where(Fill.order_id.in_(order_ids))
        .group_by(Fill.order_id)
    )
    return {order_id: total for order_id, total in rows if order_id is not None}


async def standing_of(session: AsyncSession, order_ids: Sequence[UUID]) -> dict[UUID, tuple[str, Decimal]]:
    """State and filled quantity of orders, as they are now."""
    rows = await session.execute(
        select(Order.id, Order.state, Order.filled_quantity).where(Order.id.in_(order_ids))
    )
    return {order_id: (state, filled) for order_id, state, filled in rows}


async def booked_ids(session: AsyncSession, connection_id: UUID, exec_ids: Sequence[str]) -> set[str]:
    """Which of these executions are in the ledger already."""
    rows = await session.scalars(
        select(Fill.exec_id).where(Fill.connection_id == connection_id, Fill.exec_id.in_(exec_ids))
    )
    return set(rows)


async def fill_sums(
    session: AsyncSession, execution_id: UUID
) -> dict[UUID, tuple[Decimal, Decimal, Decimal]]:
    """Per order: quantity, value and fees of its fills; of the fees only those paid in the quote coin."""
    rows = await session.execute(
        select(
            Fill.order_id,
            func.sum(Fill.quantity),
            func.sum(Fill.quantity * Fill.price),
            func.sum(case((Fill.fee_asset == QUOTE, Fill.fee), else_=0)),
        )
        .join(Order, Order.id == Fill.order_id)
        .where(Order.execution_id == execution_id)
        .group_by(Fill.order_id)
    )
    return {
        order_id: (quantity, value, fee) for order_id, quantity, value, fee in rows if order_id is not None
    }


def record(session: AsyncSession, order: Order, event: Event, *, now: datetime, **detail: Any) -> None:
    """Move ``order`` along the table and keep the event, with the fencing number of whoever writes it.

    Raises:
        ImpossibleEvent: the table has no such row.
    """
    before = OrderState(order.state)
    after = step(before, event)
    order.state = after
    if after in FINAL and order.finished_at is None:
        order.finished_at = now
    if _FENCE in session.info:
        detail["fence"] = session.info[_FENCE]
    session.add(
        OrderEvent(order_id=order.id, event=event, from_state=before, to_state=after, detail=detail, at=now)
    )


async def was_not_known(session: AsyncSession, order: Order) -> bool:
    """Whether it was sent once, and the venue did not know it: it may still turn up."""
    found = await session.scalar(
        select(OrderEvent.id)
        .where(OrderEvent.order_id == order.id, OrderEvent.event == Event.NOT_KNOWN)
        .limit(1)
    )
    return found is not None


async def differs_since(session: AsyncSession, order_id: UUID) -> datetime | None:
    """Since when the order has waited because the books differ; ``None`` if they agreed when it was looked
    at last."""
    last = await session.scalar(
        select(OrderEvent).where(OrderEvent.order_id == order_id).order_by(OrderEvent.id.desc()).limit(1)
    )
    return last.at if last and last.event == Event.DIFFER else None


async def order_by_client_id(session: AsyncSession, connection_id: UUID, client_id: str) -> Order | None:
    return (
        await session.scalars(
            select(Order).where(Order.connection_id == connection_id, Order.client_id == client_id)
        )
    ).one_or_none()


async def orders_in_doubt(session: AsyncSession, connection_id: UUID) -> list[Order]:
    doubtful = (OrderState.SENT, OrderState.UNKNOWN, OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED)
    return list(
        await session.scalars(
            select(Order).where(Order.connection_id == connection_id, Order.state.in_(doubtful))
        )
    )


async def in_doubt_since(session: AsyncSession, execution_id: UUID) -> datetime | None:
    """When the first of the execution's orders whose outcome is open was sent; ``None`` if there is none."""
    sent: datetime | None = await session.scalar(
        select(func.min(Order.sent_at)).where(Order.execution_id == execution_id, Order.state.in_(IN_DOUBT))
    )
    return sent


async def doubtful_symbols(session: AsyncSession, connection_id: UUID) -> set[str]:
    """Symbols in which the books may be behind: an order is in doubt, or one has ended whose execution still
    waits for its fills."""
    booked = select(func.coalesce(func.sum(Fill.quantity), 0)).where(Fill.order_id == Order.id)
    unbooked = await session.scalars(
        select(Order.symbol)
        .join(Execution, Execution.id == Order.execution_id)
        .where(
            Execution.connection_id == connection_id,
            Execution.finished_at.is_(None),
            Order.state.in_(FINAL),
            Order.filled_quantity != booked.correlate(Order).scalar_subquery(),
        )
    )
    return {order.symbol for order in await orders_in_doubt(session, connection_id)} | set(unbooked)


async def lock_number(session: AsyncSession, connection_id: UUID) -> int:
    """The number of whoever has had the connection's lock last."""
    return await session.scalar(select(Connection.fence).where(Connection.id == connection_id)) or 0


async def users_execution(session: AsyncSession, user_id: UUID, execution_id: UUID) -> Execution:
    execution = await session.get(Execution, execution_id)
    if execution is None or execution.user_id != user_id:
        raise NotFound("There is no such execution.", advice="See the list of your executions.")
    return execution


async def plan_of(session: AsyncSession, execution: Execution) -> Plan:
    plan = await session.get(Plan, execution.plan_id)
    if plan is None:
        raise NotFound("The plan of this execution is missing.")
    return plan


async def executions_page(
    session: AsyncSession, user_id: UUID, *, limit: int, before: tuple[datetime, UUID] | None
) -> list[Execution]:
    query = select(Execution).where(Execution.user_id == user_id)
    if before:
        query = query.where(_older(Execution.created_at, Execution.id, before))
    return list(
        await session.scalars(query.order_by(Execution.created_at.desc(), Execution.id.desc()).limit(limit))
    )


async def orders_page(
    session: AsyncSession,
    user_id: UUID,
    *,
    limit: int,
    before: tuple[datetime, UUID] | None = None,
    position: UUID | None = None,
    symbol: str = "",
    state: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
) -> list[tuple[Order, str]]:
    """The user's orders, newest first, each with the id of its index."""
    query = (
        select(Order, Sleeve.index_id)
        .join(Sleeve, Sleeve.id == Order.sleeve_id)
        .where(Sleeve.user_id == user_id)
    )
    if position:
        query = query.where(Order.sleeve_id == position)
    if symbol:
        query = query.where(Order.symbol == symbol)
    if state:
        query = query.where(Order.state == state)
    if start:
        query = query.where(Order.created_at >= start)
    if end:
        query = query.where(Order.created_at < end)
    if before:
        query = query.where(_older(Order.created_at, Order.id, before))
    rows = await session.execute(query.order_by(Order.created_at.desc(), Order.id.desc()).limit(limit))
    return [(order, index_id) for order, index_id in rows]


async def users_order(session: AsyncSession, user_id: UUID, order_id: UUID) -> tuple[Order, str]:
    row = (
        await session.execute(
            select(Order, Sleeve.index_id)
            .join(Sleeve, Sleeve.id == Order.sleeve_id)
            .where(Order.id == order_id, Sleeve.user_id == user_id)
        )
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such order.", advice="See the list of your orders.")
    return row[0], row[1]


async def events_of(session: AsyncSession, order_id: UUID) -> list[OrderEvent]:
    return list(
        await session.scalars(
            select(OrderEvent).where(OrderEvent.order_id == order_id).order_by(OrderEvent.id)
        )
    )


async def unfinished_executions(session: AsyncSession) -> list[tuple[UUID, int]]:
    """Each with the fencing number of its last holder."""
    rows = await session.execute(select(Execution.id, Execution.fence).where(Execution.finished_at.is_(None)))
    return list(rows.tuples())


async def is_flattened(session: AsyncSession, execution: Execution) -> bool:
    """Whether everything its position owns is being closed now."""
    found = await session.scalar(
        select(Flatten.id).where(
            Flatten.user_id == execution.user_id,
            Flatten.finished_at.is_(None),
            or_(Flatten.sleeve_id.is_(None), Flatten.sleeve_id == execution.sleeve_id),
        )
    )
    return found is not None


async def halts_of(session: AsyncSession, connection_id: UUID, symbols: Sequence[str]) -> dict[str, str]:
    """Why which of these instruments are halted on a connection."""
    rows = await session.execute(
        select(Halt.symbol, Halt.reason).where(Halt.connection_id == connection_id, Halt.symbol.in_(symbols))
    )
    return dict(rows.tuples().all())


async def troubled_before(session: AsyncSession, execution: Execution) -> bool:
    """Whether the execution of the sleeve that last traded, before this one, left it half done."""
    last = await session.scalar(
        select(Execution.state)
        .where(
            Execution.sleeve_id == execution.sleeve_id,
            Execution.created_at < execution.created_at,
            Execution.state != "unwound",
        )
        .order_by(Execution.created_at.desc())
        .limit(1)
    )
    return last == STUCK_STATE


async def doubt_books(session: AsyncSession, connection_id: UUID, *, now: datetime) -> None:
    """Something may have happened on the account that nobody told us: reconcile before trading on it. Only a
    reading that begins after the last doubt clears it."""
    later = or_(Connection.unsure_since.is_(None), Connection.unsure_since < now)
    await session.execute(
        update(Connection).where(Connection.id == connection_id, later).values(unsure_since=now)
    )


async def set_sleeve_state(session: AsyncSession, sleeve_id: UUID, **values: Any) -> None:
    await session.execute(update(Sleeve).where(Sleeve.id == sleeve_id).values(**values))


def reduces(net: Decimal, side: Side, quantity: Decimal) -> bool:
    """Whether an order only reduces the account's net position: the one case in which the venue's own
    reduce-only guard fits, because it knows nothing of sleeves."""
    return net * side.sign < 0 and abs(net) >= quantity


def _older(at: Any, row_id: Any, before: tuple[datetime, UUID]) -> Any:
    return or_(at < before[0], and_(at == before[0], row_id < before[1]))
