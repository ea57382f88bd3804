"""Whole trades in real processes: opened, killed in the middle, closed; the books are the venue's."""

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import uuid4

import pytest
from tests.e2e.installation import Installation
from tests.e2e.trader import ENDED, Trader, held, venue_sizes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_open_and_close_leave_the_books_equal_to_the_venues(installation: Installation):
    trader = Trader(installation)
    execution = trader.execute(trader.preview(size="5000"))
    assert execution["state"] == "complete", execution["reason"]
    position = trader.get(f"/api/positions/{execution['position_id']}")
    assert position["state"] == "active"
    assert held(position) == venue_sizes(trader.truth())
    trader.check_books()
    closed = trader.execute(trader.preview_close(position["id"]))
    assert closed["state"] in ENDED, closed["reason"]
    assert venue_sizes(trader.truth()) == {}
    trader.check_books()
    summary = trader.get(f"/api/positions/{position['id']}")
    assert summary["state"] == "closed"
    own = sum(Decimal(fill["value"]) * (1 if fill["side"] == "sell" else -1) for fill in trader.fills())
    fees = sum(Decimal(fill["fee"]) for fill in trader.fills())
    assert Decimal(summary["pnl"]) == own - fees + Decimal(summary["funding"])


def test_the_same_key_gets_the_same_answer_and_one_effect(installation: Installation):
    trader = Trader(installation)
    plan, key = trader.preview(size="2000"), uuid4().hex
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: trader.confirm(plan, key=key), range(8)))
    ids = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert len(ids) == 1
    assert {answer.status_code for answer in answers} <= {202, 409}
    again = trader.confirm(plan, key=key)
    assert (again.status_code, again.json()["id"]) == (202, ids.pop())
    other = trader.confirm(trader.preview(size="2100"), key=key)
    assert other.status_code == 422
    trader.until_ended(again.json()["id"])
    assert len(trader.get("/api/positions", state="open")["items"]) == 1
    trader.check_books()


@pytest.mark.parametrize("moment", [0.02, 0.15, 0.4])
def test_a_worker_killed_in_the_middle_is_replaced_and_the_position_completes(
    installation: Installation, moment: float
):
    trader = Trader(installation)
    started = trader.confirm(trader.preview(size="5000")).raise_for_status().json()
    time.sleep(moment)
    installation.kill("worker")
    execution = trader.until_ended(started["id"], within=120)
    assert execution["state"] == "complete", execution["reason"]
    position = trader.get(f"/api/positions/{execution['position_id']}")
    assert held(position) == venue_sizes(trader.truth())
    trader.check_books()


def test_answers_lost_by_the_venue_double_nothing(installation: Installation):
    trader = Trader(installation)
    plan = trader.preview(size="5000")
    try:
        installation.fault(
            {"where": "bybit.order.create*", "kind": "drop_answer", "count": 3},
            {"where": "bybit.order.create*", "kind": "error_500_before", "count": 2},
        )
        execution = trader.execute(plan)
    finally:
        installation.fault()
    assert execution["state"] in ENDED, execution["reason"]
    position = trader.get(f"/api/positions/{execution['position_id']}")
    assert held(position) == venue_sizes(trader.truth())
    trader.check_books()


def test_what_belongs_to_another_user_is_not_there(installation: Installation):
    owner, stranger = Trader(installation), Trader(installation)
    plan = owner.preview(size="2000")
    execution = owner.execute(plan)
    order = owner.get("/api/orders")["items"][0]
    for path in (
        f"/api/previews/{plan['id']}",
        f"/api/executions/{execution['id']}",
        f"/api/positions/{execution['position_id']}",
        f"/api/orders/{order['id']}",
        f"/api/connections/{owner.connection['id']}",
    ):
        assert stranger.http.get(path).status_code == 404, path
    assert stranger.confirm(plan).status_code == 404
    body = {"kind": "close", "position_id": execution["position_id"]}
    assert stranger.http.post("/api/previews", json=body).status_code == 404
    for path in ("/api/positions", "/api/orders", "/api/fills", "/api/payments", "/api/executions"):
        assert stranger.get(path)["items"] == []
