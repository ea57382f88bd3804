"""The ticker stream at the simulated venue when it goes wrong: noticed soon, and mended with a snapshot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp.test_utils import TestServer

from holdfast.market.bybit_stream import TickerPatience, TickerStream
from holdfast.market.quotes import LiveQuote
from holdfast.platform.background import cancel
from holdfast.platform.clock import SystemClock
from holdfast.sim.server import create_app
from holdfast.sim.world import WORLD

CLOCK = SystemClock()
SYMBOLS = ("BTCUSDT", "ETHUSDT")
QUICK = TickerPatience(ping=0.2, silence=1.5, symbol_silence=1.5, look=0.05, first_delay=0.02)


@pytest.fixture
async def sim() -> AsyncIterator[TestServer]:
    server = TestServer(create_app(seed=3))
    await server.start_server()
    yield server
    await server.close()


@asynccontextmanager
async def following(sim: TestServer) -> AsyncIterator[TickerStream]:
    stream = TickerStream(str(sim.make_url("/v5/public/linear")), CLOCK, patience=QUICK)
    stream.want(SYMBOLS)
    task = asyncio.create_task(stream.run())
    try:
        await heard(stream)
        yield stream
    finally:
        await cancel([task])


async def heard(stream: TickerStream, seconds: float = 30) -> dict[str, LiveQuote]:
    """The next quote of every symbol."""
    found: dict[str, LiveQuote] = {}
    async with asyncio.timeout(seconds):
        while len(found) < len(SYMBOLS):
            found |= {quote.symbol: quote for quote in stream.drain()}
            await asyncio.sleep(0.02)
    return found


@pytest.mark.parametrize("kind", ["silent", "half_open", "drop_request"])
async def test_a_stream_that_stops_telling_is_replaced(sim: TestServer, kind: str) -> None:
    async with following(sim) as stream:
        rule = {"where": "bybit.public.linear.*", "kind": kind, "count": 1}
        sim.app[WORLD].faults.replace([rule])
        async with asyncio.timeout(30):
            while not sim.app[WORLD].faults.describe()[0]["hits"]:
                await asyncio.sleep(0.02)
        stream.drain()
        quotes = await heard(stream)
        assert all(quote.bid > 0 and quote.ask > 0 and quote.mark > 0 for quote in quotes.values())
        assert all((CLOCK.now() - quote.at).total_seconds() < 30 for quote in quotes.values())
