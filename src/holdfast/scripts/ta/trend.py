"""Which way prices go, and where that ends. Pure."""

import math
from typing import Final

import numpy as np
import talib

from holdfast.core.bars import FloatBars
from holdfast.scripts.ta.catalogue import Floats, Plot, indicator, length, number, own, wilder
from holdfast.scripts.ta.momentum import LIFT, moving

GROUP: Final = "Trend"


def _trailing(acceleration: float, maximum: float) -> int:
    """Bars until a parabolic stop stands where any history would have it. Unlike an average it forgets all at
    once, when it turns, so this is no proof: twice the most that was seen in dozens of made histories."""
    return 500 + math.ceil(10 / maximum + 2 / acceleration)


def _ratcheting(length: int, width: float) -> int:
    """The same of bands that are pulled along: the wider they are, the longer it takes."""
    return wilder(length) + math.ceil(300 * width)


@indicator(
    "adx",
    "Average directional index",
    GROUP,
    inputs=(length(14),),
    plots=(own("adx", "ADX", 1), own("plus", "+DI", 3), own("minus", "−DI", 4)),
    levels=(20,),
    warmup=lambda length: wilder(length) + 2 * length,
)
def adx(bars: FloatBars, length: int) -> tuple[Floats, Floats, Floats]:
    """How strong a trend is, whichever way it goes, and how much moves up and down.

    TA-Lib ADX, PLUS_DI and MINUS_DI (J. W. Wilder, 1978). None where nothing has moved for ten lengths.
    """
    high, low, close = bars.high * LIFT, bars.low * LIFT, bars.close * LIFT
    alive = moving(bars.high, length) | moving(bars.low, length) | moving(bars.close, length)
    found = (talib.ADX, talib.PLUS_DI, talib.MINUS_DI)
    strength, plus, minus = (np.where(alive, one(high, low, close, length), np.nan) for one in found)
    return strength, plus, minus


@indicator(
    "aroon",
    "Aroon",
    GROUP,
    inputs=(length(25),),
    plots=(own("up", "Up", 3), own("down", "Down", 4)),
    levels=(50,),
    warmup=lambda length: length,
)
def aroon(bars: FloatBars, length: int) -> tuple[Floats, Floats]:
    """How recent the highest high and the lowest low are: 100 at this bar, 0 if ``length`` bars ago.

    TA-Lib AROON (T. Chande, 1995).
    """
    down, up = talib.AROON(bars.high, bars.low, length)
    return up, down


@indicator(
    "sar",
    "Parabolic SAR",
    GROUP,
    inputs=(
        number("acceleration", "Acceleration", 0.02, 0.001, 1),
        number("maximum", "Maximum", 0.2, 0.001, 1),
    ),
    plots=(Plot("sar", "SAR", "dots"),),
    warmup=_trailing,
)
def sar(bars: FloatBars, acceleration: float, maximum: float) -> Floats:
    """A stop that follows a trend faster and faster, and turns when it is touched.

    TA-Lib SAR (J. W. Wilder, 1978).
    """
    return talib.SAR(bars.high, bars.low, acceleration, maximum)


@indicator(
    "supertrend",
    "Supertrend",
    GROUP,
    inputs=(length(10, least=1), number("width", "Width", 3, 0.1, 20)),
    plots=(Plot("up", "Up", colour=3), Plot("down", "Down", colour=4)),
    warmup=_ratcheting,
)
def supertrend(bars: FloatBars, length: int, width: float) -> tuple[Floats, Floats]:
    """A stop some true ranges away from the price, which never moves back and turns when closes pass it.

    O. Seban: bands at (high + low) / 2 ± width · ATR. The lower one only rises until a close is below it, the
    upper one only falls until a close is above it; the line is the lower band after the upper one was passed.
    Begins with the trend up.
    """
    reach = width * talib.ATR(bars.high, bars.low, bars.close, length)
    middle = (bars.high + bars.low) / 2
    known = np.flatnonzero(~np.isnan(reach))
    up, down = np.full(len(middle), np.nan), np.full(len(middle), np.nan)
    if not len(known):
        return up, down
    first = int(known[0])
    columns = ((middle - reach)[first:], (middle + reach)[first:], bars.close[first:])
    line, rising = _trail(*(column.tolist() for column in columns))
    up[first:], down[first:] = np.where(rising, line, np.nan), np.where(rising, np.nan, line)
    return up, down


def _trail(lows: list[float], highs: list[float], closes: list[float]) -> tuple[list[float], list[bool]]:
    """The stop and whether it is below the price, bar by bar."""
    floor, ceiling, before, up = lows[0], highs[0], closes[0], True
    line, rising = [], []
    for low, high, close in zip(lows, highs, closes, strict=True):
        floor = low if low > floor or before < floor else floor
        ceiling = high if high < ceiling or before > ceiling else ceiling
        up = close >= floor if up else close > ceiling
        line.append(floor if up else ceiling)
        rising.append(up)
        before = close
    return line, rising
