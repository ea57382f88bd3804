"""Matching, netting, margin and fees, computed by hand on a scripted market."""

from decimal import Decimal
from typing import Any

import pytest

from holdfast.sim.bybit.envelope import Refusal

from .scripted import START_MS, Exchange, instrument

D = Decimal

TAKER, MAKER = D("0.00055"), D("0.0002")


def refusal(exchange: Exchange, account: Any, **body: Any) -> int:
    before = len(account.orders)
    with pytest.raises(Refusal) as caught:
        exchange.place(account, **body)
    assert len(account.orders) == before, "a refused order must leave nothing behind"
    return caught.value.code


def test_a_market_order_walks_the_book_and_pays_the_taker_fee(exchange: Exchange) -> None:
    account = exchange.account()
    order = exchange.place(account, qty="2.5")
    assert (order.status, order.filled) == ("Filled", D("2.5"))
    assert [(e.price, e.qty) for e in account.executions] == [
        (D("1000.1"), D(1)), (D("1000.2"), D(1)), (D("1000.3"), D("0.5")),
    ]  # fmt: skip
    value = D("1000.1") + D("1000.2") + D("500.15")
    assert order.value == value
    assert account.balance("USDT") == D(10000) - sum(e.fee for e in account.executions)
    assert sum(e.fee for e in account.executions) == value * TAKER
    position = account.position("BTCUSDT")
    assert position.quantity == D("2.5")
    assert position.average == value / D("2.5")


def test_an_acknowledged_order_is_not_matched_before_the_delay(exchange: Exchange) -> None:
    account = exchange.account()
    order = exchange.place(account, settle=False)
    assert (order.status, order.filled, account.executions) == ("New", D(0), [])
    exchange.run()
    assert order.status == "Filled"


def test_taken_levels_stay_empty_for_a_while_so_nothing_is_sold_twice(exchange: Exchange) -> None:
    account = exchange.account(balances={"USDT": "100000"})
    first = exchange.place(account, qty="10")
    second = exchange.place(account, qty="1")
    assert first.filled == D(10)
    assert (second.status, second.filled, second.reject_reason) == (
        "Cancelled",
        D(0),
        "EC_NoImmediateQtyToFill",
    )
    exchange.pass_time(1000)
    assert exchange.place(account, qty="1").status == "Filled"


def test_a_partly_filled_market_order_ends_cancelled_with_fills_on_linear(exchange: Exchange) -> None:
    account = exchange.account(balances={"USDT": "100000"})
    order = exchange.place(account, qty="12")
    assert (order.status, order.filled, order.leaves) == ("Cancelled", D(10), D(0))


def test_a_limit_ioc_never_trades_beyond_its_price(exchange: Exchange) -> None:
    account = exchange.account()
    order = exchange.place(account, orderType="Limit", timeInForce="IOC", price="1000.2", qty="5")
    assert (order.status, order.filled) == ("Cancelled", D(2))
    assert max(e.price for e in account.executions) == D("1000.2")


def test_slippage_tolerance_bounds_a_market_order(exchange: Exchange) -> None:
    account = exchange.account()
    ticks = exchange.place(account, qty="5", slippageToleranceType="TickSize", slippageTolerance="1")
    assert (ticks.bound, ticks.filled) == (D("1000.2"), D(2))
    percent = exchange.place(
        account, side="Sell", qty="5", slippageToleranceType="Percent", slippageTolerance="0.02"
    )
    assert (percent.bound, percent.filled) == (D("999.8"), D(2))
    assert refusal(exchange, account, slippageToleranceType="TickSize", slippageTolerance="1.5") == 110108
    assert refusal(exchange, account, slippageToleranceType="Percent", slippageTolerance="11") == 110109


def test_fill_or_kill(exchange: Exchange) -> None:
    account = exchange.account(balances={"USDT": "100000"})
    killed = exchange.place(account, orderType="Limit", timeInForce="FOK", price="1000.2", qty="3")
    assert (killed.status, killed.filled, killed.reject_reason) == (
        "Cancelled",
        D(0),
        "EC_CancelForNoFullFill",
    )
    filled = exchange.place(account, orderType="Limit", timeInForce="FOK", price="1000.2", qty="2")
    assert (filled.status, filled.filled) == ("Filled", D(2))


