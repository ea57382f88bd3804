"""The index mathematics against independent definitions of the same things."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from holdfast.indices import methodology as m

VALUES = st.lists(st.floats(1e3, 1e13), min_size=2, max_size=30).map(np.array)


@st.composite
def ratios(draw):
    """Values with a numerator inside the denominator (a dominance) or apart from it (a pair of sectors)."""
    values = draw(VALUES)
    split = draw(st.integers(1, len(values) - 1))
    order = draw(st.permutations(range(len(values))))
    numerator = np.zeros(len(values), dtype=bool)
    numerator[list(order[:split])] = True
    inside = draw(st.booleans())
    denominator = np.ones(len(values), dtype=bool) if inside else ~numerator
    return values, numerator, denominator


@given(ratios())
def test_ratio_weights_are_the_gradient_of_the_log_level(case):
    values, numerator, denominator = case
    weights = m.ratio_weights(values, numerator, denominator)
    step = 1e-5
    for i in range(len(values)):
        up, down = values.copy(), values.copy()
        up[i] *= np.exp(step)
        down[i] *= np.exp(-step)
        slope = (
            np.log(m.ratio_level(up, numerator, denominator))
            - np.log(m.ratio_level(down, numerator, denominator))
        ) / (2 * step)
        assert weights[i] == pytest.approx(slope, abs=1e-8)


@given(ratios())
def test_ratio_weights_sum_to_zero_and_gross_is_twice_what_is_not_held(case):
    values, numerator, denominator = case
    weights = m.ratio_weights(values, numerator, denominator)
    assert weights.sum() == pytest.approx(0, abs=1e-12)
    overlap = m.ratio_level(values, numerator, denominator) if (numerator & denominator).any() else 0.0
    assert np.abs(weights).sum() == pytest.approx(2 * (1 - overlap), abs=1e-9)


def test_bitcoin_dominance_by_hand():
    values = np.array([60.0, 30.0, 10.0])
    bitcoin = np.array([True, False, False])
    everything = np.ones(3, dtype=bool)
    assert m.ratio_level(values, bitcoin, everything) == pytest.approx(0.6)
    assert m.ratio_weights(values, bitcoin, everything) == pytest.approx([0.4, -0.3, -0.1])


@given(ratios(), st.randoms(use_true_random=False))
def test_ratio_weights_do_not_depend_on_the_order(case, random):
    values, numerator, denominator = case
    order = list(range(len(values)))
    random.shuffle(order)
    shuffled = m.ratio_weights(values[order], numerator[order], denominator[order])
    assert shuffled == pytest.approx(m.ratio_weights(values, numerator, denominator)[order], abs=1e-12)


def capped_by_the_iterative_rule(values, caps):
    """Cap all breaches, spread the excess pro rata over the uncapped, repeat."""
    weights = values / values.sum()
    capped = np.zeros(len(values), dtype=bool)
    for _ in range(len(values) + 1):
        breach = weights > caps + 1e-15
        if not breach.any():
            break
        capped |= breach
        weights = np.where(capped, caps, 0.0)
        free = ~capped
        if free.any():
            weights[free] = (1 - caps[capped].sum()) * values[free] / values[free].sum()
    return weights


@given(VALUES, st.data())
def test_water_filling_agrees_with_the_iterative_rule(values, data):
    caps = np.array(data.draw(st.lists(st.floats(0.02, 1.0), min_size=len(values), max_size=len(values))))
    assume(caps.sum() >= 1.001)
    weights = m.capped_shares(values, caps)
    assert weights.sum() == pytest.approx(1, abs=1e-9)
    assert np.all(weights <= caps + 1e-12)
    assert weights == pytest.approx(capped_by_the_iterative_rule(values, caps), abs=1e-9)


@given(VALUES)
def test_equal_caps_that_just_suffice_give_everybody_the_cap(values):
    n = len(values)
    assert m.capped_shares(values, 1 / n) == pytest.approx(np.full(n, 1 / n), abs=1e-9)


@given(VALUES)
def test_a_cap_of_one_changes_nothing(values):
    assert m.capped_shares(values, 1.0) == pytest.approx(m.shares(values), abs=1e-12)


def test_caps_that_cannot_be_met_are_refused():
    with pytest.raises(ValueError, match="must reach 1"):
        m.capped_shares(np.array([5.0, 3.0, 2.0]), 0.3)


def test_thirty_percent_cap_by_hand():
    """60 and 20 of 100 with a cap of 30 %: the 30 points spill over and push the second over, too."""
    weights = m.capped_shares(np.array([60.0, 20.0, 10.0, 10.0]), 0.3)
    assert weights == pytest.approx([0.3, 0.3, 0.2, 0.2])


@given(VALUES, st.randoms(use_true_random=False))
def test_capping_does_not_depend_on_the_order(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    cap = 1.5 / len(values)
    assert m.capped_shares(values[order], cap) == pytest.approx(m.capped_shares(values, cap)[order], abs=1e-9)


@given(VALUES, st.data())
def test_a_reconstitution_does_not_move_the_level(values, data):
    prices = np.array(data.draw(st.lists(st.floats(1e-4, 1e5), min_size=len(values), max_size=len(values))))
    before = m.basket_level(prices, values / prices, m.divisor_for(prices, values / prices, 1000.0))
    capped = m.basket_quantities(values, prices, m.capped_shares(values, 2 / len(values)))
    divisor = m.divisor_for(prices, capped, before)
    assert m.basket_level(prices, capped, divisor) == pytest.approx(before, rel=1e-12)
    assert (capped * prices).sum() == pytest.approx(values.sum(), rel=1e-9), "capping keeps the market value"


@given(VALUES, st.data())
def test_the_divisor_form_agrees_with_the_chain_form(values, data):
    """L(t+1) = L(t) sum w_i P_i(t+1) / P_i(t), with w drifting."""
    n = len(values)
    prices = np.ones(n)
    quantities = m.basket_quantities(values, prices, m.capped_shares(values, 2 / n))
    divisor = m.divisor_for(prices, quantities, 1000.0)
    level = 1000.0
    for _ in range(3):
        moves = np.array(data.draw(st.lists(st.floats(0.5, 2.0), min_size=n, max_size=n)))
        level *= float((m.shares(prices * quantities) * moves).sum())
        prices = prices * moves
        assert m.basket_level(prices, quantities, divisor) == pytest.approx(level, rel=1e-9)
