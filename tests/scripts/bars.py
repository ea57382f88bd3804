"""Bars for the tests of indicators: small and strange ones to be searched, long and ordinary ones by seed."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from holdfast.core.bars import Bars
from holdfast.scripts import indicators
from holdfast.scripts.ta import Indicator
from holdfast.scripts.ta.catalogue import Floats

START = 1_700_000_000 // 86_400 * 86_400 + 82_800
"""An hour before a UTC midnight."""

_STEP = st.tuples(
    st.integers(-40, 40) | st.just(0),
    st.integers(0, 20) | st.just(0),
    st.integers(0, 20) | st.just(0),
    st.integers(0, 10**6) | st.sampled_from((0, 10**13)),
    st.sampled_from((1, 1, 1, 2, 90)),
)


@st.composite
def strange_bars(draw: Any, least: int = 1, most: int = 90) -> Bars:
    """With still stretches, spikes of volume and missing bars."""
    steps = np.array(draw(st.lists(_STEP, min_size=least, max_size=most)), np.int64).reshape(-1, 5)
    move, up, down, volume, pause = steps.T
    close = 5_000 + np.cumsum(move)
    opened = np.concatenate(([5_000], close[:-1]))
    high, low = np.maximum(opened, close) + up, np.minimum(opened, close) - down
    time = START + 300 * np.cumsum(pause)
    return Bars(time, opened, high, low, close, volume, 2, 3)


def ordinary_bars(count: int, seed: int, *, step: int = 300) -> Bars:
    """Fat-tailed returns with quiet and loud hours, and some bars without trade."""
    random = np.random.default_rng(seed)
    loud = np.exp(np.cumsum(random.normal(0, 0.05, count)) * 0.3)
    close = np.rint(
        3_000_000 * np.exp(np.cumsum(random.standard_t(4, count) * 0.001 * np.clip(loud, 0.2, 5)))
    )
    close = np.maximum(close, 1_000).astype(np.int64)
    opened = np.concatenate((close[:1], close[:-1]))
    reach = np.rint(close * 0.0007 * random.random((2, count))).astype(np.int64)
    high, low = np.maximum(opened, close) + reach[0], np.minimum(opened, close) - reach[1]
    volume = np.rint(np.exp(random.normal(8, 2, count))).astype(np.int64) * (random.random(count) > 0.03)
    still = random.random(count) < 0.02
    high, low, close = (np.where(still, opened, column) for column in (high, low, close))
    opened = np.concatenate((opened[:1], close[:-1]))
    high, low = np.maximum(high, np.maximum(opened, close)), np.minimum(low, np.minimum(opened, close))
    return Bars(START + step * np.arange(count, dtype=np.int64), opened, high, low, close, volume, 2, 3)


def small_inputs(indicator: Indicator) -> st.SearchStrategy[dict[str, Any]]:
    """Anything the user may choose, with short lengths."""
    choices: dict[str, st.SearchStrategy[Any]] = {}
    for one in indicator.inputs:
        if one.options is not None:
            choices[one.name] = st.sampled_from(one.options)
        elif one.kind == "int":
            choices[one.name] = st.integers(int(one.min or 0), 12)
        else:
            choices[one.name] = st.floats(one.min, one.max)
    return st.fixed_dictionaries(choices)


def defaults(indicator: Indicator) -> dict[str, Any]:
    return indicators.read_inputs(indicator, {})


def columns_of(indicator: Indicator, bars: Bars, inputs: dict[str, Any]) -> list[Floats]:
    return indicators.compute(indicator, bars, inputs)
