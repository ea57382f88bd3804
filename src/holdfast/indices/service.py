"""Use cases of the indices: history."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.indices import repository
from holdfast.indices.catalogue import IndexDefinition
from holdfast.indices.schemas import HistoryRange, IndexHistory, LevelPoint

DAY = timedelta(days=1)
SPANS: dict[HistoryRange, timedelta] = {
    "1D": DAY,
    "1W": 7 * DAY,
    "1M": 30 * DAY,
    "3M": 90 * DAY,
    "1Y": 365 * DAY,
}
STEPS: dict[HistoryRange, timedelta] = {
    "1D": timedelta(minutes=5),
    "1W": timedelta(minutes=30),
    "1M": timedelta(hours=2),
    "3M": timedelta(hours=6),
    "1Y": DAY,
}
"""At most 400 points a range."""


async def history(
    session: AsyncSession, definition: IndexDefinition, range_: HistoryRange, now: datetime
) -> IndexHistory:
    """Recorded levels of the range, the last of every step."""
    points = await repository.levels(session, definition.id, now - SPANS[range_], now, STEPS[range_])
    live_since = await repository.first_live_level(session, definition.id)
    return IndexHistory(
        index_id=definition.id,
        range=range_,
        points=[LevelPoint(at=at, level=level) for at, level in points],
        note=_note(points[0][0] if points else None, live_since),
    )


def _note(first: datetime | None, live_since: datetime | None) -> str:
    if first is None:
        return "No levels have been recorded yet."
    if live_since is not None and first >= live_since:
        return ""
    until = f"Before {live_since:%d %B %Y, %H:%M} UTC" if live_since else "So far"
    return f"{until} the levels are rebuilt from CoinGecko's history with today's members."
