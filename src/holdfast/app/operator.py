"""What the operator of this machine can do for everybody on it, with as little of Holdfast as possible."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import String, cast, func, or_, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import User
from holdfast.core.errors import NotFound, Unavailable
from holdfast.execution.emergency import journal as emergency_journal
from holdfast.execution.emergency import offline as emergency
from holdfast.execution.emergency.log import at_work
from holdfast.execution.risk import gate_books, stop_file, stops
from holdfast.execution.risk.models import Stop
from holdfast.execution.risk.schemas import LONGEST_REASON, NewStop
from holdfast.platform.background import cancel
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import LONGEST_SILENCE, Database
from holdfast.platform.settings import Settings

DATABASE_SECONDS: Final = 5.0
LOCKED_SECONDS: Final = 20.0
"""How long what needs a user's locks may take while PostgreSQL answers: longer than a worker holds them that
froze in the middle of sending (``LONGEST_SILENCE``)."""
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


@asynccontextmanager
async def _transaction(settings: Settings, seconds: float = DATABASE_SECONDS) -> AsyncIterator[AsyncSession]:
    """One transaction of this process, the only one it has, for at most ``seconds``.

    Raises:
        SQLAlchemyError, OSError, TimeoutError: PostgreSQL does not answer.
    """
    database = Database(settings.database_url, pool_size=1, idle_seconds=LONGEST_SILENCE)
    try:
        async with asyncio.timeout(seconds), database.transaction() as session:
            yield session
    finally:
        await database.close()


async def enter_stop(settings: Settings, *, resumed: bool = False) -> bool:
    """Make the database say what the stop file says. Whether it could be done."""
    try:
        async with _transaction(settings) as session:
            await stops.enter_file(session, settings, SystemClock().now(), resumed=resumed)
    except OUTAGES:
        return False
    return True


async def stopped_elsewhere(settings: Settings, *, lift: bool) -> list[str] | None:
    """Where the stops of this installation come from that other machines' files have entered; ``None`` if
    PostgreSQL does not answer. ``lift``: and lift them; a machine whose file is still there stays stopped by
    that."""
    try:
        async with _transaction(settings) as session:
            rows = await stops.of_other_machines(session, settings)
            for row in rows if lift else ():
                row.lifted_at, row.lifted_by = SystemClock().now(), "the operator, from another machine"
            return [row.origin for row in rows]
    except OUTAGES:
        return None


async def stop_user(settings: Settings, *, user: str, by: str, reason: str) -> str:
    """Stop new risk of one user, with the database alone. ``user``: address or id.

    Returns:
        What holds now, in words.

    Raises:
        NotFound: there is no such user.
        Unavailable: PostgreSQL does not answer, or somebody else holds what is theirs.
    """
    now, wanted = SystemClock().now(), NewStop(scope="user", reason=reason[:LONGEST_REASON])
    row = await _stop_patiently(settings, user, wanted, by, now)
    with suppress(*OUTAGES):
        async with _transaction(settings) as session:
            await stops.hurry(session, await _user_id(session, user), None, now=now)
    why = f": {row.reason}" if row.reason else ""
    return f"All new trading of {user} is stopped since {row.since:%Y-%m-%d %H:%M} UTC by {row.by}{why}."


async def _stop_patiently(settings: Settings, user: str, wanted: NewStop, by: str, now: datetime) -> Stop:
    """Once more if it took too long or was not confirmed: a stop that was kept all the same is found then.
    Raises as ``stop_user``."""
    for seconds in (DATABASE_SECONDS, LOCKED_SECONDS):
        try:
            async with _transaction(settings, seconds) as session:
                return await stops.stop(session, await _user_id(session, user), wanted, by=by, now=now)
        except OUTAGES as error:
            if not await database_answers(settings):
                raise Unavailable(
                    "PostgreSQL does not answer: take it that nothing is stopped.",
                    advice="`holdfast stop --all` on the worker's machine needs no database.",
                ) from error
    raise Unavailable(
        f"What belongs to {user} is held by somebody else: take it that nothing is stopped.",
        advice="Run this again. `holdfast stop --all` on the worker's machine waits for nobody.",
    )


async def resume_user(settings: Settings, *, user: str) -> str:
    """Lift the stop of one user, whoever has stopped them.

    Returns:
        What was done, in words.

    Raises:
        NotFound: there is no such user.
        Conflict: everything of theirs is being closed under it.
        Unavailable: PostgreSQL does not answer.
    """
    try:
        async with _transaction(settings) as session:
            user_id = await _user_id(session, user)
            mine = [row for row in await stops.in_force(session, user_id) if row.scope == "user"]
            for row in mine:
                await stops.lift(session, user_id, row.id, by=stops.BY_THE_OPERATOR, now=SystemClock().now())
    except OUTAGES as error:
        raise _no_database() from error
    return f"The stop of {user} is lifted." if mine else f"{user} was not stopped."


async def count_peak_anew(settings: Settings, *, user: str) -> str:
    """Measure the installation's drawdown limit of one user from today's value. ``user``: address or id.

    Returns:
        What was done, in words.

    Raises:
        NotFound: there is no such user, or nothing was seen of their account yet.
        Unavailable: PostgreSQL does not answer.
    """
    try:
        async with _transaction(settings) as session:
            user_id = await _user_id(session, user)
            value = await gate_books.count_operators_peak_anew(session, user_id, now=SystemClock().now())
            if value is None:
                raise NotFound(f"Nothing was seen of the account of {user} yet.", advice="Try again later.")
            return f"The drawdown of {user} is counted from {value:,.2f} USDT now."
    except OUTAGES as error:
        raise _no_database() from error


async def _user_id(session: AsyncSession, user: str) -> UUID:
    named = or_(func.lower(User.email) == user.lower(), cast(User.id, String) == user.lower())
    user_id = await session.scalar(select(User.id).where(named))
    if user_id is None:
        raise NotFound(f"There is no user {user}.", advice="Name their e-mail address or id.")
    return user_id


def _no_database() -> Unavailable:
    return Unavailable("PostgreSQL does not answer.", advice="Start it, and run this again.")


async def database_answers(settings: Settings) -> bool:
    """Whether PostgreSQL answers and takes what is written: only then is there anything to do with it."""
    try:
        async with _transaction(settings) as session:
            await session.execute(text("CREATE TEMPORARY TABLE probe (one integer) ON COMMIT DROP"))
    except OUTAGES:
        return False
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
