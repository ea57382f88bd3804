"""Which alerts a move reaches, found without looking at the others. Pure.

A level leaves its side only when a price comes to it. So the levels of a series are kept like resting orders:
those below the price and those above it, each sorted, and a move looks at the ones on its way.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from holdfast.charts.crossing import ABOVE, BELOW


class Level(NamedTuple):
    """What must be known of an alert to see that it may fire. The names are those of ``PriceAlert``."""

    id: UUID
    series: str
    side: str | None
    price: Decimal
    watched_from: datetime
    active: bool


_Rung = tuple[Decimal, UUID]


class Levels:
    """The levels of all active alerts, by series, by the side on which the price is, and by price."""

    def __init__(self) -> None:
        self._ladders: defaultdict[str, _Ladder] = defaultdict(_Ladder)
        self._series: dict[UUID, str] = {}

    def take(self, level: Level) -> None:
        """In place of what was known of this alert. One that is not active is forgotten."""
        self.drop(level.id)
        if level.active:
            self._series[level.id] = level.series
            self._ladders[level.series].put(level)

    def drop(self, alert_id: UUID) -> None:
        """Forget it, if it is known."""
        series = self._series.pop(alert_id, None)
        if series is None:
            return
        self._ladders[series].remove(alert_id)
        if not self._ladders[series].levels:
            del self._ladders[series]

    def series(self) -> set[str]:
        """Those with an active alert."""
        return set(self._ladders)

    def watched_from(self, series: str) -> datetime | None:
        """The earliest moment from which prices count, if any do."""
        if series not in self._ladders:
            return None
        return min(level.watched_from for level in self._ladders[series].levels.values())

    def reached(self, series: str, low: Decimal, high: Decimal) -> list[Level]:
        """All that prices of which ``low`` and ``high`` are the extremes may bring to another side."""
        if series not in self._ladders:
            return []
        ladder = self._ladders[series]
        return [ladder.levels[alert_id] for alert_id in ladder.reached(low, high)]


class _Ladder:
    """The levels of one series. ``_sides``: with the price above, below, or at the level or unknown."""

    def __init__(self) -> None:
        self.levels: dict[UUID, Level] = {}
        self._sides: Final[dict[str | None, list[_Rung]]] = {ABOVE: [], BELOW: [], None: []}

    def put(self, level: Level) -> None:
        self.levels[level.id] = level
        insort(self._sides[level.side], (level.price, level.id))

    def remove(self, alert_id: UUID) -> None:
        level = self.levels.pop(alert_id)
        rungs = self._sides[level.side]
        del rungs[bisect_left(rungs, (level.price, level.id))]

    def reached(self, low: Decimal, high: Decimal) -> Iterator[UUID]:
        """A price that stays at a level brings it to no side."""
        above, below, level = self._sides[ABOVE], self._sides[BELOW], self._sides[None]
        start = bisect_left(level, high, key=_price)
        for rungs, some in (
            (above, slice(bisect_left(above, low, key=_price), None)),
            (below, slice(None, bisect_right(below, high, key=_price))),
            (level, slice(None, start)),
            (level, slice(max(start, bisect_right(level, low, key=_price)), None)),
        ):
            yield from (alert_id for _, alert_id in rungs[some])


def _price(rung: _Rung) -> Decimal:
    return rung[0]
