"""Strategies for the stream: their rows are read when something happened, prices are put in at every tick."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.time import Clock, from_ms
from holdfast.market.live import messages
from holdfast.market.live.messages import Announcement
from holdfast.market.live.minutes import minutes_of
from holdfast.platform.background import together
from holdfast.platform.pubsub import USER_PREFIX, listen
from holdfast.platform.readings import Readings
from holdfast.strategies import repository
from holdfast.strategies.models import Strategy
from holdfast.strategies.schemas import StrategiesTick, StrategyTick
from holdfast.strategies.states import STOPPED
from holdfast.strategies.views import Price, tick

TOPIC: Final = "strategies"
REREAD_AFTER: Final = timedelta(seconds=15)
"""Also without a message: Redis may have lost one."""
STALE_AFTER: Final = timedelta(seconds=90)
"""A price this old is told no more: the close of the last bar is."""
_OUTDATED: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Known:
    """What is known of a user's strategies, newest first. What is over is told as it was when it was read."""

    at: datetime
    rows: list[Strategy]
    over: dict[UUID, StrategyTick]


class LiveStrategies:
    """One per process with listeners: the topic ``strategies``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[UUID, _Known] = {}
        self._readings = Readings()
        self._prices: dict[str, Price] = {}

    async def follow(self, redis: Redis) -> None:
        """Take in prices, and forget what is known of a user whenever something happened to them, until
        cancelled."""
        await together(
            listen(
                redis, patterns=(f"{USER_PREFIX}*",), on_message=self._forget, on_connect=self._forget_all
            ),
            listen(
                redis,
                channels=(messages.CHANNEL,),
                on_message=lambda _, data: self.hear(data),
                on_connect=self._forget_all,
            ),
        )

    async def snapshots(self, session: AsyncSession, users: Sequence[UUID]) -> dict[UUID, StrategiesTick]:
        """The strategies of each of the users at the newest prices."""
        known = await self._read(session, users)
        return {user_id: self._tick(known[user_id]) for user_id in users}

    def _tick(self, known: _Known) -> StrategiesTick:
        return StrategiesTick(
            strategies=[known.over.get(row.id) or tick(row, self._price(row)) for row in known.rows]
        )

    def hear(self, data: bytes) -> None:
        """Take in what the feed announces of the series that somebody here has a strategy on."""
        wanted = {row.series for known in self._known.values() for row in known.rows if not _is_over(row)}
        if not wanted:
            self._prices.clear()
            return
        messages.pass_on(data, wanted, self._hear)

    def _hear(self, name: str, told: Announcement) -> None:
        newest = minutes_of(told.forming) or minutes_of(told.closed)
        if newest:
            self._prices[name] = Price(newest[-1].close, from_ms(told.at))

    def _price(self, row: Strategy) -> Price | None:
        price = self._prices.get(row.series)
        return price if price and self._clock.now() - price.at < STALE_AFTER else None

    async def _read(self, session: AsyncSession, users: Sequence[UUID]) -> dict[UUID, _Known]:
        """What is known of the users; those of whom nothing new is known are read at once."""
        now = self._clock.now()
        fresh = {key: entry for key, entry in self._known.items() if now - entry.at < REREAD_AFTER}
        missing: dict[UUID, list[Strategy]] = {one: [] for one in users if one not in fresh}
        if not missing:
            return fresh
        with self._readings.of(missing) as unchanged:
            for row in await repository.of_users(session, list(missing)):
                missing[row.user_id].append(row)
        read = {
            one: _Known(now, rows, {row.id: tick(row) for row in rows if _is_over(row)})
            for one, rows in missing.items()
        }
        for one in read.keys() - unchanged:
            read[one].at = _OUTDATED
        self._known = {one: it for one, it in self._known.items() if now - it.at < STALE_AFTER} | read
        return fresh | read

    def _forget(self, channel: str, _: bytes) -> None:
        """Read again at the next look; until then its series stay listened to."""
        with suppress(ValueError):
            user_id = UUID(channel.removeprefix(USER_PREFIX))
            self._readings.note_changed(user_id)
            if user_id in self._known:
                self._known[user_id].at = _OUTDATED

    async def _forget_all(self) -> None:
        self._readings.note_all_changed()
        self._known.clear()
        self._prices.clear()


def _is_over(row: Strategy) -> bool:
    """It is stopped and holds nothing: it moves no more."""
    return row.state == STOPPED and row.closing_from is None
