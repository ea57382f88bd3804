"""What the operator of this machine can do for everybody on it, with as little of Holdfast as possible."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import String, cast, func, or_, select, text
from sqlalchemy.exc import SQLAlchemyError

from holdfast.accounts.models import User
from holdfast.core.errors import NotFound, Unavailable
from holdfast.execution.emergency import journal as emergency_journal
from holdfast.execution.emergency import offline as emergency
from holdfast.execution.emergency.log import at_work
from holdfast.execution.risk import gate_books, stop_file, stops
from holdfast.platform.background import cancel
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings

DATABASE_SECONDS: Final = 5.0
WATCH_SECONDS: Final = 1.0
WORKERS_SECONDS: Final = 20
OUTAGES: Final = (SQLAlchemyError, OSError, TimeoutError)


@dataclass(slots=True)
class Report:
    """What was done and what was not, in words. ``lost``: PostgreSQL went away before it could be said."""

    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    lost: bool = False


def stop_path(settings: Settings) -> Path:
    return stop_file.path_of(settings)


def write_stop(settings: Settings, *, by: str, reason: str) -> str:
    """What is said where everything was stopped already, and that reason stands; "" where it was not.

    Raises:
        OSError: no file can be made.
    """
    found = stop_file.write(settings, since=SystemClock().now(), by=by, reason=reason)
    if found is None:
        return ""
    who = f" by {found.by}" if found.by else ""
    since = f" since {found.since:%Y-%m-%d %H:%M} UTC" if found.since else ""
    return f"It was stopped already{who}{since}, and that reason stands: {found.reason or 'none was given'}."


def remove_stop(settings: Settings) -> bool:
    """Whether there was one. Raises OSError if it cannot be noted that it was removed on purpose."""
    return stop_file.remove(settings, now=SystemClock().now())


async def enter_stop(settings: Settings, *, resumed: bool = False) -> bool:
    """Make the database say what the stop file says. Whether it could be done."""
    database = Database(settings.database_url, pool_size=1)
    try:
        async with asyncio.timeout(DATABASE_SECONDS), database.transaction() as session:
            await stops.enter_file(session, settings, SystemClock().now(), resumed=resumed)
    except OUTAGES:
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
    except OUTAGES:
        return None
    finally:
        await database.close()


async def count_peak_anew(settings: Settings, *, user: str) -> str:
    """Measure the installation's drawdown limit of one user from today's value. ``user``: address or id.

    Returns:
        What was done, in words.

    Raises:
        NotFound: there is no such user, or nothing was seen of their account yet.
        Unavailable: PostgreSQL does not answer.
    """
    clock, database = SystemClock(), Database(settings.database_url, pool_size=1)
    try:
        async with asyncio.timeout(DATABASE_SECONDS), database.transaction() as session:
            named = or_(func.lower(User.email) == user.lower(), cast(User.id, String) == user.lower())
            user_id = await session.scalar(select(User.id).where(named))
            if user_id is None:
                raise NotFound(f"There is no user {user}.", advice="Name their e-mail address or id.")
            value = await gate_books.count_operators_peak_anew(session, user_id, now=clock.now())
            if value is None:
                raise NotFound(f"Nothing was seen of the account of {user} yet.", advice="Try again later.")
            return f"The drawdown of {user} is counted from {value:,.2f} USDT now."
    except OUTAGES as error:
        raise Unavailable("PostgreSQL does not answer.", advice="Start it, and run this again.") from error
    finally:
        await database.close()


async def database_answers(settings: Settings) -> bool:
    """Whether PostgreSQL answers and takes what is written: only then is there anything to do with it."""
    database = Database(settings.database_url, pool_size=1)
    try:
        async with asyncio.timeout(DATABASE_SECONDS), database.transaction() as session:
            await session.execute(text("CREATE TEMPORARY TABLE probe (one integer) ON COMMIT DROP"))
    except OUTAGES:
        return False
    finally:
        await database.close()
    return True


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
    try:
        await _close_journals(settings, journals, only, report, say)
    except OSError as error:
        report.failed.append(f"This machine does not let it be done ({error}). See what is left at Bybit.")
    return report


@asynccontextmanager
async def _database_watched(settings: Settings) -> AsyncIterator[asyncio.Event]:
    """An event that is set once PostgreSQL answers again: from then on the workers of all machines close as
    well, and one hand is enough."""
    back = asyncio.Event()

    async def watch() -> None:
        while not back.is_set():
            if await database_answers(settings):
                back.set()
            await asyncio.sleep(WATCH_SECONDS)

    watching = [asyncio.create_task(watch())] if settings.database_url else []
    try:
        yield back
    finally:
        await cancel(watching)


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
            async with _database_watched(settings) as back:
                outcomes = await asyncio.gather(
                    *(
                        emergency.flatten_connection(
                            journal,
                            settings,
                            clock,
                            say=say,
                            open_venue=open_venue,
                            only=only,
                            is_over=back.is_set,
                        )
                        for journal in journals
                    )
                )
            for outcome in outcomes:
                report.done += outcome.done
                report.failed += outcome.failed
            return
