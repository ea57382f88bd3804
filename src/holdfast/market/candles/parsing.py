"""Text to bars, a block of lines at a time: fast while all is well, row by row where something is wrong."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow

from holdfast.core.bars import Bars, DoesNotFit, Ints, impossible
from holdfast.core.errors import InvalidInput
from holdfast.market.candles.layouts import Layout, completed, exact, one_number, recognise

BLOCK_BYTES: Final = 2 * 1024 * 1024
MOST_PROBLEMS: Final = 50
LONGEST_LINE: Final = 64 * 1024
_LAST_SECOND: Final = 4_102_444_800


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one row; rows count from 1, a header included."""

    row: int
    message: str


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive rows of a file: their bars, or what is wrong with them. ``rows``: rows up to their end.
    ``wrong``: how many rows are, ``problems`` the first of the file."""

    bars: Bars
    rows: int
    problems: list[Problem] = field(default_factory=list)
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """``latest``: the last second a bar may open at. Reading ends after ``most_counted`` wrong rows; of
    those the first ``most_told`` are told."""

    latest: int = _LAST_SECOND
    most_told: int = MOST_PROBLEMS
    most_counted: int = MOST_PROBLEMS


class BadRows(Exception):
    """Internal: this block has to be looked at row by row."""


class Parser:
    """One file, from its first line to its last. The layout is known after the first block. ``bounds`` say
    what is refused and how much of it is told."""

    def __init__(
        self, file_name: str, *, utc_offset: timedelta | None = None, bounds: Bounds | None = None
    ) -> None:
        self._file_name = file_name
        self._utc_offset = utc_offset
        self._bounds = bounds or Bounds()
        self._rows = 0
        self._last = -1
        self._problems = 0
        self.layout: Layout | None = None

    def blocks(self, chunks: Iterable[bytes]) -> Iterator[Block]:
        """The file's bars as they come. Ends early once there are enough problems to tell.

        Raises:
            InvalidInput: this is no text of rows, or of no known layout.
        """
        for text in whole_lines(chunks, self._file_name):
            block = self._block(text)
            yield block
            self._problems += block.wrong
            if self._problems >= self._bounds.most_counted:
                return

    def _block(self, text: bytes) -> Block:
        if 0 in text:
            row = self._rows + text[: text.index(0)].count(b"\n") + 1
            raise InvalidInput(
                f"Row {row} of {self._file_name} holds bytes that are no text.",
                advice="Send a CSV file, or a zip or gz file with CSV files in it.",
            )
        first_row = self._rows + 1
        self._rows += text.count(b"\n") + (not text.endswith(b"\n"))
        if self.layout is None:
            text, first_row = self._begin(text, first_row)
            if not text.strip():
                return Block(Bars.empty(), self._rows)
        try:
            bars = self._fast(text)
        except (pa.ArrowInvalid, BadRows, ValueError):
            return self._slow(text, first_row)
        self._last = int(bars.time[-1]) if len(bars) else self._last
        return Block(bars, self._rows)

    def _begin(self, text: bytes, row: int) -> tuple[bytes, int]:
        """Recognise the layout by the first line, and leave a header out."""
        body = text.removeprefix(b"\xef\xbb\xbf")
        head, _, rest = body.partition(b"\n")
        try:
            first = head.decode().strip("\r")
        except UnicodeDecodeError:
            raise InvalidInput(
                f"Row {row} of {self._file_name} is no text.", advice="Send a CSV file in UTF-8."
            ) from None
        layout = recognise(first, self._file_name, utc_offset=self._utc_offset)
        self.layout = completed(layout, self._file_name)
        return (rest, row + 1) if layout.has_header else (body, row)

    def _fast(self, text: bytes) -> Bars:
        """All rows at once. Raises whatever says that this will not do."""
        layout = self.layout
        assert layout is not None
        names = [f"c{place}" for place in range(layout.width)]
        wanted = [names[place] for place in layout.columns]
        table = arrow.read_csv(
            pa.BufferReader(text),
            arrow.ReadOptions(column_names=names, use_threads=False),
            arrow.ParseOptions(newlines_in_values=False),
            arrow.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), include_columns=wanted),
        )
        time, *numbers = (table[name].combine_chunks() for name in wanted)
        bars = _bars(layout.times(time), [exact(column) for column in numbers])
        if len(bars) and (int(bars.time[0]) <= self._last or int(bars.time[-1]) > self._bounds.latest):
            raise BadRows
        if len(impossible(bars)):
            raise BadRows
        return bars

    def _slow(self, text: bytes, first_row: int) -> Block:
        """Row by row, to say which rows are wrong and why; or because they are right, but unusual."""
        rows: list[tuple[int | Decimal, ...]] = []
        problems: list[Problem] = []
        wrong = 0
        for row, line in enumerate(text.split(b"\n"), first_row):
            if not line.strip():
                continue
            try:
                values = self._row(line)
                rows.append(values)
                self._last = int(values[0])
            except ValueError as error:
                wrong += 1
                if self._problems + wrong <= self._bounds.most_told:
                    problems.append(Problem(row, str(error)))
                if self._problems + wrong >= self._bounds.most_counted:
                    break
        if wrong:
            return Block(Bars.empty(), self._rows, problems, wrong)
        try:
            return Block(Bars.of_decimals(rows), self._rows)
        except DoesNotFit as error:
            raise InvalidInput(
                f"Rows {first_row} to {self._rows} of {self._file_name}, taken together: {error}.",
                advice="The largest number and the smallest share one scale: use fewer decimals.",
            ) from error

    def _row(self, line: bytes) -> tuple[int | Decimal, ...]:
        """One row's numbers. Raises ``ValueError`` saying what is wrong with it."""
        layout = self.layout
        assert layout is not None
        try:
            cells = next(csv.reader([line.decode()]))
        except (UnicodeDecodeError, csv.Error):
            raise ValueError("this is no text") from None
        if len(cells) != layout.width:
            raise ValueError(f"{len(cells)} columns instead of {layout.width}")
        at, *others = (cells[place].strip() for place in layout.columns)
        if not at.isascii():
            raise ValueError(f"{at[:40]!r} is no time")
        time = layout.one_time(at)
        numbers = [one_number(cell) for cell in others]
        if not 0 <= time <= _LAST_SECOND:
            raise ValueError(f"{at} is not between 1970 and 2100")
        if time > self._bounds.latest:
            raise ValueError(f"{at} lies in the future")
        if time <= self._last:
            raise ValueError("not later than the row before" if time < self._last else "the same time twice")
        wrong = _what_is_impossible(*numbers)
        if wrong:
            raise ValueError(wrong)
        try:
            Bars.of_decimals([(time, *numbers)])
        except DoesNotFit as error:
            raise ValueError(str(error)) from None
        return (time, *numbers)


