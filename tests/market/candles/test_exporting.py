"""What goes out comes back in, exactly."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet
from tests.market.candles.made import DAY, START, walk

from holdfast.core.bars import Bars
from holdfast.core.resample import resample
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import exporting, importing, store
from holdfast.market.candles.exporting import Format
from holdfast.market.candles.importing import Target
from holdfast.market.candles.models import CandleSeries
from holdfast.platform.database import Database

NOW = datetime.fromtimestamp(START + 200 * DAY, UTC)
TINY = Bars.of_decimals(
    [
        (START, Decimal("0.00000001"), Decimal("0.00000003"), Decimal("1e-8"), Decimal("2e-8"), Decimal(0)),
        (
            START + 60,
            Decimal("0.1"),
            Decimal("12345678.9"),
            Decimal("0.1"),
            Decimal(7),
            Decimal("99999999.5"),
        ),
    ]
)


async def keep(database: Database, bars: Bars, symbol: str = "X") -> CandleSeries:
    async with database.transaction() as session:
        one = await store.series(session, "lab", symbol)
        await store.write(session, one.id, bars, origin="test", now=NOW)
    async with database.transaction() as session:
        return await store.series(session, "lab", symbol)


async def write(
    database: Database, one: CandleSeries, path: Path, form: Format, timeframe: str = "1m"
) -> int:
    told = [count async for count in exporting.export(database, one, Timeframe(timeframe), path, form)]
    assert told == sorted(told)
    return told[-1] if told else 0


@pytest.mark.parametrize("bars", [walk(70_000), TINY], ids=["many", "tiny"])
async def test_csv_comes_back_the_same(database: Database, tmp_path: Path, bars: Bars) -> None:
    one = await keep(database, bars)
    path = tmp_path / "x.csv"
    assert await write(database, one, path, "csv") == len(bars)
    assert "E" not in path.read_text()
    found = importing.check(path)
    assert (found.rows, found.problems) == (len(bars), [])
    async with database.transaction() as session:
        other = await importing.begin(session, Target("lab", "COPY"), found, None)
    await importing.write(database, other, path, found, origin="copy", now=NOW)
    async with database.transaction() as session:
        assert await store.read(session, other.id, 0, 2**40) == bars


async def test_parquet_holds_exact_decimals(database: Database, tmp_path: Path) -> None:
    one = await keep(database, TINY)
    path = tmp_path / "x.parquet"
    await write(database, one, path, "parquet")
    table = parquet.read_table(path)
    assert table["close"].to_pylist() == [Decimal("2e-8"), Decimal(7)]
    assert table["volume"].to_pylist() == [Decimal(0), Decimal("99999999.5")]
    assert [int(at.timestamp()) for at in table["time"].to_pylist()] == TINY.time.tolist()


@pytest.mark.parametrize("timeframe", ["1h", "1d", "1w", "1M"])
async def test_longer_bars_do_not_break_at_stretches(
    database: Database, tmp_path: Path, timeframe: str
) -> None:
    bars = walk(100 * 24, step=3600)
    async with database.transaction() as session:
        one = await store.series(session, "lab", "H", base_seconds=3600)
        await store.write(session, one.id, bars, origin="test")
    path = tmp_path / "x.parquet"
    async with database.transaction() as session:
        one = await store.series(session, "lab", "H")
    await write(database, one, path, "parquet", timeframe)
    expected = resample(bars, Timeframe(timeframe))
    table = parquet.read_table(path)
    assert [int(at.timestamp()) for at in table["time"].to_pylist()] == expected.time.tolist()
    assert np.array_equal([float(value) for value in table["high"].to_pylist()], expected.as_floats().high)


async def test_nothing_stored_makes_an_empty_file(database: Database, tmp_path: Path) -> None:
    async with database.transaction() as session:
        one = await store.series(session, "lab", "EMPTY")
    assert await write(database, one, tmp_path / "x.csv", "csv") == 0
    assert (tmp_path / "x.csv").read_text().strip() == "timestamp,open,high,low,close,volume"
