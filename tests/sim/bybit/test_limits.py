"""Rate limits: rolling second per account and endpoint, batch tails, headers, and the limit per address."""

import time
from typing import Any

import pytest
import requests
from pybit.exceptions import InvalidRequestError

from holdfast.sim.bybit import limits
from holdfast.sim.bybit.limits import AddressLimit, Buckets

from .conftest import Served

ORDER = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.001"}


def test_the_second_rolls() -> None:
    buckets = Buckets()
    assert [
        buckets.take("u", "order.create", "linear", 2, at).granted
        for at in (0, 400, 900, 999, 1000, 1399, 1400)
    ] == [1, 1, 0, 0, 1, 0, 1]


def test_reset_is_now_until_the_limit_is_exceeded() -> None:
    buckets = Buckets()
    first = buckets.take("u", "order.create", "linear", 1, 5000)
    assert (first.remaining, first.reset_ms) == (0, 5000)
    assert buckets.take("u", "order.create", "linear", 1, 5300).reset_ms == 6000


def test_buckets_are_apart_by_account_endpoint_and_category() -> None:
    buckets = Buckets()
    for who, what, where in (
        ("a", "x", "linear"),
        ("b", "x", "linear"),
        ("a", "y", "linear"),
        ("a", "x", "spot"),
    ):
        assert buckets.take(who, what, where, 1, 0).granted == 1


def test_overflow_falls_on_the_tail() -> None:
    buckets = Buckets()
    assert buckets.take("u", "order.create-batch", "linear", 10, 0, 7).granted == 7
    assert buckets.take("u", "order.create-batch", "linear", 10, 0, 7).granted == 3


def test_an_address_is_shut_out_and_let_in_again() -> None:
    limit = AddressLimit(3, 1000)
    assert [limit.allows("a", 0) for _ in range(4)] == [True, True, True, False]
    assert not limit.allows("a", 999)
    assert limit.allows("b", 0)
    assert limit.allows("a", 6000)


def test_10006_with_headers_and_recovery(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WINDOW_MS", 30_000)  # however slow this machine is
    account = served.account(rate_limits={"order.create": 3})
    client = served.client(account, return_response_headers=True)
    order = {**ORDER, "price": "50000"}
    seen = [client.place_order(**order)[2]["X-Bapi-Limit-Status"] for _ in range(3)]
    assert seen == ["2", "1", "0"]
    with pytest.raises(InvalidRequestError) as caught:
        client.place_order(**order)
    assert caught.value.status_code == 10006
    headers = caught.value.resp_headers
    assert headers["X-Bapi-Limit"] == "3"
    assert 0 < int(headers["X-Bapi-Limit-Reset-Timestamp"]) / 1000 - time.time() <= 30
    assert len(account.orders) == 3
    monkeypatch.undo()
    time.sleep(limits.WINDOW_MS / 1000)
    assert client.place_order(**order)[0]["retCode"] == 0
    assert len(account.orders) == 4


def test_the_tail_of_a_batch_fails_with_the_top_code_zero(served: Served) -> None:
    client = served.client(served.account(rate_limits={"order.create-batch": 2}))
    requests_ = [{**ORDER, "price": "50000", "orderLinkId": f"tail-{n}"} for n in range(4)]
    answer: Any = client.place_batch_order(category="linear", request=requests_)
    assert answer["retCode"] == 0
    assert [one["code"] for one in answer["retExtInfo"]["list"]] == [0, 0, 10006, 10006]
    assert [bool(one["orderId"]) for one in answer["result"]["list"]] == [True, True, False, False]


def test_too_many_requests_from_one_address_get_403(
    strict_address: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IP_WINDOW_MS", 60_000)  # however slow this machine is
    statuses = [
        requests.get(f"{strict_address.url}/v5/market/time", timeout=30).status_code for _ in range(32)
    ]
    assert statuses == [200] * 30 + [403] * 2