def _bars(times: Ints, numbers: list[tuple[Ints, int]]) -> Bars:
    *prices, (volume, volume_decimals) = numbers
    decimals = max(scale for _, scale in prices)
    columns = []
    for values, scale in prices:
        factor = 10 ** (decimals - scale)
        if factor > 1 and len(values) and int(np.abs(values).max()) > (2**63 - 1) // factor:
            raise BadRows
        columns.append(values * factor)
    opened, high, low, close = columns
    return Bars(times.astype(np.int64), opened, high, low, close, volume, decimals, volume_decimals)


def _what_is_impossible(opened: Decimal, high: Decimal, low: Decimal, close: Decimal, volume: Decimal) -> str:
    if min(opened, high, low, close) <= 0:
        return "a price of zero or below"
    if volume < 0:
        return "a negative volume"
    if low > min(opened, close):
        return f"the low {low} is above the open or the close"
    if high < max(opened, close):
        return f"the high {high} is below the open or the close"
    return ""


def whole_lines(chunks: Iterable[bytes], file_name: str) -> Iterator[bytes]:
    """The same bytes in blocks that end with a line.

    Raises:
        InvalidInput: a line is longer than ``LONGEST_LINE``.
    """
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size < BLOCK_BYTES:
            continue
        text = b"".join(held)
        cut = text.rfind(b"\n") + 1
        if len(text) - cut > LONGEST_LINE:
            raise InvalidInput(
                f"A line of {file_name} is longer than {LONGEST_LINE} bytes.",
                advice="Send a CSV file with one bar a line.",
            )
        yield text[:cut]
        held, size = [text[cut:]], len(text) - cut
    rest = b"".join(held)
    if rest.strip():
        yield rest
