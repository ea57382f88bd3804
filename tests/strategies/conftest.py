"""A listed coin, and a user who runs strategies on it."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis
from tests.charts.conftest import key, owner, stranger, user_id
from tests.scripts.local import LocalRunner
from tests.strategies.world import World

from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Work
from holdfast.strategies import tasks

__all__ = ["key", "owner", "stranger", "user_id"]


@pytest.fixture
async def world(database: Database, user_id: object) -> World:
    made = World(database, user_id, LocalRunner())  # type: ignore[arg-type]
    await made.list_coin()
    return made


@pytest.fixture
def work(world: World, redis: Redis, settings: Settings) -> Work:
    """A job of the world's worker."""
    lease = Lease(1, tasks.STEP, "", 1, 1, world.clock.now() + timedelta(minutes=1))
    work = Work(lease, world.database, redis, settings, world.clock, {})
    market = tasks._Market(work)
    market.candles = world.candles
    work.services.update({tasks._SERVICE: market, tasks.SANDBOX: world.runner})
    return work
