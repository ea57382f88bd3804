"""Whatever is written, sealed, widened or broken off: each bar is there once, as it was written."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import func, select
from tests.market.candles.made import DAY, START, walk

from holdfast.core.bars import Bars
from holdfast.core.resample import resample
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import repository, store
from holdfast.market.candles.models import CandleChunk, CandleRow
from holdfast.market.candles.store import Written
from holdfast.platform.database import Database

ALWAYS = (0, 2**40)
LATER = datetime.fromtimestamp(START + 30 * DAY, UTC)


async def make(database: Database, base_seconds: int = 60) -> int:
    async with database.transaction() as session:
        one = await store.series(session, "bybit", "BTCUSDT", base_seconds=base_seconds)
        return one.id


async def write(database: Database, series: int, bars: Bars, *, now: datetime | None = None) -> Written:
    async with database.transaction() as session:
        return await store.write(session, series, bars, origin="test", now=now)


async def read(database: Database, series: int, start: int = 0, end: int = 2**40) -> Bars:
    async with database.transaction() as session:
        return await store.read(session, series, start, end)


async def seal(database: Database, series: int, day: int) -> int:
    async with database.transaction() as session:
        return await store.seal(session, series, day)


async def where(database: Database, series: int) -> tuple[int, int]:
    """Rows, and bars in chunks."""
    async with database.transaction() as session:
        rows = await session.scalar(select(func.count()).select_from(CandleRow))
        sealed = await session.scalar(select(func.coalesce(func.sum(CandleChunk.count), 0)))
        return rows or 0, int(sealed or 0)


async def test_written_again_changes_nothing(database: Database) -> None:
    series, bars = await make(database), walk(3000)
    assert await write(database, series, bars.take(slice(0, 2000))) == Written(2000, 0, 0)
    assert await write(database, series, bars) == Written(1000, 2000, 0)
    assert await write(database, series, bars) == Written(0, 3000, 0)
    assert await read(database, series) == bars


async def test_sealing_moves_whole_days_and_keeps_every_bar(database: Database) -> None:
    series, bars = await make(database), walk(4 * 1440 + 10)
    await write(database, series, bars)
    assert await seal(database, series, START // DAY + 3) == 3
    assert await where(database, series) == (1440 + 10, 3 * 1440)
    assert await read(database, series) == bars
    assert await seal(database, series, START // DAY + 3) == 0
    assert await read(database, series, START + 86_340, START + 86_460) == bars.take(slice(1439, 1441))
    assert len(await read(database, series, START + 50, START + 50)) == 0


async def test_a_sealing_that_dies_leaves_everything_as_it_was(database: Database) -> None:
    series, bars = await make(database), walk(2 * 1440)
    await write(database, series, bars)
    async with database.sessions() as session:
        assert await store.seal(session, series, START // DAY + 2) == 2
        await session.flush()
        await session.rollback()
    assert await where(database, series) == (2880, 0)
    assert await seal(database, series, START // DAY + 2) == 2
    assert await where(database, series) == (0, 2880)
    assert await read(database, series) == bars


async def test_old_days_are_written_as_chunks_and_late_bars_find_them(database: Database) -> None:
    series, bars = await make(database), walk(2 * 1440)
    odd = bars.take(np.arange(len(bars)) % 2 == 1)
    assert await write(database, series, odd, now=LATER) == Written(1440, 0, 0)
    assert await where(database, series) == (0, 1440)
    assert await write(database, series, bars) == Written(1440, 1440, 0)
    assert await where(database, series) == (0, 2880)
    assert await read(database, series) == bars


async def test_a_bar_that_differs_is_reported_and_changes_nothing(database: Database) -> None:
    series, bars = await make(database), walk(2 * 1440)
    await write(database, series, bars.take(slice(0, 1440)), now=LATER)
    await write(database, series, bars.take(slice(1440, 2880)))
    other = Bars(
        *bars.columns[:5],
        volume=bars.volume + (bars.time % 7_200 == 0),
        price_decimals=2,
        volume_decimals=6,
    )
    written = await write(database, series, other)
    expected = int((bars.time % 7_200 == 0).sum())
    assert expected > 1
    assert written == Written(0, 2880 - expected, expected)
    assert await read(database, series) == bars
    async with database.transaction() as session:
        reported = await repository.conflicts(session, series, 100)
    assert [row.time for row in reported] == bars.time[bars.time % 7_200 == 0].tolist()
    assert {row.origin for row in reported} == {"test"}
    assert await write(database, series, other) == written, "said again, but not stored twice"
    async with database.transaction() as session:
        assert await repository.count_conflicts(session) == {series: expected}


async def test_finer_numbers_widen_the_scale_of_all(database: Database) -> None:
    series, bars = await make(database), walk(3 * 1440)
    await write(database, series, bars)
    await seal(database, series, START // DAY + 2)
    after = int(bars.time[-1]) + 60
    fine = Bars.of_decimals(
        [
            (
                after,
                Decimal("0.00001234"),
                Decimal("0.5"),
                Decimal("0.00001234"),
                Decimal("0.1"),
                Decimal("1e-9"),
            )
        ]
    )
    await write(database, series, fine)
    assert await read(database, series) == Bars.concat([bars, fine])
    async with database.transaction() as session:
        one = await store.series(session, "bybit", "BTCUSDT")
    assert (one.price_decimals, one.volume_decimals) == (8, 9)
    assert await write(database, series, bars) == Written(0, len(bars), 0)
    assert (await read(database, series)).price_decimals == 8


async def test_widening_one_series_keeps_nobody_from_widening_another(database: Database) -> None:
    """A transaction that goes on to another series would otherwise wait for who waits for it."""
    async with database.transaction() as session:
        ids = sorted([(await store.series(session, "bybit", symbol)).id for symbol in ("AUSDT", "BUSDT")])
    bars = walk(10)
    async with database.transaction() as session:
        await store.write(session, ids[0], bars, origin="test")
        async with asyncio.timeout(30):
            assert await write(database, ids[1], bars) == Written(10, 0, 0)
        assert await store.write(session, ids[1], bars, origin="test") == Written(0, 10, 0)


async def test_hours_are_the_bars_resampled(database: Database) -> None:
    series, bars = await make(database), walk(3 * 1440 + 77)
    await write(database, series, bars)
    await seal(database, series, START // DAY + 2)
    async with database.transaction() as session:
        assert await store.read_hours(session, series, *ALWAYS) == resample(bars, Timeframe.H1)
        part = await store.read_hours(session, series, START + 7200, START + 3 * DAY)
    assert part == resample(bars, Timeframe.H1).between(START + 7200, START + 3 * DAY)


async def test_daily_bars_stay_rows(database: Database) -> None:
    series, bars = await make(database, DAY), walk(400, step=DAY)
    await write(database, series, bars, now=datetime.fromtimestamp(START + 500 * DAY, UTC))
    assert await seal(database, series, START // DAY + 500) == 0
    assert await where(database, series) == (400, 0)
    assert await read(database, series) == bars


async def test_bars_beside_the_grid_are_refused(database: Database) -> None:
    series = await make(database)
    with pytest.raises(ValueError, match="every 60 s"):
        await write(database, series, walk(3, start=START + 1))
    with pytest.raises(repository.NoSeries):
        await read(database, series + 1)


async def test_random_histories_agree_with_a_dictionary(database: Database) -> None:
    """Overlapping writes, seals, and widened scales in any order."""
    random = np.random.default_rng(20231)
    series, bars = await make(database), walk(5 * 1440)
    expected: dict[int, int] = {}
    for _ in range(40):
        begin = int(random.integers(0, len(bars) - 1))
        length = int(random.integers(1, 2200))
        part = bars.take(slice(begin, begin + length))
        part = part.take(random.random(len(part)) < 0.7)
        if random.random() < 0.2:
            part = part.at_scale(int(random.integers(2, 5)), 6)
        now = LATER if random.random() < 0.3 else None
        written = await write(database, series, part, now=now)
        fresh = [time for time in part.time.tolist() if time not in expected]
        assert written == Written(len(fresh), len(part) - len(fresh), 0)
        expected |= dict.fromkeys(fresh, 1)
        if random.random() < 0.3:
            await seal(database, series, START // DAY + int(random.integers(0, 6)))
    wanted = bars.take(np.isin(bars.time, list(expected)))
    assert await read(database, series) == wanted
    async with database.transaction() as session:
        one = await store.series(session, "bybit", "BTCUSDT")
    assert (one.first_time, one.last_time) == (int(wanted.time[0]), int(wanted.time[-1]))


async def test_readers_see_every_bar_once_while_days_are_sealed_and_rescaled(database: Database) -> None:
    series, bars = await make(database), walk(6 * 1440)
    await write(database, series, bars)
    done = asyncio.Event()

    async def watch() -> int:
        rounds = 0
        while not done.is_set() or rounds < 3:
            assert await read(database, series) == bars
            rounds += 1
        return rounds

    async def change() -> None:
        for day in range(1, 7):
            await seal(database, series, START // DAY + day)
            async with database.transaction() as session:
                await store.hold(session, series, 2 + day, 6)
        done.set()

    *rounds, _ = await asyncio.gather(watch(), watch(), change())
    assert all(rounds)
    assert await where(database, series) == (0, 6 * 1440)


async def test_two_writers_of_the_same_bars_write_each_once(database: Database) -> None:
    series, bars = await make(database), walk(3000)
    parts = [bars.take(slice(start, start + 700)) for start in range(0, 3000, 500)]
    written = await asyncio.gather(*(write(database, series, part, now=LATER) for part in parts * 2))
    assert sum(one.new for one in written) == 3000
    assert sum(one.conflicting for one in written) == 0
    assert await read(database, series) == bars
