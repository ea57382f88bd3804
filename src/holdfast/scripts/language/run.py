"""Run a script over bars. In the jail this is the whole program; without one it is for tests only. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from holdfast.core.bars import FloatBars
from holdfast.core.timeframes import Timeframe
from holdfast.scripts.language.output import Output, Value


@dataclass(frozen=True, slots=True)
class Task:
    """One run of a script.

    ``inputs``: by ``InputSpec.name``, missing ones take their default; numbers may be text. ``wanted``:
    "weights" leaves out what is only drawn (plots, lines, markers). ``seed``: of numpy's random numbers; give
    the same script the same seed, or its values change.
    """

    source: str
    series: str
    symbol: str
    timeframe: Timeframe
    inputs: Mapping[str, Value] = field(default_factory=dict)
    wanted: Literal["all", "weights"] = "all"
    seed: int = 0


def execute(task: Task, bars: FloatBars) -> Output:
    """What the script says about these bars, all of them closed. Never raises for the script's own fault: it
    is ``Output.error`` then."""
    raise NotImplementedError
