"""Every documented Bybit answer that concerns us is read, and read right.

The samples are examples of the vendor's documentation and fixtures of another adapter; they are not part of
this repository. HOLDFAST_SHARED names the folder that holds ``reference/contract_samples``.
"""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.instruments import InstrumentKind, InstrumentStatus, Side
from holdfast.venues.bybit import errors, parse, parse_market
from holdfast.venues.bybit.private_stream import BybitAccountStream
from holdfast.venues.protocol import (
    FillReport,
    KeyRefused,
    OrderReport,
    OrderStatus,
    PositionHint,
    Rejected,
    StreamGap,
    WalletHint,
)

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("HOLDFAST_SHARED") or ROOT.parent / "shared")
SAMPLES = SHARED / "reference/contract_samples/bybit"
FILES = sorted(SAMPLES.glob("*/*.json"))
NOW = datetime(2026, 11, 21, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not FILES, reason=f"the contract samples are not at {SAMPLES}")


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text(), parse_float=Decimal)


def result(name: str) -> Any:
    return sample(name)["result"]


def rows(name: str) -> list[Any]:
    found: list[Any] = result(name)["list"]
    return found


def matching(*patterns: str) -> list[str]:
    names = {f"{f.parent.name}/{f.stem}" for pattern in patterns for f in SAMPLES.glob(f"{pattern}.json")}
    return sorted(names)


