"""Filling a series from its venue: the newest missing bars first, each page of them one transaction.

What is stored and what is known not to exist say how far it has come: it goes on wherever it was broken off.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.bars import Bars
from holdfast.core.instruments import InstrumentStatus
from holdfast.core.time import Clock
from holdfast.core.timeframes import DAY, Timeframe, end_of, timeframe_of
from holdfast.market import repository as instruments
from holdfast.market.candles import coverage, feeds, repository, store
from holdfast.market.candles.gaps import Reason, Span, reason_for
from holdfast.market.candles.listings import KINDS
from holdfast.market.candles.models import CandleBackfill, CandleSeries
from holdfast.market.candles.store import Written
from holdfast.market.candles.tags import tag_of
from holdfast.platform.cache import touch
from holdfast.platform.database import Database
from holdfast.platform.jobs import enqueue
from holdfast.venues.protocol import HistoryVenue, Unreachable

JOB: Final = "market.backfill_candles"
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
USUAL_DAYS: Final = 730
"""How far back a series is filled that somebody has begun to look at."""
MOST_UNDER_WAY: Final = 300
"""Series that are filled at the same time, for everybody together."""
_PAGES_A_RUN: Final = 15
"""A few seconds: then other background work has its turn."""
_PAUSE_SECONDS: Final = 0.15
"""Between two pages: the venue's limits are there for trading first."""
_FIRST_MARKET: Final = 1_230_940_800  # 2009-01-03: nothing was listed before there was a coin


async def has_room(session: AsyncSession) -> bool:
    """Whether one more series may be filled: the queue of those under way is bounded."""
    under_way = CandleBackfill.state.in_((WAITING, RUNNING))
    count = await session.scalar(select(func.count()).select_from(CandleBackfill).where(under_way))
    return (count or 0) < MOST_UNDER_WAY


async def want(session: AsyncSession, series_id: int, since: int, *, now: datetime) -> None:
    """Have the series filled from ``since`` on (or from further back, if that was wanted before)."""
    row = await session.get(CandleBackfill, series_id, with_for_update=True, populate_existing=True)
    if row is None:
        row = CandleBackfill(series_id=series_id, wanted_from=since, done=0, total=0, note="")
        session.add(row)
    elif row.state in (WAITING, RUNNING) and row.wanted_from <= since:
        return
    row.wanted_from = min(row.wanted_from, since)
    row.state, row.note, row.updated_at = WAITING, "", now
    await session.flush()
    await enqueue(session, JOB, str(series_id), now=now)
    one = await session.get_one(CandleSeries, series_id)
    await touch(session, tag_of(one.source, one.symbol))


async def take_in(
    session: AsyncSession, series_id: int, source: str, bars: Bars, start: int, until: int, *, now: datetime
) -> Written:
    """Store what a venue answered about [start, until): closed bars, and that there are no others."""
    written = await store.write(session, series_id, bars, origin=f"{source} REST", now=now)
    if until > start:
        await repository.locked(session, series_id)
        await coverage.explain(session, series_id, start, until, reason_for(source))
        one = await session.get_one(CandleSeries, series_id)
        silent = until if one.last_time is None else one.last_time + one.base_seconds
        if silent <= until and await _has_ended(session, one, now):
            await coverage.explain_rest(session, series_id, silent, Reason.NOT_TRADED)
    return written


async def _has_ended(session: AsyncSession, one: CandleSeries, now: datetime) -> bool:
    """Whether the venue's list says that the symbol is not traded now."""
    listed = await instruments.instrument(session, one.source, KINDS[one.source], one.symbol)
    if listed is None or listed.status in (InstrumentStatus.TRADING, InstrumentStatus.PRELAUNCH):
        return False
    is_announced = listed.delivery_at is not None and listed.delivery_at > now
    return listed.status is InstrumentStatus.CLOSED or not is_announced


async def find_listing(venue: HistoryVenue, symbol: str, now: int) -> int | None:
    """The opening of the venue's first bar of the symbol, by its first month, day and minute; ``None`` if it
    has none. Raises ``VenueError``."""
    start, until = _FIRST_MARKET, now
    for timeframe in (Timeframe.MONTH, Timeframe.D1, Timeframe.M1):
        found = await feeds.span(venue, symbol, timeframe, start, until)
        if not len(found):
            return None if timeframe is Timeframe.MONTH else start
        start = max(int(found.time[0]), _FIRST_MARKET)
        until = min(end_of(start, timeframe), now)
    return start


