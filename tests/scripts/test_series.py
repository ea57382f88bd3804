"""What scripts build conditions of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.scripts import ta
from holdfast.scripts.ta import BadInput
from holdfast.scripts.ta.series import flags

NAN = np.nan
VALUES = st.lists(st.floats(-1e6, 1e6) | st.sampled_from((NAN, 0.0, 1.0, 1.0)), min_size=0, max_size=40).map(
    lambda values: np.array(values, np.float64)
)


def same(found: np.ndarray, expected: list[float]) -> bool:
    return np.allclose(found, np.array(expected, float), rtol=1e-12, atol=1e-12, equal_nan=True)


def test_each_is_what_it_says() -> None:
    x = np.array([1.0, 2, 2, 1, 4, 3])
    assert same(ta.sum(x, 2), [NAN, 3, 4, 3, 5, 7])
    assert same(ta.median(x, 3), [NAN, NAN, 2, 2, 2, 3])
    assert same(ta.returns(x), [NAN, 1, 0, -0.5, 3, -0.25])
    assert ta.rising(x).tolist() == [False, True, False, False, True, False]
    assert ta.rising(x, 2).tolist() == [False, False, False, False, True, False]
    assert ta.falling(x).tolist() == [False, False, False, True, False, True]
    assert same(ta.percentrank(x, 3), [NAN, NAN, NAN, 100 / 3, 100, 200 / 3])
    assert same(ta.zscore(np.array([1.0, 3, 3, 3]), 2), [NAN, 1, NAN, NAN])
    assert same(ta.correlation(x, -2 * x, 3)[2:], [-1, -1, -1, -1])
    assert np.isnan(ta.correlation(x, 5.0, 3)).all()
    assert ta.cross(x, 1.5).tolist() == [False, True, False, True, True, False]
    on = np.array([False, True, False, False, True, False])
    assert same(ta.barssince(on), [NAN, 0, 1, 2, 0, 1])
    assert same(ta.valuewhen(on, x), [NAN, 2, 2, 2, 4, 4])
    holes = np.array([NAN, 1, NAN, 3, np.inf, 5])
    assert same(ta.fill(holes), [NAN, 1, 1, 3, 3, 5])
    assert same(ta.nz(holes), [0, 1, 0, 3, 0, 5])
    assert same(ta.nz(holes, 9), [9, 1, 9, 3, 9, 5])
    assert ta.hold([NAN, 1, 0, 0], [0, 0, NAN, 1]).tolist() == [0, 1, 1, 0]
    assert flags(holes).tolist() == [False, True, False, True, False, True]


def test_wilders_average_is_his() -> None:
    x = np.random.default_rng(1).normal(size=800)
    average = x[:27].mean()
    for value in x[27:]:
        average += (value - average) / 14
    assert ta.rma(x, 14)[-1] == pytest.approx(average, rel=1e-12)
    assert np.array_equal(ta.rma(x, 1), x)
    wilder = np.abs(np.diff(x, prepend=x[0]))
    assert len(ta.rma(wilder)) == 800


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(1, 8))
def test_windows_are_what_the_slow_way_gives(x: np.ndarray, length: int) -> None:
    for position in range(len(x)):
        window = x[max(0, position - length + 1) : position + 1]
        full = len(window) == length and not np.isnan(window).any()
        assert same(ta.median(x, length)[position : position + 1], [np.median(window) if full else NAN])
        before = x[max(0, position - length) : position]
        ranked = len(before) == length and not np.isnan(before).any() and not np.isnan(x[position])
        expected = 100 * np.mean(before <= x[position]) if ranked else NAN
        assert same(ta.percentrank(x, length)[position : position + 1], [expected])


ONE = [
    lambda x: ta.sum(x, 3), lambda x: ta.median(x, 3), lambda x: ta.zscore(x, 3), lambda x: ta.rma(x, 3),
    lambda x: ta.percentrank(x, 3), lambda x: ta.correlation(x, x[::1] ** 2, 3), lambda x: ta.rising(x, 2),
    lambda x: ta.falling(x, 2), lambda x: ta.barssince(x > 0), lambda x: ta.valuewhen(x > 0, x),
    ta.fill, ta.nz, ta.returns, lambda x: ta.cross(x, 1.0), lambda x: ta.hold(x > 1, x < 0),
    lambda x: ta.highest(x, 3), lambda x: ta.lowest(x, 3), ta.shift, ta.change,
]  # fmt: skip


@pytest.mark.parametrize("function", ONE)
@settings(max_examples=40, deadline=None)
@given(x=VALUES, data=st.data())
def test_none_knows_what_comes_later(function: object, x: np.ndarray, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(x)))
    whole, part = function(x), function(x[:cut])
    assert len(whole) == len(x)
    assert np.array_equal(np.asarray(whole[:cut], float), np.asarray(part, float), equal_nan=True)
    assert not np.isinf(np.asarray(whole, float)).any()


def test_next_to_nothing_is_nothing_to_divide_by() -> None:
    assert np.isnan(ta.returns(np.array([5e-324, 1.0]))).all()


def test_a_long_series_is_taken_in_pieces() -> None:
    x = np.random.default_rng(2).normal(size=30_000)
    found = ta.median(x, 500)
    assert found[29_999] == np.median(x[-500:])
    assert found[8_388] == np.median(x[7_889:8_389])


@pytest.mark.parametrize(
    "call",
    [
        lambda x: ta.sum(x, 0),
        lambda x: ta.sum(x, 501),
        lambda x: ta.sum(x, 2.0),
        lambda x: ta.sum(x, True),
        lambda x: ta.shift(x, -1),
        lambda x: ta.shift(x, 1.5),
        lambda x: ta.zscore(x, 1),
        lambda x: ta.valuewhen(x, x[1:]),
        lambda x: ta.hold(x, x[1:]),
        lambda x: ta.crossover(x, x[1:]),
        lambda x: ta.crossover(1.0, x),
        lambda x: ta.fill("x"),
        lambda x: ta.fill(None),
        lambda x: ta.fill(np.ones((2, 2))),
    ],
)
def test_what_makes_no_sense_is_refused(call: object) -> None:
    with pytest.raises(BadInput):
        call(np.arange(9.0))
