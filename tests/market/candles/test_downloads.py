"""Bars as files: exact, labelled where they are not real, and read no faster than somebody takes them."""

import asyncio
import gc
import io
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from pyarrow import parquet
from tests.market.candles.made import DAY, START, walk
from tests.market.candles.test_data_routes import app_of, none_held

from holdfast.accounts.limits import Rate
from holdfast.app import moderation
from holdfast.core.bars import Bars
from holdfast.core.resample import resample
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import downloads, exporting, importing, store
from holdfast.platform.exports import SIMULATED
from holdfast.platform.tasks import Work

URL = "/api/candles/lab/BTCUSDT/export"
BARS = walk(45 * 1440)
NOW = datetime.fromtimestamp(START + 200 * DAY, UTC)


async def keep(work: Work, bars: Bars, source: str = "lab", symbol: str = "BTCUSDT") -> None:
    async with work.database.transaction() as session:
        one = await store.series(session, source, symbol)
        await store.write(session, one.id, bars, origin="test", now=NOW)


@pytest.fixture
async def kept(work: Work) -> None:
    await keep(work, BARS)


@pytest.mark.usefixtures("kept")
async def test_csv_can_be_imported_again(api: httpx2.AsyncClient, tmp_path: Path) -> None:
    answer = await api.get(URL)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="lab-BTCUSDT-1m.csv"'
    path = tmp_path / "x.csv"
    path.write_bytes(answer.content)
    found = importing.check(path)
    assert (found.rows, found.problems) == (len(BARS), [])
    assert answer.content == exporting.CSV_HEADER + exporting.csv_rows(BARS)


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("timeframe", ["5m", "1h", "1d", "1w", "1M"])
async def test_parquet_holds_exact_decimals_of_whole_bars(api: httpx2.AsyncClient, timeframe: str) -> None:
    answer = await api.get(URL, params={"format": "parquet", "timeframe": timeframe})
    assert answer.headers["Content-Type"] == "application/vnd.apache.parquet"
    table = parquet.read_table(io.BytesIO(answer.content))
    expected = resample(BARS, Timeframe(timeframe))
    assert [int(at.timestamp()) for at in table["time"].to_pylist()] == expected.time.tolist()
    for name in ("open", "high", "low", "close"):
        told = [int(value.scaleb(2)) for value in table[name].to_pylist()]
        assert np.array_equal(told, getattr(expected, name)), name
    assert table.schema.metadata[b"series"] == b"lab:BTCUSDT"
    assert b"note" not in table.schema.metadata


@pytest.mark.usefixtures("kept")
async def test_a_span_has_the_bars_that_open_in_it(api: httpx2.AsyncClient) -> None:
    def times(answer: httpx2.Response) -> list[int]:
        return [int(line.partition(",")[0]) for line in answer.text.splitlines()[1:]]

    span = {"timeframe": "1h", "from": START + 1, "until": START + 4 * 3600}
    assert times(await api.get(URL, params=span)) == [START + 3600, START + 2 * 3600, START + 3 * 3600]
    assert times(await api.get(URL, params={"from": START - DAY, "until": START + 120})) == [
        START,
        START + 60,
    ]
    assert times(await api.get(URL, params={"from": START + 100 * DAY})) == []
    for wrong in (
        {"from": START, "until": START},
        {"from": -1},
        {"until": 10**15},
        {"format": "xlsx"},
        {"timeframe": "7m"},
    ):
        refused = await api.get(URL, params=wrong)
        assert refused.status_code == 422, wrong
        assert refused.json()["advice"]


async def test_in_demo_mode_the_file_says_that_nothing_in_it_is_real(
    api: httpx2.AsyncClient, work: Work
) -> None:
    nothing = await api.get("/api/candles/bybit/BTCUSDT/export")
    assert nothing.status_code == 404
    assert "Nothing of bybit:BTCUSDT is stored yet" in nothing.json()["detail"]
    await keep(work, walk(100), "bybit")
    text = (await api.get("/api/candles/bybit/BTCUSDT/export")).text.splitlines()
    assert text[0] == f'"{SIMULATED}"'
    assert text[1] == "timestamp,open,high,low,close,volume"
    assert len(text) == 102
    answer = await api.get("/api/candles/bybit/BTCUSDT/export?format=parquet")
    assert parquet.read_schema(io.BytesIO(answer.content)).metadata[b"note"].decode() == SIMULATED


async def test_the_bar_that_is_forming_is_left_out(api: httpx2.AsyncClient, work: Work) -> None:
    now = int(work.clock.now().timestamp())
    minute = now // 60 * 60
    await keep(work, walk(181, start=minute - 180 * 60))
    lines = (await api.get(URL, params={"timeframe": "1h"})).text.splitlines()
    last = int(lines[-1].partition(",")[0])
    assert last + 3600 <= now
    assert last == now // 3600 * 3600 - 3600


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("form", ["csv", "parquet"])
async def test_no_more_is_read_than_is_taken(
    api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """A reader who takes their time costs a stretch of bars, and no connection to the database."""
    candles, read = app_of(api).state.candles, 0
    stored = candles.stored

    async def counted(*arguments: Any) -> Bars:
        nonlocal read
        read += 1
        bars: Bars = await stored(*arguments)
        return bars

    monkeypatch.setattr(candles, "stored", counted)
    series = await candles.find("lab", "BTCUSDT")
    stretches = downloads._stretches(candles, series, Timeframe.M1, 0, None, int(NOW.timestamp()))
    pieces: AsyncIterator[bytes] = (
        downloads._csv(stretches, "") if form == "csv" else downloads._parquet(stretches, series, "")
    )
    sizes, reads = [], []
    async for piece in pieces:
        sizes.append(len(piece))
        reads.append(read)
        await none_held(api)
    assert read == 5
    assert reads[:3] == ([0, 1, 2] if form == "csv" else [1, 2, 3])
    assert max(sizes) < 1_500_000


@pytest.mark.usefixtures("kept")
async def test_a_file_is_not_closed_while_it_is_written(
    api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever breaks a download off leaves a thread that writes: closing under it corrupts memory."""
    begun, go_on, writing, closed = threading.Event(), threading.Event(), [False], []

    class Watched(parquet.ParquetWriter):  # type: ignore[misc]
        def write_table(self, *arguments: Any, **options: Any) -> None:
            writing[0] = True
            begun.set()
            go_on.wait(60)
            super().write_table(*arguments, **options)
            writing[0] = False

        def close(self) -> None:
            closed.append(writing[0])
            super().close()

    monkeypatch.setattr(parquet, "ParquetWriter", Watched)
    candles = app_of(api).state.candles
    series = await candles.find("lab", "BTCUSDT")
    stretches = downloads._stretches(candles, series, Timeframe.M1, 0, None, int(NOW.timestamp()))
    pieces = downloads._parquet(stretches, series, "")
    reading = asyncio.ensure_future(anext(pieces))
    try:
        assert await asyncio.to_thread(begun.wait, 60)
        reading.cancel()
        await asyncio.wait([reading])
        del reading, pieces
        gc.collect()
        assert closed == []
    finally:
        go_on.set()
    async with asyncio.timeout(60):
        while not closed:
            gc.collect()
            await asyncio.sleep(0.05)
    assert closed == [False], "a writer nobody holds any more closes itself"


@pytest.mark.usefixtures("kept")
async def test_a_download_counts_as_many_reads(
    api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(moderation.READS, False, Rate("charts:network", 130, timedelta(hours=1)))
    answers = [await api.get(URL, params={"until": START + 60}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) > 60
    assert (await api.get("/api/symbols")).status_code == 200