def test_post_only_that_would_cross_is_ended(exchange: Exchange) -> None:
    account = exchange.account()
    order = exchange.place(account, orderType="Limit", timeInForce="PostOnly", price="1000.1", qty="1")
    assert (order.status, order.reject_reason) == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")
    resting = exchange.place(account, orderType="Limit", timeInForce="PostOnly", price="1000.0", qty="1")
    assert resting.status == "New"


def test_a_resting_order_fills_as_maker_at_its_own_price_when_the_market_comes(exchange: Exchange) -> None:
    account = exchange.account()
    order = exchange.place(account, orderType="Limit", price="999.0", qty="1.5")
    assert order.status == "New"
    exchange.pass_time(250)
    assert order.status == "New"
    exchange.market.quote("BTCUSDT", "998.5", "998.9", "1")
    exchange.pass_time(250)
    assert (order.status, order.filled, order.value) == ("Filled", D("1.5"), D("1498.5"))
    assert all(e.is_maker and e.price == D("999.0") for e in account.executions)
    assert account.balance("USDT") == D(10000) - D("1498.5") * MAKER


def test_a_market_order_right_after_another_meets_what_is_left(exchange: Exchange) -> None:
    account = exchange.account(behaviour={"no_liquidity": "error"})
    exchange.place(account, qty="1")
    tolerant = exchange.place(account, qty="2", slippageToleranceType="TickSize", slippageTolerance="1")
    assert [e.price for e in account.executions[1:]] == [D("1000.2"), D("1000.3")]
    assert tolerant.bound == D("1000.3")


def test_the_best_level_is_the_next_one_when_the_first_was_taken(exchange: Exchange) -> None:
    exchange.place(exchange.account(), qty="2")
    assert exchange.venue.liquidity.published(("linear", "BTCUSDT"), 1, START_MS)[1] == [(D("1000.3"), D(1))]


def test_a_resting_reduce_only_order_without_a_position_is_passed_over(exchange: Exchange) -> None:
    holder, taker = exchange.account(), exchange.account()
    exchange.place(holder, qty="1")
    resting = exchange.place(
        holder,
        side="Sell",
        orderType="Limit",
        price="1000.1",
        qty="1",
        reduceOnly=True,
        timeInForce="PostOnly",
    )
    holder.position("BTCUSDT").quantity = D(0)
    order = exchange.place(taker, qty="2")
    assert (order.status, resting.filled) == ("Filled", D(0))


def test_two_users_meet_at_the_better_price_first(exchange: Exchange) -> None:
    maker, taker = exchange.account(), exchange.account()
    resting = exchange.place(maker, orderType="Limit", side="Sell", price="1000.0", qty="0.4")
    exchange.place(taker, qty="1")
    assert [(e.price, e.qty) for e in taker.executions] == [(D("1000.0"), D("0.4")), (D("1000.1"), D("0.6"))]
    assert (resting.status, maker.executions[0].is_maker) == ("Filled", True)


def test_netting_in_one_way_mode_reduces_then_crosses_zero(exchange: Exchange) -> None:
    account = exchange.account()
    exchange.place(account, qty="1")
    exchange.place(account, qty="1")
    position = account.position("BTCUSDT")
    assert position.average == D("1000.15")
    exchange.place(account, side="Sell", qty="0.5")
    assert (position.quantity, position.average) == (D("1.5"), D("1000.15"))
    assert account.executions[-1].pnl == D("0.5") * (D("999.9") - D("1000.15"))
    exchange.clock.ms += 1000
    exchange.place(account, side="Sell", qty="2", orderType="Limit", timeInForce="IOC", price="990")
    assert position.quantity == D("-0.5")
    closed = sum(e.closed_size for e in account.executions if e.side == "Sell")
    assert closed == D(2)
    assert position.cost == sum(
        e.price * (e.qty - e.closed_size) for e in account.executions if e.side == "Sell"
    )


