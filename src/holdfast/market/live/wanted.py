"""Which series somebody needs, told by every process with listeners through Redis."""

from collections.abc import Collection, Iterable
from typing import Any, Final

from redis.asyncio import Redis

KEY: Final = "candles:wanted"
"""Sorted set: series by the last moment somebody wanted it (UTC seconds)."""
TELL_SECONDS: Final = 5.0
KEEP_SECONDS: Final = 60.0
MOST: Final = 2000


async def tell(redis: Redis, series: Collection[str], now: float) -> None:
    """Say that these are wanted now."""
    if series:
        await redis.zadd(KEY, dict.fromkeys(series, now))


class Wanted:
    """What is wanted, and was within the last minute: Redis may lose what it was told, and streams are not
    begun and ended for every look at another chart."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    async def read(self, redis: Redis, now: float) -> None:
        """Raises ``RedisError``."""
        told: Any = await redis.zrevrangebyscore(
            KEY, "+inf", now - KEEP_SECONDS, start=0, num=MOST, withscores=True
        )
        for series, at in told:
            self.need([series.decode()], min(at, now))
        await redis.zremrangebyscore(KEY, "-inf", now - 2 * KEEP_SECONDS)

    def need(self, series: Iterable[str], at: float) -> None:
        """These were wanted at that moment."""
        for name in series:
            self._last[name] = max(self._last.get(name, 0.0), at)

    def at(self, now: float) -> set[str]:
        """Every series that is to be streamed."""
        self._last = {name: last for name, last in self._last.items() if now - last < KEEP_SECONDS}
        return set(self._last)
