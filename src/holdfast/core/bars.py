"""Bars as columns of exact integers. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

PRICES: Final = ("open", "high", "low", "close")
COLUMNS: Final = ("time", *PRICES, "volume")
MOST_DECIMALS: Final = 18
_LARGEST: Final = 2**63 - 1
_MOST_DIGITS: Final = len(str(_LARGEST))
_EXACT: Final = Context(prec=100, traps=[Inexact, InvalidOperation])


class DoesNotFit(ValueError):
    """A number needs more than 63 bits at this number of decimals."""


@dataclass(frozen=True, slots=True)
class FloatBars:
    """The same bars for statistics, indicators and charts. ``time`` stays UTC seconds."""

    time: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """OHLCV columns, oldest first.

    ``time``: UTC seconds of opening, strictly increasing. Prices are whole units of 10^-``price_decimals``
    quote coin, ``volume`` whole units of 10^-``volume_decimals`` base coin.

    Raises:
        ValueError: columns of different lengths or not of int64, times that do not increase,
            impossible decimals.
    """

    time: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    price_decimals: int
    volume_decimals: int

    def __post_init__(self) -> None:
        columns = self.columns
        if any(column.dtype != np.int64 or column.ndim != 1 for column in columns):
            raise ValueError("a column of bars is a flat array of int64")
        if any(len(column) != len(self.time) for column in columns):
            raise ValueError("the columns of bars have different lengths")
        if np.any(self.time[1:] <= self.time[:-1]):
            raise ValueError("the times of bars do not increase")
        if not 0 <= self.price_decimals <= MOST_DECIMALS or not 0 <= self.volume_decimals <= MOST_DECIMALS:
            raise ValueError(f"bars have 0 to {MOST_DECIMALS} decimals")

    def __len__(self) -> int:
        return len(self.time)

    def __eq__(self, other: object) -> bool:
        """The same times and the same numbers, in whichever scale."""
        if not isinstance(other, Bars):
            return NotImplemented
        if not np.array_equal(self.time, other.time):
            return False
        left, right = same_scale([self, other])
        return all(np.array_equal(a, b) for a, b in zip(left.columns, right.columns, strict=True))

    __hash__ = None  # type: ignore[assignment]

    @property
    def columns(self) -> tuple[Ints, ...]:
        return self.time, self.open, self.high, self.low, self.close, self.volume

    @classmethod
    def empty(cls, price_decimals: int = 0, volume_decimals: int = 0) -> "Bars":
        return _made([np.empty(0, np.int64)] * 6, price_decimals, volume_decimals)

    @classmethod
    def of_decimals(cls, rows: Iterable[Sequence[int | Decimal]]) -> "Bars":
        """From rows (time, open, high, low, close, volume), at the fewest decimals that hold the numbers.

        Raises:
            DoesNotFit: a number cannot be held exactly.
        """
        table = [list(column) for column in zip(*rows, strict=True)]
        if not table:
            return cls.empty()
        times, *prices, volumes = table
        price_decimals = max(_decimals(value) for column in prices for value in column)
        volume_decimals = max(_decimals(value) for value in volumes)
        columns = [
            np.array(times, dtype=np.int64),
            *(_integers(column, price_decimals) for column in prices),
            _integers(volumes, volume_decimals),
        ]
        return _made(columns, price_decimals, volume_decimals)

    def take(self, which: slice | npt.NDArray[np.bool_]) -> "Bars":
        """The rows of a slice or a mask."""
        return _made((column[which] for column in self.columns), self.price_decimals, self.volume_decimals)

    def between(self, start: int, end: int) -> "Bars":
        """The bars that open in [start, end)."""
        first, stop = np.searchsorted(self.time, (start, end))
        return self.take(slice(int(first), int(stop)))

    @classmethod
    def concat(cls, parts: Sequence["Bars"]) -> "Bars":
        """One after the other, in the finest scale of them.

        Raises:
            ValueError: the times do not increase.
        """
        if not parts:
            return cls.empty()
        alike = same_scale(parts)
        columns = (np.concatenate(column) for column in zip(*(part.columns for part in alike), strict=True))
        return _made(columns, alike[0].price_decimals, alike[0].volume_decimals)

    def at_scale(self, price_decimals: int, volume_decimals: int) -> "Bars":
        """The same numbers with at least as many decimals.

        Raises:
            ValueError: fewer decimals were asked for.
            DoesNotFit: a number needs more than 63 bits.
        """
        price_shift = price_decimals - self.price_decimals
        volume_shift = volume_decimals - self.volume_decimals
        if price_shift == volume_shift == 0:
            return self
        prices = (_shifted(getattr(self, name), price_shift) for name in PRICES)
        volume = _shifted(self.volume, volume_shift)
        return _made([self.time, *prices, volume], price_decimals, volume_decimals)

    def trimmed(self) -> "Bars":
        """The same numbers with the fewest decimals that hold them."""
        prices = _needed([getattr(self, name) for name in PRICES], self.price_decimals)
        volume = _needed([self.volume], self.volume_decimals)
        price_unit, volume_unit = 10 ** (self.price_decimals - prices), 10 ** (self.volume_decimals - volume)
        if price_unit == volume_unit == 1:
            return self
        columns = (getattr(self, name) // price_unit for name in PRICES)
        return _made([self.time, *columns, self.volume // volume_unit], prices, volume)

    def as_floats(self) -> FloatBars:
        """Prices in quote coin, volume in base coin, as the nearest floats."""
        price, volume = float(10**self.price_decimals), float(10**self.volume_decimals)
        return FloatBars(
            self.time,
            self.open / price,
            self.high / price,
            self.low / price,
            self.close / price,
            self.volume / volume,
        )


def same_scale(parts: Sequence[Bars]) -> list[Bars]:
    """All with the most decimals any of them has."""
    price = max(part.price_decimals for part in parts)
    volume = max(part.volume_decimals for part in parts)
    return [part.at_scale(price, volume) for part in parts]


def impossible(bars: Bars) -> Ints:
    """The positions of bars that no trading can have made: a price of zero or below, a negative volume, or an
    open or close outside of low to high."""
    lowest = np.minimum(bars.open, bars.close)
    highest = np.maximum(bars.open, bars.close)
    wrong = (bars.low <= 0) | (bars.volume < 0) | (bars.low > lowest) | (bars.high < highest)
    return np.flatnonzero(wrong)


def _made(columns: Iterable[Ints], price_decimals: int, volume_decimals: int) -> Bars:
    time, opened, high, low, close, volume = columns
    return Bars(time, opened, high, low, close, volume, price_decimals, volume_decimals)


def _decimals(value: int | Decimal) -> int:
    number = Decimal(value)
    if not number:
        return 0
    if not number.is_finite() or number.adjusted() >= _MOST_DIGITS:
        raise DoesNotFit(f"{str(value)[:40]} is too large")
    try:
        exponent = _EXACT.normalize(number).as_tuple().exponent
    except Inexact:
        exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent > MOST_DECIMALS:
        raise DoesNotFit(f"{str(value)[:40]} has more than {MOST_DECIMALS} decimals")
    return max(0, -exponent)


def _integers(values: Sequence[int | Decimal], decimals: int) -> Ints:
    whole = [int(_EXACT.scaleb(number, decimals)) if (number := Decimal(value)) else 0 for value in values]
    if any(abs(value) > _LARGEST for value in whole):
        raise DoesNotFit(f"a number is too large for {decimals} decimals")
    return np.array(whole, dtype=np.int64)


def _shifted(column: Ints, decimals: int) -> Ints:
    if decimals < 0:
        raise ValueError("fewer decimals could lose something")
    if decimals == 0 or not len(column):
        return column
    factor = 10**decimals
    if factor > _LARGEST or max(int(column.max()), -int(column.min())) > _LARGEST // factor:
        if not column.any():
            return column
        raise DoesNotFit(f"a number is too large for {decimals} more decimals")
    shifted: Ints = column * factor
    return shifted


def _needed(columns: Sequence[Ints], decimals: int) -> int:
    """The fewest decimals that lose nothing."""
    for fewer in range(decimals):
        unit = 10 ** (decimals - fewer)
        if not any(np.any(column % unit) for column in columns):
            return fewer
    return decimals
