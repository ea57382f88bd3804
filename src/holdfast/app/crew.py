"""Every process of one installation: how it is started, in which order, and how one sees that it is ready."""

import asyncio
import os
import socket
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
from redis import Redis
from redis.exceptions import RedisError

from holdfast.platform import embedded
from holdfast.platform.processes import READY_FILE, CannotRun, Program
from holdfast.platform.settings import Settings

_OF_SANDBOX: Final = (
    "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "HOLDFAST_SANDBOX_RUNS",
    "HOLDFAST_LOG_LEVEL", "HOLDFAST_LOG_FORMAT",
)  # fmt: skip
_UNSHARED: Final = ("DATABASE_URL", "REDIS_URL", READY_FILE)


@dataclass(frozen=True, slots=True)
class Member:
    """``ready`` is asked again and again after the start."""

    program: Program
    ready: Callable[[], bool]

    @property
    def name(self) -> str:
        return self.program.name


def ready_file(settings: Settings, name: str) -> Path:
    return settings.home / "run" / f"{name}.ready"


def postgres_member(server: embedded.Postgres, port: int) -> Member:
    def ready() -> bool:
        return asyncio.run(_ensure_database(server, port))

    return Member(server.program(port), ready)


async def _ensure_database(server: embedded.Postgres, port: int) -> bool:
    """Whether PostgreSQL answers; makes our database the first time."""
    try:
        connection = await asyncpg.connect(server.url(port, "postgres"), timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    try:
        exists = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", embedded.DATABASE)
        if not exists:
            await connection.execute(f"CREATE DATABASE {embedded.DATABASE}")
        return True
    finally:
        await connection.close()


def redis_member(server: embedded.Redis, port: int) -> Member:
    def ready() -> bool:
        try:
            with Redis.from_url(server.url(port), socket_timeout=2) as client:
                return bool(client.ping())
        except RedisError:
            return False

    return Member(server.program(port), ready)


def simulator(settings: Settings) -> Member:
    world = ["--port", str(settings.sim_port), "--seed", str(settings.sim_seed)]
    world += ["--state", str(settings.home / "sim")]
    if settings.sim_replay:
        world += ["--replay", str(settings.sim_replay), "--replay-symbol", settings.sim_replay_symbol]
    return Member(
        _ours(settings, "sim", "sim", *world),
        lambda: _answers(f"{settings.sim_url}/v5/market/time"),
    )


def processes(settings: Settings) -> list[Member]:
    """What runs once the tables are there."""
    served = [_serving(settings, "api", settings.port)]
    if settings.hub:
        served.append(_serving(settings, "hub", settings.hub_port))
    return [
        *served,
        _announcing(settings, "worker", "worker", "--queues", "orders"),
        _announcing(settings, "poller", "worker", "--queues", "polling", "--concurrency", "1"),
        _announcing(settings, "history", "worker", "--queues", "history", "--concurrency", "1"),
        _announcing(settings, "backtests", "worker", "--queues", "backtests", "--concurrency", "1"),
        _announcing(settings, "strategies", "worker", "--queues", "strategies", "--concurrency", "1"),
        _announcing(settings, "scheduler", "scheduler"),
        _announcing(settings, "feed", "feed"),
        _announcing(settings, "watch", "watch"),
        *([_sandbox(settings)] if sys.platform == "linux" else []),
    ]


def _serving(settings: Settings, name: str, port: int) -> Member:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - compared, not bound
    address = f"[{host}]" if ":" in host else host
    return Member(_ours(settings, name, name), lambda: _answers(f"http://{address}:{port}/api/health/ready"))


def _announcing(settings: Settings, name: str, *arguments: str) -> Member:
    return Member(_ours(settings, name, *arguments), ready_file(settings, name).exists)


def _sandbox(settings: Settings) -> Member:
    """Where scripts run nothing is known of servers or keys, not even by their names."""
    env = {key: value for key, value in os.environ.items() if key in _OF_SANDBOX}
    env |= {
        "HOLDFAST_HOME": str(settings.home),
        "HOLDFAST_SANDBOX": settings.sandbox_at,
        "PYTHONUNBUFFERED": "1",
        READY_FILE: str(ready_file(settings, "sandbox")),
    }
    argv = [sys.executable, "-m", "holdfast.app.cli.main", "sandbox"]
    return Member(Program("sandbox", argv, env, Path.cwd()), ready_file(settings, "sandbox").exists)


def _ours(settings: Settings, name: str, *arguments: str) -> Program:
    """One of our own commands, told by its environment where everything is."""
    env = {key: value for key, value in os.environ.items() if key not in _UNSHARED}
    env |= {
        "HOLDFAST_HOME": str(settings.home),
        "HOLDFAST_MODE": settings.mode,
        "HOLDFAST_PORT": str(settings.port),
        "HOLDFAST_SIM_PORT": str(settings.sim_port),
        "HOLDFAST_HUB": str(settings.hub),
        "HOLDFAST_HUB_PORT": str(settings.hub_port),
        "PYTHONUNBUFFERED": "1",
        READY_FILE: str(ready_file(settings, name)),
    }
    if name != "sim":
        env |= {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    return Program(name, [sys.executable, "-m", "holdfast.app.cli.main", *arguments], env, Path.cwd())


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def require_reachable(url: str, variable: str) -> None:
    """A server that was given to us must answer before anything starts.

    Raises:
        CannotRun: nobody listens there.
    """
    address = urllib.parse.urlsplit(url)
    port = address.port or (5432 if variable == "DATABASE_URL" else 6379)
    try:
        socket.create_connection((address.hostname or "127.0.0.1", port), timeout=5).close()
    except OSError as error:
        raise CannotRun(
            f"Nobody answers at {address.hostname}:{port}, which {variable} names: start that server, "
            f"or unset {variable} to use the embedded one."
        ) from error
