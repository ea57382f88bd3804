"""Account data: what the rows of Bybit mean, over REST and over the stream."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.instruments import Side
from holdfast.venues.bybit import parse
from holdfast.venues.bybit.fields import Malformed
from holdfast.venues.protocol import OrderStatus

FIXTURES = Path(__file__).parent / "fixtures"


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


ORDERS = fixture("orders")
KEYS = fixture("keys")
WALLETS = fixture("wallets")


@pytest.mark.parametrize(
    ("name", "status", "filled", "average", "reason"),
    [
        ("filled", OrderStatus.FILLED, "0.35", "3000", ""),
        ("open", OrderStatus.OPEN, "0.25", "3000", ""),
        ("ioc_remainder_cancelled", OrderStatus.CANCELLED, "0.40", "3000", "EC_NoImmediateQtyToFill"),
        ("cancelled_after_all_was_filled", OrderStatus.FILLED, "1", "3000", "EC_OrigClOrdIDDoesNotExist"),
        ("nothing_filled", OrderStatus.CANCELLED, "0", None, "CancelByReduceOnly"),
        ("rejected", OrderStatus.REJECTED, "0", None, "EC_ReachRiskPriceLimit"),
        ("rejected_with_fills", OrderStatus.CANCELLED, "0.5", "3000", "EC_ReachMaxTradeNum"),
        ("spot_quote_sized_buy", OrderStatus.CANCELLED, "0.0333", "3000", ""),
        ("spot_quote_sized_cheap_coin", OrderStatus.CANCELLED, "9000000", "0.00001", ""),
    ],
)
def test_an_order_is_judged_by_what_was_filled(
    name: str, status: OrderStatus, filled: str, average: str | None, reason: str
) -> None:
    report = parse.order(ORDERS[name])
    assert report.status is status
    assert report.filled_quantity == Decimal(filled)
    assert report.average_price == (Decimal(average) if average else None)
    assert report.reason == reason


def test_an_order_keeps_its_names_side_and_moment() -> None:
    report = parse.order(ORDERS["filled"])
    assert (report.client_id, report.venue_order_id, report.symbol) == ("hf-1", "o1", "ETHUSDT")
    assert report.side is Side.SELL
    assert report.updated_at == datetime(2023, 11, 14, 22, 13, 20, 120_000, tzinfo=UTC)
    assert parse.order(ORDERS["nothing_filled"]).updated_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "damage",
    [
        {"orderStatus": "Teleported"},
        {"orderStatus": ""},
        {"qty": ""},
        {"qty": "NaN"},
        {"cumExecQty": "a lot"},
        {"side": ""},
        {"orderId": ""},
        {"updatedTime": "", "createdTime": ""},
        {"avgPrice": "", "cumExecValue": ""},
    ],
)
def test_an_order_that_makes_no_sense_is_not_guessed(damage: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        parse.order(ORDERS["filled"] | damage)


def test_fills_come_once_in_order_and_without_funding() -> None:
    fills = parse.fills(fixture("executions"))
    assert [fill.exec_id for fill in fills] == ["new-kind", "mnt", "adl", "e2", "e3"]
    assert [fill.exec_type for fill in fills] == ["CorporateAction", "Trade", "AdlTrade", "Trade", "Trade"]
    assert [fill.client_id for fill in fills] == ["", "hf-2", "", "hf-1", "hf-1"]


def test_fees_are_in_the_coin_they_were_paid_in() -> None:
    fills = {fill.exec_id: fill for fill in parse.fills(fixture("executions"))}
    assert (fills["e3"].fee, fills["e3"].fee_asset) == (Decimal("0.07371155"), "USDT")
    assert (fills["e2"].fee, fills["e2"].is_maker) == (Decimal("-0.001"), True)
    assert (fills["mnt"].fee, fills["mnt"].fee_asset) == (Decimal("0.21"), "MNT")
    assert fills["mnt"].extra_fees == (("USDT", Decimal("0.03")),)
    assert fills["new-kind"].fee == 0


def test_funding_is_signed_as_received_and_each_settlement_counts_once() -> None:
    paid = parse.funding(fixture("transaction_log"))
    assert [(f.symbol, f.amount, f.rate, f.position) for f in paid] == [
        ("BTCUSDT", Decimal("0.5"), Decimal("0.0002"), Decimal("-0.1")),
        ("BTCUSDT", Decimal("-0.0201"), Decimal("0.0001"), Decimal("0.003")),
        ("ETHUSDT", Decimal("0.012"), Decimal("0.0001"), Decimal("-0.4")),
    ]
    assert len({f.reference for f in paid}) == 3
    assert all(f.asset == "USDT" for f in paid)


def position_row(**changes: Any) -> dict[str, Any]:
    row = {
        "symbol": "ETHUSDT",
        "positionIdx": 0,
        "side": "Sell",
        "size": "0.4",
        "avgPrice": "3000",
        "markPrice": "2990",
        "unrealisedPnl": "4",
        "leverage": "1",
        "liqPrice": "5900",
    }
    return row | changes


def test_a_short_is_negative_and_rest_and_stream_agree() -> None:
    rest = parse.position(position_row())
    streamed = position_row(entryPrice="3000")
    del streamed["avgPrice"]
    assert rest == parse.position(streamed)
    assert (rest.quantity, rest.entry_price, rest.liquidation_price) == (
        Decimal("-0.4"),
        Decimal(3000),
        Decimal(5900),
    )
    assert not rest.hedge_mode


@pytest.mark.parametrize("empty", ["", "0"])
def test_a_flat_position_has_no_side_and_empty_fields_are_nothing(empty: str) -> None:
    flat = parse.position(position_row(side="", size="0", avgPrice=empty, liqPrice=empty, leverage=""))
    assert (flat.quantity, flat.entry_price, flat.liquidation_price, flat.leverage) == (0, 0, None, 0)


def test_both_rows_of_hedge_mode_become_their_net() -> None:
    [net] = parse.positions(
        [
            position_row(positionIdx=1, side="Buy", size="1", avgPrice="2900", unrealisedPnl="90"),
            position_row(positionIdx=2),
        ]
    )
    assert (net.quantity, net.hedge_mode, net.unrealised_pnl) == (Decimal("0.6"), True, Decimal(94))
    assert net.entry_price == 2900


def test_a_side_without_meaning_is_refused_when_there_is_a_size() -> None:
    with pytest.raises(Malformed):
        parse.position(position_row(side=""))


def test_balances_are_told_in_usdt() -> None:
    cross = parse.balance(WALLETS["cross"])
    assert (cross.equity, cross.wallet, cross.available) == (Decimal("999.5"), 1000, Decimal("400.25"))
    assert (cross.initial_margin, cross.maintenance_rate) == (Decimal("599.25"), Decimal("0.012"))
    assert cross.borrowed == 0
    assert parse.balance(WALLETS["usdt_below_par"]).available == 1000


def test_isolated_margin_leaves_what_the_coin_has_free() -> None:
    assert parse.balance(WALLETS["isolated"]).available == 620


def test_debt_in_usdt_is_seen_and_an_empty_account_is_zero() -> None:
    assert parse.balance(WALLETS["in_debt"]).borrowed == 20
    assert parse.balance(WALLETS["empty"]).available == 0


@pytest.mark.parametrize("total", ["1e25", "NaN", "much"])
def test_a_balance_nobody_can_have_is_malformed(total: str) -> None:
    with pytest.raises(Malformed):
        parse.balance(WALLETS["cross"] | {"totalEquity": total})


def test_a_key_tells_what_it_may() -> None:
    key = parse.key_info(KEYS["trading"])
    assert (key.uid, key.read_only, key.unified, key.is_master) == ("1448939", False, True, False)
    assert key.permissions["ContractTrade"] == ["Order", "Position"]
    assert key.permissions["Wallet"] == key.permissions["Earn"] == []
    assert key.ips == ("203.0.113.7",)
    assert key.expires_at is None


def test_a_dangerous_key_hides_nothing() -> None:
    key = parse.key_info(KEYS["watching_and_expiring"])
    assert (key.read_only, key.unified, key.is_master) == (True, False, True)
    assert key.permissions["Wallet"] == ["AccountTransfer"]
    assert key.permissions["SomethingNew"] == ["Rule"]
    assert key.expires_at == datetime(2026, 11, 26, 10, tzinfo=UTC)


@pytest.mark.parametrize("missing", ["permissions", "userID"])
def test_a_key_answer_without_its_substance_is_malformed(missing: str) -> None:
    answer = dict(KEYS["trading"])
    del answer[missing]
    with pytest.raises(Malformed):
        parse.key_info(answer)


def test_only_an_explicit_zero_means_that_a_key_may_write() -> None:
    answer = dict(KEYS["trading"])
    del answer["readOnly"]
    assert parse.key_info(answer).read_only


@pytest.mark.parametrize(
    ("status", "mode", "unified", "margin"),
    [
        (1, "REGULAR_MARGIN", False, "cross"),
        (4, "ISOLATED_MARGIN", True, "isolated"),
        (6, "PORTFOLIO_MARGIN", True, "portfolio"),
    ],
)
def test_account_modes(status: int, mode: str, unified: bool, margin: str) -> None:
    account = parse.account_info({"unifiedMarginStatus": status, "marginMode": mode})
    assert (account.unified, account.margin_mode) == (unified, margin)


def test_an_unknown_margin_mode_is_not_taken_for_cross() -> None:
    account = parse.account_info({"unifiedMarginStatus": 5, "marginMode": "NEW_MARGIN"})
    assert account.margin_mode == "NEW_MARGIN"
    with pytest.raises(Malformed):
        parse.account_info({"unifiedMarginStatus": 5, "marginMode": ""})


@pytest.mark.parametrize(
    ("made_by", "exec_type", "means"),
    [
        ("CreateByLiq", "Trade", "BustTrade"),
        ("CreateByTakeOver_PassThrough", "BustTrade", "BustTrade"),
        ("CreateByAdl_PassThrough", "Trade", "AdlTrade"),
        ("CreateBySettle", "Delivery", "Delivery"),
        ("CreateByClosing", "Trade", "Trade"),
        ("", "Trade", "Trade"),
    ],
)
def test_a_forced_close_is_known_by_who_made_its_order(made_by: str, exec_type: str, means: str) -> None:
    row = next(row for row in fixture("executions") if row["execId"] == "e3")
    (fill,) = parse.fills([row | {"createType": made_by, "execType": exec_type}])
    assert fill.exec_type == means
