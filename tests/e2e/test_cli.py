"""The whole job on the command line, each command a process of its own as a user runs it."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.e2e.installation import Installation, free_port
from tests.e2e.trader import eventually, venue_sizes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

Done = subprocess.CompletedProcess[str]
USAGE, REFUSED = 2, 1


class CommandLine:
    """One person's shell: their own sign-in file, and the installation they talk to."""

    def __init__(self, installation: Installation, config: Path) -> None:
        self.installation = installation
        self.credentials = config / "holdfast" / "sign-in.json"
        self.environment = {
            **os.environ,
            "XDG_CONFIG_HOME": str(config),
            "HOLDFAST_URL": installation.url,
            "HOLDFAST_HOME": str(installation.home / "var"),
            "HOLDFAST_PORT": str(installation.port),
            "HOLDFAST_SIM_PORT": str(installation.sim_port),
            "NO_COLOR": "1",
        }

    def run(self, *arguments: str, **environment: str) -> Done:
        return subprocess.run(
            [sys.executable, "-m", "holdfast.app.cli.main", *arguments],
            env={**self.environment, **environment},
            cwd=self.credentials.parents[1],
            capture_output=True,
            text=True,
            timeout=120,
        )

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)

    def api(self, path: str) -> Any:
        """What the web page would be told, with the command line's own token."""
        token = json.loads(self.credentials.read_text())["access"]
        answer = httpx2.get(
            self.installation.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        return answer.raise_for_status().json()

    def connected(self) -> dict[str, Any]:
        def ready() -> dict[str, Any] | None:
            found: dict[str, Any] = self.api("/api/connections")[0]
            return found if found["state"] == "active" and found["reconciled_at"] else None

        return eventually(ready, what="the connection's check")


@pytest.fixture(scope="module")
def stranger(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Never signed in."""
    return CommandLine(installation, tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="module")
def shell(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Signed in as a demo user whose account is ready."""
    opened = CommandLine(installation, tmp_path_factory.mktemp("config"))
    done = opened.run("sign-in", "--demo")
    assert (done.returncode, done.stderr) == (0, "")
    opened.connected()
    return opened


def assert_refused(done: Done, *words: str, code: int = REFUSED) -> None:
    """One clear sentence and what to do about it, on standard error, and nothing else."""
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
    if code == REFUSED:
        sentence, advice = done.stderr.splitlines()
        assert sentence.endswith(".")
        assert advice.strip()


def test_the_sign_in_is_kept_for_its_owner_alone(shell: CommandLine) -> None:
    assert shell.credentials.stat().st_mode & 0o777 == 0o600


def test_the_indices(shell: CommandLine) -> None:
    listed = {index["id"]: index for index in shell.json("index", "list")}
    assert listed.keys() == {"btc-d", "eth-d", "eth-btc", "top-10"}
    assert all(index["level"] and not index["stale_reason"] for index in listed.values())
    shown = shell.json("index", "show", "btc-d")
    assert len(shown["members"]) == listed["btc-d"]["member_count"] == 11
    assert shown["methodology"]
    assert Decimal(shown["minimum"]["size"]) > 0


def test_open_and_close(shell: CommandLine) -> None:
    uid = shell.connected()["venue_uid"]
    plan = shell.json("preview", "btc-d", "--long", "1000")
    assert plan["executable"]
    assert len(plan["legs"]) == 11
    assert shell.installation.truth(uid)["orders"] == []

    opened = shell.run("open", "btc-d", "--long", "1000", "--yes")
    assert opened.returncode == 0, opened.stderr
    (position,) = shell.json("positions")
    assert (position["state"], Decimal(position["size"])) == ("active", 1000)
    detail = shell.api(f"/api/positions/{position['id']}")
    legs = {leg["symbol"]: Decimal(leg["quantity"]) for leg in detail["legs"] if Decimal(leg["quantity"])}
    assert legs == venue_sizes(shell.installation.truth(uid))

    closed = shell.run("close", position["id"][:8], "--yes")
    assert closed.returncode == 0, closed.stderr
    assert shell.json("positions") == []
    truth = shell.installation.truth(uid)
    assert venue_sizes(truth) == {}

    orders = shell.json("orders", "--position", position["id"][:8], "--limit", "200")
    placed = {order["link_id"]: order for order in truth["orders"]}
    assert {order["client_id"] for order in orders} == placed.keys()
    for order in orders:
        assert Decimal(order["filled_quantity"]) == Decimal(placed[order["client_id"]]["filled"])
    cash = sum(Decimal(order["value"]) * (1 if order["side"] == "Sell" else -1) for order in placed.values())
    fees = sum(Decimal(fill["fee"]) for fill in truth["fills"])
    funding = sum(Decimal(payment["amount"]) for payment in truth["funding"])
    (over,) = shell.json("positions", "--closed")
    assert over["state"] == "closed"
    assert Decimal(over["pnl"]) == cash - fees + funding


def test_the_time_line_of_what_was_done(shell: CommandLine) -> None:
    traced = shell.json("trace", "last")
    (over,) = shell.json("positions", "--closed")
    run, items = traced["execution"], traced["items"]
    assert (run["kind"], run["position_id"], traced["truncated"]) == ("close", over["id"], False)
    assert items[0]["title"].startswith("Confirmed: close BTC-D")
    assert items[-1]["title"].startswith("Ended: complete")
    assert {item["kind"] for item in items} >= {"decision", "row", "request", "answer", "event", "job"}
    sent = [item for item in items if item["detail"].get("event") == "send"]
    ended = [item for item in items if item["detail"].get("to") == "filled"]
    assert {item["symbol"] for item in sent} == {leg["symbol"] for leg in run["legs"]}
    assert {item["symbol"] for item in ended} == {item["symbol"] for item in sent}
    assert [item["after_ms"] for item in items] == sorted(item["after_ms"] for item in items)

    read = shell.run("trace", run["id"][:8], "--symbol", "BTCUSDT", COLUMNS="200")
    assert (read.returncode, read.stderr) == (0, "")
    assert "BTCUSDT: about to be sent; written down first" in read.stdout
    assert "ETHUSDT: " not in read.stdout


def test_an_index_opened_for_programs(shell: CommandLine) -> None:
    unconfirmed = shell.run("open", "eth-btc", "--short", "1500", "--json")
    assert_refused(unconfirmed, "Nothing was traded.", "--yes")
    assert shell.json("positions") == []
    run = shell.json("open", "eth-btc", "--short", "1500", "--yes")
    assert (run["state"], run["direction"]) == ("complete", "short")
    assert shell.json("close", run["position_id"], "--yes")["state"] in ("complete", "complete_with_residual")
    assert venue_sizes(shell.installation.truth(shell.connected()["venue_uid"])) == {}


def test_asked_for_confirmation_and_told_no(shell: CommandLine) -> None:
    before = len(shell.json("orders", "--limit", "200"))
    done = shell.run("open", "btc-d", "--long", "1000")
    assert done.returncode == 1
    assert "PAPER" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(shell.json("orders", "--limit", "200")) == before


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("preview", "btc-d", "--long", "a lot"), ("'a lot' is not an amount",), USAGE),
        (("preview", "btc-d"), ("--long", "--short"), USAGE),
        (("preview", "btc-d", "--long", "1000", "--short", "1000"), ("either --long or --short",), USAGE),
        (("preview", "btc-d", "--long", "-5"), ("size: Input should be greater than 0.",), REFUSED),
        (("preview", "btc-d", "--long", "NaN"), ("size: Input should be a finite number.",), REFUSED),
        (("preview", "btc-d", "--long", "1000.001"), ("no more than 2 decimal places.",), REFUSED),
        (("preview", "btc-d", "--long", "10"), ("too small", "least size"), REFUSED),
        (("open", "btc-d", "--long", "40000000", "--yes"), ("at most 5,000,000 USDT",), REFUSED),
        (("preview", "doge-d", "--long", "1000"), ("no index called 'doge-d'", "btc-d"), REFUSED),
        (("index", "show", "doge-d"), ("no index called 'doge-d'",), REFUSED),
        (("close", "ffffffff", "--yes"), ("no position", "holdfast positions"), REFUSED),
        (("preview", "btc-d", "--long", "1000", "--connection", "x"), ("no such connection",), REFUSED),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    shell: CommandLine, arguments: tuple[str, ...], words: tuple[str, ...], code: int
) -> None:
    assert_refused(shell.run(*arguments), *words, code=code)


