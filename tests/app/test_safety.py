"""The operator's commands with as little of Holdfast as there can be: a directory, and then a database."""

import errno
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from tests.execution.conftest import desk, desk_clock
from tests.execution.test_executor import opened
from tests.execution.test_flatten import Hand, hand, nets
from typer.testing import CliRunner

from holdfast.app import operator
from holdfast.app.cli.main import app
from holdfast.execution.emergency import journal as emergency_journal
from holdfast.execution.risk import stop_file
from holdfast.execution.risk.models import Stop
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings

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


def test_stop_takes_all_or_one(alone: Settings):
    assert run("stop", "--all", "--position", "abc").exit_code == 2
    assert stop_file.read(alone) is None


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


async def test_everybodys_positions_are_closed_by_this_process_alone(
    hand: Hand, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """Nobody else carries jobs here: no scheduler, no worker, and no Redis."""
    desk = hand.desk
    await opened(desk)

    async def door(*_: object):
        return desk.venue

    class Now:
        def now(self) -> datetime:
            return max(datetime.now(UTC), desk.clock.moment)  # jobs of the desk's clock are due

    monkeypatch.setattr("holdfast.execution.tasks.open_door", door)
    monkeypatch.setattr(operator, "SystemClock", Now)
    unreachable = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    report = await operator.flatten_everybody(unreachable, by="me", seconds=40)
    assert report is not None
    assert report.failed == []
    assert len(report.done) == 1
    assert nets(desk) == {}
    gone = settings.model_copy(update={"database_url": NOWHERE})
    assert await operator.flatten_everybody(gone, by="me", seconds=1) is None
