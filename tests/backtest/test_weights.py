"""Opinions to weights."""

import numpy as np
import pytest

from holdfast.backtest import weights

NAN = np.nan
BARS = np.array([0, 60, 120, 300, 360], np.int64)


def test_signals_are_held_until_the_next() -> None:
    signals = np.array([0, 1, 0, -1, NAN, 1])
    long_only = weights.of_signals(signals, size=0.5, allow_short=False)
    assert np.array_equal(long_only, [NAN, 0.5, NAN, 0, NAN, 0.5], equal_nan=True)
    both = weights.of_signals(signals, size=0.5, allow_short=True)
    assert np.array_equal(both, [NAN, 0.5, NAN, -0.5, NAN, 0.5], equal_nan=True)


def test_a_target_counts_before_signals() -> None:
    target, signals = np.array([0.2, NAN]), np.array([1.0, -1.0])
    assert weights.of_output(signals, target, size=1, allow_short=True) is target
    assert weights.of_output(signals, None, size=1, allow_short=True).tolist() == [1, -1]
    with pytest.raises(weights.NothingStated):
        weights.of_output(None, None, size=1, allow_short=True)


def test_a_users_signals_belong_to_the_bar_they_lie_in() -> None:
    """A signal at 61 s is known in the bar of 60 s and trades at 120 s; one in the hole trades at 300 s."""
    times = np.array([-5, 61, 130, 200, 300, 301, 365], np.int64)
    kinds = ["buy", "buy", "sell", "info", "long", "exit", "long"]
    targets, unused = weights.of_marks(times, kinds, BARS, size=1, allow_short=True)
    assert np.array_equal(targets, [NAN, 1, -1, 0, 1], equal_nan=True)
    assert unused == 2
    flat, _ = weights.of_marks(times, kinds, BARS, size=0.25, allow_short=False)
    assert np.array_equal(flat, [NAN, 0.25, 0, 0, 0.25], equal_nan=True)


def test_no_signals_hold() -> None:
    targets, unused = weights.of_marks(np.array([], np.int64), [], BARS, size=1, allow_short=True)
    assert np.isnan(targets).all()
    assert unused == 0
