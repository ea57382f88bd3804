"""What offered bars change about stored ones. Pure."""

from dataclasses import dataclass

import numpy as np

from holdfast.core.bars import Bars


@dataclass(frozen=True, slots=True)
class Merged:
    """``bars``: the stored ones and those of the offered that are ``new``. ``conflicting``: offered bars
    whose time is stored with other numbers. ``same``: how many were stored already, exactly so."""

    bars: Bars
    new: Bars
    conflicting: Bars
    same: int


def merge(stored: Bars, offered: Bars) -> Merged:
    """Both in the same scale. What is stored stands."""
    if not len(stored):
        return Merged(offered, offered, offered.take(slice(0)), 0)
    place = np.searchsorted(stored.time, offered.time)
    beside = np.minimum(place, len(stored) - 1)
    known = stored.time[beside] == offered.time
    equal = known.copy()
    for old, offer in zip(stored.columns, offered.columns, strict=True):
        equal &= old[beside] == offer
    new = offered.take(~known)
    bars = interleaved(stored, new) if len(new) else stored
    return Merged(bars, new, offered.take(known & ~equal), int(equal.sum()))


def interleaved(first: Bars, second: Bars) -> Bars:
    """Both, in the order of time; they must have no time in common."""
    if not len(first) or not len(second) or first.time[-1] < second.time[0]:
        return Bars.concat([part for part in (first, second) if len(part)] or [first])
    time = np.concatenate((first.time, second.time))
    order = np.argsort(time, kind="stable")
    columns = (
        np.concatenate(pair)[order] for pair in zip(first.columns[1:], second.columns[1:], strict=True)
    )
    opened, high, low, close, volume = columns
    return Bars(time[order], opened, high, low, close, volume, first.price_decimals, first.volume_decimals)


def days_of(bars: Bars, day_seconds: int = 86_400) -> list[tuple[int, Bars]]:
    """The bars of every UTC day, counted from the epoch."""
    if not len(bars):
        return []
    day = bars.time // day_seconds
    heads = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
    stops = np.append(heads[1:], len(bars))
    return [
        (int(day[head]), bars.take(slice(int(head), int(stop))))
        for head, stop in zip(heads, stops, strict=True)
    ]
