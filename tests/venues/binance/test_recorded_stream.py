"""A real recorded stream of Binance, read as the feed reads it: the book agrees with every best price that
was sent, trade ids follow each other, and candles built from the trades obey the rules of klines.

The recording is not part of this repository. HOLDFAST_SHARED names the folder that holds ``data``.
"""

import asyncio
import gzip
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from holdfast.platform.background import cancel
from holdfast.venues.binance import parse
from holdfast.venues.binance.book import LocalBook
from holdfast.venues.binance.events import BookTicker, DepthDiff, DepthSnapshot, Trade
from holdfast.venues.binance.progress import Heard, Progress
from holdfast.venues.binance.stream import Away, BinanceStream, Listening, StreamEvent

from .conftest import CLOCK, QUICK

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("HOLDFAST_SHARED") or ROOT.parent / "shared")
RECORDING = SHARED / "data" / "binance_spot_stream_btcusdt_20240808.gz"

pytestmark = pytest.mark.skipif(not RECORDING.exists(), reason=f"the recorded stream is not at {RECORDING}")


@dataclass
class Recording:
    frames: int = 0
    trades: list[Trade] = field(default_factory=list)
    best: list[BookTicker] = field(default_factory=list)
    book: list[DepthDiff | DepthSnapshot] = field(default_factory=list)
    """In the order of arrival."""
    verdicts: dict[str, dict[Heard, int]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(int))
    )


@pytest.fixture(scope="module")
def recording() -> Recording:
    found = Recording()
    progress: dict[str, Progress] = defaultdict(Progress)
    with gzip.open(RECORDING) as lines:
        for line in lines:
            found.frames += 1
            message: Any = orjson.loads(line.partition(b" ")[2])
            if "stream" not in message:
                found.book.append(parse.snapshot(message, "BTCUSDT"))
                continue
            for event in parse.events(message["stream"], message["data"]):
                found.verdicts[message["stream"]][progress[message["stream"]].hear(event)] += 1
                if isinstance(event, Trade):
                    found.trades.append(event)
                elif isinstance(event, BookTicker):
                    found.best.append(event)
                elif isinstance(event, DepthDiff):
                    found.book.append(event)
                else:
                    raise AssertionError(f"unexpected {event}")
    return found


def test_every_frame_is_read(recording: Recording) -> None:
    snapshots = sum(isinstance(one, DepthSnapshot) for one in recording.book)
    assert recording.frames == len(recording.trades) + len(recording.best) + len(recording.book) == 41_249
    assert snapshots == 1


def test_nothing_is_missing_and_nothing_is_told_twice(recording: Recording) -> None:
    assert {name: dict(found) for name, found in recording.verdicts.items()} == {
        "btcusdt@trade": {Heard.NEW: len(recording.trades)},
        "btcusdt@bookTicker": {Heard.NEW: len(recording.best)},
        "btcusdt@depth@100ms": {Heard.NEW: len(recording.book) - 1},
    }


def test_trade_ids_follow_each_other(recording: Recording) -> None:
    ids = [trade.id for trade in recording.trades]
    assert len(ids) > 1000
    assert all(after == before + 1 for before, after in pairwise(ids))


def test_the_book_agrees_with_every_best_price_sent(recording: Recording) -> None:
    """A best price holds from its update until the next one's: after each change of the book the last best
    price up to that update must be the book's."""
    book, compared, place = LocalBook("BTCUSDT"), 0, 0
    best = recording.best
    for one in recording.book:
        if isinstance(one, DepthSnapshot):
            assert book.start(one)
        else:
            book.apply(one)
        if book.needs_snapshot:
            continue
        while place + 1 < len(best) and best[place + 1].update_id <= book.last_id:
            place += 1
        if best[place].update_id > book.last_id or place + 1 == len(best):
            continue
        shown = best[place]
        assert book.bids.best() == (shown.bid, shown.bid_quantity), book.last_id
        assert book.asks.best() == (shown.ask, shown.ask_quantity), book.last_id
        compared += 1
    assert not book.needs_snapshot
    assert compared > 3000


def test_the_book_notices_a_dropped_change(recording: Recording) -> None:
    book = LocalBook("BTCUSDT")
    applied = 0
    for one in recording.book:
        if isinstance(one, DepthSnapshot):
            book.start(one)
            continue
        applied += not book.needs_snapshot
        if applied == 100:
            applied += 1
            continue
        if not book.apply(one) and applied:
            break
    assert applied == 102
    assert book.needs_snapshot


