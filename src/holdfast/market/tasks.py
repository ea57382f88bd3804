"""Background: keeping the table of instruments like the venues' lists."""

from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.instruments import Instrument, InstrumentKind
from holdfast.market import repository
from holdfast.market.instruments import VENUE
from holdfast.platform.jobs import enqueue
from holdfast.platform.tasks import Handler, RetryAt, RunAgainIn, Work
from holdfast.venues import registry
from holdfast.venues.binance.budget import shared_budget as weight_budget
from holdfast.venues.binance.rest import BinancePublic
from holdfast.venues.protocol import PublicVenue, VenueError

log = structlog.get_logger(__name__)

REFRESH_INSTRUMENTS: Final = "market.refresh_instruments"
REFRESH_PAIRS: Final = "market.refresh_pairs"
EVERY: Final = 3600.0
PAIRS_VENUE: Final = "binance"
_SERVICE: Final = "market.public_venue"
_PAIRS_SERVICE: Final = "market.pairs_venue"


def public_venue(work: Work) -> PublicVenue:
    """The venue's public door, one per worker process."""
    if _SERVICE not in work.services:
        work.services[_SERVICE] = registry.public_venue(
            VENUE,
            work.settings,
            budget=registry.shared_budget(VENUE, work.redis, work.clock, work.settings.home),
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
    await _save(work, VENUE, InstrumentKind.LINEAR, listed)
    raise RunAgainIn(EVERY)


async def refresh_pairs(work: Work) -> None:
    """Read Binance's spot pairs, which are charted and never traded, into the table, and again in an hour."""
    if _PAIRS_SERVICE not in work.services:
        work.services[_PAIRS_SERVICE] = BinancePublic(
            work.settings.binance_url, budget=weight_budget(work.redis, work.clock), clock=work.clock
        )
    venue: BinancePublic = work.services[_PAIRS_SERVICE]
    try:
        listed = await venue.instruments()
    except VenueError as error:
        raise RetryAt(30, f"Binance's pairs could not be read: {error}") from error
    if not listed:
        raise RetryAt(60, "Binance listed no pairs at all: not believed")
    await _save(work, PAIRS_VENUE, InstrumentKind.SPOT, listed)
    raise RunAgainIn(EVERY)


async def _save(work: Work, venue: str, kind: InstrumentKind, listed: list[Instrument]) -> None:
    async with work.database.transaction() as session:
        now = work.clock.now()
        await repository.save_seen(session, venue, listed, now)
        vanished = await repository.close_unseen(session, venue, kind, now)
    if vanished:
        log.warning("instruments no longer listed", venue=venue, symbols=vanished)


async def ensure_jobs(session: AsyncSession, now: datetime) -> None:
    """The recurring jobs exist and are due now: start-up reads the lists afresh."""
    await enqueue(session, REFRESH_INSTRUMENTS, "", now=now)
    await enqueue(session, REFRESH_PAIRS, "", now=now)


HANDLERS: dict[str, Handler] = {REFRESH_INSTRUMENTS: refresh_instruments, REFRESH_PAIRS: refresh_pairs}
