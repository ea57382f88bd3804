"""The ticker stream over a real socket, against a venue that misbehaves on demand."""

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from holdfast.core.time import to_ms
from holdfast.market.bybit_stream import TickerPatience, TickerStream
from holdfast.platform.background import cancel
from holdfast.platform.clock import SystemClock

CLOCK = SystemClock()


class Venue:
    """Acknowledges subscriptions, sends a snapshot of each symbol, and what a test wants beyond."""

    def __init__(self):
        self.sockets = []
        self.subscribed = []
        self.pings = 0
        self.refused = set()
        self.silent = False
        self.connections = 0

    async def handle(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        self.sockets.append(socket)
        async for frame in socket:
            await self.answer(socket, orjson.loads(frame.data))
        return socket

    async def answer(self, socket, message):
        if message["op"] == "ping":
            self.pings += 1
            await socket.send_json({"success": True, "ret_msg": "pong", "op": "ping", "req_id": ""})
            return
        symbols = [topic.removeprefix("tickers.") for topic in message["args"]]
        ok = not self.refused.intersection(symbols)
        await socket.send_json(
            {"success": ok, "ret_msg": "", "op": message["op"], "req_id": message["req_id"]}
        )
        if message["op"] == "unsubscribe" or not ok:
            return
        self.subscribed += symbols
        for symbol in symbols:
            await self.tell(socket, symbol, kind="snapshot", lastPrice="100", bid1Price="99", ask1Price="101")

    async def tell(self, socket, symbol, *, kind="delta", **data):
        if not self.silent:
            ts = to_ms(CLOCK.now())
            await socket.send_json(
                {
                    "topic": f"tickers.{symbol}",
                    "type": kind,
                    "data": {"symbol": symbol} | data,
                    "cs": 1,
                    "ts": ts,
                }
            )


@pytest.fixture
async def venue():
    venue = Venue()
    app = web.Application()
    app.router.add_get("/v5/public/linear", venue.handle)
    server = TestServer(app)
    await server.start_server()
    venue.url = str(server.make_url("/v5/public/linear")).replace("http", "ws")
    venue.server = server
    yield venue
    for socket in venue.sockets:
        await socket.close()
    await server.close()


@asynccontextmanager
async def running(venue, symbols, **patience):
    stream = TickerStream(venue.url, CLOCK, patience=TickerPatience(first_delay=0.05, **patience))
    stream.want(symbols)
    task = asyncio.create_task(stream.run())
    try:
        yield stream
    finally:
        await cancel([task])


async def collect(stream, ready, seconds=30.0):
    """The latest quote of every symbol once ``ready`` of them is true."""
    latest = {}
    async with asyncio.timeout(seconds):
        while True:
            latest |= {quote.symbol: quote for quote in stream.drain()}
            if ready(latest):
                return latest
            await asyncio.sleep(0.01)


async def test_snapshots_and_deltas_arrive(venue):
    async with running(venue, ["AUSDT", "BUSDT"]) as stream:
        latest = await collect(stream, lambda q: len(q) == 2)
        assert latest["AUSDT"].bid == 99
        await venue.tell(venue.sockets[0], "AUSDT", bid1Price="99.5")
        latest = await collect(stream, lambda q: "AUSDT" in q)
        assert (latest["AUSDT"].bid, latest["AUSDT"].ask) == (99.5, 101)
        assert abs((CLOCK.now() - latest["AUSDT"].at).total_seconds()) < 60


async def test_many_symbols_are_asked_for_in_chunks(venue):
    symbols = [f"C{n:03d}USDT" for n in range(130)]
    async with running(venue, symbols) as stream:
        assert len(await collect(stream, lambda q: len(q) == 130)) == 130
        assert sorted(venue.subscribed) == symbols


async def test_wishes_may_change(venue):
    async with running(venue, ["AUSDT"]) as stream:
        await collect(stream, lambda q: "AUSDT" in q)
        stream.want(["BUSDT"])
        await collect(stream, lambda q: "BUSDT" in q)
        await venue.tell(venue.sockets[0], "AUSDT", bid1Price="1")
        await venue.tell(venue.sockets[0], "BUSDT", bid1Price="2")
        latest = await collect(stream, lambda q: "BUSDT" in q)
        assert "AUSDT" not in latest


async def test_one_refused_symbol_costs_nobody_else(venue):
    venue.refused = {"BADUSDT"}
    async with running(venue, ["AUSDT", "BADUSDT", "BUSDT"]) as stream:
        assert set(await collect(stream, lambda q: len(q) == 2)) == {"AUSDT", "BUSDT"}


async def test_a_closed_connection_is_opened_again(venue):
    async with running(venue, ["AUSDT"]) as stream:
        await collect(stream, lambda q: "AUSDT" in q)
        await venue.sockets[0].close()
        await collect(stream, lambda q: "AUSDT" in q)
        assert venue.connections == 2


async def test_a_silent_connection_is_given_up(venue):
    async with running(venue, ["AUSDT"], silence=0.5) as stream:
        await collect(stream, lambda q: "AUSDT" in q)
        venue.silent = True
        async with asyncio.timeout(30):
            while venue.connections < 2:
                await asyncio.sleep(0.02)
        venue.silent = False
        await collect(stream, lambda q: "AUSDT" in q)


async def test_a_silent_symbol_is_subscribed_anew(venue):
    async with running(venue, ["AUSDT"], symbol_silence=0.5) as stream:
        await collect(stream, lambda q: "AUSDT" in q)
        await collect(stream, lambda q: "AUSDT" in q)
        assert venue.subscribed.count("AUSDT") >= 2
        assert venue.connections == 1


async def test_nonsense_is_survived(venue):
    async with running(venue, ["AUSDT"]) as stream:
        await collect(stream, lambda q: "AUSDT" in q)
        for nonsense in (
            "{",
            "[]",
            "5",
            '{"topic":"tickers.AUSDT"}',
            '{"topic":"tickers.AUSDT","type":"delta","ts":"x"}',
        ):
            await venue.sockets[0].send_str(nonsense)
        await venue.tell(venue.sockets[0], "AUSDT", bid1Price="98")
        latest = await collect(stream, lambda q: "AUSDT" in q)
        assert latest["AUSDT"].bid == 98
        assert venue.connections == 1


async def test_the_venue_hears_pings(venue):
    async with running(venue, ["AUSDT"], ping=0.05) as stream:
        await collect(stream, lambda _: venue.pings >= 3)


async def test_a_venue_that_is_away_at_first_is_found_later(venue):
    port = venue.server.port
    await venue.server.close()
    async with running(venue, ["AUSDT"]) as stream:
        await asyncio.sleep(0.3)
        app = web.Application()
        app.router.add_get("/v5/public/linear", venue.handle)
        server = TestServer(app, port=port)
        await server.start_server()
        try:
            await collect(stream, lambda q: "AUSDT" in q)
        finally:
            for socket in venue.sockets:
                await socket.close()
            await server.close()
