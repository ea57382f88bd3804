"""What happens to an account from outside, through every real process: the venue acts, the watcher hears, a
worker books, the user is told."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from tests.e2e.installation import Installation
from tests.e2e.trader import Trader, eventually, held, venue_sizes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.fixture
def trader(installation: Installation) -> Trader:
    return Trader(installation)


def operate(trader: Trader, operation: str, **body: Any) -> None:
    url = f"{trader.installation.sim}/accounts/{trader.connection['venue_uid']}/{operation}"
    httpx2.post(url, json=body, timeout=30).raise_for_status()


def told(trader: Trader, kind: str) -> list[dict[str, Any]]:
    def found() -> list[dict[str, Any]]:
        items = trader.get("/api/incidents", state="all", limit=200)["items"]
        return [item for item in items if item["kind"] == kind]

    return eventually(found, what=f"the incident {kind}")


def test_a_deleveraging_is_heard_booked_and_told(trader: Trader) -> None:
    position = trader.execute(trader.preview())["position_id"]
    operate(trader, "adl", symbol="BTCUSDT", share="0.5")
    (incident,) = told(trader, "adl")
    assert (incident["position_id"], incident["severity"]) == (position, "alarm")
    assert held(trader.get(f"/api/positions/{position}")) == venue_sizes(trader.truth())
    trader.http.post(f"/api/incidents/{incident['id']}/seen").raise_for_status()
    assert told(trader, "adl")[0]["settled_at"]
    closing = trader.execute(trader.preview_close(position))
    assert closing["state"] == "complete", closing["reason"]
    trader.check_books()


def test_a_key_that_expires_is_refused_told_and_taken_back(trader: Trader) -> None:
    position = trader.execute(trader.preview())["position_id"]
    operate(trader, "key", expired=True)
    trader.http.post(f"/api/connections/{trader.connection['id']}/check").raise_for_status()
    (incident,) = told(trader, "key_refused")
    assert (incident["blocks"], incident["settled_at"]) == ("trading", None)
    assert trader.get("/api/connections")[0]["state"] != "active"
    operate(trader, "key", expires="2100-01-01T00:00:00Z")
    trader.http.post(f"/api/connections/{trader.connection['id']}/check").raise_for_status()
    eventually(lambda: told(trader, "key_refused")[0]["settled_at"], what="its end")
    eventually(lambda: trader.get("/api/connections")[0]["state"] == "active", what="a working connection")
    closing = trader.execute(trader.preview_close(position))
    assert closing["state"] == "complete", closing["reason"]


def test_a_liquidation_stops_openings_until_it_is_seen(trader: Trader) -> None:
    trader.execute(trader.preview())
    operate(trader, "liquidate")
    assert told(trader, "liquidation")
    eventually(
        lambda: trader.get("/api/positions", state="open")["items"] == [], what="the end of the position"
    )
    assert venue_sizes(trader.truth()) == {}
    refused = trader.execute(trader.preview())
    assert refused["state"] == "unwound"
    assert "liquidated" in refused["reason"]
    for incident in told(trader, "liquidation"):
        trader.http.post(f"/api/incidents/{incident['id']}/seen").raise_for_status()
    opened = trader.execute(trader.preview())
    assert opened["state"] == "complete", opened["reason"]
    assert sum(abs(size) for size in venue_sizes(trader.truth()).values()) > Decimal(0)


def test_the_command_line_tells_them(installation: Installation, tmp_path: Any) -> None:
    environment = {
        **os.environ,
        "XDG_CONFIG_HOME": str(tmp_path),
        "HOLDFAST_URL": installation.url,
        "HOLDFAST_HOME": str(installation.home / "var"),
    }

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "holdfast.app.cli.main", *arguments]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("sign-in", "--demo")
    assert "No incident is open" in run("incidents")
    assert json.loads(run("incidents", "--all", "--json")) == []
