"""How fast prices move. Pure."""

from typing import Final

import numpy as np
import talib

from holdfast.core.bars import FloatBars
from holdfast.scripts.ta.catalogue import SOURCE, Floats, exponential, indicator, length, own, wilder
from holdfast.scripts.ta.windows import (
    change,
    highest,
    lowest,
    moved,
    ratio,
    rolling_mean,
    rolling_sum,
    shift,
)

GROUP: Final = "Momentum"
LIFT: Final = 2.0**60
"""TA-Lib takes differences below 1e-14 for none, which some coins' are. A power of two changes no digit."""
STILL: Final = 10
"""A Wilder average of ``length`` says nothing any more when nothing moved for so many lengths."""


@indicator(
    "rsi",
    "Relative strength index",
    GROUP,
    inputs=(length(14), SOURCE),
    plots=(own("rsi", "RSI"),),
    levels=(30, 50, 70),
    warmup=wilder,
)
def rsi(values: Floats, length: int) -> Floats:
    """How much of the recent moves went up, from 0 to 100. Above 70 a market is called overbought, below 30
    oversold.

    TA-Lib RSI (J. W. Wilder, 1978). None where nothing has moved for ten lengths.
    """
    index = talib.RSI(values * LIFT, length)
    return np.where(moving(values, length), index, np.nan)


