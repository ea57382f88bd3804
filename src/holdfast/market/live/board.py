"""Live bars of every process with listeners: announced minutes in, frames of each timeframe out."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.bars import DoesNotFit
from holdfast.core.errors import InvalidInput, Unavailable
from holdfast.core.time import Clock, to_ms
from holdfast.core.timeframes import Timeframe, divides, shifted, start_of
from holdfast.market.candles.readers import Series, split_name
from holdfast.market.candles.service import Asked, Candles
from holdfast.market.live import messages, wanted
from holdfast.market.live.ladder import MOST, Ladder, Row, rows_of
from holdfast.market.live.messages import Announcement
from holdfast.platform.schemas import Schema

log = structlog.get_logger(__name__)

KIND: Final = "candles"
"""Topics are ``candles:<source>:<symbol>:<timeframe>``."""
OWN: Final = "own"
STALE_MS: Final = 90_000
"""An announcement this old is no beginning for bars any more: the store knows better."""
_MOST_KNOWN: Final = 4096
_UNUSABLE: Final = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError)


class CandleTick(Schema):
    """Pushed on ``candles:<source>:<symbol>:<timeframe>``: the newest bars, oldest first, each as
    [UTC seconds of opening, open, high, low, close, volume, 1 if closed]. ``at``: when this was so, in
    milliseconds."""

    series: str
    timeframe: Timeframe
    bars: list[Row]
    at: int


class Listeners(Protocol):
    """Who hears what in this process."""

    def heard(self, prefix: str) -> list[str]: ...

    def is_heard(self, topic: str) -> bool: ...

    def tell(self, topic: str, data: bytes) -> None: ...

    def ask(self, topic: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Topic:
    source: str
    symbol: str
    timeframe: Timeframe

    @property
    def series(self) -> str:
        return f"{self.source}:{self.symbol}"

    @property
    def name(self) -> str:
        return f"{KIND}:{self.series}:{self.timeframe}"


def topic_of(key: str) -> Topic:
    """What follows ``candles:`` in a topic.

    Raises:
        InvalidInput: it is no series and timeframe.
    """
    series, _, timeframe = key.rpartition(":")
    try:
        return Topic(*split_name(series), Timeframe(timeframe))
    except ValueError:
        raise InvalidInput(
            f"{timeframe[:20]!r} is no timeframe.", advice=f"Choose from {', '.join(Timeframe)}."
        ) from None


class LiveCandles:
    """One per process. ``take`` gets the announcements, ``run`` tells the feed what is wanted."""

    def __init__(self, candles: Candles, listeners: Listeners, redis: Redis, clock: Clock) -> None:
        self._candles = candles
        self._listeners = listeners
        self._redis = redis
        self._clock = clock
        self._news: dict[str, Announcement] = {}
        self._ladders: dict[str, Ladder] = {}
        self._series: dict[str, Series] = {}
        self._looking: dict[str, asyncio.Task[CandleTick | None]] = {}
        self._newly_wanted = asyncio.Event()

    # --- what a hub asks -----------------------------------------------------------------------------------

    async def may_hear(self, _session: AsyncSession, user_id: UUID | None, key: str) -> bool:
        """Raises ``InvalidInput``, ``NotFound``: what is wrong with the topic."""
        topic = topic_of(key)
        series = await self._find(topic, user_id)
        if not divides(series.base_seconds, topic.timeframe):
            raise InvalidInput(
                f"The bars of {series.name} make no {topic.timeframe}.", advice="Choose a longer timeframe."
            )
        self._newly_wanted.set()
        return True

    async def snapshot(self, _session: AsyncSession, user_id: UUID | None, key: str) -> CandleTick | None:
        """The newest bars: moved on by what is announced where the series is live, else those a chart's page
        ends with. ``None`` while there are none and no venue answers. Many who ask at once are one
        question."""
        if is_private(key):
            return await self._look(topic_of(key), user_id)
        task = self._looking.get(key)
        if task is None:
            task = asyncio.create_task(self._look(topic_of(key), None))
            self._looking[key] = task
            task.add_done_callback(lambda _: self._looking.pop(key, None))
        return await asyncio.shield(task)

    async def _look(self, topic: Topic, viewer: UUID | None) -> CandleTick | None:
        try:
            series = await self._find(topic, viewer)
            news = self._news.get(topic.series)
            if news is None or to_ms(self._clock.now()) - news.at > STALE_MS:
                return await self._page(topic, series, viewer)
            ladder = self._ladders.get(topic.name)
            if ladder is None or not ladder.joins(news):
                ladder = await self._begin(topic, series, news)
            return _moved(topic, ladder, self._news.get(topic.series, news))
        except (Unavailable, DoesNotFit) as error:
            log.info("no bars to begin with", topic=topic.name, reason=str(error))
            return None

    async def _page(self, topic: Topic, series: Series, viewer: UUID | None) -> CandleTick:
        page = await self._candles.page(series, Asked(topic.timeframe, MOST), viewer=viewer)
        now = self._clock.now()
        rows = rows_of(page.bars, topic.timeframe, page.closed_until)
        known = to_ms(now) if page.known_until is None else min(to_ms(now), page.known_until * 1000)
        return CandleTick(series=topic.series, timeframe=topic.timeframe, bars=rows, at=known)

    async def _begin(self, topic: Topic, series: Series, news: Announcement) -> Ladder:
        """From the store, which has every minute before it is announced."""
        start = shifted(start_of(news.until, topic.timeframe), topic.timeframe, 1 - MOST)
        bars = await self._candles.upto(series, topic.timeframe, max(start, 0), news.until)
        ladder = Ladder(topic.timeframe, bars, news.until)
        if self._listeners.is_heard(topic.name):
            self._ladders[topic.name] = ladder
        return ladder

    async def _find(self, topic: Topic, viewer: UUID | None) -> Series:
        known = self._series.get(topic.series)
        if known is not None:
            return known
        found = await self._candles.find(topic.source, topic.symbol, viewer)
        if topic.source != OWN and len(self._series) < _MOST_KNOWN:
            self._series[topic.series] = found
        return found

    # --- what comes in -------------------------------------------------------------------------------------

    def take(self, data: bytes) -> None:
        """A message of the channel: announcements by series."""
        batch: Mapping[str, dict[str, object]] = orjson.loads(data)
        for series, fields in batch.items():
            heard = [name for name in _topics(series) if self._listeners.is_heard(name)]
            if heard:
                self._hear(series, fields, heard)

    def _hear(self, series: str, fields: dict[str, object], heard: Sequence[str]) -> None:
        """What cannot be used costs only itself: neither other series nor other timeframes."""
        try:
            self._news[series] = messages.decode(fields)
        except _UNUSABLE as error:
            log.warning("unreadable announcement dropped", series=series, error=str(error)[:200])
            return
        for name in heard:
            try:
                self._announce(name)
            except _UNUSABLE as error:
                log.warning("announcement not told", topic=name, error=str(error)[:200])

    def _announce(self, name: str) -> None:
        topic = topic_of(name.partition(":")[2])
        ladder, news = self._ladders.get(name), self._news[topic.series]
        if ladder is None or not ladder.joins(news):
            self._listeners.ask(name)
            return
        tick = _moved(topic, ladder, news)
        self._listeners.tell(name, orjson.dumps(tick.model_dump(mode="json")))

    def lost(self) -> None:
        """Announcements may have been missed: begin again from the store."""
        self._news.clear()
        self._ladders.clear()

    async def run(self) -> None:
        """Tell what is wanted, at once when that grows and every few seconds, until cancelled."""
        while True:
            now = self._clock.now()
            series = self._prune(now)
            try:
                await wanted.tell(self._redis, series, now.timestamp())
            except (RedisError, OSError) as error:
                log.warning("what is wanted could not be told", error=str(error)[:200])
            try:
                async with asyncio.timeout(wanted.TELL_SECONDS):
                    await self._newly_wanted.wait()
                await asyncio.sleep(0.1)
            except TimeoutError:
                continue
            self._newly_wanted.clear()

    def _prune(self, now: datetime) -> set[str]:
        """Forget what nobody listens to any more; the series that are wanted."""
        topics = set(self._listeners.heard(KIND))
        self._ladders = {name: ladder for name, ladder in self._ladders.items() if name in topics}
        series = {name.partition(":")[2].rpartition(":")[0] for name in topics}
        self._news = {
            name: news
            for name, news in self._news.items()
            if name in series and to_ms(now) - news.at < STALE_MS
        }
        return {name for name in series if not name.startswith(f"{OWN}:")}


def _moved(topic: Topic, ladder: Ladder, news: Announcement) -> CandleTick:
    if ladder.joins(news):
        ladder.climb(news)
    return CandleTick(series=topic.series, timeframe=topic.timeframe, bars=ladder.rows(news), at=news.at)


def is_private(key: str) -> bool:
    """Own datasets are heard by their owner only."""
    return key.startswith(f"{OWN}:")


def _topics(series: str) -> list[str]:
    return [f"{KIND}:{series}:{timeframe}" for timeframe in Timeframe]
