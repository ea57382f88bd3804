"""What the dial does inside the venue: matching, books, halts, maintenance, a restart, funding."""

from decimal import Decimal
from typing import Any

import pytest

from holdfast.sim.bybit.account import Account

from .offline import BTC, Offline, Sent
from .scripted import START_MS

D = Decimal
LIMIT = {"orderType": "Limit", "timeInForce": "GTC"}


def engine(kind: str, symbol: str = "BTCUSDT", **settings: Any) -> dict[str, Any]:
    return {"where": f"bybit.engine.linear.{symbol}", "kind": kind, **settings}


def placed(offline: Offline, account: Account, **body: Any) -> Any:
    sent = offline.order(account, **body)
    offline.run(50)
    assert sent.code == 0, sent.json
    return account.orders[sent.json["result"]["orderId"]]


def test_a_partial_fill_is_a_share_in_several_executions() -> None:
    offline = Offline(engine("partial_fill", share=0.3, pieces=3, count=1))
    account = offline.account()
    order = placed(offline, account, qty="0.1")
    assert (order.status, order.filled) == ("Cancelled", D("0.03"))
    assert [e.qty for e in account.executions] == [D("0.01")] * 3
    assert len({e.exec_id for e in account.executions}) == 3
    assert sum(e.fee for e in account.executions) == order.fees["USDT"]
    whole = placed(offline, account, qty="0.1")
    assert (whole.status, len(account.executions)) == ("Filled", 4)


@pytest.mark.parametrize("status", ["Cancelled", "Rejected"])
@pytest.mark.parametrize("reason", ["EC_NoImmediateQtyToFill", "EC_PostOnlyWillTakeLiquidity"])
def test_an_acknowledged_order_is_rejected(status: str, reason: str) -> None:
    offline = Offline(engine("reject", reason=reason, order_status=status))
    account = offline.account()
    ear = offline.listen(account)
    order = placed(offline, account)
    assert (order.status, order.reject_reason, order.filled) == (status, reason, 0)
    told = [rows[0]["orderStatus"] for _, topic, rows in ear.heard if topic == "order"]
    assert (told, account.open_orders) == ([status], {})


def test_only_post_only_orders_are_rejected_as_such() -> None:
    offline = Offline(engine("reject_post_only", count=1))
    account = offline.account()
    bid = offline.market.book("linear", "BTCUSDT", 1).bids[0][0]
    passive = {"orderType": "Limit", "timeInForce": "PostOnly", "price": str(bid - 30)}
    assert placed(offline, account).status == "Filled"
    ended = placed(offline, account, **passive)
    assert (ended.status, ended.reject_reason) == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")
    assert placed(offline, account, **passive).status == "New"


def test_the_pieces_of_a_fill_are_told_one_by_one() -> None:
    offline = Offline(engine("partial_fill", share=1, pieces=4))
    account = offline.account()
    ear = offline.listen(account)
    placed(offline, account, qty="0.1")
    assert ear.topics("execution", "order") == ["execution"] * 4 + ["order"]


def test_orders_wait_while_a_symbol_settles() -> None:
    offline = Offline()
    account = offline.account(behaviour={"settlement_pause_ms": 2000})
    offline.run(3_600_000 - START_MS % 3_600_000 + 1999)
    assert offline.order(account, symbol="TRXUSDT", qty="100").code == 110063
    offline.run(1)
    assert offline.order(account, symbol="TRXUSDT", qty="100").code == 0


def test_funding_comes_right_after_the_fill() -> None:
    offline = Offline(engine("funding", count=1))
    account = offline.account()
    placed(offline, account, qty="2")
    trade, paid = account.executions[0], account.executions[-1]
    assert (trade.exec_type, paid.exec_type, paid.time_ms) == ("Trade", "Funding", trade.time_ms)
    (logged,) = [e for e in account.log if e.type == "SETTLEMENT"]
    rate = offline.market.funding_rate("BTCUSDT", trade.time_ms)
    assert logged.funding == -paid.fee == -round(2 * paid.mark * rate, 8)


