"""An indicator over a page of bars, computed over enough bars before it that each value is what the whole
history makes it."""

import asyncio
from typing import Final

import numpy as np

from holdfast.core.bars import Bars
from holdfast.core.timeframes import DAY, Timeframe
from holdfast.market.candles.readers import Series
from holdfast.market.candles.service import Asked, Candles, Page
from holdfast.scripts import indicators
from holdfast.scripts.indicators import Inputs
from holdfast.scripts.ta.catalogue import Floats, Indicator

_MOST_READS: Final = 4
_SHORTEST_MONTH: Final = 28 * DAY


async def values(
    candles: Candles, series: Series, indicator: Indicator, inputs: Inputs, page: Page
) -> list[Floats]:
    """One column for each plot, beside the bars of the page.

    Raises:
        InvalidInput: the values would take too many bars.
        Unavailable: the bars before the page are not here, and the venue does not answer.
    """
    inputs = indicators.settled(inputs, page.timeframe)
    indicators.check_reach(page.timeframe, inputs)
    if not len(page.bars):
        return [np.empty(0) for _ in indicator.plots]
    earlier = await _before(candles, series, indicator, inputs, page)
    bars = Bars.concat([earlier, page.bars])
    columns = await asyncio.to_thread(indicators.compute, indicator, bars, inputs)
    return [column[len(earlier) :] for column in columns]


async def _before(candles: Candles, series: Series, indicator: Indicator, inputs: Inputs, page: Page) -> Bars:
    """The bars before the page that its values need: those since an anchor, and so many before. A hole is
    passed over: bars count, not hours."""
    needed = indicators.bars_needed(indicator, inputs)
    since = indicators.since(inputs, int(page.bars.time[0]))
    period_before = indicator.period_before
    parts: list[Bars] = []
    before = page.start
    for _ in range(_MOST_READS):
        limit = max(needed, 0) + _bars_between(since, before, page.timeframe)
        if limit <= 0:
            break
        asked = Asked(page.timeframe, min(limit, indicators.MOST_BARS), before)
        found = await candles.page(series, asked)
        parts.insert(0, found.bars)
        older = found.bars if since is None else found.bars.between(0, since)
        needed -= len(older)
        if period_before and len(older):
            since, period_before = indicators.since(inputs, int(older.time[-1])), False
        reached = int(found.bars.time[0]) if len(found.bars) else found.start
        if not found.more or reached >= before:
            break
        before = reached
    return Bars.concat(parts)


def _bars_between(since: int | None, before: int, timeframe: Timeframe) -> int:
    """At most so many bars open in [since, before)."""
    if since is None or since >= before:
        return 0
    return -(-(before - since) // (timeframe.seconds or _SHORTEST_MONTH))
