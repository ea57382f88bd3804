"""A script that meddles with what collects its values spoils its own run, and nothing else."""

import pytest
from tests.scripts.bars import ordinary_bars
from tests.scripts.language.test_frame import same

from holdfast.core.timeframes import Timeframe
from holdfast.scripts.language.run import Task, execute
from holdfast.scripts.sandbox import Sandbox

BARS = ordinary_bars(200, 1).as_floats()
HONEST = "plot(ta.sma(bars.close, 5), 'mean')\ntarget(np.where(bars.close > bars.open, 1, 0))"

MEDDLING = [
    "plot.__self__._plots.append(5)",
    "plot.__self__._logs = None",
    "plot.__self__._title = 5",
    "plot.__self__._title = 'x' * 10**6",
    "plot.__self__._inputs = None",
    "plot.__self__._target = np.ones(3)",
    "plot.__self__._target = 'x'",
    "plot.__self__._signals = np.full(len(bars), 9.0)",
    "plot.__self__._logs.extend(['x' * 501] * 500)",
    "type(plot.__self__).output = None\ntype(plot.__self__).failed = None",
    "type(plot.__self__).output = lambda self: 1 / 0",
    "import statistics\nnp.where = np.isfinite = None\nplot(1)",
    "import sys",
    "sys = statistics = type(plot).__call__\nraise RecursionError",
    "plot.__self__.output.__func__.__globals__['Output'] = dict",
    "ta.sma = None\nta.sma(bars.close)",
    "ta.__dict__.clear()",
    "bars.close.setflags(write=True)",
    "np.seterr(all='raise')\nplot(bars.close / 0)",
    "import math\nmath.pi = 3\nplot(math.pi)",
    "__builtins__['len'] = None",
    "__builtins__.clear()\nplot(1)",
    "raise type('E', (Exception,), {'__str__': lambda self: 'x' * 10**6})()",
    "log(type('L', (), {'__str__': lambda self: 5})())",
    "input.int('n', type('I', (int,), {'__le__': lambda a, b: True})(5), max=3)",
]


@pytest.mark.parametrize("source", MEDDLING)
async def test_it_spoils_its_own_run_only(sandbox: Sandbox, source: str) -> None:
    jailed = await sandbox.run(Task(source, "s", "X", Timeframe.M5), BARS, owner="a", purpose="editor")
    assert jailed.error is None or jailed.error.message
    for column in (jailed.target, jailed.signals, *(plot.values for plot in jailed.plots)):
        assert column is None or len(column) == len(BARS.time)
    assert len(jailed.logs) <= 200
    honest = Task(HONEST, "s", "X", Timeframe.M5)
    after = await sandbox.run(honest, BARS, owner="a", purpose="editor")
    assert after.error is None
    assert same(after, execute(honest, BARS))
