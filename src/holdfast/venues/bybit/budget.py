"""How many requests may leave, shared by every process through Redis.

Bybit counts per account, endpoint and rolling second, and per address 600 in 5 seconds (rate-limit page; 10
minutes of silence for whoever exceeds it). A sliding log of send times is exact where a token bucket lets
nearly two windows' worth through. Reservations are made in the order of asking, for the earliest free moment.

Without Redis each process keeps a log of its own with a quarter of a key's limits, and all of one machine
share a part of the address's that is theirs alone (``address``): slower, never unlimited. A Redis that has
forgotten is as good as none until it knows all that may still be on its way. So whatever becomes of it, and
however often, at most ``ADDRESS_LIMIT`` requests that it counted and ``ALONE_LIMIT`` others leave within a
window, which is less than the venue shuts an address out for. Where the file cannot be written either, each
budget has ``UNFILED_LIMIT``: twenty of them fit beside what Redis counted.

A third of what the address may is kept for those who hold a key: charts must not hold up a close.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from holdfast.core.time import Clock, from_ms, to_ms
from holdfast.venues.bybit.address import AddressFile, believed_silence
from holdfast.venues.bybit.windows import SlidingLog

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

ADDRESS_LIMIT: Final = 400
ALONE_LIMIT: Final = 150
UNFILED_LIMIT: Final = 10
"""Of the address: what Redis grants to all, what the file of a machine does, and what a budget has that can
ask neither."""
ADDRESS_WINDOW_MS: Final = 5_200
FILE_NAME: Final = "bybit-address"
_ADDRESS: Final = "address"
_LONGEST_WAIT: Final = 5.0
"""Seconds. No reservation of the address lies further ahead."""
_RIPE_MS: Final = ADDRESS_WINDOW_MS + int((_LONGEST_WAIT + MARGIN_SECONDS) * 1000)
"""So long after Redis began to count, a window with what it grants holds nothing that it does not know."""
_UNRIPE_TOO_LONG_MS: Final = 15_000

_DEGRADED_SHARE: Final = 4
_REDIS_SECONDS: Final = 1.0
_REDIS_REST: Final = timedelta(seconds=5)
_KEEP_LIMIT: Final = timedelta(days=1)
_TELL_LIMIT_AGAIN: Final = timedelta(hours=1)
_COMPLAIN_AGAIN: Final = timedelta(hours=1)


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

    async def reserve_address(self, *, patience: float, onlooker: bool = False) -> float:
        """``onlooker``: whoever has no key leaves a part for those who have one."""

    async def learn(self, account: str, bucket: Bucket, limit: int) -> None: ...

    async def block(self, account: str, bucket: Bucket, until: datetime) -> None: ...

    async def silence_address(self, until: datetime) -> None: ...


class Windows(Protocol):
    """Limits of any other kind: so many units in a rolling window. As ``Budget``."""

    async def reserve_window(
        self, name: str, units: int, limit: int, window_ms: int, *, patience: float
    ) -> float: ...

    async def silence_window(self, name: str, until: datetime) -> None: ...


def _window(margin: float) -> int:
    return SECOND_MS + int(margin * 1000)


def _spare(limit: int, onlooker: bool) -> int:
    """What of the address's limit an onlooker leaves to those who trade."""
    return limit // 3 if onlooker else 0


class _Complaint:
    """A warning in the log, once an hour at most, however often there is reason."""

    def __init__(self, clock: Clock, text: str) -> None:
        self._clock = clock
        self._text = text
        self._again_at: datetime | None = None

    def tell(self, **more: Any) -> None:
        now = self._clock.now()
        if self._again_at is None or now >= self._again_at:
            self._again_at = now + _COMPLAIN_AGAIN
            log.warning(self._text, **more)


