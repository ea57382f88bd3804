"""Whether a file can be what it is said to be: its bars against the venue's own hours.

An upload goes into a history that everybody here sees, so nobody's word is taken for it. Volumes are compared
by their size only: archives and answers count them differently.
"""

from datetime import datetime
from typing import Final

import numpy as np

from holdfast.core.bars import PRICES, Bars, Ints, same_scale
from holdfast.core.resample import resample
from holdfast.core.time import utc_minute
from holdfast.core.timeframes import HOUR, Timeframe
from holdfast.market.candles import feeds
from holdfast.venues.protocol import HistoryVenue

_MOST_TIMES_THE_VOLUME: Final = 10_000.0


class Hours:
    """The hours of bars that come in pieces, oldest first, and how many bars each has. ``take`` and ``told``
    raise ``DoesNotFit`` where the numbers are too large for one scale or to be summed."""

    def __init__(self) -> None:
        self._hours: list[Bars] = []
        self._counts: list[Ints] = []
        self._rest = Bars.empty()

    def take(self, bars: Bars) -> None:
        if not len(bars):
            return
        bars = Bars.concat([self._rest, bars]) if len(self._rest) else bars
        unfinished = int(bars.time[-1]) // HOUR * HOUR
        self._keep(bars.between(0, unfinished))
        self._rest = bars.between(unfinished, unfinished + HOUR)

    def told(self, step: int) -> tuple[Bars, Ints]:
        """The hours, and the times of those that have all of their bars of ``step`` seconds."""
        self._keep(self._rest)
        self._rest = Bars.empty()
        if not self._hours:
            return Bars.empty(), np.empty(0, np.int64)
        hours = Bars.concat(self._hours)
        return hours, hours.time[np.concatenate(self._counts) == HOUR // step]

    def _keep(self, bars: Bars) -> None:
        if len(bars):
            self._hours.append(resample(bars, Timeframe.H1))
            self._counts.append(np.unique_counts(bars.time // HOUR).counts)


async def disagreement(
    venue: HistoryVenue, symbol: str, hours: Bars, whole: Ints, now: datetime, *, scale: tuple[int, int]
) -> str:
    """What cannot be the venue's, in words; "" if all can.

    ``hours`` are the file's bars resampled; ``whole`` the times of those with all of their bars in the file:
    these must be the same as the venue's, the others must lie within. The hour that is not over is left out.
    ``scale``: decimals of prices and volumes that the venue is known to tell. More than these and its hours
    have, no file of its bars has.

    Raises:
        VenueError: no answer.
        DoesNotFit: the numbers are too large to be compared.
    """
    price_decimals, volume_decimals = scale
    hours_decimals = hours.price_decimals, hours.volume_decimals
    hours = hours.between(0, int(now.timestamp()) // HOUR * HOUR)
    for start in range(0, len(hours), feeds.PAGE):
        part = hours.take(slice(start, start + feeds.PAGE))
        first, last = int(part.time[0]), int(part.time[-1])
        theirs = await feeds.span(venue, symbol, Timeframe.H1, first, last + HOUR)
        wrong = _first_wrong(part, theirs, whole)
        if wrong is not None:
            return f"the hour of {utc_minute(wrong)} is not what the venue tells"
        price_decimals = max(price_decimals, theirs.price_decimals)
        volume_decimals = max(volume_decimals, theirs.volume_decimals)
    if hours_decimals[0] > price_decimals:
        return f"its prices have {hours_decimals[0]} decimals, and the venue's {price_decimals}"
    if hours_decimals[1] > volume_decimals:
        return f"its volumes have {hours_decimals[1]} decimals, and the venue's {volume_decimals}"
    return ""


def _first_wrong(ours: Bars, theirs: Bars, whole: Ints) -> int | None:
    ours, theirs = same_scale([ours, theirs])
    if not len(theirs):
        return int(ours.time[0])
    beside = np.minimum(np.searchsorted(theirs.time, ours.time), len(theirs) - 1)
    wrong = theirs.time[beside] != ours.time
    wrong |= (ours.low < theirs.low[beside]) | (ours.high > theirs.high[beside])
    most = theirs.volume[beside].astype(np.float64) * _MOST_TIMES_THE_VOLUME
    wrong |= ours.volume.astype(np.float64) > most
    complete = np.isin(ours.time, whole)
    for name in PRICES:
        wrong |= complete & (getattr(ours, name) != getattr(theirs, name)[beside])
    found = np.flatnonzero(wrong)
    return int(ours.time[found[0]]) if len(found) else None
