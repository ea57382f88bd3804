"""Real trades of Binance as a venue tells them, kline by kline, through the feed's ingest into the store:
what is stored equals the candles of the trades.

The recording holds no klines, so they are made here as the exchange makes them: trade by trade, in whole
numbers, of nothing but the recorded text. It is not part of this repository: HOLDFAST_SHARED names the folder
that holds ``data``.
"""

import asyncio
import gzip
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from redis.asyncio import Redis

from holdfast.core.time import from_ms
from holdfast.core.timeframes import MINUTE, Timeframe
from holdfast.market.candles import store
from holdfast.market.candles.service import Candles
from holdfast.market.live.ingest import Ingest
from holdfast.market.live.minutes import Minute, minutes_of
from holdfast.market.live.sources import BinanceMinutes
from holdfast.platform.background import cancel
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings
from holdfast.venues.binance import parse
from holdfast.venues.binance.events import Trade
from holdfast.venues.protocol import Candle, HistoryVenue

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("HOLDFAST_SHARED") or ROOT.parent / "shared")
RECORDING = SHARED / "data" / "binance_spot_stream_btcusdt_20240808.gz"
STREAM = "btcusdt@kline_1m"
EVERY = 20
"""Trades from one telling of a candle that forms to the next."""
UNIT = 10**8

pytestmark = pytest.mark.skipif(not RECORDING.exists(), reason=f"the recorded stream is not at {RECORDING}")


@pytest.fixture(scope="module")
def recorded() -> list[dict[str, Any]]:
    """The trades as they were sent."""
    with gzip.open(RECORDING) as lines:
        messages = [orjson.loads(line.partition(b" ")[2]) for line in lines if b"@trade" in line]
    return [message["data"] for message in messages]


