"""The minimum size: exact by definition, and said in words."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.indices.builders import instrument

from holdfast.indices.minimum import LEFT_OUT_BOUND, TRACKING_BOUND, SizedLeg, minimum_size


def leg(name, weight, price="1", **changes):
    return SizedLeg(name, weight, Decimal(price), instrument(f"{name.upper()}USDT", **changes))


LEGS = st.lists(
    st.builds(
        lambda weight, price, lot, least, notional: SizedLeg(
            "Coin",
            weight,
            Decimal(price) / 1000,
            instrument(
                "AUSDT",
                lot=Decimal(lot) / 1000,
                min_quantity=Decimal(least) / 1000,
                min_notional=Decimal(notional),
            ),
        ),
        st.floats(1e-4, 1).flatmap(lambda w: st.sampled_from([w, -w])),
        st.integers(1, 10**8),
        st.integers(1, 10**5),
        st.integers(1, 10**5),
        st.integers(1, 20),
    ),
    min_size=1,
    max_size=12,
)


def least_order(one):
    return one.instrument.min_lots(one.price) * one.instrument.lot * one.price


def left_out(legs, size):
    """The part of gross whose leg is nearer to nothing than to the smallest order."""
    missing = sum(
        abs(one.weight) for one in legs if 2 * Decimal(repr(abs(one.weight))) * size < least_order(one)
    )
    return missing / sum(abs(one.weight) for one in legs)


def worst_rounding(legs, size):
    """The part of gross that rounding may miss, every leg at its worst."""
    return float(sum(least_order(one) / 2 for one in legs) / size) / sum(abs(one.weight) for one in legs)


@given(LEGS)
def test_at_full_size_no_leg_is_left_out_and_at_size_both_bounds_hold(legs):
    minimum = minimum_size(legs)
    assert left_out(legs, minimum.full_size) == 0
    assert left_out(legs, minimum.size) <= LEFT_OUT_BOUND + 1e-12
    assert worst_rounding(legs, minimum.size) <= TRACKING_BOUND
    assert minimum.size <= minimum.full_size


@given(LEGS)
def test_the_sizes_are_not_larger_than_headroom_and_rounding_explain(legs):
    minimum = minimum_size(legs)
    smaller = minimum.size * Decimal("0.88")
    assert left_out(legs, smaller) > LEFT_OUT_BOUND or worst_rounding(legs, smaller) > TRACKING_BOUND
    assert minimum.full_size == minimum.size or left_out(legs, minimum.full_size * Decimal("0.88")) > 0


def test_by_hand_with_words():
    """Half of 5 USDT must fit into 1 % of the size: 250 USDT. The 0.2 % coin may stay out up to 1,250."""
    legs = [leg("big", 0.1, "100"), leg("mid", -0.088, "10"), leg("small", -0.01), leg("tiny", -0.002)]
    minimum = minimum_size(legs)
    assert minimum.size == Decimal(260)
    assert minimum.full_size == Decimal(1300)
    assert "small is 1.00% of the size" in minimum.reason
    assert "Bybit takes no SMALLUSDT order below 5 USDT" in minimum.reason
    assert "tiny decides" in minimum.reason


def test_coarse_lots_decide():
    """Half of 80 USDT is a quarter of 160 USDT of exposure, and two legs of a half make 320 of size 160."""
    legs = [leg("btc", 0.5, "80000", lot=Decimal("0.001")), leg("eth", -0.5, "4000", lot=Decimal("0.02"))]
    minimum = minimum_size(legs)
    assert minimum.size == minimum.full_size == Decimal(330)
    assert "below 0.001 BTC (about 80 USDT)" in minimum.reason
    assert "25% of the exposure" in minimum.reason


def test_without_legs_there_is_no_minimum():
    assert minimum_size([]) is None


@pytest.mark.parametrize(("size", "figure"), [("4.9", 10), ("99", 210), ("101", 210), ("0.0123", "0.026")])
def test_figures_are_rounded_up_to_two_places(size, figure):
    minimum = minimum_size(
        [leg("a", 1.0, size, lot=Decimal(1), min_quantity=Decimal(1), min_notional=Decimal("0.0001"))]
    )
    assert minimum.size == Decimal(str(figure))
