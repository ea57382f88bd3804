"""Bars at rest against plain heap rows, in one run: writing, reading 30 days, wide views, bytes a bar.

The heap table has the same columns and a primary key. It is filled by the fastest way there is (COPY, into
nothing) and by the way that, like ours, may be repeated (INSERT … ON CONFLICT DO NOTHING).
"""

import asyncio
import csv
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
from sqlalchemy import text
from tests.market.candles.made import SHARED

from bench._house import database_at, row, servers
from holdfast.core.bars import COLUMNS, Bars
from holdfast.core.resample import resample
from holdfast.core.timeframes import DAY, Timeframe
from holdfast.market.candles import archive, chunks, importing, store
from holdfast.market.candles.parsing import Parser
from holdfast.platform.database import Database

DAYS = 120
START = 1_672_531_200
ROUNDS = 7
READ_DAYS = 30
BYTES_BAR = 12.0
READ_BAR_MS = 10.0
REAL = SHARED / "data" / "bybit_btcusdt_1m_20221213_lean.zip"


def main() -> None:
    """Print one row per measurement: what, measured, against what."""
    with servers() as (database_url, _):
        asyncio.run(measure(database_url))


async def measure(database_url: str) -> None:
    async with database_at(database_url) as database:
        heap = await asyncpg.connect(database.listen_url)
        bars = made(DAYS * 1440)
        print(f"{len(bars):,} bars of one symbol: {DAYS} days of minutes, a random walk")
        series = await writing(database, heap, bars)
        await reading(database, heap, series, bars)
        await sizes(heap, len(bars))
        await importing_files(database, bars)
        real_day()
        await heap.close()


def made(count: int) -> Bars:
    """A walk of possible bars, the volumes spread as they are on real markets."""
    random = np.random.default_rng(7)
    close = 3_000_000 + np.cumsum(random.normal(0, 900, count).astype(np.int64))
    opened = np.concatenate((close[:1], close[:-1]))
    high = np.maximum(opened, close) + np.abs(random.normal(0, 500, count)).astype(np.int64)
    low = np.minimum(opened, close) - np.abs(random.normal(0, 500, count)).astype(np.int64)
    volume = random.lognormal(9, 1.2, count).astype(np.int64)
    return Bars(START + np.arange(count, dtype=np.int64) * 60, opened, high, low, close, volume, 2, 3)


async def writing(database: Database, heap: asyncpg.Connection, bars: Bars) -> int:
    columns = ", ".join(f"{name} bigint NOT NULL" for name in COLUMNS)
    await heap.execute(
        f"CREATE TABLE heap (series_id int NOT NULL, {columns}, PRIMARY KEY (series_id, time))"
    )
    records = [(1, *values) for values in zip(*(column.tolist() for column in bars.columns), strict=True)]

    async def copy() -> None:
        await heap.execute("TRUNCATE heap")
        await heap.copy_records_to_table("heap", records=records)

    async def insert() -> None:
        await heap.execute("TRUNCATE heap")
        arrays = ", ".join(f"${place}::bigint[]" for place in range(1, 7))
        for start in range(0, len(bars), 43_200):
            part = [column[start : start + 43_200].tolist() for column in bars.columns]
            await heap.execute(
                f"INSERT INTO heap SELECT 1, * FROM unnest({arrays}) ON CONFLICT DO NOTHING",
                *part,
            )

    later = datetime.fromtimestamp(int(bars.time[-1]) + 30 * DAY, UTC)
    number = 0
    series = 0

    async def ours() -> None:
        nonlocal number, series
        number += 1
        async with database.transaction() as session:
            series = (await store.series(session, "bench", f"S{number}")).id
        for start in range(0, len(bars), 43_200):
            async with database.transaction() as session:
                part = bars.take(slice(start, start + 43_200))
                await store.write(session, series, part, origin="bench", now=later)

    copied, inserted, written = await best(copy, 3), await best(insert, 3), await best(ours, 3)
    count = len(bars)
    row("write, chunks", f"{count / written:,.0f} bars/s")
    row(
        "write, heap by COPY",
        f"{count / copied:,.0f} bars/s",
        f"ours takes {written / copied:.2f} of its time",
    )
    row(
        "write, heap by INSERT … ON CONFLICT",
        f"{count / inserted:,.0f} bars/s",
        f"ours takes {written / inserted:.2f} of its time",
    )
    async with database.transaction() as session:
        assert await store.read(session, series, 0, 2**40) == bars
        await session.execute(text("DELETE FROM candle_series WHERE id <> :id"), {"id": series})
    await heap.execute("VACUUM FULL ANALYZE candle_chunks")
    await heap.execute("VACUUM ANALYZE heap")
    return series


