"""The migrations make exactly the tables that the models describe, once and on any number of machines."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

import asyncpg
import pytest
from alembic import command

from holdfast.app.migrate import _config, _with_connection, differences, migrate


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
