"""What wrong input gets: a status code that says so, a sentence, what to do, and no trace of a trade."""

import time
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from tests.e2e.installation import Installation
from tests.e2e.problems import assert_problem, nothing_happens, preview
from tests.e2e.trader import Trader

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def trader(installation: Installation) -> Trader:
    return Trader(installation)


@pytest.fixture(scope="module", autouse=True)
def old_preview(trader: Trader) -> dict[str, Any]:
    """Made first, so that it has expired, or nearly so, when its test comes last."""
    return trader.preview()


# --- sizes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size",
    ["-2000", -2000, "0", 0, "-0", "1e30", "100000000000000", "NaN", "-NaN", "Infinity", "-Infinity",
     "2000.001", "1e-9", "a lot", "", " ", "2,000", "0x7d0", None, True, [], {}, ["2000"], ...],
    ids=repr,
)  # fmt: skip
def test_a_size_that_is_none(trader: Trader, size: Any) -> None:
    with nothing_happens(trader):
        problem = assert_problem(preview(trader, size=size), 422, "size")
    assert {field["field"] for field in problem["fields"]} == {"size"}


@pytest.mark.parametrize(
    ("literal", "status"),
    [("NaN", 422), ("Infinity", 422), ("-Infinity", 422), ("2000,", 422), ("1" * 5000, 400)],
)
def test_a_size_that_is_not_json(trader: Trader, literal: str, status: int) -> None:
    body = (
        f'{{"kind": "open", "connection_id": "{trader.connection["id"]}", "index_id": "btc-d", '
        f'"direction": "long", "size": {literal}}}'
    )
    headers = {"Content-Type": "application/json"}
    with nothing_happens(trader):
        assert_problem(trader.http.post("/api/previews", content=body.encode(), headers=headers), status)


def test_more_than_is_carried_out_in_one_go(trader: Trader) -> None:
    with nothing_happens(trader):
        assert_problem(preview(trader, size="5000000.01"), 422, "at most 5,000,000 USDT")


@pytest.mark.parametrize("index_id", ["btc-d", "eth-d", "eth-btc", "top-10"])
def test_below_the_minimum_of_the_index(trader: Trader, index_id: str) -> None:
    least = Decimal(trader.get(f"/api/indices/{index_id}")["minimum"]["size"])
    with nothing_happens(trader):
        problem = assert_problem(preview(trader, index_id=index_id, size="5"), 422, f"{least:f} USDT")
        assert problem["type"] == "/problems/below-minimum"
        assert Decimal(problem["minimum"]) == least
    trader.preview(index_id=index_id, size=f"{least:f}")


def test_above_the_balance(trader: Trader) -> None:
    with nothing_happens(trader):
        plan = preview(trader, size="200000").raise_for_status().json()
        assert not plan["executable"]
        missing = Decimal(plan["totals"]["margin_needed"]) - Decimal(plan["totals"]["available"])
        told = plan["blocked_reason"].split(": ")[-1].split(" USDT are missing")[0].replace(",", "")
        assert abs(Decimal(told) - missing) < Decimal("0.02")
        assert_problem(trader.confirm(plan), 409, "are missing")


# --- what is asked for -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"index_id": "doge-d"}, 404),
        ({"index_id": "../../etc"}, 404),
        ({"index_id": "x" * 41}, 422),
        ({"connection_id": NOWHERE}, 404),
        ({"connection_id": "mine"}, 422),
        ({"direction": "sideways"}, 422),
        ({"index_id": "top-10", "direction": "short"}, 422),
        ({"kind": "double"}, 422),
        ({"kind": ...}, 422),
        ({"leverage": 5}, 422),
        ({"kind": "close"}, 422),
        ({"kind": "close", "position_id": NOWHERE, "connection_id": ..., "index_id": ..., "direction": ...,
          "size": ...}, 404),
    ],
)  # fmt: skip
def test_a_preview_of_what_is_not_there(trader: Trader, changes: dict[str, Any], status: int) -> None:
    with nothing_happens(trader):
        assert_problem(preview(trader, **changes), status)


@pytest.mark.parametrize(
    "collection", ["previews", "executions", "positions", "orders", "connections", "indices"]
)
def test_ids_that_are_none(trader: Trader, collection: str) -> None:
    assert_problem(trader.http.get(f"/api/{collection}/{NOWHERE}"), 404)
    assert_problem(trader.http.get(f"/api/{collection}/%00%ff"), 404 if collection == "indices" else 422)


@pytest.mark.parametrize("path", ["/api/orders", "/api/fills", "/api/payments", "/api/executions"])
def test_filters_that_cannot_be_read(trader: Trader, path: str) -> None:
    for query in ({"cursor": "%%%"}, {"limit": 0}, {"limit": 100_000}, {"limit": "many"}):
        assert_problem(trader.http.get(path, params=query), 422)


