"""The one way in which anything the venue says about an order of ours reaches its row, whoever heard it.

Whoever writes an order holds its execution's row: the executor by its fencing number, everybody else through
``own_order``. Everything may be repeated.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.execution import repository
from holdfast.execution.fold import Known, after_fill, after_not_known, after_placement, after_report
from holdfast.execution.ids import is_ours
from holdfast.execution.models import Execution, Order
from holdfast.execution.orders import OrderEvent, OrderState
from holdfast.portfolio.booking import book_fill
from holdfast.portfolio.models import Fill
from holdfast.venues.protocol import FillReport, OrderReport, Placement

log = structlog.get_logger(__name__)

_Sums = tuple[Decimal, Decimal]
_SUMS: Final = "execution.fill_sums"


async def own_order(session: AsyncSession, connection_id: UUID, client_id: str) -> Order | None:
    """Our order by its client id, as it is now, with its execution locked until the transaction ends;
    ``None`` if it is not ours."""
    if not is_ours(client_id):
        return None
    found = await repository.order_by_client_id(session, connection_id, client_id)
    if found is None:
        return None
    await session.get_one(Execution, found.execution_id, with_for_update=True, populate_existing=True)
    await session.refresh(found)
    return found


async def take_report(
    session: AsyncSession, order: Order, report: OrderReport, *, now: datetime, source: str = "answer"
) -> bool:
    """Take in an order report. Returns whether it said anything new."""
    before = await _known(session, order)
    after, event = after_report(before, report)
    order.acknowledged_at = order.acknowledged_at or now
    if after == before:
        return False
    _write(
        session,
        order,
        before,
        after,
        event,
        now=now,
        source=source,
        filled=str(after.filled),
        reason=report.reason,
    )
    return True


async def take_fill(
    session: AsyncSession, order: Order, fill: FillReport, *, now: datetime, source: str = "answer"
) -> bool:
    """Book one execution of ``order``, once. An execution that had ended is opened to attention again."""
    before = await _known(session, order)
    owner = (order.id, order.sleeve_id)
    with session.no_autoflush:
        new = await book_fill(session, connection_id=order.connection_id, report=fill, order=owner, now=now)
    if not new:
        return False
    after, event = after_fill(before, fill)
    session.info[_SUMS][order.execution_id][order.id] = (after.booked, after.booked_value)
    order.acknowledged_at = order.acknowledged_at or now
    if (after.state, after.filled) == (before.state, before.filled):
        _copy(order, after)
    else:
        _write(session, order, before, after, event, now=now, source=source, filled=str(after.filled))
    await _reopen_if_ended(session, order)
    return True


async def take_fills(
    session: AsyncSession, order: Order, fills: Sequence[FillReport], *, now: datetime, source: str = "answer"
) -> bool:
    """Several executions of ``order``. Returns whether any was new."""
    new = [await take_fill(session, order, fill, now=now, source=source) for fill in fills]
    return any(new)


async def take_placement(session: AsyncSession, order: Order, placement: Placement, *, now: datetime) -> None:
    """Take in the venue's first answer to a create."""
    before = await _known(session, order)
    after, event = after_placement(before, placement)
    if event is None or after == before:
        return
    if event is OrderEvent.ACKNOWLEDGE:
        order.acknowledged_at = order.acknowledged_at or now
    if event is OrderEvent.AMBIGUOUS:
        order.sent_at = now
    if event is OrderEvent.WITHHELD and not await repository.was_not_known(session, order):
        order.sent_at = None
    error = placement.error
    detail = {"code": error.code, "message": str(error)} if error else {}
    _write(session, order, before, after, event, now=now, source="answer", **detail)


async def take_not_known(session: AsyncSession, order: Order, *, now: datetime) -> bool:
    """The venue does not know the order. Whether that can be believed already is the caller's to judge."""
    before = await _known(session, order)
    after, event = after_not_known(before)
    if event is None:
        return False
    _write(session, order, before, after, event, now=now, source="answer")
    return True


async def _known(session: AsyncSession, order: Order) -> Known:
    booked, value = await _booked(session, order)
    return Known(
        state=OrderState(order.state),
        quantity=order.quantity,
        filled=order.filled_quantity,
        average_price=order.average_price,
        booked=booked,
        booked_value=value,
        venue_order_id=order.venue_order_id,
        reject_code=order.reject_code,
        reject_reason=order.reject_reason,
    )


async def _booked(session: AsyncSession, order: Order) -> _Sums:
    """Quantity and value of the order's fills, read once per transaction for all orders of its execution:
    nobody else can add to them while its row is held."""
    executions: dict[UUID, dict[UUID, _Sums]] = session.info.setdefault(_SUMS, {})
    if order.execution_id not in executions:
        executions[order.execution_id] = await _sums_of(session, order.execution_id)
    return executions[order.execution_id].get(order.id, (Decimal(0), Decimal(0)))


async def _sums_of(session: AsyncSession, execution_id: UUID) -> dict[UUID, _Sums]:
    with session.no_autoflush:
        rows = await session.execute(
            select(Fill.order_id, func.sum(Fill.quantity), func.sum(Fill.quantity * Fill.price))
            .join(Order, Order.id == Fill.order_id)
            .where(Order.execution_id == execution_id)
            .group_by(Fill.order_id)
        )
    return {order_id: (booked, value) for order_id, booked, value in rows if order_id is not None}


def _write(
    session: AsyncSession,
    order: Order,
    before: Known,
    after: Known,
    event: OrderEvent,
    *,
    now: datetime,
    **detail: str,
) -> None:
    repository.record(session, order, event, now=now, **detail)
    if order.state != after.state:
        raise AssertionError(f"the fold and the table disagree: {asdict(before)} {event} {order.state}")
    _copy(order, after)


def _copy(order: Order, known: Known) -> None:
    order.filled_quantity = known.filled
    order.average_price = known.average_price
    order.venue_order_id = known.venue_order_id
    order.reject_code = known.reject_code
    order.reject_reason = known.reject_reason


async def _reopen_if_ended(session: AsyncSession, order: Order) -> None:
    """A fill after the end left something in a position that was thought to be over, or of known size."""
    execution = await session.get_one(Execution, order.execution_id)
    if execution.finished_at is None:
        return
    execution.state = repository.STUCK_STATE
    execution.reason = (
        f"Bybit told of a trade in {order.symbol} only after this had ended. Look at the position: it holds "
        "what was traded, and you can close it."
    )
    await repository.set_sleeve_state(session, order.sleeve_id, state=repository.STUCK_STATE, closed_at=None)
    log.warning("a fill came after the end", execution=str(execution.id), symbol=order.symbol)
