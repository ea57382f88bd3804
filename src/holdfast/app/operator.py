"""What the operator of this machine can do for everybody on it, with as little of Holdfast as possible."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import distinct, select, text
from sqlalchemy.exc import SQLAlchemyError

from holdfast.app.handlers import HANDLERS
from holdfast.app.runner import JobRunner
from holdfast.execution.emergency import journal as emergency_journal
from holdfast.execution.emergency import offline as emergency
from holdfast.execution.emergency.log import at_work
from holdfast.execution.risk import flatten, gate_books, stop_file, stops
from holdfast.execution.risk.models import Flatten
from holdfast.execution.risk.schemas import NewFlatten
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.models import Job
from holdfast.platform.redis_client import open_redis
from holdfast.platform.settings import Settings
from holdfast.portfolio.models import Sleeve

DATABASE_SECONDS: Final = 5.0
WORKERS_SECONDS: Final = 20
_OUTAGES: Final = (SQLAlchemyError, OSError, TimeoutError)
_CARRIED: Final = ("execution.run", "execution.flatten")


@dataclass(slots=True)
class Report:
    """What was done and what was not, in words."""

    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def stop_path(settings: Settings) -> Path:
    return stop_file.path_of(settings)


def write_stop(settings: Settings, *, by: str, reason: str) -> None:
    stop_file.write(settings, since=SystemClock().now(), by=by, reason=reason)


def remove_stop(settings: Settings) -> bool:
    """Whether there was one. Raises OSError if it cannot be noted that it was removed on purpose."""
    return stop_file.remove(settings, now=SystemClock().now())


async def enter_stop(settings: Settings, *, resumed: bool = False) -> bool:
    """Make the database say what the stop file says. Whether it could be done."""
    database = Database(settings.database_url, pool_size=1)
    try:
        async with asyncio.timeout(DATABASE_SECONDS), database.transaction() as session:
            await stops.enter_file(session, settings, SystemClock().now(), resumed=resumed)
    except _OUTAGES:
        return False
    finally:
        await database.close()
    return True


async def stopped_elsewhere(settings: Settings, *, lift: bool) -> list[str] | None:
    """Where the stops of this installation come from that other machines' files have entered; ``None`` if
    PostgreSQL does not answer. ``lift``: and lift them; a machine whose file is still there stays stopped by
    that."""
    database = Database(settings.database_url, pool_size=1)
    try:
        async with asyncio.timeout(DATABASE_SECONDS), database.transaction() as session:
            rows = await stops.of_other_machines(session, settings)
            for row in rows if lift else ():
                row.lifted_at, row.lifted_by = SystemClock().now(), "the operator, from another machine"
            return [row.origin for row in rows]
    except _OUTAGES:
        return None
    finally:
        await database.close()


async def database_answers(settings: Settings) -> bool:
    """Whether PostgreSQL answers and takes what is written: only then is there anything to do with it."""
    database = Database(settings.database_url, pool_size=1)
    try:
        async with asyncio.timeout(DATABASE_SECONDS), database.transaction() as session:
            await session.execute(text("CREATE TEMPORARY TABLE probe (one integer) ON COMMIT DROP"))
    except _OUTAGES:
        return False
    finally:
        await database.close()
    return True


async def flatten_everybody(settings: Settings, *, by: str, seconds: float) -> Report | None:
    """Close what everybody's positions own. Carries the jobs out in this process as well, so it needs neither
    a worker nor Redis; a lease keeps two from doing the same. ``None``: PostgreSQL does not answer."""
    database = Database(settings.database_url, pool_size=3)
    redis = open_redis(settings.redis_url)
    clock = SystemClock()
    runner = JobRunner(HANDLERS, database, redis, settings, clock, asyncio.Event())
    try:
        try:
            ids = await _begin(database, by=by)
        except _OUTAGES:
            return None
        deadline = clock.now() + timedelta(seconds=seconds)
        while await _running(database, ids) and clock.now() < deadline:
            await _carry_jobs(database, runner)
            await asyncio.sleep(0.2)
        return await _report(database, ids)
    finally:
        for service in runner.services.values():
            if hasattr(service, "close"):
                await service.close()
        await redis.aclose()
        await database.close()


async def flatten_offline(settings: Settings, *, say: Callable[[str], None], position: str | None) -> Report:
    """Close what the journals of this machine say positions own, at the venue and nowhere else. ``position``:
    only the one whose id begins so."""
    report = Report()
    journals, problems = emergency_journal.read_all(settings)
    report.failed += problems
    only = None
    if position is not None:
        owners = {owner for journal in journals for owner in journal.owned}
        found = [owner for owner in owners if str(owner).startswith(position)]
        if len(found) != 1:
            report.failed.append(
                f"No single position in the journals begins with {position}. Nothing was closed."
            )
            return report
        only = found[0]
        journals = [journal for journal in journals if only in journal.owned]
    if not journals and not problems:
        report.failed.append(
            f"There is no journal in {emergency_journal.directory(settings)}: run this on the worker's "
            "machine, with its HOLDFAST_HOME."
        )
    with suppress(TimeoutError):
        await _close_journals(settings, journals, only, report, say)
    return report


async def _close_journals(
    settings: Settings,
    journals: list[emergency_journal.Journal],
    only: UUID | None,
    report: Report,
    say: Callable[[str], None],
) -> None:
    clock = SystemClock()
    for second in range(WORKERS_SECONDS):
        with at_work(settings, alone=True) as alone:
            if not alone and second < WORKERS_SECONDS - 1:
                if second == 0:
                    say("A worker of this machine is in the middle of something; waiting for it …")
                await asyncio.sleep(1)
                continue
            if not alone:
                report.failed.append(
                    "A worker of this machine does not let go. Stop the worker processes and run this again."
                )
                return
            open_venue = emergency.venue_opener(settings, clock)
            outcomes = await asyncio.gather(
                *(
                    emergency.flatten_connection(
                        journal, settings, clock, say=say, open_venue=open_venue, only=only
                    )
                    for journal in journals
                )
            )
            for outcome in outcomes:
                report.done += outcome.done
                report.failed += outcome.failed
            return


async def _begin(database: Database, *, by: str) -> list[UUID]:
    """A flattening for everybody who has a position. Each beginning has its own time, however many there are.

    Raises:
        SQLAlchemyError, OSError, TimeoutError: PostgreSQL does not answer.
    """
    now = SystemClock().now()
    async with asyncio.timeout(DATABASE_SECONDS), database.transaction() as session:
        users = list(
            await session.scalars(
                select(distinct(Sleeve.user_id)).where(Sleeve.state.not_in(gate_books.OVER))
            )
        )
    ids = []
    for user_id in users:
        async with asyncio.timeout(DATABASE_SECONDS), database.transaction() as session:
            view = await flatten.start(session, user_id, NewFlatten(scope="user"), by=by, now=now)
            ids.append(view.id)
    return ids


async def _running(database: Database, ids: list[UUID]) -> bool:
    async with database.sessions() as session:
        open_one = select(Flatten.id).where(Flatten.id.in_(ids), Flatten.finished_at.is_(None)).limit(1)
        return await session.scalar(open_one) is not None


async def _carry_jobs(database: Database, runner: JobRunner) -> None:
    now = SystemClock().now()
    async with database.sessions() as session:
        due = list(
            await session.scalars(
                select(Job.id)
                .where(Job.kind.in_(_CARRIED), Job.finished_at.is_(None), Job.run_at <= now)
                .order_by(Job.run_at)
                .limit(20)
            )
        )
    for job_id in due:
        await runner.run(job_id)


async def _report(database: Database, ids: list[UUID]) -> Report:
    report = Report()
    async with database.sessions() as session:
        for flatten_id in ids:
            row = await session.get_one(Flatten, flatten_id)
            view = await flatten.users_flatten(session, row.user_id, flatten_id)
            for one in view.positions:
                line = f"position {str(one.position_id)[:8]}: {one.text or one.state}"
                (report.done if one.state == "done" else report.failed).append(line)
    return report
