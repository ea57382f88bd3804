"""Every query on stored bars. Rows travel packed as one value: one at a time would cost many times more."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.bars import COLUMNS, PRICES, Bars
from holdfast.core.timeframes import DAY
from holdfast.market.candles import chunks
from holdfast.market.candles.merging import interleaved
from holdfast.market.candles.models import CandleChunk, CandleConflict, CandleRow, CandleSeries
from holdfast.market.repository import SYMBOLS
from holdfast.platform.cache import touch

_PACKED: Final = "string_agg({}, ''::bytea ORDER BY r.time)".format(
    " || ".join(f"int8send(r.{column})" for column in COLUMNS)
)
_READ: Final = """
    SELECT s.price_decimals, s.volume_decimals, c.day, {payload} AS payload
      FROM candle_series s JOIN candle_chunks c ON c.series_id = s.id
     WHERE s.id = :series AND c.day BETWEEN :first_day AND :last_day
    UNION ALL
    SELECT s.price_decimals, s.volume_decimals, NULL,
           (SELECT {packed} FROM candle_rows r
             WHERE r.series_id = s.id AND r.time >= :start AND r.time < :until)
      FROM candle_series s WHERE s.id = :series
    ORDER BY 3 NULLS LAST
"""
_AT_ONCE: Final = 60
"""Days unpacked where they are asked for; more go to a thread, so that nobody else waits for them."""
_HOURS: Final = "CASE WHEN length(c.hours) > 0 THEN c.hours ELSE c.payload END"
_READ_BARS: Final = text(_READ.format(payload="c.payload", packed=_PACKED))
_READ_HOURS: Final = text(_READ.format(payload=_HOURS, packed=_PACKED))


@dataclass(frozen=True, slots=True)
class Stored:
    """One snapshot: the chunks' bars and the rows', in the series' scale at that moment."""

    sealed: Bars
    recent: Bars

    @property
    def bars(self) -> Bars:
        return interleaved(self.sealed, self.recent)


class NoSeries(LookupError):
    """There is no series of this id."""


async def stored(
    session: AsyncSession,
    series_id: int,
    start: int,
    until: int,
    *,
    hours: bool = False,
    sealed: bool = True,
) -> Stored:
    """The bars that open in [start, until), read by one statement, so that nothing that is sealed or rescaled
    meanwhile is missed or seen twice. ``hours``: of sealed days the hourly bars. Without ``sealed``: only
    rows.

    Raises:
        NoSeries: there is none of this id.
        BrokenChunk: a chunk was damaged.
    """
    result = await session.execute(
        _READ_HOURS if hours else _READ_BARS,
        {
            "series": series_id,
            "first_day": start // DAY,
            "last_day": (until - 1) // DAY if sealed else start // DAY - 1,
            "start": start,
            "until": until,
        },
    )
    rows = result.all()
    if not rows:
        raise NoSeries(str(series_id))
    *packed, last = rows
    scale = last.price_decimals, last.volume_decimals
    payloads = [row.payload for row in packed]
    if len(payloads) > _AT_ONCE:
        together = await asyncio.to_thread(chunks.joined, payloads, *scale)
    else:
        together = chunks.joined(payloads, *scale)
    return Stored(together.between(start, until), _unpacked(last.payload, *scale))


def _unpacked(packed: bytes | None, price_decimals: int, volume_decimals: int) -> Bars:
    if not packed:
        return Bars.empty(price_decimals, volume_decimals)
    table = np.frombuffer(packed, ">i8").reshape(-1, len(COLUMNS)).T.astype(np.int64, order="C")
    time, opened, high, low, close, volume = table
    return Bars(time, opened, high, low, close, volume, price_decimals, volume_decimals)


# --- series ----------------------------------------------------------------------------------------------


async def series_of(session: AsyncSession, source: str, symbol: str) -> CandleSeries | None:
    found: CandleSeries | None = await session.scalar(
        select(CandleSeries)
        .where(CandleSeries.source == source, CandleSeries.symbol == symbol)
        .execution_options(populate_existing=True)
    )
    return found


