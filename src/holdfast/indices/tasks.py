"""Background: polling market caps, and rebuilding the levels of the past."""

from datetime import datetime, timedelta
from typing import Final

import orjson
import structlog
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.instruments import InstrumentKind
from holdfast.core.time import from_ms, to_ms
from holdfast.indices import repository, reviewed, service
from holdfast.indices.backfill import needs_market_caps, rebuilt_levels
from holdfast.indices.board import LEAST_CAPS_LIMIT
from holdfast.indices.catalogue import DEFINITIONS, IndexDefinition
from holdfast.indices.coingecko import CoinGecko, CoinGeckoError, MinuteBudget, Series
from holdfast.indices.intake import readings
from holdfast.indices.valuation import Composition
from holdfast.market.instruments import VENUE
from holdfast.market.repository import instruments as read_instruments
from holdfast.market.tasks import public_venue
from holdfast.platform.jobs import enqueue
from holdfast.platform.tasks import Handler, RetryAt, RunAgainIn, Work
from holdfast.venues.protocol import VenueError

log = structlog.get_logger(__name__)

POLL_MARKET_CAPS: Final = "indices.poll_market_caps"
BACKFILL_HISTORY: Final = "indices.backfill_history"
CHART_LIFE_SECONDS: Final = 6 * 3600
FULL_ENOUGH: Final = 0.8

HISTORY: Final = (
    (1, timedelta(minutes=5)),
    (90, timedelta(hours=1)),
    (365, timedelta(days=1)),
)
"""(days, step) of CoinGecko's charts, the most useful first."""

_SERVICE: Final = "indices.coingecko"


def coingecko(work: Work) -> CoinGecko:
    """One client per worker process."""
    if _SERVICE not in work.services:
        settings = work.settings
        budget = MinuteBudget(work.redis, work.clock, settings.market_caps_calls_per_minute)
        work.services[_SERVICE] = CoinGecko(
            settings.market_caps_url,
            key=settings.coingecko_key,
            key_header=settings.coingecko_key_header,
            budget=budget,
        )
    client: CoinGecko = work.services[_SERVICE]
    return client


async def poll_market_caps(work: Work) -> None:
    """Read the 250 largest coins, choose members where due, and again after the poll interval."""
    async with work.database.transaction() as session:
        listed = await read_instruments(session, VENUE, InstrumentKind.LINEAR)
    if not listed:
        raise RetryAt(2, "the venue's instruments have not been read yet")
    try:
        rows = await coingecko(work).markets()
    except CoinGeckoError as error:
        raise RetryAt(error.retry_after, str(error)) from error
    prices = await _venue_prices(work)
    now = work.clock.now()
    poll = timedelta(seconds=work.settings.market_cap_poll_seconds)
    async with work.database.transaction() as session:
        await service.take_in(session, readings(rows, reviewed.assets(), now), now)
        if prices:
            changed = await service.choose_members(
                session, {i.symbol: i for i in listed}, prices, now, max(LEAST_CAPS_LIMIT, 3 * poll)
            )
            for index_id in changed:
                log.info("members chosen", index=index_id)
    raise RunAgainIn(poll.total_seconds() if prices else min(poll.total_seconds(), 60.0))


async def _venue_prices(work: Work) -> dict[str, float]:
    """Symbol → middle of the spread; empty while the venue does not answer."""
    try:
        quotes = await public_venue(work).quotes(InstrumentKind.LINEAR)
    except VenueError as error:
        log.warning("no venue prices: members stay as they are", error=str(error))
        return {}
    return {quote.symbol: float(quote.bid + quote.ask) / 2 for quote in quotes}


async def backfill_history(work: Work) -> None:
    """Fill what is missing of an index's last year. Each span is written as soon as its charts are there, and
    charts are kept for a while, so an interrupted run goes on where it was."""
    definition = DEFINITIONS.get(work.lease.subject)
    if definition is None:
        return
    async with work.database.transaction() as session:
        composition = (await repository.current_compositions(session)).get(definition.id)
    if composition is None:
        raise RetryAt(3, "the members have not been chosen yet")
    for days, step in HISTORY:
        try:
            await _fill(work, definition, composition, days, step)
        except CoinGeckoError as error:
            raise RetryAt(error.retry_after, str(error)) from error


async def _fill(
    work: Work, definition: IndexDefinition, composition: Composition, days: int, step: timedelta
) -> None:
    now = work.clock.now()
    start = now - timedelta(days=days)
    async with work.database.transaction() as session:
        known = await repository.levels(session, definition.id, start, now, step)
    if len(known) >= FULL_ENOUGH * (now - start) / step:
        return
    history = {}
    for member in composition.members:
        prices, caps = await _chart(work, member.asset_id, days)
        history[member.asset_id] = caps if needs_market_caps(definition) else prices
    taken = {int(at.timestamp() // step.total_seconds()) for at, _ in known}
    levels = rebuilt_levels(definition, composition, history, start=start, end=now, step=step)
    missing = [
        (at, level) for at, level in levels if int(at.timestamp() // step.total_seconds()) not in taken
    ]
    async with work.database.transaction() as session:
        await repository.save_levels(session, definition.id, missing, repository.BACKFILL)


def _slot(at: datetime, step: timedelta) -> int:
    return int(at.timestamp() // step.total_seconds())


async def _chart(work: Work, asset_id: str, days: int) -> tuple[Series, Series]:
    """(prices, market caps) of a member, from Redis if it was asked for lately."""
    key = f"coingecko:chart:{asset_id}:{days}"
    try:
        kept = await work.redis.get(key)
    except (RedisError, OSError):
        kept = None
    if kept:
        prices, caps = orjson.loads(kept)
        return [(from_ms(at), v) for at, v in prices], [(from_ms(at), v) for at, v in caps]
    async with work.database.transaction() as session:
        coin_id = await repository.coingecko_id(session, asset_id)
    chart = await coingecko(work).market_chart(coin_id, days)
    packed = orjson.dumps([[(to_ms(at), v) for at, v in series] for series in chart])
    try:
        await work.redis.set(key, packed, ex=CHART_LIFE_SECONDS)
    except (RedisError, OSError):
        log.warning("a chart could not be kept", coin=coin_id)
    return chart


async def ensure_jobs(session: AsyncSession, now: datetime) -> None:
    """Polling goes on; whatever is missing of the past is filled."""
    await enqueue(session, POLL_MARKET_CAPS, "", now=now)
    for index_id in DEFINITIONS:
        await enqueue(session, BACKFILL_HISTORY, index_id, now=now)


HANDLERS: dict[str, Handler] = {POLL_MARKET_CAPS: poll_market_caps, BACKFILL_HISTORY: backfill_history}
