"""Starts every process in order, keeps them running, and stops them all."""

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import psutil

from holdfast.accounts.tokens import ensure_signing_key
from holdfast.accounts.vault import VaultBroken, ensure_key_pair
from holdfast.app import context, crew, migrate, mode
from holdfast.app.crew import Member
from holdfast.app.obstacles import (
    LOW_BYTES,
    InstanceLock,
    free_bytes,
    require_disk,
    require_port,
    require_stream_address,
)
from holdfast.platform import embedded, secrets
from holdfast.platform.processes import CannotRun, kill_group, start
from holdfast.platform.settings import Settings

TICK_SECONDS: Final = 0.1
START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 10.0
SETTLED_SECONDS: Final = 60.0
LONGEST_BACKOFF: Final = 30.0
GIVE_UP_AFTER: Final = 3
DISK_CHECK_SECONDS: Final = 60.0
LARGEST_LOG: Final = 20 * 1024**2

Say = Callable[[str], None]


@dataclass(slots=True)
class Child:
    """A running member. ``failures``: deaths in a row without having settled."""

    member: Member
    process: subprocess.Popen[bytes]
    began: float
    ready: bool = False
    failures: int = 0
    restart_at: float = 0.0


class Stopped(Exception):
    """Somebody asked us to stop."""


