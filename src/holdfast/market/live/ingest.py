"""Minutes from the venues' streams into the store, and announced to whoever listens.

A closed minute is stored before it is announced, and announced only when every one before it is stored: what
the streams missed is asked for over REST first. Killed at any moment, it goes on from what is stored.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final

import orjson
import structlog
from redis.asyncio import Redis
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.bars import Bars, DoesNotFit
from holdfast.core.errors import NotFound
from holdfast.core.time import Clock, to_ms
from holdfast.core.timeframes import MINUTE
from holdfast.market.candles import backfill, feeds, store
from holdfast.market.candles.models import CandleSeries
from holdfast.market.candles.service import Candles
from holdfast.market.live import messages
from holdfast.market.live.minutes import KEPT, Minute, Samples, Tail, minutes_of
from holdfast.market.live.sources import MinuteStream
from holdfast.market.live.wanted import Wanted
from holdfast.platform.background import cancel, together
from holdfast.platform.database import Database
from holdfast.venues.protocol import HistoryVenue, VenueError

log = structlog.get_logger(__name__)

FLUSH_SECONDS: Final = 0.1
LOOK_SECONDS: Final = 1.0
MEND_SECONDS: Final = 0.25
AT_ONCE: Final = 4
FAILED_SECONDS: Final = 3.0
UNKNOWN_SECONDS: Final = 60.0
LONGEST_HOLE: Final = 1000 * MINUTE
"""What was missed before that is history, to be filled as such."""
MOST_UNSTORED: Final = 500

LEVELS: Final = "index"
LEVEL_DECIMALS: Final = 8
_LEVEL_UNIT: Final = Decimal(1).scaleb(-LEVEL_DECIMALS)

StreamOpener = Callable[[str, Callable[[str, Minute, bool], None]], MinuteStream]
"""(source, hear) → the stream of that source."""


class Ingest:
    """One per feed. ``streams`` lives until cancelled; ``look``, ``mend`` and ``flush`` are to be called
    again and again, and may fail while a server is away."""

    def __init__(
        self,
        database: Database,
        redis: Redis,
        candles: Candles,
        venues: Mapping[str, HistoryVenue],
        open_stream: StreamOpener,
        clock: Clock,
    ) -> None:
        self._database = database
        self._redis = redis
        self._candles = candles
        self._venues = venues
        self._clock = clock
        self._wanted = Wanted()
        self._streams = {source: open_stream(source, partial(self._hear, source)) for source in venues}
        self._tails: dict[str, Tail] = {}
        self._levels: dict[str, Tail] = {}
        self._samples: dict[str, Samples] = {}
        self._ids: dict[str, int] = {}
        self._mending: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, float] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def streams(self) -> None:
        try:
            await together(*(stream.run() for stream in self._streams.values()))
        finally:
            await cancel(list(self._mending.values()))

    # --- what is wanted ------------------------------------------------------------------------------------

    def need(self, series: set[str]) -> None:
        """Stream these too, for a minute from now: somebody holds them."""
        self._wanted.need(series, self._now())

    async def look(self) -> None:
        """Read what is wanted, and have it streamed. Raises ``RedisError``, ``SQLAlchemyError``."""
        now = self._now()
        async with self._database.transaction() as session:
            self._wanted.need(await _pinned(session), now)
        try:
            await self._wanted.read(self._redis, now)
        finally:
            await self._follow(self._wanted.at(now))

    async def _follow(self, wanted: set[str]) -> None:
        now = self._now()
        for name in wanted - self._tails.keys():
            if now < self._not_before.get(name, 0.0):
                continue
            if await self._begin(name):
                self._tails[name] = Tail()
            else:
                self._not_before[name] = now + UNKNOWN_SECONDS
        for name in self._tails.keys() - wanted:
            if not self._tails[name].unstored:
                del self._tails[name]
        for source, stream in self._streams.items():
            prefix = f"{source}:"
            stream.want(name.removeprefix(prefix) for name in self._tails if name.startswith(prefix))

    async def _begin(self, name: str) -> bool:
        source, _, symbol = name.partition(":")
        if source not in self._streams:
            return False
        try:
            series = await self._candles.find(source, symbol)
        except NotFound:
            return False
        assert series.store_id is not None
        self._ids[name] = series.store_id
        return True

    # --- what comes in -------------------------------------------------------------------------------------

    def _hear(self, source: str, symbol: str, minute: Minute, closed: bool) -> None:
        tail = self._tails.get(f"{source}:{symbol}")
        if tail is not None:
            tail.hear(minute, closed=closed)
            if len(tail.unstored) > MOST_UNSTORED:
                tail.forget()

    def hear_level(self, index_id: str, level: float) -> None:
        """A level of an index as it is now. Minutes in which none was heard do not exist."""
        name = f"{LEVELS}:{index_id}"
        tail = self._levels.setdefault(name, Tail())
        value = Decimal(level).quantize(_LEVEL_UNIT)
        for minute, closed in self._samples.setdefault(name, Samples()).add(value, int(self._now())):
            tail.fill((), minute.time, minute.time)
            tail.hear(minute, closed=closed)

    async def mend(self) -> None:
        """Have every hole filled, a few at a time, each in the background."""
        now = self._now()
        for name, tail in self._tails.items():
            if tail.hole is None or name in self._mending or now < self._not_before.get(name, 0.0):
                continue
            task = asyncio.create_task(self._mend(name, tail))
            self._mending[name] = task
            task.add_done_callback(partial(self._mended, name))

    def _mended(self, name: str, task: asyncio.Task[None]) -> None:
        del self._mending[name]
        if not task.cancelled() and task.exception():
            log.error("missed minutes could not be filled", series=name, exc_info=task.exception())
            self._not_before[name] = self._now() + FAILED_SECONDS

    async def _mend(self, name: str, tail: Tail) -> None:
        async with self._gate:
            try:
                await self._fill(name, tail)
            except (VenueError, DoesNotFit, SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("missed minutes could not be read", series=name, error=str(error)[:300])
                wait = UNKNOWN_SECONDS if isinstance(error, DoesNotFit) else FAILED_SECONDS
                self._not_before[name] = self._now() + wait

    async def _fill(self, name: str, tail: Tail) -> None:
        """What follows the last closed minute known: here, or in the store when nothing is known here."""
        hole = tail.hole
        if hole is None:
            return
        stop = min(hole, feeds.settled_before(self._clock.now(), MINUTE))
        async with self._database.transaction() as session:
            one = await session.get_one(CandleSeries, self._ids[name], populate_existing=True)
        start = _start(tail, one.last_time, hole)
        if start >= stop:
            return
        await backfill.fetch(self._database, self._venues[one.source], one, start, stop, self._clock)
        known = max(start, stop - KEPT * MINUTE)
        async with self._database.transaction() as session:
            bars = await store.read(session, one.id, known, stop)
        tail.fill(minutes_of(bars), known, stop)

    # --- what goes out -------------------------------------------------------------------------------------

    async def flush(self) -> None:
        """Store what has closed, then announce what has changed.

        Raises:
            SQLAlchemyError, RedisError, OSError: a server is away; nothing is lost, call again.
        """
        for name, samples in self._samples.items():
            for minute in samples.close(int(self._now())):
                self._levels[name].hear(minute, closed=True)
        await self._store()
        changed = {name: tail for name, tail in self._every() if tail.is_announceable}
        if not changed:
            return
        at_ms = to_ms(self._clock.now())
        batch = {name: messages.encode(tail, at_ms) for name, tail in changed.items()}
        for tail in changed.values():
            tail.is_changed = False
        try:
            await self._redis.publish(messages.CHANNEL, orjson.dumps(batch))
        except BaseException:
            for tail in changed.values():
                tail.is_changed = True
            raise

    async def _store(self) -> None:
        closed = {name: (tail, list(tail.unstored)) for name, tail in self._every() if tail.unstored}
        if not closed:
            return
        async with self._database.transaction() as session:
            for name in closed.keys() - self._ids.keys():
                made = await store.series(session, *name.split(":"), price_decimals=LEVEL_DECIMALS)
                self._ids[name] = made.id
        try:
            await self._write_all(closed)
        except ValueError:
            for name, (tail, minutes) in closed.items():
                await self._write_alone(name, tail, minutes)

    async def _write_all(self, closed: Mapping[str, tuple[Tail, list[Minute]]]) -> None:
        async with self._database.transaction() as session:
            for name in sorted(closed, key=self._ids.__getitem__):
                await _write(session, self._ids[name], name, closed[name][1], self._clock.now())
        for tail, minutes in closed.values():
            tail.stored(minutes)

    async def _write_alone(self, name: str, tail: Tail, minutes: list[Minute]) -> None:
        """So that minutes that cannot be stored cost no other series."""
        try:
            await self._write_all({name: (tail, minutes)})
        except ValueError as error:
            log.error("streamed minutes cannot be stored", series=name, error=str(error)[:300])
            tail.forget()
            self._not_before[name] = self._now() + UNKNOWN_SECONDS

    def _every(self) -> list[tuple[str, Tail]]:
        return [*self._tails.items(), *self._levels.items()]

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _start(tail: Tail, last_time: int | None, hole: int) -> int:
    """From where it must be asked for."""
    if tail.until is not None:
        return max(tail.until, hole - LONGEST_HOLE)
    enough = hole - KEPT * MINUTE
    return enough if last_time is None else min(max(last_time + MINUTE, hole - LONGEST_HOLE), enough)


async def _write(
    session: AsyncSession, series_id: int, name: str, minutes: list[Minute], now: datetime
) -> None:
    bars = Bars.of_decimals(minutes)
    written = await store.write(session, series_id, bars, origin=f"{name.partition(':')[0]} stream", now=now)
    if written.conflicting:
        log.warning("a streamed bar differs from the stored one", series=name, bars=written.conflicting)


async def _pinned(session: AsyncSession) -> list[Any]:
    rows = await session.execute(select(CandleSeries.source, CandleSeries.symbol).where(CandleSeries.pinned))
    return [f"{source}:{symbol}" for source, symbol in rows]
