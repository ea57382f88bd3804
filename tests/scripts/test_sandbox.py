"""A script from the caller to the jail and back."""

import numpy as np
from tests.scripts.bars import ordinary_bars

from holdfast.core.timeframes import Timeframe
from holdfast.scripts.language.run import Task, execute
from holdfast.scripts.sandbox import Sandbox

BARS = ordinary_bars(2_000, 3).as_floats()
CROSS = """
script("Cross", overlay=True)
fast, slow = input.int("Fast", 9), input.int("Slow", 30)
a, b = ta.ema(bars.close, fast), ta.ema(bars.close, slow)
plot(a, "Fast")
plot(b, "Slow")
marker(ta.crossover(a, b), "up", shape="up", at="below")
target(np.where(a > b, 1.0, 0.0))
"""


def task(source: str, **inputs: int | float | str | bool) -> Task:
    return Task(source, "binance:BTCUSDT", "BTCUSDT", Timeframe.M5, inputs, "all", 7)


async def test_the_jail_says_the_same_as_no_jail(sandbox: Sandbox) -> None:
    inside = await sandbox.run(task(CROSS, fast=5), BARS, owner="a", purpose="chart")
    outside = execute(task(CROSS, fast=5), BARS)
    assert inside.error is None
    assert inside.inputs == outside.inputs
    assert [one.label for one in inside.plots] == ["Fast", "Slow"]
    for here, there in zip(inside.plots, outside.plots, strict=True):
        np.testing.assert_array_equal(here.values, there.values)
    assert outside.target is not None
    np.testing.assert_array_equal(inside.target, outside.target)
