"""Signed-in pages on which nothing happens: what they cost the hub, and how soon one of them is told a stop.

The server is the process ``holdfast hub`` with PostgreSQL behind it. Every page listens to what pages of the
application listen to; every user is another one. Stops are put into the database by hand: once with word to
the stream, as the application does it, and once without, as if Redis had lost it.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import text

from bench._house import database_at, new_home, row, servers
from bench.fanout import AT_ONCE, PATIENCE, Listener, cpu, server
from holdfast.accounts.models import SignIn, User
from holdfast.accounts.tokens import Tokens, ensure_signing_key
from holdfast.accounts.vault import ensure_key_pair
from holdfast.execution.risk.models import Stop
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.pubsub import tell_changed
from holdfast.platform.redis_client import open_redis
from holdfast.platform.settings import Settings

PAGES: Final = int(os.environ.get("IDLE_PAGES", "1000"))
SECONDS: Final = float(os.environ.get("IDLE_SECONDS", "60"))
STOPS: Final = 20
TOPICS: Final = ("incidents", "alerts", "stops", "positions", "connections", "strategies", "orders")
CLOCK: Final = SystemClock()
_ENDED: Final = (
    "SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database WHERE datname = current_database()"
)


class Page(Listener):
    """One user's page. It notes when it was told each of its topics last."""

    def __init__(self, token: str) -> None:
        super().__init__(probe=True)
        self._token = token
        self.told: dict[str, float] = {}

    def begin(self) -> None:
        self.say({"op": "auth", "token": self._token})
        self.say({"op": "subscribe", "topics": TOPICS})

    def _hear(self, text: bytes, size: int) -> None:
        super()._hear(text, size)
        if text.startswith(b'{"topic":"'):
            self.told[text[10:].partition(b'"')[0].decode()] = time.monotonic()


def hub(settings: Settings) -> AbstractContextManager[tuple[int, int]]:
    """The process; yields its id and its port."""
    return server(
        "people",
        settings.redis_url,
        DATABASE_URL=settings.database_url,
        REDIS_URL=settings.redis_url,
        HOLDFAST_HOME=str(settings.home),
    )


async def people(database: Database, settings: Settings) -> dict[UUID, str]:
    """So many users, each with a token."""
    ensure_key_pair(settings.secrets_dir)
    tokens = Tokens(ensure_signing_key(settings.secrets_dir), access_lifetime=timedelta(hours=1))
    now, signed_in = CLOCK.now(), {uuid4(): uuid4() for _ in range(PAGES)}
    async with database.transaction() as session:
        session.add_all(User(id=one, is_demo=True, created_at=now) for one in signed_in)
        await session.flush()
        session.add_all(
            SignIn(id=sign_in, user_id=one, user_agent="", ip="", created_at=now, last_used_at=now)
            for one, sign_in in signed_in.items()
        )
    return {one: tokens.issue_access(one, sign_in, now=now) for one, sign_in in signed_in.items()}


async def opened(port: int, tokens: dict[UUID, str]) -> dict[UUID, Page]:
    """A page of each user, which has been told all of its topics."""
    gate, loop = asyncio.Semaphore(AT_ONCE), asyncio.get_running_loop()

    async def one(user_id: UUID, token: str) -> tuple[UUID, Page]:
        async with gate, asyncio.timeout(PATIENCE):
            while True:
                with suppress(OSError):
                    _, page = await loop.create_connection(lambda: Page(token), "127.0.0.1", port)
                    while set(page.told) != set(TOPICS):  # noqa: ASYNC110 - a look now and then will do
                        await asyncio.sleep(0.05)
                    return user_id, page
                await asyncio.sleep(0.2)

    return dict(await asyncio.gather(*(one(*each) for each in tokens.items())))


@asynccontextmanager
async def transactions(database: Database, found: list[float]) -> AsyncIterator[None]:
    """How many PostgreSQL ends meanwhile, a second."""

    async def count() -> int:
        async with database.transaction() as session:
            return int(await session.scalar(text(_ENDED)) or 0)

    began, before = time.monotonic(), await count()
    yield
    found.append((await count() - before) / (time.monotonic() - began))


async def shown(
    settings: Settings, database: Database, pages: dict[UUID, Page], *, word: bool
) -> list[float]:
    """Seconds until a page shows a stop."""
    redis, waits = open_redis(settings.redis_url), []
    for user_id in list(pages)[:: PAGES // STOPS]:
        began, page = time.monotonic(), pages[user_id]
        stop = Stop(
            id=uuid4(), scope="user", user_id=user_id, reason="", by="you", since=CLOCK.now(), origin=""
        )
        async with database.transaction() as session:
            stop.lifted_by = ""
            stop.origin = str(stop.id)
            session.add(stop)
        if word:
            await tell_changed(redis, user_id, "stops")
        async with asyncio.timeout(PATIENCE):
            while page.told["stops"] < began:  # noqa: ASYNC110 - a look now and then will do
                await asyncio.sleep(0.002)
        waits.append(page.told["stops"] - began)
    await redis.aclose()
    return sorted(waits)


async def measured(database_url: str, redis_url: str, home: Path) -> None:
    settings = Settings(database_url=database_url, redis_url=redis_url, home=home)
    async with database_at(database_url) as database:
        tokens = await people(database, settings)
        with hub(settings) as (pid, port):
            pages = await opened(port, tokens)
            found: list[float] = []
            began, before = time.monotonic(), cpu(pid)
            async with transactions(database, found):
                await asyncio.sleep(SECONDS)
            share = (cpu(pid) - before) / (time.monotonic() - began)
            with_word = await shown(settings, database, pages, word=True)
            without = await shown(settings, database, pages, word=False)
            for page in pages.values():
                page.close()
    what = f"{PAGES:,} signed-in idle pages"
    row(f"{what}: share of one core", f"{share:.3f}", f"{len(TOPICS)} topics each")
    row(f"{what}: transactions a second", f"{found[0]:.1f}", "of PostgreSQL, this measurement's included")
    row(f"{what}: a stop is told after", f"{with_word[-1] * 1e3:.0f} ms", f"the slowest of {len(with_word)}")
    row(f"{what}: without word in Redis", f"{without[-1] * 1e3:.0f} ms", f"the slowest of {len(without)}")


def main() -> None:
    with servers() as (database_url, redis_url):
        asyncio.run(measured(database_url, redis_url, new_home()))