def test_candles_of_the_trades_obey_the_rules_of_klines(recording: Recording) -> None:
    minutes: dict[int, list[Trade]] = defaultdict(list)
    for trade in recording.trades:
        minutes[trade.at_ms // 60_000].append(trade)
    whole = sorted(minutes)[1:]
    assert len(whole) >= 5
    assert whole == list(range(whole[0], whole[0] + len(whole)))
    for minute in whole:
        found = minutes[minute]
        row = [
            minute * 60_000, str(found[0].price), str(max(one.price for one in found)),
            str(min(one.price for one in found)), str(found[-1].price),
            str(sum(one.quantity for one in found)), minute * 60_000 + 59_999,
            str(sum(one.quantity * one.price for one in found)), len(found),
            str(sum((one.quantity for one in found if not one.buyer_is_maker), Decimal(0))), "0", "0",
        ]  # fmt: skip
        (kline,) = parse.klines([row], "BTCUSDT", "1m")
        assert kline.trades == found[-1].id - found[0].id + 1
        assert kline.low * kline.volume <= kline.turnover <= kline.high * kline.volume
        assert kline.taker_volume <= kline.volume
        assert kline.candle().open == found[0].price


STREAMS = ("btcusdt@trade", "btcusdt@bookTicker", "btcusdt@depth@100ms")
OVERLAP = 500


@dataclass
class Player:
    """Plays the recording to whoever subscribes. At each of ``cuts`` the connection breaks, and the next one
    begins ``back`` frames earlier (or, below zero, later)."""

    frames: list[str]
    cuts: list[int] = field(default_factory=list)
    back: int = 0
    place: int = 0

    async def play(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        message = await socket.receive()
        assert message.type is WSMsgType.TEXT
        await socket.send_str(f'{{"result":null,"id":{orjson.loads(message.data)["id"]}}}')
        stop = self.cuts.pop(0) if self.cuts else len(self.frames)
        while self.place < stop:
            await socket.send_str(self.frames[self.place])
            self.place += 1
        if stop == len(self.frames):
            await socket.receive()
            return socket
        self.place = stop - self.back
        await socket.close()
        return socket


@pytest.fixture(scope="module")
def frames() -> list[str]:
    with gzip.open(RECORDING, "rt") as lines:
        found = [line.partition(" ")[2].strip() for line in lines]
    return [frame for frame in found if frame.startswith('{"stream"')]


@asynccontextmanager
async def played(player: Player) -> AsyncIterator[list[StreamEvent]]:
    """Everything our client tells of the recording, to its end."""
    app = web.Application()
    app.router.add_get("/stream", player.play)
    server = TestServer(app)
    await server.start_server()
    told: list[StreamEvent] = []
    stream = BinanceStream(str(server.make_url("/stream")), CLOCK, told.append, patience=QUICK)
    stream.want(STREAMS)
    task = asyncio.create_task(stream.run())
    (last,) = parse.events("x", orjson.loads(player.frames[-1])["data"])
    try:
        async with asyncio.timeout(50):
            while last not in told[-20:]:
                await asyncio.sleep(0.05)
        yield told
    finally:
        await cancel([task])
        await server.close()


async def test_over_a_socket_every_frame_is_told_in_order(recording: Recording, frames: list[str]) -> None:
    async with played(Player(frames)) as told:
        assert [one for one in told if isinstance(one, Trade)] == recording.trades
        assert [one for one in told if isinstance(one, BookTicker)] == recording.best
        assert [one for one in told if isinstance(one, DepthDiff)] == [
            one for one in recording.book if isinstance(one, DepthDiff)
        ]
        assert [one.streams for one in told if isinstance(one, Listening)] == [tuple(sorted(STREAMS))]
        assert not [one for one in told if isinstance(one, Away)]


async def test_connections_that_overlap_tell_everything_once(recording: Recording, frames: list[str]) -> None:
    async with played(Player(frames, cuts=[9_000, 20_000, 33_000], back=OVERLAP)) as told:
        assert [one for one in told if isinstance(one, Trade)] == recording.trades
        assert [one for one in told if isinstance(one, BookTicker)] == recording.best
        assert sum(isinstance(one, DepthDiff) for one in told) == len(recording.book) - 1
        assert sum(isinstance(one, Away) for one in told) == 3


async def test_what_was_played_while_nobody_listened_is_told(recording: Recording, frames: list[str]) -> None:
    async with played(Player(frames, cuts=[20_000], back=-OVERLAP)) as told:
        away = [one for one in told if isinstance(one, Away)]
        assert set(away[0].streams) == set(STREAMS)
        assert {one.streams for one in away[1:]} == {("btcusdt@trade",), ("btcusdt@depth@100ms",)}
        heard = [one.id for one in told if isinstance(one, Trade)]
        assert len(heard) < len(recording.trades)
        assert sum(after > before + 1 for before, after in pairwise(heard)) == 1
        book = LocalBook("BTCUSDT")
        (snapshot,) = (one for one in recording.book if isinstance(one, DepthSnapshot))
        in_step: list[bool] = []
        for one in told:
            if isinstance(one, DepthDiff):
                in_step.append(book.apply(one))
                if len(in_step) == 10:
                    assert book.start(snapshot)
        assert not in_step[-1]
