"""Indicators that begin anew with a period of the calendar (UTC). Pure."""

from typing import Final

import numpy as np
import numpy.typing as npt

from holdfast.core.bars import FloatBars
from holdfast.core.timeframes import Timeframe, bucket_start
from holdfast.scripts.ta.catalogue import Floats, Input, Plot, indicator
from holdfast.scripts.ta.windows import ratio

Ints = npt.NDArray[np.int64]

_BUCKETS: Final = {"day": Timeframe.D1, "week": Timeframe.W1, "month": Timeframe.MONTH}


def starts(times: Ints, period: str) -> Ints:
    """For each UTC second the beginning of its day, week (Monday), month or year; of ``all`` always 0."""
    if period in _BUCKETS:
        return bucket_start(times, _BUCKETS[period])
    if period == "year":
        return times.astype("datetime64[s]").astype("datetime64[Y]").astype("datetime64[s]").astype(np.int64)
    return np.zeros(len(times), np.int64)


def heads(times: Ints, period: str) -> npt.NDArray[np.intp]:
    """The positions of the first bar of each period."""
    began = starts(times, period)
    return np.flatnonzero(np.concatenate(([True], began[1:] != began[:-1])))


def running(values: Floats, begins: npt.NDArray[np.intp]) -> Floats:
    """The sum since the last of the positions ``begins``, the first of which is 0."""
    result = np.empty(len(values))
    for begin, end in zip(begins, [*begins[1:], len(values)], strict=True):
        np.cumsum(values[begin:end], out=result[begin:end])
    return result


@indicator(
    "vwap",
    "Volume weighted average price",
    "Averages",
    inputs=(Input("anchor", "Since the beginning of", "choice", "day", options=("day", "week", "month")),),
    plots=(Plot("vwap", "VWAP", colour=5),),
    warmup=lambda **_: 0,
)
def vwap(bars: FloatBars, anchor: str = "day") -> Floats:
    """What was paid on average since the day (week, month) began at 00:00 UTC.

    Σ (high + low + close) / 3 · volume / Σ volume; none until something was traded.
    """
    begins = heads(bars.time, anchor)
    typical = (bars.high + bars.low + bars.close) / 3
    return ratio(running(typical * bars.volume, begins), running(bars.volume, begins))


@indicator(
    "pivots",
    "Pivot points",
    "Levels",
    inputs=(Input("anchor", "Of the previous", "choice", "day", options=("day", "week", "month")),),
    plots=(
        Plot("pivot", "P", colour=6),
        Plot("r1", "R1", colour=4),
        Plot("r2", "R2", colour=4),
        Plot("r3", "R3", colour=4),
        Plot("s1", "S1", colour=3),
        Plot("s2", "S2", colour=3),
        Plot("s3", "S3", colour=3),
    ),
    warmup=lambda **_: 1,
    period_before=True,
)
def pivots(bars: FloatBars, anchor: str = "day") -> tuple[Floats, ...]:
    """Levels made of the high, low and close of the day (week, month) before, which hold all day.

    Classic floor pivots: P = (H + L + C) / 3, R1 = 2 P − L, S1 = 2 P − H, R2, S2 = P ± (H − L),
    R3 = H + 2 (P − L), S3 = L − 2 (H − P). The period before is the last in which there are bars.
    """
    begins = heads(bars.time, anchor)
    high = np.maximum.reduceat(bars.high, begins)
    low = np.minimum.reduceat(bars.low, begins)
    close = bars.close[np.append(begins[1:], len(bars.time)) - 1]
    pivot, span = (high + low + close) / 3, high - low
    levels = (
        pivot,
        2 * pivot - low,
        pivot + span,
        high + 2 * (pivot - low),
        2 * pivot - high,
        pivot - span,
        low - 2 * (high - pivot),
    )
    lengths = np.diff(np.append(begins, len(bars.time)))
    return tuple(np.repeat(np.concatenate(([np.nan], level[:-1])), lengths) for level in levels)
