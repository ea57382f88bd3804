"""Scripts run without a jail, for tests of the language."""

from typing import Any

from tests.scripts.bars import ordinary_bars

from holdfast.core.bars import FloatBars
from holdfast.core.timeframes import Timeframe
from holdfast.scripts.language.output import Fault, Output
from holdfast.scripts.language.run import Task, execute

BARS = ordinary_bars(600, 1).as_floats()


def run(source: str, bars: FloatBars = BARS, *, timeframe: Timeframe = Timeframe.M5, **more: Any) -> Output:
    return execute(Task(source, "test:BTCUSDT", "BTCUSDT", timeframe, **more), bars)


def good(source: str, bars: FloatBars = BARS, **more: Any) -> Output:
    output = run(source, bars, **more)
    assert output.error is None, output.error
    return output


def fault(source: str, bars: FloatBars = BARS, **more: Any) -> Fault:
    """The fault, after which nothing is left that could be taken for a result."""
    output = run(source, bars, **more)
    assert output.error is not None
    assert output.target is None
    assert output.signals is None
    assert not output.plots + output.markers + output.alerts + output.lines
    return output.error
