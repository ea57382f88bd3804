"""What a tactic makes of a plan: slices, the worst price, and the cost to expect from the book."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.instruments import Side
from holdfast.core.targets import Target
from holdfast.portfolio.advice import tactic_note
from holdfast.portfolio.plan import PlanDraft, build_open_plan
from holdfast.portfolio.sweep import LegMarket
from holdfast.portfolio.tactics import AT_ONCE, Tactic, parts_of, price_of, up_to

from .markets import TAKER, instrument, market

D = Decimal
ALLOWANCE = D("0.005")
MARKET, PASSIVE, TWAP = Tactic("market"), Tactic("passive", 60), Tactic("twap", 300, 10)

BTC = market(instrument("BTCUSDT"), 1_000_000)
ETH = market(instrument("ETHUSDT", tick="0.01", lot="0.01", least="0.01"), 400_000)


def plan(tactic: Tactic, *legs: tuple[LegMarket, float], size: str = "10000") -> PlanDraft:
    targets = [Target(of.instrument.base, of.instrument.symbol, w, float(of.mid)) for of, w in legs]
    return build_open_plan(
        targets,
        direction=1,
        size=D(size),
        markets={of.instrument.symbol: of for of, _ in legs},
        allowance=ALLOWANCE,
        available=D(10**9),
        tactic=tactic,
    )


def cost(draft: PlanDraft) -> Decimal:
    return draft.fees + draft.slippage


def test_large_legs_are_sliced_and_small_ones_are_not() -> None:
    draft = plan(TWAP, (BTC, 0.6), (ETH, -0.1))
    assert [leg.slices for leg in draft.legs] == [10, 1]


def test_a_leg_is_large_by_its_share_of_the_book_too() -> None:
    thin = replace(ETH, bids=((D(4000), D("0.5")), (D(3999), D("4"))))
    assert plan(TWAP, (thin, -0.1)).legs[0].slices == 10
    assert plan(TWAP, (thin, -0.02)).legs[0].slices == 1


def test_at_once_and_at_market_go_in_one_order() -> None:
    for tactic in (AT_ONCE, MARKET):
        assert [leg.slices for leg in plan(tactic, (BTC, 0.6)).legs] == [1]


def test_what_takes_its_time_may_follow_the_market_a_little_and_no_further() -> None:
    at_once, slow = plan(AT_ONCE, (BTC, 0.6)).legs[0], plan(TWAP, (BTC, 0.6)).legs[0]
    assert at_once.limit_price == D("100500.1")
    assert slow.limit_price == D("102500.1")


def test_slices_pay_for_a_slice_of_the_book_each() -> None:
    levels = tuple((D(100_000) + 100 * n, D("0.01")) for n in range(20))
    stepped = replace(BTC, asks=levels)
    at_once, sliced = plan(AT_ONCE, (stepped, 0.6)), plan(TWAP, (stepped, 0.6))
    assert at_once.problems == ()
    assert sliced.slippage * 2 < at_once.slippage
    too_thin = replace(BTC, asks=((D(100_000), D("0.02")),))
    assert "holds only" in plan(AT_ONCE, (too_thin, 0.6)).problems[0]
    assert plan(TWAP, (too_thin, 0.6)).problems == ()


def test_resting_halves_the_spread_and_the_fee() -> None:
    wide = market(instrument("BTCUSDT"), 1_000_000, spread=1000)
    at_once, resting = plan(AT_ONCE, (wide, 0.6)), plan(PASSIVE, (wide, 0.6))
    assert cost(resting) < cost(at_once)
    leg = resting.legs[0]
    assert leg.expected_price == wide.mid
    assert leg.slippage == 0
    half = leg.quantity * wide.mid / 2
    assert abs(leg.fee - half * (TAKER + wide.maker)) < D("0.001") * leg.fee


@pytest.mark.parametrize(
    ("tactic", "fits"), [(AT_ONCE, True), (MARKET, False), (TWAP, True), (PASSIVE, True)]
)
def test_the_venues_largest_order_is_minded_by_its_kind(tactic: Tactic, fits: bool) -> None:
    small = replace(BTC, instrument=replace(BTC.instrument, max_market_quantity=D("0.01")))
    assert (plan(tactic, (small, 0.6)).problems == ()) is fits
    tiny = replace(BTC, instrument=replace(BTC.instrument, max_limit_quantity=D("0.01")))
    assert (plan(tactic, (tiny, 0.6)).problems == ()) is (tactic in (MARKET, TWAP))


def test_every_tactic_says_in_words_what_to_expect() -> None:
    for tactic, words in {
        AT_ONCE: "0.5% beyond the expected price",
        MARKET: "0.5% from the best price at that moment",
        PASSIVE: "after 60 seconds",
        TWAP: "BTCUSDT is sent in up to 10 slices over 300 seconds",
    }.items():
        note = tactic_note(tactic, plan(tactic, (BTC, 0.6)), float(ALLOWANCE))
        assert words in note
        assert "USDT in fees and slippage" in note
    small = tactic_note(TWAP, plan(TWAP, (ETH, 0.05)), float(ALLOWANCE))
    assert "No leg is large enough" in small


@settings(max_examples=300, deadline=None)
@given(
    lots=st.integers(1, 10**6),
    least=st.integers(1, 500),
    slices=st.integers(2, 50),
    tactic=st.sampled_from([MARKET, AT_ONCE, PASSIVE, Tactic("twap", 60, 50)]),
    side=st.sampled_from(list(Side)),
)
def test_parts_add_up_and_reach_the_minimum_and_prices_are_sane(
    lots: int, least: int, slices: int, tactic: Tactic, side: Side
) -> None:
    chosen: Any = replace(tactic, slices=slices) if tactic.kind == "twap" else tactic
    parts = parts_of(chosen, BTC, side, lots, least)
    sizes = [up_to(lots, parts, n + 1) - up_to(lots, parts, n) for n in range(parts)]
    assert sum(sizes) == lots
    assert parts == 1 or min(sizes) >= least
    price = price_of(chosen, BTC, side, lots, parts, ALLOWANCE)
    assert price.problem == ""
    assert side.sign * (price.limit_price - price.expected_price) > 0
    assert abs(price.value / (lots * BTC.instrument.lot) - BTC.mid) < BTC.mid * D("0.001")
    assert price.fee >= 0
