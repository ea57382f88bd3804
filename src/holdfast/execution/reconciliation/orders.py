"""Orders at the venue against our rows: none may rest for nobody, and none may be forgotten."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import String, cast, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.execution import intake, repository
from holdfast.execution.answers import ask_about
from holdfast.execution.ids import is_ours
from holdfast.execution.incidents import incidents, words
from holdfast.execution.models import Execution, Order
from holdfast.execution.orders import FINAL
from holdfast.platform.jobs import enqueue
from holdfast.platform.models import Job
from holdfast.platform.tasks import Work
from holdfast.venues.protocol import (
    KeyRefused,
    OrderReport,
    OrderStatus,
    OutcomeUnknown,
    Rejected,
    TradingVenue,
)

log = structlog.get_logger(__name__)

WAKE_AFTER: Final = timedelta(seconds=5)

Own = Callable[[AsyncSession], Awaitable[Connection]]
"""The connection, held until the transaction ends; raises ``LeaseLost`` if it is not ours to write about."""


async def mend_orders(work: Work, door: TradingVenue, connection_id: UUID, own: Own) -> None:
    """Cancel orders of ours that rest while no execution waits for them; ask about orders in doubt whose
    execution has ended; and see to it that every execution that has not ended is carried on.

    Raises:
        Unreachable, KeyRefused, RateLimited: as the venue answers.
    """
    resting = [report for report in await door.open_orders() if is_ours(report.client_id)]
    async with work.database.sessions() as session:
        known = await _orders_by_client_id(session, connection_id, [r.client_id for r in resting])
        forgotten = await _doubtful_and_ended(session, connection_id)
    for report in resting:
        order = known.get(report.client_id)
        if order is None or await _is_over(work, order):
            await _cancel_stray(work, door, report, order, own)
    for order in forgotten:
        await _ask(work, door, order, own)
    async with work.database.transaction() as session:
        await own(session)
        for execution_id, fence in await _without_job(session, connection_id):
            now, name = work.clock.now(), str(execution_id)
            await enqueue(session, "execution.run", name, now=now, run_at=now + WAKE_AFTER, fence=fence)


async def _cancel_stray(
    work: Work, door: TradingVenue, report: OrderReport, order: Order | None, own: Own
) -> None:
    """The list of open orders may be late: what has ended by itself is nothing to warn of."""
    now_at_venue = await door.find_order(report.symbol, report.client_id)
    if now_at_venue and now_at_venue.status is not OrderStatus.OPEN:
        if order is not None:
            await _ask(work, door, order, own)
        return
    try:
        await door.cancel(report.symbol, report.client_id)
    except Rejected as error:
        log.info("a stray order had ended", client_id=report.client_id, reason=str(error))
        if order is not None:
            await _ask(work, door, order, own)
        return
    except (OutcomeUnknown, KeyRefused) as error:
        log.warning("a stray order may still rest", client_id=report.client_id, reason=str(error))
        return  # the next reconciliation sees whether it does
    log.warning("a stray order was cancelled", client_id=report.client_id, symbol=report.symbol)
    told = await _ask(work, door, order, own) if order is not None else None
    ended = told or now_at_venue or report
    async with work.database.transaction() as session:
        connection = await own(session)
        await incidents.note(
            session,
            words.stray_order(report.symbol, report.client_id, ended.filled_quantity),
            user_id=connection.user_id,
            connection_id=connection.id,
            reference=f"stray:{report.client_id}",
            at=report.updated_at,
            settled_at=work.clock.now(),
        )


async def _ask(work: Work, door: TradingVenue, order: Order, own: Own) -> OrderReport | None:
    """Whatever the venue says of the order now. Its fills are booked with the others, from the history."""
    answer = await ask_about(door, order, work.clock.now())
    if answer.error:
        raise answer.error
    if answer.report is None:
        return None
    async with work.database.transaction() as session:
        await own(session)
        found = await intake.own_order(session, order.connection_id, order.client_id)
        if found:
            await intake.take_report(
                session, found, answer.report, now=work.clock.now(), source="reconciliation"
            )
    return answer.report


async def _is_over(work: Work, order: Order) -> bool:
    """Whether nobody waits for the order any more."""
    async with work.database.sessions() as session:
        execution = await session.get_one(Execution, order.execution_id)
    return execution.finished_at is not None or order.state in FINAL


async def _orders_by_client_id(
    session: AsyncSession, connection_id: UUID, names: list[str]
) -> dict[str, Order]:
    rows = await session.scalars(
        select(Order).where(Order.connection_id == connection_id, Order.client_id.in_(names))
    )
    return {order.client_id: order for order in rows}


async def _doubtful_and_ended(session: AsyncSession, connection_id: UUID) -> list[Order]:
    doubtful = await repository.orders_in_doubt(session, connection_id)
    ended = set(
        await session.scalars(
            select(Execution.id).where(
                Execution.id.in_({order.execution_id for order in doubtful}),
                Execution.finished_at.is_not(None),
            )
        )
    )
    return [order for order in doubtful if order.execution_id in ended]


async def _without_job(session: AsyncSession, connection_id: UUID) -> list[tuple[UUID, int]]:
    """Executions that have not ended and that no job will carry on, with the number of their last holder."""
    job = exists().where(
        Job.kind == "execution.run", Job.subject == cast(Execution.id, String), Job.finished_at.is_(None)
    )
    rows = await session.execute(
        select(Execution.id, Execution.fence).where(
            Execution.connection_id == connection_id, Execution.finished_at.is_(None), ~job
        )
    )
    return list(rows.tuples())