def all_of(*patterns: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", matching(*patterns))


@all_of(
    "docs/order__open-order*",
    "docs/order__order-list*",
    "nautilus/http_get_order_*",
    "nautilus/http_get_orders_*",
)
def test_orders(name: str) -> None:
    assert rows(name)
    for row in rows(name):
        report = parse.order(row)
        assert report.quantity == Decimal(row["qty"])
        assert report.filled_quantity == Decimal(row["cumExecQty"] or 0)
        assert report.client_id == (row["orderLinkId"] or "")
        assert report.side.value == row["side"].lower()
        still_open = row["orderStatus"] in ("New", "PartiallyFilled", "Untriggered")
        assert (report.status is OrderStatus.OPEN) == still_open
        if report.status is OrderStatus.REJECTED:
            assert report.filled_quantity == 0
        if report.filled_quantity:
            assert report.average_price is not None
            assert report.average_price > 0


def test_a_rejected_order_with_fills_is_not_a_refusal() -> None:
    [row] = rows("nautilus/http_get_order_partially_filled_rejected")
    report = parse.order(row)
    assert (report.status, report.filled_quantity) == (OrderStatus.CANCELLED, Decimal("0.005"))


@all_of("docs/order__execution*", "nautilus/http_get_executions*")
def test_executions(name: str) -> None:
    wanted = {row["execId"]: row for row in rows(name) if row["execType"] != "Funding"}
    fills = parse.fills(rows(name))
    assert {fill.exec_id for fill in fills} == set(wanted)
    assert [fill.executed_at for fill in fills] == sorted(fill.executed_at for fill in fills)
    for fill in fills:
        row = wanted[fill.exec_id]
        assert (fill.quantity, fill.price) == (Decimal(row["execQty"]), Decimal(row["execPrice"]))
        assert fill.fee == Decimal(row["execFee"])
        assert fill.fee_asset == (row["feeCurrency"] or "USDT")


@all_of("docs/account__transaction-log*")
def test_transaction_log(name: str) -> None:
    settled = [row for row in rows(name) if row["type"] == "SETTLEMENT"]
    reports = parse.funding(rows(name))
    assert len(reports) == len(settled)
    [paid] = reports
    assert (paid.symbol, paid.amount, paid.rate, paid.position) == (
        "XRPUSDT",
        Decimal("-0.003676"),
        Decimal("0.0001"),
        Decimal(100),
    )
    price = Decimal(settled[0]["tradePrice"])
    assert paid.amount == -(paid.position * price * paid.rate)


@all_of("docs/position__position__*")
def test_positions(name: str) -> None:
    for row in rows(name):
        position = parse.position(row)
        size = Decimal(row["size"])
        assert position.quantity == (-size if row["side"] == "Sell" else size)
        assert position.entry_price == Decimal(row["avgPrice"])
        assert position.liquidation_price == (Decimal(row["liqPrice"]) if row["liqPrice"] else None)


@all_of("docs/account__wallet-balance*", "nautilus/http_get_wallet_balance*")
def test_balances(name: str) -> None:
    [row] = rows(name)
    balance = parse.balance(row)
    usdt = next((coin for coin in row["coin"] if coin["coin"] == "USDT"), {})
    assert balance.borrowed == Decimal(usdt.get("borrowAmount") or 0)
    if usdt.get("usdValue", "0") == usdt.get("equity", "0"):
        assert balance.available == Decimal(row["totalAvailableBalance"])
        assert balance.equity == Decimal(row["totalEquity"])


@all_of("docs/user__apikey-info*", "nautilus/http_get_user_query_api*")
def test_keys(name: str) -> None:
    key = parse.key_info(result(name))
    assert key.uid == "1448939"
    assert key.read_only
    assert key.unified
    assert key.permissions["Wallet"] == ["AccountTransfer", "SubMemberTransfer"]
    assert key.permissions["FiatGlobalPay"] == []
    assert key.expires_at is None
    assert "18.181.170.164" in key.ips
    assert set(key.permissions) == set(result(name)["permissions"])


@all_of("docs/account__account-info*", "nautilus/http_get_account_info*")
def test_account_modes(name: str) -> None:
    account = parse.account_info(result(name))
    assert account.unified
    assert account.margin_mode == "cross"


@all_of("docs/account__fee-rate*", "nautilus/http_get_fee_rate*")
def test_fee_rates(name: str) -> None:
    rates = parse.fee_rates(rows(name))
    assert set(rates) == {row["symbol"] for row in rows(name)}
    assert all(rates[row["symbol"]].taker == Decimal(row["takerFeeRate"]) for row in rows(name))


@all_of("docs/market__instrument*", "nautilus/http_get_instruments_linear*")
def test_linear_instruments(name: str) -> None:
    perpetuals = {
        row["symbol"]: row
        for row in rows(name)
        if row.get("contractType") == "LinearPerpetual"
        and row.get("settleCoin") == "USDT"
        and row.get("symbolType", "") not in ("stock", "commodity", "forex")
    }
    found = {i.symbol: i for i in parse_market.instruments(rows(name), InstrumentKind.LINEAR)}
    assert set(found) == set(perpetuals)
    for symbol, instrument in found.items():
        row = perpetuals[symbol]
        assert instrument.tick == Decimal(row["priceFilter"]["tickSize"])
        assert instrument.lot == Decimal(row["lotSizeFilter"]["qtyStep"])
        assert instrument.min_notional == Decimal(row["lotSizeFilter"]["minNotionalValue"])
        assert instrument.max_market_quantity <= instrument.max_limit_quantity
        freely = row["status"] == "Trading" and row["deliveryTime"] == "0" and not row.get("isPreListing")
        assert (instrument.status is InstrumentStatus.TRADING) == freely


@all_of("nautilus/http_get_instruments_spot*")
def test_spot_instruments(name: str) -> None:
    found = {i.symbol: i for i in parse_market.instruments(rows(name), InstrumentKind.SPOT)}
    assert found
    for row in rows(name):
        assert found[row["symbol"]].lot == Decimal(row["lotSizeFilter"]["basePrecision"])


@all_of("docs/market__tickers*")
def test_tickers(name: str) -> None:
    for row in rows(name):
        found = parse_market.quotes([row], NOW)
        if not (row["bid1Price"] and row["ask1Price"]):
            assert found == []
            continue
        assert found[0].last == Decimal(row["lastPrice"])
        assert found[0].mark == Decimal(row.get("markPrice") or row["lastPrice"])
        assert found[0].turnover_24h == Decimal(row["turnover24h"])


@all_of("docs/market__orderbook__*", "nautilus/http_get_orderbook*")
def test_books(name: str) -> None:
    book = parse_market.book(result(name))
    assert book.symbol == result(name)["s"]
    assert [list(map(str, level)) for level in book.bids] == result(name)["b"]
    assert book.bids[0][0] < book.asks[0][0]


@all_of("docs/market__kline__*", "nautilus/http_get_klines*")
def test_candles(name: str) -> None:
    candles = parse_market.candles(result(name))
    assert len(candles) == len(rows(name))
    assert [c.open_time for c in candles] == sorted(c.open_time for c in candles)
    assert all(c.low <= min(c.open, c.close) <= max(c.open, c.close) <= c.high for c in candles)


def test_price_limit_and_time() -> None:
    limit = parse_market.price_limit(result("docs/market__order-price-limit__01"))
    assert limit.highest_buy > limit.lowest_sell
    stamp = sample("docs/market__time__01")
    assert abs(parse_market.server_time(stamp["result"]).timestamp() * 1000 - stamp["time"]) < 1000


async def nobody() -> datetime:
    return NOW


def told(name: str, kind: InstrumentKind) -> list[Any]:
    stream = BybitAccountStream("ws://nowhere", "KEY", "SECRET", nobody, kind=kind)
    return list(stream._events(sample(name)))


STREAMED: dict[str, tuple[type, Callable[[Any, Any], bool]]] = {
    "order": (OrderReport, lambda e, row: e.filled_quantity == Decimal(row["cumExecQty"])),
    "execution": (FillReport, lambda e, row: e.quantity == Decimal(row["execQty"])),
    "position": (PositionHint, lambda e, row: abs(e.position.quantity) == Decimal(row["size"])),
    "wallet": (WalletHint, lambda e, row: e.balance.equity == Decimal(row["totalEquity"])),
}


@all_of("docs/websocket__private__*__02", "nautilus/ws_account_*")
def test_the_private_stream(name: str) -> None:
    frame = sample(name)
    topic = frame.get("topic", "")
    events = told(name, InstrumentKind.LINEAR)
    if topic not in STREAMED:
        assert events == []
        return
    shape, agrees = STREAMED[topic]
    ours = [row for row in frame["data"] if row.get("category", "linear") == "linear"]
    assert len(events) == len(ours)
    for event, row in zip(events, ours, strict=True):
        assert isinstance(event, shape)
        assert agrees(event, row)
    assert not any(isinstance(event, StreamGap) for event in events)


def test_taxes_on_the_stream_are_part_of_the_fee() -> None:
    [fill] = told("docs/websocket__private__execution__02", InstrumentKind.LINEAR)
    assert fill.fee == Decimal("26.3725275") + Decimal("0.006403779")
    assert (fill.side, fill.fee_asset) == (Side.SELL, "USDT")


def test_a_closed_position_on_the_stream_is_flat_and_tells_of_hedge_mode() -> None:
    [hint] = told("docs/websocket__private__position__02", InstrumentKind.LINEAR)
    assert hint.position.quantity == 0
    assert hint.position.hedge_mode


def test_documented_refusals_mean_what_the_table_says() -> None:
    items = sample("docs/order__batch-cancel__01")["retExtInfo"]["list"]
    refused = errors.from_code(items[1]["code"], items[1]["msg"], write=True, now=NOW)
    assert isinstance(refused, Rejected)
    login = sample("nautilus/ws_auth_failure")
    assert isinstance(errors.from_code(login["retCode"], login["retMsg"], write=False, now=NOW), KeyRefused)


def answers_over_rest() -> list[str]:
    found = {f"{path.parent.name}/{path.stem}": json.loads(path.read_text()) for path in FILES}
    return [name for name, f in found.items() if isinstance(f, dict) and {"retCode", "result"} <= f.keys()]


@pytest.mark.parametrize("name", answers_over_rest())
def test_the_envelopes_are_what_the_transport_judges_by(name: str) -> None:
    frame = sample(name)
    if frame["retCode"] == 0:
        assert isinstance(frame["result"], dict)
    else:
        assert errors.from_code(frame["retCode"], frame["retMsg"], write=False, now=NOW).code
