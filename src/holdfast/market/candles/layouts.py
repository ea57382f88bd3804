"""The layouts bars come in: exchange archives, LEAN's files, plain OHLCV. The first line says which it is."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.core.bars import Ints
from holdfast.core.errors import InvalidInput
from holdfast.core.timeframes import DAY, MINUTE, Timeframe

Times = Callable[[pa.StringArray], Ints]
"""A column of text to UTC seconds; ``pa.ArrowInvalid`` or ``ValueError`` if not all of it can be read."""
OneTime = Callable[[str], int]
"""The same for one cell; ``ValueError`` says what is wrong with it."""

_NAMES: Final = {
    "time": {"time", "timestamp", "date", "datetime", "opentime", "starttime", "startat", "start", "t", "ts"},
    "open": {"open", "openprice", "o"},
    "high": {"high", "highprice", "h"},
    "low": {"low", "lowprice", "l"},
    "close": {"close", "closeprice", "c"},
    "volume": {"volume", "vol", "v", "basevolume", "volumebase"},
}
_MOST_COLUMNS: Final = 40
_BINANCE_WIDTH: Final = 12
_LEAN_MEMBER: Final = re.compile(r"(\d{8})_[\w-]+_(minute)_trade\.csv$", re.IGNORECASE)
_LEAN_MOMENT: Final = re.compile(r"\d{8} \d{2}:\d{2}$")
_METATRADER_MOMENT: Final = re.compile(r"\d{4}\.\d{2}\.\d{2} \d{2}:\d{2}$")
_TIMEFRAME_IN_NAME: Final = re.compile(r"-(1m|3m|5m|15m|30m|1h|2h|4h|6h|8h|12h|1d|3d|1w)-\d{4}-\d{2}")
_LARGEST_TIME: Final = 9 * 10**18
_ZONE: Final = re.compile(r"(Z|[+-]\d{2}:?\d{2})$")
_WHOLE_TIME: Final = re.compile(r"-?\d+(\.\d*)?$", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_LONGEST_NUMBER: Final = 100


@dataclass(frozen=True, slots=True)
class Layout:
    """``columns`` are the places of time, open, high, low, close and volume among ``width``. ``step``:
    seconds of a bar, where the layout says so. ``complete``: what is not in such a file was never there."""

    name: str
    width: int
    columns: tuple[int, ...]
    times: Times
    one_time: OneTime
    has_header: bool = False
    step: int | None = None
    complete: bool = False


def recognise(first: str, file_name: str, *, utc_offset: timedelta | None = None) -> Layout:
    """The layout of a file that begins with the line ``first``. ``utc_offset``: how far the clock of its
    texts is ahead of UTC; needed where they do not say.

    Raises:
        InvalidInput: it is none that is known.
    """
    cells = [cell.strip().strip('"') for cell in first.split(",")]
    if not 6 <= len(cells) <= _MOST_COLUMNS:
        raise InvalidInput(
            f"Row 1 of {file_name} has {len(cells)} columns.",
            advice="Bars need at least time, open, high, low, close and volume, separated by commas.",
        )
    if lean := _LEAN_MEMBER.search(file_name):
        midnight = int(datetime.strptime(lean[1], "%Y%m%d").replace(tzinfo=UTC).timestamp())
        return _plain("LEAN minutes", cells, _since(midnight), step=MINUTE, complete=True)
    if _LEAN_MOMENT.match(cells[0]):
        return _plain("LEAN", cells, _written("%Y%m%d %H:%M", timedelta()), complete=True)
    if _METATRADER_MOMENT.match(cells[0]):
        if utc_offset is None:
            raise InvalidInput(
                f"{file_name} is written in the time of a MetaTrader server, which it does not name.",
                advice="Say how far that is ahead of UTC with --utc-offset. "
                "Of Bybit's archive others have measured +3 hours.",
            )
        return _plain("MetaTrader", cells, _written("%Y.%m.%d %H:%M", utc_offset), complete=True)
    named = _header(cells)
    if named is not None:
        return Layout("CSV with a header", len(cells), named, _any_times, any_time, has_header=True)
    if not _is_number(cells[1]):
        raise InvalidInput(
            f"Row 1 of {file_name} holds neither bars nor their names: {first[:80]!r}.",
            advice="Name the columns timestamp, open, high, low, close, volume, or leave the header out.",
        )
    if len(cells) == _BINANCE_WIDTH:
        return _plain("Binance klines", cells, (_any_times, any_time), complete=True)
    return _plain("CSV", cells, (_any_times, any_time))


def completed(layout: Layout, file_name: str) -> Layout:
    """The layout with what the name of an exchange's archive tells: the length of its bars."""
    found = _TIMEFRAME_IN_NAME.search(file_name)
    step = layout.step or (Timeframe(found[1]).seconds if found else None)
    return replace(layout, step=step, complete=layout.complete or layout.width == _BINANCE_WIDTH)


def _plain(
    name: str,
    cells: Sequence[str],
    clock: tuple[Times, OneTime],
    *,
    step: int | None = None,
    complete: bool = False,
) -> Layout:
    return Layout(name, len(cells), (0, 1, 2, 3, 4, 5), *clock, step=step, complete=complete)


def _header(cells: Sequence[str]) -> tuple[int, ...] | None:
    """Where the six columns are, if these cells are their names."""
    plain = [re.sub(r"[^a-z]", "", cell.casefold()) for cell in cells]
    places = [next((at for at, name in enumerate(plain) if name in known), -1) for known in _NAMES.values()]
    return tuple(places) if min(places) >= 0 else None


