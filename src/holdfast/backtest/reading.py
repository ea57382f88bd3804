"""Which bars a back-test sees, and on which grid it trades them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.backtest.engine import Terms
from holdfast.core.bars import Bars, DoesNotFit
from holdfast.core.errors import InvalidInput
from holdfast.core.instruments import Instrument
from holdfast.core.timeframes import DAY, Timeframe, end_of, shifted, start_of
from holdfast.market import repository as instruments
from holdfast.market.candles import backfill, feeds
from holdfast.market.candles.listings import KINDS
from holdfast.market.candles.readers import Series
from holdfast.market.candles.service import Candles

MOST_BARS: Final = 2_000_000
LEAST_BARS: Final = 2
OWN_LOT: Final = Decimal("1e-8")
"""Of series that no venue lists."""
_STRETCH: Final = 150 * DAY
_ATTEMPTS: Final = 3

Passed = Callable[[int, int], Awaitable[None]]
"""Told after every stretch: bars looked for, and of how many."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """``missing`` bars in ``count`` holes between the first bar and the last; the longest misses so many."""

    count: int
    missing: int
    longest: int


async def quote_of(session: AsyncSession, series: Series) -> str:
    """The coin its prices are in; empty where nobody says."""
    listed = await _listed(session, series)
    return listed.quote if listed else ""


async def terms_of(
    session: AsyncSession,
    series: Series,
    *,
    capital: Decimal,
    fee_rate: Decimal,
    slippage: Decimal,
    allow_short: bool,
) -> Terms:
    """The venue's grid and minimums as they are now; elsewhere ticks of the data's own decimals and lots of
    ``OWN_LOT``, with no minimum."""
    listed = await _listed(session, series)
    return Terms.of(
        capital=capital,
        tick=listed.tick if listed else Decimal(1).scaleb(-series.price_decimals),
        lot=listed.lot if listed else OWN_LOT,
        min_quantity=listed.min_quantity if listed else Decimal(0),
        min_notional=listed.min_notional if listed else Decimal(0),
        fee_rate=fee_rate,
        slippage=slippage,
        allow_short=allow_short,
        price_decimals=series.price_decimals,
    )


async def _listed(session: AsyncSession, series: Series) -> Instrument | None:
    kind = KINDS.get(series.source)
    return await instruments.instrument(session, series.source, kind, series.symbol) if kind else None


def span_of(
    series: Series, timeframe: Timeframe, since: int | None, until: int | None, now: datetime
) -> tuple[int, int]:
    """[from, until) in whole bars of ``timeframe`` that are over: those that open at ``since`` or later and
    close by ``until``. What no venue can be asked for lies between the first and the last bar there is.

    Raises:
        InvalidInput: these are more than ``MOST_BARS``.
    """
    asked = series.source in feeds.OPENERS
    second = int(now.timestamp())
    over = feeds.settled_before(now, series.base_seconds)
    known = over if asked else min(over, _end(series))
    stop = start_of(min(known, second if until is None else until), timeframe)
    first = series.first_time
    if since is not None and (asked or first is None or since > first):
        start = start_of(since, timeframe)
        start = start if start == since else end_of(start, timeframe)
    else:
        start = start_of(backfill.usual_start(second) if first is None else first, timeframe)
    check_length(start, stop, timeframe)
    return start, max(start, stop)


def check_length(start: int, until: int, timeframe: Timeframe) -> None:
    """Raises ``InvalidInput``: these would be more than ``MOST_BARS``."""
    count = (until - start) // timeframe.longest
    if count > MOST_BARS:
        raise InvalidInput(
            f"These are about {count:,} bars, and {MOST_BARS:,} are the most.",
            advice="Begin later, or choose longer bars.",
        )


def _end(series: Series) -> int:
    return 0 if series.last_time is None else series.last_time + series.base_seconds


async def read(
    candles: Candles,
    series: Series,
    viewer: UUID,
    timeframe: Timeframe,
    start: int,
    until: int,
    passed: Passed,
) -> tuple[Bars, Series]:
    """The bars of [start, until) that are here, and their series with the revision they are of.

    Raises:
        NotFound: the series was deleted.
        InvalidInput: numbers that do not fit, or a price of zero.
    """
    for _ in range(_ATTEMPTS):
        bars = await _stretches(candles, series, timeframe, start, until, passed)
        again = await candles.find(series.source, series.symbol, viewer)
        if again.revision == series.revision:
            break
        series = again
    if np.any(bars.low <= 0):
        raise InvalidInput("Some prices of these bars are zero.", advice="Correct the data.")
    return bars, series


async def _stretches(
    candles: Candles, series: Series, timeframe: Timeframe, start: int, until: int, passed: Passed
) -> Bars:
    """A stretch at a time: years of minutes at once would take too much memory."""
    parts: list[Bars] = []
    buckets = max(_STRETCH // timeframe.longest, 1)
    begin = start
    while begin < until:
        end = min(shifted(begin, timeframe, buckets), until)
        parts.append(await candles.stored(series, timeframe, begin, end))
        await passed((end - start) // timeframe.longest, (until - start) // timeframe.longest)
        begin = end
    try:
        return Bars.concat([part for part in parts if len(part)])
    except DoesNotFit as error:
        raise InvalidInput(f"The prices do not fit: {error}.", advice="Begin later.") from error


def gaps_of(bars: Bars, timeframe: Timeframe) -> Gaps:
    """What is missing between the first bar and the last. Months are not looked at."""
    step = timeframe.seconds
    if step is None or len(bars) < LEAST_BARS:
        return Gaps(0, 0, 0)
    missing = np.diff(bars.time) // step - 1
    holes = missing[missing > 0]
    return Gaps(len(holes), int(holes.sum()), int(holes.max(initial=0)))