async def all_series(session: AsyncSession) -> list[CandleSeries]:
    rows = await session.scalars(
        select(CandleSeries)
        .order_by(CandleSeries.source, CandleSeries.symbol)
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def make_series(session: AsyncSession, **values: Any) -> CandleSeries:
    """The series of this source and symbol, made if there was none."""
    await session.execute(
        insert(CandleSeries).values(pinned=False, revision=0, **values).on_conflict_do_nothing()
    )
    await touch(session, SYMBOLS)
    made = await series_of(session, values["source"], values["symbol"])
    assert made is not None
    return made


async def locked(session: AsyncSession, series_id: int) -> CandleSeries:
    """The series, to be changed by nobody else until the transaction ends. Raises ``NoSeries``."""
    found = await session.scalar(
        select(CandleSeries)
        .where(CandleSeries.id == series_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NoSeries(str(series_id))
    return found


async def set_pinned(session: AsyncSession, series_id: int, pinned: bool) -> None:
    """Whether new bars are stored also while nobody looks. Raises ``NoSeries``."""
    (await locked(session, series_id)).pinned = pinned


# --- rows ------------------------------------------------------------------------------------------------


async def add_rows(session: AsyncSession, series_id: int, bars: Bars) -> None:
    await session.execute(_INSERT_ROWS, {"series": series_id, **_arrays(bars)})


async def delete_rows(session: AsyncSession, series_id: int, days: Sequence[int]) -> None:
    await session.execute(
        delete(CandleRow).where(
            CandleRow.series_id == series_id, func.div(CandleRow.time, DAY).in_([int(day) for day in days])
        )
    )


async def delete_times(session: AsyncSession, series_id: int, times: Sequence[int]) -> None:
    await session.execute(
        delete(CandleRow).where(CandleRow.series_id == series_id, CandleRow.time.in_(times))
    )


async def days_of_rows(session: AsyncSession, series_id: int, before: int) -> list[int]:
    """The days before ``before`` that have rows."""
    day = func.div(CandleRow.time, DAY)
    rows = await session.scalars(
        select(day)
        .where(CandleRow.series_id == series_id, CandleRow.time < before * DAY)
        .distinct()
        .order_by(day)
    )
    return [int(row) for row in rows]


async def rescale_rows(session: AsyncSession, series_id: int, price: int, volume: int) -> None:
    """Multiply what is stored in rows."""
    columns = {name: getattr(CandleRow, name) * price for name in PRICES}
    await session.execute(
        update(CandleRow)
        .where(CandleRow.series_id == series_id)
        .values(**columns, volume=CandleRow.volume * volume)
        .execution_options(synchronize_session=False)
    )


# --- chunks ----------------------------------------------------------------------------------------------


async def chunks_of(session: AsyncSession, series_id: int, days: Sequence[int]) -> dict[int, bytes]:
    """Day → payload."""
    rows = await session.execute(
        select(CandleChunk.day, CandleChunk.payload).where(
            CandleChunk.series_id == series_id, CandleChunk.day.in_(days)
        )
    )
    return {row.day: row.payload for row in rows}


async def counts(session: AsyncSession, series_id: int, first: int, last: int) -> dict[int, int]:
    """Sealed day → number of its bars, oldest first."""
    rows = await session.execute(
        select(CandleChunk.day, CandleChunk.count)
        .where(CandleChunk.series_id == series_id, CandleChunk.day.between(first, last))
        .order_by(CandleChunk.day)
    )
    return dict(rows.tuples().all())


async def put_chunks(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    statement = insert(CandleChunk)
    changed = {name: statement.excluded[name] for name in ("count", "payload", "hours", "digest")}
    await session.execute(
        statement.on_conflict_do_update(index_elements=["series_id", "day"], set_=changed), list(rows)
    )


async def newest_before(session: AsyncSession, series_id: int, time: int) -> int | None:
    """A time not before the newest stored bar that opens before ``time``, and on its day at the latest."""
    row: int | None = await session.scalar(
        select(func.max(CandleRow.time)).where(CandleRow.series_id == series_id, CandleRow.time < time)
    )
    day: int | None = await session.scalar(
        select(func.max(CandleChunk.day)).where(
            CandleChunk.series_id == series_id, CandleChunk.day * DAY < time
        )
    )
    ends = [one for one in (row, None if day is None else min((day + 1) * DAY, time) - 1) if one is not None]
    return max(ends, default=None)


# --- conflicts -------------------------------------------------------------------------------------------


async def report_conflicts(session: AsyncSession, series_id: int, bars: Bars, origin: str) -> None:
    names = (*COLUMNS, "price_decimals", "volume_decimals")
    shared = {"series_id": series_id, "origin": origin}
    scale = bars.price_decimals, bars.volume_decimals
    offered = zip(*(column.tolist() for column in bars.columns), strict=True)
    statement = insert(CandleConflict)
    changed = {name: statement.excluded[name] for name in names[1:]}
    await session.execute(
        statement.on_conflict_do_update(index_elements=["series_id", "time", "origin"], set_=changed),
        [shared | dict(zip(names, (*row, *scale), strict=True)) for row in offered],
    )


async def conflicts(session: AsyncSession, series_id: int | None, limit: int) -> list[CandleConflict]:
    query = select(CandleConflict).order_by(CandleConflict.series_id, CandleConflict.time).limit(limit)
    if series_id is not None:
        query = query.where(CandleConflict.series_id == series_id)
    return list(await session.scalars(query.execution_options(populate_existing=True)))


async def count_conflicts(session: AsyncSession) -> dict[int, int]:
    rows = await session.execute(
        select(CandleConflict.series_id, func.count()).group_by(CandleConflict.series_id)
    )
    return dict(rows.tuples().all())


_ARRAYS: Final = ", ".join(f"CAST(:{column} AS bigint[])" for column in COLUMNS)
_INSERT: Final = "INSERT INTO candle_rows (series_id, {}) SELECT CAST(:series AS int), * FROM unnest({})"
_INSERT_ROWS: Final = text(_INSERT.format(", ".join(COLUMNS), _ARRAYS))


def _arrays(bars: Bars) -> dict[str, list[int]]:
    return {name: column.tolist() for name, column in zip(COLUMNS, bars.columns, strict=True)}
