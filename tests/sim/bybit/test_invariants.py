"""Under any flow of orders the venue's books agree with each other, to the last unit."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.core.errors import Conflict
from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.envelope import Refusal
from holdfast.sim.bybit.operations import Operations

from .scripted import Exchange

LINEAR = ("BTCUSDT", "ETHUSDT")
STARTING = {"USDT": "20000", "XRP": "500"}

orders = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(LINEAR),
        "side": st.sampled_from(["Buy", "Sell"]),
        "orderType": st.sampled_from(["Market", "Limit"]),
        "qty": st.integers(5, 4000).map(lambda n: str(D(n) / 1000)),
        "price": st.integers(9950, 10050).map(lambda n: str(D(n) / 10)),
        "timeInForce": st.sampled_from(["GTC", "IOC", "FOK", "PostOnly"]),
        "reduceOnly": st.booleans(),
    }
)
spot_orders = st.fixed_dictionaries(
    {
        "category": st.just("spot"),
        "symbol": st.just("XRPUSDT"),
        "side": st.sampled_from(["Buy", "Sell"]),
        "orderType": st.sampled_from(["Market", "Limit"]),
        "qty": st.integers(300, 60_000).map(lambda n: str(D(n) / 100)),
        "price": st.integers(1985, 2015).map(lambda n: str(D(n) / 1000)),
        "timeInForce": st.sampled_from(["GTC", "IOC"]),
    }
)
rules = st.sampled_from(
    [
        {"where": "bybit.engine.*", "kind": "partial_fill", "share": 0.4, "pieces": 3},
        {"where": "bybit.engine.*", "kind": "partial_fill", "share": 0, "count": 1},
        {"where": "bybit.engine.*", "kind": "reject", "order_status": "Rejected", "every": 2},
        {"where": "bybit.engine.linear.*", "kind": "funding", "every": 2},
        {"where": "bybit.engine.*", "kind": "reject_post_only"},
        {"where": "bybit.instrument.linear.*", "kind": "halt"},
        {"where": "bybit.instrument.*", "kind": "empty_book"},
        {"where": "bybit.instrument.linear.BTCUSDT", "kind": "crossed_book"},
        {"where": "bybit.venue", "kind": "cancel_orders"},
        {"where": "bybit.venue", "kind": "funding"},
        {"where": "bybit.venue", "kind": "restart"},
    ]
)
operations = st.sampled_from(
    [
        ("adl", {"symbol": "BTCUSDT", "share": "0.3"}),
        ("adl", {"symbol": "ETHUSDT"}),
        ("liquidate", {"symbol": "BTCUSDT"}),
        ("liquidate", {}),
        ("trade", {"symbol": "BTCUSDT", "side": "Sell", "qty": "0.7"}),
    ]
)
events = st.one_of(
    st.tuples(st.just("dial"), st.lists(rules, max_size=2)),
    st.tuples(st.just("operate"), operations),
    st.tuples(st.just("order"), orders),
    st.tuples(st.just("order"), spot_orders),
    st.tuples(st.just("move"), st.integers(-40, 40)),
    st.tuples(st.just("time"), st.sampled_from([250, 1000, 3_600_000, 5 * 3_600_000])),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("amend"), st.tuples(st.integers(0, 20), st.integers(5, 4000))),
)

D = Decimal


def carry_out(exchange: Exchange, account: Account, kind: str, what: Any) -> None:
    if kind == "order":
        exchange.place(account, **what)
    elif kind == "move":
        middle = D(1000) + D(what) / 10
        for symbol in LINEAR:
            exchange.market.quote(symbol, str(middle - D("0.1")), str(middle + D("0.1")), "0.7")
        exchange.pass_time(100)
    elif kind == "time":
        exchange.pass_time(what)
    elif kind == "dial":
        exchange.venue.faults.replace(what)
    elif kind == "operate":
        Operations(exchange.venue).carry_out(account.uid, *what)
        exchange.run()
    else:
        number = what if kind == "cancel" else what[0]
        standing = list(account.open_orders.values())
        if not standing:
            return
        order = standing[number % len(standing)]
        if kind == "cancel":
            exchange.venue.cancel(account, order)
        elif order.category == "linear":
            exchange.venue.intake.amend(account, order, {"qty": str(D(what[1]) / 1000)}, exchange.clock.ms)
            exchange.venue.amended(account, order)
        exchange.run()


def check(exchange: Exchange, account: Account) -> None:
    for coin in account.balances:
        moved = sum((e.cash_flow + e.funding - e.fee for e in account.log if e.coin == coin), D(0))
        assert account.balance(coin) == D(STARTING.get(coin, "0")) + moved
        charged = sum(
            (e.fee for e in account.executions if e.fee_coin == coin and e.exec_type != "Funding"), D(0)
        )
        assert charged == sum((e.fee for e in account.log if e.coin == coin), D(0))
        assert account.locked(coin) <= account.balance(coin) or coin == "USDT"
    for symbol in LINEAR:
        trades = [e for e in account.executions if e.symbol == symbol and e.exec_type != "Funding"]
        signed = sum((e.qty if e.side == "Buy" else -e.qty for e in trades), D(0))
        assert account.signed_size(symbol) == signed
        funded = sum(
            (e.fee for e in account.executions if e.symbol == symbol and e.exec_type == "Funding"), D(0)
        )
        settled = sum((e.funding for e in account.log if e.symbol == symbol and e.type == "SETTLEMENT"), D(0))
        assert funded + settled == 0
        check_profit(account, symbol, trades)
    for order in account.orders.values():
        fills = [e for e in account.executions if e.order_id == order.order_id and e.exec_type == "Trade"]
        assert order.filled == sum((e.qty for e in fills), D(0))
        assert order.value == sum((e.value for e in fills), D(0))
        assert (order.value if order.quote_sized else order.filled) <= order.qty
        assert order.is_open == (order.order_id in account.open_orders)
        assert order.status != "PartiallyFilledCanceled" or (order.category == "spot" and order.filled)
        if order.category == "spot" and order.is_open and order.order_type == "Limit":
            assert order.locked == order.leaves * (order.bound if order.side == "Buy" else 1)
        if order.order_type == "Limit":
            worst = [e.price for e in fills]
            assert all(p <= order.bound if order.side == "Buy" else p >= order.bound for p in worst)
    wallet = exchange.venue.margin.wallet(account, exchange.clock.ms)
    assert wallet.available >= 0


def check_profit(account: Account, symbol: str, trades: list[Any]) -> None:
    """Price profit: what came in for sales less what went out for purchases, plus what is held at cost."""
    flow = sum((e.value if e.side == "Sell" else -e.value for e in trades), D(0))
    position = account.position(symbol)
    held = D(0)
    if position is not None and position.quantity:
        held = position.cost if position.quantity > 0 else -position.cost
    assert sum((e.pnl for e in trades), D(0)) == flow + held
    rows = [row for row in account.closed if row.symbol == symbol]
    fees = sum((e.fee for e in trades), D(0))
    open_fee = position.open_fee if position is not None else D(0)
    assert sum((row.pnl for row in rows), D(0)) == sum((e.pnl for e in trades), D(0)) - (fees - open_fee)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events, min_size=10, max_size=40), st.sampled_from(["1", "5"]))
def test_the_books_agree_after_every_event(flow: list[tuple[str, Any]], leverage: str) -> None:
    exchange = Exchange()
    exchange.market.quote("XRPUSDT", "1.999", "2.001", "50", category="spot")
    account = exchange.account(balances=STARTING, default_leverage=leverage)
    for kind, what in flow:
        with suppress(Refusal, Conflict):
            carry_out(exchange, account, kind, what)
        check(exchange, account)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), orders), min_size=5, max_size=30))
def test_what_one_user_sells_to_another_is_the_same_trade(flow: list[tuple[bool, Any]]) -> None:
    """With an empty market the users trade with each other only, so their positions cancel out."""
    exchange = Exchange()
    for book in exchange.market.books.values():
        book.bids.clear()
        book.asks.clear()
    users = [exchange.account(balances={"USDT": "1000000"}) for _ in range(2)]
    for first, what in flow:
        try:
            exchange.place(users[0 if first else 1], **what)
        except Refusal:
            continue
    for symbol in LINEAR:
        assert sum(user.signed_size(symbol) for user in users) == 0
    assert sum((e.pnl for user in users for e in user.executions), D(0)) + sum(
        (position.unrealised(D(1000)) for user in users for position in user.positions.values()), D(0)
    ) == sum((e.value if e.side == "Sell" else -e.value for user in users for e in user.executions), D(0))
