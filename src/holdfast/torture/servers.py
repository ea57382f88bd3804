"""The throw-away PostgreSQL of a torture: made for it, gone with it, never the user's own."""

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Final

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

import holdfast.app.metadata  # noqa: F401  (registers every table)
from holdfast.platform import embedded
from holdfast.platform.database import Base, asyncpg_url
from holdfast.platform.processes import Program, start, stop, unprivileged_account
from holdfast.torture.loop import VirtualLoop
from holdfast.torture.postgres import Server, TortureDatabase

SETTINGS: Final = {
    "deadlock_timeout": "'2ms'",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "idle_in_transaction_session_timeout": "0",
    "statement_timeout": "0",
}


@contextmanager
def throw_away_postgres(databases: int = 1) -> Iterator[list[str]]:
    """The addresses of databases with every table and no rows, in a server that ends with this block.

    Raises:
        CannotRun: there is no PostgreSQL on this machine.
    """
    home = Path(tempfile.mkdtemp(prefix="holdfast-torture-"))
    home.chmod(0o755)
    try:
        server = embedded.Postgres(
            embedded.choose_place(home, unprivileged_account()), token_hex(16), durable=False
        )
        server.prepare()
        port = embedded.free_port()
        program = _near(server.program(port), server.data)
        with (home / "postgres.log").open("wb") as log:
            process = start(program, output=log)
            try:
                embedded.wait_until(lambda: _answers(server, port), process, "PostgreSQL")
                names = [f"{embedded.DATABASE}_{number}" for number in range(databases)]
                asyncio.run(_create(server, port, names))
                place = f"?host={server.data}&port={port}"
                yield [server.url(port, name).replace(f"127.0.0.1:{port}", "") + place for name in names]
            finally:
                stop(process, program)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def opened(url: str) -> Iterator[TortureDatabase]:
    """The database of a run, on real connections that are closed at the end."""
    server = Server(url)
    try:
        database = TortureDatabase(server)
        loop = VirtualLoop()
        loop.run_until_complete(_greet(database))
        loop.close()
        yield database
    finally:
        server.close()


async def _greet(database: TortureDatabase) -> None:
    """What a first connection asks once is not to be part of whichever run comes first."""
    async with database.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


def _near(program: Program, directory: Path) -> Program:
    """Reached over a socket in the file system, which costs less than the loopback device."""
    settings = {"unix_socket_directories": str(directory), "wal_level": "minimal", "max_wal_senders": "0"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return replace(program, argv=[*program.argv, *options])


def _answers(server: embedded.Postgres, port: int) -> bool:
    pg_isready = server.binaries.directory / "pg_isready"
    return subprocess.run([pg_isready, "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode == 0


async def _create(server: embedded.Postgres, port: int, names: list[str]) -> None:
    admin = await asyncpg.connect(server.url(port, "postgres"))
    first = names[0]
    await admin.execute(f"CREATE DATABASE {first}")
    engine = create_async_engine(asyncpg_url(server.url(port, first)))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()
    for name in names[1:]:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {first}")
    for name in names:
        for setting, value in SETTINGS.items():
            await admin.execute(f"ALTER DATABASE {name} SET {setting} = {value}")
    await admin.close()
