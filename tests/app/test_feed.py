"""The feed against the simulator: real sockets, real Redis, real PostgreSQL."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from uuid import uuid4

import orjson
import pytest
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from holdfast.accounts.models import Connection, User
from holdfast.app import feed as feeds
from holdfast.app.feed import Feed
from holdfast.charts.sources import open_venues
from holdfast.core.instruments import InstrumentKind
from holdfast.indices import repository, reviewed
from holdfast.indices import tasks as indices
from holdfast.indices.models import IndexLevel
from holdfast.market import quotes
from holdfast.market import tasks as market
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.background import cancel
from holdfast.platform.clock import SystemClock
from holdfast.platform.jobs import Lease
from holdfast.platform.tasks import RunAgainIn, Work
from holdfast.portfolio.models import Posting, Sleeve
from holdfast.sim.server import create_app
from holdfast.venues.registry import public_venue

CLOCK = SystemClock()


@pytest.fixture
async def sim():
    server = TestServer(create_app(seed=3))
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def prepared(settings, sim, database, redis):
    """Settings of an installation whose instruments and market caps have been read."""
    there = settings.model_copy(update={"sim_port": sim.port})
    lease = Lease(1, "test", "", 1, 1, CLOCK.now() + timedelta(minutes=1))
    work = Work(lease, database, redis, there, CLOCK, {})
    for job in (market.refresh_instruments, indices.poll_market_caps):
        with pytest.raises(RunAgainIn):
            await job(work)
    return there


@pytest.fixture
async def feed(prepared, database, redis, monkeypatch):
    async with opened(prepared, database, redis) as feed, running(feed):
        yield feed


@asynccontextmanager
async def opened(settings, database, redis):
    venue = public_venue("bybit", settings, clock=CLOCK)
    history = open_venues(settings, redis, CLOCK)
    yield Feed(settings, database, redis, venue, CLOCK, history)
    for one in (venue, *history.values()):
        await one.close()


@asynccontextmanager
async def running(feed):
    task = asyncio.create_task(feed.run())
    yield
    await cancel([task])


async def messages(redis, channel, ready, seconds=30.0):
    """What is heard on a channel until ``ready`` says it is enough."""
    heard = []
    async with redis.pubsub(ignore_subscribe_messages=True) as listener, asyncio.timeout(seconds):
        await listener.subscribe(channel)
        async for message in listener.listen():
            heard.append(orjson.loads(message["data"]))
            if ready(heard):
                return heard
    raise AssertionError("the channel ended")


async def test_levels_are_fresh_and_move(feed, redis):
    def fresh(heard):
        return not any(tick["stale_reason"] for tick in heard[-1])

    heard = await messages(redis, "levels", fresh)
    ticks = {tick["index_id"]: tick for tick in heard[-1]}
    assert set(ticks) == {"btc-d", "eth-d", "eth-btc", "top-10"}
    assert len(ticks["btc-d"]["members"]) == 11
    first = ticks["btc-d"]["level"]
    await messages(redis, "levels", lambda heard: heard[-1][0]["level"] != first)


async def test_quotes_are_published_at_most_four_times_a_second_and_kept(feed, redis):
    began = asyncio.get_running_loop().time()
    heard = await messages(redis, "quotes", lambda heard: len(heard) >= 8)
    assert asyncio.get_running_loop().time() - began >= 1.5
    assert {"b", "a", "l", "m", "i", "t", "f", "p", "at"} == set(next(iter(heard[0].values())))
    board = QuoteBoard()
    await board.load(redis)
    assert board.get("BTCUSDT").bid > 0
    assert len(board.all()) > 50


async def test_levels_are_recorded_once_a_minute(feed, database):
    async def recorded():
        async with database.transaction() as session:
            return list(await session.scalars(select(IndexLevel)))

    async with asyncio.timeout(30):
        while len(await recorded()) < 4:
            await asyncio.sleep(0.1)
    rows = await recorded()
    assert {row.source for row in rows} == {"live"}
    minutes = {row.at.replace(second=0) for row in rows}
    await feed.record_levels()
    again = {row.at.replace(second=0) for row in await recorded()}
    assert len(await recorded()) == 4 * len(minutes | again)


async def test_rest_fills_in_while_the_stream_is_away(prepared, database, redis):
    deaf = prepared.model_copy(update={"bybit_public_ws_url": "ws://127.0.0.1:9/nothing"})
    async with opened(deaf, database, redis) as feed, running(feed):
        await messages(redis, "levels", lambda heard: not any(t["stale_reason"] for t in heard[-1]))
        assert not feed._stream.drain()


async def test_a_venue_that_falls_silent_makes_the_indices_stale(feed, redis, sim, monkeypatch):
    await messages(redis, "levels", lambda heard: not any(t["stale_reason"] for t in heard[-1]))
    await sim.close()
    heard = await messages(redis, "levels", lambda heard: all(t["stale_reason"] for t in heard[-1]))
    assert "more than 10 seconds old" in heard[-1][0]["stale_reason"]
    assert heard[-1][0]["level"] is not None


async def test_what_somebody_holds_is_followed_even_if_no_index_may_hold_it(prepared, database, redis):
    async with opened(prepared, database, redis) as feed:
        reviewed_symbols = {listing.symbol for listing in reviewed.listings().values()}
        listed = await feed._venue.instruments(InstrumentKind.LINEAR)
        symbol = next(i.symbol for i in listed if i.symbol not in reviewed_symbols and i.status == "trading")
        await feed.refresh()
        assert symbol not in feed._wanted
        await _hold(database, symbol)
        await feed.refresh()
        await feed.fill_gaps()
        await feed.publish_quotes()
        await feed.bars.look()
        assert f"bybit:{symbol}" in feed.bars._tails, "its bars, too"
    board = QuoteBoard()
    await board.load(redis)
    assert board.get(symbol).bid > 0


async def _hold(database, symbol):
    """An open position in the instrument."""
    now, user_id, connection_id, sleeve_id = CLOCK.now(), uuid4(), uuid4(), uuid4()
    async with database.transaction() as session:
        session.add(User(id=user_id, email=None, password_hash=None, is_demo=True, created_at=now))
        await session.flush()
        session.add(
            Connection(
                id=connection_id,
                user_id=user_id,
                venue="bybit",
                environment="simulated",
                label="",
                key_hint="",
                state="active",
                created_at=now,
            )
        )
        await session.flush()
        session.add(
            Sleeve(
                id=sleeve_id,
                user_id=user_id,
                connection_id=connection_id,
                index_id="btc-d",
                index_version="1",
                direction="long",
                size=Decimal(100),
                entry_level=60.0,
                state="active",
                created_at=now,
            )
        )
        await session.flush()
        session.add(
            Posting(
                connection_id=connection_id,
                sleeve_id=sleeve_id,
                kind="trade",
                asset=symbol,
                amount=Decimal(1),
                symbol=symbol,
                reference="x",
                at=now,
                booked_at=now,
            )
        )


class HandClock:
    """Stands still until it is moved."""

    def __init__(self):
        self.time = CLOCK.now().replace(second=58, microsecond=0)

    def now(self):
        return self.time

    def move(self, seconds):
        self.time += timedelta(seconds=seconds)


@asynccontextmanager
async def by_hand(settings, database, redis):
    """A feed that does only what it is told, on a clock that moves only when it is moved."""
    clock = HandClock()
    venue = public_venue("bybit", settings, clock=CLOCK)
    yield Feed(settings, database, redis, venue, clock, {}), clock
    await venue.close()


async def test_an_answer_that_took_long_displaces_no_newer_tick(prepared, database, redis, monkeypatch):
    async with by_hand(prepared, database, redis) as (feed, clock):
        feed._wanted = frozenset({"BTCUSDT", "ETHUSDT"})
        asked = clock.now()
        answer = await feed._venue.quotes(InstrumentKind.LINEAR)
        told = next(quote for quote in answer if quote.symbol == "BTCUSDT")
        tick = replace(feed._from_rest(told, asked + timedelta(seconds=1)), last=told.last + 7)

        async def slowly(kind):
            clock.move(1)
            monkeypatch.setattr(feed._stream, "drain", lambda: [tick])
            await feed.publish_quotes()
            monkeypatch.setattr(feed._stream, "drain", list)
            clock.move(5)
            return answer

        monkeypatch.setattr(feed._venue, "quotes", slowly)
        await feed.fill_gaps()
        assert feed._quotes.get("BTCUSDT") == tick
        assert feed._quotes.get("ETHUSDT").at == asked, "as old as the question, not as the answer"
        assert set(feed._unpublished) == {"ETHUSDT"}, "what is older than what is known is not published"
        await feed.publish_quotes()
    board = QuoteBoard()
    await board.load(redis)
    assert board.get("BTCUSDT").last == tick.last


async def test_levels_are_recorded_with_the_second_they_were_computed_in(
    prepared, database, redis, monkeypatch
):
    async with by_hand(prepared, database, redis) as (feed, clock):
        computed = {}

        def level(index_id, now):
            computed[index_id] = clock.now()
            return SimpleNamespace(level=50.0, stale_reason="")

        save = repository.save_levels

        async def stalling(*args):
            clock.move(20)
            await save(*args)

        monkeypatch.setattr(feed._board, "level", level)
        monkeypatch.setattr(repository, "save_levels", stalling)
        await feed.record_levels()
    async with database.transaction() as session:
        rows = list(await session.scalars(select(IndexLevel)))
    assert len(rows) == 4
    assert {row.index_id: row.at for row in rows} == computed


async def test_the_feed_survives_losing_its_redis_connections(feed, redis):
    await messages(redis, "quotes", lambda heard: len(heard) >= 2)
    await redis.client_kill_filter(_type="normal", skipme=True)
    await messages(redis, "quotes", lambda heard: len(heard) >= 2)


def test_what_the_feed_publishes_is_read_where_it_is_expected():
    assert quotes.CHANNEL == "quotes"
    assert feeds.LEVELS_CHANNEL == "levels"
