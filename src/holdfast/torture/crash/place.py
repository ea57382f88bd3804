"""Real servers for crash runs, in a directory of their own: PostgreSQL, Redis and the simulated venue."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Final

import asyncpg
import redis

from holdfast.accounts.vault import ensure_key_pair
from holdfast.app import migrate
from holdfast.platform import embedded
from holdfast.platform.processes import Program, start, stop, unprivileged_account
from holdfast.platform.settings import Settings

CLI: Final = (sys.executable, "-m", "holdfast.app.cli.main")


class Server:
    """One child process that is killed, restarted and stopped by name."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self._log = log
        self.process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as output:
            return start(self.program, output=output)

    def restart(self) -> None:
        self.process = self._spawn()

    def stop(self) -> None:
        stop(self.process, self.program)


@dataclass
class Place:
    """Running servers. ``settings`` is what every process of this installation gets."""

    home: Path
    settings: Settings
    servers: dict[str, Server]
    postgres: embedded.Postgres
    redis: embedded.Redis

    @property
    def log(self) -> Path:
        return self.home / "work.log"

    @property
    def logged(self) -> int:
        """How many bytes are in the log so far."""
        return self.log.stat().st_size if self.log.exists() else 0


@contextmanager
def open_place(*, durable: bool = False, seed: int = 7) -> Iterator[Place]:
    """Start the servers, make the tables and the vault's keys; afterwards nothing of it is left.

    Without ``durable`` nothing is forced to the disk: a commit outlives its server, not its machine.
    """
    home = Path(tempfile.mkdtemp(prefix="holdfast-crash-"))
    home.chmod(0o755)
    servers: dict[str, Server] = {}
    try:
        yield _start(home, servers, durable=durable, seed=seed)
    finally:
        for server in reversed(servers.values()):
            server.stop()
        shutil.rmtree(home, ignore_errors=True)


def _start(home: Path, servers: dict[str, Server], *, durable: bool, seed: int) -> Place:
    spot = embedded.choose_place(home, unprivileged_account())
    postgres = embedded.Postgres(spot, token_hex(16), durable=durable)
    valkey = embedded.Redis(spot, token_hex(16), durable=durable)
    postgres.prepare()
    valkey.prepare()
    ports = _free_ports(3)
    settings = Settings(
        home=home,
        sim_port=ports[2],
        database_url=postgres.url(ports[0]),
        redis_url=valkey.url(ports[1]),
        log_level="WARNING",
    )
    world = Program("sim", [*CLI, "sim", "--port", str(ports[2]), "--seed", str(seed)], _environment(home))
    for program in (postgres.program(ports[0]), valkey.program(ports[1]), world):
        servers[program.name] = Server(program, home / f"{program.name}.log")
    place = Place(home, settings, servers, postgres, valkey)
    wait_for_postgres(place)
    _create_database(settings.database_url)
    migrate.run(settings.database_url)
    wait_for_redis(place)
    _wait(place, "sim", lambda: _answers(f"{settings.sim_url}/v5/market/time"))
    settings.secrets_dir.mkdir(mode=0o700)
    ensure_key_pair(settings.secrets_dir)
    return place


def wait_for_postgres(place: Place) -> None:
    server = place.postgres.binaries.directory / "pg_isready"
    port = place.settings.database_url.rpartition(":")[2].partition("/")[0]

    def ready() -> bool:
        done = subprocess.run([str(server), "-q", "-h", "127.0.0.1", "-p", port], check=False)
        return done.returncode == 0

    _wait(place, "postgres", ready)


def wait_for_redis(place: Place) -> None:
    def ready() -> bool:
        try:
            with redis.Redis.from_url(place.settings.redis_url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    _wait(place, "redis", ready)


def _wait(place: Place, name: str, ready: Callable[[], bool]) -> None:
    embedded.wait_until(ready, place.servers[name].process, name)


def _create_database(url: str) -> None:
    async def create() -> None:
        base, _, name = url.rpartition("/")
        connection = await asyncpg.connect(f"{base}/postgres")
        try:
            await connection.execute(f"CREATE DATABASE {name}")
            await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")
        finally:
            await connection.close()

    asyncio.run(create())


def _free_ports(count: int) -> list[int]:
    ports: list[int] = []
    while len(ports) < count:
        port = embedded.free_port()
        if port not in ports:
            ports.append(port)
    return ports


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "HOLDFAST_HOME": str(home), "PYTHONUNBUFFERED": "1"}


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
