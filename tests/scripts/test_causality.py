"""Time flows forward: no value knows what comes after its bar, none changes afterwards, and none depends on
how much history was loaded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scripts.bars import columns_of, defaults, ordinary_bars, small_inputs, strange_bars

from holdfast.core.bars import Bars
from holdfast.core.timeframes import Timeframe
from holdfast.scripts import indicators
from holdfast.scripts.ta import REGISTRY, Indicator

EVERY = pytest.mark.parametrize("indicator", REGISTRY.values(), ids=REGISTRY)


@EVERY
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_what_comes_later_changes_nothing(indicator: Indicator, data: st.DataObject) -> None:
    bars = data.draw(strange_bars())
    other = data.draw(strange_bars())
    inputs = data.draw(small_inputs(indicator))
    cut = data.draw(st.integers(1, len(bars)))
    seen = bars.take(slice(cut))
    late = other.take(other.time > seen.time[-1])
    whole, part, changed = (
        columns_of(indicator, one, inputs) for one in (bars, seen, Bars.concat([seen, late]))
    )
    for column, early, different in zip(whole, part, changed, strict=True):
        assert len(column) == len(bars)
        assert np.array_equal(column[:cut], early, equal_nan=True)
        assert np.array_equal(different[:cut], early, equal_nan=True)


@EVERY
@pytest.mark.parametrize(("seed", "factor"), [(1, 1), (2, 1), (3, 4)])
def test_a_window_with_its_warm_up_gives_what_the_whole_history_gives(
    indicator: Indicator, seed: int, factor: int
) -> None:
    """With the usual inputs, and with ones four times as large."""
    inputs = defaults(indicator)
    for one in indicator.inputs:
        if one.max is not None:
            inputs[one.name] = min(inputs[one.name] * factor, int(one.max))
    if "anchor" in inputs:
        inputs |= {"anchor": "day"}
    random = np.random.default_rng(seed)
    bars = ordinary_bars(12_000, seed)
    whole = columns_of(indicator, bars, inputs)
    for first in random.integers(8_000, 11_500, 4).tolist():
        since = indicators.since(inputs, int(bars.time[first]))
        begin = first if since is None else int(np.searchsorted(bars.time, since))
        begin -= indicators.bars_needed(indicator, inputs)
        if indicator.period_before:
            since = indicators.since(inputs, int(bars.time[begin]))
            begin = int(np.searchsorted(bars.time, since))
        window = columns_of(indicator, bars.take(slice(begin, first + 300)), inputs)
        for expected, found in zip(whole, window, strict=True):
            expected, found = expected[first : first + 300], found[first - begin :]
            assert np.array_equal(np.isnan(expected), np.isnan(found))
            assert np.allclose(found, expected, rtol=1e-9, atol=1e-9 * _size(expected), equal_nan=True)


def _size(values: np.ndarray) -> float:
    """What differences around zero are measured by."""
    known = np.abs(values[~np.isnan(values)])
    return float(known.max()) if len(known) else 0.0


def test_an_anchor_fits_the_bars() -> None:
    inputs = {"anchor": "auto"}
    chosen = {one: indicators.settled(inputs, one)["anchor"] for one in Timeframe}
    assert chosen[Timeframe.M1] == chosen[Timeframe.M30] == "month"
    assert chosen[Timeframe.H1] == chosen[Timeframe.H12] == "year"
    assert chosen[Timeframe.D1] == chosen[Timeframe.MONTH] == "all"
    for timeframe in Timeframe:
        indicators.check_reach(timeframe, indicators.settled(inputs, timeframe))


@EVERY
def test_nothing_that_looks_ahead_is_in_the_registry(indicator: Indicator) -> None:
    assert not {"zigzag", "fractals", "chikou", "dpo"} & {
        indicator.id,
        *(plot.id for plot in indicator.plots),
    }
