"""Bars of a venue that nobody has asked for yet: fetched before a back-test reads them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.timeframes import DAY, Timeframe, end_of, start_of
from holdfast.market.candles import backfill, coverage, feeds
from holdfast.market.candles.models import CandleBackfill, CandleSeries
from holdfast.market.candles.readers import Series

LONGEST_WARMUP: Final = 60 * DAY
"""Of what only the script sees no more is fetched: a venue tells bars of a minute, so a thousand days would
take ten minutes."""
FEWEST_MISSING: Final = 5
"""Bars: the very last ones may be on their way."""


@dataclass(frozen=True, slots=True)
class Filling:
    """``done`` of ``total`` bars of the venue are here, of those that this back-test reads."""

    done: int
    total: int


async def filling(
    session: AsyncSession, series: Series, start: int, until: int, *, asked: bool, now: datetime
) -> Filling | None:
    """How far the history of [start, until) is; ``None`` if nothing is missing, or nothing can be done about
    it. It is asked for unless it was (``asked``): what a venue then did not tell stays missing."""
    if series.source not in feeds.OPENERS or series.store_id is None:
        return None
    one = await session.get_one(CandleSeries, series.store_id)
    step = one.base_seconds
    begin = max(start, await coverage.listed_from(session, one.id) or 0)
    spans = await coverage.missing(session, one, -(-begin // step) * step, until // step * step)
    lacking = sum(end - first for first, end in spans) // step
    if lacking < FEWEST_MISSING:
        return None
    if not asked and await backfill.has_room(session):
        await backfill.want(session, one.id, start, now=now)
    row = await session.get(CandleBackfill, one.id, populate_existing=True)
    if row is None or row.state not in (backfill.WAITING, backfill.RUNNING):
        return None
    total = (until - begin) // step
    return Filling(max(total - lacking, 0), total)


def fetched_from(series: Series, timeframe: Timeframe, begin: int, start: int) -> int:
    """From when on bars are fetched for a script that is to see all from ``begin`` on, and is traded from
    ``start`` on."""
    if series.source not in feeds.OPENERS:
        return begin
    return max(begin, start_of(start - LONGEST_WARMUP, timeframe))


async def here_from(
    session: AsyncSession, series: Series, timeframe: Timeframe, begin: int, fetched: int
) -> int:
    """Since when, from ``begin`` on, there is nothing before ``fetched`` that would have to be fetched."""
    if fetched <= begin or series.store_id is None:
        return begin
    one = await session.get_one(CandleSeries, series.store_id)
    spans = await coverage.missing(session, one, begin, fetched)
    if not spans:
        return begin
    end = spans[-1][1]
    opening = start_of(end, timeframe)
    return min(opening if opening == end else end_of(opening, timeframe), fetched)
