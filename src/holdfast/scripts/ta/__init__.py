"""Technical analysis on arrays: what scripts call ``ta``, and what charts draw. Pure.

Every function takes float64 arrays, or bars as such arrays, and returns arrays of the same length. A value at
bar t depends on bars up to t only. NaN means: not yet, or nothing to divide by. Whatever looks ahead or
changes afterwards is left out on purpose: ZigZag and fractals (a turn is known only bars later, and the last
leg is redrawn), the lagging span of Ichimoku and other centred or displaced-back averages, and pivots of a
day that is not over.
"""

from holdfast.scripts.ta.averages import dema, ema, hma, ichimoku, kama, linreg, sma, tema, vwma, wma
from holdfast.scripts.ta.calendar import pivots, vwap
from holdfast.scripts.ta.catalogue import REGISTRY, BadInput, Indicator
from holdfast.scripts.ta.momentum import (
    ao,
    cci,
    cmo,
    macd,
    momentum,
    roc,
    rsi,
    stoch,
    stochrsi,
    trix,
    ultosc,
    willr,
)
from holdfast.scripts.ta.series import (
    barssince,
    change,
    correlation,
    cross,
    crossover,
    crossunder,
    falling,
    fill,
    highest,
    hold,
    lowest,
    median,
    nz,
    percentrank,
    returns,
    rising,
    rma,
    shift,
    sum,
    valuewhen,
    zscore,
)
from holdfast.scripts.ta.trend import adx, aroon, sar, supertrend
from holdfast.scripts.ta.volatility import (
    atr,
    bbands,
    bbw,
    donchian,
    hv,
    keltner,
    natr,
    stddev,
    true_range,
)
from holdfast.scripts.ta.volume import ad, adosc, cmf, force, mfi, obv, volume_sma

__all__ = [
    "REGISTRY", "BadInput", "Indicator", "ad", "adosc", "adx", "ao", "aroon", "atr", "barssince", "bbands",
    "bbw", "cci", "change", "cmf", "cmo", "correlation", "cross", "crossover", "crossunder", "dema",
    "donchian", "ema", "falling", "fill", "force", "highest", "hma", "hold", "hv", "ichimoku", "kama",
    "keltner", "linreg", "lowest", "macd", "median", "mfi", "momentum", "natr", "nz", "obv", "percentrank",
    "pivots", "returns", "rising", "rma", "roc", "rsi", "sar", "shift", "sma", "stddev", "stoch", "stochrsi",
    "sum", "supertrend", "tema", "trix", "true_range", "ultosc", "valuewhen", "volume_sma", "vwap", "vwma",
    "willr", "wma", "zscore",
]  # fmt: skip
