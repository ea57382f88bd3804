"""What one client can do to the stream: be refused clearly. Others are unharmed, and nothing grows."""

import asyncio
import gc
import json
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import psutil
import pytest
import uvicorn
from fastapi import FastAPI
from tests.app.pages import CLOCK, page, token_for
from tests.indices.builders import quote
from tests.market.candles.made import START, walk
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from holdfast.accounts.limits import Rate
from holdfast.accounts.models import User
from holdfast.accounts.tokens import Tokens, ensure_signing_key
from holdfast.app import hub as hubs
from holdfast.app import impatience, moderation
from holdfast.app import stream as streams
from holdfast.app.hub import Hub
from holdfast.app.impatience import ImpatientProtocol
from holdfast.app.topics import register_candles
from holdfast.app.wire import StreamProtocol
from holdfast.indices.board import IndexBoard
from holdfast.indices.candles import IndexReader
from holdfast.market.candles.readers import Series, StoredReader
from holdfast.market.candles.service import Candles
from holdfast.market.instruments import InstrumentBook
from holdfast.market.live.board import LiveCandles
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.background import cancel

SYMBOLS = 300
MOST_GROWTH = 32 * 1024**2


class OwnSeries(StoredReader):
    """Two bars that one user owns."""

    def __init__(self):
        super().__init__("own")
        self.owner = None

    async def find(self, session, symbol, viewer):
        if viewer is None or viewer != self.owner:
            return None
        return Series("own", symbol, 60, 2, 6, START, START + 60)

    async def read(self, session, series, start, end, *, hours=False):
        return walk(2).between(start, end)


@pytest.fixture
async def server(settings, database, redis):
    """Served as the real API is: quotes, indices and bars."""
    app = FastAPI()
    state = app.state
    state.settings, state.database, state.redis, state.clock = settings, database, redis, CLOCK
    state.quotes = QuoteBoard()
    for n in range(SYMBOLS):
        state.quotes.put(replace(quote(f"C{n}USDT", 1), at=CLOCK.now()))
    state.hub = Hub(database, redis, CLOCK)
    streams.register_public(state.hub, IndexBoard(state.quotes, InstrumentBook()), state.quotes, CLOCK)
    state.own = OwnSeries()
    state.live = LiveCandles(
        Candles(database, CLOCK, {}, {"own": state.own, "index": IndexReader()}), state.hub, redis, CLOCK
    )
    register_candles(state.hub, state.live)
    app.include_router(streams.router)
    config = uvicorn.Config(
        app, port=0, log_level="error", lifespan="off", http=ImpatientProtocol, ws=StreamProtocol,
        ws_per_message_deflate=False, ws_max_size=65536,
    )  # fmt: skip
    running = uvicorn.Server(config)
    tasks = [asyncio.create_task(work) for work in (state.hub.run(), state.live.run(), running.serve())]
    while not running.started:
        await asyncio.sleep(0.01)
    state.port = running.servers[0].sockets[0].getsockname()[1]
    state.url = f"ws://127.0.0.1:{state.port}/api/stream"
    yield state
    running.should_exit = running.force_exit = True
    await cancel(tasks)


async def unharmed(server):
    """Another page is served as always."""
    async with page(server) as other:
        await other.subscribed("indices", "quotes:C1USDT")
        await other.hears(lambda m: m.get("topic") == "quotes:C1USDT")


async def emptied(server):
    async with asyncio.timeout(30):
        while server.hub.clients or server.hub._audience:
            await asyncio.sleep(0.05)
    assert not server.hub._ticks.due
    assert not server.hub._ticks.soon


@asynccontextmanager
async def no_growth():
    """What is done within leaves the memory of this process, server and clients together, where it was."""
    process = psutil.Process()
    gc.collect()
    before = process.memory_info().rss
    yield
    assert process.memory_info().rss - before < MOST_GROWTH


async def test_ten_thousand_subscriptions_from_one_client(server):
    async with page(server) as greedy, no_growth():
        for first in range(0, 10_000, 200):
            topics = [f"quotes:C{n % SYMBOLS}USDT" for n in range(first, first + 200)]
            await greedy.say(op="subscribe", topics=topics)
            await asyncio.sleep(0.01)
        refused = await greedy.hears(lambda m: m.get("op") == "error")
        assert f"At most {hubs.MAX_TOPICS}" in refused["detail"]
        (client,) = server.hub.clients
        assert len(client.channels) == hubs.MAX_TOPICS
        assert len(client.pending) <= hubs.MAX_TOPICS + 1
        assert len(client.replies) <= streams.MAX_REPLIES + 200
        assert len(server.hub._audience) == hubs.MAX_TOPICS
        await unharmed(server)
    await emptied(server)