def test_closed_pnl_follows_the_documented_formula(exchange: Exchange) -> None:
    account = exchange.account()
    exchange.place(account, qty="2.5")
    exchange.place(account, side="Sell", qty="2.5", reduceOnly=True)
    (row,) = account.closed
    bought = [e for e in account.executions if e.side == "Buy"]
    sold = [e for e in account.executions if e.side == "Sell"]
    assert row.entry_value == sum(e.value for e in bought)
    assert row.exit_value == sum(e.value for e in sold)
    assert row.pnl == row.exit_value - row.entry_value - sum(e.fee for e in account.executions)
    assert account.balance("USDT") == D(10000) + row.pnl
    assert (account.position("BTCUSDT").quantity, account.position("BTCUSDT").open_fee) == (D(0), D(0))


def test_a_new_order_needs_margin_for_what_increases_exposure_only(exchange: Exchange) -> None:
    account = exchange.account(balances={"USDT": "3010"})
    assert refusal(exchange, account, orderType="Limit", price="1000.0", qty="3.1") == 110007
    exchange.place(account, orderType="Limit", price="1000.0", qty="3")
    assert refusal(exchange, account, orderType="Limit", price="1000.0", qty="0.1") == 110007
    exchange.market.quote("BTCUSDT", "999.9", "1000.0", "10")
    exchange.pass_time(250)
    assert account.signed_size("BTCUSDT") == D(3)
    closing = exchange.place(account, side="Sell", qty="3")
    assert closing.status == "Filled"


def test_leverage_divides_the_margin(exchange: Exchange) -> None:
    account = exchange.account(balances={"USDT": "1100"}, leverage={"BTCUSDT": "10"})
    assert exchange.place(account, qty="10", orderType="Limit", price="1000.1").status == "PartiallyFilled"
    assert refusal(exchange, account, symbol="ETHUSDT", qty="2") == 110007


def test_available_is_margin_balance_less_position_and_order_margin(exchange: Exchange) -> None:
    account = exchange.account()
    exchange.place(account, qty="2")
    exchange.place(account, orderType="Limit", price="900.0", qty="1")
    exchange.market.quote("BTCUSDT", "1099.9", "1100.1")
    wallet = exchange.venue.margin.wallet(account, START_MS)
    bought = D("1000.1") + D("1000.2")
    assert wallet.unrealised == D(2200) - bought
    position_im = D(2200)  # at 1x a long's bankruptcy price is zero, so nothing is reserved for closing it
    order_im = D(900) * (1 + TAKER)
    assert wallet.initial_margin == position_im + order_im
    assert wallet.available == D(10000) - bought * TAKER + wallet.unrealised - position_im - order_im


def test_reduce_only_is_cut_to_the_position_and_refused_when_flat(exchange: Exchange) -> None:
    account = exchange.account()
    assert refusal(exchange, account, side="Sell", reduceOnly=True) == 110017
    exchange.place(account, qty="1")
    assert refusal(exchange, account, side="Buy", reduceOnly=True) == 110017
    cut = exchange.place(account, side="Sell", qty="3", reduceOnly=True)
    assert (cut.qty, cut.status, account.signed_size("BTCUSDT")) == (D(1), "Filled", D(0))


def test_quantity_zero_closes_only_with_both_flags(exchange: Exchange) -> None:
    account = exchange.account()
    exchange.place(account, qty="1.5")
    assert refusal(exchange, account, side="Sell", qty="0", reduceOnly=True) == 10001
    closed = exchange.place(account, side="Sell", qty="0", reduceOnly=True, closeOnTrigger=True)
    assert (closed.filled, account.signed_size("BTCUSDT")) == (D("1.5"), D(0))


