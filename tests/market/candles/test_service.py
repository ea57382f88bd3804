"""Pages while the venue is away, and where the store has holes."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import select
from tests.market.candles.made import DAY, START, walk
from tests.market.candles.test_backfill import (
    LAST,
    NOW,
    BehindVenue,
    FakeVenue,
    FixedClock,
    MovedClock,
    history,
)

from holdfast.core.bars import Bars
from holdfast.core.errors import InvalidInput, NotFound, Unavailable
from holdfast.core.resample import resample
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import backfill, store
from holdfast.market.candles.gaps import Reason
from holdfast.market.candles.models import CandleBackfill
from holdfast.market.candles.readers import Series
from holdfast.market.candles.service import Asked, Candles, span
from holdfast.platform.database import Database
from holdfast.venues.protocol import Candle

HOURS = Timeframe.H1


@pytest.fixture
def venue() -> FakeVenue:
    return FakeVenue(history())


@pytest.fixture
async def candles(database: Database, venue: FakeVenue) -> Candles:
    async with database.transaction() as session:
        await store.series(session, "bybit", "BTCUSDT")
    return Candles(database, FixedClock(), {"bybit": venue})


async def btc(candles: Candles) -> Series:
    return await candles.find("bybit", "BTCUSDT")


async def test_an_absent_venue_leaves_what_is_stored(
    candles: Candles, venue: FakeVenue, database: Database
) -> None:
    series = await btc(candles)
    asked = Asked(Timeframe.M1, 600)
    first = await candles.page(series, asked)
    venue.fail_after = 0
    again = await candles.page(series, asked)
    assert again.bars.between(0, NOW - NOW % 60) == first.bars.between(0, NOW - NOW % 60)
    wide = await candles.page(series, Asked(HOURS, 60))
    assert len(wide.bars) > 8
    assert wide.bars == resample(first.bars, HOURS)
    assert {gap.reason for gap in wide.gaps} == {Reason.NOT_FETCHED}
    older = Asked(Timeframe.M1, 600, before=START + DAY)
    with pytest.raises(Unavailable):
        await candles.page(series, older)


async def test_a_page_says_up_to_when_prices_are_known(
    candles: Candles, venue: FakeVenue, database: Database
) -> None:
    series, newest = await btc(candles), Asked(HOURS, 5)
    assert (await candles.page(series, newest)).known_until == NOW
    assert (await candles.page(series, Asked(HOURS, 5, before=NOW - DAY))).known_until is None
    venue.fail_after = 0
    later = Candles(database, FixedClock(), {"bybit": venue})
    series = await btc(later)
    assert series.last_time is not None
    page = await later.page(series, newest)
    assert page.forming
    assert page.known_until == series.last_time + 60 < NOW


async def test_gaps_are_on_the_page_with_their_reason(candles: Candles) -> None:
    outage = START + DAY + 3600
    page = await candles.page(await btc(candles), Asked(Timeframe.M1, 300, before=outage + 2 * 3600))
    assert [(gap.start, gap.until, gap.reason) for gap in page.gaps] == [
        (outage, outage + 3600, Reason.EXCHANGE_DOWN)
    ]
    assert page.more


async def test_only_who_is_signed_in_has_history_filled(candles: Candles, database: Database) -> None:
    async def wanted() -> int | None:
        async with database.transaction() as session:
            found: int | None = await session.scalar(select(CandleBackfill.wanted_from))
            return found

    series = await btc(candles)
    await candles.page(series, Asked(Timeframe.M1, 100))
    assert await wanted() is None
    usual = backfill.usual_start(NOW)
    await candles.page(series, Asked(Timeframe.MONTH, 2000), viewer=uuid4())
    assert await wanted() == usual, (
        "a long view comes from the venue and makes nobody fetch decades of minutes"
    )
    far = usual - 50 * DAY
    page = await candles.page(series, Asked(Timeframe.M1, 100, before=far), viewer=uuid4())
    assert page.more is False, "before the listing"
    assert page.backfill is not None


async def test_a_page_that_falls_into_a_hole_shows_what_is_before_it(
    database: Database, candles: Candles
) -> None:
    bars = walk(200)
    later = walk(200, start=START + 40 * DAY)
    async with database.transaction() as session:
        one = await store.series(session, "lab", "X")
        await store.write(session, one.id, Bars.concat([bars, later]), origin="test")
    series = await candles.find("lab", "X")
    page = await candles.page(series, Asked(Timeframe.M1, 50, before=START + 40 * DAY))
    assert page.bars == bars.take(slice(150, 200))
    page = await candles.page(series, Asked(Timeframe.M1, 200, before=START + 150 * 60))
    assert page.bars == bars.take(slice(0, 150))
    assert page.more is False


async def test_the_newest_page_of_data_that_ended_long_ago_is_the_newest(
    database: Database, candles: Candles
) -> None:
    """A page that ended before now would let a chart ask for newer bars, which will never be there."""
    async with database.transaction() as session:
        one = await store.series(session, "lab", "X")
        await store.write(session, one.id, walk(200, start=NOW - NOW % 60 - 900 * DAY), origin="test")
    page = await candles.page(await candles.find("lab", "X"), Asked(HOURS, 50))
    assert len(page.bars) == 4
    assert page.until > NOW
    assert page.known_until is not None
    assert page.more is False


async def test_other_rooms_series_are_not_shown_by_accident(candles: Candles, database: Database) -> None:
    async with database.transaction() as session:
        await store.series(session, "own", "3f0c")
    for source, symbol in (("own", "3f0c"), ("index", "btc-d"), ("lab", "NOTHING"), ("bybit", "NOSUCH")):
        with pytest.raises(NotFound):
            await candles.find(source, symbol)


def test_spans_end_with_the_bar_that_forms() -> None:
    now = int(datetime(2026, 11, 21, 18, 30, 20, tzinfo=UTC).timestamp())
    hour = now // 3600 * 3600
    assert span(Asked(HOURS, 2), now) == (hour - 3600, hour + 3600)
    assert span(Asked(HOURS, 2, before=hour), now) == (hour - 7200, hour)
    assert span(Asked(HOURS, 2, before=hour + 1), now) == (hour - 3600, hour + 3600)
    assert span(Asked(HOURS, 2, before=2**32), now) == span(Asked(HOURS, 2), now)
    assert span(Asked(HOURS, 9, after=hour - 7200), now) == (hour - 3600, hour + 3600)
    start, until = span(Asked(HOURS, 9, after=now), now)
    assert start >= until
    assert span(Asked(Timeframe.MONTH, 2000), now)[0] == 0


class HandClock:
    def __init__(self, second: int) -> None:
        self.second = second

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.second, UTC)


class LiveVenue(FakeVenue):
    """Has the minutes that are over by its clock."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__(history())
        self.whole, self.clock = self.bars, clock

    async def klines(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime, limit: int
    ) -> list[Candle]:
        self.bars = self.whole.between(0, self.clock.second - 59)
        return await super().klines(symbol, timeframe, start, end, limit)


