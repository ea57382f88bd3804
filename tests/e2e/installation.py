"""A whole Holdfast, started as a user starts it, in a place of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import randrange
from typing import Any

import httpx2
import psutil

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN = 240


@dataclass
class Installation:
    """One running ``holdfast up``."""

    process: subprocess.Popen[bytes]
    home: Path
    port: int
    sim_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sim(self) -> str:
        return f"http://127.0.0.1:{self.sim_port}/_sim"

    def processes(self, role: str) -> list[psutil.Process]:
        """The running processes of one kind: api, worker, scheduler, feed …"""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if role in _arguments(child)]

    def kill(self, role: str) -> None:
        """As a power cut would: SIGKILL for the process and everything below it."""
        for process in self.processes(role):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def truth(self, uid: str) -> dict[str, Any]:
        """The venue's own view of an account."""
        answer: dict[str, Any] = (
            httpx2.get(f"{self.sim}/accounts/{uid}/truth", timeout=30).raise_for_status().json()
        )
        return answer

    def fault(self, *rules: Mapping[str, Any]) -> None:
        """Replace the simulator's fault rules; none heals everything."""
        httpx2.post(f"{self.sim}/faults", json={"rules": list(rules)}, timeout=30).raise_for_status()

    def stop(self) -> int:
        """Ctrl-C. Returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@contextmanager
def installed(**environment: str) -> Iterator[Installation]:
    """An installation of one's own, gone without a trace afterwards. Others may read its folder, because
    servers run as users of their own."""
    home = Path(tempfile.mkdtemp(prefix="holdfast-e2e-"))
    home.chmod(0o755)
    with ExitStack() as afterwards:
        afterwards.callback(shutil.rmtree, home, ignore_errors=True)
        running = start(home, **environment)
        afterwards.callback(running.stop)
        yield running


def start(home: Path, **environment: str) -> Installation:
    """Start everything and wait until the indices are live.

    Raises:
        AssertionError: it did not become ready; carries what it printed.
    """
    port, sim_port = free_port(), free_port()
    log = (home / "up.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfast.app.cli.main", "up"],
        cwd=ROOT,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={
            **os.environ,
            "HOLDFAST_HOME": str(home / "var"),
            "HOLDFAST_PORT": str(port),
            "HOLDFAST_SIM_PORT": str(sim_port),
            **environment,
        },
    )
    running = Installation(process, home, port, sim_port)
    try:
        _wait_until_live(running)
    except AssertionError:
        running.stop()
        raise
    return running


def _wait_until_live(running: Installation) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while not _is_live(running):
        printed = (running.home / "up.log").read_text(errors="replace")[-3000:]
        assert running.process.poll() is None, f"holdfast up ended:\n{printed}"
        assert time.monotonic() < deadline, f"holdfast up did not become ready:\n{printed}"
        time.sleep(0.3)


def _is_live(running: Installation) -> bool:
    """Ready means that somebody could trade: every index has a fresh level."""
    try:
        indices = httpx2.get(f"{running.url}/api/indices", timeout=10).json()
    except (httpx2.HTTPError, ValueError):
        return False
    return (
        isinstance(indices, list)
        and bool(indices)
        and all(index["level"] is not None and not index["stale_reason"] for index in indices)
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def from_elsewhere() -> dict[str, str]:
    """Says that a request is from another network, as a proxy does: one alone has 60 demos an hour."""
    return {"X-Forwarded-For": f"10.{randrange(256)}.{randrange(256)}.{randrange(1, 255)}"}


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []
