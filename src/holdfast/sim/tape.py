"""What happened to each coin: the random field, a recording laid over one coin, and jumps over all of it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from holdfast.sim.noise import Floats, Ints
from holdfast.sim.paths import DAY_MS, HOUR_MS, MINUTE_MS, ORIGIN_MS, STEP_MS, Bars, PriceField
from holdfast.sim.replay import Overlay


@dataclass(frozen=True, slots=True)
class _Laid:
    """``before`` and ``after`` move the field's path so that it meets the recording at both ends; ``share``
    is the recorded venue's part of the coin's traded value."""

    overlay: Overlay
    before: float
    after: float
    share: float


class Tape:
    """Bars and steps of root coins, by column; times are counted from ``ORIGIN_MS`` as in ``PriceField``."""

    def __init__(self, field: PriceField) -> None:
        self.field = field
        self._jumps: dict[int, list[tuple[int, float]]] = defaultdict(list)
        self._laid: dict[int, _Laid] = {}

    def jump(self, column: int, at_ms: int, factor: float) -> None:
        """From ``at_ms`` on the coin is worth ``factor`` times what it would have been."""
        self._jumps[column].append((at_ms, float(np.log(factor))))
        self._jumps[column].sort()

    def lay(self, column: int, overlay: Overlay, share: float) -> None:
        """Put a recording in the place of the coin's path."""
        coin = np.array([column])
        start, end = (
            float(self.field.minutes(minute, 1, coin).open[0, 0]) for minute in (overlay.first, overlay.end)
        )
        self._laid[column] = _Laid(overlay, overlay.opening - start, overlay.ending - end, share)

    def days(self, first: int, count: int) -> Floats:
        """Log-prices [day, coin] at the opening of ``count`` days, of all coins."""
        levels = self.field.days(first, count).copy()
        days = first + np.arange(count, dtype=np.int64)
        for column, laid in self._laid.items():
            levels[:, column] += np.where(days * 1440 < laid.overlay.end, laid.before, laid.after)
        for place, column in self._moved(self.field.every):
            levels[:, place] += self._shifts(column, ORIGIN_MS + days * DAY_MS)
        return levels

    def hours(self, first: int, count: int, coins: Ints) -> Bars:
        bars = self.field.hours(first, count, coins)
        for place, laid in self._recorded(coins):
            bars = _replaced(bars, place, self._hours_over(laid, _one(bars, place), first, coins[place]))
        bars = self._shifted(bars, first, HOUR_MS, coins)
        for place, column in self._moved(coins):
            jumped = {(at_ms - ORIGIN_MS) // HOUR_MS - first for at_ms, _ in self._jumps[column]}
            for row in jumped & set(range(count)):
                # Its extremes lie on one side of the jump: only its minutes know on which.
                inside = self.minutes((first + row) * 60, 60, coins[place : place + 1])
                bars.high[row, place] = inside.high.max()
                bars.low[row, place] = inside.low.min()
        return bars

    def minutes(self, first: int, count: int, coins: Ints) -> Bars:
        bars = self.field.minutes(first, count, coins)
        for place, laid in self._recorded(coins):
            bars = _replaced(bars, place, _minutes_over(laid, _one(bars, place), first))
        return self._shifted(bars, first, MINUTE_MS, coins)

    def steps(self, minute: int, coins: Ints) -> Floats:
        path = self.field.steps(minute, coins)
        times = ORIGIN_MS + minute * MINUTE_MS + np.arange(len(path)) * STEP_MS
        for place, laid in self._recorded(coins):
            recorded = laid.overlay.steps(minute)
            shift = laid.before if minute < laid.overlay.first else laid.after
            path[:, place] = path[:, place] + shift if recorded is None else recorded
        for place, column in self._moved(coins):
            path[:, place] += self._shifts(column, times)
        return path

    def hour_values(self, first: int, count: int, coins: Ints) -> Floats:
        """USD traded [hour, coin] on all venues together."""
        values = self.field.hour_volumes(first, count, coins)
        for place, laid in self._recorded(coins):
            span = slice(max(first, laid.overlay.first // 60), min(first + count, -(-laid.overlay.end // 60)))
            if span.start < span.stop:
                minutes = self.minute_values(
                    span.start * 60, (span.stop - span.start) * 60, coins[place : place + 1]
                )
                values[span.start - first : span.stop - first, place] = minutes.reshape(-1, 60).sum(axis=1)
        return values

    def minute_values(self, first: int, count: int, coins: Ints) -> Floats:
        """The same by minute."""
        hour, skip = divmod(first, 60)
        hours = -(-(first + count) // 60) - hour
        values = self.field.minute_volumes(hour, hours, coins)[skip : skip + count]
        for place, laid in self._recorded(coins):
            minutes = first + np.arange(count)
            inside = (minutes >= laid.overlay.first) & (minutes < laid.overlay.end)
            values[inside, place] = laid.overlay.values(first, count)[inside] / laid.share
        return values

    def _hours_over(self, laid: _Laid, bars: Bars, first: int, column: int) -> Bars:
        hours = first + np.arange(len(bars.open))
        moved = _plus(bars, np.where(hours * 60 < laid.overlay.first, laid.before, laid.after))
        start, stop = (
            max(first, laid.overlay.first // 60),
            min(int(hours[-1]) + 1, -(-laid.overlay.end // 60)),
        )
        if start >= stop:
            return moved
        field = self.field.minutes(start * 60, (stop - start) * 60, np.array([column]))
        inside = _minutes_over(laid, _one(field, 0), start * 60)
        span = slice(start - first, stop - first)
        moved.open[span] = inside.open[::60]
        moved.high[span] = inside.high.reshape(-1, 60).max(axis=1)
        moved.low[span] = inside.low.reshape(-1, 60).min(axis=1)
        moved.close[span] = inside.close[59::60]
        return moved

    def _recorded(self, coins: Ints) -> list[tuple[int, _Laid]]:
        return [(place, self._laid[column]) for place, column in _places(coins, self._laid)]

    def _moved(self, coins: Ints) -> list[tuple[int, int]]:
        return _places(coins, self._jumps)

    def _shifts(self, column: int, times: Ints) -> Floats:
        """Sums of the jumps up to each of ``times``."""
        moments, levels = self._levels(column)
        shifts: Floats = levels[np.searchsorted(moments, times, side="right")]
        return shifts

    def _levels(self, column: int) -> tuple[Ints, Floats]:
        moments = np.array([at for at, _ in self._jumps[column]], dtype=np.int64)
        return moments, np.array([0.0, *accumulate(size for _, size in self._jumps[column])])

    def _shifted(self, bars: Bars, first: int, width_ms: int, coins: Ints) -> Bars:
        starts = ORIGIN_MS + (first + np.arange(len(bars.open), dtype=np.int64)) * width_ms
        for place, column in self._moved(coins):
            moments, levels = self._levels(column)
            before = np.searchsorted(moments, starts, side="right")
            after = np.searchsorted(moments, starts + width_ms - STEP_MS, side="right")
            one = _one(bars, place)
            highest = [levels[a : b + 1].max() for a, b in zip(before, after, strict=True)]
            lowest = [levels[a : b + 1].min() for a, b in zip(before, after, strict=True)]
            moved = Bars(
                one.open + levels[before], one.high + highest, one.low + lowest, one.close + levels[after]
            )
            bars = _replaced(bars, place, moved)
        return bars


def _places(coins: Ints, columns: Mapping[int, object]) -> list[tuple[int, int]]:
    """(place in ``coins``, column) of those of ``columns`` that are among ``coins``."""
    if not columns:
        return []
    if len(coins) == 1:
        column = int(coins[0])
        return [(0, column)] if column in columns else []
    places = {int(column): place for place, column in enumerate(coins)}
    return [(places[column], column) for column in columns if column in places]


def _minutes_over(laid: _Laid, bars: Bars, first: int) -> Bars:
    minutes = first + np.arange(len(bars.open))
    moved = _plus(bars, np.where(minutes < laid.overlay.first, laid.before, laid.after))
    found = laid.overlay.minutes(first, len(minutes))
    if found is not None:
        span, recorded = found
        for name in Bars.__slots__:
            getattr(moved, name)[span] = getattr(recorded, name)
    return moved


def _one(bars: Bars, place: int) -> Bars:
    return Bars(*(getattr(bars, name)[:, place] for name in Bars.__slots__))


def _plus(bars: Bars, shift: Floats) -> Bars:
    return Bars(*(getattr(bars, name) + shift for name in Bars.__slots__))


def _replaced(bars: Bars, place: int, one: Bars) -> Bars:
    columns = {name: getattr(bars, name).copy() for name in Bars.__slots__}
    for name, column in columns.items():
        column[:, place] = getattr(one, name)
    return Bars(**columns)
