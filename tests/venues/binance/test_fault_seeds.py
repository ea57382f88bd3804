"""Seeded trouble of every kind, and a reader that fills over REST what it is told it missed. In the end it
has every candle once and every trade, exactly as the venue tells them."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from holdfast.core.time import from_ms, to_ms
from holdfast.platform.background import cancel
from holdfast.venues.binance.events import Kline, KlineUpdate, Trade
from holdfast.venues.binance.rest import BinancePublic
from holdfast.venues.binance.stream import Away, BinanceStream, Listening, StreamEvent
from holdfast.venues.protocol import VenueError

from .conftest import QUICK, Sim, simulated

TRADES, SECONDS = "btcusdt@trade", "btcusdt@kline_1s"
SPEED = 10
ROUNDS = 10
STREAM_KINDS = ("drop_answer", "drop_request", "delay", "duplicate", "reorder", "silent", "half_open")
REST_KINDS = ("drop_request", "drop_answer", "error_500_before", "delay_answer")


@dataclass
class VenueClock:
    """The simulated moment: it passes faster than ours."""

    sim: Sim

    def now(self) -> datetime:
        return from_ms(self.sim.world.clock.now_ms())


@dataclass
class Reader:
    """Keeps closed candles and trades; what it missed waits in ``holes``."""

    venue: BinancePublic
    candles: dict[int, Kline] = field(default_factory=dict)
    trades: dict[int, Trade] = field(default_factory=dict)
    holes: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    absences: int = 0

    def hear(self, event: StreamEvent) -> None:
        if isinstance(event, KlineUpdate) and event.closed:
            if event.kline.open_ms in self.candles and event.kline != self.candles[event.kline.open_ms]:
                self.doubled.append(event.kline.open_ms)
            self.candles[event.kline.open_ms] = event.kline
        elif isinstance(event, Trade):
            self.trades[event.id] = event
        elif isinstance(event, Away):
            self.absences += 1
            self.holes += [(name, event.since, event.until) for name in event.streams]

    async def fill(self) -> None:
        while self.holes:
            name, since, until = self.holes[0]
            if name == SECONDS:
                await self._fill_candles(since, until)
            else:
                await self._fill_trades(since, until)
            self.holes.pop(0)

    async def _fill_candles(self, since: datetime, until: datetime) -> None:
        start = from_ms(to_ms(since) // 1000 * 1000)
        while start < until:
            found = await self.venue.full_klines("BTCUSDT", "1s", start=start, end=until)
            self.candles |= {one.open_ms: one for one in found if one.close_ms < to_ms(until)}
            if not found:
                return
            start = from_ms(found[-1].close_ms + 1)

    async def _fill_trades(self, since: datetime, until: datetime) -> None:
        orders = await self.venue.agg_trades("BTCUSDT", start=since, limit=1)
        next_id = orders[0].first_trade if orders else None
        while next_id is not None:
            found = await self.venue.trades("BTCUSDT", from_id=next_id)
            self.trades |= {one.id: one for one in found}
            done = not found or found[-1].at_ms >= to_ms(until) or len(found) < 1000
            next_id = None if done else found[-1].id + 1


def trouble(dice: random.Random) -> list[dict[str, Any]]:
    """A handful of rules for the next seconds."""
    rules: list[dict[str, Any]] = [
        {
            "where": "binance.rest.*",
            "kind": dice.choice(REST_KINDS),
            "count": 1,
            "probability": 0.5,
            "delay_ms": 200,
        }
    ]
    if rules[0]["kind"] != "delay_answer":
        del rules[0]["delay_ms"]
    for _ in range(dice.randint(1, 3)):
        kind = dice.choice(STREAM_KINDS)
        rule = {"where": f"binance.stream.{dice.choice((TRADES, SECONDS, '*'))}", "kind": kind}
        rule |= {
            "count": dice.randint(1, 4),
            "probability": dice.choice((0.1, 0.5, 1.0)),
            "seed": dice.random(),
        }
        rule["seed"] = dice.randint(0, 99)
        if kind in ("delay", "duplicate", "reorder"):
            rule["delay_ms"] = dice.randint(50, 400)
        rules.append(rule)
    if dice.random() < 0.3:
        rules.append(
            {"where": "binance.stream.connect", "kind": dice.choice(("maintenance", "half_open")), "count": 1}
        )
    if dice.random() < 0.2:
        rules.append({"where": "binance.venue", "kind": "restart", "count": 1})
    return rules


async def patiently(work: Callable[[], Awaitable[Any]]) -> None:
    for _ in range(20):
        try:
            await work()
            return
        except VenueError:
            await asyncio.sleep(0.05)
    raise AssertionError("the venue never answered")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_nothing_is_lost_and_nothing_is_doubled(seed: int) -> None:
    dice = random.Random(seed)
    async with simulated(seed=seed, speed=SPEED) as sim:
        sim.streams.be(shutdown_s=1.0)
        clock = VenueClock(sim)
        venue = BinancePublic(sim.rest)
        reader = Reader(venue)
        patience = QUICK.__class__(
            silence=1.0,
            longest_silence=2.5,
            answer=1.0,
            look=0.05,
            first_delay=0.02,
            longest_delay=0.3,
            request=0.21,
            life=6.0,
        )
        told: list[StreamEvent] = []

        def hear(event: StreamEvent) -> None:
            told.append(event)
            reader.hear(event)

        stream = BinanceStream(f"{sim.rest}/stream", clock, hear, patience=patience, jitter=dice.random)
        stream.want([TRADES, SECONDS])
        task = asyncio.create_task(stream.run())
        try:
            async with asyncio.timeout(120):
                while len(reader.candles) < 3 or not reader.trades:
                    await asyncio.sleep(0.05)
                first_candle, first_trade = min(reader.candles), min(reader.trades)
                for _ in range(ROUNDS):
                    sim.faults.replace(trouble(dice))
                    await asyncio.sleep(1.2)
                    await patiently(reader.fill)
                sim.faults.replace([])
                healed = len(told)
                while not (
                    sum(isinstance(one, KlineUpdate) and one.closed for one in told[healed:]) >= 60
                    and sum(isinstance(one, Trade) for one in told[healed:]) >= 60
                ):
                    await asyncio.sleep(0.05)
                await reader.fill()
        finally:
            await cancel([task])
        await reader.fill()
        last_candle, last_trade = max(reader.candles), max(reader.trades)
        assert reader.absences > 0
        assert not reader.doubled
        assert sorted(one for one in reader.candles if one >= first_candle) == list(
            range(first_candle, last_candle + 1, 1000)
        )
        assert sorted(one for one in reader.trades if one >= first_trade) == list(
            range(first_trade, last_trade + 1)
        )
        start = from_ms(first_candle)
        truth: dict[int, Kline] = {}
        while to_ms(start) <= last_candle:
            page = await venue.full_klines("BTCUSDT", "1s", start=start)
            truth |= {one.open_ms: one for one in page}
            start = from_ms(page[-1].close_ms + 1)
        assert {opened: truth[opened] for opened in reader.candles if opened >= first_candle} == {
            opened: one for opened, one in reader.candles.items() if opened >= first_candle
        }
        heard = [one.id for one in told if isinstance(one, Trade)]
        assert heard == sorted(set(heard))
        closed = [one.kline.open_ms for one in told if isinstance(one, KlineUpdate) and one.closed]
        assert closed == sorted(set(closed))
        assert sum(isinstance(one, Listening) for one in told) == 1
        await venue.close()
