"""Live bars from the simulated venues' streams to pages at the stream, through real servers, at twenty times
the speed: no closed bar is missing or doubled, in the store or at the page, whatever is killed."""

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from itertools import pairwise

import pytest
import uvicorn
from aiohttp.test_utils import TestServer
from fastapi import FastAPI
from sqlalchemy import select
from tests.app.pages import page

from holdfast.app import clients
from holdfast.app import feed as feeds
from holdfast.app import stream as streams
from holdfast.app.hub import Hub
from holdfast.app.topics import register_candles
from holdfast.charts.sources import open_candles, open_venues
from holdfast.core.time import from_ms
from holdfast.core.timeframes import MINUTE, Timeframe
from holdfast.market import tasks as market
from holdfast.market.candles import feeds as venues
from holdfast.market.candles import store
from holdfast.market.candles.models import CandleConflict, CandleSeries
from holdfast.market.candles.service import Asked
from holdfast.market.live import ingest, sources, wanted
from holdfast.market.live.board import LiveCandles
from holdfast.market.live.ingest import Ingest
from holdfast.platform.background import cancel, together
from holdfast.platform.jobs import Lease
from holdfast.platform.redis_client import open_redis
from holdfast.platform.tasks import RunAgainIn, Work
from holdfast.sim.clock import SimClock
from holdfast.sim.server import create_app
from holdfast.sim.world import WORLD

SPEED = 20
BTC = "candles:binance:BTCUSDT:1m"
PATIENCE = 120


class Hurried:
    """Our clock, hurrying as the simulated world's."""

    def __init__(self, sim):
        self._sim = sim

    def now(self):
        return from_ms(self._sim.now_ms())