# --- executions --------------------------------------------------------------------------------------------


def test_an_execution_that_does_not_name_what_was_shown(trader: Trader) -> None:
    plan = trader.preview()
    with nothing_happens(trader):
        assert_problem(trader.confirm({**plan, "digest": "0" * 64}), 409, "not the plan you were shown")
        assert_problem(trader.confirm({**plan, "digest": "short"}), 409)
        assert_problem(trader.confirm({**plan, "id": NOWHERE}), 404, "no such preview")
        assert_problem(trader.confirm({**plan, "id": "1; DROP TABLE plans"}), 422)
        body = {"plan_id": plan["id"], "digest": plan["digest"]}
        assert_problem(trader.http.post("/api/executions", json=body), 400, "Idempotency-Key")
        blank = {"Idempotency-Key": ""}
        assert_problem(trader.http.post("/api/executions", json=body, headers=blank), 400)
        long = {"Idempotency-Key": "k" * 201}
        assert_problem(trader.http.post("/api/executions", json=body, headers=long), 422)


def test_another_users_preview(trader: Trader, installation: Installation) -> None:
    plan = trader.preview()
    stranger = Trader(installation)
    with nothing_happens(trader), nothing_happens(stranger):
        assert_problem(stranger.confirm(plan), 404)
        assert_problem(stranger.http.get(f"/api/previews/{plan['id']}"), 404)
        assert_problem(preview(stranger, connection_id=trader.connection["id"]), 404)


def test_nobody(trader: Trader, installation: Installation) -> None:
    plan = trader.preview()
    with nothing_happens(trader), httpx2.Client(base_url=installation.url) as nobody:
        body = {"plan_id": plan["id"], "digest": plan["digest"]}
        key = {"Idempotency-Key": uuid4().hex}
        assert_problem(nobody.post("/api/executions", json=body, headers=key), 401)
        forged = {**key, "Authorization": "Bearer x.y.z"}
        assert_problem(nobody.post("/api/executions", json=body, headers=forged), 401)


def test_one_key_for_two_intents_and_one_plan_twice(installation: Installation) -> None:
    trader, key = Trader(installation), uuid4().hex
    plan = trader.preview(index_id="eth-btc", size="1000")
    started = trader.confirm(plan, key=key).raise_for_status().json()
    trader.until_ended(started["id"])
    with nothing_happens(trader):
        other = trader.preview(index_id="eth-btc", size="1100")
        assert_problem(trader.confirm(other, key=key), 422)
        assert_problem(trader.confirm(plan), 409, "carried out already")
        assert trader.confirm(plan, key=key).json() == started


# --- keys --------------------------------------------------------------------------------------------------


KEY = {
    "environment": "simulated",
    "label": "Mine",
    "api_key": "A1b2C3d4E5f6G7h8",
    "api_secret": "S1t2U3v4W5x6Y7z8S1t2U3v4W5x6Y7z8",
}


@pytest.mark.parametrize(
    "changes",
    [
        {"api_key": "short"},
        {"api_key": "with spaces in it"},
        {"api_key": "k" * 129},
        {"api_key": "ключ-ключ-ключ"},
        {"api_key": None},
        {"api_secret": "-----BEGIN PRIVATE KEY-----"},
        {"api_secret": "A1b2C3d4E5f6G7h8"},
        {"api_secret": "s" * 257},
        {"environment": "live"},
        {"environment": "moon"},
        {"label": ""},
        {"label": "   "},
        {"label": "x" * 61},
        {"venue": "mtgox"},
    ],
)
def test_a_key_that_is_none(trader: Trader, changes: dict[str, Any]) -> None:
    body = {**KEY, **changes}
    with nothing_happens(trader):
        answer = trader.http.post("/api/connections", json=body, headers={"Idempotency-Key": uuid4().hex})
        assert_problem(answer, 422)
        assert body["api_secret"] not in answer.text


def test_a_key_without_an_idempotency_key(trader: Trader) -> None:
    with nothing_happens(trader):
        assert_problem(trader.http.post("/api/connections", json=KEY), 400, "Idempotency-Key")


# --- last, because it has to grow old ----------------------------------------------------------------------


def test_an_expired_preview(trader: Trader, old_preview: dict[str, Any]) -> None:
    left = datetime.fromisoformat(old_preview["expires_at"]).timestamp() - time.time()
    time.sleep(max(0.0, left) + 0.05)
    with nothing_happens(trader):
        assert_problem(trader.confirm(old_preview), 410, "expired", "new preview")
