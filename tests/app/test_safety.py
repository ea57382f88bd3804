"""The operator's commands with as little of Holdfast as there can be: a directory, and then a database."""

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.execution.conftest import NOW, Desk, connection_row, desk, desk_clock
from tests.execution.test_executor import opened
from tests.execution.test_flatten import Hand, hand, nets
from typer.testing import CliRunner

from holdfast.accounts.models import User
from holdfast.app import everybody, operator
from holdfast.app.cli.main import app
from holdfast.core.errors import Conflict, NotFound, Unavailable
from holdfast.execution.emergency import journal as emergency_journal
from holdfast.execution.emergency import offline as emergency
from holdfast.execution.risk import flatten, gate_books, stop_file, stops
from holdfast.execution.risk.models import Stop
from holdfast.platform.database import Database
from holdfast.platform.jobs import enqueue
from holdfast.platform.models import Job
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Work
from holdfast.portfolio.models import Sleeve

__all__ = ["desk", "desk_clock", "hand"]

NOWHERE = "postgresql://holdfast:x@127.0.0.1:1/holdfast"


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A machine on which nothing else of Holdfast runs."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path / "var"))
    return Settings()


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_stopping_and_resuming_everything_needs_nothing(alone: Settings):
    done = run("stop", "--all", "--reason", "fire")
    assert done.exit_code == 0, done.output
    assert "PostgreSQL does not answer" in done.output
    found = stop_file.read(alone)
    assert found is not None
    assert (found.reason, " on " in found.by) == ("fire", True)
    again = run("resume", "--all")
    assert again.exit_code == 0
    assert stop_file.read(alone) is None
    assert "There was no stop file" in run("resume", "--all").output


def test_a_second_stop_says_whose_reason_stands(alone: Settings):
    first = " ".join(run("stop", "--all", "--reason", "fire").output.split())
    assert "stopped already" not in first
    again = " ".join(run("stop", "--all", "--reason", "flood").output.split())
    assert "It was stopped already by " in again
    assert "that reason stands: fire." in again
    found = stop_file.read(alone)
    assert found is not None
    assert found.reason == "fire"


