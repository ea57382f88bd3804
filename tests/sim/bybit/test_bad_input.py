"""Whatever is sent, the answer is an envelope with a retCode; never a server error, never half an effect."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.sim.bybit.routes import ROUTES

from .conftest import Served
from .test_auth import signed

FIELDS = [
    "category",
    "symbol",
    "side",
    "orderType",
    "qty",
    "price",
    "timeInForce",
    "orderLinkId",
    "orderId",
    "marketUnit",
    "reduceOnly",
    "positionIdx",
    "slippageToleranceType",
    "slippageTolerance",
    "request",
    "limit",
    "cursor",
    "status",
    "interval",
    "start",
    "end",
    "startTime",
    "endTime",
    "accountType",
    "coin",
    "settleCoin",
    "baseCoin",
    "mode",
    "buyLeverage",
    "sellLeverage",
    "openOnly",
    "execType",
    "currency",
    "modifyEnable",
]
TEXTS = [
    "linear",
    "spot",
    "BTCUSDT",
    "Buy",
    "Sell",
    "Limit",
    "Market",
    "1",
    "0",
    "0.001",
    "1e-7",
    "-5",
    "NaN",
    "5",
    "UNIFIED",
    "USDT",
    "Percent",
    "TickSize",
    "quoteCoin",
    "IOC",
    "999999999999999999999999999999",
    "D",
    "%00",
    "ä",
    "3",
    "Funding",
    "²",
    "٣",
]
plausible = st.sampled_from(["", *TEXTS])
anything = st.one_of(
    plausible, st.none(), st.booleans(), st.integers(), st.floats(), st.lists(plausible, max_size=2),
    st.lists(st.dictionaries(st.sampled_from(FIELDS), plausible, max_size=6), max_size=3),
)  # fmt: skip
likely = st.fixed_dictionaries(
    {},
    optional={
        "category": st.sampled_from(["linear", "spot"]),
        "symbol": st.just("BTCUSDT"),
        "side": st.sampled_from(["Buy", "Sell"]),
        "orderType": st.sampled_from(["Limit", "Market"]),
        "accountType": st.just("UNIFIED"),
        "settleCoin": st.just("USDT"),
    },
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ROUTES), likely, st.dictionaries(st.sampled_from(FIELDS), anything, max_size=6))
def test_any_parameters(served: Served, route: Any, first: dict[str, Any], more: dict[str, Any]) -> None:
    account = served.account(rate_limits={route.name: 1000})
    parameters = {**first, **more}
    if route.method == "POST":
        payload = json.dumps(parameters)
        headers = signed(served, account, payload)
        answer = requests.post(served.url + route.path, data=payload, headers=headers, timeout=30)
    else:
        payload = urlencode({name: str(value) for name, value in parameters.items()})
        headers = signed(served, account, payload)
        answer = requests.get(f"{served.url}{route.path}?{payload}", headers=headers, timeout=30)
    assert answer.status_code == 200, (route.path, parameters, answer.text)
    body = answer.json()
    assert isinstance(body["retCode"], int)
    assert body["retCode"] != 0 or route.method == "GET" or "retMsg" in body
    if body["retCode"]:
        assert body["result"] == {}
        assert not account.orders


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"\xff\xfe", b"null", b'{"request": {}}'])
def test_bodies_that_are_not_objects(served: Served, body: bytes) -> None:
    account = served.account()
    headers = signed(served, account, body.decode("latin-1"))
    if not body.isascii():
        headers = {**headers, "X-BAPI-SIGN": "0" * 64}
    answer = requests.post(
        f"{served.url}/v5/order/create-batch", data=body, headers=headers, timeout=30
    ).json()
    assert answer["retCode"] in (10001, 10004)


def test_bad_account_specifications_are_explained(served: Served) -> None:
    for spec, hint in (
        ({"balances": {"USDT": "NaN"}}, "balances"),
        ({"colour": "red"}, "colour"),
        ({"positions": [{"symbol": "NOPE", "size": "1"}]}, "NOPE"),
        ({"behaviour": {"match_delay_ms": -1}}, "match_delay_ms"),
    ):
        answer = requests.post(f"{served.url}/_sim/accounts", json=spec, timeout=30)
        assert answer.status_code in (400, 422)
        assert hint in answer.text


@pytest.mark.parametrize("number", ["²", "٣", "1_000", " 5", "0x10", "9" * 40])
def test_only_plain_digits_are_numbers(served: Served, number: str) -> None:
    for name in ("limit", "start"):
        query = {"category": "linear", "symbol": "BTCUSDT", "interval": "1", name: number}
        answer = requests.get(f"{served.url}/v5/market/kline", params=query, timeout=30)
        assert answer.status_code == 200
        assert answer.json()["retCode"] == 10001
