"""Rebalancing: differences only, never beyond what is held, as near to the weights as the venue allows."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.instruments import InstrumentStatus, Side
from holdfast.core.targets import Target
from holdfast.portfolio.plan import Held, PlanDraft
from holdfast.portfolio.rebalance import BAND, build_rebalance_plan
from holdfast.portfolio.sweep import LegMarket
from holdfast.portfolio.tactics import Tactic

from .markets import instrument, market

D = Decimal
PLENTY = D(10**12)
SIZE = D(10_000)

BTC = market(instrument("BTCUSDT"), 1_000_000)
ETH = market(instrument("ETHUSDT", tick="0.01", lot="0.01", least="0.01"), 400_000)
SOL = market(instrument("SOLUSDT", tick="0.01", lot="0.1", least="0.1"), 20_000)


def target(of: LegMarket, weight: float) -> Target:
    symbol = of.instrument.symbol
    return Target(symbol.lower(), symbol, weight, float(of.mid))


def held(of: LegMarket, quantity: str, *, net: str | None = None, **more: Any) -> Held:
    symbol = of.instrument.symbol
    return Held(symbol, symbol.lower(), D(quantity), D(quantity if net is None else net), **more)


def plan(
    targets: list[tuple[LegMarket, float]], owned: list[tuple[LegMarket, str]], **changes: Any
) -> PlanDraft:
    known = {of.instrument.symbol: of for of, _ in [*targets, *owned]}
    arguments: dict[str, Any] = {
        "direction": 1,
        "size": SIZE,
        "markets": known,
        "allowance": D("0.005"),
        "available": PLENTY,
    }
    return build_rebalance_plan(
        [target(*one) for one in targets], [held(*one) for one in owned], **(arguments | changes)
    )


def orders(draft: PlanDraft) -> dict[str, Decimal]:
    return {leg.symbol: leg.side.sign * leg.quantity for leg in draft.legs if leg.action == "trade"}


def test_only_the_difference_is_traded() -> None:
    draft = plan([(BTC, 0.5), (ETH, -0.5)], [(BTC, "0.04"), (ETH, "-1.5")])
    assert orders(draft) == {"BTCUSDT": D("0.010"), "ETHUSDT": D("0.25")}
    buy, cover = draft.legs
    assert (buy.reduces, cover.reduces) == (False, True)
    assert (buy.weight, round(buy.held_weight or 0, 3)) == (0.5, 0.4)
    assert draft.tracking_error_before == pytest.approx(0.2, abs=0.001)
    assert draft.tracking_error < 0.001


def test_a_small_difference_is_left_with_a_note() -> None:
    draft = plan([(BTC, 0.5), (ETH, -0.5)], [(BTC, "0.0496"), (ETH, "-1.0")])
    assert list(orders(draft)) == ["ETHUSDT"]
    assert "left as it is" in draft.legs[0].note
    assert draft.left_out == 0


def test_a_coin_that_left_the_index_is_closed_exactly_and_a_new_one_is_opened() -> None:
    draft = plan([(SOL, 0.5)], [(ETH, "1.23")])
    assert orders(draft) == {"ETHUSDT": D("-1.23"), "SOLUSDT": D("25")}


def test_through_zero_is_one_order() -> None:
    draft = plan([(ETH, -0.4)], [(ETH, "1")])
    assert orders(draft) == {"ETHUSDT": D("-2.0")}
    assert not draft.legs[0].reduces


def test_a_leg_on_its_way_out_of_the_venue_only_shrinks() -> None:
    leaving = replace(
        ETH, instrument=instrument("ETHUSDT", tick="0.01", lot="0.01", status=InstrumentStatus.REDUCE_ONLY)
    )
    assert orders(plan([(leaving, -0.4)], [(leaving, "1")])) == {"ETHUSDT": D("-1")}
    assert orders(plan([(leaving, 0.1), (BTC, 0.5)], [(leaving, "1")]))["ETHUSDT"] == D("-0.75")
    grown = plan([(leaving, 0.8), (BTC, 0.2)], [(leaving, "1")])
    assert list(orders(grown)) == ["BTCUSDT"]
    assert "delisted" in grown.legs[1].note
    delivered = replace(ETH.instrument, delivery_at=datetime(2026, 12, 1, tzinfo=UTC))
    assert list(orders(plan([(replace(ETH, instrument=delivered), 0.8), (BTC, 0.2)], []))) == ["BTCUSDT"]


def test_a_halted_leg_blocks_the_plan_with_its_reason() -> None:
    halted = replace(ETH, trouble="trading is halted")
    assert plan([(halted, 0.4), (BTC, 0.5)], [(halted, "1")]).problems == ("ETHUSDT: trading is halted.",)


def test_nothing_to_do_is_said() -> None:
    draft = plan([(BTC, 0.5)], [(BTC, "0.05")])
    assert orders(draft) == {}
    assert "nothing to trade" in draft.problems[0]


def test_what_is_below_the_venues_minimum_is_left_out_and_said() -> None:
    coarse = market(instrument("BTCUSDT", lot="0.01", least="0.01"), 1_000_000)
    draft = plan([(coarse, 0.52), (ETH, 0.4)], [(coarse, "0.05")])
    assert list(orders(draft)) == ["ETHUSDT"]
    assert "minimum" in draft.legs[0].note
    assert draft.left_out > 0


def test_a_lot_that_brings_a_coin_hardly_nearer_is_not_traded() -> None:
    coarse = market(instrument("BTCUSDT", lot="0.002", least="0.002"), 1_000_000)
    draft = plan([(coarse, 0.511), (ETH, 0.4)], [(coarse, "0.05")])
    assert list(orders(draft)) == ["ETHUSDT"]
    assert "much nearer" in draft.legs[0].note
    assert draft.left_out == 0
    assert orders(plan([(coarse, 0.512)], [(coarse, "0.05")])) == {"BTCUSDT": D("0.002")}


def test_crumbs_of_a_coin_that_left_stay_in_the_position() -> None:
    coarse = market(instrument("BTCUSDT", lot="0.001", least="0.01"), 1_000_000)
    draft = plan([(ETH, 0.4)], [(coarse, "0.004")])
    assert "stays in the position" in draft.legs[0].note


def test_what_was_closed_by_hand_is_booked_and_bought_back() -> None:
    gone = held(BTC, "0", net="0", by_hand=((D("-0.05"), D(99000)),))
    draft = build_rebalance_plan(
        [target(BTC, 0.5)],
        [gone],
        direction=1,
        size=SIZE,
        markets={"BTCUSDT": BTC},
        allowance=D("0.005"),
        available=PLENTY,
    )
    assert [leg.action for leg in draft.legs] == ["by_hand", "trade"]
    assert orders(draft) == {"BTCUSDT": D("0.050")}


def test_margin_is_for_what_is_added_and_what_is_reduced_first_counts_as_free() -> None:
    swap = plan([(SOL, 0.5)], [(ETH, "1.25")], available=D(100))
    assert swap.problems == ()
    assert 0 < swap.margin_needed < 100
    slow = plan([(SOL, 0.5)], [(ETH, "1.25")], available=D(100), tactic=Tactic("twap", 60, 5))
    assert "missing" in slow.problems[0]
    assert slow.margin_needed > 5000
    shrinking = plan([(BTC, 0.2)], [(BTC, "0.05")], available=D(10))
    assert shrinking.margin_needed < 10


def test_the_users_own_opposite_holding_frees_nothing() -> None:
    owned = held(BTC, "0.05", net="0")
    draft = build_rebalance_plan(
        [target(ETH, 0.5)],
        [owned],
        direction=1,
        size=SIZE,
        markets={"BTCUSDT": BTC, "ETHUSDT": ETH},
        allowance=D("0.005"),
        available=PLENTY,
    )
    assert draft.margin_needed > D("9999")


MARKETS = [
    market(instrument(f"C{n:02d}USDT", lot=lot, least=least, tick="0.01"), ticks)
    for n, (lot, least, ticks) in enumerate(
        [
            ("0.001", "0.001", 9_000_000),
            ("0.01", "0.05", 300_000),
            ("0.1", "0.1", 15_000),
            ("1", "5", 250),
            ("10", "10", 20),
        ]
    )
]
weights = st.floats(-1, 1).map(lambda value: round(value, 6))


@st.composite
def positions(draw: st.DrawFn) -> tuple[list[tuple[LegMarket, float]], list[tuple[LegMarket, str]], Decimal]:
    targets = [(of, draw(weights)) for of in MARKETS if draw(st.booleans())]
    owned = []
    for of in MARKETS:
        if draw(st.booleans()):
            worth = draw(st.integers(-20_000, 20_000))
            lots = int(D(worth) / of.mid / of.instrument.lot)
            if lots:
                owned.append((of, str(lots * of.instrument.lot)))
    return targets, owned, D(draw(st.integers(50, 20_000)))


@settings(max_examples=300, deadline=None)
@given(positions(), st.sampled_from([1, -1]))
def test_whatever_is_held_and_wanted(
    case: tuple[list[tuple[LegMarket, float]], list[tuple[LegMarket, str]], Decimal], direction: int
) -> None:
    targets, owned, size = case
    draft = plan(targets, owned, size=size, direction=direction)
    quantity = {of.instrument.symbol: D(amount) for of, amount in owned}
    weight = {of.instrument.symbol: direction * w for of, w in targets}
    books = {of.instrument.symbol: of for of in MARKETS}
    traded = orders(draft)
    for leg in draft.legs:
        of, before = books[leg.symbol], quantity.get(leg.symbol, D(0))
        wanted = D(repr(weight.get(leg.symbol, 0.0))) * size
        after = before + traded.get(leg.symbol, D(0))
        assert after % of.instrument.lot == 0
        if leg.reduces:
            assert abs(after) <= abs(before)
            assert after * before >= 0
        if leg.action == "trade":
            assert leg.quantity >= of.instrument.min_quantity
            if wanted:
                assert leg.quantity * of.mid >= of.instrument.min_notional
                lot = of.instrument.lot * of.mid
                least = of.instrument.min_lots(of.mid * D("0.99")) * lot
                assert abs(after * of.mid - wanted) <= max(lot, least / 2) + D("0.01")
        if wanted == 0 and leg.action == "trade":
            assert after == 0
    assert draft.tracking_error <= (draft.tracking_error_before or 0) + 1e-9 or not weight
    assert draft.gross == sum((leg.notional for leg in draft.legs if leg.action == "trade"), D(0))


@settings(max_examples=60, deadline=None)
@given(positions(), st.randoms(use_true_random=False))
def test_the_order_of_the_inputs_does_not_matter(
    case: tuple[list[tuple[LegMarket, float]], list[tuple[LegMarket, str]], Decimal], chance: random.Random
) -> None:
    targets, owned, size = case
    first = plan(targets, owned, size=size)
    chance.shuffle(targets)
    chance.shuffle(owned)
    assert plan(targets, owned, size=size) == first


@settings(max_examples=60, deadline=None)
@given(positions())
def test_a_rebalanced_position_needs_no_further_rebalancing(
    case: tuple[list[tuple[LegMarket, float]], list[tuple[LegMarket, str]], Decimal],
) -> None:
    targets, owned, size = case
    traded = orders(plan(targets, owned, size=size))
    quantity = {of.instrument.symbol: D(amount) for of, amount in owned}
    after = [
        (of, str(total))
        for of in MARKETS
        if (total := quantity.get(of.instrument.symbol, D(0)) + traded.get(of.instrument.symbol, D(0)))
    ]
    again = orders(plan(targets, after, size=size))
    for symbol, moved in again.items():
        of = next(of for of in MARKETS if of.instrument.symbol == symbol)
        least = of.instrument.min_lots(of.mid * D("0.99")) * of.instrument.lot
        assert abs(moved) <= max(least, of.instrument.lot)
        assert abs(moved) * of.mid >= BAND * size / 2


@settings(max_examples=300, deadline=None)
@given(
    of=st.sampled_from(MARKETS[:3]),
    lots=st.integers(1, 20),
    further=st.integers(-3, 3),
    beside=st.floats(-0.02, 0.02),
    size=st.integers(2_000, 20_000),
    move=st.sampled_from(["-0.001", "-0.0003", "0.0003", "0.001"]).map(D),
)
def test_prices_that_hardly_move_do_not_turn_a_rebalance_round(
    of: LegMarket, lots: int, further: int, beside: float, size: int, move: Decimal
) -> None:
    symbol, lot = of.instrument.symbol, of.instrument.lot
    weight = (lots + further + 0.5 + beside) * float(lot * of.mid) / size
    traded = orders(plan([(of, weight)], [(of, str(lots * lot))], size=D(size)))
    after = lots * lot + traded.get(symbol, D(0))
    moved = market(of.instrument, int(of.bids[0][0] / of.instrument.tick * (1 + move)))
    assert orders(plan([(moved, weight)], [(moved, str(after))], size=D(size))) == {}


def test_two_holdings_of_one_symbol_are_an_error() -> None:
    with pytest.raises(ValueError, match="same symbol"):
        plan([], [(BTC, "1"), (BTC, "2")])
    assert Side.of(1) is Side.BUY