def test_a_stop_that_cannot_be_resumed_says_so(alone: Settings, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run("stop", "--all")
    monkeypatch.setattr(stop_file, "write_durably", full)
    done = run("resume", "--all")
    assert done.exit_code == 1
    assert "Everything stays stopped" in done.output
    assert stop_file.read(alone) is not None


def test_resuming_with_a_database_that_goes_away_between_two_questions_says_so(
    alone: Settings, monkeypatch: pytest.MonkeyPatch
):
    async def entered(*_: object, **__: object) -> bool:
        return True

    monkeypatch.setenv("DATABASE_URL", NOWHERE)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(operator, "enter_stop", entered)
    run("stop", "--all")
    done = run("resume", "--all")
    assert done.exit_code == 0, done.output
    assert "The stop file is removed." in done.output
    assert "PostgreSQL does not answer any more" in " ".join(done.output.split())
    assert stop_file.read(alone) is None


@pytest.mark.parametrize(
    "whose",
    [("--all", "--position", "abc"), ("--all", "--user", "a@b.org"), ("--user", "a", "--position", "b")],
)
def test_stop_and_resume_take_all_or_one(alone: Settings, whose: tuple[str, ...]):
    assert run("stop", *whose).exit_code == 2
    assert stop_file.read(alone) is None
    assert run("resume", *whose).exit_code == 2


@pytest.mark.parametrize(
    "wrong", ["orders-per-minute=nan", "orders-per-minute=1.5", "orders-per-minute=inf", "gross=much"]
)
def test_a_limit_that_is_no_number_is_refused_before_anybody_is_asked(alone: Settings, wrong: str):
    done = run("limits", "set", wrong)
    assert done.exit_code == 2, done.output
    assert "is no" in done.output
    assert not alone.home.exists()


def test_flattening_offline_without_a_journal_says_where_to_run_it(alone: Settings):
    done = run("flatten", "--offline", "--yes")
    assert done.exit_code == 2
    assert "COULD NOT: There is no journal in" in done.output
    assert stop_file.read(alone) is not None, "the stop holds all the same"


@pytest.mark.parametrize("error", [TimeoutError("no answer"), OSError(errno.EROFS, "Read-only file system")])
async def test_a_flattening_offline_that_broke_off_says_so(
    alone: Settings, monkeypatch: pytest.MonkeyPatch, error: OSError
):
    """Where nothing is said to have failed, everything is said to be closed."""

    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(emergency_journal, "read_all", lambda _: (["a journal"], []))
    monkeypatch.setattr(operator, "at_work", broken)
    report = await operator.flatten_offline(alone, say=print, position=None)
    assert any(str(error) in line for line in report.failed)


def test_flattening_offline_names_what_it_cannot_read(alone: Settings):
    directory = emergency_journal.directory(alone)
    directory.mkdir(parents=True)
    (directory / f"{uuid4()}.json").write_bytes(b"half a jour")
    done = run("flatten", "--offline", "--yes")
    assert done.exit_code == 2
    assert "cannot be read" in done.output


def test_nothing_is_closed_without_being_asked(alone: Settings):
    for arguments in (("flatten", "--offline"), ("flatten", "--all")):
        assert CliRunner().invoke(app, list(arguments), input="n\n").exit_code != 0
        assert stop_file.read(alone) is None
    assert run("flatten", "--offline", "--json").exit_code == 1


async def test_a_stop_is_entered_at_once_where_the_database_answers(settings: Settings, database: Database):
    operator.write_stop(settings, by="me", reason="drill")
    assert await operator.enter_stop(settings)
    async with database.sessions() as session:
        row = (await session.scalars(select(Stop))).one()
    assert (row.scope, row.by, row.reason) == ("instance", "me", "drill")
    assert operator.remove_stop(settings)
    assert await operator.enter_stop(settings)
    async with database.sessions() as session:
        assert (await session.scalars(select(Stop.lifted_at))).one() is not None
    away = settings.model_copy(update={"database_url": NOWHERE})
    assert not await operator.enter_stop(away)
    assert not await operator.database_answers(away)
    assert await operator.database_answers(settings)


def test_a_stop_that_cannot_be_written_says_that_nothing_is_stopped(
    alone: Settings, monkeypatch: pytest.MonkeyPatch
):
    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(stop_file, "write", read_only)
    done = run("stop", "--all")
    assert stop_file.read(alone) is None
    assert done.exit_code == 1
    assert "Nothing is stopped" in done.output


async def test_a_stop_of_a_machine_that_is_gone_is_named_and_can_be_lifted(
    settings: Settings, database: Database
):
    """As with containers, each of which has a name of its own."""
    gone = settings.model_copy(update={"home": settings.home / "gone"})
    operator.write_stop(gone, by="me", reason="drill")
    assert await operator.enter_stop(gone)
    assert await operator.enter_stop(settings)
    for lift in (False, True):
        assert await operator.stopped_elsewhere(settings, lift=lift) == [stop_file.origin_of(gone)]
    assert await operator.stopped_elsewhere(settings, lift=True) == []
    async with database.sessions() as session:
        assert (await session.scalars(select(Stop.lifted_by))).one() == "the operator, from another machine"


async def test_a_database_that_takes_nothing_does_not_answer(settings: Settings, database: Database):
    """A full disk, a standby: then the offline way must be open."""
    assert await operator.database_answers(settings)
    async with database.engine.connect() as raw:
        alone = await raw.execution_options(isolation_level="AUTOCOMMIT")
        name = await alone.scalar(text("SELECT current_database()"))
        await alone.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
        try:
            assert not await operator.database_answers(settings)
        finally:
            await alone.execute(text(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'))


class Now:
    """The wall clock, but never before the desk's: so its jobs are due."""

    desk: Desk

    def now(self) -> datetime:
        return max(datetime.now(UTC), self.desk.clock.moment)


@pytest.fixture
def carried(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose jobs the operator's own process carries out."""

    async def door(*_: object):
        return hand.desk.venue

    monkeypatch.setattr("holdfast.execution.tasks.open_door", door)
    monkeypatch.setattr(Now, "desk", hand.desk, raising=False)
    monkeypatch.setattr(everybody, "SystemClock", Now)
    return hand.desk


def without_redis(settings: Settings) -> Settings:
    return settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})


async def test_everybodys_positions_are_closed_by_this_process_alone(carried: Desk, settings: Settings):
    """Nobody else carries jobs here: no scheduler, no worker, and no Redis."""
    await opened(carried)
    report = await everybody.flatten_everybody(without_redis(settings), by="me", seconds=40)
    assert report is not None
    assert (report.failed, report.lost) == ([], False)
    assert len(report.done) == 1
    assert nets(carried) == {}
    gone = settings.model_copy(update={"database_url": NOWHERE})
    assert await everybody.flatten_everybody(gone, by="me", seconds=1) is None


async def test_a_worker_that_holds_a_users_locks_for_a_while_is_no_outage(
    carried: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """It froze while it sent; PostgreSQL ends its transaction only after a while."""
    await opened(carried)
    ended = asyncio.Event()

    async def frozen(holding: asyncio.Event) -> None:
        async with carried.database.transaction() as session:
            await gate_books.lock_user(session, carried.user_id)
            holding.set()
            await ended.wait()

    async def answers(_: Settings) -> bool:
        ended.set()
        return True

    monkeypatch.setattr(everybody, "database_answers", answers)
    holding = asyncio.Event()
    worker = asyncio.create_task(frozen(holding))
    await holding.wait()
    report = await everybody.flatten_everybody(without_redis(settings), by="me", seconds=40)
    ended.set()
    await worker
    assert report is not None
    assert nets(carried) == {}


@pytest.fixture
async def another(carried: Desk) -> UUID:
    """A second user with a position; nothing of it is ever begun with."""
    user_id, connection_id = uuid4(), uuid4()
    async with carried.database.transaction() as session:
        session.add(User(id=user_id, is_demo=True, created_at=NOW))
        await session.flush()
        session.add(connection_row(connection_id, user_id))
        await session.flush()
        position = Sleeve(id=uuid4(), user_id=user_id, connection_id=connection_id, created_at=NOW)
        position.index_id, position.index_version, position.direction = "btc-d", "1", "long"
        position.size, position.entry_level, position.state = Decimal(300), 60.0, "active"
        session.add(position)
    return user_id


async def test_who_has_begun_is_closed_while_the_rest_is_still_being_begun(
    carried: Desk, another: UUID, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    await opened(carried)
    begin, seen = everybody._begin_one, []

    async def beginning(database: Database, user_id: UUID, **more: Any) -> UUID:
        if user_id == carried.user_id:
            seen.append("begun")
            return await begin(database, user_id, **more)
        if seen:
            async with asyncio.timeout(30):
                while nets(carried):
                    await asyncio.sleep(0.05)
            seen.append("closed")
        raise TimeoutError

    monkeypatch.setattr(everybody, "_begin_one", beginning)
    report = await everybody.flatten_everybody(without_redis(settings), by="me", seconds=40)
    assert report is not None
    assert seen[:2] == ["begun", "closed"]
    assert report.failed == [f"user {str(another)[:8]}: nothing of theirs was closed. Run this again."]


async def test_a_user_who_lifts_a_stop_meanwhile_keeps_nobody_from_being_closed(
    carried: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    put, refused = stops.put, []

    async def meets_a_lift(session: AsyncSession, wanted: Stop) -> Stop:
        if not refused:
            refused.append(True)
            raise Conflict("This stop was lifted at this very moment.")
        return await put(session, wanted)

    await opened(carried)
    monkeypatch.setattr(stops, "put", meets_a_lift)
    report = await everybody.flatten_everybody(without_redis(settings), by="me", seconds=40)
    assert report is not None
    assert refused
    assert (report.failed, nets(carried)) == ([], {})


async def test_a_database_that_goes_away_while_all_are_begun_leaves_nothing_on_its_way(
    carried: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """Hands may have sent something by then: going on offline has to wait for it."""

    async def gone(*_: object, **__: object) -> UUID:
        raise OSError("connection refused")

    async def no(_: Settings) -> bool:
        return False

    await opened(carried)
    monkeypatch.setattr(everybody, "IN_FLIGHT", timedelta(0))
    monkeypatch.setattr(everybody, "_begin_one", gone)
    monkeypatch.setattr(everybody, "database_answers", no)
    report = await everybody.flatten_everybody(without_redis(settings), by="me", seconds=40)
    assert report is not None
    assert report.lost


async def test_an_operators_process_that_stands_still_holds_nobodys_locks(
    carried: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """As when it is suspended in the middle of a transaction: PostgreSQL ends that after a while."""
    bounds = []

    async def entering(session: AsyncSession, *_: object, **__: object) -> None:
        bounds.append(await session.scalar(text("SHOW idle_in_transaction_session_timeout")))

    async def beginning(database: Database, *_: object, **__: object) -> UUID:
        async with database.sessions() as session:
            await entering(session)
        raise TimeoutError

    await opened(carried)
    monkeypatch.setattr(stops, "enter_file", entering)
    monkeypatch.setattr(everybody, "_begin_one", beginning)
    assert await operator.enter_stop(settings)
    await everybody.flatten_everybody(without_redis(settings), by="me", seconds=1)
    assert set(bounds) == {"15s"}


async def test_nobody_waits_for_somebody_elses_venue(
    carried: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """Each job ends only once two others are under way with it: one after the other, none ever would."""
    together = asyncio.Barrier(3)
    under_way = 0
    most = 0

    async def job(_: Work) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        async with asyncio.timeout(30):
            await together.wait()
        under_way -= 1

    monkeypatch.setattr(everybody, "HANDLERS", {"execution.run": job, "execution.flatten": flatten.run})
    async with carried.database.transaction() as session:
        for number in range(3):
            await enqueue(session, "execution.run", f"somebody-{number}", now=carried.clock.now())
    still_open = everybody._running

    async def running(database: Database, ids: list[UUID]) -> bool:
        async with database.sessions() as session:
            left = select(Job.id).where(Job.kind == "execution.run", Job.finished_at.is_(None)).limit(1)
            return await session.scalar(left) is not None or await still_open(database, ids)

    monkeypatch.setattr(everybody, "_running", running)
    report = await everybody.flatten_everybody(without_redis(settings), by="me", seconds=60)
    assert report is not None
    assert most == 3


async def test_a_database_that_goes_away_half_way_is_said(
    carried: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    async def gone(*_: object) -> bool:
        raise OSError("connection refused")

    async def no(_: Settings) -> bool:
        return False

    await opened(carried)
    monkeypatch.setattr(everybody, "IN_FLIGHT", timedelta(0))
    monkeypatch.setattr(everybody, "_running", gone)
    monkeypatch.setattr(everybody, "database_answers", no)
    report = await everybody.flatten_everybody(without_redis(settings), by="me", seconds=40)
    assert report is not None
    assert report.lost


async def test_a_single_stumble_of_the_database_is_no_outage(
    carried: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    await opened(carried)
    running, stumbles = everybody._running, ["once"]

    async def stumbling(database: Database, ids: list[UUID]) -> bool:
        if stumbles:
            raise OSError(stumbles.pop())
        return await running(database, ids)

    monkeypatch.setattr(everybody, "_running", stumbling)
    report = await everybody.flatten_everybody(without_redis(settings), by="me", seconds=40)
    assert report is not None
    assert (report.failed, report.lost) == ([], False)
    assert nets(carried) == {}


def test_flattening_all_goes_on_offline_when_the_database_goes_away(
    alone: Settings, monkeypatch: pytest.MonkeyPatch
):
    async def lost(*_: object, **__: object) -> operator.Report:
        return operator.Report(lost=True)

    monkeypatch.setenv("DATABASE_URL", NOWHERE)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(everybody, "flatten_everybody", lost)
    done = run("flatten", "--all", "--yes")
    said = " ".join(done.output.split())
    assert done.exit_code == 2
    assert "PostgreSQL does not answer any more: going on offline" in said
    assert "COULD NOT: There is no journal in" in said


async def test_flattening_offline_hears_that_the_database_is_back(
    carried: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """It answers from the beginning here: then nothing is sent at all."""
    await opened(carried)
    await emergency_journal.keep(carried.work, carried.connection_id)
    asked = asyncio.Event()

    async def instruments(_kind: object):
        async with asyncio.timeout(30):
            await asked.wait()
        return []

    async def answers(_: Settings) -> bool:
        asked.set()
        return True

    carried.venue.instruments = instruments  # type: ignore[attr-defined]
    monkeypatch.setattr(operator, "database_answers", answers)
    monkeypatch.setattr(emergency, "venue_opener", lambda *_: lambda _: carried.venue)
    before = len(carried.venue.placed)
    report = await operator.flatten_offline(settings, say=lambda _: None, position=None)
    assert len(carried.venue.placed) == before
    assert report.failed
    assert all("PostgreSQL is back" in line for line in report.failed)


async def test_the_operator_counts_a_users_drawdown_anew(settings: Settings, desk: Desk):
    await opened(desk)
    async with desk.database.transaction() as session:
        (await session.get_one(User, desk.user_id)).email = "Somebody@Example.org"
        await gate_books.observe(session, desk.user_id, quote_of=lambda _: None, now=desk.clock.now())
        mark = (await gate_books.marks_of(session, desk.user_id))[None]
        mark.operators_peak *= 2
    for name in ("somebody@example.org", str(desk.user_id)):
        assert "is counted from 1,000,000.00 USDT now" in await operator.count_peak_anew(settings, user=name)
    async with desk.database.sessions() as session:
        mark = (await gate_books.marks_of(session, desk.user_id))[None]
    assert mark.operators_peak == mark.value
    with pytest.raises(NotFound):
        await operator.count_peak_anew(settings, user="nobody@example.org")
    away = settings.model_copy(update={"database_url": NOWHERE})
    with pytest.raises(Unavailable):
        await operator.count_peak_anew(away, user="somebody@example.org")


async def test_the_operator_stops_one_user_with_the_database_alone(settings: Settings, desk: Desk):
    """Neither the API nor Redis is there."""
    async with desk.database.transaction() as session:
        (await session.get_one(User, desk.user_id)).email = "Somebody@Example.org"
    waiting = await desk.confirm(await desk.plan())
    alone = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    said = await operator.stop_user(alone, user="somebody@example.org", by="me on here", reason="drill")
    assert "All new trading of somebody@example.org is stopped" in said
    assert said.endswith("by me on here: drill.")
    with pytest.raises(stops.Stopped, match="The operator has stopped all your new trading"):
        await desk.confirm(await desk.plan())
    ended = await desk.run(waiting)
    assert (ended.state, desk.venue.placed) == ("unwound", [])
    said = await operator.stop_user(alone, user=str(desk.user_id), by="you", reason="again")
    assert said.endswith("by me on here: drill."), "the first stop stands"
    assert await operator.resume_user(alone, user="somebody@example.org") == (
        "The stop of somebody@example.org is lifted."
    )
    assert (await operator.resume_user(alone, user=str(desk.user_id))).endswith("was not stopped.")
    assert (await desk.run(await desk.confirm(await desk.plan()))).state == "complete"


@asynccontextmanager
async def frozen_worker(desk: Desk) -> AsyncIterator[asyncio.Event]:
    """It froze in the middle of sending, and holds the user's locks until PostgreSQL ends its transaction:
    that is the event."""
    holding, ended = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with desk.database.transaction() as session:
            await gate_books.lock_user(session, desk.user_id)
            holding.set()
            await ended.wait()

    worker = asyncio.create_task(hold())
    await holding.wait()
    try:
        yield ended
    finally:
        ended.set()
        await worker


async def test_a_stop_of_one_user_waits_for_a_worker_that_froze(
    settings: Settings, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(operator, "DATABASE_SECONDS", 3.0)
    user = str(desk.user_id)
    async with frozen_worker(desk) as ended:
        asyncio.get_running_loop().call_later(4.0, ended.set)
        assert "is stopped since" in await operator.stop_user(settings, user=user, by="me", reason="")
    async with frozen_worker(desk):
        monkeypatch.setattr(operator, "LOCKED_SECONDS", 0.5)
        with pytest.raises(Unavailable, match="held by somebody else") as refused:
            await operator.stop_user(settings, user=user, by="me", reason="")
    assert "PostgreSQL does not answer" not in str(refused.value)


async def test_a_stop_that_was_kept_and_not_confirmed_is_found(
    settings: Settings, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    """The connection is lost while it is committed."""
    transaction, lost = operator._transaction, []

    @asynccontextmanager
    async def losing(*arguments: Any) -> AsyncIterator[AsyncSession]:
        async with transaction(*arguments) as session:
            yield session
        if not lost:
            lost.append(True)
            raise TimeoutError

    monkeypatch.setattr(operator, "_transaction", losing)
    said = await operator.stop_user(settings, user=str(desk.user_id), by="me", reason="drill")
    assert said.endswith("by me: drill.")
    async with desk.database.sessions() as session:
        assert len(await stops.in_force(session, desk.user_id)) == 1


async def test_a_user_who_is_not_there_and_a_database_that_is_away_are_told_apart(
    settings: Settings, database: Database
):
    away = settings.model_copy(update={"database_url": NOWHERE})
    with pytest.raises(NotFound):
        await operator.stop_user(settings, user="nobody@example.org", by="me", reason="")
    with pytest.raises(NotFound):
        await operator.resume_user(settings, user="nobody@example.org")
    with pytest.raises(Unavailable, match="nothing is stopped"):
        await operator.stop_user(away, user="nobody@example.org", by="me", reason="")
    with pytest.raises(Unavailable):
        await operator.resume_user(away, user="nobody@example.org")
