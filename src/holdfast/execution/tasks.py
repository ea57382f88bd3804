"""Background handlers: carrying out plans, and keeping the books equal to the venue's."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.doors import open_door
from holdfast.accounts.models import Connection
from holdfast.accounts.vault import VaultBroken
from holdfast.core.errors import InvalidInput, NotFound
from holdfast.execution import repository
from holdfast.execution.asking import PATIENCE
from holdfast.execution.emergency import books as emergency_books
from holdfast.execution.emergency import journal as emergency_journal
from holdfast.execution.emergency.log import at_work
from holdfast.execution.executor import Executor
from holdfast.execution.incidents.account import KEY_KINDS, key_conditions
from holdfast.execution.incidents.incidents import hold, settle_all
from holdfast.execution.locks import connection_lock
from holdfast.execution.models import Execution
from holdfast.execution.progress import publish
from holdfast.execution.reconciliation.reconcile import ensure_reconciled, reconcile_connection
from holdfast.execution.risk import flatten, gate, stops
from holdfast.execution.trail.trail import following
from holdfast.platform.jobs import LeaseLost, enqueue
from holdfast.platform.tasks import Handler, RetryAt, RunAgainIn, Work
from holdfast.venues.protocol import KeyRefused, RateLimited, Unreachable, VenueError

log = structlog.get_logger(__name__)

RECONCILE_EVERY = 60.0
REQUESTS = 10
"""What one reconciliation asks for."""
REQUESTS_A_SECOND = 38.0
"""Half of what leaves by one address at most."""
LOCK_PATIENCE = 3.0
"""Seconds an execution waits for a reconciliation under way, which takes a fraction of that."""
IN_LINE = "Another execution or a reconciliation is under way on this connection."
NOT_BOOKED = "What was flattened offline is not in the books yet."
OPEN_OUTCOME = "What became of an order is not known, and the books could not be compared with the account:"
STUMBLED = "Something went wrong on our side while this was carried out. Holdfast keeps trying."
WATCHED = ("active", "watch_only", "failing")


async def run_execution(work: Work) -> None:
    """Carry out, or go on carrying out, one execution."""
    execution_id = UUID(work.lease.subject)
    async with work.database.sessions() as session:
        execution = await session.get(Execution, execution_id)
    if execution is None or execution.finished_at:
        return
    await stops.follow_file(work)
    with at_work(work.settings, alone=False) as allowed:
        if not allowed:
            raise RetryAt(5, "everything is being flattened offline on this machine")
        async with (
            following(work, execution_id),
            connection_lock(work.database, execution.connection_id, patience=LOCK_PATIENCE) as taken,
        ):
            if not taken:
                await Executor(work, execution_id).waits_to_start(IN_LINE)
                raise RetryAt(0.5, IN_LINE)
            executor = Executor(work, execution_id, lock=taken)
            await _catch_up(work, execution, executor, taken)
            try:
                await _carry_out(work, executor)
            finally:
                await emergency_journal.keep(work, execution.connection_id)


async def _catch_up(work: Work, execution: Execution, executor: Executor, fence: int) -> None:
    """An execution that goes on trades on books that were compared lately, too, as far as they tell who holds
    what. With an order in doubt it waits for that, and after an offline flattening until the books have all
    there is.

    Raises:
        RetryAt: it waits.
    """
    flattened = await emergency_books.needs_books(work, execution.connection_id)
    if execution.started_at is None and not flattened:
        return
    reason = await _compare_books(work, execution.connection_id, fence)
    if flattened:
        await emergency_books.mark_booked(work, execution.connection_id)
        if await emergency_books.needs_books(work, execution.connection_id):
            await executor.waits_to_start(NOT_BOOKED)
            raise RetryAt(5, NOT_BOOKED)
    if not reason:
        return
    log.info("the books could not be compared before going on", reason=reason)
    async with work.database.sessions() as session:
        since = await repository.in_doubt_since(session, execution.id)
    if since is not None:
        said = f"{OPEN_OUTCOME} {reason}"
        if work.clock.now() - since > PATIENCE:
            await executor.needs_attention(f"{said} Holdfast keeps trying.")
        raise RetryAt(5, said)


async def _compare_books(work: Work, connection_id: UUID, fence: int) -> str:
    """Why the books could not be compared, in words; "" if they were."""
    try:
        door = await open_door(work, connection_id)
        await ensure_reconciled(work, door, connection_id, fence=fence, holdings_only=True)
    except (VenueError, VaultBroken, NotFound, InvalidInput, RetryAt) as error:
        return str(error)
    return ""


async def _carry_out(work: Work, executor: Executor) -> None:
    """Run it; an accident that comes again is shown, because the position may stand half done."""
    try:
        await executor.run()
    except (RetryAt, LeaseLost):
        raise
    except Exception:
        if work.lease.attempts > 1:
            with suppress(SQLAlchemyError, OSError):
                await executor.needs_attention(STUMBLED)
        raise


async def reconcile(work: Work) -> None:
    """Reconcile one connection, and again a minute later (longer with many) for as long as it exists."""
    connection_id = UUID(work.lease.subject)
    connection = await _review_key(work, connection_id)
    if connection is None:
        await emergency_journal.keep(work, connection_id)
        return
    if connection.state not in WATCHED:
        return
    await stops.follow_file(work)
    async with connection_lock(work.database, connection_id) as fence:
        if not fence:
            raise RetryAt(1, "an execution is under way on this connection")
        await _reconcile(work, connection, fence)
        await emergency_books.mark_booked(work, connection_id)
        await emergency_journal.keep(work, connection_id)
    await gate.keep_marks(work, connection.user_id)
    await publish(work, connection.user_id, "positions", {"changed": True})
    raise RunAgainIn(await _pause_between(work))


async def _review_key(work: Work, connection_id: UUID) -> Connection | None:
    """Tell what the last check found out about the key; ``None`` once the connection is deleted."""
    now = work.clock.now()
    async with work.database.transaction() as session:
        connection = await session.get(Connection, connection_id, with_for_update={"key_share": True})
        if connection is None:
            return None
        deleted = connection.deleted_at is not None
        if deleted:
            await settle_all(session, connection_id, now=now)
        present = {} if deleted else key_conditions(connection, now=now)
        changed = await hold(session, connection, KEY_KINDS, present, now=now)
    if changed or deleted:
        await publish(work, connection.user_id, "incidents", {"changed": True})
    return None if deleted else connection


async def _reconcile(work: Work, connection: Connection, fence: int) -> None:
    try:
        door = await open_door(work, connection.id)
        await reconcile_connection(work, door, connection.id, fence=fence)
    except KeyRefused as error:
        log.warning("key refused", connection=str(connection.id), reason=str(error))
        if connection.state == "failing":  # known, and tried again by the check itself
            return
        async with work.database.transaction() as session:
            await enqueue(session, "accounts.check_connection", str(connection.id), now=work.clock.now())
    except RateLimited as error:
        raise RetryAt(10, f"waiting for the rate limit: {error}") from error
    except Unreachable as error:
        async with work.database.transaction() as session:
            await repository.doubt_books(session, connection.id, now=work.clock.now())
        raise RetryAt(10, f"Bybit does not answer: {error}") from error
    except LeaseLost as error:
        raise RetryAt(1, str(error)) from error


async def _pause_between(work: Work) -> float:
    """Seconds until the next reconciliation: all connections together take at most half of what may
    leave by one address. In between the account streams tell."""
    living = select(func.count()).where(Connection.deleted_at.is_(None), Connection.state.in_(WATCHED))
    async with work.database.sessions() as session:
        connections = await session.scalar(living) or 0
    return max(RECONCILE_EVERY, connections * REQUESTS / REQUESTS_A_SECOND)


async def ensure_jobs(session: AsyncSession, now: datetime) -> None:
    """At start: every unfinished execution, every flattening and every connection has its job."""
    await flatten.ensure_jobs(session, now)
    for execution_id, fence in await repository.unfinished_executions(session):
        await enqueue(session, "execution.run", str(execution_id), now=now, fence=fence)
    living = select(Connection.id).where(Connection.deleted_at.is_(None), Connection.state.in_(WATCHED))
    for connection_id in await session.scalars(living):
        await enqueue(session, "execution.reconcile", str(connection_id), now=now)


HANDLERS: dict[str, Handler] = {
    "execution.run": run_execution,
    "execution.reconcile": reconcile,
    flatten.JOB: flatten.run,
}
