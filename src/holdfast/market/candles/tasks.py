"""Background: filling history, sealing days, carrying out imports."""

from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.bars import DoesNotFit
from holdfast.market.candles import backfill, feeds, repository, store, uploads
from holdfast.market.candles.models import CandleSeries
from holdfast.market.candles.perseverance import GIVEN_UP, persevere
from holdfast.platform.jobs import enqueue
from holdfast.platform.tasks import Handler, RetryAt, RunAgainIn, Work
from holdfast.venues.protocol import HistoryVenue, KeyRefused, RateLimited, Rejected, VenueError

log = structlog.get_logger(__name__)

SEAL: Final = "market.seal_candles"
SEAL_EVERY: Final = 900.0
_AT_ONCE_AGAIN: Final = 0.1
_UNREACHABLE_SECONDS: Final = 15.0


def history_venue(work: Work, source: str) -> HistoryVenue | None:
    """The venue's door to the past, one per worker process; ``None`` if the source is no venue."""
    if source not in feeds.OPENERS:
        return None
    service = f"market.history.{source}"
    if service not in work.services:
        work.services[service] = feeds.OPENERS[source](work.settings, work.redis, work.clock)
    venue: HistoryVenue = work.services[service]
    return venue


async def backfill_candles(work: Work) -> None:
    """Fill a series for a while, then let others have their turn. Subject: the series' id."""
    series_id = int(work.lease.subject)
    async with work.database.transaction() as session:
        one = await session.get(CandleSeries, series_id)
    venue = history_venue(work, one.source) if one else None
    if venue is None:
        return
    try:
        complete = await backfill.run(work.database, venue, series_id, work.clock, work.pause)
    except RateLimited as error:
        seconds = max((error.until - work.clock.now()).total_seconds(), 1.0)
        raise RetryAt(seconds, f"the venue's budget is used up: {error}") from error
    except (Rejected, KeyRefused, DoesNotFit) as error:
        log.warning("a series cannot be filled", series=f"{one and one.symbol}", error=str(error))
        await backfill.mark(work.database, series_id, backfill.FAILED, str(error), work.clock.now())
        return
    except VenueError as error:
        await backfill.mark(work.database, series_id, backfill.WAITING, str(error), work.clock.now())
        raise RetryAt(_UNREACHABLE_SECONDS, f"the venue does not answer: {error}") from error
    if not complete:
        raise RunAgainIn(_AT_ONCE_AGAIN)
    await backfill.mark(work.database, series_id, backfill.DONE, "", work.clock.now())


async def import_candles(work: Work) -> None:
    """Import an uploaded file. Subject: the import's id."""
    import_id = UUID(work.lease.subject)

    async def read() -> None:
        try:
            await uploads.carry_out(
                work.database, work.clock, import_id, lambda source: history_venue(work, source)
            )
        except VenueError as error:
            reason = f"bars cannot be compared with the venue's: {error}"
            raise RetryAt(_UNREACHABLE_SECONDS, reason) from error

    async def give_up() -> None:
        await uploads.end(work.database, work.clock, import_id, uploads.FAILED, GIVEN_UP)

    await persevere(work, read, give_up)


async def seal_candles(work: Work) -> None:
    """Make chunks of the days that are over long enough, and have pinned series filled up to now."""
    now = work.clock.now()
    async with work.database.transaction() as session:
        every = await repository.all_series(session)
    for one in every:
        try:
            await _seal_one(work, one, now)
        except (ValueError, LookupError) as error:
            log.error(
                "a series cannot be sealed", series=f"{one.source}:{one.symbol}", error=str(error)[:300]
            )
    async with work.database.transaction() as session:
        await uploads.tidy(session, now)
    raise RunAgainIn(SEAL_EVERY)


async def _seal_one(work: Work, one: CandleSeries, now: datetime) -> None:
    async with work.database.transaction() as session:
        days = await store.seal(session, one.id, store.sealed_before(now))
    # In a transaction of its own: others lock what is wanted first, and touch the series' tag after it.
    if one.pinned and one.source in feeds.OPENERS:
        since = one.first_time or backfill.usual_start(int(now.timestamp()))
        async with work.database.transaction() as session:
            await backfill.want(session, one.id, since, now=now)
    if days:
        log.info("days sealed", series=f"{one.source}:{one.symbol}", days=days)


async def ensure_jobs(session: AsyncSession, now: datetime) -> None:
    """Sealing goes on; whatever else was asked for stands in the table of jobs."""
    await enqueue(session, SEAL, "", now=now)


HANDLERS: dict[str, Handler] = {
    backfill.JOB: backfill_candles,
    SEAL: seal_candles,
    uploads.JOB: import_candles,
}