def test_more_than_the_account_has(shell: CommandLine) -> None:
    done = shell.run("open", "btc-d", "--long", "200000", "--yes")
    assert done.returncode == 1
    assert "are missing. Choose a smaller size or add funds." in done.stderr
    assert "Traceback" not in done.stderr
    assert shell.json("positions") == []


def test_not_signed_in(stranger: CommandLine) -> None:
    assert_refused(stranger.run("positions"), "You are not signed in.", "holdfast sign-in")
    assert stranger.json("index", "list")


def test_the_server_is_away(stranger: CommandLine) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    done = stranger.run("index", "list", HOLDFAST_URL=nobody)
    assert_refused(done, f"Holdfast does not answer at {nobody}.", "make up")


def test_a_sign_in_that_has_ended(stranger: CommandLine) -> None:
    stranger.credentials.parent.mkdir(exist_ok=True)
    forged = {"base_url": stranger.installation.url, "access": "x", "refresh": "y"}
    stranger.credentials.write_text(json.dumps(forged))
    try:
        assert_refused(stranger.run("positions"), "sign")
    finally:
        stranger.credentials.unlink()


def test_status_of_what_runs(shell: CommandLine) -> None:
    found = shell.json("status")
    assert found["running"]
    assert found["url"] == shell.installation.url
    names = {process["name"] for process in found["processes"] if process["alive"]}
    assert {"postgres", "redis", "sim", "api", "scheduler", "feed", "watch"} <= names
    assert found["work"]["feed_age_seconds"] < 30
    assert all(load["failing"] == 0 for load in found["work"]["queues"].values())


def test_status_where_nothing_runs(stranger: CommandLine, tmp_path: Path) -> None:
    done = stranger.run("status", "--json", HOLDFAST_HOME=str(tmp_path))
    assert done.returncode == 1
    assert json.loads(done.stdout)["running"] is False


def test_doctor_finds_a_running_installation_well(shell: CommandLine) -> None:
    findings = {finding["check"]: finding for finding in shell.json("doctor")}
    broken = [finding for finding in findings.values() if finding["state"] == "broken"]
    assert broken == []
    assert all(finding["advice"] for finding in findings.values() if finding["state"] == "warning")
    assert {"queue orders", "queue polling", "queue history"} <= findings.keys()
