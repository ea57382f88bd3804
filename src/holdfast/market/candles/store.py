"""One reader and one writer for all stored bars, wherever they lie.

This is the whole surface a column store or TimescaleDB would have to offer instead: ``series``, ``read``,
``read_hours``, ``write`` and ``seal``. Here it is plain PostgreSQL: recent days as rows, sealed UTC days as
chunks. A day has either rows or a chunk, never both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.bars import Bars, DoesNotFit
from holdfast.core.resample import resample
from holdfast.core.timeframes import DAY, HOUR, MINUTE, Timeframe
from holdfast.market.candles import chunks, repository
from holdfast.market.candles.merging import Merged, days_of, interleaved, merge
from holdfast.market.candles.models import CandleSeries
from holdfast.market.candles.tags import changed

RECENT_DAYS: Final = 2
"""Days before today that stay rows: live bars and late corrections still touch them."""
MOST_CONFLICTS_KEPT: Final = 1000
_CHUNKS_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Written:
    """How many of the offered bars were not there yet, were there just so, were there with other numbers."""

    new: int = 0
    same: int = 0
    conflicting: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(self.new + other.new, self.same + other.same, self.conflicting + other.conflicting)


def sealed_before(now: datetime) -> int:
    """The first day, counted from the epoch, that is not sealed yet."""
    return int(now.timestamp()) // DAY - RECENT_DAYS


async def series(
    session: AsyncSession,
    source: str,
    symbol: str,
    *,
    base_seconds: int = MINUTE,
    price_decimals: int = 0,
    volume_decimals: int = 0,
) -> CandleSeries:
    """The series, made if it is not there yet. The scale of a new one widens by itself when it must."""
    known = await repository.series_of(session, source, symbol)
    if known is not None:
        return known
    return await repository.make_series(
        session,
        source=source,
        symbol=symbol,
        base_seconds=base_seconds,
        price_decimals=price_decimals,
        volume_decimals=volume_decimals,
    )


async def read(session: AsyncSession, series_id: int, start: int, end: int) -> Bars:
    """The stored bars that open in [start, end), UTC seconds, oldest first, each once.

    Raises:
        NoSeries: there is none of this id.
        BrokenChunk: a chunk was damaged.
    """
    if end <= start:
        start = end = 0
    return (await repository.stored(session, series_id, start, end)).bars


async def read_hours(session: AsyncSession, series_id: int, start: int, end: int) -> Bars:
    """As ``read``, but resampled to hours, for a fraction of the work. The bars must divide an hour.

    Raises:
        NoSeries, BrokenChunk: as ``read``.
        DoesNotFit: the volumes of an hour are too large to be summed.
    """
    found = await repository.stored(session, series_id, start, max(start, end), hours=True)
    sealed, recent = resample(found.sealed, Timeframe.H1), resample(found.recent, Timeframe.H1)
    return interleaved(sealed, recent).between(start, end)


async def write(
    session: AsyncSession, series_id: int, bars: Bars, *, origin: str, now: datetime | None = None
) -> Written:
    """Store closed bars. What is stored stands: a bar that differs from it is reported as a conflict of
    ``origin`` and changes nothing. Numbers that need more decimals widen the scale of the whole series.

    With ``now``, whole days that are due to be sealed are written as chunks at once. Whoever writes several
    series in one transaction does so in the order of their ids.

    Raises:
        NoSeries: there is none of this id.
        ValueError: a bar does not open on the grid of the series.
        DoesNotFit: the scale the bars need does not hold the numbers stored, or the reverse.
    """
    if not len(bars):
        return Written()
    one = await repository.locked(session, series_id)
    if bars.time[0] < 0 or (bars.time % one.base_seconds).any():
        raise ValueError(f"bars of {one.source}:{one.symbol} open every {one.base_seconds} s since 1970")
    bars = await _fitting(session, one, bars)
    to_seal, to_rows = await _divided(session, one, bars, sealed_before(now) if now else 0)
    merged = []
    if to_seal:
        merged += await _write_chunks(session, one, to_seal)
    if len(to_rows):
        merged.append(await _write_rows(session, one, to_rows))
    await _report(session, one, merged, origin)
    if _reaches_back(one, merged, now):
        await changed(session, one)
    one.first_time = min(int(bars.time[0]), int(bars.time[0]) if one.first_time is None else one.first_time)
    one.last_time = max(int(bars.time[-1]), one.last_time or 0)
    await session.flush()
    return Written(
        sum(len(one.new) for one in merged),
        sum(one.same for one in merged),
        sum(len(one.conflicting) for one in merged),
    )


async def replace(session: AsyncSession, series_id: int, bars: Bars) -> None:
    """Put these bars in the place of those stored for the same times: somebody has decided that they are
    right. Raises as ``write``."""
    if not len(bars):
        return
    one = await repository.locked(session, series_id)
    bars = await _fitting(session, one, bars)
    to_chunks, to_rows = await _divided(session, one, bars, 0)
    payloads = await repository.chunks_of(session, one.id, [day for day, _ in to_chunks])
    rewritten = []
    for day, part in to_chunks:
        known = chunks.decode(payloads[day], one.price_decimals, one.volume_decimals)
        rewritten.append(_chunk(one, day, merge(known if part is None else part, known).bars))
    if rewritten:
        await repository.put_chunks(session, rewritten)
    await repository.delete_times(session, one.id, to_rows.time.tolist())
    await repository.add_rows(session, one.id, to_rows)
    await changed(session, one)
    await session.flush()


async def hold(session: AsyncSession, series_id: int, price_decimals: int, volume_decimals: int) -> None:
    """Make the scale of the series hold so many decimals, at once instead of piece by piece.

    Raises:
        NoSeries, DoesNotFit: as ``write``.
    """
    one = await repository.locked(session, series_id)
    price, volume = max(price_decimals, one.price_decimals), max(volume_decimals, one.volume_decimals)
    if (price, volume) != (one.price_decimals, one.volume_decimals):
        await _widen(session, one, price, volume)


async def seal(session: AsyncSession, series_id: int, before_day: int) -> int:
    """Turn the rows of all days before ``before_day`` into chunks; how many days that were. Doing it again,
    or dying in the middle, changes nothing: it is one transaction."""
    one = await repository.locked(session, series_id)
    if one.base_seconds > HOUR:
        return 0
    days = await repository.days_of_rows(session, series_id, before_day)
    for start in range(0, len(days), _CHUNKS_AT_ONCE):
        await _write_chunks(session, one, [(day, None) for day in days[start : start + _CHUNKS_AT_ONCE]])
    return len(days)


async def _divided(
    session: AsyncSession, one: CandleSeries, bars: Bars, due_before: int
) -> tuple[list[tuple[int, Bars | None]], Bars]:
    """The days that belong into chunks, and the bars that belong into rows."""
    first, last = int(bars.time[0]) // DAY, int(bars.time[-1]) // DAY
    sealed = await repository.counts(session, one.id, first, last)
    if one.base_seconds > HOUR:
        due_before = 0
    if not sealed and first >= due_before:
        return [], bars
    days = days_of(bars)
    to_chunk: list[tuple[int, Bars | None]] = [
        (day, part) for day, part in days if day in sealed or day < due_before
    ]
    chunked = {day for day, _ in to_chunk}
    rest = [part for day, part in days if day not in chunked]
    return to_chunk, Bars.concat(rest) if rest else bars.take(slice(0))


async def _write_chunks(
    session: AsyncSession, one: CandleSeries, offers: Sequence[tuple[int, Bars | None]]
) -> list[Merged]:
    """Bring the days into chunks: what is there, in rows too, and what is offered. Days in rising order."""
    days = [day for day, _ in offers]
    scale = one.price_decimals, one.volume_decimals
    payloads = await repository.chunks_of(session, one.id, days)
    found = await repository.stored(session, one.id, days[0] * DAY, (days[-1] + 1) * DAY, sealed=False)
    recent = dict(days_of(found.recent))
    merged, rewritten = [], []
    for day, offered in offers:
        sealed = chunks.decode(payloads[day], *scale) if day in payloads else Bars.empty(*scale)
        known = interleaved(sealed, recent.get(day, Bars.empty(*scale)))
        result = merge(known, offered if offered is not None else Bars.empty(*scale))
        merged.append(result)
        if len(result.new) or day in recent:
            rewritten.append(_chunk(one, day, result.bars))
    if rewritten:
        await repository.put_chunks(session, rewritten)
        await changed(session, one)
    if emptied := [day for day in days if day in recent]:
        await repository.delete_rows(session, one.id, emptied)
    return merged


async def _write_rows(session: AsyncSession, one: CandleSeries, bars: Bars) -> Merged:
    start, end = int(bars.time[0]), int(bars.time[-1]) + 1
    found = await repository.stored(session, one.id, start, end, sealed=False)
    merged = merge(found.recent, bars)
    if len(merged.new):
        await repository.add_rows(session, one.id, merged.new)
    return merged


def _reaches_back(one: CandleSeries, merged: Sequence[Merged], now: datetime | None) -> bool:
    """Whether more changes than the newest days, which nobody keeps pages of: live bars do not, unless
    there were none for days."""
    starts = [int(result.new.time[0]) for result in merged if len(result.new)]
    if not starts or one.last_time is None or now is None:
        return bool(starts)
    return min(starts) < one.last_time or one.last_time < sealed_before(now) * DAY


async def _report(session: AsyncSession, one: CandleSeries, merged: list[Merged], origin: str) -> None:
    differing = [result.conflicting for result in merged if len(result.conflicting)]
    left = MOST_CONFLICTS_KEPT
    for bars in differing:
        if left > 0:
            await repository.report_conflicts(session, one.id, bars.take(slice(left)), origin)
        left -= len(bars)


async def _fitting(session: AsyncSession, one: CandleSeries, bars: Bars) -> Bars:
    """The bars in the scale of the series, which is widened if it does not hold them."""
    if bars.price_decimals > one.price_decimals or bars.volume_decimals > one.volume_decimals:
        bars = bars.trimmed()
    price = max(bars.price_decimals, one.price_decimals)
    volume = max(bars.volume_decimals, one.volume_decimals)
    if (price, volume) != (one.price_decimals, one.volume_decimals):
        await _widen(session, one, price, volume)
    return bars.at_scale(price, volume)


async def _widen(session: AsyncSession, one: CandleSeries, price: int, volume: int) -> None:
    """Convert everything stored of the series to more decimals. The list of symbols, which tells them, is of
    all series and is not tagged here: whoever writes on to another would wait for who waits for them."""
    scale = one.price_decimals, one.volume_decimals
    found = await repository.stored(session, one.id, -(2**40), 2**40, sealed=False)
    found.recent.at_scale(price, volume)
    await repository.rescale_rows(session, one.id, 10 ** (price - scale[0]), 10 ** (volume - scale[1]))
    days = list(await repository.counts(session, one.id, -(2**31), 2**31 - 1))
    for start in range(0, len(days), _CHUNKS_AT_ONCE):
        payloads = await repository.chunks_of(session, one.id, days[start : start + _CHUNKS_AT_ONCE])
        converted = (
            (day, chunks.decode(payload, *scale).at_scale(price, volume)) for day, payload in payloads.items()
        )
        await repository.put_chunks(session, [_chunk(one, day, bars) for day, bars in converted])
    one.price_decimals, one.volume_decimals = price, volume
    await changed(session, one)
    await session.flush()


def hours_of(bars: Bars) -> bytes:
    """A day's hours as its chunk keeps them; empty, so that its bars are read instead, where the volumes of
    an hour are too large to be summed."""
    try:
        return chunks.encode(resample(bars, Timeframe.H1))
    except DoesNotFit:
        return b""


def _chunk(one: CandleSeries, day: int, bars: Bars) -> dict[str, Any]:
    return {
        "series_id": one.id,
        "day": day,
        "count": len(bars),
        "payload": chunks.encode(bars),
        "hours": hours_of(bars) if one.base_seconds < HOUR else b"",
        "digest": chunks.digest(bars),
    }