@pytest.fixture
async def sim(monkeypatch):
    monkeypatch.setattr(wanted, "TELL_SECONDS", 0.5)
    monkeypatch.setattr(clients, "FLUSH_SECONDS", 0.05)
    clock = SimClock(int(time.time() * 1000) // 60_000 * 60_000, speed=SPEED)
    server = TestServer(create_app(seed=3, clock=clock))
    await server.start_server()
    server.clock = clock
    yield server
    await server.close()


@pytest.fixture
async def there(settings, sim, database, redis):
    """Settings of an installation that knows what the venues list."""
    found = settings.model_copy(update={"sim_port": sim.port})
    clock = Hurried(sim.clock)
    lease = Lease(1, "test", "", 1, 1, clock.now() + timedelta(minutes=1))
    work = Work(lease, database, redis, found, clock, {})
    for job in (market.refresh_instruments, market.refresh_pairs):
        with pytest.raises(RunAgainIn):
            await job(work)
    for venue in work.services.values():
        await venue.close()
    return found


class House:
    """A feed and API processes that can be killed and started."""

    def __init__(self, settings, database, sim):
        self.settings, self.database, self.sim = settings, database, sim
        self.clock = Hurried(sim.clock)

    @property
    def faults(self):
        return self.sim.app[WORLD].faults

    @asynccontextmanager
    async def feed(self):
        redis = open_redis(self.settings.redis_url)
        history = open_venues(self.settings, redis, self.clock)
        running = Ingest(
            self.database,
            redis,
            open_candles(self.database, self.clock, history),
            history,
            lambda source, hear: sources.OPENERS[source](self.settings, self.clock, hear),
            self.clock,
        )
        works = (
            feeds._every(0.2, running.look),
            feeds._every(0.05, running.mend),
            feeds._every(ingest.FLUSH_SECONDS, running.flush),
        )
        task = asyncio.create_task(together(running.streams(), *works))
        try:
            yield running
            assert not task.done(), task.exception()
        finally:
            await cancel([task])
            await self._close(redis, history)

    @asynccontextmanager
    async def api(self):
        app = FastAPI()
        state = app.state
        redis = open_redis(self.settings.redis_url)
        state.settings, state.database, state.redis = self.settings, self.database, redis
        state.clock = self.clock
        history = open_venues(self.settings, redis, self.clock)
        state.hub = Hub(self.database, redis, self.clock)
        state.candles = open_candles(self.database, self.clock, history)
        state.live = LiveCandles(state.candles, state.hub, redis, self.clock)
        register_candles(state.hub, state.live)
        app.include_router(streams.router)
        config = uvicorn.Config(app, port=0, log_level="error", lifespan="off", ws_per_message_deflate=False)
        server = uvicorn.Server(config)
        tasks = [asyncio.create_task(work) for work in (state.hub.run(), state.live.run(), server.serve())]
        while not server.started:
            await asyncio.sleep(0.01)
        state.url = f"ws://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/api/stream"
        try:
            yield state
        finally:
            server.should_exit = server.force_exit = True
            await cancel(tasks)
            await self._close(redis, history)

    async def _close(self, redis, history):
        for venue in history.values():
            await venue.close()
        await redis.aclose()

    async def stored(self, name):
        source, symbol = name.split(":")
        async with self.database.transaction() as session:
            one = await store.series(session, source, symbol)
            return await store.read(session, one.id, 0, 2**40)

    async def told_by_venue(self, name, bars):
        source, symbol = name.split(":")
        history = open_venues(self.settings, open_redis(self.settings.redis_url), self.clock)
        found = await venues.span(
            history[source], symbol, Timeframe.M1, int(bars.time[0]), int(bars.time[-1]) + MINUTE
        )
        for venue in history.values():
            await venue.close()
        return found

    async def conflicts(self):
        async with self.database.transaction() as session:
            return list(await session.scalars(select(CandleConflict)))


@pytest.fixture
def house(there, database, sim):
    return House(there, database, sim)


def closed_at(visitor, topic):
    """Opening → every form in which a bar was told as closed."""
    found = {}
    for data in visitor.data(topic):
        for row in data["bars"]:
            if row[6]:
                found.setdefault(row[0], set()).add(tuple(row))
    return found


async def closes(visitor, topic, count):
    """Wait until so many more bars have closed since now."""
    before = max(closed_at(visitor, topic), default=0)
    async with asyncio.timeout(PATIENCE):
        while sum(at > before for at in closed_at(visitor, topic)) < count:
            await asyncio.sleep(0.05)


def assert_whole(visitor, topic):
    """What the page was told joins: each frame begins where the last ended, and no closed bar changed."""
    closed = closed_at(visitor, topic)
    assert all(len(forms) == 1 for forms in closed.values()), "a closed bar was told in two ways"
    times = sorted(closed)
    assert all(after - before == MINUTE for before, after in pairwise(times)), times
    return times


async def assert_stored(house, name, since, until):
    bars = await house.stored(name)
    span = bars.between(since, until + MINUTE)
    assert span.time.tolist() == list(range(since, until + MINUTE, MINUTE)), "each once, none missing"
    assert span == await house.told_by_venue(name, span)
    assert not await house.conflicts()


@pytest.mark.parametrize("series", ["binance:BTCUSDT", "bybit:ETHUSDT"])
async def test_a_chart_moves_and_its_closed_bars_are_stored(house, series):
    topic = f"candles:{series}:1m"
    async with house.feed(), house.api() as api, page(api) as visitor:
        await visitor.subscribed(topic)
        await visitor.hears(lambda m: m.get("topic") == topic)
        await closes(visitor, topic, 3)
        times = assert_whole(visitor, topic)
        forming = [row for data in visitor.data(topic) for row in data["bars"] if not row[6]]
        assert len({(row[0], row[4]) for row in forming}) > 4, "the forming bar moves"
        assert all(1 <= len(data["bars"]) <= 4 for data in visitor.data(topic))
        await assert_stored(house, series, times[0], times[-1])


async def test_longer_bars_are_what_the_history_says(house):
    topics = [f"candles:binance:BTCUSDT:{timeframe}" for timeframe in ("3m", "1h", "1d", "1w", "1M")]
    async with house.feed(), house.api() as api, page(api) as visitor:
        await visitor.subscribed(BTC, *topics)
        await closes(visitor, BTC, 4)
        series = await api.candles.find("binance", "BTCUSDT")
        for topic in topics:
            timeframe = Timeframe(topic.rpartition(":")[2])
            data = visitor.data(topic)[-1]
            shown = await api.candles.page(series, Asked(timeframe, 5))
            floats = shown.bars.as_floats()
            opened = dict(zip(floats.time.tolist(), floats.open.tolist(), strict=True))
            highest = dict(zip(floats.time.tolist(), floats.high.tolist(), strict=True))
            assert [row[0] for row in data["bars"]] == [t for t in opened if t <= data["bars"][-1][0]][-4:]
            for row in data["bars"]:
                assert row[1] == opened[row[0]]
                assert row[2] <= highest[row[0]]
                assert row[6] == 0 or row[2] == highest[row[0]]


async def test_a_series_that_nobody_watches_is_not_streamed(house):
    async with house.feed() as feed, house.api() as api:
        async with page(api) as visitor:
            await visitor.subscribed(BTC)
            await closes(visitor, BTC, 1)
            assert set(feed._tails) == {"binance:BTCUSDT"}
        async with asyncio.timeout(PATIENCE):
            while feed._tails:
                await asyncio.sleep(0.1)


async def test_what_is_pinned_is_stored_though_nobody_watches(house, database):
    async with database.transaction() as session:
        (await store.series(session, "bybit", "BTCUSDT")).pinned = True
    async with house.feed():
        async with asyncio.timeout(PATIENCE):
            while len(await house.stored("bybit:BTCUSDT")) < 7:
                await asyncio.sleep(0.2)
    bars = await house.stored("bybit:BTCUSDT")
    await assert_stored(house, "bybit:BTCUSDT", int(bars.time[0]), int(bars.time[-1]))


@pytest.mark.parametrize("kind", ["silent", "half_open", "drop_request", "drop_answer"])
async def test_the_stream_is_lost_and_no_closed_bar_is(house, kind, monkeypatch):
    hurried = sources.Patience(
        silence=1.5, longest_silence=3, pulse=3, answer=5, look=0.05, first_delay=0.02, longest_delay=0.2
    )
    monkeypatch.setattr(sources, "PATIENCE", hurried)
    async with house.feed(), house.api() as api, page(api) as visitor:
        await visitor.subscribed(BTC)
        await closes(visitor, BTC, 1)
        house.faults.replace([{"where": "binance.stream.btcusdt@kline_1m", "kind": kind, "count": 2}])
        async with asyncio.timeout(PATIENCE):
            while house.faults.describe()[0]["hits"] < 2:
                await asyncio.sleep(0.02)
        await closes(visitor, BTC, 3)
        times = assert_whole(visitor, BTC)
        await assert_stored(house, "binance:BTCUSDT", times[0], times[-1])


async def test_the_feed_dies_and_comes_back(house):
    async with house.api() as api, page(api) as visitor:
        async with house.feed():
            await visitor.subscribed(BTC)
            await closes(visitor, BTC, 1)
        await asyncio.sleep(7 * MINUTE / SPEED)
        async with house.feed():
            await closes(visitor, BTC, 3)
        times = sorted(closed_at(visitor, BTC))
        await assert_stored(house, "binance:BTCUSDT", times[0], times[-1])
        assert all(len(forms) == 1 for forms in closed_at(visitor, BTC).values())


async def test_redis_is_lost_for_a_while(house, redis):
    async with house.feed(), house.api() as api, page(api) as visitor:
        await visitor.subscribed(BTC)
        await closes(visitor, BTC, 1)
        for _ in range(3):
            await redis.flushall()
            await redis.client_kill_filter(_type="normal", skipme=True)
            await redis.client_kill_filter(_type="pubsub")
            await asyncio.sleep(0.4)
        await closes(visitor, BTC, 3)
        times = assert_whole(visitor, BTC)
        await assert_stored(house, "binance:BTCUSDT", times[0], times[-1])


async def test_the_api_is_restarted_and_another_tells_the_same(house):
    async with house.feed(), house.api() as one, page(one) as first:
        async with house.api() as two, page(two) as second:
            for visitor in (first, second):
                await visitor.subscribed(BTC)
            await closes(first, BTC, 2)
            await closes(second, BTC, 1)
        async with house.api() as three, page(three) as third:
            await third.subscribed(BTC)
            await closes(third, BTC, 1)
        told = [closed_at(visitor, BTC) for visitor in (first, second, third)]
        for other in told[1:]:
            for at in set(told[0]) & set(other):
                assert told[0][at] == other[at]
        assert sorted(told[2])[0] <= sorted(told[1])[-1] + 4 * MINUTE, "the first frame reaches back"


async def test_rest_is_away_and_nothing_later_is_announced_before_it_is_back(house):
    async with house.api() as api, page(api) as visitor:
        async with house.feed():
            await visitor.subscribed(BTC)
            await closes(visitor, BTC, 1)
        await asyncio.sleep(3 * MINUTE / SPEED)
        house.faults.replace([{"where": "binance.rest.klines", "kind": "error_500_before"}])
        async with house.feed():
            before = len(await house.stored("binance:BTCUSDT"))
            await asyncio.sleep(3 * MINUTE / SPEED)
            assert len(await house.stored("binance:BTCUSDT")) == before
            house.faults.replace([])
            await closes(visitor, BTC, 2)
        times = sorted(closed_at(visitor, BTC))
        await assert_stored(house, "binance:BTCUSDT", times[0], times[-1])


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("candles:binance:NOSUCH:1m", "There are no bars of 'binance:NOSUCH'"),
        ("candles:nowhere:BTCUSDT:1m", "There are no bars"),
        ("candles:binance:BTCUSDT:7m", "'7m' is no timeframe"),
        ("candles:binance:BTCUSDT", "names no series"),
        ("candles:", "names no series"),
        ("candles", "names no series"),
        ("candles:own:6c0e5a4e-0000-4000-8000-000000000000:1m", "Sign in"),
    ],
)
async def test_what_is_no_series_is_refused_clearly(house, topic, said):
    async with house.api() as api, page(api) as visitor:
        await visitor.say(op="subscribe", topics=[topic, BTC])
        refused = await visitor.hears(lambda m: m.get("op") == "error")
        assert said in refused["detail"]
        await visitor.hears(lambda m: m.get("op") == "subscribed" and m["topics"] == [BTC])


