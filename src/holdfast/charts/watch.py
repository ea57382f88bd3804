"""Watches the prices that users set alerts on, and fires each alert once per crossing.

How far a series was looked at, the side each of its alerts is on, and what has fired are written in one
transaction. So nothing fires twice, whoever else watches; and after a halt the minutes that passed meanwhile
are read from the store or the venue, and what was crossed in them fires late instead of never.

The levels are kept in memory as the database has them. Of an announcement only those on the way of the price
are looked at, and of the database only what others changed since is read.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.charts import crossing, repository, watch_repository
from holdfast.charts.crossing import Bar, Point, Seen
from holdfast.charts.firing import changes, fire
from holdfast.charts.levels import Level, Levels
from holdfast.charts.models import AlertWatch
from holdfast.charts.schemas import MOST_FIRED
from holdfast.core.bars import Bars
from holdfast.core.errors import HoldfastError
from holdfast.core.time import Clock
from holdfast.core.timeframes import MINUTE, Timeframe
from holdfast.market.candles.gaps import Reason
from holdfast.market.candles.readers import split_name
from holdfast.market.candles.service import Asked, Candles
from holdfast.market.live import messages
from holdfast.market.live.messages import Announcement
from holdfast.market.live.minutes import minutes_of
from holdfast.platform.background import together
from holdfast.platform.database import Database
from holdfast.platform.pubsub import listen, tell_changed

log = structlog.get_logger(__name__)

REFRESH_SECONDS: Final = 1.0
WHOLE_SECONDS: Final = 60.0
"""All active alerts are read so often: what was deleted is in no list of changes."""
QUIET_SECONDS: Final = 10.0
"""A series that nothing was announced of for so long is looked at by asking."""
RETRY_SECONDS: Final = 3.0
MOST_MINUTES: Final = 2000
TOPIC: Final = "alerts"


@dataclass(slots=True)
class _Watched:
    """A series with alerts. ``seen``: how far it was looked at, at least as far as is written, up to the
    minute ``written``. Nothing is missing before the minute ``whole``. ``looked``: when we did last."""

    seen: Seen | None = None
    whole: int = -1
    written: int = 0
    looked: float = float("-inf")


class AlertWatcher:
    """One per feed; several do no harm. ``want`` has series streamed."""

    def __init__(
        self,
        database: Database,
        redis: Redis,
        candles: Candles,
        clock: Clock,
        want: Callable[[set[str]], None] = lambda _series: None,
    ) -> None:
        self._database = database
        self._redis = redis
        self._candles = candles
        self._clock = clock
        self._want = want
        self._levels = Levels()
        self._snapshot = ""
        self._read_whole = float("-inf")
        self._lock = asyncio.Lock()
        """Held while levels are read or written, and while it is judged by them what is to be written."""
        self._watched: dict[str, _Watched] = {}
        self._announced: dict[str, tuple[int, list[Bar]]] = {}
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled. What is out of reach is tried again."""
        heard = listen(
            self._redis,
            channels=(messages.CHANNEL,),
            on_message=lambda _channel, data: self.hear(data),
            on_connect=self._after_silence,
        )
        await together(heard, self._forever(self.refresh, REFRESH_SECONDS), self._forever(self.take, None))

    async def _forever(self, work: Callable[[], Awaitable[None]], pause: float | None) -> None:
        while True:
            if pause is None:
                await self._news.wait()
            try:
                await work()
            except (SQLAlchemyError, RedisError, HoldfastError, OSError, TimeoutError) as error:
                log.warning("alerts will be looked at again", error=str(error)[:300])
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(pause or 0)

    async def _after_silence(self) -> None:
        for one in self._watched.values():
            one.looked = float("-inf")

    # --- what is to be watched -----------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Read which alerts there are, and look at every series that nothing was heard of lately."""
        async with self._lock:
            await self._read()
        series = self._levels.series()
        self._watched = {name: self._watched.get(name, _Watched()) for name in series}
        self._want(series)
        now = self._now()
        for name, one in list(self._watched.items()):
            if now - one.looked >= QUIET_SECONDS:
                await self._look_at(name, one)

    async def _read(self) -> None:
        """What was changed since the last time, and now and then everything."""
        now = self._now()
        is_whole = now - self._read_whole >= WHOLE_SECONDS
        levels = Levels() if is_whole else self._levels
        async with self._database.transaction() as session:
            snapshot = await watch_repository.snapshot(session)
            async for page in watch_repository.levels(session, None if is_whole else self._snapshot):
                for level in page:
                    levels.take(level)
            if is_whole or self._watched.keys() - levels.series():
                await watch_repository.forget_watches(session)
        self._levels, self._snapshot = levels, snapshot
        if is_whole:
            self._read_whole = now

    async def _look_at(self, name: str, one: _Watched) -> None:
        """A series that cannot be read holds up no other."""
        try:
            await self.catch_up(name)
        except HoldfastError as error:
            log.warning("a series with alerts cannot be read", series=name, error=error.detail)
            one.looked = self._now() - QUIET_SECONDS + RETRY_SECONDS

    # --- what is announced ---------------------------------------------------------------------------------

    def hear(self, data: bytes) -> None:
        """Take an announcement of the feed. Of each series only the newest waits: it has the last minutes."""
        messages.pass_on(data, self._watched, self._hear)
        if self._announced:
            self._news.set()

    def _hear(self, name: str, told: Announcement) -> None:
        at = told.at / 1000
        self._announced[name] = told.start, [*_bars(told.closed, at), *_bars(told.forming, at)]

    async def take(self) -> None:
        """Look at what was announced. Only what changes an alert, or ends a minute, is written."""
        self._news.clear()
        waiting, self._announced = self._announced, {}
        try:
            while waiting:
                name, (start, bars) = next(iter(waiting.items()))
                await self._take_one(name, start, bars)
                del waiting[name]
        finally:
            self._announced = waiting | self._announced
            if waiting:
                self._news.set()

    async def _take_one(self, name: str, start: int, bars: Sequence[Bar]) -> None:
        one = self._watched.get(name)
        if one is None or not bars:
            return
        if start > one.whole:
            if self._now() - one.looked >= RETRY_SECONDS:
                await self._look_at(name, one)
            return
        told: set[UUID] = set()
        async with self._lock:
            points, seen = crossing.after(one.seen, bars)
            reached = self._levels.reached(name, *_extremes(points)) if points else []
            if any(changes(level, points) for level in reached) or (seen and seen.minute > one.written):
                told = await self._write(name, bars, {level.id for level in reached})
            else:
                one.seen = seen
        one.looked = self._now()
        await self._tell(told)

    # --- what is read --------------------------------------------------------------------------------------

    async def catch_up(self, name: str) -> None:
        """Go on from where the series was left off, over stored bars and the one that forms. While minutes in
        between cannot be had, it stays where it is.

        Raises:
            Unavailable: the venue does not answer.
            NotFound: there is no such series any more.
        """
        one, watched_from = self._watched.get(name), self._levels.watched_from(name)
        if one is None or watched_from is None:
            return
        async with self._database.transaction() as session:
            row = await watch_repository.locked_watch(session, name)
        now = int(self._now())
        start = max(int(watched_from.timestamp()), row.minute if row else 0) // MINUTE * MINUTE
        series = await self._candles.find(*split_name(name))
        while start <= now:
            limit = min((now - start) // MINUTE + 1, MOST_MINUTES)
            page = await self._candles.page(series, Asked(Timeframe.M1, limit, after=start - 1))
            if any(gap.reason is Reason.NOT_FETCHED for gap in page.gaps):
                break
            async with self._lock:
                told = await self._write(name, list(_bars(page.bars, now)))
            await self._tell(told)
            start += limit * MINUTE
            one.whole = max(one.whole, min(start, now // MINUTE * MINUTE))
        one.looked = self._now()

    # --- what is written -----------------------------------------------------------------------------------

    async def _write(self, name: str, bars: Sequence[Bar], expected: Collection[UUID] = ()) -> set[UUID]:
        """Take the bars in, from where the database says the series was left off. What it holds against
        ``expected``, the alerts that are reached by what is known here, is learnt. The users of those that
        fired are to be told."""
        async with self._database.transaction() as session:
            row = await watch_repository.locked_watch(session, name)
            points, seen = crossing.after(_seen(row), bars)
            pages, told = await _fire_reached(session, name, points)
            unread = set(expected).difference(_ids(pages))
            if unread:
                pages += [page async for page in watch_repository.levels_of(session, unread)]
            if seen is not None:
                await session.merge(AlertWatch(series=name, **_columns(seen)))
            if told:
                await repository.forget_fired(session, told, MOST_FIRED)
        one = self._watched.setdefault(name, _Watched())
        one.seen = seen
        if seen is not None:
            one.written, one.whole = seen.minute, max(one.whole, seen.minute)
        await self._learn(pages, unread.difference(_ids(pages)))
        return told

    async def _learn(self, pages: Iterable[Sequence[Level]], gone: Iterable[UUID]) -> None:
        for alert_id in gone:
            self._levels.drop(alert_id)
        for page in pages:
            for level in page:
                self._levels.take(level)
            await asyncio.sleep(0)

    async def _tell(self, users: Iterable[UUID]) -> None:
        for user_id in users:
            await tell_changed(self._redis, user_id, TOPIC)

    def _now(self) -> float:
        return self._clock.now().timestamp()


async def _fire_reached(
    session: AsyncSession, name: str, points: Sequence[Point]
) -> tuple[list[Sequence[Level]], set[UUID]]:
    """Bring the alerts on this way up to date: pages of them as they are now, and the users of those that
    fired."""
    pages: list[Sequence[Level]] = []
    told: set[UUID] = set()
    if not points:
        return pages, told
    async for page in watch_repository.reached(session, name, *_extremes(points)):
        looked = [(alert, *fire(alert, points)) for alert in page]
        fired = [(now, firing) for _, now, firings in looked for firing in firings]
        await watch_repository.save_armed(session, [now for was, now, _ in looked if now != was])
        await watch_repository.note_fired(session, fired)
        pages.append([now.level for _, now, _ in looked])
        told.update(now.user_id for now, _ in fired)
    return pages, told


def _ids(pages: Iterable[Sequence[Level]]) -> set[UUID]:
    return {level.id for page in pages for level in page}


def _extremes(points: Sequence[Point]) -> tuple[Decimal, Decimal]:
    prices = [point.price for point in points]
    return min(prices), max(prices)


def _bars(bars: Bars, now: float) -> Iterable[Bar]:
    """As they stood ``now``, or at their ends."""
    for minute in minutes_of(bars):
        at = min(float(minute.time + MINUTE), now)
        yield Bar(minute.time, minute.open, minute.high, minute.low, minute.close, at)


def _seen(row: AlertWatch | None) -> Seen | None:
    return Seen(row.minute, row.high, row.low, row.close) if row else None


def _columns(seen: Seen) -> dict[str, object]:
    return {"minute": seen.minute, "high": seen.high, "low": seen.low, "close": seen.close}
