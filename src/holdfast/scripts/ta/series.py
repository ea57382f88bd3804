"""What scripts build conditions of, besides indicators: shifts, crossings, ranks, memories. Each value
depends on its own bar and earlier ones. Pure."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import talib

from holdfast.scripts.ta import windows
from holdfast.scripts.ta.catalogue import LONGEST, BadInput, Floats, flat
from holdfast.scripts.ta.windows import Flags, empty_like, ratio

_BLOCK: Final = 2**22
"""The most numbers of overlapping windows in memory at once."""


def whole(name: str, value: Any, least: int, most: int = LONGEST) -> int:
    """A number of bars. Raises ``BadInput``."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and least <= value <= most:
        return int(value)
    raise BadInput(f"{name} must be a whole number from {least} to {most}, not {str(value)[:40]!r}")


def flags(on: Any) -> Flags:
    """A condition as true and false; NaN is false. Raises ``BadInput``."""
    values = flat(on)
    met: Flags = (values != 0) & ~np.isnan(values)
    return met


def beside(values: Floats, other: Any) -> Floats:
    """Another series of the same length, or one number for all bars. Raises ``BadInput``."""
    level = np.asarray(other, np.float64) if np.ndim(other) == 0 else flat(other)
    if level.ndim and len(level) != len(values):
        raise BadInput(f"two series have different lengths, {len(values)} and {len(level)}")
    return np.broadcast_to(level, values.shape)


def shift(values: npt.ArrayLike, bars: int = 1) -> Floats:
    """Each value some bars later: ta.shift(bars.close) is the close before. Only backward in time: a negative
    number would show what is to come, and is refused."""
    if isinstance(bars, int | np.integer) and bars < 0:
        raise BadInput("a series can only be shifted to later bars; a negative number would look ahead")
    return windows.shift(flat(values), whole("bars", bars, 0, 1_000_000))


def change(values: npt.ArrayLike, bars: int = 1) -> Floats:
    """Each value less the one some bars before."""
    series = flat(values)
    difference: Floats = series - shift(series, bars)
    return difference


def returns(values: npt.ArrayLike, bars: int = 1) -> Floats:
    """The change against the value some bars before, as a share of it: 0.01 is one percent."""
    series = flat(values)
    before = shift(series, bars)
    return ratio(series - before, before)


def highest(values: npt.ArrayLike, length: int = 20) -> Floats:
    """The highest of the last values, this one among them."""
    return windows.highest(flat(values), whole("length", length, 1))


def lowest(values: npt.ArrayLike, length: int = 20) -> Floats:
    """The lowest of the last values, this one among them."""
    return windows.lowest(flat(values), whole("length", length, 1))


def sum(values: npt.ArrayLike, length: int = 20) -> Floats:
    """The sum of the last values."""
    return windows.rolling_sum(flat(values), whole("length", length, 1))


def rma(values: npt.ArrayLike, length: int = 14) -> Floats:
    """Wilder's average, in which each older value counts less, by the factor 1 - 1 / length.

    An exponential average of 2 length - 1 (J. W. Wilder, 1978); begins with the mean of so many values.
    """
    series = flat(values)
    span = 2 * whole("length", length, 1) - 1
    if span == 1 or not len(series):
        return series.copy()
    average: Floats = talib.EMA(series, span)
    return average