def test_a_halted_instrument_keeps_positions_and_orders() -> None:
    offline = Offline()
    account = offline.account()
    placed(offline, account, qty="1")
    price = offline.market.book("linear", "BTCUSDT", 1).bids[0][0] - 50
    resting = placed(offline, account, **LIMIT, qty="0.1", price=str(price))
    offline.faults.replace(
        [{"where": "bybit.instrument.linear.BTCUSDT", "kind": "halt", "until_ms": offline.clock.ms + 60_000}]
    )
    assert offline.order(account).code == 110066
    assert offline.order(account, side="Sell", reduceOnly=True).code == 110066
    assert offline.order(account, symbol="ETHUSDT", qty="1").code == 0
    amend = offline.send(account, "POST", "/v5/order/amend", **BTC, orderId=resting.order_id, qty="0.2")
    assert amend.code == 110066
    offline.market.jump("BTCUSDT", offline.clock.ms, 0.97)
    offline.run(30_000)
    assert (resting.status, account.signed_size("BTCUSDT")) == ("New", D(1))
    assert offline.read(account, "/v5/market/instruments-info", **BTC)[0]["status"] == "Trading"
    offline.run(31_000)
    assert (resting.status, resting.value) == ("Filled", price * D("0.1"))
    assert account.executions[-1].is_maker


def test_an_order_under_way_when_trading_halts_ends_unfilled() -> None:
    offline = Offline(
        {"where": "bybit.instrument.*", "kind": "halt", "from_ms": START_MS + 5, "code": 110074}
    )
    account = offline.account()
    order = placed(offline, account)
    assert (order.status, order.reject_reason) == ("Cancelled", "EC_InvalidSymbolStatus")
    assert offline.order(account).code == 110074


@pytest.mark.parametrize("kind", ["empty_book", "crossed_book"])
def test_a_book_nobody_can_trade_with(kind: str) -> None:
    offline = Offline({"where": "bybit.instrument.linear.BTCUSDT", "kind": kind})
    account = offline.account()
    order = placed(offline, account)
    assert (order.status, order.reject_reason) == ("Cancelled", "EC_NoImmediateQtyToFill")
    book = offline.send(account, "GET", "/v5/market/orderbook", **BTC, limit="5").json["result"]
    (ticker,) = offline.read(account, "/v5/market/tickers", **BTC)
    if kind == "empty_book":
        assert (book["a"], book["b"], ticker["bid1Price"]) == ([], [], "0")
    else:
        assert D(book["b"][0][0]) > D(book["a"][0][0])
        assert D(ticker["bid1Price"]) > D(ticker["ask1Price"])
    strict = offline.account(behaviour={"no_liquidity": "no_price"})
    assert offline.order(strict).code == 110118


def test_maintenance_with_orders_cancelled_and_told_of() -> None:
    window = {"from_ms": START_MS + 60_000, "until_ms": START_MS + 120_000}
    offline = Offline(
        {"where": "bybit.*", "kind": "maintenance", **window},
        {"where": "bybit.venue", "kind": "cancel_orders", "count": 1, **window},
    )
    account = offline.account()
    price = offline.market.book("linear", "BTCUSDT", 1).bids[0][0] - 900
    resting = placed(offline, account, **LIMIT, qty="0.1", price=str(price))
    states, codes = [], []
    for _ in range(3):
        (row,) = offline.read(account, "/v5/system/status")
        states.append(row["state"])
        codes.append(offline.order(account, orderLinkId=f"n{len(codes)}").code)
        offline.run(59_000)
    assert states == ["scheduled", "scheduled", "ongoing"]
    assert codes == [0, 0, -503]
    assert (resting.status, resting.cancel_type) == ("Cancelled", "CancelByAdmin")
    offline.run(3000)
    assert offline.read(account, "/v5/system/status", state="completed")[0]["end"] == str(START_MS + 120_000)
    assert offline.order(account).code == 0


def test_a_restart_empties_the_cache_and_cuts_every_stream() -> None:
    offline = Offline({"where": "bybit.venue", "kind": "restart", "count": 1, "from_ms": START_MS + 5000})
    account = offline.account()
    ear = offline.listen(account)
    placed(offline, account, orderLinkId="gone")
    assert len(offline.read(account, "/v5/order/realtime", **BTC, orderLinkId="gone")) == 1
    offline.run(6000)
    assert ear.cuts == 1
    assert offline.read(account, "/v5/order/realtime", **BTC, orderLinkId="gone") == []
    assert len(offline.read(account, "/v5/order/history", **BTC, orderLinkId="gone")) == 1


