"""Bars that came with other numbers than those stored: shown, and settled by whoever runs Holdfast."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.bars import COLUMNS, Bars
from holdfast.market.candles import repository, store
from holdfast.market.candles.models import CandleConflict, CandleSeries


@dataclass(frozen=True, slots=True)
class Conflict:
    """One time, what is stored for it, and what ``origin`` says."""

    origin: str
    stored: Bars
    offered: Bars


async def of_series(session: AsyncSession, one: CandleSeries, limit: int) -> list[Conflict]:
    """The oldest conflicts of the series."""
    rows = await repository.conflicts(session, one.id, limit)
    found = []
    for row in rows:
        stored = await store.read(session, one.id, row.time, row.time + 1)
        found.append(Conflict(row.origin, stored, _offered([row])))
    return found


async def summary(session: AsyncSession) -> list[tuple[str, str, int]]:
    """Series, origin and number of conflicting bars."""
    rows = await session.execute(
        select(CandleSeries.source, CandleSeries.symbol, CandleConflict.origin, func.count())
        .join(CandleConflict, CandleConflict.series_id == CandleSeries.id)
        .group_by(CandleSeries.source, CandleSeries.symbol, CandleConflict.origin)
        .order_by(CandleSeries.source, CandleSeries.symbol, CandleConflict.origin)
    )
    return [(f"{source}:{symbol}", origin, count) for source, symbol, origin, count in rows.tuples()]


async def keep_stored(session: AsyncSession, one: CandleSeries) -> int:
    """Forget the conflicts of the series: what is stored is right. How many there were."""
    gone = await session.execute(
        delete(CandleConflict).where(CandleConflict.series_id == one.id).returning(CandleConflict.time)
    )
    return len(gone.all())


async def take_offered(session: AsyncSession, one: CandleSeries, origin: str) -> int:
    """Put the numbers of ``origin`` in the place of those stored. How many bars that changed."""
    await repository.locked(session, one.id)
    rows = [row for row in await repository.conflicts(session, one.id, 10**6) if row.origin == origin]
    if rows:
        await store.replace(session, one.id, _offered(rows))
    await session.execute(
        delete(CandleConflict).where(CandleConflict.series_id == one.id, CandleConflict.origin == origin)
    )
    return len(rows)


def _offered(rows: Sequence[CandleConflict]) -> Bars:
    """The offered bars, each in the scale it came in, in one scale."""
    parts = []
    for row in rows:
        time, opened, high, low, close, volume = (
            np.array([getattr(row, name)], dtype=np.int64) for name in COLUMNS
        )
        parts.append(Bars(time, opened, high, low, close, volume, row.price_decimals, row.volume_decimals))
    return Bars.concat(parts)
