"""What a stream begins with where nothing is announced."""

from datetime import datetime, timedelta

import orjson
import pytest
from redis.asyncio import Redis
from tests.market.candles.test_backfill import NOW, FakeVenue, FixedClock, history

from holdfast.core.timeframes import MINUTE, Timeframe
from holdfast.market.candles import backfill, store
from holdfast.market.candles.service import Candles
from holdfast.market.live.board import LiveCandles
from holdfast.platform.database import Database
from holdfast.venues.protocol import Candle

FORMING = NOW // MINUTE * MINUTE


class MovableClock(FixedClock):
    passed = timedelta()

    def now(self) -> datetime:
        return super().now() + self.passed


class SlowVenue(FakeVenue):
    """What it says was so when it was asked; it arrives 40 seconds later, past the end of the minute."""

    def __init__(self, clock: MovableClock) -> None:
        super().__init__(history())
        self.clock = clock

    async def klines(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime, limit: int
    ) -> list[Candle]:
        found = await super().klines(symbol, timeframe, start, end, limit)
        self.clock.passed += timedelta(seconds=40)
        return found


class Nobody:
    """Listeners of a process nobody listens to."""

    def heard(self, prefix: str) -> list[str]:
        return []

    def is_heard(self, topic: str) -> bool:
        return False

    def tell(self, topic: str, data: bytes) -> None:
        raise AssertionError(topic)

    def ask(self, topic: str) -> None:
        raise AssertionError(topic)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


async def test_a_part_of_a_minute_is_not_told_as_closed_because_its_answer_came_late(
    database: Database, redis: Redis, clock: MovableClock
) -> None:
    async with database.transaction() as session:
        await store.series(session, "bybit", "BTCUSDT")
    candles = Candles(database, clock, {"bybit": SlowVenue(clock)})
    live = LiveCandles(candles, Nobody(), redis, clock)
    async with database.transaction() as session:
        tick = await live.snapshot(session, None, "bybit:BTCUSDT:1m")
    assert tick is not None
    assert {row[0]: row[6] for row in tick.bars}[FORMING] == 0
    assert clock.now().timestamp() > FORMING + MINUTE, "it has closed since"


async def test_a_part_of_a_minute_is_not_stored_because_its_answer_came_late(
    database: Database, clock: MovableClock
) -> None:
    async with database.transaction() as session:
        one = await store.series(session, "bybit", "BTCUSDT")
    start, until = FORMING - 10 * MINUTE, FORMING + MINUTE
    await backfill.fetch(database, SlowVenue(clock), one, start, until, clock)
    async with database.transaction() as session:
        stored = await store.read(session, one.id, start, until)
    assert stored.time.tolist() == list(range(start, FORMING, MINUTE))


class Everybody(Nobody):
    """Listeners of a process somebody listens to, who remember what they are told."""

    def __init__(self, *topics: str) -> None:
        self.topics = topics
        self.asked: list[str] = []

    def is_heard(self, topic: str) -> bool:
        return topic in self.topics

    def ask(self, topic: str) -> None:
        self.asked.append(topic)


def announced(**changes: object) -> dict[str, object]:
    bar = [FORMING - MINUTE, "1", "1", "1", "1", "1"]
    fields = {
        "start": FORMING - MINUTE,
        "until": FORMING,
        "closed": [bar],
        "forming": [],
        "at": FORMING * 1000,
    }
    return fields | changes


@pytest.mark.parametrize(
    "bad",
    [
        {},
        announced(closed=[[FORMING, "x"]]),
        announced(until="soon"),
        [],
        announced(closed=[["1e999999"] * 6]),
    ],
)
def test_one_unusable_series_of_a_batch_costs_only_itself(
    database: Database, redis: Redis, clock: MovableClock, bad: object
) -> None:
    listeners = Everybody("candles:binance:AAA:1m", "candles:binance:BBB:1m")
    live = LiveCandles(Candles(database, clock, {}), listeners, redis, clock)
    live.take(orjson.dumps({"binance:AAA": bad, "binance:BBB": announced()}))
    assert listeners.asked == ["candles:binance:BBB:1m"]
