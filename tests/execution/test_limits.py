"""The limits kernel: what each limit refuses, in which words, and that no interleaving passes one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from holdfast.core.instruments import Side
from holdfast.execution.risk.limits import (
    Bounds,
    Exposure,
    Intent,
    Price,
    Result,
    Situation,
    Stake,
    judge,
    losses,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
A, B = UUID(int=1), UUID(int=2)
D = Decimal


def price(value: str = "100", index: str = "100", age: float = 0) -> Price:
    return Price(D(value), D(index), NOW - timedelta(seconds=age))


def order(key=1, owner=A, symbol="BTCUSDT", side=Side.BUY, quantity="1", limit="100", parts=1) -> Intent:
    return Intent(key, owner, symbol, side, D(quantity), D(limit), parts)


def situation(**changes) -> Situation:
    base = Situation(
        now=NOW,
        user=Bounds(),
        own={},
        exposure=Exposure(),
        prices={"BTCUSDT": price(), "ETHUSDT": price("10", "10")},
        fresh_for=timedelta(seconds=30),
    )
    return replace(base, **changes)


HELD = Exposure({(A, "BTCUSDT"): Stake(D(5)), (B, "BTCUSDT"): Stake(D(-4))})

REFUSED = [
    (Bounds(order_notional=D(99)), order(), "worth 100.00 USDT, and your limit for one order is 99.00"),
    (Bounds(instrument_notional=D(999)), order(), "BTCUSDT over all positions would be worth up to 1,000.00"),
    (Bounds(sleeve_notional=D(599)), order(), "this position would be worth up to 600.00"),
    (Bounds(gross_notional=D(999)), order(), "all your positions together would be worth up to 1,000.00"),
    (Bounds(price_band=D("0.01")), order(limit="101.01"), "1.01 % above the index price of 100"),
    (
        Bounds(price_band=D("0.01")),
        order(side=Side.SELL, quantity="9", limit="98.5"),
        "1.5 % below the index",
    ),
    (Bounds(orders_per_minute=3), order(), "3 orders were sent within the last minute"),
]
ALLOWED = [
    (Bounds(order_notional=D(100)), order()),
    (Bounds(order_notional=D(50)), order(parts=2)),
    (Bounds(instrument_notional=D(1000)), order()),
    (Bounds(sleeve_notional=D(600)), order()),
    (Bounds(gross_notional=D(1000)), order()),
    (Bounds(price_band=D("0.01")), order(limit="101")),
    (Bounds(price_band=D("0.01")), order(limit="50")),
    (Bounds(orders_per_minute=4), order()),
]


@pytest.mark.parametrize(("bounds", "wanted", "words"), REFUSED)
def test_what_a_users_limit_refuses(bounds: Bounds, wanted: Intent, words: str):
    held = replace(HELD, sent={A: 2, B: 1})
    refused = judge(situation(user=bounds, exposure=held), [wanted])
    assert words in refused[1]


@pytest.mark.parametrize(("bounds", "wanted"), ALLOWED)
def test_what_is_exactly_at_a_limit_passes(bounds: Bounds, wanted: Intent):
    held = replace(HELD, sent={A: 2, B: 1})
    assert judge(situation(user=bounds, exposure=held), [wanted]) == {}


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Bounds(instrument_notional=D(599)), "BTCUSDT in this position"),
        (Bounds(sleeve_notional=D(599)), "this position"),
        (Bounds(gross_notional=D(599)), "this position"),
        (Bounds(order_notional=D(99)), "one order"),
        (Bounds(price_band=D("0.001")), "above the index"),
        (Bounds(orders_per_minute=2), "orders of this position"),
        (Bounds(daily_loss=D(10)), "This position has lost 10.00 USDT since 00:00 UTC"),
        (Bounds(drawdown=D("0.2")), "This position's value is 25 % below its highest"),
    ],
)
def test_a_positions_own_limits_hold_for_it_alone(bounds: Bounds, words: str):
    limited = situation(
        own={A: bounds},
        exposure=replace(HELD, sent={A: 2}),
        results={A: Result(D(-10), D(75), D(100))},
    )
    refused = judge(limited, [order(1, A, limit="100.2"), order(2, B, side=Side.SELL, limit="99.9")])
    assert refused.keys() == {1}
    assert words in refused[1]


def test_slices_count_against_the_rate_as_they_are_sent():
    three = situation(user=Bounds(orders_per_minute=3))
    slices = replace(order(parts=30), a_minute=4)
    assert "This leg may send 4 a minute" in judge(three, [slices])[1]
    assert judge(three, [replace(slices, a_minute=3)]) == {}
    assert judge(three, [replace(order(1), a_minute=2), replace(order(2), a_minute=2)]).keys() == {2}


def test_the_stricter_of_two_limits_wins():
    mine, house = Bounds(order_notional=D(5), drawdown=D("0.5")), Bounds(order_notional=D(9), daily_loss=D(1))
    assert mine.stricter(house) == Bounds(order_notional=D(5), drawdown=D("0.5"), daily_loss=D(1))
    assert house.stricter(mine) == mine.stricter(house)


def test_losses_stop_new_risk_and_say_how_to_go_on():
    lost = situation(user=Bounds(daily_loss=D(50)), result=Result(D("-50.01")))
    assert "lost 50.01 USDT since 00:00 UTC" in judge(lost, [order()])[1]
    assert "You can still close" in losses(lost, None)
    fallen = situation(user=Bounds(drawdown=D("0.1")), result=Result(equity=D(89), peak=D(100)))
    assert "11 % below its highest" in judge(fallen, [order()])[1]
    assert (
        losses(situation(user=Bounds(drawdown=D("0.1")), result=Result(equity=D(91), peak=D(100))), A) == ""
    )
    assert losses(situation(user=Bounds(drawdown=D("0.1")), result=Result()), A) == ""


def test_nothing_is_opened_on_an_old_price_or_none():
    assert "31 s old" in judge(situation(prices={"BTCUSDT": price(age=31)}), [order()])[1]
    assert "no price of BTCUSDT" in judge(situation(prices={}), [order()])[1]
    assert judge(situation(prices={"BTCUSDT": price(age=30)}), [order()]) == {}
    assert judge(situation(prices={"BTCUSDT": price(age=31)}, fresh_for=None), [order()]) == {}


def test_what_only_reduces_passes_every_limit():
    nothing = Bounds(D(1), D(1), D(1), D(1), D(1), D("0.01"), 1, D("0.0001"))
    worst = situation(user=nothing, exposure=HELD, prices={}, result=Result(D(-999), D(1), D(100)))
    closing = [order(1, A, side=Side.SELL, quantity="5", limit="1"), order(2, B, quantity="4", limit="999")]
    assert judge(worst, closing) == {}


def test_an_order_that_closes_more_than_is_held_takes_new_risk():
    tight = situation(user=Bounds(gross_notional=D(900)), exposure=HELD)
    assert judge(tight, [order(1, A, side=Side.SELL, quantity="5.1")]) == {}, "it ends smaller"
    assert judge(tight, [order(1, A, side=Side.SELL, quantity="11")]).keys() == {1}
    selling = Exposure({(A, "BTCUSDT"): Stake(D(5), selling=D(3))})
    assert not order(1, A, side=Side.SELL, quantity="3").reduces(selling.stakes[A, "BTCUSDT"])


def test_a_reducing_order_under_way_makes_no_room_yet():
    """It may still be lost."""
    selling = Exposure({(A, "BTCUSDT"): Stake(D(10), selling=D(10))})
    full = situation(user=Bounds(instrument_notional=D(1000)), exposure=selling)
    assert judge(full, [order(1, B)]).keys() == {1}


def test_orders_of_one_batch_count_together():
    limited = situation(user=Bounds(gross_notional=D(250)))
    assert judge(limited, [order(1), order(2), order(3)]).keys() == {3}


# --- any interleaving ------------------------------------------------------------------------------------

PRICES = {"BTCUSDT": price(), "ETHUSDT": price("10", "10")}
BOUNDS = Bounds(
    order_notional=D(700), instrument_notional=D(900), sleeve_notional=D(1000), gross_notional=D(1500)
)
OWN = {A: Bounds(sleeve_notional=D(800), instrument_notional=D(750))}

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("order"),
            st.sampled_from([A, B]),
            st.sampled_from(sorted(PRICES)),
            st.sampled_from(list(Side)),
            st.sampled_from([1, 10, 30, 50, 69, 70, 80]),
        ),
        st.tuples(st.just("fill"), st.integers(0, 2), st.sampled_from([5, 80])),
        st.tuples(st.just("fill"), st.integers(0, 2), st.sampled_from([5, 80])),
        st.tuples(st.just("end"), st.integers(0, 2)),
    ),
    min_size=6,
    max_size=30,
)


class Venue:
    """Orders that passed the gate are filled in any order, in parts, or not at all."""

    def __init__(self) -> None:
        self.held: dict[tuple[UUID, str], Decimal] = {}
        self.open: list[list] = []

    def exposure(self) -> Exposure:
        stakes = {key: Stake(quantity) for key, quantity in self.held.items()}
        for owner, symbol, side, left in self.open:
            stakes[owner, symbol] = stakes.get((owner, symbol), Stake()).plus(side, left)
        return Exposure(stakes)

    def fill(self, number: int, quantity: Decimal) -> None:
        if number < len(self.open):
            one = self.open[number]
            part = min(quantity, one[3])
            key = one[0], one[1]
            self.held[key] = self.held.get(key, D(0)) + one[2].sign * part
            one[3] -= part

    def end(self, number: int) -> None:
        if number < len(self.open):
            self.open.pop(number)

    def check(self) -> None:
        by_owner, by_symbol = {A: D(0), B: D(0)}, dict.fromkeys(PRICES, D(0))
        for (owner, symbol), quantity in self.held.items():
            worth = abs(quantity) * PRICES[symbol].value
            by_owner[owner] += worth
            by_symbol[symbol] += worth
            if owner == A:
                assert worth <= OWN[A].instrument_notional
        assert sum(by_owner.values()) <= BOUNDS.gross_notional
        assert all(worth <= BOUNDS.sleeve_notional for worth in by_owner.values())
        assert all(worth <= BOUNDS.instrument_notional for worth in by_symbol.values())
        assert by_owner[A] <= OWN[A].sleeve_notional


@settings(max_examples=400, deadline=None)
@given(steps)
@example(
    [
        ("order", A, "BTCUSDT", Side.BUY, 70),
        ("fill", 0, 80),
        ("order", A, "BTCUSDT", Side.SELL, 80),
        ("order", A, "BTCUSDT", Side.SELL, 80),
        ("fill", 1, 80),
        ("fill", 2, 80),
    ]
)
def test_no_interleaving_of_orders_and_fills_passes_a_limit(moves):
    venue = Venue()
    for move in moves:
        match move:
            case ("order", owner, symbol, side, tenths):
                quantity = D(tenths) / 10 * (1 if symbol == "BTCUSDT" else 10)
                wanted = Intent("k", owner, symbol, side, quantity, PRICES[symbol].value)
                state = situation(user=BOUNDS, own=OWN, exposure=venue.exposure(), prices=PRICES)
                if not judge(state, [wanted]):
                    venue.open.append([owner, symbol, side, quantity])
            case ("fill", number, tenths):
                venue.fill(number, D(tenths) / 10)
            case ("end", number):
                venue.end(number)
        venue.check()
