"""The migrations make exactly the tables that the models describe, once and on any number of machines."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest
from alembic import command
from sqlalchemy import select

from holdfast.accounts.models import Connection, User
from holdfast.app.migrate import _config, _with_connection, differences, migrate
from holdfast.platform.database import Database
from holdfast.platform.models import Installation

NOW: Final = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
async def empty_url(postgres_server: Any) -> AsyncIterator[str]:
    name = f"empty_{token_hex(4)}"
    url = postgres_server.server.url(postgres_server.port, "postgres")
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE DATABASE {name}")
    yield postgres_server.server.url(postgres_server.port, name)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def test_the_tables_are_those_of_the_models(empty_url: str) -> None:
    assert await differences(empty_url), "an empty database differs"
    await migrate(empty_url)
    assert await differences(empty_url) == []


async def test_several_at_once_and_again(empty_url: str) -> None:
    await asyncio.gather(*(migrate(empty_url) for _ in range(3)))
    await migrate(empty_url)
    assert await differences(empty_url) == []


async def test_alerts_that_fired_before_they_had_numbers_get_them_by_their_moments(empty_url: str) -> None:
    await migrate(empty_url)
    await _with_connection(empty_url, lambda there: command.downgrade(_config(there), "0012"))
    connection = await asyncpg.connect(empty_url)
    # Whose they are does not matter here.
    await connection.execute("SET session_replication_role = replica")
    row = (
        "INSERT INTO fired_alerts (id, user_id, alert_id, series, direction, price, seen_price, note, at) "
        "VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), '', '', 1, 1, '', $1)"
    )
    for day in (3, 1, 2):
        await connection.execute(row, datetime(2026, 11, day, tzinfo=UTC))
    await migrate(empty_url)
    await connection.execute(row, datetime(2026, 10, 1, tzinfo=UTC))
    found = await connection.fetch("SELECT number, at FROM fired_alerts ORDER BY number")
    await connection.close()
    assert [(one["number"], one["at"].day) for one in found] == [(1, 1), (2, 2), (3, 3), (4, 1)]
    assert await differences(empty_url) == []


async def test_strategies_hold_from_their_first_close_where_the_next_open_was_not_kept(
    empty_url: str,
) -> None:
    """And one that is being deleted is gone for good on the way back."""
    await migrate(empty_url)
    connection = await asyncpg.connect(empty_url)
    await connection.execute("SET session_replication_role = replica")
    row = {
        "user_id": uuid4(), "name": "", "script_id": uuid4(), "version": 1, "inputs": "{}", "series": "",
        "timeframe": "1m", "quote": "", "capital": 1, "fee_rate": 0, "slippage": 0, "allow_short": False,
        "signal_size": 1, "terms": "{}", "book": "{}", "state": "stopped", "turn": 0, "since": 600,
        "next_time": 720, "active_from": NOW, "pending": False, "failures": 0, "waiting": "",
        "repainted": False, "created_at": NOW, "changed_at": NOW, "hourly_until": 0, "daily_until": 0,
    }  # fmt: skip
    kept, bare, deleted = uuid4(), uuid4(), uuid4()
    for one, deleted_at in ((kept, None), (bare, None), (deleted, NOW)):
        await insert(connection, "strategies", {**row, "id": one, "deleted_at": deleted_at})
    bar = {"strategy_id": kept, "quantity": 0, "equity": 1, "bars": b"", "held": "", "recorded_at": NOW}
    for time, close in ((600, 7), (660, 8)):
        await insert(connection, "strategy_bars", {**bar, "time": time, "close": close})
    await _with_connection(empty_url, lambda there: command.downgrade(_config(there), "0016"))
    await migrate(empty_url)
    found = await connection.fetch("SELECT id, hold_open, hourly_until, daily_until FROM strategies")
    await connection.close()
    assert {tuple(one) for one in found} == {(kept, 7, 600, 600), (bare, None, 600, 600)}
    assert await differences(empty_url) == []


async def insert(connection: asyncpg.Connection, table: str, row: dict[str, Any]) -> None:
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    await connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())


@pytest.mark.parametrize(
    ("is_demo", "environments", "mode"),
    [
        (True, ["simulated"], "demo"),
        (True, [], "demo"),
        (False, ["testnet", "live"], "live"),
        (False, [], None),
    ],
)
async def test_a_database_that_was_used_knows_its_mode(
    empty_url: str, is_demo: bool, environments: list[str], mode: str | None
) -> None:
    await migrate(empty_url)
    await _with_connection(empty_url, lambda there: command.downgrade(_config(there), "0018"))
    database = Database(empty_url, pool_size=1)
    async with database.transaction() as session:
        user = User(id=uuid4(), is_demo=is_demo, created_at=NOW)
        session.add(user)
        await session.flush()
        for environment in environments:
            session.add(
                Connection(
                    id=uuid4(), user_id=user.id, venue="bybit", environment=environment, label=environment,
                    key_hint="", state="active", created_at=NOW,
                )
            )  # fmt: skip
    await migrate(empty_url)
    async with database.sessions() as session:
        assert await session.scalar(select(Installation.mode)) == mode
    await database.close()
