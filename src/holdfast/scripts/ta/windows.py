"""Sliding windows and what scripts compare series with. Each value depends on its own window only, whatever
came before it: no sum is carried on, so a spike of volume or a hole leaves nothing behind. Pure."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import talib

from holdfast.scripts.ta.catalogue import Floats

Flags = npt.NDArray[np.bool_]


def empty_like(values: Floats) -> Floats:
    return np.full(len(values), np.nan)


def _lags(values: Floats, length: int) -> Iterator[Floats]:
    """The windows column by column, the oldest value of each first."""
    count = len(values) - length + 1
    for lag in range(length):
        yield values[lag : lag + count]


def rolling_sum(values: Floats, length: int) -> Floats:
    """The sum of the last ``length`` values; NaN while there are fewer, or one of them is NaN."""
    result = empty_like(values)
    if len(values) >= length:
        total = np.zeros(len(values) - length + 1)
        for column in _lags(values, length):
            total += column
        result[length - 1 :] = total
    return result


def rolling_mean(values: Floats, length: int) -> Floats:
    return rolling_sum(values, length) / length


def rolling_deviation(values: Floats, length: int) -> Floats:
    """The standard deviation of the last ``length`` values as a whole population, around their own mean."""
    result = empty_like(values)
    if len(values) >= length:
        mean = rolling_mean(values, length)[length - 1 :]
        total = np.zeros(len(mean))
        for column in _lags(values, length):
            total += (column - mean) ** 2
        result[length - 1 :] = np.sqrt(total / length)
    return result


def rolling_weighted(values: Floats, length: int) -> Floats:
    """The mean of the last ``length`` values with the weights 1, 2 … ``length``, the newest the heaviest."""
    result = empty_like(values)
    if len(values) >= length:
        total = np.zeros(len(values) - length + 1)
        for weight, column in enumerate(_lags(values, length), start=1):
            total += weight * column
        result[length - 1 :] = total / (length * (length + 1) / 2)
    return result


def highest(values: Floats, length: int) -> Floats:
    """The highest of the last ``length`` values."""
    return _extreme(np.asarray(values, np.float64), length, talib.MAX, np.maximum)


def lowest(values: Floats, length: int) -> Floats:
    """The lowest of the last ``length`` values."""
    return _extreme(np.asarray(values, np.float64), length, talib.MIN, np.minimum)


def _extreme(values: Floats, length: int, fast: "np.ufunc | object", pick: np.ufunc) -> Floats:
    if length == 1:
        return values.copy()
    if not np.isnan(values).any():
        found: Floats = fast(values, length)  # type: ignore[operator]
        return found
    result = empty_like(values)
    if len(values) >= length:
        columns = _lags(values, length)
        best = next(columns).copy()
        for column in columns:
            pick(best, column, out=best)
        result[length - 1 :] = best
    return result


def shift(values: Floats, bars: int = 1) -> Floats:
    """Each value ``bars`` bars later. The other way would show what is to come, so it is refused."""
    if bars < 0:
        raise ValueError("a series can only be shifted to later bars")
    result = empty_like(values)
    result[bars:] = values[: max(len(values) - bars, 0)]
    return result


def change(values: Floats, bars: int = 1) -> Floats:
    """Each value less the one ``bars`` bars before."""
    difference: Floats = values - shift(values, bars)
    return difference


def crossover(values: Floats, other: Floats | float) -> Flags:
    """Where the values come to stand above the other after they stood at or below it."""
    level = np.broadcast_to(np.asarray(other, np.float64), values.shape)
    above: Flags = values > level
    return above & (shift(values) <= shift(level))


def crossunder(values: Floats, other: Floats | float) -> Flags:
    """Where the values come to stand below the other after they stood at or above it."""
    level = np.broadcast_to(np.asarray(other, np.float64), values.shape)
    below: Flags = values < level
    return below & (shift(values) >= shift(level))


def hold(begin: Flags, end: Flags) -> Floats:
    """1 from a bar of ``begin`` on until a bar of ``end``, which wins where both are; 0 otherwise."""
    position = np.arange(len(begin))
    began = np.maximum.accumulate(np.where(begin, position, -1))
    ended = np.maximum.accumulate(np.where(end, position, -1))
    return np.where(began > ended, 1.0, 0.0)


def ratio(part: Floats, whole: Floats) -> Floats:
    """``part / whole``, none (NaN) where there is nothing to divide by, or next to nothing."""
    with np.errstate(over="ignore"):
        result: Floats = part / np.where(whole == 0, np.nan, whole)
    result[np.isinf(result)] = np.nan
    return result


def moved(values: Floats, length: int) -> Flags:
    """Whether the last ``length`` values are not all the same. Sums of equal numbers are not exact, so a
    ratio of their differences would be one of rounding errors."""
    still: Flags = highest(values, length) == lowest(values, length)
    return ~still
