"""What goes wrong while a file is read: accidents are counted, outages of our own are waited for."""

import errno
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from holdfast.market.candles.perseverance import MOST_ATTEMPTS, persevere
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.tasks import RetryAt, Work


async def given_up(read: Callable[[], Awaitable[None]]) -> bool:
    """Whether the last attempt of all, which fails so, ends the file."""
    ended: list[bool] = []

    async def give_up() -> None:
        ended.append(True)

    clock: Any = SystemClock()
    lease = Lease(1, "test", "a", 1, MOST_ATTEMPTS, clock.now())
    await persevere(Work(lease, None, None, None, clock, {}), read, give_up)  # type: ignore[arg-type]
    return bool(ended)


@pytest.mark.parametrize(
    "outage",
    [OSError(errno.ENOSPC, "full"), ConnectionError(), TimeoutError(), RedisError(), PoolTimeout()],
    ids=lambda outage: type(outage).__name__,
)
async def test_outages_are_waited_for(outage: Exception) -> None:
    async def read() -> None:
        raise outage

    with pytest.raises(RetryAt):
        await given_up(read)


def asking(database: Database, statement: str) -> Callable[[], Awaitable[None]]:
    async def read() -> None:
        async with database.transaction() as session:
            await session.execute(text(statement))

    return read


def raising(state: str) -> str:
    return f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"


@pytest.mark.parametrize(
    "statement",
    [raising("53100"), raising("57014"), raising("40P01"), "SELECT pg_terminate_backend(pg_backend_pid())"],
    ids=("disk full", "cancelled", "deadlock", "connection lost"),
)
async def test_what_the_database_cannot_do_now_is_waited_for(database: Database, statement: str) -> None:
    with pytest.raises(RetryAt):
        await given_up(asking(database, statement))


@pytest.mark.parametrize("statement", ["SELECT 9223372036854775807 + 1", "SELEKT", raising("23505")])
async def test_what_the_database_never_takes_is_an_accident(database: Database, statement: str) -> None:
    with pytest.raises(DBAPIError):
        await asking(database, statement)()
    assert await given_up(asking(database, statement))
