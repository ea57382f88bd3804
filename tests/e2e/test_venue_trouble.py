"""A leg that halts, ends or is settled, and a venue that is down: nothing is ever left half done."""

from decimal import Decimal
from typing import Any

import httpx2
import pytest
from tests.e2e.installation import Installation
from tests.e2e.problems import ask_preview, assert_problem, nothing_happens, preview
from tests.e2e.trader import ENDED, Trader, eventually, held, venue_sizes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

DOWN = {"where": "bybit.*", "kind": "maintenance"}


@pytest.fixture(scope="module")
def trader(installation: Installation) -> Trader:
    return Trader(installation)


# --- markets -----------------------------------------------------------------------------------------------


def _move_market(installation: Installation, symbol: str, **order: Any) -> None:
    httpx2.post(f"{installation.sim}/market", json={"symbol": symbol, **order}, timeout=30).raise_for_status()


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"op": "status", "status": "Closed"}, "not open for trading"),
        ({"op": "status", "status": "PreLaunch"}, "not open for trading"),
        ({"op": "status", "status": "Delivering"}, "being delisted"),
        ({"op": "delist", "in_ms": 3_600_000}, "being delisted"),
        ({"op": "delist", "in_ms": 0}, "being delisted"),
    ],
)
def test_a_leg_that_cannot_be_opened_blocks_by_name(
    installation: Installation, trader: Trader, order: dict[str, Any], words: str
) -> None:
    earlier, symbol = trader.preview(), "TRXUSDT"
    assert symbol in {leg["symbol"] for leg in earlier["legs"]}
    try:
        with nothing_happens(trader):
            _move_market(installation, symbol, **order)
            plan = preview(trader).raise_for_status().json()
            assert not plan["executable"]
            assert f"{symbol}: it is {words}" in plan["blocked_reason"]
            assert_problem(trader.confirm(plan), 409, symbol)
    finally:
        _move_market(installation, symbol, op="status", status="Trading")
    trader.preview()


def test_a_market_that_closes_between_preview_and_confirmation(installation: Installation) -> None:
    trader = Trader(installation)
    plan = trader.preview()
    try:
        _move_market(installation, "TRXUSDT", op="status", status="Closed")
        execution = trader.execute(plan)
    finally:
        _move_market(installation, "TRXUSDT", op="status", status="Trading")
    assert execution["state"] == "unwound"
    assert "TRXUSDT" in execution["reason"]
    assert venue_sizes(trader.truth()) == {}
    assert trader.get(f"/api/positions/{execution['position_id']}")["state"] == "unwound"
    trader.check_books()


def test_a_position_is_closed_while_a_leg_is_to_be_delisted(installation: Installation) -> None:
    trader = Trader(installation)
    position = trader.execute(trader.preview())["position_id"]
    try:
        _move_market(installation, "TRXUSDT", op="delist", in_ms=3_600_000)
        closed = trader.execute(trader.preview_close(position))
    finally:
        _move_market(installation, "TRXUSDT", op="status", status="Trading")
    assert closed["state"] == "complete", closed["reason"]
    assert venue_sizes(trader.truth()) == {}
    trader.check_books()


def test_a_leg_that_the_venue_has_settled_is_noticed_and_not_traded_again(installation: Installation) -> None:
    trader = Trader(installation)
    path = f"/api/positions/{trader.execute(trader.preview())['position_id']}"
    opened = held(trader.get(path))
    try:
        _move_market(installation, "TRXUSDT", op="status", status="Closed")
        eventually(lambda: trader.get(path)["altered"], what="noticing the settlement")
        position = trader.get(path)
        assert {leg["symbol"] for leg in position["legs"] if Decimal(leg["altered"])} == {"TRXUSDT"}
        assert held(position) == {s: q for s, q in opened.items() if s != "TRXUSDT"}
        assert held(position) == venue_sizes(trader.truth())
        trader.check_books()
        closed = trader.execute(trader.preview_close(position["id"]))
    finally:
        _move_market(installation, "TRXUSDT", op="status", status="Trading")
    assert closed["state"] == "complete", closed["reason"]
    assert venue_sizes(trader.truth()) == {}
    trader.check_books()


# --- a venue that is down ----------------------------------------------------------------------------------


def test_no_preview_while_the_venue_is_down(installation: Installation, trader: Trader) -> None:
    with nothing_happens(trader):
        try:
            installation.fault(DOWN)
            assert_problem(ask_preview(trader), 503, "Nothing was traded", "Try again")
        finally:
            installation.fault()
    trader.preview()


def _hits(installation: Installation) -> int:
    rules = httpx2.get(f"{installation.sim}/faults", timeout=30).raise_for_status().json()["rules"]
    return sum(rule["hits"] for rule in rules)


def test_an_execution_begun_while_the_venue_is_down_is_carried_out_when_it_is_back(
    installation: Installation,
) -> None:
    trader = Trader(installation)
    plan = trader.preview()
    try:
        installation.fault(DOWN)
        started = trader.confirm(plan)
        assert started.status_code == 202
        eventually(lambda: _hits(installation) > 2, what="an attempt to reach the venue")
        assert trader.get(f"/api/executions/{started.json()['id']}")["finished_at"] is None
        assert trader.truth()["orders"] == []
    finally:
        installation.fault()
    _assert_whole_or_nothing(trader, trader.until_ended(started.json()["id"]))


def test_a_venue_that_goes_down_in_the_middle(installation: Installation) -> None:
    trader = Trader(installation)
    plan = trader.preview()
    try:
        installation.fault(
            {"where": "bybit.order.create*", "kind": "delay", "delay_ms": 300, "count": 4},
            {"where": "bybit.order.create*", "kind": "drop_answer", "count": 2},
            DOWN,
        )
        started = trader.confirm(plan).raise_for_status().json()
        eventually(lambda: _hits(installation) > 12, what="several attempts to reach the venue")
        assert trader.get(f"/api/executions/{started['id']}")["finished_at"] is None
    finally:
        installation.fault()
    _assert_whole_or_nothing(trader, trader.until_ended(started["id"], within=120))


def _assert_whole_or_nothing(trader: Trader, execution: dict[str, Any]) -> None:
    assert execution["state"] in ENDED, execution["reason"]
    position = trader.get(f"/api/positions/{execution['position_id']}")
    assert held(position) == venue_sizes(trader.truth())
    if execution["state"] == "unwound":
        assert held(position) == {}
    else:
        assert position["state"] == "active"
        assert all(leg["state"] in ("filled", "skipped") for leg in execution["legs"])
    trader.check_books()