def test_funding_for_everybody_at_a_moment() -> None:
    offline = Offline({"where": "bybit.venue", "kind": "funding", "count": 1, "from_ms": START_MS + 5000})
    accounts = [
        offline.account(positions=[{"symbol": s, "size": "3"} for s in ("BTCUSDT", "ETHUSDT")]) for _ in "ab"
    ]
    offline.run(10_000)
    assert [[e.symbol for e in account.executions] for account in accounts] == [["BTCUSDT", "ETHUSDT"]] * 2
    assert {e.time_ms for account in accounts for e in account.log} == {START_MS + 5000}


@pytest.mark.parametrize(
    ("rule", "left", "types"),
    [
        ({"kind": "adl", "share": 0.3, "count": 2}, ["1.47", "3"], ["AdlTrade", "AdlTrade"]),
        ({"kind": "adl", "share": 0.3, "every": 4, "count": 1}, ["2.1", "3"], ["AdlTrade"]),
        ({"kind": "liquidation"}, ["0", "3"], ["BustTrade"]),
    ],
)
def test_positions_are_taken_by_a_schedule(rule: dict[str, Any], left: list[str], types: list[str]) -> None:
    offline = Offline()
    struck, spared = (
        offline.account(positions=[{"symbol": s, "size": "3"} for s in ("BTCUSDT", "ETHUSDT")]) for _ in "ab"
    )
    where = {"where": "bybit.held.linear.BTC*", "uid": struck.uid, "from_ms": START_MS + 5000}
    offline.faults.replace([where | rule])
    offline.run(4000)
    assert struck.executions == []
    offline.run(6000)
    assert [struck.signed_size(s) for s in ("BTCUSDT", "ETHUSDT")] == [D(size) for size in left]
    assert [e.exec_type for e in struck.executions] == types
    assert spared.executions == []


def test_reduce_only_orders_may_reserve_the_position() -> None:
    offline = Offline()
    strict = offline.account(behaviour={"reserve_reduce_only": True})
    placed(offline, strict, qty="0.5")
    far = str(offline.market.book("linear", "BTCUSDT", 1).asks[0][0] + 300)
    closing = {**LIMIT, "side": "Sell", "price": far, "reduceOnly": True}
    placed(offline, strict, **closing, qty="0.3")
    assert placed(offline, strict, **closing, qty="0.3").qty == D("0.2")
    assert offline.order(strict, **closing, qty="0.1").code == 110017


def test_ids_may_be_used_again_once_they_are_forgotten() -> None:
    offline = Offline()
    strict, account = offline.account(), offline.account(behaviour={"forgets_link_ids_s": 5})
    resting = {**LIMIT, "price": str(offline.market.book("linear", "BTCUSDT", 1).bids[0][0] - 900)}
    placed(offline, account, **resting, orderLinkId="open")
    for one in (account, strict):
        placed(offline, one, orderLinkId="ended")
    offline.run(4000)
    assert offline.order(account, orderLinkId="ended").code == 110072
    offline.run(2000)
    assert offline.order(account, orderLinkId="ended").code == 0
    assert offline.order(account, orderLinkId="open").code == 110072
    assert offline.order(strict, orderLinkId="ended").code == 110072


def test_what_is_lost_for_the_client_is_not_lost_for_the_venue() -> None:
    """The answer is lost, the push is lost, the cache is gone: history still knows."""
    offline = Offline(
        {"where": "bybit.order.create", "kind": "drop_answer", "count": 1},
        {"where": "bybit.private.*", "kind": "drop_answer"},
        {"where": "bybit.venue", "kind": "restart", "count": 1, "from_ms": START_MS + 1000},
    )
    account = offline.account()
    ear = offline.listen(account)
    sent: Sent = offline.order(account, orderLinkId="lost")
    offline.run(5000)
    assert (sent.lost, ear.heard) == (True, [])
    (row,) = offline.read(account, "/v5/order/history", **BTC, orderLinkId="lost")
    assert row["orderStatus"] == "Filled"