async def reading(database: Database, heap: asyncpg.Connection, series: int, bars: Bars) -> None:
    middle = START + (DAYS // 2) * DAY
    span = middle, middle + READ_DAYS * DAY
    names = ", ".join(COLUMNS)
    query = f"SELECT {names} FROM heap WHERE series_id = 1 AND time >= $1 AND time < $2 ORDER BY time"

    async def from_heap() -> Any:
        rows = await heap.fetch(query, *span)
        return np.array(rows, dtype=np.int64).T

    async def from_chunks() -> Any:
        async with database.transaction() as session:
            return await store.read(session, series, *span)

    async def hours() -> Any:
        async with database.transaction() as session:
            return await store.read_hours(session, series, 0, 2**40)

    async def hours_from_heap() -> Any:
        rows = await heap.fetch(
            f"SELECT {names} FROM heap WHERE series_id = 1 AND time >= $1 AND time < $2 ORDER BY time",
            0,
            2**40,
        )
        time, opened, high, low, close, volume = np.array(rows, dtype=np.int64).T.copy()
        return resample(Bars(time, opened, high, low, close, volume, 2, 3), Timeframe.H1)

    assert np.array_equal((await from_heap())[4], (await from_chunks()).close)
    assert await hours() == await hours_from_heap()
    plain, ours = await middle_of(from_heap), await middle_of(from_chunks)
    row("read 30 days of minutes, heap", f"{plain * 1000:.1f} ms")
    row(
        "read 30 days of minutes, chunks",
        f"{ours * 1000:.1f} ms",
        f"{plain / ours:.0f} times as fast; bar {READ_BAR_MS:.0f} ms, ratio {ours * 1000 / READ_BAR_MS:.2f}",
    )
    wide, wide_ours = await middle_of(hours_from_heap, 3), await middle_of(hours, 3)
    row(f"{DAYS} days as hours, heap", f"{wide * 1000:.1f} ms")
    row(
        f"{DAYS} days as hours, chunks", f"{wide_ours * 1000:.1f} ms", f"{wide / wide_ours:.0f} times as fast"
    )
    times = [chunk_time(bars) for _ in range(ROUNDS)]
    row("  of which unpacking 30 days", f"{statistics.median(times) * 1000:.1f} ms")


def chunk_time(bars: Bars) -> float:
    packed = [chunks.encode(bars.take(slice(day * 1440, (day + 1) * 1440))) for day in range(READ_DAYS)]
    begun = time.perf_counter()
    chunks.joined(packed, 2, 3)
    return time.perf_counter() - begun


async def sizes(heap: asyncpg.Connection, count: int) -> None:
    rows = await heap.fetchval("SELECT pg_total_relation_size('heap')") / count
    ours = await heap.fetchval("SELECT pg_total_relation_size('candle_chunks')") / count
    row("bytes a bar on disk, heap with its key", f"{rows:.1f}")
    row(
        "bytes a bar on disk, chunks with hours, digests, key",
        f"{ours:.1f}",
        f"{rows / ours:.1f} times smaller; bar {BYTES_BAR:.0f}, ratio {ours / BYTES_BAR:.2f}",
    )


async def importing_files(database: Database, bars: Bars) -> None:
    """A Binance archive as CSV: checked and written, against only reading it with csv and Decimal."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as place:
        path = Path(place) / "BTCUSDT-1m-2023-01.csv"
        path.write_bytes(archive_text(bars))
        later = datetime.fromtimestamp(int(bars.time[-1]) + 30 * DAY, UTC)
        begun = time.perf_counter()
        found = importing.check(path)
        checked = time.perf_counter() - begun
        async with database.transaction() as session:
            one = await importing.begin(session, importing.Target("bench", "CSV"), found, None)
        await importing.write(database, one, path, found, origin="bench", now=later)
        took = time.perf_counter() - begun
        begun = time.perf_counter()
        with path.open() as file:
            rows = [(int(cells[0]), *map(Decimal, cells[1:6])) for cells in csv.reader(file)]
        plain = time.perf_counter() - begun
    assert found.rows == len(rows) == len(bars)
    row(
        "check a CSV of Binance",
        f"{len(rows) / checked:,.0f} rows/s",
        f"csv and Decimal only: {plain / checked:.1f} times as long",
    )
    row(
        "check and import it",
        f"{len(rows) / took:,.0f} rows/s",
        f"{took / plain:.2f} of reading it with csv and Decimal",
    )


def archive_text(bars: Bars) -> bytes:
    floats = bars.as_floats()
    lines = (
        f"{time}000,{o:.2f},{h:.2f},{low:.2f},{c:.2f},{v:.3f},{time + 59}999,1.5,7,0.5,0.5,0"
        for time, o, h, low, c, v in zip(
            floats.time, floats.open, floats.high, floats.low, floats.close, floats.volume, strict=True
        )
    )
    return "\n".join(lines).encode()


def real_day() -> None:
    """One recorded day of BTCUSDT, where the recording is at hand."""
    if not REAL.is_file():
        print("a recorded day is not here: no measurement of real bars")
        return
    found = importing.check(REAL)
    (member,) = archive.members(REAL)
    (block,) = Parser(member.name).blocks(archive.content(member))
    size = len(chunks.encode(block.bars)) / found.rows
    texts = sum(len(piece) for piece in archive.content(member)) / found.rows
    row(
        "bytes a bar, a recorded day of BTCUSDT",
        f"{size:.1f}",
        f"its CSV takes {texts:.0f}, its zip {zip_size(found.rows):.1f}",
    )


def zip_size(rows: int) -> float:
    return REAL.stat().st_size / rows


async def best(work: Callable[[], Awaitable[None]], rounds: int) -> float:
    return min([await timed(work) for _ in range(rounds)])


async def middle_of(work: Callable[[], Awaitable[Any]], rounds: int = ROUNDS) -> float:
    return statistics.median([await timed(work) for _ in range(rounds)])


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun
