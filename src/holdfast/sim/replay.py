"""Recorded candles in the place of a simulated path."""

import csv
import io
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from holdfast.core.errors import InvalidInput
from holdfast.sim.noise import Floats, Ints
from holdfast.sim.paths import MINUTE_MS, STEPS, Bars

MAX_MINUTES: Final = 400 * 1440
_HEADER: Final = ("timestamp", "open", "high", "low", "close", "volume")
_DATE_IN_NAME: Final = re.compile(r"(\d{4})(\d{2})(\d{2})_")


@dataclass(frozen=True, slots=True)
class Recording:
    """One bar for every minute, prices in quote coin, volume in base coin. A minute the file leaves out
    stands at the close before it, with no volume; a coarser file's bars are spread over their minutes."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.open)


def read_recording(path: Path) -> Recording:
    """A CSV with the header ``timestamp,open,high,low,close,volume`` (ms since the epoch, or ISO 8601), or a
    LEAN zip (one CSV without header: ms since midnight or ``yyyymmdd HH:MM``, then the same columns).

    Raises:
        InvalidInput: the file is not there, is neither of the two, or its candles cannot be.
    """
    try:
        name, text = _text_of(path)
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"The replay file {path} cannot be read: {error}.") from None
    midnight_ms = 0
    if rows and tuple(cell.strip().lower() for cell in rows[0]) == _HEADER:
        rows = rows[1:]
    elif path.suffix != ".zip":
        raise InvalidInput(f"The replay file {path} must begin with the line {','.join(_HEADER)}.")
    elif found := _DATE_IN_NAME.search(name):
        midnight_ms = _utc_ms(datetime.strptime("".join(found.groups()), "%Y%m%d").replace(tzinfo=UTC))
    try:
        table = [(midnight_ms + _moment(at), *map(float, cells)) for at, *cells in rows]
        if any(len(row) != len(_HEADER) for row in table):
            raise ValueError
    except ValueError:
        raise InvalidInput(f"The replay file {path} has a row that is not a candle.") from None
    return _by_minute(path, np.array(table, dtype=np.float64).reshape(-1, 6))


class Overlay:
    """A recording laid on the tape from minute ``first`` on, as log-prices of one coin."""

    def __init__(self, recording: Recording, first: int, multiplier: int) -> None:
        self.first = first
        self.end = first + len(recording)
        self._recording = recording
        self._log = Bars(*(np.log(getattr(recording, name) / multiplier) for name in Bars.__slots__))

    @property
    def opening(self) -> float:
        return float(self._log.open[0])

    @property
    def ending(self) -> float:
        return float(self._log.close[-1])

    def minutes(self, first: int, count: int) -> tuple[slice, Bars] | None:
        """Where of the minutes asked for the recording reaches, and its bars there."""
        start, stop = max(first, self.first), min(first + count, self.end)
        if start >= stop:
            return None
        span = slice(start - self.first, stop - self.first)
        bars = Bars(*(getattr(self._log, name)[span] for name in Bars.__slots__))
        return slice(start - first, stop - first), bars

    def values(self, first: int, count: int) -> Floats:
        """Turnover by minute, 0 where the recording does not reach."""
        values = np.zeros(count)
        start, stop = max(first, self.first), min(first + count, self.end)
        if start < stop:
            span = slice(start - self.first, stop - self.first)
            record = self._recording
            typical = (record.open + record.high + record.low + record.close) / 4
            values[start - first : stop - first] = (record.volume * typical)[span]
        return values

    def steps(self, minute: int) -> Floats | None:
        """A path through one recorded minute that touches its high and low: the nearer one first."""
        if not self.first <= minute < self.end:
            return None
        place = minute - self.first
        opens, highs, lows, closes = (float(getattr(self._log, name)[place]) for name in Bars.__slots__)
        turns = (lows, highs) if closes >= opens else (highs, lows)
        corners = (0, STEPS // 3, 2 * STEPS // 3, STEPS - 1)
        path: Floats = np.interp(np.arange(STEPS), corners, (opens, *turns, closes))
        return path


def _text_of(path: Path) -> tuple[str, str]:
    if path.suffix != ".zip":
        return path.name, path.read_text()
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".csv")]
        if len(names) != 1:
            raise zipfile.BadZipFile("it must hold exactly one CSV file")
        return names[0], archive.read(names[0]).decode()


def _moment(cell: str) -> int:
    cell = cell.strip()
    if cell.isdigit():
        return int(cell)
    if re.fullmatch(r"\d{8} \d{2}:\d{2}", cell):
        return _utc_ms(datetime.strptime(cell, "%Y%m%d %H:%M").replace(tzinfo=UTC))
    moment = datetime.fromisoformat(cell)
    return _utc_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _utc_ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def _by_minute(path: Path, table: Floats) -> Recording:
    if len(table) == 0:
        raise InvalidInput(f"The replay file {path} holds no candles.")
    times, prices, volume = table[:, 0].astype(np.int64), table[:, 1:5], table[:, 5]
    opens, highs, lows, closes = prices.T
    sane = np.isfinite(table).all() and (lows > 0).all() and (volume >= 0).all()
    sane = sane and (highs >= np.maximum(opens, closes)).all() and (lows <= np.minimum(opens, closes)).all()
    if not sane or (np.diff(times) <= 0).any():
        raise InvalidInput(f"The replay file {path} holds candles that cannot be, or out of order.")
    minutes = (times - times[0]) // MINUTE_MS
    width = int(np.diff(minutes).min()) if len(minutes) > 1 else 1
    count = int(minutes[-1]) + max(width, 1)
    if width < 1 or count > MAX_MINUTES:
        raise InvalidInput(
            f"The replay file {path} must hold candles of one minute or more, for 400 days at most."
        )
    return _spread(minutes, width, count, prices, volume)


def _spread(minutes: Ints, width: int, count: int, prices: Floats, volume: Floats) -> Recording:
    """A bar of ``width`` minutes becomes a walk open → turn → turn → close over them."""
    opens, highs, lows, closes = prices.T
    corners = np.arange(count, dtype=np.float64)
    if width == 1:
        place = np.searchsorted(minutes, corners, side="right") - 1
        present = minutes[place] == corners
        flat = closes[place]
        first, high, low = (np.where(present, column[place], flat) for column in (opens, highs, lows))
        return Recording(first, high, low, flat, np.where(present, volume[place], 0.0))
    up = closes >= opens
    turns = np.stack([opens, np.where(up, lows, highs), np.where(up, highs, lows), closes], axis=1)
    at = minutes[:, None] + np.array([0.0, width / 3, 2 * width / 3, width - 1e-6])
    edges = np.interp(np.arange(count + 1), at.ravel(), turns.ravel())
    first, last = edges[:-1], edges[1:]
    place = np.searchsorted(minutes, corners, side="right") - 1
    inside = corners - minutes[place] < width
    return Recording(
        first,
        np.maximum(first, last),
        np.minimum(first, last),
        last,
        np.where(inside, volume[place] / width, 0.0),
    )
