"""What charts get straight from a venue because it is not in the store: the forming bar, and wide views of a
history that is still being filled. Kept for moments, so that many viewers cost the venue one request."""

import asyncio
from collections.abc import Mapping
from typing import Final

from holdfast.core.bars import Bars
from holdfast.core.resample import resample
from holdfast.core.time import Clock
from holdfast.core.timeframes import MINUTE, Timeframe, shifted, start_of
from holdfast.market.candles import feeds
from holdfast.venues.protocol import HistoryVenue

MOST_PAGES: Final = 4
_NEWEST_LIFE: Final = 2.0
_WIDE_LIFE: Final = 30.0
_NEWEST_BARS: Final = 5
_KEPT: Final = 256
_AT_ONCE: Final = 6

_Key = tuple[str, str, Timeframe, int, int, int]
"""Source, symbol, the timeframe asked for, [start, until), and up to when its bars were closed then: what was
asked while a bar was forming is not reused once it has closed."""


class Relay:
    """One per API process."""

    def __init__(self, venues: Mapping[str, HistoryVenue], clock: Clock) -> None:
        self._venues = venues
        self._clock = clock
        self._kept: dict[_Key, tuple[float, Bars]] = {}
        self._asking: dict[_Key, asyncio.Task[Bars]] = {}
        self.gate = asyncio.Semaphore(_AT_ONCE)
        """How many questions of this process are on their way to venues at once."""

    async def newest(self, source: str, symbol: str) -> Bars:
        """The last few minutes, the forming one among them. Raises ``VenueError``, ``DoesNotFit``."""
        now = self._now()
        until = int(now) // MINUTE * MINUTE + MINUTE
        return await self._ask(
            source, symbol, Timeframe.M1, until - _NEWEST_BARS * MINUTE, until, _NEWEST_LIFE
        )

    async def wide(self, source: str, symbol: str, timeframe: Timeframe, start: int, until: int) -> Bars:
        """Bars of ``timeframe`` that open in [start, until), fewer of the oldest if they are too many."""
        asked = feeds.offered(source, timeframe)
        earliest = shifted(start_of(until - 1, asked), asked, 1 - MOST_PAGES * feeds.PAGE)
        if earliest > start:
            start = shifted(start_of(earliest, timeframe), timeframe, 1)
        return resample(await self._ask(source, symbol, asked, start, until, _WIDE_LIFE), timeframe)

    async def _ask(
        self, source: str, symbol: str, timeframe: Timeframe, start: int, until: int, life: float
    ) -> Bars:
        there = self._now() - feeds.known_lead(self._venues[source]).total_seconds()
        closed = start_of(int(there) - feeds.SETTLE_SECONDS, timeframe)
        key = (source, symbol, timeframe, start, until, closed)
        at, bars = self._kept.get(key, (0.0, None))
        if bars is not None and self._now() - at < life:
            return bars
        if key not in self._asking:
            task = asyncio.create_task(self._fetch(key))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(self._asking[key])

    async def _fetch(self, key: _Key) -> Bars:
        source, symbol, timeframe, start, until, _ = key
        async with self.gate:
            bars = await feeds.span(self._venues[source], symbol, timeframe, start, until)
        while len(self._kept) >= _KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[key] = self._now(), bars
        return bars

    def _now(self) -> float:
        return self._clock.now().timestamp()