class LocalBudget:
    """A budget of this process alone: one ``share``-th of each key's limits and of other windows. What leaves
    by the address is counted in ``address`` together with the others of the machine; where there is no such
    file, or it fails, ``address_limit`` is this budget's own."""

    def __init__(
        self,
        clock: Clock,
        *,
        share: int = 1,
        address: AddressFile | None = None,
        address_limit: int = ADDRESS_LIMIT,
    ) -> None:
        self._clock = clock
        self._share = share
        self._address = address
        self._address_limit = address_limit
        self._logs: dict[str, SlidingLog] = {}
        self._limits: dict[str, int] = {}
        self._silences: dict[str, int] = {}
        self._file_fails = _Complaint(
            clock, "the file of the address fails, so little may leave without redis"
        )

    async def reserve(
        self, account: str, bucket: Bucket, units: int, *, patience: float, margin: float = MARGIN_SECONDS
    ) -> float:
        name = f"{account}:{bucket}"
        limit = self._part(self.limit_of(name, PER_SECOND[bucket]))
        return self._reserve(name, units, limit, _window(margin), patience)

    async def reserve_address(self, *, patience: float, onlooker: bool = False) -> float:
        if self._address is not None:
            now, blocked = to_ms(self._clock.now()), self.blocked_until(_ADDRESS)
            spare = _spare(ALONE_LIMIT, onlooker)
            try:
                moment = await self._address.reserve(now, int(patience * 1000), blocked, spare)
                return _wait(now, moment, patience)
            except OSError as error:
                self._file_fails.tell(error=error.strerror)
        limit = self._address_limit
        return self._reserve(_ADDRESS, 1, limit, ADDRESS_WINDOW_MS, patience, spare=_spare(limit, onlooker))

    async def reserve_window(
        self, name: str, units: int, limit: int, window_ms: int, *, patience: float
    ) -> float:
        """``units`` of any other limit: so many in a rolling window."""
        return self._reserve(name, units, self._part(limit), window_ms, patience)

    async def silence_window(self, name: str, until: datetime) -> None:
        await self.silence_until(name, to_ms(until))

    async def learn(self, account: str, bucket: Bucket, limit: int) -> None:
        self._limits[f"{account}:{bucket}"] = limit

    async def block(self, account: str, bucket: Bucket, until: datetime) -> None:
        await self.silence_until(f"{account}:{bucket}", to_ms(until))

    async def silence_address(self, until: datetime) -> None:
        await self.silence_until(_ADDRESS, to_ms(until))

    def limit_of(self, name: str, default: int) -> int:
        return self._limits.get(name, default)

    def blocked_until(self, name: str) -> int:
        """The end of the silence that this process or, for the address, its machine knows of; in ms."""
        known = self._silences.get(name, 0)
        if name != _ADDRESS:
            return known
        now = to_ms(self._clock.now())
        return max(believed_silence(known, now), self._filed_silence(now))

    async def silence_until(self, name: str, until: int) -> None:
        """At least: no silence is ever shortened. The address's is written down for the whole machine."""
        self._silences[name] = max(until, self.blocked_until(name))
        if name == _ADDRESS and self._address is not None:
            try:
                await self._address.silence(to_ms(self._clock.now()), until)
            except OSError as error:
                self._file_fails.tell(error=error.strerror)

    def _filed_silence(self, now: int) -> int:
        try:
            return self._address.silent_until(now) if self._address is not None else 0
        except OSError as error:
            self._file_fails.tell(error=error.strerror)
            return 0

    def _part(self, limit: int) -> int:
        return max(limit // self._share, 1)

    def _reserve(
        self, name: str, units: int, limit: int, window: int, patience: float, *, spare: int = 0
    ) -> float:
        now = to_ms(self._clock.now())
        sent, fitting = self._logs.setdefault(name, SlidingLog()), min(units, limit)
        moment = sent.earliest(max(now, self.blocked_until(name)), fitting, limit - spare, window)
        wait = _wait(now, moment, patience)
        sent.take(moment, fitting, limit)
        return wait


def _wait(now: int, moment: int, patience: float) -> float:
    """Seconds. Raises ``BudgetSpent`` if they are too many."""
    if moment - now > patience * 1000:
        raise BudgetSpent(from_ms(moment))
    return max(moment - now, 0) / 1000


_RESERVE: Final = """
local now, units = tonumber(ARGV[1]), tonumber(ARGV[2])
local window, patience = tonumber(ARGV[4]), tonumber(ARGV[5])
local known, spare, ripe = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local limit = tonumber(redis.call('GET', KEYS[3]) or ARGV[3])
local blocked = tonumber(redis.call('GET', KEYS[2]) or '0')
if known > math.max(blocked, now) then
  redis.call('SET', KEYS[2], known, 'PX', known - now)
  blocked = known
end
if ripe > 0 then
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local began = redis.call('HMGET', KEYS[4], 'run', 'at')
  if began[1] ~= run or tonumber(began[2]) > now then
    redis.call('HSET', KEYS[4], 'run', run, 'at', now)
    began = {run, now}
  end
  if now - tonumber(began[2]) < ripe then return {-1, 0, blocked} end
end
local last = tonumber(redis.call('LINDEX', KEYS[1], -1) or '0')
units = math.min(units, limit)
local moment = math.max(now, blocked, last)
local crowding = redis.call('LINDEX', KEYS[1], -(limit - spare - units + 1))
if crowding then moment = math.max(moment, tonumber(crowding) + window) end
if moment - now > patience then return {0, moment, blocked} end
for _ = 1, units do redis.call('RPUSH', KEYS[1], moment) end
redis.call('LTRIM', KEYS[1], -limit, -1)
redis.call('PEXPIRE', KEYS[1], moment - now + window + 1000)
return {1, moment, blocked}
"""
"""Whoever knows of a silence tells it, and every answer does. -1: it has not counted for ``ripe`` ms yet. A
beginning that lies ahead was written by a clock that went wrong."""
_UNRIPE: Final = -1


class RateBudget:
    """The shared budget. ``prefix`` sets apart groups of processes that leave by different addresses;
    ``address`` is what those of one machine share beside Redis."""

    def __init__(
        self,
        redis: Redis,
        clock: Clock,
        *,
        prefix: str = "bybit:budget",
        address: AddressFile | None = None,
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._prefix = prefix
        self._script = redis.register_script(_RESERVE)
        self._alone = LocalBudget(clock, share=_DEGRADED_SHARE, address=address, address_limit=UNFILED_LIMIT)
        self._alone_until: datetime | None = None
        self._refused = _Complaint(clock, "redis refuses to count; see holdfast doctor")
        self._unripe = _Complaint(clock, "redis forgets again and again what has left by the address")
        self._unripe_since: int | None = None
        self._told: dict[str, tuple[int, datetime]] = {}

    async def reserve(
        self, account: str, bucket: Bucket, units: int, *, patience: float, margin: float = MARGIN_SECONDS
    ) -> float:
        name = f"{account}:{bucket}"
        limit = self._alone.limit_of(name, PER_SECOND[bucket])
        shared = await self._reserve(name, units, limit, _window(margin), patience)
        if shared is not None:
            return shared
        return await self._alone.reserve(account, bucket, units, patience=patience, margin=margin)

    async def reserve_address(self, *, patience: float, onlooker: bool = False) -> float:
        patience, spare = min(patience, _LONGEST_WAIT), _spare(ADDRESS_LIMIT, onlooker)
        shared = await self._reserve(
            _ADDRESS, 1, ADDRESS_LIMIT, ADDRESS_WINDOW_MS, patience, spare=spare, ripe=_RIPE_MS
        )
        if shared is not None:
            return shared
        return await self._alone.reserve_address(patience=patience, onlooker=onlooker)

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
        await self._tell_silence(name)

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
        await self._tell_silence(f"{account}:{bucket}")

    async def silence_address(self, until: datetime) -> None:
        await self._alone.silence_address(until)
        await self._tell_silence(_ADDRESS)

    def _key(self, part: str, name: str) -> str:
        return f"{self._prefix}:{part}:{name}"

    async def _tell_silence(self, name: str) -> None:
        """A reservation of nothing, without any patience, that says what is known."""
        with suppress(BudgetSpent):
            await self._reserve(name, 0, 1, 0, -1)

    async def _reserve(
        self,
        name: str,
        units: int,
        limit: int,
        window: int,
        patience: float,
        *,
        spare: int = 0,
        ripe: int = 0,
    ) -> float | None:
        """``None``: Redis cannot say."""
        now, known = to_ms(self._clock.now()), self._alone.blocked_until(name)
        keys = [self._key(part, name) for part in ("sent", "blocked", "limit", "began")]
        asked = [now, units, limit, window, int(patience * 1000), known, spare, ripe]
        answer = await self._ask(self._script(keys, asked))
        if answer is None:
            return None
        granted, moment, blocked = map(int, answer)
        if blocked > max(known, now):
            await self._alone.silence_until(name, blocked)
        if ripe:
            self._notice_unripe(granted == _UNRIPE, now)
        return None if granted == _UNRIPE else _wait(now, moment, patience)

    def _notice_unripe(self, unripe: bool, now: int) -> None:
        self._unripe_since = (self._unripe_since or now) if unripe else None
        if self._unripe_since and now - self._unripe_since > _UNRIPE_TOO_LONG_MS:
            self._unripe.tell()

    async def _ask(self, question: Awaitable[Any]) -> Any:
        """Redis' answer, or ``None`` while it is not there; then it is left alone for a few seconds."""
        now = self._clock.now()
        if self._alone_until and now < self._alone_until:
            _discard(question)
            return None
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                return await question
        except ResponseError as error:
            # It is there: what it refuses, say for want of a right, says nothing of the next question.
            self._refused.tell(error=str(error))
            return None
        except (RedisError, OSError, TimeoutError) as error:
            self._alone_until = now + _REDIS_REST
            log.warning("rate budget goes on without redis", error=type(error).__name__)
            return None


def _discard(question: Awaitable[Any]) -> None:
    close = getattr(question, "close", None)
    if close:
        close()


def shared_budget(redis: Redis, clock: Clock, home: Path) -> RateBudget:
    """Counted by all processes together; those of one machine have one ``home``."""
    return RateBudget(redis, clock, address=address_file(home))


def own_budget(clock: Clock, home: Path) -> LocalBudget:
    """Counted by this process alone; its address, with the others of its machine that cannot ask Redis."""
    return LocalBudget(clock, address=address_file(home), address_limit=ALONE_LIMIT)


def address_file(home: Path) -> AddressFile:
    return AddressFile(home / FILE_NAME, limit=ALONE_LIMIT, window=ADDRESS_WINDOW_MS)
