"""A worker's tools pointed at the simulator, with a few coins known."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from redis.asyncio import Redis
from tests.sim.conftest import NOON_MS

from holdfast.core.time import from_ms
from holdfast.indices.models import Asset, AssetAlias, MarketCap
from holdfast.indices.universe import Coin, CoinKind
from holdfast.news.naming import AssetBook
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Work
from holdfast.sim.clock import SimClock
from holdfast.sim.coins import all_coins
from holdfast.sim.marketaux import Plan
from holdfast.sim.server import create_app

NOON = from_ms(NOON_MS)


def coin(asset_id: str, ticker: str, name: str, cap: float, kind: CoinKind = CoinKind.COIN) -> Coin:
    return Coin(asset_id, name, ticker, kind, 1.0, cap, cap, NOON, NOON)


@pytest.fixture
def book() -> AssetBook:
    coins = [
        coin("bitcoin", "BTC", "Bitcoin", 1e12),
        coin("ethereum", "ETH", "Ethereum", 3e11),
        coin("pepe", "PEPE", "Pepe", 1e9),
        coin("sui", "SUI", "Sui", 1e10),
        coin("1inch", "1INCH", "1inch", 1e8),
        coin("wrapped-pepe", "PEPE", "Wrapped Pepe", 9e9, CoinKind.WRAPPED),
        coin("aave", "AAVE", "Aave", 2e9),
    ]
    return AssetBook({one.asset_id: one for one in coins}, [("aave", "LEND")])


class Clock:
    """Stands still until it is moved."""

    def __init__(self, sim: SimClock) -> None:
        self._sim = sim

    def now(self) -> datetime:
        return from_ms(self._sim.now_ms())

    def advance(self, span: timedelta) -> None:
        self._sim.advance(round(span.total_seconds() * 1000))


@pytest.fixture
def sim_clock() -> SimClock:
    return SimClock(NOON_MS, source_ns=lambda: 0)


@pytest.fixture
def clock(sim_clock: SimClock) -> Clock:
    return Clock(sim_clock)


@pytest.fixture
async def sim(sim_clock: SimClock) -> AsyncIterator[TestServer]:
    """The simulated press under Marketaux's free plan."""
    plan = Plan(articles=3, per_day=100, per_minute=60)
    server = TestServer(create_app(seed=3, clock=sim_clock, news_plan=plan))
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def known_coins(database: Database) -> None:
    """The coins the press writes about, as a poll of market caps leaves them."""
    coins = [one for one in all_coins() if one.on_coingecko and not one.pegged][:60]
    async with database.transaction() as session:
        session.add_all(Asset(id=c.id, coingecko_id=c.id, name=c.name, kind="coin") for c in coins)
        await session.flush()
        session.add_all(
            AssetAlias(asset_id=c.id, ticker=c.symbol.upper(), valid_from=NOON, valid_to=None) for c in coins
        )
        session.add_all(
            MarketCap(
                asset_id=c.id, price=c.price, supply=1, market_cap=c.cap, source_at=NOON, fetched_at=NOON
            )
            for c in coins
        )


@pytest.fixture
async def work(
    database: Database, redis: Redis, settings: Settings, sim: TestServer, clock: Clock
) -> AsyncIterator[Work]:
    changed: dict[str, Any] = {"sim_port": sim.port, "marketaux_calls_per_day": 96}
    lease = Lease(1, "news.poll", "", 1, 1, clock.now() + timedelta(minutes=1))
    made = Work(lease, database, redis, settings.model_copy(update=changed), clock, {})
    yield made
    for service in made.services.values():
        await service.close()


@pytest.fixture
def with_settings(work: Work) -> Callable[..., Work]:
    """The same worker, configured otherwise."""

    def changed(**update: Any) -> Work:
        return Work(
            work.lease,
            work.database,
            work.redis,
            work.settings.model_copy(update=update),
            work.clock,
            work.services,
        )

    return changed
