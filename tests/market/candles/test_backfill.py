"""History is filled from the newest bar backwards, through crashes and refusals, and is the venue's."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from tests.market.candles.made import DAY, START, walk

from holdfast.core.bars import Bars
from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus
from holdfast.core.resample import resample
from holdfast.core.timeframes import Timeframe
from holdfast.market import repository as instruments
from holdfast.market.candles import backfill, coverage, feeds, store
from holdfast.market.candles.gaps import Reason
from holdfast.market.candles.models import CandleBackfill, CandleSeries
from holdfast.platform.database import Database
from holdfast.platform.models import Job
from holdfast.venues.protocol import Candle, RateLimited, Unreachable

NOW = START + 3 * DAY + 7 * 60 + 30


class FixedClock:
    def now(self) -> datetime:
        return datetime.fromtimestamp(NOW, UTC)


class FakeVenue:
    """Answers from given minutes, and fails when told to."""

    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self.asked: list[tuple[Timeframe, int, int]] = []
        self.fail_after = 10**9
        self.error: Exception = Unreachable("no answer")

    async def klines(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime, limit: int
    ) -> list[Candle]:
        if len(self.asked) >= self.fail_after:
            raise self.error
        begin, until = int(start.timestamp()), int(end.timestamp())
        self.asked.append((timeframe, begin, until))
        found = resample(self.bars, timeframe).between(begin, until)
        assert len(found) <= limit == feeds.PAGE
        return [_candle(found, position) for position in range(len(found))]

    async def close(self) -> None: ...


def _candle(bars: Bars, at: int) -> Candle:
    price, lot = Decimal(1).scaleb(-bars.price_decimals), Decimal(1).scaleb(-bars.volume_decimals)
    values = [int(column[at]) * price for column in bars.columns[1:5]]
    moment = datetime.fromtimestamp(int(bars.time[at]), UTC)
    return Candle(moment, *values, int(bars.volume[at]) * lot, Decimal(0))


async def no_pause(_: float) -> None: ...


@pytest.fixture
async def series(database: Database) -> int:
    async with database.transaction() as session:
        one = await store.series(session, "bybit", "BTCUSDT")
        await backfill.want(session, one.id, START - 30 * DAY, now=FixedClock().now())
        return one.id


def history() -> Bars:
    """From 400 minutes after the epoch of the tests, with an hour of outage."""
    bars = walk(3 * 1440 + 8)
    started, outage = START + 400 * 60, START + DAY + 3600
    return bars.take((bars.time >= started) & ((bars.time < outage) | (bars.time >= outage + 3600)))


async def fill(database: Database, venue: Any, series: int) -> bool:
    return await backfill.run(database, venue, series, FixedClock(), no_pause)


async def everything(database: Database, series: int) -> Bars:
    async with database.transaction() as session:
        return await store.read(session, series, 0, 2**40)


async def progress(database: Database, series: int) -> CandleBackfill:
    async with database.transaction() as session:
        return await session.get_one(CandleBackfill, series)


async def test_everything_there_is_comes_once_newest_first(database: Database, series: int) -> None:
    venue = FakeVenue(history())
    assert await fill(database, venue, series)
    closed = history().between(0, NOW - NOW % 60)
    assert await everything(database, series) == closed
    minutes = [(start, until) for timeframe, start, until in venue.asked if timeframe is Timeframe.M1]
    _, *pages = [page for page in minutes if page[1] - page[0] == feeds.PAGE * 60]
    assert pages[0][1] == NOW - NOW % 60
    assert pages == sorted(pages, reverse=True)
    row = await progress(database, series)
    assert row.done == row.total == (NOW - NOW % 60 - START - 400 * 60) // 60


async def test_what_is_missing_has_its_reason(database: Database, series: int) -> None:
    await fill(database, FakeVenue(history()), series)
    async with database.transaction() as session:
        one = await session.get_one(CandleSeries, series)
        found = await coverage.gaps(session, one, START, NOW - NOW % 60 + 600)
    outage, end = START + DAY + 3600, NOW - NOW % 60
    assert [(gap.start, gap.until, gap.reason) for gap in found] == [
        (START, START + 400 * 60, Reason.NOT_LISTED),
        (outage, outage + 3600, Reason.EXCHANGE_DOWN),
        (end, end + 600, Reason.NOT_FETCHED),
    ]


@pytest.mark.parametrize(
    ("status", "delivery", "reason"),
    [
        (InstrumentStatus.TRADING, None, Reason.EXCHANGE_DOWN),
        (InstrumentStatus.REDUCE_ONLY, NOW + DAY, Reason.EXCHANGE_DOWN),
        (InstrumentStatus.REDUCE_ONLY, None, Reason.NOT_TRADED),
        (InstrumentStatus.CLOSED, NOW - DAY, Reason.NOT_TRADED),
    ],
)
async def test_bars_that_end_with_the_trading_are_said_to(
    database: Database, series: int, status: InstrumentStatus, delivery: int | None, reason: Reason
) -> None:
    """The exchange was up after the last bar of a coin that it has halted or taken off its list; a hole
    before that bar stays what it was."""
    await listed_as(database, status, delivery)
    last = START + 2 * DAY
    await fill(database, FakeVenue(history().between(0, last)), series)
    outage, end = START + DAY + 3600, NOW - NOW % 60
    async with database.transaction() as session:
        one = await session.get_one(CandleSeries, series)
        found = await coverage.gaps(session, one, START + DAY, end)
    assert [(gap.start, gap.until, gap.reason) for gap in found] == [
        (outage, outage + 3600, Reason.EXCHANGE_DOWN),
        (last, end, reason),
    ]


async def listed_as(database: Database, status: InstrumentStatus, delivery: int | None) -> None:
    one = Decimal(1)
    delivery_at = None if delivery is None else datetime.fromtimestamp(delivery, UTC)
    coin = Instrument(
        "BTCUSDT", InstrumentKind.LINEAR, "BTC", "USDT", one, one, one, one, one, one, status, delivery_at
    )
    async with database.transaction() as session:
        await instruments.save_seen(session, "bybit", [coin], datetime.fromtimestamp(NOW, UTC))


async def test_nobody_is_asked_twice(database: Database, series: int) -> None:
    venue = FakeVenue(history())
    await fill(database, venue, series)
    before = len(venue.asked)
    assert await fill(database, venue, series)
    assert len(venue.asked) == before


@pytest.mark.parametrize("survives", range(8))
async def test_it_goes_on_where_it_was_broken_off(database: Database, series: int, survives: int) -> None:
    venue = FakeVenue(history())
    venue.fail_after = survives
    with pytest.raises(Unreachable):
        await fill(database, venue, series)
    asked = {span for span in venue.asked if span[0] is Timeframe.M1}
    venue.fail_after, venue.asked = 10**9, []
    assert await fill(database, venue, series)
    assert await everything(database, series) == history().between(0, NOW - NOW % 60)
    again = asked & {span for span in venue.asked if span[0] is Timeframe.M1}
    assert len(again) <= 3, "at most the page that was broken off, and the first day of the symbol"


async def test_a_cancelled_fill_leaves_whole_pages(database: Database, series: int) -> None:
    venue = FakeVenue(history())
    reached = asyncio.Event()

    async def pause(_: float) -> None:
        if len(venue.asked) >= 2:
            reached.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(backfill.run(database, venue, series, FixedClock(), pause))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stored = await everything(database, series)
    assert len(stored) % feeds.PAGE == 0
    assert len(stored) > 0
    assert stored == history().between(int(stored.time[0]), NOW - NOW % 60)


async def test_a_budget_that_is_used_up_is_told_upwards(database: Database, series: int) -> None:
    venue = FakeVenue(history())
    venue.fail_after, venue.error = 1, RateLimited("slowly", until=FixedClock().now() + timedelta(seconds=9))
    with pytest.raises(RateLimited):
        await fill(database, venue, series)


async def test_wanting_more_keeps_one_job(database: Database, series: int) -> None:
    async with database.transaction() as session:
        for days in (10, 40, 20):
            await backfill.want(session, series, START - days * DAY, now=FixedClock().now())
        jobs = list(await session.scalars(select(Job).where(Job.kind == backfill.JOB)))
        row = await session.get_one(CandleBackfill, series)
    assert len(jobs) == 1
    assert row.wanted_from == START - 40 * DAY


async def test_a_symbol_without_a_past_is_complete(database: Database, series: int) -> None:
    assert await fill(database, FakeVenue(Bars.empty()), series)
    assert len(await everything(database, series)) == 0


class MovedClock(FixedClock):
    """Moved by so many seconds."""

    def __init__(self, seconds: float = 0) -> None:
        self.moved = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return super().now() + self.moved


class BehindVenue(FakeVenue):
    """By its clock it is earlier than by ours; its last bar is the part it has seen of the minute."""

    def __init__(self, clock: MovedClock, behind: float) -> None:
        super().__init__(history())
        self.clock, self.behind, self.times_asked = clock, timedelta(seconds=behind), 0

    def there(self) -> datetime:
        return self.clock.now() - self.behind

    async def server_time(self) -> datetime:
        self.times_asked += 1
        return self.there()

    async def klines(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime, limit: int
    ) -> list[Candle]:
        found = await super().klines(symbol, timeframe, start, min(end, self.there()), limit)
        return [self._seen(one) for one in found]

    def _seen(self, one: Candle) -> Candle:
        forms = one.open_time + timedelta(minutes=1) > self.there()
        return replace(one, high=one.open, low=one.open, close=one.open) if forms else one


LAST = NOW - NOW % 60 - 60
"""The last minute that is over."""


@pytest.mark.parametrize("behind", [40, 600])
async def test_what_still_forms_by_the_venues_clock_is_not_stored(
    database: Database, series: int, behind: int
) -> None:
    """Nor is it said that it does not exist: it is asked for again."""
    clock = MovedClock()
    venue = BehindVenue(clock, behind)
    async with database.transaction() as session:
        one = await session.get_one(CandleSeries, series)
    with pytest.raises(Unreachable, match="ahead"):
        await backfill.fetch(database, venue, one, LAST - 1200, LAST + 60, clock)
    over = (NOW - behind) // 60 * 60
    assert await everything(database, series) == history().between(LAST - 1200, over)
    clock.moved = timedelta(seconds=behind + 60)
    await backfill.fetch(database, venue, one, over, LAST + 60, clock)
    assert await everything(database, series) == history().between(LAST - 1200, LAST + 60)


async def test_a_history_is_filled_up_to_what_is_over_by_the_venues_clock(
    database: Database, series: int
) -> None:
    venue = BehindVenue(MovedClock(), 40)
    assert await fill(database, venue, series)
    assert await everything(database, series) == history().between(0, LAST)
    assert venue.times_asked <= 4, "only where it matters"


@pytest.mark.parametrize("ahead", [-0.9, 0, 900])
async def test_a_venue_that_is_ahead_changes_nothing(database: Database, series: int, ahead: float) -> None:
    venue = BehindVenue(MovedClock(), -ahead)
    assert await fill(database, venue, series)
    assert await everything(database, series) == history().between(0, LAST + 60)
