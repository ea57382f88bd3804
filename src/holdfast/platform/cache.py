"""Answers that cost something to make, kept in memory and in Redis until what they are made of changes.

What an answer is made of has names: its tags. Whoever writes such a thing ``touch``es its tag in the same
transaction, which gives the tag a new stamp. An answer is kept under the stamps its tags had before it was
begun; whoever asks reads the stamps first. So what was made before a write is never found after it, by any
process, whatever becomes of Redis: it only ever holds answers, never what is true. All who ask at the same
time share one reading of the stamps and one making.

The stores are those of cashews; why its own tags, locks and client-side tracking are not used stands in
docs/caching.md.
"""

import asyncio
import hashlib
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

import asyncpg
import structlog
from cashews.backends.memory import Memory
from fastapi import Depends
from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection

from holdfast.platform.cache_redis import RedisShelf
from holdfast.platform.database import Database
from holdfast.platform.models import CacheTag

log = structlog.get_logger(__name__)

ENTRIES: Final = 256
LARGEST: Final = 256 * 1024
"""Bytes. Larger answers are shared while they are made, and not kept."""
JITTER: Final = 0.1
_PATIENCE: Final = 3.0
_SWEEP_SECONDS: Final = 30

_ABSENT: Final = ""
"""The tag whose stamp all tags have that have none of their own. It is never removed."""
_READ_STAMPS: Final = "SELECT tag, stamp FROM cache_tags WHERE tag = ANY($1)"
_UNREADABLE: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection that the server ended a moment ago
    OSError,
    TimeoutError,
)

Part = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Key:
    """What was asked: ``what`` names the kind, by which hits are counted. ``owner``: the only user who may
    see the answer; an answer about a user's own things without it is a leak."""

    what: str
    parts: tuple[Part, ...]
    owner: UUID | None = None


class Made(NamedTuple):
    """What a maker brings. Without ``keep`` it is only for those who asked meanwhile."""

    content: bytes
    keep: bool = True


class Answer(NamedTuple):
    """``mark`` is the fingerprint of the content, as an ETag wants it."""

    content: bytes
    mark: str
    kept: bool


Maker = Callable[[], Awaitable[Made]]
"""Makes the answer. It outlives the request that began it when others wait for it, too: it opens its own
transactions."""


@dataclass(slots=True)
class Counts:
    """Answers found in memory, found in Redis, made, and waited for while somebody else made them."""

    memory: int = 0
    redis: int = 0
    made: int = 0
    shared: int = 0


async def touch(session: AsyncSession, *tags: str) -> None:
    """What these tags stand for changes with this transaction. Others who touch them wait for its end: so do
    it late, and after taking the locks on what is written."""
    if not tags:
        return
    statement = insert(CacheTag).values(
        [{"tag": tag, "stamp": func.gen_random_uuid()} for tag in sorted(set(tags))]
    )
    await session.execute(
        statement.on_conflict_do_update(index_elements=["tag"], set_={"stamp": statement.excluded.stamp})
    )


async def forget(session: AsyncSession, *tags: str) -> None:
    """What these tags stand for is no more: their stamps are removed with this transaction, as late in it as
    others are touched.

    No answer kept before becomes valid again by it. A removed stamp was drawn at random and will not be drawn
    a second time, so what is kept under it stays out of reach. What does come back is having none; so that,
    too, has a stamp, the one of ``_ABSENT``, and every removal renews it in the same transaction. What was
    kept while the tag had none before is therefore under an older stamp than any that absence has from now
    on. This rests on no clock, on no order in which things finish, and not on the thing being gone: a stamp
    that somebody still needs may be removed, and costs one more making.
    """
    await session.execute(delete(CacheTag).where(CacheTag.tag.in_(tags)))
    await touch(session, _ABSENT)