def test_a_resting_reduce_only_order_is_cancelled_when_nothing_is_left_to_reduce(exchange: Exchange) -> None:
    account = exchange.account()
    exchange.place(account, qty="1")
    resting = exchange.place(
        account, side="Sell", orderType="Limit", price="1005.0", qty="1", reduceOnly=True
    )
    exchange.place(account, side="Sell", qty="1")
    assert (resting.status, resting.cancel_type) == ("Cancelled", "CancelByReduceOnly")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"qty": "0.0005"}, 10001),
        ({"qty": "0"}, 10001),
        ({"qty": "101"}, 10001),
        ({"qty": "1e-3"}, 10001),
        ({"qty": "-1"}, 10001),
        ({"qty": "NaN"}, 10001),
        ({"qty": "0.004"}, 110094),
        ({"orderType": "Limit", "price": "0"}, 110003),
        ({"orderType": "Limit", "price": "99999999"}, 110003),
        ({"orderType": "Limit", "price": "1000.05"}, 10001),
        ({"orderType": "Limit"}, 10001),
        ({"side": "buy"}, 10001),
        ({"symbol": "NOPEUSDT"}, 10001),
        ({"symbol": "NOPEUSDT", "category": "spot"}, 170121),
        ({"category": "inverse"}, 10001),
        ({"positionIdx": 1}, 10001),
        ({"orderLinkId": "x" * 37}, 10001),
        ({"orderLinkId": "ä"}, 10001),
        ({"stopLoss": "900"}, 10001),
    ],
)
def test_filters_answer_with_the_documented_codes(
    exchange: Exchange, body: dict[str, str], code: int
) -> None:
    assert refusal(exchange, exchange.account(), **body) == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"orderType": "Limit", "price": "2.0005", "qty": "10"}, 170134),
        ({"orderType": "Limit", "price": "2.000", "qty": "10.001"}, 170137),
        ({"orderType": "Limit", "price": "2.000", "qty": "1"}, 170140),
        ({"qty": "4.99"}, 170140),
        ({"qty": "5.000000001"}, 170148),
        ({"qty": "0"}, 170136),
        ({"side": "Sell", "qty": "101"}, 170124),
        ({"side": "Sell", "qty": "10"}, 170131),
        ({"qty": "10001"}, 170131),
        ({"orderType": "Limit", "price": "2.200", "qty": "10"}, 170193),
        ({"orderType": "Limit", "side": "Sell", "price": "1.800", "qty": "10"}, 170194),
    ],
)
def test_spot_filters_answer_with_the_documented_codes(
    exchange: Exchange, body: dict[str, str], code: int
) -> None:
    assert refusal(exchange, exchange.account(), **{"category": "spot", "symbol": "XRPUSDT", **body}) == code


def test_a_link_id_is_unique_for_ever_within_its_category(exchange: Exchange) -> None:
    account = exchange.account()
    exchange.place(account, orderLinkId="leg-1")
    exchange.pass_time(86_400_000 * 10)
    assert refusal(exchange, account, orderLinkId="leg-1") == 110072
    spot = {"category": "spot", "symbol": "XRPUSDT", "qty": "10"}
    exchange.place(account, **spot, orderLinkId="leg-1")
    assert refusal(exchange, account, **spot, orderLinkId="leg-1") == 170141
    assert exchange.place(exchange.account(), orderLinkId="leg-1").status == "Filled"


def test_a_futures_price_beyond_the_band_is_moved_and_refused_only_on_request(exchange: Exchange) -> None:
    account = exchange.account()
    moved = exchange.place(account, orderType="Limit", timeInForce="IOC", price="1500.0", qty="1")
    assert moved.bound == D("1010.0")
    strict = exchange.account(reject_beyond_band=True)
    assert refusal(exchange, strict, orderType="Limit", timeInForce="IOC", price="1500.0") == 110003


def test_hedge_mode_symbols_refuse_the_one_way_index(exchange: Exchange) -> None:
    account = exchange.account(hedge_symbols=["BTCUSDT"])
    assert refusal(exchange, account) == 10001
    exchange.place(account, positionIdx=1)
    exchange.place(account, side="Sell", positionIdx=2)
    assert (account.signed_size("BTCUSDT", 1), account.signed_size("BTCUSDT", 2)) == (D(1), D(-1))


