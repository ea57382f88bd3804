"""The API over the simulated venue, and the worker's tools."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest
from aiohttp.test_utils import TestServer
from redis.asyncio import Redis

from holdfast.accounts.vault import ensure_key_pair
from holdfast.app.api import create_app
from holdfast.market.tasks import refresh_instruments
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import RunAgainIn, Work
from holdfast.sim.server import create_app as create_simulator
from holdfast.venues.bybit.public import BybitPublic


@pytest.fixture
async def sim() -> AsyncIterator[TestServer]:
    server = TestServer(create_simulator(seed=3))
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
def there(settings: Settings, sim: TestServer) -> Settings:
    return settings.model_copy(update={"sim_port": sim.port})


@pytest.fixture
async def venue(there: Settings) -> AsyncIterator[BybitPublic]:
    opened = BybitPublic(there.venue_url)
    yield opened
    await opened.close()


@pytest.fixture
async def work(database: Database, redis: Redis, there: Settings) -> Work:
    """A worker's tools, after the venue's instruments were read."""
    clock = SystemClock()
    lease = Lease(1, "test", "", 1, 1, clock.now() + timedelta(minutes=1))
    work = Work(lease, database, redis, there, clock, {})
    with pytest.raises(RunAgainIn):
        await refresh_instruments(work)
    return work


@pytest.fixture
async def api(work: Work, there: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    ensure_key_pair(there.secrets_dir)
    created = create_app(there)
    async with created.router.lifespan_context(created):
        transport = httpx2.ASGITransport(created, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://holdfast.test") as opened:
            yield opened