def moving(values: Floats, length: int) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Whether anything moved in the last ``STILL`` lengths, or since the beginning."""
    window = STILL * length
    early = np.full(len(values), False)
    head = values[: window - 1]
    early[: len(head)] = np.maximum.accumulate(head) != np.minimum.accumulate(head)
    late = np.arange(len(values)) >= window - 1
    return np.where(late, moved(values, window), early)


@indicator(
    "macd",
    "MACD",
    GROUP,
    inputs=(
        length(12, "fast", "Fast"),
        length(26, "slow", "Slow"),
        length(9, "smooth", "Signal", least=1),
        SOURCE,
    ),
    plots=(
        own("histogram", "Histogram", 3, "histogram"),
        own("macd", "MACD", 1),
        own("signal", "Signal", 2),
    ),
    levels=(0,),
    warmup=lambda fast, slow, smooth: exponential(max(fast, slow)) + exponential(smooth),
)
def macd(values: Floats, fast: int, slow: int, smooth: int) -> tuple[Floats, Floats, Floats]:
    """The difference of a fast and a slow exponential average, its own average, and what lies between them.

    G. Appel, 1979. TA-Lib EMA; the histogram comes first so that the lines are drawn over it.
    """
    line = talib.EMA(values, fast) - talib.EMA(values, slow)
    signal = talib.EMA(line, smooth) if smooth > 1 else line
    return line - signal, line, signal


@indicator(
    "stoch",
    "Stochastic",
    GROUP,
    inputs=(
        length(14),
        length(3, "smooth_k", "Smoothing of %K", least=1),
        length(3, "smooth_d", "%D", least=1),
    ),
    plots=(own("k", "%K", 1), own("d", "%D", 2)),
    levels=(20, 80),
    warmup=lambda length, smooth_k, smooth_d: length + smooth_k + smooth_d,
)
def stoch(bars: FloatBars, length: int, smooth_k: int, smooth_d: int) -> tuple[Floats, Floats]:
    """Where the close lies in the range of the last bars, from 0 (the low) to 100 (the high), smoothed.

    G. Lane: 100 (close − lowest) / (highest − lowest). None where there was no range.
    """
    return _stochastic(bars.close, bars.high, bars.low, length, smooth_k, smooth_d)


@indicator(
    "stochrsi",
    "Stochastic RSI",
    GROUP,
    inputs=(
        length(14, "rsi_length", "RSI length"),
        length(14),
        length(3, "smooth_k", "Smoothing of %K", least=1),
        length(3, "smooth_d", "%D", least=1),
        SOURCE,
    ),
    plots=(own("k", "%K", 1), own("d", "%D", 2)),
    levels=(20, 80),
    warmup=lambda rsi_length, length, smooth_k, smooth_d: wilder(rsi_length) + length + smooth_k + smooth_d,
)
def stochrsi(
    values: Floats, rsi_length: int, length: int, smooth_k: int, smooth_d: int
) -> tuple[Floats, Floats]:
    """Where the relative strength index lies in its own recent range, from 0 to 100.

    T. Chande and S. Kroll, 1994: the stochastic of RSI.
    """
    index = rsi(values, rsi_length)
    return _stochastic(index, index, index, length, smooth_k, smooth_d)


def _stochastic(
    close: Floats, high: Floats, low: Floats, length: int, smooth_k: int, smooth_d: int
) -> tuple[Floats, Floats]:
    floor = lowest(low, length)
    k = rolling_mean(100 * ratio(close - floor, highest(high, length) - floor), smooth_k)
    return k, rolling_mean(k, smooth_d)


@indicator(
    "cci",
    "Commodity channel index",
    GROUP,
    inputs=(length(20),),
    plots=(own("cci", "CCI"),),
    levels=(-100, 100),
    warmup=lambda length: length,
)
def cci(bars: FloatBars, length: int) -> Floats:
    """How far the price is from its mean, measured in mean deviations.

    TA-Lib CCI (D. Lambert, 1980) of (high + low + close) / 3. None where nothing moved.
    """
    typical = (bars.high + bars.low + bars.close) / 3
    return np.where(moved(typical, length), talib.CCI(bars.high, bars.low, bars.close, length), np.nan)


@indicator(
    "roc",
    "Rate of change",
    GROUP,
    inputs=(length(10, least=1), SOURCE),
    plots=(own("roc", "ROC"),),
    levels=(0,),
    warmup=lambda length: length,
)
def roc(values: Floats, length: int) -> Floats:
    """The change against the value some bars ago, in percent."""
    return 100 * ratio(change(values, length), shift(values, length))


@indicator(
    "momentum",
    "Momentum",
    GROUP,
    inputs=(length(10, least=1), SOURCE),
    plots=(own("momentum", "Momentum", 3, "histogram"),),
    levels=(0,),
    warmup=lambda length: length,
)
def momentum(values: Floats, length: int) -> Floats:
    """The change against the value some bars ago."""
    return talib.MOM(values, length)


@indicator(
    "willr",
    "Williams %R",
    GROUP,
    inputs=(length(14),),
    plots=(own("willr", "%R"),),
    levels=(-80, -20),
    warmup=lambda length: length,
)
def willr(bars: FloatBars, length: int) -> Floats:
    """How far the close is below the high of the last bars, from −100 (at the low) to 0 (at the high).

    L. Williams: −100 (highest − close) / (highest − lowest). None where there was no range.
    """
    top = highest(bars.high, length)
    return -100 * ratio(top - bars.close, top - lowest(bars.low, length))


@indicator(
    "ultosc",
    "Ultimate oscillator",
    GROUP,
    inputs=(length(7, "short", "Short"), length(14, "medium", "Medium"), length(28, "long", "Long")),
    plots=(own("ultosc", "UO"),),
    levels=(30, 50, 70),
    warmup=lambda short, medium, long: max(short, medium, long) + 1,
)
def ultosc(bars: FloatBars, short: int, medium: int, long: int) -> Floats:
    """Buying pressure over three lengths, from 0 to 100, the shortest counting four times.

    L. Williams, 1985: Σ (close − true low) / Σ true range, with the weights 4, 2, 1. Window by window, not
    TA-Lib's, whose carried sums leave rounding errors to divide by when a market stands still.
    """
    before = shift(bars.close)
    floor, top = np.minimum(bars.low, before), np.maximum(bars.high, before)
    parts = [
        weight * ratio(rolling_sum(bars.close - floor, size), rolling_sum(top - floor, size))
        for size, weight in ((short, 4), (medium, 2), (long, 1))
    ]
    return 100 * (parts[0] + parts[1] + parts[2]) / 7


@indicator(
    "trix",
    "TRIX",
    GROUP,
    inputs=(length(15), SOURCE),
    plots=(own("trix", "TRIX"),),
    levels=(0,),
    warmup=lambda length: exponential(length) + 2 * length + 1,
)
def trix(values: Floats, length: int) -> Floats:
    """The change of a price smoothed three times, in percent a bar.

    J. Hutson, 1983: the rate of change of EMA(EMA(EMA)).
    """
    smooth = talib.EMA(talib.EMA(talib.EMA(values, length), length), length)
    return 100 * ratio(change(smooth), shift(smooth))


@indicator(
    "ao",
    "Awesome oscillator",
    GROUP,
    inputs=(length(5, "fast", "Fast"), length(34, "slow", "Slow")),
    plots=(own("ao", "AO", 3, "histogram"),),
    levels=(0,),
    warmup=lambda fast, slow: max(fast, slow),
)
def ao(bars: FloatBars, fast: int, slow: int) -> Floats:
    """The difference of a fast and a slow mean of the bars' middles.

    B. Williams, Trading Chaos: SMA(5) − SMA(34) of (high + low) / 2.
    """
    middle = (bars.high + bars.low) / 2
    return talib.SMA(middle, fast) - talib.SMA(middle, slow)


@indicator(
    "cmo",
    "Chande momentum oscillator",
    GROUP,
    inputs=(length(14), SOURCE),
    plots=(own("cmo", "CMO"),),
    levels=(-50, 0, 50),
    warmup=lambda length: length + 1,
)
def cmo(values: Floats, length: int) -> Floats:
    """What the ups of the last bars are more than the downs, in percent of both.

    T. Chande, 1994: 100 (Σ up − Σ down) / (Σ up + Σ down), not smoothed as TA-Lib's is.
    """
    step = change(values)
    return 100 * ratio(rolling_sum(step, length), rolling_sum(np.abs(step), length))
