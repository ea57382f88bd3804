"""Longer bars from shorter ones as the exchanges make them: first, highest, lowest, last, sum. Pure."""

import numpy as np

from holdfast.core.bars import Bars, DoesNotFit
from holdfast.core.timeframes import Timeframe, bucket_start

_SAFE: float = 2.0**62


def resample(bars: Bars, timeframe: Timeframe) -> Bars:
    """One bar for every span of ``timeframe`` in which there is a bar; nothing is invented for the others.

    The first and the last may be incomplete: that is for the caller to know, who knows what was left out.

    Raises:
        DoesNotFit: a sum of volumes needs more than 63 bits.
    """
    if not len(bars):
        return bars
    buckets = bucket_start(bars.time, timeframe)
    heads = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
    if len(heads) == len(bars) and np.array_equal(buckets, bars.time):
        return bars
    if np.add.reduceat(np.abs(bars.volume.astype(np.float64)), heads).max() > _SAFE:
        raise DoesNotFit("a sum of volumes needs more than 63 bits")
    tails = np.append(heads[1:], len(bars)) - 1
    return Bars(
        buckets[heads],
        bars.open[heads],
        np.maximum.reduceat(bars.high, heads),
        np.minimum.reduceat(bars.low, heads),
        bars.close[tails],
        np.add.reduceat(bars.volume, heads),
        bars.price_decimals,
        bars.volume_decimals,
    )
