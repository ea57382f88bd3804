"""What measurements of the executor stand on: real PostgreSQL and Redis, the simulated venue in a process of
its own, funded accounts with sealed keys, and the worker's own handlers."""

import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import httpx2
import redis as sync_redis
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine
from tests.conftest import TestServer
from tests.portfolio.people import add_connection, add_user

import holdfast.app.metadata  # noqa: F401  (registers every table)
from holdfast.accounts.models import Connection
from holdfast.accounts.vault import Vault, VenueCredentials, ensure_key_pair
from holdfast.core.instruments import InstrumentKind
from holdfast.execution import service, tasks
from holdfast.execution.schemas import NewExecution
from holdfast.indices.board import IndexBoard
from holdfast.indices.tasks import poll_market_caps
from holdfast.market.instruments import InstrumentBook
from holdfast.market.quotes import LiveQuote, QuoteBoard
from holdfast.market.tasks import public_venue, refresh_instruments
from holdfast.platform import embedded
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Base, Database, asyncpg_url
from holdfast.platform.jobs import Lease
from holdfast.platform.processes import unprivileged_account
from holdfast.platform.redis_client import open_redis
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import RetryAt, RunAgainIn, Work
from holdfast.portfolio.models import Plan
from holdfast.portfolio.previews import World, make_preview
from holdfast.portfolio.schemas import PlanView, PreviewOpen

READY_SECONDS = 60
FUNDS = "1000000"


@dataclass
class Trips:
    """Journeys to PostgreSQL. Each statement is one, so is each begin, commit or rollback, and each look
    whether a pooled connection is still alive."""

    statements: int = 0
    others: int = 0

    @property
    def all(self) -> int:
        return self.statements + self.others


@contextmanager
def counted(database: Database) -> Iterator[Trips]:
    """Count the journeys made inside."""
    trips, engine = Trips(), database.engine.sync_engine

    def statement(*_: Any) -> None:
        trips.statements += 1

    def other(*_: Any) -> None:
        trips.others += 1

    listeners = [
        ("before_cursor_execute", statement),
        ("begin", other),
        ("commit", other),
        ("rollback", other),
    ]
    for name, listener in listeners:
        event.listen(engine, name, listener)
    event.listen(engine.pool, "checkout", other)
    try:
        yield trips
    finally:
        for name, listener in listeners:
            event.remove(engine, name, listener)
        event.remove(engine.pool, "checkout", other)


@dataclass
class Account:
    """One user with one funded account."""

    user_id: UUID
    connection_id: UUID
    api_key: str
    api_secret: str
    uid: str
    fence: int = 0


@dataclass
class House:
    """The installation, in this process."""

    work: Work
    world: World
    quotes: QuoteBoard
    accounts: list[Account] = field(default_factory=list)

    async def read_prices(self) -> None:
        """What the feed does all the time."""
        now = self.work.clock.now()
        for q in await self.world.venue.quotes(InstrumentKind.LINEAR):
            moved = (q.bid, q.ask, q.last, q.mark, q.index, q.last, q.turnover_24h, q.funding_rate, now)
            self.quotes.put(LiveQuote(q.symbol, *moved))

    async def add_account(self) -> Account:
        settings = self.work.settings
        wanted = {"balances": {"USDT": FUNDS}, "ips": ["127.0.0.1"]}
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"{settings.sim_url}/_sim/accounts", json=wanted) as answer,
        ):
            opened = await answer.json()
        key = VenueCredentials(opened["api_key"], opened["api_secret"])
        async with self.work.database.transaction() as session:
            user_id = await add_user(session)
            connection_id = await add_connection(session, user_id)
            connection = await session.get_one(Connection, connection_id)
            vault = Vault.from_directory(settings.secrets_dir)
            connection.sealed = vault.seal(key, connection_id=connection_id, user_id=user_id)
        account = Account(user_id, connection_id, key.api_key, key.api_secret, opened["uid"])
        lease = Lease(1, "execution.reconcile", str(connection_id), 1, 1, self.work.clock.now())
        with suppress(RunAgainIn):
            await tasks.reconcile(replace(self.work, lease=lease))
        self.accounts.append(account)
        return account

    async def confirm(self, account: Account, *, baskets: int = 1, size: str = "5000") -> UUID:
        """Confirm the preview of Bitcoin dominance, its legs ``baskets`` times over, under one execution."""
        await self.read_prices()
        wanted = PreviewOpen.model_validate(
            {"connection_id": account.connection_id, "index_id": "btc-d", "direction": "long", "size": size}
        )
        now, database = self.work.clock.now(), self.work.database
        shown = await make_preview(
            database, account.user_id, wanted, world=self.world, settings=self.work.settings, now=now
        )
        async with database.transaction() as session:
            plan = await session.get_one(Plan, shown.id)
            larger = PlanView.model_validate(plan.body)
            larger = larger.model_copy(update={"legs": larger.legs * baskets})
            plan.body = larger.model_dump(mode="json")
        async with database.transaction() as session:
            started = await service.start(
                session,
                account.user_id,
                NewExecution(plan_id=shown.id, digest=shown.digest),
                settings=self.work.settings,
                quote_of=self.quotes.get,
                now=self.work.clock.now(),
            )
        return started.id

    async def run(self, account: Account, execution_id: UUID) -> None:
        """The worker's part, until the execution has ended."""
        while True:
            account.fence += 1
            lease = Lease(1, "execution.run", str(execution_id), account.fence, 1, self.work.clock.now())
            try:
                return await tasks.run_execution(replace(self.work, lease=lease))
            except RetryAt:
                continue


