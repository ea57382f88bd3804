"""Recorded levels become bars that any chart takes."""

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.core.timeframes import Timeframe
from holdfast.indices import repository
from holdfast.indices.candles import IndexReader
from holdfast.market.candles.service import Asked, Candles
from holdfast.platform.database import Database

BEGIN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LEVELS = [(0, 58.1), (20, 58.4), (59, 58.25), (60, 58.3), (3600, 57.0), (3700, 57.5), (86_400, 60.123456)]


class Clock:
    def now(self) -> datetime:
        return BEGIN + timedelta(days=2)


@pytest.fixture
async def candles(database: Database) -> Candles:
    async with database.transaction() as session:
        points = [(BEGIN + timedelta(seconds=after), level) for after, level in LEVELS]
        await repository.save_levels(session, "btc-d", points, repository.LIVE)
    return Candles(database, Clock(), {}, {"index": IndexReader()})


async def bars(candles: Candles, timeframe: Timeframe) -> list[tuple[float, ...]]:
    series = await candles.find("index", "btc-d")
    page = await candles.page(series, Asked(timeframe, 2000))
    floats = page.bars.as_floats()
    begin = int(BEGIN.timestamp())
    columns = (floats.time - begin, floats.open, floats.high, floats.low, floats.close)
    return [tuple(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


async def test_minutes_of_levels(candles: Candles) -> None:
    series = await candles.find("index", "btc-d")
    asked = Asked(Timeframe.M1, 100, before=int(BEGIN.timestamp()) + 4000)
    page = await candles.page(series, asked)
    floats = page.bars.as_floats()
    assert (floats.time - int(BEGIN.timestamp())).tolist() == [0, 60, 3600, 3660]
    assert floats.open.tolist() == [58.1, 58.3, 57.0, 57.5]
    assert (floats.high[0], floats.low[0], floats.close[0]) == (58.4, 58.1, 58.25)
    assert floats.volume.tolist() == [0.0] * 4


async def test_hours_and_days_of_levels(candles: Candles) -> None:
    assert await bars(candles, Timeframe.H1) == [
        (0, 58.1, 58.4, 58.1, 58.3),
        (3600, 57.0, 57.5, 57.0, 57.5),
        (86_400, 60.123456, 60.123456, 60.123456, 60.123456),
    ]
    assert [row[1:] for row in await bars(candles, Timeframe.D1)] == [
        (58.1, 58.4, 57.0, 57.5),
        (60.123456, 60.123456, 60.123456, 60.123456),
    ]


async def test_an_index_without_levels_has_an_empty_chart(database: Database) -> None:
    candles = Candles(database, Clock(), {}, {"index": IndexReader()})
    page = await candles.page(await candles.find("index", "top-10"), Asked(Timeframe.H1, 10))
    assert (len(page.bars), page.more) == (0, False)
