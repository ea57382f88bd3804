"""Moving averages. Pure."""

import math
from typing import Final

import numpy as np
import talib

from holdfast.core.bars import FloatBars
from holdfast.scripts.ta.catalogue import SOURCE, Floats, Plot, exponential, indicator, length
from holdfast.scripts.ta.windows import (
    change,
    empty_like,
    highest,
    lowest,
    ratio,
    rolling_mean,
    rolling_sum,
    rolling_weighted,
    shift,
)

GROUP: Final = "Averages"


@indicator(
    "sma",
    "Simple moving average",
    GROUP,
    inputs=(length(20), SOURCE),
    plots=(Plot("sma", "SMA"),),
    warmup=lambda length: length,
)
def sma(values: Floats, length: int) -> Floats:
    """The mean of the last values.

    TA-Lib SMA, which carries one sum on; where a value is missing, window by window.
    """
    if np.isnan(values).any():
        return rolling_mean(values, length)
    return talib.SMA(values, length)


@indicator(
    "ema",
    "Exponential moving average",
    GROUP,
    inputs=(length(20), SOURCE),
    plots=(Plot("ema", "EMA"),),
    warmup=exponential,
)
def ema(values: Floats, length: int) -> Floats:
    """An average in which each older value counts less, by the factor 1 − 2 / (length + 1).

    TA-Lib EMA: begins with the simple mean of the first ``length`` values.
    """
    return talib.EMA(values, length)


@indicator(
    "wma",
    "Weighted moving average",
    GROUP,
    inputs=(length(20), SOURCE),
    plots=(Plot("wma", "WMA"),),
    warmup=lambda length: length,
)
def wma(values: Floats, length: int) -> Floats:
    """The mean of the last values with weights that fall evenly from the newest to the oldest.

    TA-Lib WMA; where a value is missing, window by window.
    """
    if np.isnan(values).any():
        return rolling_weighted(values, length)
    return talib.WMA(values, length)


@indicator(
    "dema",
    "Double exponential moving average",
    GROUP,
    inputs=(length(20), SOURCE),
    plots=(Plot("dema", "DEMA"),),
    warmup=lambda length: exponential(length) + length,
)
def dema(values: Floats, length: int) -> Floats:
    """An exponential average with less lag: twice the average, less the average of it.

    TA-Lib DEMA: 2 EMA − EMA(EMA) (P. Mulloy, 1994).
    """
    return talib.DEMA(values, length)


@indicator(
    "tema",
    "Triple exponential moving average",
    GROUP,
    inputs=(length(20), SOURCE),
    plots=(Plot("tema", "TEMA"),),
    warmup=lambda length: exponential(length) + 2 * length,
)
def tema(values: Floats, length: int) -> Floats:
    """An exponential average with hardly any lag, made of three averages of averages.

    TA-Lib TEMA: 3 EMA − 3 EMA(EMA) + EMA(EMA(EMA)) (P. Mulloy, 1994).
    """
    return talib.TEMA(values, length)


@indicator(
    "hma",
    "Hull moving average",
    GROUP,
    inputs=(length(20), SOURCE),
    plots=(Plot("hma", "HMA"),),
    warmup=lambda length: length + math.isqrt(length),
)
def hma(values: Floats, length: int) -> Floats:
    """A smooth weighted average that follows turns quickly.

    WMA over √length of 2 WMA(length / 2) − WMA(length), lengths rounded down (A. Hull, 2005).
    """
    raw = 2 * rolling_weighted(values, length // 2) - rolling_weighted(values, length)
    return rolling_weighted(raw, math.isqrt(length))


_KAMA_FAST: Final = 2 / (2 + 1)
_KAMA_SLOW: Final = 2 / (30 + 1)


@indicator(
    "kama",
    "Kaufman adaptive moving average",
    GROUP,
    inputs=(length(10), SOURCE),
    plots=(Plot("kama", "KAMA"),),
    warmup=lambda length: math.ceil(-math.log(1e-10) / _KAMA_SLOW**2) + length,
)
def kama(values: Floats, length: int) -> Floats:
    """An average that is quick while the price goes one way and slow while it goes to and fro.

    P. Kaufman, Trading Systems and Methods: the efficiency ratio |change| / sum of |changes| moves the weight
    between those of exponential averages of 2 and 30, squared. Not TA-Lib's, which takes a market that does
    not move for an efficient one and measures movement in absolute numbers. Begins with the value ``length``
    bars after the first.
    """
    way = rolling_sum(np.abs(change(values)), length)
    efficiency = np.minimum(np.nan_to_num(ratio(np.abs(change(values, length)), way)), 1.0)
    weights = (efficiency * (_KAMA_FAST - _KAMA_SLOW) + _KAMA_SLOW) ** 2
    result = empty_like(values)
    known = np.flatnonzero(~np.isnan(way))
    if not len(known):
        return result
    first = int(known[0])
    average = float(values[first])
    averages = []
    for value, weight in zip(values[first:].tolist(), weights[first:].tolist(), strict=True):
        average += weight * (value - average)
        averages.append(average)
    result[first:] = averages
    return result


@indicator(
    "vwma",
    "Volume weighted moving average",
    GROUP,
    inputs=(length(20),),
    plots=(Plot("vwma", "VWMA"),),
    warmup=lambda length: length,
)
def vwma(bars: FloatBars, length: int) -> Floats:
    """The mean of the last closes, each as heavy as the volume of its bar.

    Σ close · volume / Σ volume; none where nothing was traded.
    """
    return ratio(rolling_sum(bars.close * bars.volume, length), rolling_sum(bars.volume, length))


@indicator(
    "linreg",
    "Linear regression",
    GROUP,
    inputs=(length(20), SOURCE),
    plots=(Plot("linreg", "Regression"),),
    warmup=lambda length: length,
)
def linreg(values: Floats, length: int) -> Floats:
    """The end of the straight line that lies nearest to the last values.

    TA-Lib LINEARREG (least squares).
    """
    return talib.LINEARREG(values, length)


@indicator(
    "ichimoku",
    "Ichimoku cloud",
    "Trend",
    inputs=(
        length(9, "conversion", "Conversion"),
        length(26, "base", "Base"),
        length(52, "span", "Leading span B"),
        length(26, "ahead", "Displacement", least=1),
    ),
    plots=(
        Plot("conversion", "Conversion", colour=1),
        Plot("base", "Base", colour=2),
        Plot("span_a", "Leading span A", colour=3),
        Plot("span_b", "Leading span B", "band", colour=4, band_with="span_a"),
    ),
    warmup=lambda conversion, base, span, ahead: max(conversion, base, span) + ahead,
)
def ichimoku(
    bars: FloatBars, conversion: int, base: int, span: int, ahead: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Middles of three ranges; two of them drawn ahead as a cloud in which the price is undecided.

    G. Hosoda, 1969: middle = (highest + lowest) / 2. The cloud at a bar was known ``ahead`` bars before. The
    lagging span is left out: drawn back, it shows each bar a close that was still to come.
    """
    tenkan, kijun = middle(bars, conversion), middle(bars, base)
    return tenkan, kijun, shift((tenkan + kijun) / 2, ahead), shift(middle(bars, span), ahead)


def middle(bars: FloatBars, length: int) -> Floats:
    """Half way between the highest high and the lowest low of the last bars."""
    return (highest(bars.high, length) + lowest(bars.low, length)) / 2