@contextmanager
def simulator(seed: int = 7) -> Iterator[int]:
    """The simulated venue in a process of its own; yields its port."""
    port = embedded.free_port()
    command = [sys.executable, "-m", "holdfast.app.cli.main", "sim", "--port", str(port), "--seed", str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the simulator did not start")
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/v5/market/time", timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False


@contextmanager
def servers() -> Iterator[tuple[str, str]]:
    """PostgreSQL with every table, which honours fsync, and Redis; yields their addresses."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        place = embedded.choose_place(Path(home), unprivileged_account())
        postgres = TestServer(embedded.Postgres(place, token_hex(16), durable=True))
        cache = TestServer(embedded.Redis(place, token_hex(16), durable=False))
        try:
            pg_isready = postgres.server.binaries.directory / "pg_isready"
            asked = [str(pg_isready), "-q", "-h", "127.0.0.1", "-p", str(postgres.port)]
            embedded.wait_until(
                lambda: subprocess.run(asked, check=False).returncode == 0, postgres.process, "PostgreSQL"
            )
            url = cache.server.url(cache.port)
            embedded.wait_until(lambda: _pings(url), cache.process, "Redis")
            yield postgres.server.url(postgres.port, "postgres"), url
        finally:
            cache.stop()
            postgres.stop()


def _pings(url: str) -> bool:
    client = sync_redis.Redis.from_url(url)
    try:
        return bool(client.ping())
    except sync_redis.RedisError:
        return False
    finally:
        client.close()


@asynccontextmanager
async def database_at(url: str) -> AsyncIterator[Database]:
    engine = create_async_engine(asyncpg_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()
    database = Database(url, pool_size=20)
    yield database
    await database.close()


@asynccontextmanager
async def house(database_url: str, redis_url: str, sim_port: int, home: Path) -> AsyncIterator[House]:
    """Everything a running installation has after its first poll, and no user yet."""
    clock = SystemClock()
    settings = Settings(
        database_url=database_url,
        redis_url=redis_url,
        sim_port=sim_port,
        home=home,
        limit_orders_per_minute=100_000,
        stale_price_seconds=3600,
    )
    ensure_key_pair(settings.secrets_dir)
    redis = open_redis(redis_url)
    async with database_at(database_url) as database:
        work = Work(Lease(1, "", "", 1, 1, clock.now()), database, redis, settings, clock, {})
        for handler in (refresh_instruments, poll_market_caps):
            with suppress(RunAgainIn):
                await handler(work)
        quotes, instruments, venue = QuoteBoard(), InstrumentBook(), public_venue(work)
        board = IndexBoard(quotes, instruments)
        async with database.transaction() as session:
            await board.refresh(session, clock.now())
        yield House(work, World(board, instruments, venue), quotes)
        for made in work.services.values():
            if hasattr(made, "close"):
                await made.close()
        await venue.close()  # type: ignore[attr-defined]
        await redis.aclose()


def new_home() -> Path:
    return Path(tempfile.mkdtemp(prefix=f"holdfast-bench-{uuid4().hex[:6]}-"))


def row(what: str, measured: str, beside: str = "") -> None:
    """One line of the table."""
    print(f"{what:<58}{measured:>16}   {beside}".rstrip(), flush=True)
