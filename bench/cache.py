"""Answers of the API that are found again against the same answers made each time, in one process and run.

The whole application answers, without a socket between: routing and encoding are in every column. CPU is this
process's own; what PostgreSQL and Redis spend is not in it, but in the time.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid4

import httpx2
from fastapi import FastAPI

from bench._house import database_at, new_home, row, servers
from bench.candles import made
from holdfast.app.api import create_app
from holdfast.app.moderation import moderate
from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus
from holdfast.indices import repository as indices
from holdfast.market import repository as instruments
from holdfast.market.candles import coverage, repository, store
from holdfast.market.candles.gaps import Reason
from holdfast.news import repository as news
from holdfast.news.intake import Article
from holdfast.news.sentiment import Basis
from holdfast.platform.cache import Answer, Cache, Key, Maker, touch
from holdfast.platform.cache_redis import RedisShelf
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings
from holdfast.platform.telemetry import configure_logging

DAYS: Final = 90
LISTED: Final = 600
ARTICLES: Final = 500
REQUESTS: Final = 60
TOGETHER: Final = 200
FIRST: Final = 1_672_531_200
LAST: Final = FIRST + DAYS * 86_400
SERIES: Final = "bybit/BTCUSDT"

QUESTIONS: Final = {
    "1,500 minutes": f"/api/candles/{SERIES}?timeframe=1m&limit=1500&before={LAST}",
    "1,500 hours": f"/api/candles/{SERIES}?timeframe=1h&limit=1500&before={LAST}",
    "RSI of 1,500 minutes": f"/api/indicators/rsi/values?series=bybit:BTCUSDT&limit=1500&before={LAST}",
    "symbols beginning with C1": "/api/symbols?q=C1",
    "30 news": "/api/news",
    "a year of an index": "/api/indices/btc-d/history?range=1Y",
}


class Nothing(Cache):
    """Finds nothing and shares nothing: what each request would do alone."""

    async def get(self, key: Key, make: Maker, *, seconds: float, tags: tuple[str, ...] = ()) -> Answer:  # noqa: ARG002
        return Answer((await make()).content, "", kept=False)


class Forgetful(Cache):
    """Always as one that has just been started: its memory is empty, Redis is not."""

    async def get(self, key: Key, make: Maker, *, seconds: float, tags: tuple[str, ...] = ()) -> Answer:
        await self._memory.clear()
        return await super().get(key, make, seconds=seconds, tags=tags)


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds a request: of CPU on average, of time in the middle."""

    cpu: float
    time: float


@asynccontextmanager
async def api(settings: Settings) -> AsyncIterator[tuple[FastAPI, httpx2.AsyncClient]]:
    app = create_app(settings)
    app.dependency_overrides[moderate] = lambda: None  # as if many addresses asked
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://bench") as client:
            yield app, client


async def measure(database_url: str, redis_url: str) -> None:
    async with database_at(database_url) as database:
        await fill(database)
        settings = Settings(
            database_url=database_url, redis_url=redis_url, home=new_home(), log_level="warning"
        )
        configure_logging(settings, "bench")
        async with api(settings) as (app, client):
            shelf = RedisShelf(redis_url, b"of this measurement")
            kept, forgetful = Cache(app.state.database, shelf), Forgetful(app.state.database, shelf)
            bare = await cost(lambda: asked(client, "/api/health/live"))
            print("CPU ms / ms a request; in brackets how many times less CPU than made,")
            print(f"of which {bare.cpu:.1f} ms are what a request costs that asks for nothing")
            print(f"{'':<26}{'made':>16}{'found in Redis':>21}{'found in memory':>21}")
            for what, path in QUESTIONS.items():
                await compare(app, client, kept, forgetful, what, path)
            await crowd(app, client, kept)
            for cache in (kept, forgetful):
                await cache.close()
        await stamps(database)


async def compare(
    app: FastAPI, client: httpx2.AsyncClient, kept: Cache, forgetful: Cache, what: str, path: str
) -> None:
    async def ask() -> None:
        await asked(client, path)

    app.state.cache = Nothing(app.state.database, None)
    await ask()
    plain = await cost(ask)
    app.state.cache = kept
    await ask()
    near = await cost(ask)
    app.state.cache = forgetful
    await ask()
    far = await cost(ask)
    print(
        f"{what:<26}{plain.cpu:>8.1f} /{plain.time:>6.1f}"
        f"{far.cpu:>8.1f} /{far.time:>5.1f} ({plain.cpu / far.cpu:>4.1f})"
        f"{near.cpu:>8.1f} /{near.time:>5.1f} ({plain.cpu / near.cpu:>4.1f})",
        flush=True,
    )