def median(values: npt.ArrayLike, length: int = 20) -> Floats:
    """The middle one of the last values when they are sorted."""
    series, size = flat(values), whole("length", length, 1)
    result = empty_like(series)
    if len(series) < size:
        return result
    slides = np.lib.stride_tricks.sliding_window_view(series, size)
    step = max(1, _BLOCK // size)
    for first in range(0, len(slides), step):
        block = slides[first : first + step]
        result[size - 1 + first : size - 1 + first + len(block)] = np.median(block, axis=1)
    return result


def zscore(values: npt.ArrayLike, length: int = 20) -> Floats:
    """How many standard deviations each value is from the mean of the last ones. None where nothing moved."""
    series, size = flat(values), whole("length", length, 2)
    mean, deviation = windows.rolling_mean(series, size), windows.rolling_deviation(series, size)
    return np.where(windows.moved(series, size), ratio(series - mean, deviation), np.nan)


def percentrank(values: npt.ArrayLike, length: int = 100) -> Floats:
    """How many of the values before are at or below this one, in percent, over so many bars."""
    series, size = flat(values), whole("length", length, 1)
    result = empty_like(series)
    if len(series) <= size:
        return result
    now = series[size:]
    below = np.zeros(len(now))
    for back in range(1, size + 1):
        earlier = series[size - back : len(series) - back]
        below += np.where(np.isnan(earlier), np.nan, earlier <= now)
    result[size:] = np.where(np.isnan(now), np.nan, 100 * below / size)
    return result


def correlation(values: npt.ArrayLike, other: npt.ArrayLike, length: int = 20) -> Floats:
    """How closely two series move together over the last bars, from -1 to 1 (Pearson). None where one of them
    did not move."""
    series, size = flat(values), whole("length", length, 2)
    second = beside(series, other)
    result = empty_like(series)
    count = len(series) - size + 1
    if count < 1:
        return result
    means = [windows.rolling_mean(one, size)[size - 1 :] for one in (series, second)]
    product, left, right = np.zeros(count), np.zeros(count), np.zeros(count)
    for lag in range(size):
        a = series[lag : lag + count] - means[0]
        b = second[lag : lag + count] - means[1]
        product += a * b
        left += a * a
        right += b * b
    steady = windows.moved(series, size) & windows.moved(second, size)
    close = np.clip(ratio(product, np.sqrt(left) * np.sqrt(right)), -1, 1)
    result[size - 1 :] = np.where(steady[size - 1 :], close, np.nan)
    return result


def crossover(values: npt.ArrayLike, other: npt.ArrayLike) -> Flags:
    """Where the values come to stand above the other (a series or one number) after they stood at or below
    it."""
    series = flat(values)
    return windows.crossover(series, beside(series, other))


def crossunder(values: npt.ArrayLike, other: npt.ArrayLike) -> Flags:
    """Where the values come to stand below the other (a series or one number) after they stood at or above
    it."""
    series = flat(values)
    return windows.crossunder(series, beside(series, other))


def cross(values: npt.ArrayLike, other: npt.ArrayLike) -> Flags:
    """Where the values cross the other, either way."""
    return crossover(values, other) | crossunder(values, other)


def rising(values: npt.ArrayLike, length: int = 1) -> Flags:
    """Where a value is above each of so many before it."""
    series = flat(values)
    above: Flags = series > windows.shift(highest(series, length))
    return above


def falling(values: npt.ArrayLike, length: int = 1) -> Flags:
    """Where a value is below each of so many before it."""
    series = flat(values)
    below: Flags = series < windows.shift(lowest(series, length))
    return below


def hold(begin: npt.ArrayLike, end: npt.ArrayLike) -> Floats:
    """1 from a bar on where the first condition is true, until the second is, which wins where both are; 0
    otherwise. Made for positions: ta.hold(buy, sell)."""
    start, stop = flags(begin), flags(end)
    if len(start) != len(stop):
        raise BadInput(f"two conditions have different lengths, {len(start)} and {len(stop)}")
    return windows.hold(start, stop)


def barssince(on: npt.ArrayLike) -> Floats:
    """How many bars ago the condition was last true: 0 where it is now, NaN before it ever was."""
    met = flags(on)
    position = np.arange(len(met))
    last = np.maximum.accumulate(np.where(met, position, -1))
    return np.where(last < 0, np.nan, position - last)


def valuewhen(on: npt.ArrayLike, values: npt.ArrayLike) -> Floats:
    """The value at the last bar where the condition was true; NaN before it ever was."""
    met = flags(on)
    series = flat(values)
    if len(met) != len(series):
        raise BadInput(f"condition and values have different lengths, {len(met)} and {len(series)}")
    last = np.maximum.accumulate(np.where(met, np.arange(len(met)), -1))
    return np.where(last < 0, np.nan, series[last])


def fill(values: npt.ArrayLike) -> Floats:
    """The last known value where there is none (NaN)."""
    series = flat(values)
    return valuewhen(~np.isnan(series), series)


def nz(values: npt.ArrayLike, value: float = 0.0) -> Floats:
    """The values, with another number (0 if none is given) where there is none (NaN)."""
    series = flat(values)
    return np.where(np.isnan(series), value, series)