@pytest.fixture(scope="module")
def candles(recorded: list[dict[str, Any]]) -> dict[int, Minute]:
    """By their opening, of the whole minutes, from the trades as our own reader reads them."""
    minutes: dict[int, list[Trade]] = defaultdict(list)
    for row in recorded:
        (trade,) = parse.events("btcusdt@trade", row)
        assert isinstance(trade, Trade)
        minutes[trade.at_ms // 60_000 * MINUTE].append(trade)
    whole = sorted(minutes)[1:-1]
    assert len(whole) == 5
    return {at: candle_of(at, minutes[at]) for at in whole}


def candle_of(at: int, trades: list[Trade]) -> Minute:
    prices = [trade.price for trade in trades]
    volume = sum((trade.quantity for trade in trades), Decimal(0))
    return Minute(at, prices[0], max(prices), min(prices), prices[-1], volume)


def kline_frames(recorded: list[dict[str, Any]], first: int) -> Iterator[dict[str, Any]]:
    """What the exchange tells of these trades from the minute ``first`` on: each candle again and again while
    it forms, and once when it is closed."""
    k: dict[str, Any] = {}
    for number, trade in enumerate(recorded):
        opened = trade["T"] // 60_000 * 60_000
        if opened < first * 1000:
            continue
        if k and k["t"] != opened:
            yield frame(k, opened, closed=True)
            k = {}
        price, quantity = whole(trade["p"]), whole(trade["q"])
        if not k:
            k = {"t": opened, "f": trade["t"], "o": price, "h": price, "l": price, "v": 0, "q": 0, "n": 0}
        k["h"], k["l"], k["c"], k["L"] = max(k["h"], price), min(k["l"], price), price, trade["t"]
        k["v"], k["q"], k["n"] = k["v"] + quantity, k["q"] + price * quantity // UNIT, k["n"] + 1
        if number % EVERY == 0:
            yield frame(k, trade["E"], closed=False)
    yield frame(k, recorded[-1]["E"], closed=False)


def whole(text: str) -> int:
    units, _, decimals = text.partition(".")
    return int(units + decimals.ljust(8, "0"))


def written(number: int) -> str:
    return f"{number // UNIT}.{number % UNIT:08d}"


def frame(k: dict[str, Any], at: int, *, closed: bool) -> dict[str, Any]:
    about = {"T": k["t"] + 59_999, "s": "BTCUSDT", "i": "1m", "x": closed, "V": "0", "Q": "0", "B": "0"}
    told = k | {name: written(k[name]) for name in "ohlcvq"} | about
    return {"stream": STREAM, "data": {"e": "kline", "E": at, "s": "BTCUSDT", "k": told}}


class Exchange:
    """Tells the frames to whoever listens, and what was not told to whoever asks. Its clock is theirs."""

    def __init__(self, frames: list[dict[str, Any]], candles: dict[int, Minute]) -> None:
        self._frames = frames
        self._candles = candles
        self._now = frames[0]["data"]["E"]
        self.asked: list[int] = []

    def now(self) -> datetime:
        return from_ms(self._now)

    async def tell(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        wanted = orjson.loads((await socket.receive()).data)
        assert STREAM in wanted["params"]
        await socket.send_json({"result": None, "id": wanted["id"]})
        for one in self._frames:
            self._now = one["data"]["E"]
            await socket.send_str(orjson.dumps(one).decode())
        self._now += 5_000
        await socket.receive()
        return socket

    async def klines(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime, limit: int
    ) -> list[Candle]:
        times = range(int(start.timestamp()), int(end.timestamp()), MINUTE)
        self.asked += times
        return [self._candle(at) for at in times]

    def _candle(self, at: int) -> Candle:
        """Before the recording nothing moved."""
        still = Decimal(60_000)
        one = self._candles.get(at, Minute(at, still, still, still, still, Decimal(1)))
        return Candle(from_ms(at * 1000), one.open, one.high, one.low, one.close, one.volume, Decimal(0))

    async def close(self) -> None:
        pass


@asynccontextmanager
async def fed(exchange: Exchange, database: Database, redis: Redis, settings: Settings) -> AsyncIterator[int]:
    """The id of the series that an ingest stores what the exchange tells in."""
    app = web.Application()
    app.router.add_get("/stream", exchange.tell)
    server = TestServer(app)
    await server.start_server()
    there = settings.model_copy(update={"binance_ws_url": str(server.make_url("")).rstrip("/")})
    async with database.transaction() as session:
        series = await store.series(session, "binance", "BTCUSDT")
        series.pinned = True
    venues = {"binance": cast(HistoryVenue, exchange)}
    ingest = Ingest(
        database,
        redis,
        Candles(database, exchange, venues),
        venues,
        lambda _source, hear: BinanceMinutes(there, exchange, hear),
        exchange,
    )

    async def work() -> None:
        while True:
            for step in (ingest.look, ingest.mend, ingest.flush):
                await step()
            await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(ingest.streams()), asyncio.create_task(work())]
    try:
        yield series.id
        assert not any(task.done() for task in tasks)
    finally:
        await cancel(tasks)
        await server.close()


@pytest.mark.parametrize(
    "lost", [None, 2, 4], ids=["all is heard", "a minute is not told", "the last is not"]
)
async def test_what_is_stored_equals_the_candles_of_the_trades(
    recorded: list[dict[str, Any]],
    candles: dict[int, Minute],
    database: Database,
    redis: Redis,
    settings: Settings,
    lost: int | None,
) -> None:
    first, *_, last = candles
    missed = [] if lost is None else [list(candles)[lost]]
    frames = [one for one in kline_frames(recorded, first) if one["data"]["k"]["t"] // 1000 not in missed]
    exchange = Exchange(frames, candles)
    async with fed(exchange, database, redis, settings) as series_id, asyncio.timeout(50):
        stored: list[Minute] = []
        while len(stored) < len(candles):
            await asyncio.sleep(0.05)
            async with database.transaction() as session:
                stored = minutes_of(await store.read(session, series_id, first, last + MINUTE))
    assert stored == list(candles.values())
    assert [at for at in exchange.asked if at >= first] == missed