async def asked(client: httpx2.AsyncClient, path: str) -> None:
    (await client.get(path)).raise_for_status()


async def cost(ask: Callable[[], Awaitable[None]]) -> Cost:
    times = []
    begun = time.process_time()
    for _ in range(REQUESTS):
        at = time.perf_counter()
        await ask()
        times.append(time.perf_counter() - at)
    return Cost((time.process_time() - begun) / REQUESTS * 1000, statistics.median(times) * 1000)


async def crowd(app: FastAPI, client: httpx2.AsyncClient, kept: Cache) -> None:
    """Many open the same page at the same moment, and nobody has it yet."""
    found = {}
    for name, cache in (("alone", Nothing(app.state.database, None)), ("together", kept)):
        app.state.cache = cache
        path = f"/api/candles/{SERIES}?timeframe=5m&limit=1500&before={LAST - 600}"
        begun, at = time.process_time(), time.perf_counter()
        await asyncio.gather(*(asked(client, path) for _ in range(TOGETHER)))
        found[name] = time.process_time() - begun, time.perf_counter() - at
    alone, together = found["alone"], found["together"]
    row(f"{TOGETHER} open the same page at once, each made", f"{alone[0] * 1000:,.0f} ms CPU")
    row(
        f"{TOGETHER} open it at once, made once",
        f"{together[0] * 1000:,.0f} ms CPU",
        f"{alone[0] / together[0]:.1f} times less; in {together[1] / alone[1]:.2f} of the time",
    )


async def stamps(database: Database) -> None:
    """What a writer pays."""

    async def change(tags: tuple[str, ...]) -> None:
        async with database.transaction() as session:
            await repository.series_of(session, "bybit", "BTCUSDT")
            await touch(session, *tags)

    bare, touching = await cost(lambda: change(())), await cost(lambda: change(("bench",)))
    row("a tag touched in a transaction", f"{touching.cpu - bare.cpu:.2f} ms CPU")


async def fill(database: Database) -> None:
    """Minutes of one symbol, the venue's list, levels of a year, news."""
    now = SystemClock().now()
    bars = made(DAYS * 1440)
    async with database.transaction() as session:
        await instruments.save_seen(session, "bybit", [coin(number) for number in range(LISTED)], now)
        one = await store.series(session, "bybit", "BTCUSDT", price_decimals=2, volume_decimals=3)
        for start in range(0, len(bars), 43_200):
            await store.write(session, one.id, bars.take(slice(start, start + 43_200)), origin="b", now=now)
        await repository.locked(session, one.id)
        await coverage.explain(session, one.id, 0, FIRST, Reason.NOT_LISTED)
    minutes = range(0, 365 * 1440, 5)
    async with database.transaction() as session:
        points = [(now - timedelta(minutes=minute), 50 + minute % 700 / 100) for minute in minutes]
        for start in range(0, len(points), 5_000):
            await indices.save_levels(session, "btc-d", points[start : start + 5_000], indices.LIVE)
        await news.save(session, "Marketaux", [article(number, now) for number in range(ARTICLES)], now)


def coin(number: int) -> Instrument:
    base = "BTC" if number == 0 else f"C{number}"
    return Instrument(
        symbol=f"{base}USDT",
        kind=InstrumentKind.LINEAR,
        base=base,
        quote="USDT",
        tick=Decimal("0.01"),
        lot=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        min_notional=Decimal(5),
        max_market_quantity=Decimal(100),
        max_limit_quantity=Decimal(1000),
        status=InstrumentStatus.TRADING,
    )


def article(number: int, now: datetime) -> Article:
    return Article(
        id=UUID(int=uuid4().int),
        title=f"What happened to coin {number}",
        description="Something did, and somebody wrote about it at some length. " * 4,
        url=f"https://news.example/{number}",
        publisher="news.example",
        language="en",
        published_at=now.astimezone(UTC) - timedelta(minutes=number),
        sentiment=0.25,
        basis=Basis.MARKETAUX,
        mentions=(),
    )


def main() -> None:
    """Print one row per question, then what a crowd and a writer cost."""
    with servers() as (database_url, redis_url):
        asyncio.run(measure(database_url, redis_url))
