"""A script over bars, by whatever runs it, and its failure as a refusal."""

import hashlib
from collections.abc import Mapping
from typing import Final, Literal, Protocol

from holdfast.core.bars import FloatBars
from holdfast.core.errors import HoldfastError
from holdfast.core.timeframes import Timeframe
from holdfast.scripts.language.output import Fault, Output, Value
from holdfast.scripts.language.run import Task

Purpose = Literal["editor", "chart", "backtest", "live"]

_ADVICE: Final = {
    "syntax": "Correct this line.",
    "script": "Correct the script, then try again.",
    "limit": "Let the script do less: shorter loops, fewer plots, numpy or ta instead of Python loops.",
    "refused": "Change the script or its inputs.",
    "result": "Give one number a bar for everything that is drawn or signalled.",
}


class Runner(Protocol):
    """Runs scripts. The one there is: ``holdfast.scripts.sandbox.Sandbox``."""

    async def run(self, task: Task, bars: FloatBars, *, owner: str, purpose: Purpose) -> Output:
        """What the script says; ``Output.error`` for its own fault and for what it was stopped for.

        Raises:
            Unavailable: nothing can be run now.
        """
        ...


class ScriptFailed(HoldfastError):
    """A script gave no values: ``kind`` and ``line`` say where to look."""

    status = 422
    code = "script-failed"
    title = "The script gave no values."

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.message, advice=_ADVICE[fault.kind], kind=fault.kind, line=fault.line)


def task_of(
    source: str, series: str, timeframe: Timeframe, inputs: Mapping[str, Value], *, bare: bool = False
) -> Task:
    """The run of ``source`` on a series. The same source always has the same random numbers. ``bare``: only
    its weights are wanted."""
    return Task(
        source=source,
        series=series,
        symbol=series.partition(":")[2],
        timeframe=timeframe,
        inputs=inputs,
        wanted="weights" if bare else "all",
        seed=int(sha256_of(source)[:8], 16),
    )


def sha256_of(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()
