"""How many requests may leave, shared by every process through Redis.

Bybit counts per account, endpoint and rolling second, and per address 600 in 5 seconds (rate-limit page; 10
minutes of silence for whoever exceeds it). A sliding log of send times is exact where a token bucket lets
nearly two windows' worth through. Reservations are made in the order of asking, for the earliest free moment.

Without Redis each process keeps a log of its own with a quarter of the limits: slower, never unlimited.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from holdfast.core.time import Clock, from_ms, to_ms

log = structlog.get_logger(__name__)


class Bucket(StrEnum):
    """Endpoints that are counted apart. ``PUBLIC`` counts against the address only."""

    PUBLIC = "public"
    CREATE = "create"
    CREATE_BATCH = "create-batch"
    CANCEL = "cancel"
    REALTIME = "realtime"
    HISTORY = "history"
    EXECUTIONS = "executions"
    POSITIONS = "positions"
    WALLET = "wallet"
    ACCOUNT = "account"
    TRANSACTIONS = "transactions"
    LEVERAGE = "leverage"
    MODE = "mode"
    KEY = "key"
    FEES = "fees"


PER_SECOND: Final = {
    Bucket.CREATE: 10,
    Bucket.CREATE_BATCH: 10,
    Bucket.CANCEL: 10,
    Bucket.REALTIME: 50,
    Bucket.HISTORY: 50,
    Bucket.EXECUTIONS: 50,
    Bucket.POSITIONS: 50,
    Bucket.WALLET: 50,
    Bucket.ACCOUNT: 50,
    Bucket.TRANSACTIONS: 25,
    Bucket.LEVERAGE: 10,
    Bucket.MODE: 10,
    Bucket.KEY: 10,
    Bucket.FEES: 5,
}
"""Bybit's default limits; the header of every answer corrects them."""

SECOND_MS: Final = 1_000

MARGIN_SECONDS: Final = 0.1
"""Bybit counts when requests arrive, we when they leave: the window is longer by how far journeys differ."""

ADDRESS_LIMIT: Final = 550
ADDRESS_WINDOW_MS: Final = 5_200

_DEGRADED_SHARE: Final = 4
_REDIS_SECONDS: Final = 1.0
_REDIS_REST: Final = timedelta(seconds=5)
_KEEP_LIMIT: Final = timedelta(days=1)
_TELL_LIMIT_AGAIN: Final = timedelta(hours=1)


