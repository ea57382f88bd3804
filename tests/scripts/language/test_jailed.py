"""In the jail a script says what it says outside of it: values, logs and mistakes, whatever it imports."""

import numpy as np
import pytest
from tests.scripts.bars import ordinary_bars
from tests.scripts.language import test_run
from tests.scripts.language.test_frame import same

from holdfast.core.timeframes import Timeframe
from holdfast.scripts.language import warm
from holdfast.scripts.language.run import Task, execute
from holdfast.scripts.sandbox import Sandbox

BARS = ordinary_bars(600, 1).as_floats()
GOOD = {
    **warm.examples(),
    "everything": test_run.EVERYTHING,
    "numpy": warm._NUMPY,
    "ta": warm._every_function(),
    "nothing": "",
}


def task(source: str) -> Task:
    return Task(source, "test:BTCUSDT", "BTCUSDT", Timeframe.M5, seed=5)


@pytest.mark.parametrize("name", GOOD)
async def test_values_are_those_of_a_run_without_a_jail(sandbox: Sandbox, name: str) -> None:
    jailed = await sandbox.run(task(GOOD[name]), BARS, owner="one", purpose="editor")
    assert jailed.error is None
    assert same(jailed, execute(task(GOOD[name]), BARS))


MISTAKES = [(source, kind) for source, kind, _, _ in test_run.MISTAKES if kind != "limit"]


@pytest.mark.parametrize(("source", "kind"), MISTAKES, ids=[one[:30] for one, _ in MISTAKES])
async def test_mistakes_are_told_in_the_same_words(sandbox: Sandbox, source: str, kind: str) -> None:
    jailed = await sandbox.run(task(source), BARS, owner="one", purpose="editor")
    outside = execute(task(source), BARS)
    assert jailed.error is not None
    assert jailed.error.kind == kind
    assert same(jailed, outside)


async def test_a_million_bars(sandbox: Sandbox) -> None:
    bars = ordinary_bars(1_000_000, 2).as_floats()
    source = "target(np.where(ta.sma(bars.close, 20) > ta.sma(bars.close, 50), 1, 0))"
    bare = Task(source, "s", "X", Timeframe.M5, wanted="weights")
    output = await sandbox.run(bare, bars, owner="one", purpose="backtest")
    assert output.error is None
    assert output.target is not None
    assert np.array_equal(output.target, execute(bare, bars).target)
