"""Signatures over raw bytes and the clock window, by the vectors of the contract and over a raw socket."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from holdfast.sim.bybit.auth import sign, within_window

from .conftest import Served

KEY, SECRET, STAMP, WINDOW = "TESTKEY", "TESTSECRET", "1700000000000", "5000"
VECTORS = [
    ("accountType=UNIFIED&coin=USDT", "69ba88c997f8c6a996b6d9821e5adf4bc276e8899ebde0fb068d641c2bc6353f"),
    ("category=linear&settleCoin=USDT", "dc8e593110ff49c43a517f3ed702e687ff6794edf7286e1f3e14ce21df3c23f5"),
    (
        '{"category": "spot", "symbol": "BTCUSDT"}',
        "3d95669082a09d6b4315263414d501383277e97a8aa1f39bed2a2f9ba8073e20",
    ),
    (
        '{"category":"spot","symbol":"BTCUSDT"}',
        "19e3fa222f4b80d8422cc2d8513a8ab0300e501da09c39d0c46dd49c42dffb65",
    ),
    (
        '{"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "1", "sellLeverage": "1"}',
        "fb3467cb64f3192d50751e411163a4a0609023475611076ca5c811f097704397",
    ),
]


@pytest.mark.parametrize(("payload", "signature"), VECTORS)
def test_rest_vectors(payload: str, signature: str) -> None:
    assert sign(SECRET, STAMP + KEY + WINDOW + payload) == signature


def test_websocket_vector() -> None:
    expected = "83cab635ca907358b8d41b6576239a6b4e5e838bbc0514d3cee5545cc0e12872"
    assert sign(SECRET, "GET/realtime1700000001000") == expected


def test_clock_window_edges() -> None:
    now = 1_700_000_000_000
    assert within_window(now - 5000, 5000, now)
    assert not within_window(now - 5001, 5000, now)
    assert within_window(now + 999, 5000, now)
    assert not within_window(now + 1000, 5000, now)


def signed(
    served: Served, account: Any, payload: str, *, shift_ms: int = 0, window: str = WINDOW
) -> dict[str, str]:
    stamp = str(served.venue.clock.now_ms() + shift_ms)
    key = account.key
    return {
        "X-BAPI-API-KEY": key.key,
        "X-BAPI-TIMESTAMP": stamp,
        "X-BAPI-RECV-WINDOW": window,
        "X-BAPI-SIGN": sign(key.secret, stamp + key.key + window + payload),
        "Content-Type": "application/json",
    }


def get(served: Served, account: Any, query: str, **options: Any) -> int:
    headers = signed(served, account, options.pop("signed_query", query), **options)
    answer = requests.get(f"{served.url}/v5/account/wallet-balance?{query}", headers=headers, timeout=30)
    assert answer.status_code == 200
    return int(answer.json()["retCode"])


def test_the_raw_query_is_what_is_signed(served: Served) -> None:
    account = served.account()
    assert get(served, account, "accountType=UNIFIED&coin=USDT%2CBTC") == 0
    assert (
        get(
            served,
            account,
            "accountType=UNIFIED&coin=USDT%2CBTC",
            signed_query="accountType=UNIFIED&coin=USDT,BTC",
        )
        == 10004
    )
    assert get(served, account, "coin=USDT&accountType=UNIFIED") == 0
    assert (
        get(served, account, "coin=USDT&accountType=UNIFIED", signed_query="accountType=UNIFIED&coin=USDT")
        == 10004
    )


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_the_raw_body_is_what_is_signed(served: Served, separators: tuple[str, str]) -> None:
    account = served.account()
    order = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.001"}
    body = json.dumps(order, separators=separators)
    other = json.dumps(order, separators=(", ", ": ") if separators[0] == "," else (",", ":"))
    address = f"{served.url}/v5/order/create"
    good = requests.post(address, data=body, headers=signed(served, account, body), timeout=30).json()
    assert good["retCode"] == 0
    bad = requests.post(address, data=body, headers=signed(served, account, other), timeout=30).json()
    assert bad["retCode"] == 10004


@pytest.mark.parametrize(("shift_ms", "window", "code"), [
    (1500, "5000", 10002), (-6000, "5000", 10002), (-6000, "10000", 0), (0, "5000", 0), (0, "soon", 10001),
])  # fmt: skip
def test_the_clock_window_over_the_wire(served: Served, shift_ms: int, window: str, code: int) -> None:
    assert get(served, served.account(), "accountType=UNIFIED", shift_ms=shift_ms, window=window) == code


def test_keys_that_do_not_work(served: Served) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert get(served, served.account(expires=yesterday), "accountType=UNIFIED") == 33004
    assert get(served, served.account(ips=["203.0.113.9"]), "accountType=UNIFIED") == 10010
    assert get(served, served.account(ips=["127.0.0.1"]), "accountType=UNIFIED") == 0
    unsigned = requests.get(f"{served.url}/v5/account/wallet-balance?accountType=UNIFIED", timeout=30)
    assert unsigned.json()["retCode"] == 10003


def test_permissions_guard_writes(served: Served, refused: Any) -> None:
    order = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.001"}
    leverage = {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "2", "sellLeverage": "2"}
    watching = served.client(served.account(read_only=True))
    assert refused(watching.place_order, **order) == 10005
    assert watching.get_wallet_balance(accountType="UNIFIED")["retCode"] == 0
    no_position = served.client(served.account(permissions={"ContractTrade": ["Order"]}))
    assert no_position.place_order(**order)["retCode"] == 0
    assert refused(no_position.set_leverage, **leverage) == 10005
    assert refused(no_position.place_order, **order | {"category": "spot", "qty": "10"}) == 10005
