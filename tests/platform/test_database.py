"""A database that cannot be reached is an outage, however it says so."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from holdfast.platform.database import Database


async def test_a_server_that_refuses_is_an_outage_like_one_that_is_gone(database_url: str):
    """As while it starts up or is full: asyncpg has errors of its own for that."""
    for url in (database_url.replace("test_", "no_such_"), "postgresql://holdfast:x@127.0.0.1:1/holdfast"):
        refused = Database(url, pool_size=1)
        with pytest.raises(OSError):  # noqa: PT011 - the kind is the point
            async with refused.transaction() as session:
                await session.execute(text("SELECT 1"))
        await refused.close()


async def test_a_server_that_answers_is_used(database: Database):
    async with database.transaction() as session:
        assert await session.scalar(text("SELECT 1")) == 1


async def test_a_transaction_that_stands_still_gives_its_locks_back(database: Database, database_url: str):
    """As when a worker is frozen in the middle of one."""
    frozen = Database(database_url, pool_size=1, idle_seconds=0.1)
    take = text("SELECT pg_advisory_xact_lock(7)")
    async with frozen.sessions() as session:
        await session.execute(take)
        async with database.transaction() as other:
            await asyncio.wait_for(other.execute(take), 30)
        with pytest.raises(DBAPIError):
            await session.execute(text("SELECT 1"))
    await frozen.close()
