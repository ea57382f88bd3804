"""Bars out of the store into files, a stretch at a time: CSV for everything, Parquet for research."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any, Final, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow
from pyarrow import parquet

from holdfast.core.bars import PRICES, Bars, Ints
from holdfast.core.resample import resample
from holdfast.core.timeframes import DAY, Timeframe, shifted, start_of
from holdfast.market.candles import store
from holdfast.market.candles.models import CandleSeries
from holdfast.platform.database import Database

Format = Literal["csv", "parquet"]

_STRETCH: Final = 30 * DAY
_PRECISION: Final = 19
"""Digits of the largest number 63 bits hold."""


class Sink(Protocol):
    def write_table(self, table: Any) -> None: ...

    def close(self) -> None: ...


async def stretches(
    database: Database, one: CandleSeries, timeframe: Timeframe, start: int, end: int
) -> AsyncIterator[Bars]:
    """The bars of [start, end) in whole buckets of ``timeframe``, about a month at a time."""
    if one.first_time is None or one.last_time is None:
        return
    begin = start_of(max(start, one.first_time), timeframe)
    stop = min(end, one.last_time + one.base_seconds)
    buckets = max(_STRETCH // timeframe.longest, 1)
    while begin < stop:
        until = shifted(begin, timeframe, buckets)
        async with database.transaction() as session:
            bars = await store.read(session, one.id, max(begin, start), min(until, stop))
        if len(bars):
            yield resample(bars, timeframe)
        begin = until


async def export(
    database: Database,
    one: CandleSeries,
    timeframe: Timeframe,
    target: IO[bytes] | Path,
    form: Format,
    *,
    start: int = 0,
    end: int = 2**40,
) -> AsyncIterator[int]:
    """Write the series and tell after every stretch how many bars are written. Numbers are exact decimals in
    both forms; CSV has the columns that an import reads, ``timestamp`` in UTC seconds."""
    writer: Any = None
    count = 0
    scale = one.price_decimals, one.volume_decimals
    try:
        async for bars in stretches(database, one, timeframe, start, end):
            table = table_of(bars.at_scale(*scale), form)
            writer = writer or _open(target, table.schema, form)
            writer.write_table(table)
            count += len(bars)
            yield count
        if writer is None:
            empty = table_of(Bars.empty(*scale), form)
            writer = _open(target, empty.schema, form)
    finally:
        if writer is not None:
            writer.close()


CSV_HEADER: Final = f"{','.join(('timestamp', *PRICES, 'volume'))}\n".encode()


def csv_rows(bars: Bars) -> bytes:
    """The bars as lines below ``CSV_HEADER``, exact, ``timestamp`` in UTC seconds."""
    sink = pa.BufferOutputStream()
    plain = arrow.WriteOptions(include_header=False, quoting_style="none")
    arrow.write_csv(table_of(bars, "csv"), sink, plain)
    lines: bytes = sink.getvalue().to_pybytes()
    return lines


def _open(target: IO[bytes] | Path, schema: Any, form: Format) -> Sink:
    if form == "parquet":
        opened: Sink = parquet.ParquetWriter(target, schema, compression="zstd")
    else:
        plain = arrow.WriteOptions(quoting_style="none", quoting_header="none")
        opened = arrow.CSVWriter(target, schema, write_options=plain)
    return opened


def table_of(bars: Bars, form: Format) -> Any:
    """The bars as an Arrow table, exact: decimals for Parquet, texts for CSV."""
    written = _decimals if form == "parquet" else _texts
    prices = {name: written(getattr(bars, name), bars.price_decimals) for name in PRICES}
    numbers = prices | {"volume": written(bars.volume, bars.volume_decimals)}
    if form == "parquet":
        return pa.table({"time": pa.array(bars.time, pa.timestamp("s", "UTC")), **numbers})
    return pa.table({"timestamp": pa.array(bars.time), **numbers})


def _decimals(column: Ints, decimals: int) -> Any:
    """Whole numbers as decimals of this scale, without touching a single one of them."""
    words = np.empty((len(column), 2), dtype="<i8")
    words[:, 0], words[:, 1] = column, column >> 63
    kind = pa.decimal128(_PRECISION, decimals)
    return pa.Array.from_buffers(kind, len(column), [None, pa.py_buffer(words.tobytes())])


def _texts(column: Ints, decimals: int) -> Any:
    """Whole numbers as plain decimal text; Arrow's own would write 1E-8."""
    digits = pc.cast(pa.array(np.abs(column)), pa.string())
    if decimals:
        padded = pc.utf8_lpad(digits, decimals + 1, "0")
        whole = pc.utf8_slice_codeunits(padded, 0, -decimals)
        digits = pc.binary_join_element_wise(whole, pc.utf8_slice_codeunits(padded, -decimals), ".")
    sign = pc.if_else(pa.array(column < 0), "-", "")
    return pc.binary_join_element_wise(sign, digits, "")
