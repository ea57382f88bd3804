"""Run a script over bars. In the jail this is the whole program; without one it is for tests only. Pure."""

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Final, Literal

import numpy as np

from holdfast.core.bars import FloatBars
from holdfast.core.timeframes import Timeframe
from holdfast.scripts.language import frame, modules
from holdfast.scripts.language.bars import ScriptBars
from holdfast.scripts.language.faults import SCRIPT, fault_of
from holdfast.scripts.language.inputs import Inputs
from holdfast.scripts.language.library import TA
from holdfast.scripts.language.output import Output, Value
from holdfast.scripts.language.page import Page
from holdfast.scripts.language.words import Mistake
from holdfast.scripts.ta.catalogue import SOURCES

MOST_SOURCE: Final = 64 * 2**10
"""Bytes of a script, as UTF-8."""
_MISLEADING: Final = re.compile("[\x00\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


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
    seen = ScriptBars.of(bars, task.symbol, task.timeframe)
    inputs = Inputs(task.inputs, lambda name: SOURCES[name](seen))
    page = Page(len(seen), inputs, task.wanted)
    injected: dict[str, Any] = {"bars": seen, "input": inputs.names, "ta": TA, "np": np, **page.names}
    names = {"__name__": "script", "__builtins__": modules.names(page.log), **injected}
    try:
        code = _compiled(task.source)
        with _quiet(task.seed):
            exec(code, names)  # noqa: S102 - this is what the jail is around
        inputs.check_all_known()
        output = page.output()
        frame.check(output, len(seen))
    except BaseException as error:  # whatever a script may raise is its own fault
        return page.failed(fault_of(error, names, injected))
    return output


def _compiled(source: str) -> CodeType:
    size = len(source.encode("utf-8", "surrogatepass"))
    if size > MOST_SOURCE:
        raise Mistake(f"The script has {size:,} bytes; {MOST_SOURCE:,} is the most.", "limit")
    hidden = _MISLEADING.search(source)
    if hidden is not None:
        line = source.count("\n", 0, hidden.start()) + 1
        raise SyntaxError(
            "an invisible character here makes the text read differently from what it does; delete it",
            (SCRIPT, line, None, None),
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compile(source, SCRIPT, "exec", dont_inherit=True)
    except (RecursionError, MemoryError, ValueError) as error:
        raise Mistake(
            "This cannot be read: too many brackets in each other, or strange characters.", "syntax"
        ) from error


@contextmanager
def _quiet(seed: int) -> Iterator[None]:
    """Numbers that divide by zero become NaN without a word, and random ones are the same each time."""
    before = np.random.get_state()
    np.random.seed(seed % 2**32)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(before)