MIDNIGHT = START + 3 * DAY


@pytest.fixture
async def live(database: Database) -> tuple[Candles, HandClock, Series]:
    """A chart of hours was looked at while the last of them had half a minute to go."""
    clock = HandClock(MIDNIGHT - 20)
    async with database.transaction() as session:
        await store.series(session, "bybit", "BTCUSDT")
    candles = Candles(database, clock, {"bybit": LiveVenue(clock)})
    series = await btc(candles)
    assert (await candles.page(series, Asked(HOURS, 60, before=MIDNIGHT))).forming
    return candles, clock, series


async def test_a_bar_that_closed_since_the_venue_was_asked_is_whole(
    live: tuple[Candles, HandClock, Series],
) -> None:
    candles, clock, series = live
    clock.second = MIDNIGHT + 5
    page = await candles.page(series, Asked(HOURS, 60, before=MIDNIGHT))
    assert not page.forming
    assert page.bars == resample(history(), HOURS).between(page.start, MIDNIGHT)


@pytest.mark.parametrize("later", [1, 5])
async def test_hours_that_a_ladder_begins_with_are_whole(
    database: Database, live: tuple[Candles, HandClock, Series], later: int
) -> None:
    candles, clock, series = live
    clock.second = MIDNIGHT + later
    assert series.store_id is not None
    async with database.transaction() as session:
        await store.write(session, series.store_id, history().between(MIDNIGHT - 60, MIDNIGHT), origin="test")
    start = MIDNIGHT - 60 * 3600
    made = await candles.upto(series, HOURS, start, MIDNIGHT)
    assert made == resample(history(), HOURS).between(start, MIDNIGHT)


async def test_a_page_has_nothing_closed_that_forms_by_the_venues_clock(database: Database) -> None:
    clock = MovedClock()
    async with database.transaction() as session:
        await store.series(session, "bybit", "BTCUSDT")
    candles = Candles(database, clock, {"bybit": BehindVenue(clock, 40)})
    page = await candles.page(await btc(candles), Asked(Timeframe.M1, 20))
    assert (int(page.bars.time[-1]), page.forming) == (LAST, True)
    clock.moved += timedelta(seconds=60)
    series = await btc(candles)
    page = await candles.page(series, Asked(Timeframe.M1, 20))
    assert page.bars.between(0, LAST + 60) == history().between(page.start, LAST + 60)
    assert await candles.upto(series, Timeframe.M1, LAST - 600, LAST + 60) == history().between(
        LAST - 600, LAST + 60
    )


async def test_hours_that_cannot_be_summed_are_refused_in_words(candles: Candles, database: Database) -> None:
    bars = walk(20)
    loud = Bars(*bars.columns[:5], np.full(20, 4 * 10**17, np.int64), bars.price_decimals, 0)
    async with database.transaction() as session:
        one = await store.series(session, "lab", "LOUD")
        await store.write(session, one.id, loud, origin="test")
        await store.seal(session, one.id, START // DAY + 1)
    series = await candles.find("lab", "LOUD")
    asked = START + DAY
    assert len((await candles.page(series, Asked(Timeframe.M1, 1440, before=asked))).bars) == 20
    with pytest.raises(InvalidInput, match="too large to be summed"):
        await candles.page(series, Asked(HOURS, 24, before=asked))
