"""What is stored, how it is being filled, and whether it is as it was written."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.bars import Bars, impossible
from holdfast.core.time import from_seconds
from holdfast.core.timeframes import DAY, HOUR
from holdfast.market.candles import chunks, repository, store
from holdfast.market.candles.models import CandleBackfill, CandleChunk, CandleRow, CandleSeries
from holdfast.market.candles.schemas import BackfillView, SeriesView
from holdfast.platform.database import Database

_DAYS_AT_ONCE: Final = 100


async def series_views(session: AsyncSession, *, leave_out: frozenset[str] = frozenset()) -> list[SeriesView]:
    """Everything stored, but not of the sources ``leave_out``."""
    sealed = {
        row[0]: (row[1], row[2])
        for row in await session.execute(
            select(
                CandleChunk.series_id,
                func.sum(CandleChunk.count),
                func.sum(func.length(CandleChunk.payload) + func.length(CandleChunk.hours)),
            ).group_by(CandleChunk.series_id)
        )
    }
    rows = dict(
        (await session.execute(select(CandleRow.series_id, func.count()).group_by(CandleRow.series_id)))
        .tuples()
        .all()
    )
    conflicts = await repository.count_conflicts(session)
    fillings = {row.series_id: row for row in await session.scalars(select(CandleBackfill))}
    views = []
    for one in await repository.all_series(session):
        if one.source in leave_out:
            continue
        count, size = sealed.get(one.id, (0, 0))
        filling = fillings.get(one.id)
        views.append(
            SeriesView(
                series=f"{one.source}:{one.symbol}",
                timeframe_seconds=one.base_seconds,
                price_decimals=one.price_decimals,
                volume_decimals=one.volume_decimals,
                pinned=one.pinned,
                first_at=from_seconds(one.first_time),
                last_at=from_seconds(one.last_time),
                bars=int(count) + rows.get(one.id, 0),
                sealed_bars=int(count),
                bytes=int(size),
                conflicts=conflicts.get(one.id, 0),
                backfill=backfill_view(one, filling) if filling else None,
            )
        )
    return views


def backfill_view(one: CandleSeries, row: CandleBackfill) -> BackfillView:
    return BackfillView(
        series=f"{one.source}:{one.symbol}",
        wanted_from=from_seconds(row.wanted_from),
        done=row.done,
        total=row.total,
        state=row.state,
        note=row.note,
        updated_at=row.updated_at,
    )


@dataclass(frozen=True, slots=True)
class Verified:
    """A stretch of days that was looked at, and what is wrong with it, in words."""

    bars: int
    days: int
    faults: list[str]


async def verify(database: Database, one: CandleSeries) -> AsyncIterator[Verified]:
    """Read every stored bar of the series and compare it with its digest and with what bars must be."""
    async with database.transaction() as session:
        days = list(await repository.counts(session, one.id, -(2**31), 2**31 - 1))
        recent = (await repository.stored(session, one.id, 0, 2**40, sealed=False)).recent
    both = sorted(set((recent.time // DAY).tolist()) & set(days))
    faults = [f"{_date(day)}: has rows beside its chunk" for day in both]
    yield Verified(len(recent), 0, faults + _impossible(recent, "recent rows", one.base_seconds))
    for first in range(0, len(days), _DAYS_AT_ONCE):
        async with database.transaction() as session:
            rows = list(
                await session.scalars(
                    select(CandleChunk).where(
                        CandleChunk.series_id == one.id,
                        CandleChunk.day.in_(days[first : first + _DAYS_AT_ONCE]),
                    )
                )
            )
            scale = await session.get_one(CandleSeries, one.id, populate_existing=True)
            session.expunge_all()
        checked = [_check(row, scale) for row in rows]
        yield Verified(
            sum(row.count for row in rows), len(rows), [fault for found in checked for fault in found]
        )


def _check(row: CandleChunk, one: CandleSeries) -> list[str]:
    date = _date(row.day)
    try:
        bars = chunks.decode(row.payload, one.price_decimals, one.volume_decimals)
    except chunks.BrokenChunk as error:
        return [f"{date}: cannot be unpacked ({error})"]
    faults = []
    if chunks.digest(bars) != row.digest:
        faults.append(f"{date}: the bars are not those that were written")
    if len(bars) != row.count:
        faults.append(f"{date}: {len(bars)} bars instead of {row.count}")
    if len(bars) and (bars.time[0] // DAY != row.day or bars.time[-1] // DAY != row.day):
        faults.append(f"{date}: holds bars of another day")
    if one.base_seconds < HOUR and not _hours_agree(bars, row, one):
        faults.append(f"{date}: its hours are not those of its bars")
    return faults + _impossible(bars, date, one.base_seconds)


def _hours_agree(bars: Bars, row: CandleChunk, one: CandleSeries) -> bool:
    wanted = store.hours_of(bars)
    if not row.hours or not wanted:
        return row.hours == wanted
    scale = one.price_decimals, one.volume_decimals
    try:
        return chunks.decode(row.hours, *scale) == chunks.decode(wanted, *scale)
    except chunks.BrokenChunk:
        return False


def _impossible(bars: Bars, where: str, step: int) -> list[str]:
    faults = []
    if len(wrong := impossible(bars)):
        first = from_seconds(int(bars.time[wrong[0]]))
        faults.append(f"{where}: {len(wrong)} impossible bars, the first at {first:%Y-%m-%d %H:%M}")
    if beside := np.count_nonzero(bars.time % step):
        faults.append(f"{where}: {beside} bars beside the grid of {step} s")
    return faults


def _date(day: int) -> str:
    return f"{from_seconds(day * DAY):%Y-%m-%d}"
