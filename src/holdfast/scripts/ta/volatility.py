"""How far prices swing. Pure."""

from typing import Final

import numpy as np
import talib

from holdfast.core.bars import FloatBars
from holdfast.scripts.ta.averages import ema, sma
from holdfast.scripts.ta.catalogue import (
    SOURCE,
    BadInput,
    Floats,
    Plot,
    exponential,
    indicator,
    length,
    number,
    own,
    wilder,
)
from holdfast.scripts.ta.windows import highest, lowest, ratio, rolling_deviation, shift

GROUP: Final = "Volatility"


def true_range(bars: FloatBars) -> Floats:
    """The span of a bar together with the close before it; of the first bar its own span."""
    if not isinstance(bars, FloatBars):
        raise BadInput("true_range takes all of the bars, not one series: true_range(bars)")
    before = np.concatenate((bars.close[:1], bars.close[:-1]))
    before[:1] = bars.low[:1]
    reach: Floats = np.maximum(bars.high, before) - np.minimum(bars.low, before)
    return reach


@indicator(
    "bbands",
    "Bollinger bands",
    GROUP,
    inputs=(length(20), number("width", "Deviations", 2, 0.1, 10), SOURCE),
    plots=(
        Plot("middle", "Middle", colour=6),
        Plot("lower", "Lower", colour=2),
        Plot("upper", "Upper", "band", colour=2, band_with="lower"),
    ),
    warmup=lambda length, **_: length,
)
def bbands(values: Floats, length: int, width: float) -> tuple[Floats, Floats, Floats]:
    """A moving average and bands at a number of standard deviations around it.

    J. Bollinger, 1983: deviations of the window as a whole population, around its own mean. Not TA-Lib's,
    which takes the difference of two sums of squares and so loses small deviations of large prices.
    """
    middle, reach = sma(values, length), width * rolling_deviation(values, length)
    return middle, middle - reach, middle + reach


@indicator(
    "bbw",
    "Bollinger bandwidth",
    GROUP,
    inputs=(length(20), number("width", "Deviations", 2, 0.1, 10), SOURCE),
    plots=(own("bbw", "Bandwidth"),),
    warmup=lambda length, **_: length,
)
def bbw(values: Floats, length: int, width: float) -> Floats:
    """The distance between the Bollinger bands in percent of their middle."""
    middle, lower, upper = bbands(values, length, width)
    return 100 * ratio(upper - lower, middle)


@indicator(
    "keltner",
    "Keltner channels",
    GROUP,
    inputs=(
        length(20),
        length(10, "atr_length", "ATR length", least=1),
        number("width", "Width", 2, 0.1, 20),
    ),
    plots=(
        Plot("middle", "Middle", colour=6),
        Plot("lower", "Lower", colour=5),
        Plot("upper", "Upper", "band", colour=5, band_with="lower"),
    ),
    warmup=lambda length, atr_length, **_: max(exponential(length), wilder(atr_length)),
)
def keltner(bars: FloatBars, length: int, atr_length: int, width: float) -> tuple[Floats, Floats, Floats]:
    """An exponential average of closes, and channels some true ranges away from it.

    C. Keltner, in L. Raschke's form: EMA ± width · ATR.
    """
    middle, reach = ema(bars.close, length), width * atr(bars, atr_length)
    return middle, middle - reach, middle + reach


@indicator(
    "donchian",
    "Donchian channels",
    GROUP,
    inputs=(length(20, least=1),),
    plots=(
        Plot("middle", "Middle", colour=6),
        Plot("lower", "Lower", colour=7),
        Plot("upper", "Upper", "band", colour=7, band_with="lower"),
    ),
    warmup=lambda length: length,
)
def donchian(bars: FloatBars, length: int) -> tuple[Floats, Floats, Floats]:
    """The highest high and the lowest low of the last bars, this one among them, and what lies half way.

    R. Donchian. For breakouts compare a close with the channel of the bar before.
    """
    upper, lower = highest(bars.high, length), lowest(bars.low, length)
    return (upper + lower) / 2, lower, upper


@indicator(
    "atr",
    "Average true range",
    GROUP,
    inputs=(length(14, least=1),),
    plots=(own("atr", "ATR"),),
    warmup=wilder,
)
def atr(bars: FloatBars, length: int) -> Floats:
    """The mean span of the bars, gaps between them included.

    TA-Lib ATR (J. W. Wilder, 1978).
    """
    return talib.ATR(bars.high, bars.low, bars.close, length)


@indicator(
    "natr",
    "Normalised average true range",
    GROUP,
    inputs=(length(14, least=1),),
    plots=(own("natr", "NATR"),),
    warmup=wilder,
)
def natr(bars: FloatBars, length: int) -> Floats:
    """The mean span of the bars in percent of the close, so that coins can be compared.

    100 ATR / close (J. Forman, 2006).
    """
    return 100 * ratio(atr(bars, length), bars.close)


@indicator(
    "stddev",
    "Standard deviation",
    GROUP,
    inputs=(length(20), SOURCE),
    plots=(own("stddev", "Deviation"),),
    warmup=lambda length: length,
)
def stddev(values: Floats, length: int) -> Floats:
    """How far the last values are from their mean, as a whole population.

    √(Σ (x − mean)² / length), around the mean of each window.
    """
    return rolling_deviation(values, length)


@indicator(
    "hv",
    "Historical volatility",
    GROUP,
    inputs=(length(20), SOURCE),
    plots=(own("hv", "Volatility"),),
    warmup=lambda length: length + 1,
)
def hv(values: Floats, length: int) -> Floats:
    """The standard deviation of the last returns, in percent a bar.

    Of logarithmic returns, as a whole population, not annualised. None beside a value that is not positive.
    """
    positive = np.where(values > 0, values, np.nan)
    return 100 * rolling_deviation(np.log(ratio(positive, shift(positive))), length)
