"""What happened to each coin: the random field, with jumps laid over it (shocks, redenominations)."""

from collections import defaultdict
from itertools import accumulate

import numpy as np

from holdfast.sim.noise import Floats, Ints
from holdfast.sim.paths import DAY_MS, HOUR_MS, MINUTE_MS, ORIGIN_MS, STEP_MS, Bars, PriceField


class Tape:
    """Bars and steps of root coins, by column; times are counted from ``ORIGIN_MS`` as in ``PriceField``."""

    def __init__(self, field: PriceField) -> None:
        self.field = field
        self._jumps: dict[int, list[tuple[int, float]]] = defaultdict(list)

    def jump(self, column: int, at_ms: int, factor: float) -> None:
        """From ``at_ms`` on the coin is worth ``factor`` times what it would have been."""
        self._jumps[column].append((at_ms, float(np.log(factor))))
        self._jumps[column].sort()

    def days(self, first: int, count: int) -> Floats:
        """Log-prices [day, coin] at the opening of ``count`` days, of all coins."""
        levels = self.field.days(first, count).copy()
        times = ORIGIN_MS + (first + np.arange(count, dtype=np.int64)) * DAY_MS
        for place, column in self._moved(self.field.every):
            moments, sizes = self._levels(column)
            levels[:, place] += sizes[np.searchsorted(moments, times, side="right")]
        return levels

    def hours(self, first: int, count: int, coins: Ints) -> Bars:
        return self._shifted(self.field.hours(first, count, coins), first, HOUR_MS, coins)

    def minutes(self, first: int, count: int, coins: Ints) -> Bars:
        return self._shifted(self.field.minutes(first, count, coins), first, MINUTE_MS, coins)

    def steps(self, minute: int, coins: Ints) -> Floats:
        path = self.field.steps(minute, coins)
        times = ORIGIN_MS + minute * MINUTE_MS + np.arange(len(path)) * STEP_MS
        for place, column in self._moved(coins):
            moments, levels = self._levels(column)
            path = path.copy()
            path[:, place] += levels[np.searchsorted(moments, times, side="right")]
        return path

    def hour_values(self, first: int, count: int, coins: Ints) -> Floats:
        """USD traded [hour, coin] on all venues together."""
        return self.field.hour_volumes(first, count, coins)

    def minute_values(self, first: int, count: int, coins: Ints) -> Floats:
        """The same by minute."""
        hour, skip = divmod(first, 60)
        hours = -(-(first + count) // 60) - hour
        return self.field.minute_volumes(hour, hours, coins)[skip : skip + count]

    def _moved(self, coins: Ints) -> list[tuple[int, int]]:
        """(place in ``coins``, column) of the coins that jump at some time."""
        if len(coins) == 1:
            column = int(coins[0])
            return [(0, column)] if column in self._jumps else []
        places = {int(column): place for place, column in enumerate(coins)}
        return [(places[column], column) for column in self._jumps if column in places]

    def _levels(self, column: int) -> tuple[Ints, Floats]:
        moments = np.array([at for at, _ in self._jumps[column]], dtype=np.int64)
        return moments, np.array([0.0, *accumulate(size for _, size in self._jumps[column])])

    def _shifted(self, bars: Bars, first: int, width_ms: int, coins: Ints) -> Bars:
        moved = self._moved(coins)
        if not moved:
            return bars
        opens, highs, lows, closes = (array.copy() for array in (bars.open, bars.high, bars.low, bars.close))
        starts = ORIGIN_MS + (first + np.arange(len(opens), dtype=np.int64)) * width_ms
        for place, column in moved:
            moments, levels = self._levels(column)
            before = np.searchsorted(moments, starts, side="right")
            after = np.searchsorted(moments, starts + width_ms - STEP_MS, side="right")
            opens[:, place] += levels[before]
            closes[:, place] += levels[after]
            highs[:, place] += np.maximum(levels[before], levels[after])
            lows[:, place] += np.minimum(levels[before], levels[after])
        return Bars(opens, highs, lows, closes)
