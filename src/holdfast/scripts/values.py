"""A script over a page of bars, run over enough bars before it, as binary columns beside them."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import numpy as np

from holdfast.core.bars import Bars
from holdfast.market.candles import columns
from holdfast.market.candles.readers import Series
from holdfast.market.candles.routes import header_of
from holdfast.market.candles.service import Asked, Candles, Page
from holdfast.scripts.language.output import Output, Value
from holdfast.scripts.running import Purpose, Runner, ScriptFailed, task_of
from holdfast.scripts.schemas import ScriptInput, ScriptLine, ScriptMarker, ScriptPlot

WARMUP: Final = 1000
"""Bars before a page that a script gets to begin with."""
_MOST_READS: Final = 4


async def page_of_values(
    candles: Candles,
    runner: Runner,
    source: str,
    inputs: Mapping[str, Value],
    series: Series,
    asked: Asked,
    *,
    user_id: UUID,
    purpose: Purpose,
) -> tuple[bytes, bool]:
    """The columns beside the bars that ``asked`` wants, and whether they can be kept until the series
    changes.

    Raises:
        ScriptFailed: the script gave none.
        InvalidInput: the bars of this series cannot make this timeframe.
        Unavailable: bars are not here and the venue does not answer, or nothing can be run.
    """
    page = await candles.page(series, asked, viewer=user_id)
    earlier = await bars_before(candles, series, page, WARMUP)
    bars = Bars.concat([earlier, page.bars]).as_floats()
    if not len(bars.time):
        return encoded(page, Output(title=""), 0), page.lasts
    task = task_of(source, series.name, page.timeframe, inputs)
    output = await runner.run(task, bars, owner=str(user_id), purpose=purpose)
    if output.error is not None:
        raise ScriptFailed(output.error)
    return encoded(page, output, len(earlier)), page.lasts


async def bars_before(candles: Candles, series: Series, page: Page, count: int) -> Bars:
    """The ``count`` bars before the page, or as many as there are. A hole is passed over: bars count, not
    hours."""
    parts: list[Bars] = []
    before, more = page.start, page.more
    for _ in range(_MOST_READS):
        if count <= 0 or not more:
            break
        found = await candles.page(series, Asked(page.timeframe, count, before))
        parts.insert(0, found.bars)
        count -= len(found.bars)
        reached = int(found.bars.time[0]) if len(found.bars) else found.start
        more = found.more and reached < before
        before = reached
    return Bars.concat(parts)


def encoded(page: Page, output: Output, warmup: int) -> bytes:
    """The last values of the output beside the page's bars. On a bar that is forming there are plots only:
    what is not closed signals nothing."""
    shown: list[columns.Column] = [("time", page.bars.time.astype(np.float64))]
    shown += [(plot.id, plot.values[warmup:]) for plot in output.plots]
    closed = len(page.bars) - page.forming
    for number, marker in enumerate(output.markers):
        on = marker.on[warmup:].astype(np.float64)
        on[closed:] = 0
        shown.append((f"marker:{number}", on))
    for name, column in (("signals", output.signals), ("target", output.target)):
        if column is not None:
            values = column[warmup:].astype(np.float64)
            values[closed:] = np.nan
            shown.append((name, values))
    header: dict[str, Any] = {
        **header_of(page),
        "title": output.title,
        "overlay": output.overlay,
        "pane": output.pane,
        "inputs": [ScriptInput.model_validate(one).model_dump() for one in output.inputs],
        "plots": [ScriptPlot.model_validate(one).model_dump() for one in output.plots],
        "lines": [ScriptLine.model_validate(one).model_dump() for one in output.lines],
        "markers": [ScriptMarker.model_validate(one).model_dump() for one in output.markers],
        "logs": output.logs,
        "error": None,
        "warmup": warmup,
    }
    return columns.encode(header, shown)
