"""What ``holdfast doctor`` finds about Redis and about the address that requests leave by."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from holdfast.app import checks
from holdfast.app.checks import State
from holdfast.platform.clock import SystemClock
from holdfast.platform.settings import Settings
from holdfast.venues.bybit.budget import FILE_NAME, own_budget


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found = tmp_path / "home"
    found.mkdir()
    return found


@asynccontextmanager
async def without_info(redis: Redis) -> AsyncIterator[str]:
    """The address of the same Redis for a user who may not use what is dangerous."""
    await redis.acl_setuser(
        "plain", enabled=True, passwords=["+word"], keys=["*"], categories=["+@all", "-@dangerous"]
    )
    server = redis.connection_pool.connection_kwargs
    yield f"redis://plain:word@{server['host']}:{server['port']}/0"
    await redis.acl_deluser("plain")


async def test_a_redis_that_may_evict_is_warned_of(redis: Redis, redis_url: str) -> None:
    settings = Settings(redis_url=redis_url)
    assert (await checks.redis(settings)).state is State.OK
    await redis.config_set("maxmemory-policy", "volatile-lru")
    try:
        found = await checks.redis(settings)
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")
    assert (found.state, found.advice) == (State.WARNING, "Set maxmemory-policy noeviction.")


async def test_a_redis_that_may_not_be_asked_who_it_is_is_told_from_one_that_is_gone(redis: Redis) -> None:
    async with without_info(redis) as url:
        found = await checks.redis(Settings(redis_url=url))
    assert (found.state, found.found) == (State.WARNING, "does not allow INFO")
    gone = await checks.redis(Settings(redis_url="redis://127.0.0.1:1/0"))
    assert gone.state is State.BROKEN


async def test_a_silence_is_shown(home: Path) -> None:
    clock, settings = SystemClock(), Settings(home=home)
    assert checks.address(settings).state is State.OK
    assert not (home / FILE_NAME).exists()
    await own_budget(clock, home).silence_address(clock.now() + timedelta(minutes=10))
    found = checks.address(settings)
    assert (found.state, found.found[:12]) == (State.WARNING, "silent until")


def test_a_file_of_the_address_that_cannot_be_used_is_found(home: Path) -> None:
    (home / FILE_NAME).mkdir()
    assert checks.address(Settings(home=home)).found == "its file cannot be used"


def test_before_the_first_start_nothing_is_amiss(tmp_path: Path) -> None:
    assert checks.address(Settings(home=tmp_path / "not yet")).state is State.OK
