"""The far level of the cache: answers in Redis, which all API processes share.

Bytes only, never pickled, and marked with a key of this installation: what somebody else wrote into Redis, or
what was damaged, is as good as nothing there. Redis may be away, hang or come back at any time: it is asked
with little patience, and after a failure not at all for a moment.
"""

import asyncio
import hashlib
import hmac
import math
from typing import Final, NamedTuple

import structlog
from cashews.backends.redis import Redis
from cashews.exceptions import CacheBackendInteractionError
from cashews.picklers import PicklerType
from cashews.serialize import get_serializer
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

PREFIX: Final = "cache:"
LONGEST_SECONDS: Final = 600
"""Nothing stays longer."""
ALLOWANCE: Final = 64 * 1024 * 1024
"""Bytes a process may write in ``LONGEST_SECONDS``, and at once: Redis carries jobs and prices first, and
evicts nothing by itself. So at most twice as much lies there of each process."""
PATIENCE: Final = 0.3
REST_SECONDS: Final = 5.0
CONNECTIONS: Final = 8

_FAILURES: Final = (CacheBackendInteractionError, RedisError, OSError, TimeoutError)
_MARK_BYTES: Final = 16


class Put(NamedTuple):
    content: bytes
    seconds_left: float


class RedisShelf:
    """``secret``: what marks are made with, at most 64 bytes, the same in every API process."""

    def __init__(self, url: str, secret: bytes) -> None:
        self._secret = secret
        # Without a pickler and without a secret: given a secret, cashews pickles by itself.
        self._redis = Redis(
            url,
            suppress=False,
            serializer=get_serializer(pickle_type=PicklerType.NULL, check_repr=False),
            max_connections=CONNECTIONS,
            wait_for_connection_timeout=PATIENCE,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
            client_name="holdfast-cache",
        )
        self._rests_until = -math.inf
        self._left = float(ALLOWANCE)
        self._counted_at = -math.inf

    @property
    def rests(self) -> bool:
        """Whether Redis failed a moment ago and is left alone."""
        return self._now() < self._rests_until

    async def get(self, name: str) -> Put | None:
        """What was put under this name, if it is there and ours."""
        if self.rests:
            return None
        try:
            await self._open()
            marked = await self._redis.get(PREFIX + name)
            if not isinstance(marked, bytes):
                return None
            left = float(await self._redis.get_expire(PREFIX + name))
        except _FAILURES as error:
            self._rest(error)
            return None
        mark, content = marked[:_MARK_BYTES], marked[_MARK_BYTES:]
        if left <= 0 or not hmac.compare_digest(mark, self._mark(name, content)):
            return None
        return Put(content, left)

    async def put(self, name: str, content: bytes, seconds: float) -> None:
        """Keep it there for a while, unless this process has put enough lately."""
        if self.rests or not self._allows(len(content)):
            return
        try:
            await self._open()
            await self._redis.set(
                PREFIX + name, self._mark(name, content) + content, expire=min(seconds, LONGEST_SECONDS)
            )
        except _FAILURES as error:
            self._rest(error)

    async def close(self) -> None:
        if self._redis.is_init:
            await self._redis.close()  # type: ignore[no-untyped-call]

    async def _open(self) -> None:
        if not self._redis.is_init:
            await self._redis.init()  # type: ignore[no-untyped-call]

    def _mark(self, name: str, content: bytes) -> bytes:
        marked = hashlib.blake2b(name.encode(), key=self._secret, digest_size=_MARK_BYTES)
        marked.update(content)
        return marked.digest()

    def _allows(self, size: int) -> bool:
        now = self._now()
        earned = (now - self._counted_at) * ALLOWANCE / LONGEST_SECONDS
        self._left, self._counted_at = min(self._left + earned, ALLOWANCE), now
        if size > self._left:
            return False
        self._left -= size
        return True

    def _rest(self, error: Exception) -> None:
        self._rests_until = self._now() + REST_SECONDS
        log.warning("redis keeps no answers for now", error=type(error).__name__)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
