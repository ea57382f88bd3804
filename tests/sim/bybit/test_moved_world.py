"""The control door moves the clock and the market; unmodified clients go on working."""

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests
from pybit import unified_trading

from holdfast.sim.bybit.venue import VenueSettings

from .conftest import Served, serve
from .test_pybit import BTC, final, listens, rests, until

DAY_MS = 86_400_000


@pytest.fixture
def movable() -> Iterator[Served]:
    yield from serve(VenueSettings())


def door(served: Served, path: str, **body: Any) -> Any:
    answer = requests.post(f"{served.url}/_sim/{path}", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_day_passes_and_funding_is_settled(movable: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    account = movable.account()
    client = movable.client(account)
    client.place_order(**BTC, side="Sell", orderType="Market", qty="0.5", orderLinkId="short")
    final(client, "short")
    door(movable, "clock", advance_ms=DAY_MS)
    log = {"accountType": "UNIFIED", "category": "linear", "currency": "USDT", "type": "SETTLEMENT"}
    rows = until(lambda: client.get_transaction_log(**log)["result"]["list"])
    assert len(rows) == 3
    stamps = [int(row["transactionTime"]) for row in rows]
    fills = client.get_executions(category="linear", execType="Funding")["result"]["list"]
    received = sum(Decimal(row["funding"]) for row in rows)
    assert sum(Decimal(fill["execFee"]) for fill in fills) == -received
    rates = client.get_funding_rate_history(**BTC, startTime=min(stamps), endTime=max(stamps))["result"][
        "list"
    ]
    expected = {int(row["fundingRateTimestamp"]): Decimal(row["fundingRate"]) for row in rates}
    for fill in fills:
        assert Decimal(fill["feeRate"]) == -expected[int(fill["execTime"])]
        assert Decimal(fill["execValue"]) == Decimal("0.5") * Decimal(fill["markPrice"])
    heard: list[Any] = []
    monkeypatch.setattr(unified_trading, "PRIVATE_WSS", movable.ws + "/v5/private")
    stream = unified_trading.WebSocket(
        channel_type="private",
        testnet=False,
        api_key=account.key.key,
        api_secret=account.key.secret,
        private_auth_expire=30,
    )
    stream.order_stream(heard.append)
    until(lambda: listens(account, "order"))
    client.place_order(**BTC, side="Buy", orderType="Market", qty="0.5", reduceOnly=True, orderLinkId="back")
    until(lambda: heard)
    stream.exit()


def test_what_is_older_than_a_week_is_told_where_its_time_is_named(movable: Served) -> None:
    account = movable.account()
    client = movable.client(account)
    client.place_order(**BTC, side="Buy", orderType="Market", qty="0.01", orderLinkId="old")
    made = int(final(client, "old")["createdTime"])
    door(movable, "clock", advance_ms=8 * DAY_MS)
    week = {"startTime": made - 60_000, "endTime": made + DAY_MS}
    for named in ({}, {"orderLinkId": "old"}):
        for read in (client.get_order_history, client.get_executions):
            asked = {**BTC, "execType": "Trade"} if read == client.get_executions else BTC
            assert read(**asked, **named)["result"]["list"] == []
            (row,) = read(**asked, **named, **week)["result"]["list"]
            assert row["orderLinkId"] == "old"


def test_a_delisted_contract_leaves_the_list_and_closes_positions(movable: Served, refused: Any) -> None:
    doge = {"category": "linear", "symbol": "DOGEUSDT"}
    account = movable.account(positions=[{"symbol": "DOGEUSDT", "size": "1000"}])
    client = movable.client(account)
    door(movable, "market", op="delist", symbol="DOGEUSDT", in_ms=3_600_000)
    announced = client.get_instruments_info(**doge)["result"]["list"][0]
    assert int(announced["deliveryTime"]) > time.time() * 1000
    door(movable, "clock", advance_ms=3_700_000)
    until(lambda: not client.get_positions(**doge)["result"]["list"][0]["side"])
    assert client.get_instruments_info(**doge)["result"]["list"] == []
    assert client.get_instruments_info(**doge, status="Delivering")["result"]["list"]
    last = client.get_executions(**doge)["result"]["list"][0]
    assert (last["execType"], last["orderLinkId"], last["createType"]) == ("Delivery", "", "CreateBySettle")
    order = {"side": "Buy", "orderType": "Market", "qty": "1000"}
    assert refused(client.place_order, **doge, **order) in (110023, 110074)


def test_a_shock_moves_profit_and_resting_orders(movable: Served) -> None:
    account = movable.account(positions=[{"symbol": "BTCUSDT", "size": "1"}])
    client = movable.client(account)
    limit = client.get_price_limit(**BTC)["result"]["buyLmt"]
    client.place_order(**BTC, side="Sell", orderType="Limit", qty="1", price=limit, orderLinkId="take-profit")
    until(lambda: rests(movable, "BTCUSDT", "take-profit"))
    door(movable, "market", op="shock", symbol="BTCUSDT", factor=1.05)
    order = until(lambda: client.get_order_history(**BTC, orderLinkId="take-profit")["result"]["list"])[0]
    assert (order["orderStatus"], order["avgPrice"]) == ("Filled", limit.rstrip("0").rstrip("."))
    assert client.get_executions(**BTC)["result"]["list"][0]["isMaker"] is True