class Cache:
    """One per API process. ``version`` of the program: answers of another one are not understood. ``jitter``
    draws from [0, 1): what was kept together does not end together."""

    def __init__(
        self,
        database: Database,
        shelf: RedisShelf | None,
        *,
        version: str = "",
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._stamps = _Stamps(database.listen_url)
        self._memory = Memory(size=ENTRIES, check_interval=_SWEEP_SECONDS)
        self._shelf = shelf
        self._version = version
        self._jitter = jitter
        self._making: dict[str, asyncio.Task[Answer]] = {}
        self.counts: defaultdict[str, Counts] = defaultdict(Counts)

    @property
    def without_redis(self) -> bool:
        return self._shelf is None or self._shelf.rests

    async def get(self, key: Key, make: Maker, *, seconds: float, tags: tuple[str, ...] = ()) -> Answer:
        """The answer to ``key``: found, or made once for all who ask meanwhile, and kept for ``seconds`` at
        most, and until one of the tags is touched. Raises what ``make`` raises, which is never kept."""
        counts = self.counts[key.what]
        try:
            stamps = await self._stamps.of(tags)
        except _UNREADABLE as error:
            log.warning(
                "what is kept cannot be trusted: its stamps are unreadable", error=type(error).__name__
            )
            counts.made += 1
            return _answer(await make(), kept=False)
        name = _name(self._version, key, stamps)
        found: Answer | None = await self._memory.get(name)
        if found is not None:
            counts.memory += 1
            return found
        task = self._making.get(name)
        if task is None:
            task = asyncio.create_task(self._bring(name, make, seconds, counts))
            self._making[name] = task
            task.add_done_callback(lambda done: self._made(name, done))
        else:
            counts.shared += 1
        return await asyncio.shield(task)

    async def open(self) -> None:
        """Begin to sweep out what has expired; without it that happens when it is asked for."""
        await self._memory.init()

    async def close(self) -> None:
        await self._memory.close()
        await self._stamps.close()
        if self._shelf:
            await self._shelf.close()

    async def _bring(self, name: str, make: Maker, seconds: float, counts: Counts) -> Answer:
        lasting = seconds * (1 - JITTER * self._jitter())
        if self._shelf and (put := await self._shelf.get(name)):
            counts.redis += 1
            answer = _answer(Made(put.content), kept=True)
            await self._memory.set(name, answer, expire=min(lasting, put.seconds_left))
            return answer
        counts.made += 1
        made = await make()
        if not made.keep or len(made.content) > LARGEST:
            return _answer(made, kept=False)
        answer = _answer(made, kept=True)
        await self._memory.set(name, answer, expire=lasting)
        if self._shelf:
            await self._shelf.put(name, made.content, lasting)
        return answer

    def _made(self, name: str, task: asyncio.Task[Answer]) -> None:
        self._making.pop(name, None)
        _heed(task)


class _Stamps:
    """Reads the stamps of tags: one statement at a time, for all who asked before it began, on a connection
    of its own. A pooled one, looked at, lent and returned, would cost several times as much."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection | None = None
        self._turn = asyncio.Lock()
        self._wanted: set[str] = set()
        self._next: asyncio.Task[dict[str, UUID]] | None = None

    async def of(self, tags: tuple[str, ...]) -> tuple[UUID | None, ...]:
        """As they are now. A tag that has none has that of ``_ABSENT``; ``None`` before anything was removed.

        Raises:
            one of ``_UNREADABLE``: they cannot be read.
        """
        if not tags:
            return ()
        self._wanted.update(tags, (_ABSENT,))
        if self._next is None:
            self._next = asyncio.create_task(self._read())
            self._next.add_done_callback(_heed)
        found = await asyncio.shield(self._next)
        absent = found.get(_ABSENT)
        return tuple(found.get(tag, absent) for tag in tags)

    async def close(self) -> None:
        async with self._turn:
            self._hang_up()

    async def _read(self) -> dict[str, UUID]:
        async with self._turn:
            wanted, self._wanted, self._next = list(self._wanted), set(), None
            if self._connection is not None:
                try:
                    return await self._ask(self._connection, wanted)
                except _UNREADABLE:
                    self._hang_up()  # perhaps PostgreSQL was only started anew since
            self._connection = await asyncpg.connect(self._url, timeout=_PATIENCE)
            try:
                return await self._ask(self._connection, wanted)
            except _UNREADABLE:
                self._hang_up()
                raise

    @staticmethod
    async def _ask(connection: asyncpg.Connection, wanted: list[str]) -> dict[str, UUID]:
        return dict(await connection.fetch(_READ_STAMPS, wanted, timeout=_PATIENCE))

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None


def _heed(task: asyncio.Task[Any]) -> None:
    """Whoever waited has been told of a failure; if nobody did, it is not to be complained about."""
    if not task.cancelled():
        task.exception()


def _answer(made: Made, *, kept: bool) -> Answer:
    return Answer(made.content, hashlib.blake2b(made.content, digest_size=12).hexdigest(), kept)


def _name(version: str, key: Key, stamps: tuple[UUID | None, ...]) -> str:
    told = repr((version, key.what, key.owner, key.parts, stamps))
    return hashlib.blake2b(told.encode(), digest_size=20).hexdigest()


def cache_of(connection: HTTPConnection) -> Cache:
    cache: Cache = connection.app.state.cache
    return cache


CacheDep = Annotated[Cache, Depends(cache_of)]
