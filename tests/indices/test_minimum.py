"""The minimum size: exact by definition, and said in words."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.indices.builders import instrument

from holdfast.indices.minimum import LEFT_OUT_BOUND, SizedLeg, minimum_size


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


def left_out(legs, size):
    """The part of gross whose leg is below the venue's minimum after lot rounding."""
    missing = sum(
        abs(one.weight)
        for one in legs
        if one.instrument.floor_lots(Decimal(repr(abs(one.weight))) * size / one.price)
        < one.instrument.min_lots(one.price)
    )
    return missing / sum(abs(one.weight) for one in legs)


@given(LEGS)
def test_at_full_size_no_leg_is_left_out_and_at_size_at_most_the_bound(legs):
    minimum = minimum_size(legs)
    assert left_out(legs, minimum.full_size) == 0
    assert left_out(legs, minimum.size) <= LEFT_OUT_BOUND + 1e-12
    assert minimum.size <= minimum.full_size


@given(LEGS)
def test_the_sizes_are_not_larger_than_headroom_and_rounding_explain(legs):
    minimum = minimum_size(legs)
    shrink = Decimal("0.88")
    assert left_out(legs, minimum.full_size * shrink) > 0
    assert left_out(legs, minimum.size * shrink) > LEFT_OUT_BOUND


def test_by_hand_with_words():
    """1 % of the size must reach 5 USDT, so 500 USDT; the 0.2 % coin may stay out of it up to 2,500."""
    legs = [leg("big", 0.4, "100"), leg("mid", -0.388, "10"), leg("small", -0.01), leg("tiny", -0.002)]
    minimum = minimum_size(legs)
    assert minimum.size == Decimal(14)
    legs = [leg("big", 0.1, "100"), leg("mid", -0.088, "10"), leg("small", -0.01), leg("tiny", -0.002)]
    minimum = minimum_size(legs)
    assert minimum.size == Decimal(510)
    assert minimum.full_size == Decimal(2600)
    assert "small is 1.00% of the size" in minimum.reason
    assert "Bybit takes no SMALLUSDT order below 5 USDT" in minimum.reason
    assert "tiny decides" in minimum.reason


def test_a_coarse_lot_decides_by_quantity():
    minimum = minimum_size([leg("btc", 0.5, "80000", lot=Decimal("0.001"))])
    assert minimum.size == minimum.full_size == Decimal(170)
    assert "below 0.001 BTC" in minimum.reason
    assert "no coin is left out" in minimum.reason


def test_without_legs_there_is_no_minimum():
    assert minimum_size([]) is None


@pytest.mark.parametrize(("size", "figure"), [("4.9", 5), ("99", 110), ("101", 110), ("0.0123", "0.013")])
def test_figures_are_rounded_up_to_two_places(size, figure):
    minimum = minimum_size(
        [leg("a", 1.0, size, lot=Decimal(1), min_quantity=Decimal(1), min_notional=Decimal("0.0001"))]
    )
    assert minimum.size == Decimal(str(figure))
