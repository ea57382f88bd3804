"""Bars as files over HTTP, a stretch at a time: neither the whole of them nor a connection to the database is
held while somebody takes their time to read."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import pyarrow as pa
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pyarrow import parquet
from starlette.responses import Response

from holdfast.core.bars import Bars
from holdfast.core.errors import InvalidInput, NotFound
from holdfast.core.timeframes import DAY, Timeframe, divides, end_of, shifted, start_of
from holdfast.market.candles import exporting
from holdfast.market.candles.exporting import Format
from holdfast.market.candles.readers import Series
from holdfast.market.candles.routes import CandlesDep, SecondQuery, SourcePath, SymbolPath, ViewerDep
from holdfast.market.candles.service import Candles
from holdfast.platform.exports import SIMULATED
from holdfast.platform.web import NowDep, SettingsDep

router = APIRouter(prefix="/api", tags=["candles"])

PATH: Final = "/api/candles/{source}/{symbol}/export"
OF_THE_SIMULATOR: Final = frozenset({"binance", "bybit", "index"})
"""Sources that are not real in demo mode; what users import themselves is what it is."""
_STRETCH: Final = 10 * DAY
"""Some 14,000 minutes: about a megabyte."""
_MEDIA: Final[dict[Format, str]] = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


@router.get(
    PATH.removeprefix("/api"),
    response_class=Response,
    responses={200: {"content": {media.partition(";")[0]: {} for media in _MEDIA.values()}}},
)
async def export(
    candles: CandlesDep,
    settings: SettingsDep,
    viewer: ViewerDep,
    now: NowDep,
    source: SourcePath,
    symbol: SymbolPath,
    form: Annotated[Format, Query(alias="format")] = "csv",
    timeframe: Timeframe = Timeframe.M1,
    since: Annotated[SecondQuery, Query(alias="from")] = None,
    until: SecondQuery = None,
) -> StreamingResponse:
    """The closed bars that are stored and open in [``from``, ``until``), UTC seconds, with exact numbers: CSV
    as an import reads it, or Parquet with decimals. In demo mode it says that the market is simulated."""
    series = await candles.find(source, symbol, viewer)
    if not divides(series.base_seconds, timeframe):
        raise InvalidInput(
            f"The bars of {series.name} are {series.base_seconds} s long and make no {timeframe}.",
            advice="Choose another timeframe.",
        )
    if since is not None and until is not None and until <= since:
        raise InvalidInput("The span ends before it begins.", advice="Give from before until.")
    if series.first_time is None:
        raise NotFound(
            f"Nothing of {series.name} is stored yet.", advice="Open its chart or have it filled first."
        )
    stretches = _stretches(candles, series, timeframe, since or 0, until, int(now.timestamp()))
    label = SIMULATED if settings.simulated and source in OF_THE_SIMULATOR else ""
    content = _csv(stretches, label) if form == "csv" else _parquet(stretches, series, label)
    headers = {
        "Content-Disposition": f'attachment; filename="{source}-{symbol}-{timeframe}.{form}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(content, media_type=_MEDIA[form], headers=headers)


async def _stretches(
    candles: Candles, series: Series, timeframe: Timeframe, since: int, until: int | None, now: int
) -> AsyncIterator[Bars]:
    """Whole bars that are closed and open in [since, until)."""
    assert series.first_time is not None
    begin = max(_not_before(since, timeframe), start_of(series.first_time, timeframe))
    last = series.last_time if series.last_time is not None else series.first_time
    stop = min(end_of(start_of(last, timeframe), timeframe), start_of(now, timeframe))
    if until is not None:
        stop = min(stop, _not_before(until, timeframe))
    buckets = max(_STRETCH // timeframe.longest, 1)
    while begin < stop:
        end = min(shifted(begin, timeframe, buckets), stop)
        bars = await candles.stored(series, timeframe, begin, end)
        if len(bars):
            yield bars
        begin = end


def _not_before(moment: int, timeframe: Timeframe) -> int:
    """The first opening that is not earlier."""
    start = start_of(moment, timeframe)
    return start if start == moment else end_of(start, timeframe)


async def _csv(stretches: AsyncIterator[Bars], label: str) -> AsyncIterator[bytes]:
    if label:
        yield f'"{label}"\r\n'.encode()
    yield exporting.CSV_HEADER
    async for bars in stretches:
        yield await asyncio.to_thread(exporting.csv_rows, bars)


async def _parquet(stretches: AsyncIterator[Bars], series: Series, label: str) -> AsyncIterator[bytes]:
    """One row group a stretch. All have the scale the series has now.

    Whoever goes away leaves a thread that may still write, so only what was read to its end is closed here: a
    writer nobody holds any more closes itself.
    """
    scale = series.price_decimals, series.volume_decimals
    pieces = _Pieces()
    schema = exporting.table_of(Bars.empty(*scale), "parquet").schema
    schema = schema.with_metadata({"series": series.name, **({"note": label} if label else {})})
    writer = parquet.ParquetWriter(pa.PythonFile(pieces, mode="w"), schema, compression="zstd")
    async for bars in stretches:
        await asyncio.to_thread(_write, writer, bars.at_scale(*scale), schema)
        yield pieces.take()
    writer.close()
    yield pieces.take()


def _write(writer: Any, bars: Bars, schema: Any) -> None:
    writer.write_table(exporting.table_of(bars, "parquet").cast(schema))


class _Pieces(io.RawIOBase):
    """A file that is only written, and handed on as it is."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def tell(self) -> int:
        return self._at

    def take(self) -> bytes:
        """What was written since."""
        found = b"".join(self._parts)
        self._parts.clear()
        return found
