"""The simulator's answers have the fields of the documented examples."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from .conftest import Served
from .test_pybit import BTC, far_price, final
from .test_streams import connected, private

SHARED = Path(os.environ.get("HOLDFAST_SHARED", Path(__file__).parents[3].parent / "shared"))
SAMPLES = SHARED / "reference" / "contract_samples" / "bybit" / "docs"

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no documented samples at {SAMPLES}")

LEFT_OUT = {
    "mmrSysUpdateTime",  # a misprint of mmrSysUpdatedTime, which is sent
    "inviterIDInt64", "userIDInt64", "affiliateIDInt64",
    "MNT",  # a fee coin the example's account had chosen
}  # fmt: skip


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def missing(theirs: Any, ours: Any, path: str = "") -> list[str]:
    """Members of ``theirs`` that ``ours`` lacks, by path; a list stands for its first element."""
    if isinstance(theirs, dict):
        if not isinstance(ours, dict):
            return [f"{path} is not an object"]
        found = [f"{path}.{name}" for name in theirs if name not in ours and name not in LEFT_OUT]
        for name in theirs.keys() & ours.keys():
            found += missing(theirs[name], ours[name], f"{path}.{name}")
        return found
    if isinstance(theirs, list) and theirs and not isinstance(theirs[0], str):
        return missing(theirs[0], ours[0], f"{path}[0]") if isinstance(ours, list) and ours else []
    same = isinstance(ours, type(theirs)) or theirs is None or ours is None
    return [] if same else [f"{path} is {type(ours).__name__}, not {type(theirs).__name__}"]


@pytest.fixture(scope="module")
def answers(served: Served) -> dict[str, Any]:
    """One answer of every endpoint, from an account on which something happened."""
    client = served.client(served.account())
    client.place_order(**BTC, side="Buy", orderType="Market", qty="0.002", orderLinkId="in")
    final(client, "in")
    client.place_order(**BTC, side="Sell", orderType="Market", qty="0.001", orderLinkId="out")
    final(client, "out")
    price = far_price(client)
    resting = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.001", "price": price}
    batch = client.place_batch_order(category="linear", request=[{**resting, "orderLinkId": "rest"}])
    return {
        "account__account-info__01": client.get_account_info(),
        "account__fee-rate__01": client.get_fee_rates(category="linear", symbol="BTCUSDT"),
        "account__get-user-setting-config__01": client.get_user_setting_config(),
        "account__transaction-log__01": client.get_transaction_log(accountType="UNIFIED"),
        "account__wallet-balance__01": client.get_wallet_balance(accountType="UNIFIED"),
        "market__history-fund-rate__01": client.get_funding_rate_history(**BTC),
        "market__instrument__01": client.get_instruments_info(**BTC),
        "market__instrument__02": client.get_instruments_info(category="linear", status="PreLaunch"),
        "market__instrument__04": client.get_instruments_info(category="spot", symbol="BTCUSDT"),
        "market__kline__01": client.get_kline(**BTC, interval="1"),
        "market__order-price-limit__01": client.get_price_limit(**BTC),
        "market__orderbook__01": client.get_orderbook(**BTC),
        "market__recent-trade__01": client.get_public_trade_history(**BTC),
        "market__risk-limit__01": client.get_risk_limit(**BTC),
        "market__tickers__01": client.get_tickers(**BTC),
        "market__tickers__03": client.get_tickers(category="spot", symbol="BTCUSDT"),
        "market__time__01": client.get_server_time(),
        "order__batch-place__01": batch,
        "order__open-order__01": client.get_open_orders(**BTC),
        "order__amend-order__01": client.amend_order(**BTC, orderLinkId="rest", qty="0.002"),
        "order__cancel-all__01": client.cancel_all_orders(**BTC),
        "order__execution__01": client.get_executions(**BTC),
        "order__order-list__01": client.get_order_history(**BTC),
        "position__close-pnl__01": client.get_closed_pnl(**BTC),
        "position__position__01": client.get_positions(**BTC),
        "user__apikey-info__01": client.get_api_key_information(),
    }


NAMES = [
    "account__account-info__01", "account__fee-rate__01", "account__get-user-setting-config__01",
    "account__transaction-log__01", "account__wallet-balance__01", "market__history-fund-rate__01",
    "market__instrument__01", "market__instrument__02", "market__instrument__04", "market__kline__01",
    "market__order-price-limit__01", "market__orderbook__01", "market__recent-trade__01",
    "market__risk-limit__01", "market__tickers__01", "market__tickers__03", "market__time__01",
    "order__batch-place__01",
    "order__open-order__01", "order__amend-order__01", "order__cancel-all__01", "order__execution__01",
    "order__order-list__01", "position__close-pnl__01", "position__position__01", "user__apikey-info__01",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_rest_answers_have_the_documented_fields(answers: dict[str, Any], name: str) -> None:
    assert missing(sample(name), answers[name]) == []


async def test_public_frames_have_the_documented_fields(served: Served) -> None:
    topics = {
        "orderbook.50.BTCUSDT": "websocket__public__orderbook__01",
        "tickers.BTCUSDT": "websocket__public__ticker__01",
        "kline.5.BTCUSDT": "websocket__public__kline__01",
        "publicTrade.BTCUSDT": "websocket__public__trade__01",
    }
    async with connected(served, "/v5/public/linear") as stream:
        await stream.send("subscribe", *topics)
        for topic, name in topics.items():
            gaps = missing(sample(name), await stream.next(topic=topic))
            assert gaps == []


async def test_private_frames_have_the_documented_fields(served: Served) -> None:
    account = served.account()
    topics = {
        "execution": "websocket__private__execution__02",
        "order": "websocket__private__order__02",
        "position": "websocket__private__position__02",
        "wallet": "websocket__private__wallet__02",
    }
    async with private(served, account, *topics) as stream:
        served.client(account).place_order(**BTC, side="Buy", orderType="Market", qty="0.001")
        for topic, name in topics.items():
            assert missing(sample(name), await stream.next(topic=topic)) == []
