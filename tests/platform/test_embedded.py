"""The embedded servers are real, private, survive a restart, and die with whoever started them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from holdfast.platform import embedded
from holdfast.platform.processes import CannotRun, can_enter, start, stop, unprivileged_account
from holdfast.platform.settings import Origin


async def test_a_fresh_database_has_every_table(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    tables = {row["tablename"] for row in await connection.fetch("SELECT tablename FROM pg_tables")}
    await connection.close()
    assert {"jobs", "idempotency_keys", "users", "connections", "orders", "fills"} <= tables


async def test_redis_wants_the_password(redis_url: str) -> None:
    port = redis_url.rsplit(":", 1)[1]
    stranger = Redis.from_url(f"redis://127.0.0.1:{port}")
    with pytest.raises(AuthenticationError):
        await stranger.ping()
    await stranger.aclose()


async def test_postgres_wants_the_password(database_url: str) -> None:
    port = database_url.rsplit(":", 1)[1].split("/")[0]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://holdfast:wrong@127.0.0.1:{port}/postgres")


@pytest.mark.parametrize("origin", [Origin.WHEEL])
async def test_rows_survive_a_restart(server_place: embedded.Place, origin: Origin, tmp_path: Path) -> None:
    place = embedded.Place(server_place.home / "restart", server_place.account)
    place.home.mkdir()
    server = embedded.Postgres(place, "p@ss/word", origin=origin)
    server.prepare()
    assert server.data.stat().st_mode & 0o777 == 0o700
    for turn in range(2):
        port = embedded.free_port()
        program = server.program(port)
        process = start(program, output=subprocess.DEVNULL)
        connection = await _connect(server.url(port, "postgres"))
        if turn == 0:
            await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
        assert await connection.fetchval("SELECT n FROM kept") == 7
        await connection.close()
        stop(process, program)
        assert process.returncode == 0


async def _connect(url: str) -> asyncpg.Connection:
    deadline = time.monotonic() + 30
    while True:
        try:
            return await asyncpg.connect(url)
        except (OSError, asyncpg.CannotConnectNowError):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


def test_data_of_another_version_is_refused_not_lost(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(CannotRun, match="PostgreSQL 9 was not found"):
        embedded.Postgres(embedded.Place(tmp_path, None), "x")
    assert (data / "PG_VERSION").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes accounts")
def test_a_closed_home_is_neither_opened_nor_used(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    account = unprivileged_account()
    assert account is not None
    assert not can_enter(closed, account)
    place = embedded.choose_place(closed / "var", account)
    try:
        assert place.home.is_relative_to("/var/lib/holdfast")
        assert can_enter(place.home, account)
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        place.home.rmdir()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_a_server_dies_with_a_killed_parent() -> None:
    script = (
        "import sys, time, subprocess\n"
        "from holdfast.platform.processes import Program, start\n"
        "child = start(Program('sleep', ['/bin/sleep', '60']), output=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)