class BudgetSpent(Exception):
    """The budget would allow this only at ``until``; nothing was reserved."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"free at {until.isoformat()}")
        self.until = until


class Budget(Protocol):
    """Reservations return the seconds to wait; they raise ``BudgetSpent`` beyond ``patience`` seconds."""

    async def reserve(
        self, account: str, bucket: Bucket, units: int, *, patience: float, margin: float = MARGIN_SECONDS
    ) -> float: ...

    async def reserve_address(self, *, patience: float) -> float: ...

    async def learn(self, account: str, bucket: Bucket, limit: int) -> None: ...

    async def block(self, account: str, bucket: Bucket, until: datetime) -> None: ...

    async def silence_address(self, until: datetime) -> None: ...


class Windows(Protocol):
    """Limits of any other kind: so many units in a rolling window. As ``Budget``."""

    async def reserve_window(
        self, name: str, units: int, limit: int, window_ms: int, *, patience: float
    ) -> float: ...

    async def silence_window(self, name: str, until: datetime) -> None: ...


@dataclass(slots=True)
class SlidingLog:
    """The last send times of one bucket, in milliseconds."""

    times: deque[int] = field(default_factory=deque)
    blocked_until: int = 0

    def earliest(self, now: int, units: int, limit: int, window: int) -> int:
        """When ``units`` more may be sent so that no window holds more than ``limit``."""
        moment = max(now, self.blocked_until, self.times[-1] if self.times else 0)
        crowding = limit - units + 1
        if len(self.times) >= crowding:
            moment = max(moment, self.times[-crowding] + window)
        return moment

    def take(self, moment: int, units: int, limit: int) -> None:
        self.times.extend([moment] * units)
        while len(self.times) > limit:
            self.times.popleft()


def _window(margin: float) -> int:
    return SECOND_MS + int(margin * 1000)


class LocalBudget:
    """A budget of this process alone, using one ``share``-th of the limits."""

    def __init__(self, clock: Clock, *, share: int = 1) -> None:
        self._clock = clock
        self._share = share
        self._logs: dict[str, SlidingLog] = {}
        self._limits: dict[str, int] = {}

    async def reserve(
        self, account: str, bucket: Bucket, units: int, *, patience: float, margin: float = MARGIN_SECONDS
    ) -> float:
        name = f"{account}:{bucket}"
        limit = self._limits.get(name, PER_SECOND[bucket])
        return self._reserve(name, units, limit, _window(margin), patience)

    async def reserve_address(self, *, patience: float) -> float:
        return self._reserve("address", 1, ADDRESS_LIMIT, ADDRESS_WINDOW_MS, patience)

    async def reserve_window(
        self, name: str, units: int, limit: int, window_ms: int, *, patience: float
    ) -> float:
        """``units`` of any other limit: so many in a rolling window."""
        return self._reserve(name, units, limit, window_ms, patience)

    async def silence_window(self, name: str, until: datetime) -> None:
        self._log(name).blocked_until = to_ms(until)

    async def learn(self, account: str, bucket: Bucket, limit: int) -> None:
        self._limits[f"{account}:{bucket}"] = limit

    async def block(self, account: str, bucket: Bucket, until: datetime) -> None:
        self._log(f"{account}:{bucket}").blocked_until = to_ms(until)

    async def silence_address(self, until: datetime) -> None:
        self._log("address").blocked_until = to_ms(until)

    def _log(self, name: str) -> SlidingLog:
        return self._logs.setdefault(name, SlidingLog())

    def _reserve(self, name: str, units: int, limit: int, window: int, patience: float) -> float:
        now = to_ms(self._clock.now())
        sent, limit = self._log(name), max(limit // self._share, 1)
        fitting = min(units, limit)
        moment = sent.earliest(now, fitting, limit, window)
        if moment - now > patience * 1000:
            raise BudgetSpent(from_ms(moment))
        sent.take(moment, fitting, limit)
        return (moment - now) / 1000


_RESERVE: Final = """
local now, units = tonumber(ARGV[1]), tonumber(ARGV[2])
local window, patience = tonumber(ARGV[4]), tonumber(ARGV[5])
local limit = tonumber(redis.call('GET', KEYS[3]) or ARGV[3])
local blocked = tonumber(redis.call('GET', KEYS[2]) or '0')
local last = tonumber(redis.call('LINDEX', KEYS[1], -1) or '0')
units = math.min(units, limit)
local moment = math.max(now, blocked, last)
local crowding = redis.call('LINDEX', KEYS[1], -(limit - units + 1))
if crowding then moment = math.max(moment, tonumber(crowding) + window) end
if moment - now > patience then return {0, moment} end
for _ = 1, units do redis.call('RPUSH', KEYS[1], moment) end
redis.call('LTRIM', KEYS[1], -limit, -1)
redis.call('PEXPIRE', KEYS[1], moment - now + window + 1000)
return {1, moment}
"""


class RateBudget:
    """The shared budget. ``prefix`` sets apart groups of processes that leave by different addresses."""

    def __init__(self, redis: Redis, clock: Clock, *, prefix: str = "bybit:budget") -> None:
        self._redis = redis
        self._clock = clock
        self._prefix = prefix
        self._script = redis.register_script(_RESERVE)
        self._alone = LocalBudget(clock, share=_DEGRADED_SHARE)
        self._alone_until: datetime | None = None
        self._told: dict[str, tuple[int, datetime]] = {}

    async def reserve(
        self, account: str, bucket: Bucket, units: int, *, patience: float, margin: float = MARGIN_SECONDS
    ) -> float:
        name, limit = f"{account}:{bucket}", PER_SECOND[bucket]
        shared = await self._reserve(name, units, limit, _window(margin), patience)
        if shared is not None:
            return shared
        return await self._alone.reserve(account, bucket, units, patience=patience, margin=margin)

    async def reserve_address(self, *, patience: float) -> float:
        shared = await self._reserve("address", 1, ADDRESS_LIMIT, ADDRESS_WINDOW_MS, patience)
        return await self._alone.reserve_address(patience=patience) if shared is None else shared

    async def reserve_window(
        self, name: str, units: int, limit: int, window_ms: int, *, patience: float
    ) -> float:
        """``units`` of any other limit: so many in a rolling window."""
        shared = await self._reserve(name, units, limit, window_ms, patience)
        if shared is not None:
            return shared
        return await self._alone.reserve_window(name, units, limit, window_ms, patience=patience)

    async def silence_window(self, name: str, until: datetime) -> None:
        await self._alone.silence_window(name, until)
        await self._block(name, until)

    async def learn(self, account: str, bucket: Bucket, limit: int) -> None:
        await self._alone.learn(account, bucket, limit)
        name, now = f"{account}:{bucket}", self._clock.now()
        told, told_at = self._told.get(name, (0, now))
        if told == limit and now - told_at < _TELL_LIMIT_AGAIN:
            return
        if await self._ask(self._redis.set(self._key("limit", name), limit, ex=_KEEP_LIMIT)):
            self._told[name] = (limit, now)

    async def block(self, account: str, bucket: Bucket, until: datetime) -> None:
        await self._alone.block(account, bucket, until)
        await self._block(f"{account}:{bucket}", until)

    async def silence_address(self, until: datetime) -> None:
        await self._alone.silence_address(until)
        await self._block("address", until)

    def _key(self, part: str, name: str) -> str:
        return f"{self._prefix}:{part}:{name}"

    async def _block(self, name: str, until: datetime) -> None:
        left = to_ms(until) - to_ms(self._clock.now())
        if left > 0:
            await self._ask(self._redis.set(self._key("blocked", name), to_ms(until), px=left))

    async def _reserve(self, name: str, units: int, limit: int, window: int, patience: float) -> float | None:
        now = to_ms(self._clock.now())
        keys = [self._key(part, name) for part in ("sent", "blocked", "limit")]
        answer = await self._ask(self._script(keys, [now, units, limit, window, int(patience * 1000)]))
        if answer is None:
            return None
        granted, moment = answer
        if not granted:
            raise BudgetSpent(from_ms(moment))
        return max(int(moment) - now, 0) / 1000

    async def _ask(self, question: Awaitable[Any]) -> Any:
        """Redis' answer, or ``None`` while it is not there; then it is left alone for a few seconds."""
        now = self._clock.now()
        if self._alone_until and now < self._alone_until:
            _discard(question)
            return None
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                return await question
        except (RedisError, OSError, TimeoutError) as error:
            self._alone_until = now + _REDIS_REST
            log.warning("rate budget goes on without redis", error=type(error).__name__)
            return None


def _discard(question: Awaitable[Any]) -> None:
    close = getattr(question, "close", None)
    if close:
        close()