def test_status_decides_what_may_be_traded(exchange: Exchange) -> None:
    account = exchange.account()
    exchange.place(account)
    for status, opening, closing in (("PreLaunch", 110074, 110074), ("Closed", 110074, 110074)):
        exchange.market.add(instrument("BTCUSDT", status=status))
        assert refusal(exchange, account) == opening
        assert refusal(exchange, account, side="Sell", reduceOnly=True) == closing
    exchange.market.add(instrument("BTCUSDT", status="Delivering"))
    assert refusal(exchange, account) == 110023


def test_funding_is_booked_twice_with_opposite_signs(exchange: Exchange) -> None:
    account = exchange.account()
    exchange.market.rates["BTCUSDT"] = D("0.0001")
    exchange.place(account, qty="2")
    exchange.place(account, symbol="ETHUSDT", side="Sell", qty="1")
    before = account.balance("USDT")
    exchange.pass_time(8 * 3_600_000)
    paid = {e.symbol: e for e in account.executions if e.exec_type == "Funding"}
    assert paid["BTCUSDT"].fee == D(2) * D(1000) * D("0.0001")
    assert paid["ETHUSDT"].fee == -D(1000) * D("0.0001")
    assert all(e.fee == e.value * e.fee_rate for e in paid.values())
    logged = {e.symbol: e for e in account.log if e.type == "SETTLEMENT"}
    assert all(logged[symbol].funding == -paid[symbol].fee for symbol in paid)
    assert all(e.time_ms % (8 * 3_600_000) == 0 for e in logged.values())
    assert account.balance("USDT") == before - D("0.1")
    assert account.signed_size("BTCUSDT") == D(2), "a funding row fills nothing"


def test_every_missed_funding_boundary_is_settled_once(exchange: Exchange) -> None:
    account = exchange.account()
    exchange.place(account)
    exchange.pass_time(24 * 3_600_000)
    exchange.pass_time(1000)
    assert sum(e.type == "SETTLEMENT" for e in account.log) == 3


def test_delisting_cancels_orders_and_closes_positions(exchange: Exchange) -> None:
    account = exchange.account()
    exchange.place(account, qty="1")
    resting = exchange.place(account, orderType="Limit", price="995.0", qty="1")
    exchange.market.add(instrument("BTCUSDT", status="Delivering", delivery_ms=START_MS))
    exchange.pass_time(250)
    assert (resting.status, resting.cancel_type) == ("Cancelled", "CancelBySettle")
    assert account.signed_size("BTCUSDT") == D(0)
    last = account.executions[-1]
    assert (last.exec_type, last.create_type, last.link_id) == ("Delivery", "CreateBySettle", "")
    assert account.log[-1].type == "DELIVERY"


def test_a_quote_sized_spot_buy_ends_with_crumbs_and_pays_in_the_coin_received(exchange: Exchange) -> None:
    account = exchange.account()
    order = exchange.place(account, category="spot", symbol="XRPUSDT", qty="100")
    assert (order.status, order.filled, order.value) == ("PartiallyFilledCanceled", D("49.97"), D("99.98997"))
    assert order.fees == {"XRP": D("0.04997")}
    assert account.balance("XRP") == D("49.97") - D("0.04997")
    assert account.balance("USDT") == D(10000) - D("99.98997")
    assert account.locked("USDT") == D(0)


def test_a_spot_sell_is_sized_in_base_and_pays_in_quote(exchange: Exchange) -> None:
    account = exchange.account(balances={"XRP": "100"})
    order = exchange.place(account, category="spot", symbol="XRPUSDT", side="Sell", qty="50")
    assert (order.status, order.value, order.fees) == ("Filled", D("99.95"), {"USDT": D("0.09995")})
    assert account.balances == {"XRP": D(50), "USDT": D("99.95") - D("0.09995")}