async def test_ten_thousand_subscriptions_in_one_message_are_too_big(server):
    async with page(server) as greedy:
        with suppress(ConnectionClosed):
            await greedy.say(op="subscribe", topics=[f"quotes:C{n}" for n in range(5_000)])
        await asyncio.wait_for(greedy.socket.wait_closed(), 30)
        assert greedy.socket.close_code == streams.TOO_BIG
    await emptied(server)


async def test_subscribing_and_leaving_again_and_again_leaves_nothing_behind(server):
    async with page(server) as restless:
        for n in range(400):
            await restless.say(
                op="subscribe", topics=[f"quotes:C{n % SYMBOLS}USDT", f"candles:binance:X{n}:1m"]
            )
            await restless.say(op="unsubscribe", topics=[f"quotes:C{n % SYMBOLS}USDT"])
            await asyncio.sleep(0.01)
        await restless.say(op="ping")
        await restless.hears(lambda m: m == {"op": "pong"}, 60)
        assert not server.hub._audience
        assert not server.live._ladders
        assert not server.live._series
        assert not server.live._looking


@pytest.mark.parametrize("bytes_", [b"", b"GET /api/stream HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_who_never_finishes_asking_is_closed(server, monkeypatch, bytes_):
    monkeypatch.setattr(impatience, "HEADERS_SECONDS", 2.0)
    async with no_growth():
        await slow_loris(server, bytes_)
    await unharmed(server)


async def slow_loris(server, bytes_):
    sockets = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(50)]
    for _, writer in sockets:
        writer.write(bytes_)

    async def trickle(writer):
        with suppress(OSError):
            while bytes_:
                writer.write(b"a")
                await asyncio.sleep(0.1)

    trickles = [asyncio.create_task(trickle(writer)) for _, writer in sockets]
    await unharmed(server)
    async with asyncio.timeout(30):
        for reader, _ in sockets:
            with suppress(ConnectionError):
                assert await reader.read() == b""
    await cancel(trickles)
    for _, writer in sockets:
        writer.close()


async def test_a_page_that_takes_its_time_is_not_a_slow_one(server, monkeypatch):
    monkeypatch.setattr(impatience, "HEADERS_SECONDS", 2.0)
    async with page(server) as visitor:
        await asyncio.sleep(3.0)
        await visitor.subscribed("indices")


async def test_forged_and_expired_tokens_open_nothing(server, database):
    user = User(id=uuid4(), email=None, password_hash=None, is_demo=True, created_at=CLOCK.now())
    async with database.transaction() as session:
        session.add(user)
    good, sign_in_id = await token_for(server, user)
    header, body, signature = good.split(".")
    expired, _ = await token_for(server, user, age=timedelta(hours=1))
    stolen_key = ensure_signing_key(server.settings.secrets_dir / "elsewhere")
    elsewhere = Tokens(stolen_key, access_lifetime=timedelta(minutes=10))
    forged = elsewhere.issue_access(user.id, sign_in_id, now=CLOCK.now())
    unsigned = f"eyJhbGciOiJub25lIn0.{body}."
    mixed = f"{header}.{body[:-2]}AA.{signature}"
    own = f"candles:own:{uuid4()}:1m"
    async with page(server) as stranger:
        for token in (forged, expired, unsigned, mixed, "", "a.b.c", "x" * 5000, 7, None):
            await stranger.say(op="auth", token=token)
        await stranger.say(op="subscribe", topics=[own, "quotes:C1USDT"])
        await stranger.hears(lambda m: m.get("topic") == "quotes:C1USDT")
        errors = [m for m in stranger.heard if m.get("op") == "error"]
        assert [error.get("code") for error in errors[:9]] == ["not-signed-in"] * 9
        assert "Sign in" in errors[9]["detail"]
        assert not [m for m in stranger.heard if m.get("op") == "authenticated"]


async def test_own_bars_are_heard_by_their_owner_only(server, database):
    users = [
        User(id=uuid4(), email=None, password_hash=None, is_demo=True, created_at=CLOCK.now()) for _ in "ab"
    ]
    async with database.transaction() as session:
        session.add_all(users)
    (mine, _), (theirs, _) = [await token_for(server, user) for user in users]
    server.own.owner = users[0].id
    own = f"candles:own:{uuid4()}:1m"
    async with page(server, mine) as owner, page(server, theirs) as stranger, page(server) as visitor:
        await owner.subscribed(own)
        await owner.hears(lambda m: m.get("topic") == own)
        for nosy, said in ((stranger, "There are no bars of"), (visitor, "Sign in")):
            await nosy.say(op="subscribe", topics=[own])
            assert said in (await nosy.hears(lambda m: m.get("op") == "error"))["detail"]
        server.hub.tell(own, b'"for nobody"')
        await owner.say(op="ping")
        await owner.hears(lambda m: m == {"op": "pong"})
        assert stranger.data(own) == visitor.data(own) == []
        assert '"for nobody"' not in owner.data(own)
        await server.redis.delete("candles:wanted")
        await asyncio.sleep(0.3)
        assert not await server.redis.zrange("candles:wanted", 0, -1), "nobody is told what users own"


async def test_a_client_that_reads_nothing_keeps_one_frame_a_topic(server, monkeypatch):
    monkeypatch.setattr(streams, "SEND_SECONDS", 2.0)
    deaf = await connect(server.url, compression=None, max_queue=1)
    deaf.transport.pause_reading()
    await deaf.send(json.dumps({"op": "subscribe", "topics": ["quotes:C1USDT"]}))
    async with asyncio.timeout(30):
        while not server.hub.heard("quotes"):
            await asyncio.sleep(0.02)
    (client,) = server.hub.clients
    loop = asyncio.get_running_loop()
    began = loop.time()
    while server.hub.clients and loop.time() - began < 60:
        server.hub.tell("quotes:C1USDT", json.dumps("x" * 200_000).encode())
        assert len(client.pending) <= 2
        await asyncio.sleep(0.02)
    assert not server.hub.clients, "it was let go"
    deaf.transport.abort()
    await unharmed(server)


async def test_new_users_of_one_network_hear_no_more_together(server, database, monkeypatch):
    monkeypatch.setattr(moderation, "TOPICS_OF_NETWORK", Rate("topics:shared", 2, timedelta(hours=1)))
    users = [
        User(id=uuid4(), email=None, password_hash=None, is_demo=True, created_at=CLOCK.now()) for _ in "ab"
    ]
    async with database.transaction() as session:
        session.add_all(users)
    (first, _), (second, _) = [await token_for(server, user) for user in users]
    async with page(server, first) as greedy, page(server, second) as same:
        await greedy.subscribed("candles:index:btc-d:1m", "candles:index:btc-d:5m")
        await same.say(op="subscribe", topics=["candles:index:btc-d:15m"])
        refused = await same.hears(lambda m: m.get("op") == "error")
        assert "'candles:index:btc-d:15m' cannot be heard now: Too much" in refused["detail"]


async def test_bars_of_so_many_series_and_no_more(server, database, monkeypatch):
    """Each could have a series streamed and its newest bars fetched."""
    monkeypatch.setitem(moderation.TOPICS, False, Rate("topics:network", 3, timedelta(hours=1)))
    async with page(server) as greedy:
        await greedy.say(op="subscribe", topics=[f"candles:index:btc-d:{one}" for one in ("1m", "5m", "15m")])
        await greedy.hears(lambda m: m.get("op") == "subscribed" and len(m["topics"]) == 3)
        await greedy.say(op="subscribe", topics=["candles:index:btc-d:1h", "quotes:C1USDT"])
        refused = await greedy.hears(lambda m: m.get("op") == "error")
        assert "'candles:index:btc-d:1h' cannot be heard now: Too much" in refused["detail"]
        assert "Try again in" in refused["detail"]
        await greedy.hears(lambda m: m.get("op") == "subscribed" and m["topics"] == ["quotes:C1USDT"])
        await greedy.say(op="subscribe", topics=["candles:index:btc-d:1m"])
        await greedy.hears(
            lambda m: m.get("op") == "subscribed" and m["topics"] == ["candles:index:btc-d:1m"]
        )
    user = User(id=uuid4(), email=None, password_hash=None, is_demo=True, created_at=CLOCK.now())
    async with database.transaction() as session:
        session.add(user)
    token, _ = await token_for(server, user)
    async with page(server, token) as signed_in:
        await signed_in.subscribed("candles:index:btc-d:1h")


async def test_one_network_does_not_take_every_place(server, monkeypatch):
    """Sockets that never say anything, in great number."""
    monkeypatch.setattr(streams, "MAX_OF_A_NETWORK", 5)
    silent = [await connect(server.url, compression=None) for _ in range(5)]
    refused = await connect(server.url, compression=None)
    await asyncio.wait_for(refused.wait_closed(), 30)
    assert refused.close_code == streams.TRY_LATER
    assert server.hub.networks == {"127.0.0.1": 5}
    async with connect(server.url, compression=None, local_addr=("127.0.0.2", 0)) as other:
        assert json.loads(await other.recv()) == {"op": "ready"}
    for socket in silent:
        await socket.close()
    await emptied(server)
    assert not server.hub.networks
    await unharmed(server)
