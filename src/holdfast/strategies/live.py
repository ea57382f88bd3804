"""Strategies for the stream: their rows are read when something happened, prices are put in at every tick."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import orjson
import structlog
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.time import Clock, from_ms
from holdfast.market.live import messages
from holdfast.market.live.minutes import minutes_of
from holdfast.platform.background import together
from holdfast.platform.pubsub import listen
from holdfast.strategies import repository
from holdfast.strategies.models import Strategy
from holdfast.strategies.schemas import StrategiesTick
from holdfast.strategies.states import STOPPED
from holdfast.strategies.views import Price, tick

log = structlog.get_logger(__name__)

TOPIC: Final = "strategies"
USER_PREFIX: Final = "user:"
REREAD_AFTER: Final = timedelta(seconds=2)
"""Also without a message: what their owner does tells none, and Redis may have lost one."""
STALE_AFTER: Final = timedelta(seconds=90)
"""A price this old is told no more: the close of the last bar is."""


class LiveStrategies:
    """One per process with listeners: the topic ``strategies``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[UUID, tuple[datetime, list[Strategy]]] = {}
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

    async def may_hear(self, _session: AsyncSession, user_id: UUID | None, key: str) -> bool:
        return user_id is not None and not key

    async def snapshot(self, session: AsyncSession, user_id: UUID | None, _: str) -> StrategiesTick | None:
        """The user's strategies at the newest prices."""
        if user_id is None:
            return None
        return StrategiesTick(
            strategies=[tick(row, self._price(row)) for row in await self._read(session, user_id)]
        )

    def hear(self, data: bytes) -> None:
        """Take in what the feed announces of the series that somebody here has a strategy on."""
        wanted = {row.series for _, rows in self._rows.values() for row in rows if row.state != STOPPED}
        if not wanted:
            self._prices.clear()
            return
        try:
            batch = orjson.loads(data)
            for name in wanted & batch.keys():
                told = messages.decode(batch[name])
                newest = minutes_of(told.forming) or minutes_of(told.closed)
                if newest:
                    self._prices[name] = Price(newest[-1].close, from_ms(told.at))
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
            log.warning("unreadable announcement dropped")

    def _price(self, row: Strategy) -> Price | None:
        """A strategy that is stopped and holds nothing moves no more."""
        if row.state == STOPPED and row.closing_from is None:
            return None
        price = self._prices.get(row.series)
        return price if price and self._clock.now() - price.at < STALE_AFTER else None

    async def _read(self, session: AsyncSession, user_id: UUID) -> list[Strategy]:
        now = self._clock.now()
        known = self._rows.get(user_id)
        if known and now - known[0] < REREAD_AFTER:
            return known[1]
        rows = [row for row, _ in await repository.of_user(session, user_id)]
        self._rows = {key: entry for key, entry in self._rows.items() if now - entry[0] < STALE_AFTER}
        self._rows[user_id] = now, rows
        return rows

    def _forget(self, channel: str, _: bytes) -> None:
        """Read again at the next look; until then its series stay listened to."""
        for user_id in self._rows:
            if str(user_id) == channel.removeprefix(USER_PREFIX):
                self._rows[user_id] = (
                    datetime.min.replace(tzinfo=self._clock.now().tzinfo),
                    self._rows[user_id][1],
                )

    async def _forget_all(self) -> None:
        self._rows.clear()
        self._prices.clear()
