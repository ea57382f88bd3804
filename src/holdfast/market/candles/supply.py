"""What the store lacks of a series: a little is fetched from its venue while somebody waits, the rest in the
background."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import structlog

from holdfast.core.bars import DoesNotFit
from holdfast.core.time import Clock
from holdfast.core.timeframes import HOUR, Timeframe
from holdfast.market.candles import backfill, coverage, feeds, toll
from holdfast.market.candles.models import CandleBackfill, CandleSeries
from holdfast.market.candles.readers import Series
from holdfast.platform.database import Database
from holdfast.venues.protocol import HistoryVenue, VenueError

log = structlog.get_logger(__name__)

_FETCH_AT_ONCE: Final = 2 * feeds.PAGE
_LOCKS: Final = 4096


class Supply:
    """One per API process. ``gate``: held while a venue is asked."""

    def __init__(
        self, database: Database, clock: Clock, venues: Mapping[str, HistoryVenue], gate: asyncio.Semaphore
    ) -> None:
        self._database = database
        self._clock = clock
        self._venues = venues
        self._gate = gate
        self._locks: dict[str, asyncio.Lock] = {}

    def turn(self, series: Series) -> asyncio.Lock:
        """One at a time asks the venue for the same series."""
        if len(self._locks) > _LOCKS:
            self._locks = {key: lock for key, lock in self._locks.items() if lock.locked()}
        return self._locks.setdefault(series.name, asyncio.Lock())

    async def missing(
        self, series: Series, timeframe: Timeframe, start: int, settled: int, viewer: UUID | None
    ) -> tuple[list[tuple[int, int]], tuple[int, int] | None]:
        """What of the span nobody has asked the venue for, and how far a filling under way has come.

        Who looks at short bars far back has the minutes up to there fetched; long ones come as they are."""
        assert series.store_id is not None
        now = self._clock.now()
        usual = backfill.usual_start(int(now.timestamp()))
        since = min(start, usual) if timeframe.longest <= HOUR else usual
        async with self._database.transaction() as session:
            one = await session.get_one(CandleSeries, series.store_id)
            listed = await coverage.listed_from(session, one.id) or 0
            begin = max(-(-start // one.base_seconds) * one.base_seconds, listed)
            missing = await coverage.missing(session, one, begin, settled)
            row = await session.get(CandleBackfill, one.id)
            wanted = viewer is not None and _to_be_filled(row, missing, since, one.base_seconds)
            if wanted and await backfill.has_room(session) and await toll.may_fill():
                await backfill.want(session, one.id, since, now=now)
                row = await session.get(CandleBackfill, one.id)
            under_way = row is not None and row.state in (backfill.WAITING, backfill.RUNNING)
            return missing, (row.done, row.total) if row and under_way else None

    async def fetch(self, series: Series, start: int, until: int) -> bool:
        """Bring a missing span into the store. A venue that does not answer leaves a gap that says so."""
        assert series.store_id is not None
        async with self._database.transaction() as session:
            one = await session.get_one(CandleSeries, series.store_id)
        try:
            async with self._gate:
                venue = self._venues[series.source]
                await backfill.fetch(self._database, venue, one, start, until, self._clock)
        except (VenueError, DoesNotFit) as error:
            log.warning("bars could not be fetched", series=series.name, error=str(error))
            return False
        return True


def too_many(spans: Sequence[tuple[int, int]], step: int) -> bool:
    """Whether these are more bars of ``step`` seconds than are fetched while somebody waits."""
    return sum(end - begin for begin, end in spans) // step > _FETCH_AT_ONCE


def _to_be_filled(row: CandleBackfill | None, missing: list[tuple[int, int]], since: int, step: int) -> bool:
    """Whether to ask for more than this page: nobody has yet, or not so far back, or too much has gone
    missing since for a page to fetch."""
    if row is None:
        return True
    if row.wanted_from > since:
        return bool(missing)
    since_then = [(max(begin, row.wanted_from), end) for begin, end in missing if end > row.wanted_from]
    return row.state == backfill.DONE and too_many(since_then, step)
