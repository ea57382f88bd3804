"""Watches the prices that users set alerts on, and fires each alert once per crossing.

How far a series was looked at, the side each of its alerts is on, and what has fired are written in one
transaction. So nothing fires twice, whoever else watches; and after a halt the minutes that passed meanwhile
are read from the store or the venue, and what was crossed in them fires late instead of never.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.charts import crossing, repository
from holdfast.charts.crossing import Bar, Crossing, Point, Seen
from holdfast.charts.models import AlertWatch, FiredAlert, PriceAlert
from holdfast.charts.schemas import MOST_FIRED
from holdfast.core.bars import Bars
from holdfast.core.errors import HoldfastError
from holdfast.core.identity import new_id
from holdfast.core.time import Clock
from holdfast.core.timeframes import MINUTE, Timeframe
from holdfast.market.candles.gaps import Reason
from holdfast.market.candles.readers import split_name
from holdfast.market.candles.service import Asked, Candles
from holdfast.market.live import messages
from holdfast.market.live.minutes import minutes_of
from holdfast.platform.background import together
from holdfast.platform.database import Database
from holdfast.platform.pubsub import listen

log = structlog.get_logger(__name__)

REFRESH_SECONDS: Final = 1.0
QUIET_SECONDS: Final = 10.0
"""A series that nothing was announced of for so long is looked at by asking."""
RETRY_SECONDS: Final = 3.0
MOST_MINUTES: Final = 2000
TOPIC: Final = "alerts"


@dataclass(slots=True)
class _Watched:
    """A series with alerts. ``seen``: how far it was looked at, at least as far as is written, up to the
    minute ``written``. Nothing is missing before the minute ``whole``. ``looked``: when we did last."""

    alerts: list[PriceAlert] = field(default_factory=list)
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
        async with self._database.transaction() as session:
            grouped: dict[str, list[PriceAlert]] = defaultdict(list)
            for alert in await repository.active_alerts(session):
                grouped[alert.series].append(alert)
            if grouped.keys() != self._watched.keys():
                await repository.forget_watches(session, grouped.keys())
        self._watched = {name: self._watched.get(name, _Watched()) for name in grouped}
        for name, alerts in grouped.items():
            self._watched[name].alerts = alerts
        self._want(set(grouped))
        now = self._now()
        for name, one in list(self._watched.items()):
            if now - one.looked >= QUIET_SECONDS:
                await self._look_at(name, one)

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
        try:
            batch = orjson.loads(data)
            for name in batch.keys() & self._watched.keys():
                told = messages.decode(batch[name])
                at = told.at / 1000
                self._announced[name] = told.start, [*_bars(told.closed, at), *_bars(told.forming, at)]
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
            log.warning("unreadable announcement dropped")
        if self._announced:
            self._news.set()

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
        points, seen = crossing.after(one.seen, bars)
        if any(_changes(alert, points) for alert in one.alerts) or (seen and seen.minute > one.written):
            await self._write(name, bars)
        else:
            one.seen = seen
        one.looked = self._now()

    # --- what is read --------------------------------------------------------------------------------------

    async def catch_up(self, name: str) -> None:
        """Go on from where the series was left off, over stored bars and the one that forms. While minutes in
        between cannot be had, it stays where it is.

        Raises:
            Unavailable: the venue does not answer.
            NotFound: there is no such series any more.
        """
        one = self._watched.get(name)
        if one is None or not one.alerts:
            return
        async with self._database.transaction() as session:
            row = await repository.locked_watch(session, name)
        now = int(self._now())
        begin = int(min(alert.watched_from for alert in one.alerts).timestamp())
        start = max(begin, row.minute if row else 0) // MINUTE * MINUTE
        series = await self._candles.find(*split_name(name))
        while start <= now:
            limit = min((now - start) // MINUTE + 1, MOST_MINUTES)
            page = await self._candles.page(series, Asked(Timeframe.M1, limit, after=start - 1))
            if any(gap.reason is Reason.NOT_FETCHED for gap in page.gaps):
                break
            await self._write(name, list(_bars(page.bars, now)))
            start += limit * MINUTE
            one.whole = max(one.whole, min(start, now // MINUTE * MINUTE))
        one.looked = self._now()

    # --- what is written -----------------------------------------------------------------------------------

    async def _write(self, name: str, bars: Sequence[Bar]) -> None:
        """Take the bars in, from where the database says the series was left off."""
        told: set[UUID] = set()
        async with self._database.transaction() as session:
            row = await repository.locked_watch(session, name)
            points, seen = crossing.after(_seen(row), bars)
            alerts = await repository.active_on(session, name)
            for alert in alerts:
                if _take(session, alert, points):
                    told.add(alert.user_id)
            if seen is not None:
                await session.merge(AlertWatch(series=name, **_columns(seen)))
            await session.flush()
            await repository.forget_fired(session, told, MOST_FIRED)
        one = self._watched.setdefault(name, _Watched())
        one.alerts = [alert for alert in alerts if alert.active]
        one.seen = seen
        if seen is not None:
            one.written, one.whole = seen.minute, max(one.whole, seen.minute)
        for user_id in told:
            await self._tell(user_id)

    async def _tell(self, user_id: UUID) -> None:
        """A lost message loses nothing: the stream asks again by itself."""
        try:
            content = orjson.dumps({"topic": TOPIC, "data": {"changed": True}})
            await self._redis.publish(f"user:{user_id}", content)
        except RedisError as error:
            log.warning("an alert could not be announced", error=str(error))

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _changes(alert: PriceAlert, points: Sequence[Point]) -> bool:
    side, found = crossing.crossings(alert.side, alert.price, points, alert.watched_from.timestamp())
    return bool(found) or side != alert.side


def _take(session: AsyncSession, alert: PriceAlert, points: Sequence[Point]) -> bool:
    """Bring an alert up to date; whether it fired."""
    alert.side, found = crossing.crossings(alert.side, alert.price, points, alert.watched_from.timestamp())
    wanted = [one for one in found if alert.direction in (crossing.EITHER, one.direction)]
    if alert.repeat == "once" and wanted:
        wanted, alert.active = wanted[:1], False
    for one in wanted:
        alert.fired_at = _following(datetime.fromtimestamp(one.at, UTC), alert.fired_at)
        session.add(_fired(alert, one, alert.fired_at))
    return bool(wanted)


def _following(moment: datetime, last: datetime | None) -> datetime:
    """The moment, or the least one after the last: what fires in turn is listed in turn."""
    return moment if last is None else max(moment, last + timedelta(microseconds=1))


def _fired(alert: PriceAlert, reached: Crossing, at: datetime) -> FiredAlert:
    return FiredAlert(
        id=new_id(),
        user_id=alert.user_id,
        alert_id=alert.id,
        series=alert.series,
        direction=reached.direction,
        price=alert.price,
        seen_price=reached.price,
        note=alert.note,
        at=at,
    )


def _bars(bars: Bars, now: float) -> Iterable[Bar]:
    """As they stood ``now``, or at their ends."""
    for minute in minutes_of(bars):
        at = min(float(minute.time + MINUTE), now)
        yield Bar(minute.time, minute.open, minute.high, minute.low, minute.close, at)


def _seen(row: AlertWatch | None) -> Seen | None:
    return Seen(row.minute, row.high, row.low, row.close) if row else None


def _columns(seen: Seen) -> dict[str, object]:
    return {"minute": seen.minute, "high": seen.high, "low": seen.low, "close": seen.close}
