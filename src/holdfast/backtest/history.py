"""Bars of a venue that nobody has asked for yet: fetched before a back-test reads them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.market.candles import backfill, coverage, feeds
from holdfast.market.candles.models import CandleBackfill, CandleSeries
from holdfast.market.candles.readers import Series

FEWEST_MISSING: Final = 5
"""Bars: the very last ones may be on their way."""


@dataclass(frozen=True, slots=True)
class Filling:
    """``done`` of ``total`` bars are here."""

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
    if sum(end - first for first, end in spans) // step < FEWEST_MISSING:
        return None
    if not asked and await backfill.has_room(session):
        await backfill.want(session, one.id, start, now=now)
    row = await session.get(CandleBackfill, one.id, populate_existing=True)
    if row is None or row.state not in (backfill.WAITING, backfill.RUNNING):
        return None
    return Filling(row.done, row.total)
