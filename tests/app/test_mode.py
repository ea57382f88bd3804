"""What the demo has stored is never taken for real."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from holdfast.app import mode
from holdfast.app.checks import State, _postgres
from holdfast.app.cli import data_tools
from holdfast.platform.database import Database
from holdfast.platform.processes import CannotRun
from holdfast.platform.settings import Mode, Settings


@pytest.fixture
async def url(database: Database, database_url: str) -> AsyncIterator[str]:
    yield database_url
    async with database.transaction() as session:
        await session.execute(text("TRUNCATE installation"))


@pytest.fixture
async def migrated(database: Database) -> AsyncIterator[None]:
    """For who looks whether it was."""
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE IF NOT EXISTS alembic_version ()"))
    yield
    async with database.transaction() as session:
        await session.execute(text("DROP TABLE alembic_version"))


async def test_a_database_is_of_the_mode_that_came_first(url: str) -> None:
    await mode.require(url, Mode.LIVE)
    for _ in range(2):
        await mode.keep(url, Mode.DEMO)
    await mode.require(url, Mode.DEMO)
    for refuses in (mode.keep, mode.require):
        with pytest.raises(CannotRun, match=r"belongs to demo mode.*HOLDFAST_HOME=var/live"):
            await refuses(url, Mode.LIVE)


async def test_a_process_does_not_fail_for_a_database_that_is_away() -> None:
    await mode.keep("postgresql://nobody@127.0.0.1:1/nothing", Mode.LIVE)


async def test_commands_that_write_market_data_ask_too(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await mode.keep(url, Mode.LIVE)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.delenv("HOLDFAST_MODE", raising=False)
    with pytest.raises(CannotRun, match="belongs to live mode"):
        async with data_tools._opened():
            pass


@pytest.mark.usefixtures("migrated")
async def test_the_doctor_tells_of_it(url: str, settings: Settings) -> None:
    await mode.keep(url, Mode.LIVE)
    found = await _postgres(settings)
    assert (found.state, found.check) == (State.BROKEN, "postgres")
    assert "belongs to live mode" in found.found
    assert "HOLDFAST_MODE=live" in found.advice