async def ensure_listing(database: Database, venue: HistoryVenue, one: CandleSeries, now: datetime) -> int:
    """Since when the series can have bars: known already, or found out and kept. Raises ``VenueError``."""
    async with database.transaction() as session:
        known = await coverage.listed_from(session, one.id)
    if known is not None:
        return known
    settled = feeds.settled_before(now, one.base_seconds)
    found = await find_listing(venue, one.symbol, int(now.timestamp()))
    listed = settled if found is None else found
    async with database.transaction() as session:
        await repository.locked(session, one.id)
        await coverage.explain(session, one.id, 0, listed, Reason.NOT_LISTED)
    return listed


async def fetch(
    database: Database, venue: HistoryVenue, one: CandleSeries, start: int, until: int, clock: Clock
) -> Written:
    """Ask the venue for [start, until) and take in the answer.

    Where nothing comes at the beginning it has to be known since when the symbol is listed: only then can
    it be said whether bars are missing or never were.

    Raises:
        VenueError: no answer; or, once the others are stored, that the last are not over at the venue.
        DoesNotFit: a number is beyond what a bar holds.
    """
    timeframe = timeframe_of(one.base_seconds) or Timeframe.M1
    # Before asking: what forms while the answer is on its way is a part, however late it is read.
    over = min(until, feeds.settled_before(clock.now(), one.base_seconds))
    now = await feeds.now_for(venue, clock, until)
    found = await feeds.span(venue, one.symbol, timeframe, start, until)
    settled = min(until, feeds.settled_before(now, one.base_seconds))
    if not len(found) or int(found.time[0]) > start:
        listed = await ensure_listing(database, venue, one, now)
    else:
        listed = None
    async with database.transaction() as session:
        written = await take_in(
            session,
            one.id,
            one.source,
            found.between(start, settled),
            max(start, listed or 0),
            settled,
            now=now,
        )
    if settled < over:
        raise Unreachable("Our clock is ahead of the venue's: there the newest bars are not over yet.")
    return written


async def run(
    database: Database,
    venue: HistoryVenue,
    series_id: int,
    clock: Clock,
    pause: Callable[[float], Awaitable[None]],
) -> bool:
    """Fill up to so many pages; whether nothing is missing any more. Raises as ``fetch``."""
    async with database.transaction() as session:
        one = await session.get_one(CandleSeries, series_id, populate_existing=True)
    now = await feeds.venue_now(venue, clock)
    listed = await ensure_listing(database, venue, one, now)
    step = one.base_seconds
    stop = feeds.settled_before(now, step)
    async with database.transaction() as session:
        row = await session.get_one(CandleBackfill, series_id, populate_existing=True)
        start = max(row.wanted_from // step * step, listed)
        missing = await coverage.missing(session, one, start, stop)
        await _progress(session, series_id, step, start, stop, missing, clock.now())
    for _ in range(_PAGES_A_RUN):
        if not missing:
            return True
        begin, end = _newest_page(missing, step)
        await fetch(database, venue, one, begin, end, clock)
        missing = _older_than(missing, begin)
        async with database.transaction() as session:
            await _progress(session, series_id, step, start, stop, missing, clock.now())
        await pause(_PAUSE_SECONDS)
    return not missing


async def mark(database: Database, series_id: int, state: str, note: str, now: datetime) -> None:
    async with database.transaction() as session:
        row = await session.get(CandleBackfill, series_id, with_for_update=True, populate_existing=True)
        if row:
            row.state, row.note, row.updated_at = state, note, now


def usual_start(now: int) -> int:
    return now // DAY * DAY - USUAL_DAYS * DAY


def _newest_page(missing: list[Span], step: int) -> Span:
    begin, end = missing[-1]
    return max(begin, end - feeds.PAGE * step), end


def _older_than(missing: list[Span], fetched_from: int) -> list[Span]:
    """What is left once everything from ``fetched_from`` on is settled."""
    return [(begin, min(end, fetched_from)) for begin, end in missing if begin < fetched_from]


async def _progress(
    session: AsyncSession,
    series_id: int,
    step: int,
    start: int,
    stop: int,
    missing: list[Span],
    now: datetime,
) -> None:
    row = await session.get_one(CandleBackfill, series_id, with_for_update=True, populate_existing=True)
    row.total = max(stop - start, 0) // step
    row.done = row.total - sum(end - begin for begin, end in missing) // step
    row.state, row.updated_at = RUNNING, now
