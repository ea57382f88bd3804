"""Try a source: what it draws and signals, and whether it looks into the future. Nothing is kept."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

import numpy as np
import structlog

from holdfast.core.bars import FloatBars
from holdfast.core.errors import TooManyRequests, Unavailable
from holdfast.scripts import causality
from holdfast.scripts.language.output import Floats, Output, Value
from holdfast.scripts.running import Runner, task_of
from holdfast.scripts.sample import Sample
from holdfast.scripts.schemas import (
    CheckView,
    CountedAlert,
    CountedMarker,
    OutputsView,
    RecentRow,
    ScriptFault,
    ScriptFindings,
    ScriptInput,
    ScriptLine,
    ScriptMarker,
    ScriptPlot,
    SignalCounts,
    TargetSummary,
)
from holdfast.scripts.service import UNCHECKED, Looked

log = structlog.get_logger(__name__)

RECENT: Final = 10
FIRST_SECONDS: Final = 15.0
"""For the run over all bars: as long as it may take once it has its turn."""
SEARCH_SECONDS: Final = 8.0
_MADE_UP: Final = "made-up:COIN"

Run = Callable[[FloatBars], Awaitable[Output]]


class Turns:
    """One check at a time for each user of this process."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, user_id: UUID, *, wait: bool = False) -> AsyncIterator[None]:
        """Raises ``TooManyRequests`` if one is under way, unless ``wait``."""
        lock = self._locks.setdefault(user_id, asyncio.Lock())
        if lock.locked() and not wait:
            raise TooManyRequests(
                "A check of yours is under way.", advice="Wait until it is done.", retry_after=1
            )
        async with lock:
            yield


async def check(
    runner: Runner, source: str, inputs: Mapping[str, Value], sample: Sample, *, user_id: UUID, seed: int
) -> CheckView:
    """What the source gives over the sample, and what was found. ``seed``: one that nobody can foresee.

    Raises:
        Unavailable: nothing can be run now, or not soon.
    """
    task = task_of(source, sample.series or _MADE_UP, sample.timeframe, inputs)

    async def run(bars: FloatBars) -> Output:
        return await runner.run(task, bars, owner=str(user_id), purpose="editor")

    try:
        async with asyncio.timeout(FIRST_SECONDS):
            output = await run(sample.bars)
    except TimeoutError as error:
        raise Unavailable(
            "The sandbox, which runs scripts, is too busy.", advice="Try again in a minute."
        ) from error
    findings = UNCHECKED if output.error else await _search(run, output, sample, seed)
    return CheckView(
        title=output.title,
        overlay=output.overlay,
        pane=output.pane,
        inputs=[ScriptInput.model_validate(one) for one in output.inputs],
        outputs=None if output.error else outputs_of(output, sample.bars),
        logs=output.logs,
        error=ScriptFault.model_validate(output.error) if output.error else None,
        findings=findings,
        series=sample.series,
        timeframe=sample.timeframe,
        bars=len(sample.bars.time),
    )


async def _search(run: Run, whole: Output, sample: Sample, seed: int) -> ScriptFindings:
    """Compare the run over all bars with runs over parts of them, as many as there is time for."""
    examiner = causality.Examiner(sample.bars.time)
    runs = causality.plan(len(sample.bars.time), seed)
    finished = False
    try:
        async with asyncio.timeout(SEARCH_SECONDS):
            for number, one in enumerate(runs):
                examiner.see(one, await run(one.of(sample.bars)) if number else whole)
            finished = True
    except (TimeoutError, Unavailable) as error:
        log.warning("a search for what looks ahead was cut short", error=type(error).__name__)
    report = examiner.report()
    found = {**report.as_json(), "complete": report.complete and finished}
    return ScriptFindings(**found, series=sample.series, timeframe=sample.timeframe)


def looked(view: CheckView) -> Looked:
    """What a version keeps of its check."""
    return Looked(
        title=view.title,
        overlay=view.overlay,
        pane=view.pane,
        inputs=[one.model_dump(mode="json") for one in view.inputs],
        error=view.error.model_dump() if view.error else None,
        findings=view.findings,
    )


def outputs_of(output: Output, bars: FloatBars) -> OutputsView:
    """The output in short, with its last bars."""
    signals, target = output.signals, output.target
    given = target[np.isfinite(target)] if target is not None else None
    return OutputsView(
        plots=[ScriptPlot.model_validate(one) for one in output.plots],
        lines=[ScriptLine.model_validate(one) for one in output.lines],
        markers=[
            CountedMarker(**ScriptMarker.model_validate(one).model_dump(), count=int(one.on.sum()))
            for one in output.markers
        ],
        alerts=[CountedAlert(message=one.message, count=int(one.on.sum())) for one in output.alerts],
        signals=None
        if signals is None
        else SignalCounts(up=int((signals > 0).sum()), down=int((signals < 0).sum())),
        target=None
        if given is None
        else TargetSummary(
            given=len(given),
            lowest=float(given.min()) if len(given) else None,
            highest=float(given.max()) if len(given) else None,
        ),
        recent=[_row(output, bars, at) for at in range(max(len(bars.time) - RECENT, 0), len(bars.time))],
    )


def _row(output: Output, bars: FloatBars, at: int) -> RecentRow:
    return RecentRow(
        time=int(bars.time[at]),
        close=float(bars.close[at]),
        values=[_number(plot.values, at) for plot in output.plots],
        signal=_number(output.signals, at),
        target=_number(output.target, at),
        markers=[marker.label for marker in output.markers if marker.on[at]],
    )


def _number(values: Floats | None, at: int) -> float | None:
    if values is None or not np.isfinite(values[at]):
        return None
    return float(values[at])
