"""Real PostgreSQL and Valkey for every test that asks, and an empty database for each test."""

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex

import asyncpg
import httpx2
import pytest
import redis as sync_redis
from fastapi import FastAPI
from hypothesis import settings as hypothesis_settings
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import create_async_engine

import holdfast.app.metadata  # noqa: F401  (registers every table)
from holdfast.app import crew
from holdfast.platform import embedded
from holdfast.platform.database import Base, Database, asyncpg_url
from holdfast.platform.processes import start, stop, unprivileged_account
from holdfast.platform.settings import Settings
from holdfast.scripts.sandbox import Sandbox

HERE = Path(__file__).parent

EARLY = ("e2e", "torture", "crash", "app", "execution")
"""Folders whose files take long. Begun first they leave short ones for the end, so that no process works
alone for minutes."""

REAL = (
    "e2e/", "crash/", "app/test_up.py", "app/test_worker.py", "app/test_hub.py", "app/test_streaming.py",
    "app/test_hostile.py", "app/test_impatience.py", "app/test_live_candles.py",
)  # fmt: skip
"""Tests that wait for real processes, browsers and sockets, which a busy machine may hold up for longer than
any patience. One that fails is run once more, and counted as rerun; one that fails twice has failed. All
others have one try."""


# On a busy machine any example may take long.
hypothesis_settings.register_profile("patient", parent=hypothesis_settings.default, deadline=None)
hypothesis_settings.load_profile("patient")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each process whole files, longest folders first; what shares one running installation goes to one
    process."""
    items.sort(key=_turn)
    for item in items:
        shares = "installation" in item.fixturenames  # type: ignore[attr-defined]
        path = item.path.relative_to(HERE).as_posix()
        item.add_marker(pytest.mark.xdist_group("installation" if shares else path))
        if path.startswith(REAL):
            item.add_marker(pytest.mark.flaky(reruns=1))


def _turn(item: pytest.Item) -> int:
    folder = item.path.relative_to(HERE).parts[0]
    return EARLY.index(folder) if folder in EARLY else len(EARLY)


class TestServer:
    """One embedded server that lives as long as this test run, and dies with it."""

    __test__ = False

    def __init__(self, server: embedded.Postgres | embedded.Redis) -> None:
        server.prepare()
        self.server = server
        self.port = embedded.free_port()
        self.program = server.program(self.port)
        self._log = (server.place.home / f"{self.program.name}.log").open("wb")
        self.process = start(self.program, output=self._log)

    def stop(self) -> None:
        stop(self.process, self.program)
        self._log.close()


@pytest.fixture(scope="session")
def server_place() -> Iterator[embedded.Place]:
    """Outside pytest's own temporary directory, which the servers' unprivileged account may not enter."""
    home = Path(tempfile.mkdtemp(prefix="holdfast-test-"))
    home.chmod(0o755)
    yield embedded.choose_place(home, unprivileged_account())
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(server_place: embedded.Place) -> Iterator[TestServer]:
    running = TestServer(embedded.Postgres(server_place, token_hex(16), durable=False))

    def ready() -> bool:
        pg_isready = running.server.binaries.directory / "pg_isready"
        done = subprocess.run([pg_isready, "-q", "-h", "127.0.0.1", "-p", str(running.port)], check=False)
        return done.returncode == 0

    embedded.wait_until(ready, running.process, "PostgreSQL")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def redis_server(server_place: embedded.Place) -> Iterator[TestServer]:
    running = TestServer(embedded.Redis(server_place, token_hex(16), durable=False))
    client = sync_redis.Redis.from_url(running.server.url(running.port))

    def ready() -> bool:
        try:
            return bool(client.ping())
        except sync_redis.RedisError:
            return False

    embedded.wait_until(ready, running.process, "Redis")
    client.close()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def tables_url(postgres_server: TestServer) -> str:
    """The address of a database with every table, which the tests of this process use one after the other."""
    url = postgres_server.server.url(postgres_server.port, "test_holdfast")
    asyncio.run(_create_tables(postgres_server, url))
    return url


async def _create_tables(running: TestServer, url: str) -> None:
    await _administer(running.server.url(running.port, "postgres"), "CREATE DATABASE test_holdfast")
    engine = create_async_engine(asyncpg_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


async def _administer(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


END_CONNECTIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

EMPTY_TABLES = f"""
SET session_replication_role = replica; -- no foreign key minds the order
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    IF name IN ({", ".join(f"'{name}'" for name in Base.metadata.tables)}) THEN
      EXECUTE format('DELETE FROM %I', name);
    ELSE
      EXECUTE format('DROP TABLE %I', name);
    END IF;
  END LOOP;
  PERFORM setval(format('%I', sequencename)::regclass, 1, false)
  FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $$
"""


@pytest.fixture
async def database_url(tables_url: str) -> str:
    """The address of a database with every table and no rows. Emptying costs a fraction of creating."""
    await _administer(tables_url, END_CONNECTIONS, EMPTY_TABLES)
    return tables_url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, pool_size=5)
    yield opened
    await opened.close()


@pytest.fixture
def redis_url(redis_server: TestServer) -> Iterator[str]:
    """The address of an empty Redis."""
    url = redis_server.server.url(redis_server.port)
    client = sync_redis.Redis.from_url(url)
    client.flushall()
    yield url
    client.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def sandbox_address() -> Iterator[str]:
    """Where a real sandbox listens, in a process of its own as ``holdfast up`` starts it."""
    home = Path(tempfile.mkdtemp(prefix="holdfast-sandbox-"))
    member = next(one for one in crew.processes(Settings(home=home)) if one.name == "sandbox")
    (home / "run").mkdir()
    with (home / "log").open("wb") as log:
        process = start(member.program, output=log)
    embedded.wait_until(member.ready, process, "the sandbox")
    yield str(home / "run" / "sandbox.sock")
    stop(process, member.program)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
async def sandbox(sandbox_address: str) -> Sandbox:
    """Runs scripts in a real jail. Skips where this machine has none."""
    found = Sandbox(sandbox_address)
    status = await found.status()
    if status.tier == "none":
        pytest.skip(f"scripts cannot be locked up on this machine: {status.why}")
    return found


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """Demo mode on the test servers; secrets and everything else below the test's own directory."""
    return Settings(
        database_url=database_url, redis_url=redis_url, home=tmp_path / "var", web_dist=tmp_path / "web"
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The whole API, started."""
    from holdfast.app.api import create_app

    created = create_app(settings)
    async with created.router.lifespan_context(created):
        yield created


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A stranger at the API's door."""
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://holdfast.test") as opened:
        yield opened
