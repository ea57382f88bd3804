"""What an alert does on the way a price took. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from holdfast.charts import crossing
from holdfast.charts.crossing import Crossing, Point
from holdfast.charts.levels import Level


class Armed(NamedTuple):
    """An alert that is active, or was until now. The names are those of ``PriceAlert``."""

    id: UUID
    user_id: UUID
    series: str
    direction: str
    price: Decimal
    repeat: str
    note: str
    active: bool
    side: str | None
    watched_from: datetime
    fired_at: datetime | None

    @property
    def level(self) -> Level:
        return Level(self.id, self.series, self.side, self.price, self.watched_from, self.active)


class Firing(NamedTuple):
    """It fires ``at`` a moment, since the price reached it."""

    reached: Crossing
    at: datetime


def changes(level: Level, points: Sequence[Point]) -> bool:
    """Whether the way reaches it, or brings it to another side."""
    side, found = crossing.crossings(level.side, level.price, points, level.watched_from.timestamp())
    return bool(found) or side != level.side


def fire(alert: Armed, points: Sequence[Point]) -> tuple[Armed, list[Firing]]:
    """The alert after the way, and each time it fired on it."""
    side, found = crossing.crossings(alert.side, alert.price, points, alert.watched_from.timestamp())
    wanted = [one for one in found if alert.direction in (crossing.EITHER, one.direction)]
    active, fired_at, firings = True, alert.fired_at, []
    if alert.repeat == "once" and wanted:
        wanted, active = wanted[:1], False
    for one in wanted:
        fired_at = _following(datetime.fromtimestamp(one.at, UTC), fired_at)
        firings.append(Firing(one, fired_at))
    return alert._replace(side=side, active=active, fired_at=fired_at), firings


def _following(moment: datetime, last: datetime | None) -> datetime:
    """The moment, or the least one after the last: what fires in turn is listed in turn."""
    return moment if last is None else max(moment, last + timedelta(microseconds=1))
