"""The kill switch in a whole installation whose servers are shot: it closes, and says what it could not."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from tests.e2e.installation import Installation, installed
from tests.e2e.test_cli import CommandLine
from tests.e2e.trader import Trader, eventually, venue_sizes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

BACK_WITHIN = 120


@pytest.fixture(scope="module")
def shot() -> Iterator[Installation]:
    """An installation of its own: these tests take its servers away."""
    with installed() as running:
        yield running


@pytest.fixture
def operator(shot: Installation, tmp_path: Path) -> CommandLine:
    return CommandLine(shot, tmp_path)


@contextmanager
def without(installation: Installation, *roles: str) -> Iterator[None]:
    """These servers are gone, and nobody starts them again, until the block ends."""
    supervisor = psutil.Process(installation.process.pid)
    supervisor.send_signal(signal.SIGSTOP)
    try:
        for role in roles:
            found = [p for p in supervisor.children(recursive=True) if role in " ".join(_words(p))]
            assert found, f"no process of {role}"
            for process in found:
                process.kill()
        yield
    finally:
        supervisor.send_signal(signal.SIGCONT)
    eventually(lambda: _ready(installation), within=BACK_WITHIN, what="the installation's return")


def _words(process: psutil.Process) -> list[str]:
    try:
        return [process.name(), *process.cmdline()]
    except psutil.Error:
        return []


def _ready(installation: Installation) -> bool:
    """Somebody could trade: every index has a fresh level again."""
    try:
        indices = httpx2.get(f"{installation.url}/api/indices", timeout=10).json()
    except (httpx2.HTTPError, ValueError):
        return False
    return isinstance(indices, list) and all(i["level"] and not i["stale_reason"] for i in indices)


def journaled(installation: Installation, trader: Trader) -> bool:
    path = installation.home / "var" / "journal" / f"{trader.connection['id']}.json"
    owned = json.loads(path.read_text())["owned"] if path.exists() else {}
    return any(owned.values())


def position(trader: Trader, position_id: str) -> dict[str, Any]:
    found: dict[str, Any] = trader.get(f"/api/positions/{position_id}")
    return found


def test_flatten_offline_with_postgresql_redis_and_the_api_down(shot: Installation, operator: CommandLine):
    trader = Trader(shot)
    opened = trader.execute(trader.preview(size="2000"))
    assert opened["state"] in ("complete", "complete_with_residual"), opened["reason"]
    eventually(lambda: journaled(shot, trader), what="the journal")
    refused = operator.run("flatten", "--offline", "--yes")
    assert refused.returncode == 1
    assert "PostgreSQL answers" in refused.stderr

    with without(shot, "postgres", "valkey-server", "cli.main api"):
        done = operator.run("flatten", "--offline", "--yes", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        said = json.loads(done.stdout)
        assert said["failed"] == []
        assert venue_sizes(trader.truth()) == {}
        again = operator.run("flatten", "--offline", "--yes")
        assert again.returncode == 0
        assert "Everything is closed." in again.stdout

    eventually(
        lambda: position(trader, opened["position_id"])["state"] == "closed",
        within=BACK_WITHIN,
        what="the booking of what was flattened",
    )
    trader.check_books()
    stops = trader.get("/api/stops")
    assert [one["scope"] for one in stops] == ["instance"]
    assert stops[0]["by"] == "the operator"
    shown = trader.http.post(
        "/api/previews",
        json={
            "kind": "open",
            "connection_id": trader.connection["id"],
            "index_id": "btc-d",
            "direction": "long",
            "size": "2000",
        },
    ).json()
    assert not shown["executable"]
    assert "Everything on this installation is stopped" in shown["blocked_reason"]
    lifted = operator.run("resume", "--all")
    assert lifted.returncode == 0, lifted.stderr
    assert trader.get("/api/stops") == []
    assert trader.execute(trader.preview(size="2000"))["state"] in ("complete", "complete_with_residual")


def test_flatten_everybody_with_redis_and_the_api_down(shot: Installation, operator: CommandLine):
    one, two = Trader(shot), Trader(shot)
    opened = {trader.execute(trader.preview(size="2000"))["position_id"]: trader for trader in (one, two)}
    with without(shot, "valkey-server", "cli.main api"):
        done = operator.run("flatten", "--all", "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Everything is closed." in done.stdout
        assert venue_sizes(one.truth()) == {} == venue_sizes(two.truth())
    for position_id, trader in opened.items():
        assert position(trader, position_id)["state"] == "closed"
        trader.check_books()
    assert operator.run("resume", "--all").returncode == 0


def test_stop_resume_and_flatten_as_a_user(shot: Installation, operator: CommandLine):
    assert operator.run("sign-in", "--demo").returncode == 0
    stopped = operator.json("stop", "--reason", "a drill")
    assert (stopped["scope"], stopped["reason"]) == ("user", "a drill")
    eventually(
        lambda: operator.api("/api/connections")[0]["state"] == "active",
        within=BACK_WITHIN,
        what="the connection, checked by a worker that has lost its courier before",
    )
    refused = operator.run("open", "btc-d", "--long", "2000", "--yes")
    assert refused.returncode == 1
    assert "You have stopped all new trading" in refused.stdout + refused.stderr
    assert operator.run("resume").returncode == 0
    assert operator.run("open", "btc-d", "--long", "2000", "--yes").returncode == 0
    closed = operator.json("flatten", "--yes")
    assert closed["state"] == "done"
    assert [one["state"] for one in closed["positions"]] == ["done"]
    set_ = operator.json("limits", "set", "daily-loss=500", "drawdown=0.1")
    assert (Decimal(set_["user"]["daily_loss"]), set_["user"]["drawdown"]) == (500, "0.1")
    shown = operator.run("limits")
    assert shown.returncode == 0
    assert "daily-loss" in shown.stdout
    too_much = operator.run("limits", "set", "gross=1e15")
    assert too_much.returncode == 1
