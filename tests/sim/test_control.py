"""The control door over HTTP."""

import socket
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from tests.sim.conftest import NOON_MS

from holdfast.core.errors import Conflict
from holdfast.sim import server
from holdfast.sim.bybit.snapshot import SavedAccount, restored
from holdfast.sim.clock import SimClock
from holdfast.sim.control import _is_loopback


@pytest.fixture
async def door() -> AsyncIterator[TestClient[Any, Any]]:
    app = server.create_app(11, clock=SimClock(NOON_MS, source_ns=lambda: 0))
    async with TestClient(TestServer(app, host="127.0.0.1")) as client:
        yield client


async def test_an_account_is_opened_and_its_truth_read(door: TestClient[Any, Any]) -> None:
    answer = await door.post("/_sim/accounts", json={"balances": {"USDT": "2500"}})
    account = await answer.json()
    assert answer.status == 200
    assert set(account) == {"uid", "api_key", "api_secret"}
    truth = await (await door.get(f"/_sim/accounts/{account['uid']}/truth")).json()
    assert account["api_secret"] not in str(truth)
    whole = await (await door.get(f"/_sim/accounts/{account['uid']}")).json()
    assert account["api_secret"] not in str(whole)
    assert restored(SavedAccount.model_validate(whole)).balances == {"USDT": Decimal(2500)}
    assert (await door.get("/_sim/accounts/404/truth")).status == 404


async def test_the_clock_is_driven(door: TestClient[Any, Any]) -> None:
    assert await (await door.get("/_sim/clock")).json() == {"now_ms": NOON_MS, "speed": 1.0, "frozen": False}
    moved = await (await door.post("/_sim/clock", json={"advance_ms": 60_000, "frozen": True})).json()
    assert moved == {"now_ms": NOON_MS + 60_000, "speed": 1.0, "frozen": True}
    faster = await (await door.post("/_sim/clock", json={"speed": 60, "frozen": False})).json()
    assert faster == {"now_ms": NOON_MS + 60_000, "speed": 60.0, "frozen": False}


async def test_the_market_is_moved(door: TestClient[Any, Any]) -> None:
    async def order(**body: Any) -> Any:
        return await (await door.post("/_sim/market", json=body)).json()

    before = await order(op="status", symbol="SOLUSDT", status="Trading")
    shocked = await order(op="shock", symbol="SOLUSDT", factor=0.5)
    assert float(shocked["last_price"]) == pytest.approx(float(before["last_price"]) / 2, rel=0.001)
    halted = await order(op="status", symbol="SOLUSDT", status="Closed")
    assert (halted["status"], halted["delivery_ms"]) == ("Closed", NOON_MS)
    announced = await order(op="delist", symbol="XRPUSDT", in_ms=3_600_000)
    assert (announced["status"], announced["delivery_ms"]) == ("Trading", NOON_MS + 3_600_000)
    await door.post("/_sim/clock", json={"advance_ms": 3_600_000})
    ended = await order(op="shock", symbol="XRPUSDT", factor=1.0)
    assert ended["status"] == "Delivering"


async def test_faults_are_set_and_read(door: TestClient[Any, Any]) -> None:
    rule = {"where": "coingecko.ping", "kind": "maintenance", "count": 1}
    assert (await door.post("/_sim/faults", json={"rules": [rule]})).status == 200
    assert (await door.get("/api/v3/ping")).status == 503
    (row,) = (await (await door.get("/_sim/faults")).json())["rules"]
    assert (row["where"], row["hits"], row["left"]) == ("coingecko.ping", 1, 0)


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("clock", {"advance_ms": -1}, "advance_ms"),
        ("clock", {"speed": 0}, "speed"),
        ("clock", {"sped": 2}, "sped"),
        ("clock", [1], "object"),
        ("faults", {}, "rules"),
        ("faults", {"rules": [{"where": "*"}]}, "kind"),
        ("market", {"op": "shock", "symbol": "BTCUSDT"}, "factor"),
        ("market", {"op": "shock", "symbol": "NOPEUSDT", "factor": 2}, "NOPEUSDT"),
        ("market", {"op": "status", "symbol": "BTCUSDT"}, "status"),
        ("market", {"op": "burn", "symbol": "BTCUSDT"}, "op"),
        ("accounts", {"balances": {"USDT": "much"}}, "balances"),
        ("accounts", {"wishes": 3}, "wishes"),
    ],
)
async def test_bad_orders_are_refused_with_a_reason(
    door: TestClient[Any, Any], path: str, body: Any, reason: str
) -> None:
    answer = await door.post(f"/_sim/{path}", json=body)
    assert answer.status == 422
    assert reason in (await answer.json())["error"]


async def test_a_body_that_is_not_json_is_refused(door: TestClient[Any, Any]) -> None:
    answer = await door.post("/_sim/clock", data=b"{speed: 2}")
    assert answer.status == 422


async def test_only_this_machine_may_enter(
    door: TestClient[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(make_mocked_request("GET", "/")), "remote", "192.0.2.7")
    answer = await door.get("/_sim/clock")
    assert answer.status == 403


@pytest.mark.parametrize(
    ("peer", "admitted"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("", False),
        (None, False),
    ],
)
def test_loopback_is_told_from_the_rest(peer: str | None, admitted: bool) -> None:
    assert _is_loopback(peer) is admitted


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "example.org", ""])
def test_the_simulator_never_listens_beyond_loopback(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        server.run(host, 0, 1)


def test_a_port_in_use_is_one_clear_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Conflict, match="is in use"):
        server.run("127.0.0.1", taken.getsockname()[1], 1)


async def test_accounts_are_operated_on_and_the_venue_restarted(door: TestClient[Any, Any]) -> None:
    wanted = {"positions": [{"symbol": "BTCUSDT", "size": "0.01"}]}
    uid = (await (await door.post("/_sim/accounts", json=wanted)).json())["uid"]
    done = await door.post(f"/_sim/accounts/{uid}/adl", json={"symbol": "BTCUSDT", "share": 0.5})
    assert await done.json() == {"uid": uid, "operation": "adl"}
    assert (await door.post(f"/_sim/accounts/{uid}/wish", json={})).status == 404
    assert (await door.post("/_sim/funding", json={"symbol": "BTCUSDT"})).status == 200
    truth = await (await door.get(f"/_sim/accounts/{uid}/truth")).json()
    assert (truth["positions"][0]["size"], len(truth["funding"])) == ("0.005", 1)
    assert await (await door.post("/_sim/venue/restart", json={})).json() == {"streams_cut": 0}


async def test_the_dial_tells_what_it_can_do(door: TestClient[Any, Any]) -> None:
    told = await (await door.get("/_sim/faults/kinds")).json()
    kinds = {row["kind"]: row for row in told["kinds"]}
    assert kinds["partial_fill"]["settings"] == ["share", "pieces"]
    assert all(row["text"] and row["to"] for row in kinds.values())
    assert set().union(*(row["to"] for row in kinds.values())) == set(told["places"])