# --- clocks ----------------------------------------------------------------------------------------------


def _any_times(column: pa.StringArray) -> Ints:
    """Numbers since the epoch in seconds, milliseconds, microseconds or nanoseconds; or ISO 8601."""
    try:
        numbers = pc.cast(column, pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        zone = "UTC" if len(column) and _ZONE.search(column[0].as_py()) else None
        moments = pc.cast(column, pa.timestamp("us", zone))
        numbers = pc.cast(moments, pa.int64()).to_numpy()
        return _whole(numbers, np.full(len(numbers), 1_000_000))
    return _whole(numbers, _units(numbers))


def _units(numbers: Ints) -> Ints:
    """How many make a second, by magnitude: exchanges have changed from milliseconds to microseconds."""
    size = np.abs(numbers)
    units = np.where(size > 10**11, 1000, 1)
    units = np.where(size > 10**14, 1_000_000, units)
    found: Ints = np.where(size > 10**17, 1_000_000_000, units).astype(np.int64)
    return found


def _whole(numbers: Ints, units: Ints) -> Ints:
    if (numbers % units).any():
        raise ValueError("a bar does not open on a whole second")
    seconds: Ints = numbers // units
    return seconds


def any_time(cell: str) -> int:
    """One time as ``Layout.one_time``: a number since the epoch, in whichever unit, or ISO 8601."""
    if _WHOLE_TIME.match(cell):
        value = Decimal(cell)
        if value != int(value):
            raise ValueError(f"{cell} is not a whole second")
        if abs(value) > _LARGEST_TIME:
            raise ValueError(f"{cell[:40]} is no time")
        number = np.array([int(value)], dtype=np.int64)
        return int(_whole(number, _units(number))[0])
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError(f"{cell[:40]!r} is no time") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if aware.microsecond:
        raise ValueError(f"{cell} is not a whole second")
    return int(aware.timestamp())


def _since(midnight: int) -> tuple[Times, OneTime]:
    """LEAN: milliseconds since midnight UTC of the file's day."""

    def times(column: pa.StringArray) -> Ints:
        numbers: Ints = pc.cast(column, pa.int64()).to_numpy()
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= DAY * 1000):
            raise ValueError("beyond the day of the file")
        return midnight + _whole(numbers, np.full(len(numbers), 1000))

    def one(cell: str) -> int:
        if not cell.isdigit() or int(cell) % 1000 or int(cell) >= DAY * 1000:
            raise ValueError(f"{cell[:40]!r} is no second of the file's day, in milliseconds since midnight")
        return midnight + int(cell) // 1000

    return times, one


def _written(form: str, offset: timedelta) -> tuple[Times, OneTime]:
    ahead = int(offset.total_seconds())

    def times(column: pa.StringArray) -> Ints:
        moments = pc.strptime(column, format=form, unit="s", error_is_null=False)
        numbers: Ints = pc.cast(moments, pa.int64()).to_numpy()
        return numbers - ahead

    def one(cell: str) -> int:
        try:
            moment = datetime.strptime(cell, form).replace(tzinfo=UTC)
        except ValueError:
            raise ValueError(f"{cell[:40]!r} is no time of the form {form}") from None
        return int(moment.timestamp()) - ahead

    return times, one


# --- numbers ---------------------------------------------------------------------------------------------

Scaled = tuple[Ints, int]
"""Whole numbers, and how many of their digits are decimals."""


def exact(column: pa.StringArray) -> Scaled:
    """A column of plain decimal numbers, exactly, at the fewest decimals that hold them.

    Raises:
        pa.ArrowInvalid: a cell is no number, has an exponent, or needs more than 63 bits.
    """
    if _has_exponent(column):
        raise pa.ArrowInvalid("an exponent")
    dot = pc.find_substring(column, ".")
    stripped = pc.if_else(pc.greater_equal(dot, 0), pc.utf8_rtrim(column, "0"), column)
    behind = pc.subtract(pc.subtract(pc.utf8_length(stripped), dot), 1)
    decimals = pc.max(pc.if_else(pc.greater_equal(dot, 0), behind, 0)).as_py() or 0
    if decimals > 18:
        raise pa.ArrowInvalid("too many decimals")
    values = pc.cast(stripped, pa.decimal128(38, decimals))
    if values.null_count:
        raise pa.ArrowInvalid("an empty cell")
    words = np.frombuffer(values.buffers()[1], "<i8")[2 * values.offset : 2 * (values.offset + len(values))]
    low, high = words[::2], words[1::2]
    if (high != low >> 63).any():
        raise pa.ArrowInvalid("too large")
    return low.astype(np.int64), decimals


def _has_exponent(column: pa.StringArray) -> bool:
    """Looked for in all letters of the column at once: a cell at a time takes as long as the rest of it."""
    letters = column.buffers()[2]
    return letters is not None and any(sign in letters.to_pybytes() for sign in (b"e", b"E"))


def one_number(cell: str) -> Decimal:
    """One cell as a number. Raises ``ValueError`` saying what is wrong."""
    if len(cell) > _LONGEST_NUMBER or not _NUMBER.fullmatch(cell):
        raise ValueError(f"{cell[:40]!r} is no number")
    return Decimal(cell)


def _is_number(cell: str) -> bool:
    try:
        one_number(cell)
    except ValueError:
        return False
    return True
