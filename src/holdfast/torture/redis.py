"""A small Redis inside the virtual loop, which can go away and forget."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from redis.exceptions import ConnectionError as RedisGone

from holdfast.torture.loop import current

Members = set[bytes]


class VirtualRedis:
    """The commands Holdfast uses. ``down``: nobody answers."""

    def __init__(self, now_ms: Callable[[], int], seed: int) -> None:
        self._now_ms = now_ms
        self._dice = random.Random(f"{seed}:redis")  # noqa: S311  not a secret
        self._values: dict[str, Any] = {}
        self._ends: dict[str, int] = {}
        self.down = False
        self.published = 0

    def forget(self) -> None:
        """Lose everything, as after a restart without its file."""
        self._values.clear()
        self._ends.clear()

    def register_script(self, _text: str) -> Callable[..., Any]:
        """The one script there is: the reservation of a rate budget (``venues.bybit.budget``)."""
        return self._reserve

    async def get(self, key: str) -> bytes | None:
        await self._travel()
        value = self._live(key)
        return None if value is None else _bytes(value)

    async def set(
        self, key: str, value: Any, *, ex: Any = None, px: int | None = None, nx: bool = False
    ) -> bool | None:
        await self._travel()
        if nx and self._live(key) is not None:
            return None
        self._values[key] = value
        self._ends.pop(key, None)
        if ex is not None or px is not None:
            self._ends[key] = self._now_ms() + (_milliseconds(ex) if px is None else px)
        return True

    async def delete(self, *keys: str) -> int:
        await self._travel()
        found = [key for key in keys if self._live(key) is not None]
        for key in found:
            del self._values[key]
        return len(found)

    async def exists(self, *keys: str) -> int:
        await self._travel()
        return sum(self._live(key) is not None for key in keys)

    async def expire(self, key: str, time: Any) -> bool:
        await self._travel()
        if self._live(key) is None:
            return False
        self._ends[key] = self._now_ms() + _milliseconds(time)
        return True

    async def sadd(self, key: str, *members: Any) -> int:
        await self._travel()
        known = self._live(key)
        if known is None:
            known = self._values[key] = {}
        fresh = [_bytes(member) for member in members if _bytes(member) not in known]
        known.update(dict.fromkeys(fresh))
        return len(fresh)

    async def srem(self, key: str, *members: Any) -> int:
        await self._travel()
        known = self._live(key) or {}
        return sum(known.pop(_bytes(member), 0) is None for member in members)

    async def smembers(self, key: str) -> Members:
        await self._travel()
        return Members(self._live(key) or ())

    async def hset(self, key: str, field: str | None = None, value: Any = None, mapping: Any = None) -> int:
        await self._travel()
        known = self._live(key)
        if known is None:
            known = self._values[key] = {}
        for name, content in {**({field: value} if field else {}), **(mapping or {})}.items():
            known[_bytes(name)] = _bytes(content)
        return 1

    async def hget(self, key: str, field: str) -> bytes | None:
        await self._travel()
        return (self._live(key) or {}).get(_bytes(field))

    async def hgetall(self, key: str) -> dict[bytes, bytes]:
        await self._travel()
        return dict(self._live(key) or {})

    async def hmget(self, key: str, fields: Any) -> list[bytes | None]:
        await self._travel()
        known = self._live(key) or {}
        return [known.get(_bytes(field)) for field in fields]

    async def publish(self, _channel: str, _message: Any) -> int:
        await self._travel()
        self.published += 1
        return 0

    async def _reserve(self, keys: list[str], args: list[int]) -> list[int]:
        await self._travel()
        sent_key, blocked_key, limit_key, began_key = keys
        now, units, limit, window, patience, known, spare, ripe = args
        limit = int(self._live(limit_key) or limit)
        blocked = int(self._live(blocked_key) or 0)
        if known > max(blocked, now):
            self._values[blocked_key], self._ends[blocked_key] = known, self._now_ms() + known - now
            blocked = known
        if ripe and now - self._values.setdefault(began_key, now) < ripe:
            return [-1, 0, blocked]
        sent: list[int] = self._live(sent_key) or []
        units = min(units, limit)
        moment = max(now, blocked, sent[-1] if sent else 0)
        crowding = limit - spare - units + 1
        if len(sent) >= crowding:
            moment = max(moment, sent[-crowding] + window)
        if moment - now > patience:
            return [0, moment, blocked]
        self._values[sent_key] = [*sent, *[moment] * units][-limit:]
        self._ends[sent_key] = self._now_ms() + moment - now + window + 1000
        return [1, moment, blocked]

    async def _travel(self) -> None:
        process = current()
        if not process.alive:
            process.effect()
        await asyncio.sleep(self._dice.uniform(0.0002, 0.001))
        if not process.alive:
            process.effect()
        if self.down:
            raise RedisGone("Connection refused.")

    def _live(self, key: str) -> Any:
        if key in self._ends and self._ends[key] <= self._now_ms():
            del self._ends[key]
            self._values.pop(key, None)
        return self._values.get(key)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _milliseconds(time: Any) -> int:
    return int(time.total_seconds() * 1000) if isinstance(time, timedelta) else int(time) * 1000