def test_market_unit_overrides_the_sizing(exchange: Exchange) -> None:
    account = exchange.account(balances={"USDT": "1000", "XRP": "100"})
    buy = exchange.place(account, category="spot", symbol="XRPUSDT", qty="50", marketUnit="baseCoin")
    assert (buy.status, buy.filled) == ("Filled", D(50))
    sell = exchange.place(
        account, category="spot", symbol="XRPUSDT", side="Sell", qty="50", marketUnit="quoteCoin"
    )
    assert (sell.status, sell.filled) == ("PartiallyFilledCanceled", D("25.01"))
    poor = exchange.account(balances={"XRP": "26"})
    wanted = {"category": "spot", "symbol": "XRPUSDT", "side": "Sell", "marketUnit": "quoteCoin"}
    assert exchange.place(poor, **wanted, qty="50").filled == D("25.01")
    assert refusal(exchange, poor, **wanted, qty="50") == 170131


def test_open_spot_orders_lock_what_they_may_pay(exchange: Exchange) -> None:
    account = exchange.account(balances={"USDT": "100"})
    order = exchange.place(
        account, category="spot", symbol="XRPUSDT", orderType="Limit", price="1.990", qty="40"
    )
    assert account.locked("USDT") == D("79.6")
    assert refusal(exchange, account, category="spot", symbol="XRPUSDT", qty="30") == 170131
    exchange.venue.cancel(account, order)
    exchange.run()
    assert (order.status, account.locked("USDT")) == ("Cancelled", D(0))


def test_a_better_price_frees_what_it_saved(exchange: Exchange) -> None:
    exchange.market.quote("XRPUSDT", "1.999", "2.001", "10", category="spot")
    account = exchange.account()
    order = exchange.place(
        account, category="spot", symbol="XRPUSDT", orderType="Limit", price="2.003", qty="100"
    )
    assert (order.status, order.filled, order.value) == ("PartiallyFilled", D(30), D("60.06"))
    assert account.locked("USDT") == D(70) * D("2.003")


def test_amending_moves_price_and_quantity_and_rematches(exchange: Exchange) -> None:
    account = exchange.account()
    order = exchange.place(account, orderType="Limit", price="999.0", qty="1")
    exchange.venue.intake.amend(account, order, {"price": "1000.1", "qty": "2"}, START_MS)
    exchange.venue.amended(account, order)
    exchange.run()
    assert (order.status, order.filled, order.bound) == ("PartiallyFilled", D(1), D("1000.1"))
    with pytest.raises(Refusal) as caught:
        exchange.venue.intake.amend(account, order, {"qty": "1"}, START_MS)
    assert caught.value.code == 110064
    with pytest.raises(Refusal) as caught:
        exchange.venue.intake.amend(account, order, {"qty": "50"}, START_MS)
    assert (caught.value.code, order.qty) == (110007, D(2))


def test_a_refused_amendment_changes_nothing(exchange: Exchange) -> None:
    account = exchange.account()
    spot = exchange.place(
        account, category="spot", symbol="XRPUSDT", orderType="Limit", price="1.990", qty="40"
    )
    for body, code in (
        ({"qty": "80", "price": "2.200"}, 170193),
        ({"qty": "90000"}, 170131),
        ({"price": "1.9905"}, 170134),
        ({"qty": "40.001"}, 170137),
        ({}, 10001),
    ):
        with pytest.raises(Refusal) as caught:
            exchange.venue.intake.amend(account, spot, body, START_MS)
        assert (caught.value.code, spot.qty, spot.bound, spot.locked) == (code, D(40), D("1.990"), D("79.6"))


def test_a_lost_cancel_race_pushes_filled_twice(exchange: Exchange) -> None:
    account = exchange.account()
    seen: list[tuple[str, str]] = []
    account.listeners.append(
        lambda topic, _category, rows: (
            topic == "order" and seen.append((rows[0]["orderStatus"], rows[0]["rejectReason"]))
        )
    )
    order = exchange.place(account, settle=False)
    exchange.venue.cancel(account, order)
    exchange.run()
    assert seen == [("Filled", "EC_NoError"), ("Filled", "EC_OrigClOrdIDDoesNotExist")]


