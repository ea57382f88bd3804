"""What was traded, and on which side. Where nothing is traded, as on an index, most of these have no value.
Pure."""

from typing import Final

import numpy as np
import talib

from holdfast.core.bars import FloatBars
from holdfast.scripts.ta.calendar import heads, running
from holdfast.scripts.ta.catalogue import Floats, Input, exponential, indicator, length, own
from holdfast.scripts.ta.windows import change, ratio, rolling_mean, rolling_sum

GROUP: Final = "Volume"
PERIODS: Final = ("day", "week", "month", "year", "all")
ANCHOR: Final = Input("anchor", "Sum since the beginning of", "choice", "auto", options=("auto", *PERIODS))
"""``auto`` is for charts: they choose a period that fits their bars. To the functions it means all bars."""


@indicator(
    "obv",
    "On-balance volume",
    GROUP,
    inputs=(ANCHOR,),
    plots=(own("obv", "OBV"),),
    warmup=lambda **_: 1,
)
def obv(bars: FloatBars, anchor: str = "all") -> Floats:
    """Volume summed up, that of rising bars added, that of falling bars taken away. Only its direction means
    something.

    J. Granville, 1963. The sum begins anew with each period of ``anchor`` (UTC).
    """
    flow = np.nan_to_num(np.sign(change(bars.close))) * bars.volume
    return running(flow, heads(bars.time, anchor))


@indicator(
    "ad",
    "Accumulation / distribution",
    GROUP,
    inputs=(ANCHOR,),
    plots=(own("ad", "A/D"),),
    warmup=lambda **_: 0,
)
def ad(bars: FloatBars, anchor: str = "all") -> Floats:
    """Volume summed up, counted by where in its range each bar closed. Only its direction means something.

    M. Chaikin: Σ volume · ((close − low) − (high − close)) / (high − low). The sum begins anew with each
    period of ``anchor`` (UTC).
    """
    return running(money_flow(bars), heads(bars.time, anchor))


def money_flow(bars: FloatBars) -> Floats:
    """Volume by where the bar closed: all of it at the high, all of it taken away at the low, 0 without a
    range."""
    place = ratio((bars.close - bars.low) - (bars.high - bars.close), bars.high - bars.low)
    flow: Floats = np.nan_to_num(place) * bars.volume
    return flow


@indicator(
    "adosc",
    "Chaikin oscillator",
    GROUP,
    inputs=(length(3, "fast", "Fast"), length(10, "slow", "Slow")),
    plots=(own("adosc", "Chaikin"),),
    levels=(0,),
    warmup=lambda fast, slow: exponential(max(fast, slow)),
)
def adosc(bars: FloatBars, fast: int, slow: int) -> Floats:
    """The difference of a fast and a slow average of accumulation / distribution.

    M. Chaikin: EMA(A/D, fast) − EMA(A/D, slow), in which it does not matter where the sum began.
    """
    line = np.cumsum(money_flow(bars))
    return talib.EMA(line, fast) - talib.EMA(line, slow)


@indicator(
    "cmf",
    "Chaikin money flow",
    GROUP,
    inputs=(length(20),),
    plots=(own("cmf", "CMF", kind="area"),),
    levels=(0,),
    warmup=lambda length: length,
)
def cmf(bars: FloatBars, length: int) -> Floats:
    """The share of the last volume that closed near the highs, less that near the lows, from −1 to 1.

    M. Chaikin: Σ money flow / Σ volume. None where nothing was traded.
    """
    return ratio(rolling_sum(money_flow(bars), length), rolling_sum(bars.volume, length))


@indicator(
    "mfi",
    "Money flow index",
    GROUP,
    inputs=(length(14),),
    plots=(own("mfi", "MFI"),),
    levels=(20, 50, 80),
    warmup=lambda length: length + 1,
)
def mfi(bars: FloatBars, length: int) -> Floats:
    """How much of the recent turnover was in rising bars, from 0 to 100.

    G. Quong and A. Soudack, 1989: 100 Σ rising / Σ (rising + falling) of price · volume, the price being
    (high + low + close) / 3. Not TA-Lib's, which takes a turnover below 1 for none.
    """
    typical = (bars.high + bars.low + bars.close) / 3
    step, money = change(typical), typical * bars.volume
    rising, falling = (np.where(np.isnan(step), np.nan, money * side) for side in (step > 0, step < 0))
    return 100 * ratio(rolling_sum(rising, length), rolling_sum(rising + falling, length))


@indicator(
    "volume_sma",
    "Volume and its average",
    GROUP,
    inputs=(length(20),),
    plots=(own("volume", "Volume", 6, "columns"), own("sma", "Average", 1)),
    warmup=lambda length: length,
)
def volume_sma(bars: FloatBars, length: int) -> tuple[Floats, Floats]:
    """The volume of each bar, and the mean of the last ones."""
    return bars.volume.copy(), rolling_mean(bars.volume, length)


@indicator(
    "force",
    "Force index",
    GROUP,
    inputs=(length(13),),
    plots=(own("force", "Force"),),
    levels=(0,),
    warmup=lambda length: exponential(length) + 1,
)
def force(bars: FloatBars, length: int) -> Floats:
    """The change of the close times the volume, averaged.

    A. Elder, Trading for a Living: EMA of change · volume.
    """
    return talib.EMA(change(bars.close) * bars.volume, length)
