"""What of a series is stored, what is known not to exist, and what is still to be fetched."""

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.timeframes import DAY
from holdfast.market.candles import chunks, repository
from holdfast.market.candles.gaps import Gap, Reason, Span, named, outside, runs, union
from holdfast.market.candles.models import CandleBackfill, CandleGap, CandleSeries
from holdfast.market.candles.tags import changed

_DAYS_AT_ONCE = 400
_END = 2**40


async def gaps(session: AsyncSession, one: CandleSeries, start: int, until: int) -> list[Gap]:
    """Every span of [start, until) without bars, and the reason. Both on the grid of the series."""
    if until <= start:
        return []
    holes = outside(await _stored(session, one, start, until), start, until)
    return named(holes, await _known(session, one.id, start, until)) if holes else []


async def listed_from(session: AsyncSession, series_id: int) -> int | None:
    """Since when the series can have bars; ``None`` while nobody has asked."""
    known: int | None = await session.scalar(
        select(CandleGap.until_time).where(
            CandleGap.series_id == series_id,
            CandleGap.from_time == 0,
            CandleGap.reason == Reason.NOT_LISTED,
        )
    )
    return known


async def beginning(session: AsyncSession, one: CandleSeries) -> int | None:
    """Where to begin looking for gaps: the first bar, or how far back more are wanted, but not before the
    listing. ``None`` if there is neither."""
    wanted = await session.scalar(
        select(CandleBackfill.wanted_from).where(CandleBackfill.series_id == one.id)
    )
    listed = await listed_from(session, one.id)
    known = [time for time in (one.first_time, wanted) if time is not None]
    return max(min(known), listed or 0) if known else None


async def missing(session: AsyncSession, one: CandleSeries, start: int, until: int) -> list[Span]:
    """What of [start, until) nobody has asked for yet."""
    found = await gaps(session, one, start, until)
    return union((gap.start, gap.until) for gap in found if gap.reason is Reason.NOT_FETCHED)


async def explain(session: AsyncSession, series_id: int, start: int, until: int, reason: Reason) -> None:
    """Whatever is not stored in [start, until) does not exist, for ``reason``. What was known before about
    these seconds is replaced. The series must be locked by this transaction."""
    found = await session.scalars(
        select(CandleGap).where(
            CandleGap.series_id == series_id, CandleGap.from_time <= until, CandleGap.until_time >= start
        )
    )
    touching = found.all()
    if any(row.reason == reason and row.from_time <= start and row.until_time >= until for row in touching):
        return
    rest: list[Gap] = []
    merged = [(start, until)]
    for row in touching:
        if row.reason == reason:
            merged.append((row.from_time, row.until_time))
        else:
            rest += [
                Gap(begin, end, Reason(row.reason))
                for begin, end in outside([(start, until)], row.from_time, row.until_time)
            ]
        await session.delete(row)
    await session.flush()
    await _put(session, series_id, [*(Gap(*span, reason) for span in union(merged)), *rest])
    await changed(session, await session.get_one(CandleSeries, series_id))


async def explain_rest(session: AsyncSession, series_id: int, start: int, reason: Reason) -> None:
    """What is known not to exist from ``start`` on does not for ``reason``. The series must be locked."""
    for gap in await _known(session, series_id, start, _END):
        await explain(session, series_id, max(gap.start, start), gap.until, reason)


async def forget(session: AsyncSession, series_id: int, start: int, until: int) -> None:
    """Nothing is known about [start, until) any more, so that it is asked for again."""
    await explain(session, series_id, start, until, Reason.NOT_FETCHED)
    await session.execute(
        delete(CandleGap).where(CandleGap.series_id == series_id, CandleGap.reason == Reason.NOT_FETCHED)
    )


async def _put(session: AsyncSession, series_id: int, known: Iterable[Gap]) -> None:
    rows = [
        {"series_id": series_id, "from_time": gap.start, "until_time": gap.until, "reason": gap.reason.value}
        for gap in known
    ]
    if rows:
        await session.execute(insert(CandleGap), rows)


async def _known(session: AsyncSession, series_id: int, start: int, until: int) -> list[Gap]:
    rows = await session.execute(
        select(CandleGap.from_time, CandleGap.until_time, CandleGap.reason)
        .where(CandleGap.series_id == series_id, CandleGap.from_time < until, CandleGap.until_time > start)
        .order_by(CandleGap.from_time)
    )
    return [Gap(begin, end, Reason(reason)) for begin, end, reason in rows.tuples()]


async def _stored(session: AsyncSession, one: CandleSeries, start: int, until: int) -> list[Span]:
    """The spans that stored bars cover. Only days that are sealed with bars missing have to be unpacked."""
    whole = DAY // one.base_seconds
    recent = await repository.stored(session, one.id, start, until, sealed=False)
    spans = runs(recent.recent.time, one.base_seconds)
    counts = await repository.counts(session, one.id, start // DAY, (until - 1) // DAY)
    spans += [(day * DAY, (day + 1) * DAY) for day, count in counts.items() if count == whole]
    partial = [day for day, count in counts.items() if count < whole]
    for first in range(0, len(partial), _DAYS_AT_ONCE):
        payloads = await repository.chunks_of(session, one.id, partial[first : first + _DAYS_AT_ONCE])
        for payload in payloads.values():
            spans += runs(chunks.decode(payload, 0, 0).time, one.base_seconds)
    return spans