def test_max_fill_gives_partial_fills_on_demand(exchange: Exchange) -> None:
    account = exchange.account(behaviour={"max_fill": "0.5"})
    order = exchange.place(account, qty="1")
    assert (order.status, order.filled) == ("Cancelled", D("0.5"))
    nothing = exchange.account(behaviour={"max_fill": "0"})
    assert exchange.place(nothing, qty="1").filled == D(0)


def test_a_book_without_counterparty_refuses_or_cancels_by_choice(exchange: Exchange) -> None:
    exchange.market.books["linear", "BTCUSDT"].asks.clear()
    assert exchange.place(exchange.account()).reject_reason == "EC_NoImmediateQtyToFill"
    assert refusal(exchange, exchange.account(behaviour={"no_liquidity": "error"})) == 10001


def test_fees_may_be_paid_in_mnt(exchange: Exchange) -> None:
    account = exchange.account(
        balances={"USDT": "10000", "MNT": "100"}, behaviour={"fee_coin": "MNT", "mnt_price": "0.5"}
    )
    order = exchange.place(account, qty="1")
    fee = D("1000.1") * TAKER / D("0.5")
    assert order.fees == {"MNT": fee}
    assert account.balances == {"USDT": D(10000), "MNT": D(100) - fee}


def test_forced_trades_carry_no_link_id(exchange: Exchange) -> None:
    account = exchange.account()
    exchange.place(account, qty="1", orderLinkId="mine")
    exchange.venue.force_close(account, account.position("BTCUSDT"), how="AdlTrade")
    last = account.executions[-1]
    assert (last.exec_type, last.link_id, last.create_type) == ("AdlTrade", "", "CreateByAdl_PassThrough")
    assert (account.log[-1].type, account.signed_size("BTCUSDT")) == ("ADL", D(0))


def test_closing_in_hedge_mode_reduces_its_own_side_only(exchange: Exchange) -> None:
    account = exchange.account(hedge_symbols=["BTCUSDT"])
    assert refusal(exchange, account, side="Sell", positionIdx=1) == 110017
    exchange.place(account, positionIdx=1)
    closed = exchange.place(account, side="Sell", positionIdx=1, qty="3")
    assert (closed.filled, account.signed_size("BTCUSDT", 1)) == (D(1), D(0))


def test_the_published_book_shows_resting_orders_and_hides_what_was_taken(exchange: Exchange) -> None:
    account = exchange.account()
    key = ("linear", "BTCUSDT")
    before = exchange.venue.liquidity.version(key)
    exchange.place(account, orderType="Limit", price="1000.0", qty="0.3")
    exchange.place(account, qty="1.4")
    bids, asks = exchange.venue.liquidity.published(key, 5, START_MS)
    assert bids[:2] == [(D("1000.0"), D("0.3")), (D("999.9"), D(1))]
    assert asks[0] == (D("1000.2"), D("0.6"))
    assert exchange.venue.liquidity.version(key) > before


def test_an_account_that_no_longer_covers_its_maintenance_is_taken_over(exchange: Exchange) -> None:
    account = exchange.account(balances={"USDT": "2500"}, default_leverage="10")
    exchange.place(account, side="Sell", qty="2")
    exchange.place(account, symbol="ETHUSDT", qty="0.5")
    resting = exchange.place(account, orderType="Limit", price="995.0", qty="1")
    exchange.market.quote("BTCUSDT", "2239.9", "2240.1")
    exchange.pass_time(10_000)
    assert (resting.status, resting.cancel_type) == ("Cancelled", "CancelAllBeforeLiq")
    taken = account.executions[-1]
    assert (taken.symbol, taken.exec_type, taken.side, taken.qty) == ("BTCUSDT", "BustTrade", "Buy", D(2))
    assert account.log[-1].type == "LIQUIDATION"
    assert (account.signed_size("BTCUSDT"), account.signed_size("ETHUSDT")) == (D(0), D("0.5"))
