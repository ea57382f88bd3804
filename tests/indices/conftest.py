"""A worker's tools, pointed at the simulator."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from aiohttp.test_utils import TestServer
from redis.asyncio import Redis

from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Work
from holdfast.sim.server import create_app


@pytest.fixture
async def sim() -> AsyncIterator[TestServer]:
    """The simulated outside world, on a port of its own."""
    server = TestServer(create_app(seed=3))
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
def sim_settings(settings: Settings, sim: TestServer) -> Settings:
    return settings.model_copy(update={"sim_port": sim.port})


class Clock:
    """The present, shifted by ``ahead``; it can be made to stand still."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._stands_at: datetime | None = None

    def stand_still(self) -> None:
        self._stands_at = SystemClock().now()

    def now(self) -> datetime:
        return (self._stands_at or SystemClock().now()) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def work(database: Database, redis: Redis, sim_settings: Settings, clock: Clock) -> Work:
    lease = Lease(1, "test", "", 1, 1, clock.now() + timedelta(minutes=1))
    return Work(lease, database, redis, sim_settings, clock, {})
