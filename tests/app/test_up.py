"""``holdfast up`` in a bare place: ready, watched, stopped; one clear sentence for each obstacle."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import httpx2
import psutil
import pytest

from holdfast.platform.embedded import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
HOLDFAST = [sys.executable, "-m", "holdfast.app.cli.main"]
NAMES = {
    "postgres",
    "redis",
    "sim",
    "api",
    "worker",
    "poller",
    "history",
    "backtests",
    "strategies",
    "scheduler",
    "feed",
    "watch",
    "sandbox",
}


class Place:
    """A home of its own for one installation, and what its terminal shows."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.env = {
            **os.environ,
            "HOLDFAST_HOME": str(home / "var"),
            "HOLDFAST_PORT": str(self.port),
            "HOLDFAST_SIM_PORT": str(free_port()),
            "XDG_CONFIG_HOME": str(home / "config"),
            "HOLDFAST_URL": f"http://127.0.0.1:{self.port}",
            "COLUMNS": "200",
        }
        for name in ("DATABASE_URL", "REDIS_URL"):
            self.env.pop(name, None)
        self.terminal = home / "terminal"
        self.supervisor: subprocess.Popen[bytes] | None = None

    def up(self) -> subprocess.Popen[bytes]:
        with self.terminal.open("wb") as output:
            self.supervisor = subprocess.Popen([*HOLDFAST, "up"], env=self.env, stdout=output, stderr=output)
        wait_for(lambda: "Ctrl-C" in self.shown() or self.supervisor.poll() is not None, 120)
        assert self.supervisor.poll() is None, self.shown()
        return self.supervisor

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*HOLDFAST, *arguments], env={**self.env, **env}, capture_output=True, text=True, timeout=120
        )

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)

    def shown(self) -> str:
        return self.terminal.read_text()

    def processes(self) -> dict[str, dict[str, Any]]:
        return {process["name"]: process for process in self.json("status")["processes"]}

    def stop(self) -> None:
        if self.supervisor and self.supervisor.poll() is None:
            self.supervisor.send_signal(signal.SIGINT)
            self.supervisor.wait(40)


def wait_for(check: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "this did not happen in time"
        time.sleep(0.2)


@pytest.fixture
def place() -> Iterator[Place]:
    home = Path(mkdtemp(prefix="holdfast-up-"))
    home.chmod(0o755)
    created = Place(home)
    yield created
    created.stop()
    subprocess.run(["rm", "-rf", str(home)], check=True)


def descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_a_day_of_an_installation(place: Place) -> None:
    supervisor = place.up()
    assert f"http://127.0.0.1:{place.port}" in place.shown()
    assert "simulated market" in place.shown()
    assert set(place.processes()) == NAMES
    assert all(process["alive"] for process in place.processes().values())

    findings = {finding["check"]: finding["state"] for finding in place.json("doctor")}
    assert findings["postgres"] == findings["redis"] == findings["venue"] == findings["clock"] == "ok"

    signed_in = place.json("sign-in", "--demo")
    assert signed_in["user"]["is_demo"] is True
    credentials = place.home / "config" / "holdfast" / "sign-in.json"
    assert credentials.stat().st_mode & 0o777 == 0o600

    second = place.run("up")
    assert second.returncode == 1
    assert second.stderr.startswith(f"Holdfast already runs here (process {supervisor.pid}")

    for name in ("feed", "api", "redis", "postgres"):
        os.kill(place.processes()[name]["pid"], signal.SIGKILL)
        wait_for(
            lambda name=name: f"{name} was killed by SIGKILL; it starts again in 1 s." in place.shown(), 20
        )
    wait_for(lambda: _ready(place), 60)
    wait_for(lambda: place.processes().keys() == NAMES, 30)

    everybody = descendants(supervisor)
    place.stop()
    assert supervisor.returncode == 0
    assert alive(everybody) == []
    assert "Your data is kept." in place.shown()

    place.up()
    me = httpx2.get(f"http://127.0.0.1:{place.port}/api/system", timeout=30).json()
    assert me["simulated"] is True
    again = json.loads(credentials.read_text())
    answer = httpx2.post(
        f"http://127.0.0.1:{place.port}/api/auth/refresh",
        headers={"Cookie": f"hf_refresh={again['refresh']}"},
    )
    assert answer.status_code == 200, "the demo user of before is still known"


def _ready(place: Place) -> bool:
    try:
        return (
            httpx2.get(f"http://127.0.0.1:{place.port}/api/health/ready", timeout=30).json()["status"] == "ok"
        )
    except httpx2.HTTPError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start stops what was left over")
def test_nothing_outlives_a_killed_supervisor(place: Place) -> None:
    supervisor = place.up()
    everybody = descendants(supervisor)
    assert len(everybody) >= len(NAMES)
    supervisor.kill()
    wait_for(lambda: alive(everybody) == [], 30)
    assert place.json("status")["running"] is False
    place.up()


def test_a_port_in_use_is_told_with_its_holder(place: Place) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", place.port))
        holder.listen()
        refused = place.run("up")
    assert refused.returncode == 1
    sentence = refused.stderr.strip()
    assert f"Port {place.port} is in use by " in sentence
    assert f"(process {os.getpid()})" in sentence
    assert "HOLDFAST_PORT=" in sentence
    assert sentence.count("\n") == 0


def test_a_child_that_cannot_start_is_told_and_nothing_stays_behind(place: Place) -> None:
    refused = place.run("up", HOLDFAST_COINGECKO_KEY_HEADER="x", HOLDFAST_PRICE_ALLOWANCE="7")
    assert refused.returncode == 1
    assert "HOLDFAST_PRICE_ALLOWANCE" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_given_server_that_does_not_answer_is_told(place: Place) -> None:
    refused = place.run("up", DATABASE_URL="postgresql://me:secret@127.0.0.1:1/x")
    assert refused.returncode == 1
    assert "Nobody answers at 127.0.0.1:1, which DATABASE_URL names" in refused.stderr
    assert "secret" not in refused.stderr + refused.stdout


def test_commands_without_an_installation_say_what_to_do(place: Place) -> None:
    for command in ("api", "scheduler", "migrate"):
        refused = place.run(command)
        assert refused.returncode == 1
        assert "holdfast up" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert place.run("status").returncode == 1
    refused = place.run("sign-in", "--demo")
    assert "does not answer" in refused.stderr