@dataclass(slots=True)
class Supervisor:
    """``say`` prints one sentence for the person in front of the terminal."""

    settings: Settings
    say: Say
    children: list[Child] = field(default_factory=list)
    _asked: int = 0
    _disk_checked: float = 0.0

    def run(self) -> None:
        """Until Ctrl-C or SIGTERM.

        Raises:
            CannotRun: something on this machine stands in the way; everything already started was stopped.
        """
        self.settings = self.settings.model_copy(update={"home": self.settings.home.resolve()})
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        require_disk(self.settings.home)
        lock = InstanceLock(context.lock_path(self.settings))
        lock.acquire({"url": self.settings.url})
        try:
            self._reap_leftovers()
            self._check_ports()
            self._start_everything()
            self._keep_running()
        except Stopped:
            self.say("Stopping …")
        finally:
            self._stop_everything()
            lock.release()

    def _on_signal(self, *_: Any) -> None:
        self._asked += 1

    def _check_ports(self) -> None:
        require_port(self.settings.host, self.settings.port, "HOLDFAST_PORT")
        if self.settings.hub:
            require_stream_address(self.settings)
            require_port(self.settings.host, self.settings.hub_port, "HOLDFAST_HUB_PORT")
        if self.settings.simulated:
            require_port("127.0.0.1", self.settings.sim_port, "HOLDFAST_SIM_PORT")

    def _start_everything(self) -> None:
        began = time.monotonic()
        settings = self.settings
        secrets.ensure_passwords(settings)
        _ensure_keys(settings.secrets_dir)
        if settings.simulated:
            self._launch(crew.simulator(settings))
        self.settings = settings = self._with_servers()
        self._wait_ready()
        asyncio.run(mode.require(settings.database_url, settings.mode))
        migrate.run(settings.database_url)
        asyncio.run(mode.keep(settings.database_url, settings.mode))
        for member in crew.processes(settings):
            self._launch(member)
        self._wait_ready()
        self._tell_address(time.monotonic() - began)

    def _with_servers(self) -> Settings:
        """Given servers are used; the others are started from binaries."""
        given = self.settings
        found = {}
        place = context.server_place(given)
        if place.home != given.home and not (given.database_url and given.redis_url):
            self.say(
                f"{given.home} is closed to the servers' account, so they keep their data in {place.home}."
            )
        known = context.read_ports(given)
        ports = {name: embedded.free_port(known.get(name, 0)) for name in ("postgres", "redis")}
        context.ports_path(given).write_text(json.dumps(ports))
        if given.database_url:
            crew.require_reachable(given.database_url, "DATABASE_URL")
        else:
            postgres = embedded.Postgres(place, secrets.password(given, "postgres"), origin=given.servers)
            postgres.prepare()
            self._launch(crew.postgres_member(postgres, ports["postgres"]))
            found["database_url"] = postgres.url(ports["postgres"])
        if given.redis_url:
            crew.require_reachable(given.redis_url, "REDIS_URL")
        else:
            redis = embedded.Redis(place, secrets.password(given, "redis"), origin=given.servers)
            redis.prepare()
            self._launch(crew.redis_member(redis, ports["redis"]))
            found["redis_url"] = redis.url(ports["redis"])
        return given.model_copy(update=found)

    def _tell_address(self, seconds: float) -> None:
        world = "a simulated market" if self.settings.simulated else "the REAL market"
        self.say(f"Holdfast is ready after {seconds:.1f} s, on {world}:")
        self.say(f"\n    {self.settings.url}\n")
        self.say("Press Ctrl-C to stop. Everything is kept.")

    def _launch(self, member: Member) -> None:
        child = Child(member, self._spawn(member), time.monotonic())
        self.children.append(child)
        self._note_children()

    def _spawn(self, member: Member) -> subprocess.Popen[bytes]:
        crew.ready_file(self.settings, member.name).unlink(missing_ok=True)
        with self._log(member.name) as output:
            return start(member.program, output=output)

    def _log(self, name: str) -> IO[bytes]:
        directory = context.logs_directory(self.settings)
        directory.mkdir(parents=True, exist_ok=True)
        return (directory / f"{name}.log").open("ab")

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while waiting := [child for child in self.children if not child.ready]:
            self._tick()
            for child in waiting:
                child.ready = child.process.poll() is None and child.member.ready()
            if time.monotonic() > deadline:
                name = waiting[0].member.name
                raise CannotRun(f"{name} was not ready after {START_SECONDS:.0f} s: {self._last_words(name)}")

    def _keep_running(self) -> None:
        while True:
            self._tick()
            self._watch_disk()

    def _tick(self) -> None:
        if self._asked:
            raise Stopped
        for child in self.children:
            self._look_after(child)
        time.sleep(TICK_SECONDS)

    def _look_after(self, child: Child) -> None:
        code = child.process.poll()
        now = time.monotonic()
        if code is None:
            if child.failures and now - child.began > SETTLED_SECONDS:
                child.failures = 0
            return
        if not child.restart_at:
            self._mourn(child, code, now)
        elif now >= child.restart_at:
            child.process, child.began, child.restart_at = self._spawn(child.member), now, 0.0
            self._note_children()

    def _mourn(self, child: Child, code: int, now: float) -> None:
        name = child.member.name
        kill_group(child.process.pid)
        child.failures += 1
        if not child.ready and child.failures >= GIVE_UP_AFTER:
            raise CannotRun(f"{name} cannot start: {self._last_words(name)}")
        wait = min(2.0 ** (child.failures - 1), LONGEST_BACKOFF)
        child.restart_at = now + wait
        self.say(f"{name} {_how(code)}; it starts again in {wait:.0f} s. ({self._log_path(name)})")

    def _log_path(self, name: str) -> Path:
        return context.logs_directory(self.settings) / f"{name}.log"

    def _last_words(self, name: str) -> str:
        lines = self._log_path(name).read_text(errors="replace").strip().splitlines()
        return f"{lines[-1].strip() if lines else 'it said nothing'} ({self._log_path(name)})"

    def _watch_disk(self) -> None:
        now = time.monotonic()
        if now - self._disk_checked < DISK_CHECK_SECONDS:
            return
        self._disk_checked = now
        free = free_bytes(self.settings.home)
        if free < LOW_BYTES:
            self.say(
                f"Only {free // 1024**2} MB are free on the disk: free some space, or PostgreSQL will stop."
            )
        for path in context.logs_directory(self.settings).glob("*.log"):
            _rotate(path)

    def _stop_everything(self) -> None:
        """Ours first and together, then the servers, so that nobody loses its database while it tidies up."""
        servers = ("postgres", "redis")
        self._stop([child for child in self.children if child.member.name not in servers])
        self._stop([child for child in self.children if child.member.name in servers])
        if self.children:
            self._children_path().unlink(missing_ok=True)
            self.say("Everything has stopped. Your data is kept.")

    def _stop(self, children: list[Child]) -> None:
        for child in children:
            if child.process.poll() is None:
                child.process.send_signal(child.member.program.stop_signal)
        deadline = time.monotonic() + STOP_SECONDS
        patience = self._asked
        while any(child.process.poll() is None for child in children):
            if time.monotonic() > deadline or self._asked > max(patience, 1):
                break
            time.sleep(0.02)
        for child in children:
            kill_group(child.process.pid)
            child.process.wait()

    def _children_path(self) -> Path:
        return self.settings.home / "run" / "children.json"

    def _note_children(self) -> None:
        notes = [
            {"name": child.member.name, "pid": child.process.pid, "born": _born(child.process.pid)}
            for child in self.children
            if child.process.poll() is None
        ]
        self._children_path().write_text(json.dumps(notes))

    def _reap_leftovers(self) -> None:
        """Children of a supervisor that was killed where the kernel does not stop them for us."""
        leftovers = list(_alive(self._children_path()))
        for process in leftovers:
            self.say(f"Stopping {process.name()} (process {process.pid}), left over from before.")
            process.send_signal(signal.SIGINT if "postgres" in process.name() else signal.SIGTERM)
        _, stubborn = psutil.wait_procs(leftovers, timeout=STOP_SECONDS)
        for process in stubborn:
            kill_group(process.pid)


def _ensure_keys(directory: Path) -> None:
    try:
        ensure_key_pair(directory)
    except VaultBroken as error:
        raise CannotRun(str(error)) from error
    ensure_signing_key(directory)


def _alive(path: Path) -> Iterator[psutil.Process]:
    """Those noted processes that are still the same ones."""
    try:
        notes = json.loads(path.read_text())
    except (OSError, ValueError):
        return
    for note in notes:
        if _born(note["pid"]) == note["born"]:
            yield psutil.Process(note["pid"])


def _born(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def _how(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def _rotate(path: Path) -> None:
    """Children append, so the file can be copied and emptied under them."""
    if path.stat().st_size > LARGEST_LOG:
        path.with_suffix(".log.1").write_bytes(path.read_bytes())
        with path.open("r+b") as file:
            file.truncate(0)
