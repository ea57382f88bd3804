"""The migrations make exactly the tables that the models describe, once and on any number of machines."""

import asyncio
from collections.abc import AsyncIterator
from secrets import token_hex
from typing import Any

import asyncpg
import pytest

from holdfast.app.migrate import differences, migrate


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