async def test_many_pages_of_a_cold_series_are_one_question(house):
    house.sim.clock.freeze()  # each minute that passes meanwhile would be a question of its own
    async with house.api() as api, AsyncExitStack() as opened:
        pages = [await opened.enter_async_context(page(api)) for _ in range(20)]
        asked = Counter()
        klines = api.candles._venues["binance"].klines

        async def counted(*arguments):
            asked["klines"] += 1
            return await klines(*arguments)

        api.candles._venues["binance"].klines = counted
        for visitor in pages:
            await visitor.say(op="subscribe", topics=[BTC])
        for visitor in pages:
            await visitor.hears(lambda m: m.get("topic") == BTC)
        assert asked["klines"] <= 8


async def test_levels_of_an_index_become_bars(house, database, redis):
    async with house.feed() as feed, house.api() as api, page(api) as visitor:
        topic = "candles:index:btc-d:1m"
        await visitor.subscribed(topic)
        level, said = 60.0, {}
        async with asyncio.timeout(PATIENCE):
            while len(closed_at(visitor, topic)) < 3:
                feed.hear_level("btc-d", level)
                minute = int(house.clock.now().timestamp()) // MINUTE * MINUTE
                said.setdefault(minute, []).append(level)
                level = round(level + 0.01, 2)
                await asyncio.sleep(0.05)
        for at, forms in closed_at(visitor, topic).items():
            ((_, opened, high, low, close, volume, _),) = forms
            assert high == close >= opened == low
            assert volume == 0
            assert said[at][0] == pytest.approx(opened, abs=0.011)
        async with database.transaction() as session:
            one = await session.scalar(select(CandleSeries).where(CandleSeries.source == "index"))
            bars = await store.read(session, one.id, 0, 2**40)
        assert set(closed_at(visitor, topic)) <= set(bars.time.tolist())
        shown = await api.candles.page(await api.candles.find("index", "btc-d"), Asked(Timeframe.M1, 10))
        assert set(bars.time.tolist()) <= set(shown.bars.time.tolist())
