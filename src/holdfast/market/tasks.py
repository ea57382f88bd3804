"""Background: keeping the table of instruments like the venue's list."""

from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.instruments import InstrumentKind
from holdfast.market import repository
from holdfast.market.instruments import VENUE
from holdfast.platform.jobs import enqueue
from holdfast.platform.tasks import Handler, RetryAt, RunAgainIn, Work
from holdfast.venues import registry
from holdfast.venues.protocol import PublicVenue, VenueError

log = structlog.get_logger(__name__)

REFRESH_INSTRUMENTS: Final = "market.refresh_instruments"
EVERY: Final = 3600.0
_SERVICE: Final = "market.public_venue"


def public_venue(work: Work) -> PublicVenue:
    """The venue's public door, one per worker process."""
    if _SERVICE not in work.services:
        work.services[_SERVICE] = registry.public_venue(
            VENUE,
            work.settings,
            budget=registry.shared_budget(VENUE, work.redis, work.clock),
            clock=work.clock,
        )
    venue: PublicVenue = work.services[_SERVICE]
    return venue


async def refresh_instruments(work: Work) -> None:
    """Read the venue's list into the table, and again in an hour."""
    try:
        listed = await public_venue(work).instruments(InstrumentKind.LINEAR)
    except VenueError as error:
        raise RetryAt(10, f"Bybit's instruments could not be read: {error}") from error
    if not listed:
        raise RetryAt(30, "Bybit listed no instruments at all: not believed")
    async with work.database.transaction() as session:
        now = work.clock.now()
        await repository.save_seen(session, VENUE, listed, now)
        vanished = await repository.close_unseen(session, VENUE, InstrumentKind.LINEAR, now)
    if vanished:
        log.warning("instruments no longer listed", symbols=vanished)
    raise RunAgainIn(EVERY)


async def ensure_jobs(session: AsyncSession, now: datetime) -> None:
    """The recurring job exists and is due now: start-up reads the list afresh."""
    await enqueue(session, REFRESH_INSTRUMENTS, "", now=now)


HANDLERS: dict[str, Handler] = {REFRESH_INSTRUMENTS: refresh_instruments}
