"""The process that brings market data in: quotes, live bars and levels of the indices to everybody, and their
history. It may be killed at any time; everything it holds is read again at its next start."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from holdfast.app.hub import LEVELS_CHANNEL
from holdfast.charts.sources import open_candles, open_venues
from holdfast.charts.watch import AlertWatcher
from holdfast.core.instruments import InstrumentKind
from holdfast.core.time import Clock
from holdfast.indices import repository, reviewed
from holdfast.indices.board import IndexBoard
from holdfast.indices.catalogue import DEFINITIONS
from holdfast.market import quotes
from holdfast.market.bybit_stream import TickerStream
from holdfast.market.instruments import VENUE, InstrumentBook
from holdfast.market.live import ingest, sources
from holdfast.market.live.ingest import Ingest
from holdfast.market.quotes import LiveQuote, QuoteBoard
from holdfast.platform.background import together
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.redis_client import open_redis
from holdfast.platform.settings import Settings
from holdfast.portfolio.positions import CLOSED_STATES
from holdfast.portfolio.repository import traded_assets
from holdfast.strategies.repository import followed_series
from holdfast.venues.protocol import HistoryVenue, PublicVenue, Quote, VenueError
from holdfast.venues.registry import public_venue, shared_budget

log = structlog.get_logger(__name__)

PUBLISH_SECONDS: Final = 0.25
LEVEL_SECONDS: Final = 0.5
REFRESH_SECONDS: Final = 3.0
FALLBACK_SECONDS: Final = 2.0
QUIET: Final = timedelta(seconds=5)


async def run(settings: Settings) -> None:
    """Run the feed until cancelled."""
    clock = SystemClock()
    database = Database(settings.database_url, pool_size=2)
    redis = open_redis(settings.redis_url)
    budget = shared_budget(VENUE, redis, clock, settings.home)
    venue = public_venue(VENUE, settings, budget=budget, clock=clock)
    history = open_venues(settings, redis, clock)
    try:
        await Feed(settings, database, redis, venue, clock, history).run()
    finally:
        await venue.close()
        for one in history.values():
            await one.close()
        await redis.aclose()
        await database.close()


class Feed:
    """Stream and fallback in; quotes, levels and recorded levels out."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        redis: Redis,
        venue: PublicVenue,
        clock: Clock,
        history: Mapping[str, HistoryVenue],
    ) -> None:
        self._database = database
        self._redis = redis
        self._venue = venue
        self._clock = clock
        self._quotes = QuoteBoard()
        self._instruments = InstrumentBook()
        self._board = IndexBoard(
            self._quotes, self._instruments, poll_seconds=settings.market_cap_poll_seconds
        )
        self._stream = TickerStream(settings.venue_public_ws_url, clock)
        candles = open_candles(database, clock, history)
        self.bars = Ingest(
            database,
            redis,
            candles,
            history,
            lambda source, hear: sources.OPENERS[source](settings, clock, hear),
            clock,
        )
        self.alerts = AlertWatcher(database, redis, candles, clock, self.bars.need)
        self._wanted: frozenset[str] = frozenset()
        self._unpublished: dict[str, LiveQuote] = {}
        self._recorded: dict[str, datetime] = {}

    async def run(self) -> None:
        await together(
            self._stream.run(),
            _every(REFRESH_SECONDS, self.refresh),
            _every(FALLBACK_SECONDS, self.fill_gaps),
            _every(PUBLISH_SECONDS, self.publish_quotes),
            _every(LEVEL_SECONDS, self.publish_levels),
            _every(1.0, self.record_levels),
            self.bars.streams(),
            _every(ingest.LOOK_SECONDS, self.bars.look),
            _every(ingest.MEND_SECONDS, self.bars.mend),
            _every(ingest.FLUSH_SECONDS, self.bars.flush),
            self.alerts.run(),
        )

    async def refresh(self) -> None:
        """Read the database, and follow every instrument an index may hold or a position does, and the series
        that strategies run on."""
        async with self._database.transaction() as session:
            await self._board.refresh(session, self._clock.now())
            held = await traded_assets(session, CLOSED_STATES)
            followed = await followed_series(session)
        listed = {instrument.symbol for instrument in self._instruments.all()}
        usable = {listing.symbol for listing in reviewed.listings().values()} & listed
        self._wanted = frozenset(usable | (held & listed))
        self._stream.want(self._wanted)
        self.bars.need({f"{VENUE}:{symbol}" for symbol in held & listed} | followed)

    async def fill_gaps(self) -> None:
        """Ask over REST for what the stream does not tell: at the start, and while it is down or silent."""
        now = self._clock.now()
        quiet = {symbol for symbol in self._wanted if self._is_quiet(symbol, now)}
        if not quiet:
            return
        for quote in await self._venue.quotes(InstrumentKind.LINEAR):
            if quote.symbol in quiet:
                # As old as the question: a slow answer must not displace what was true since.
                self._take(self._from_rest(quote, now))

    def _is_quiet(self, symbol: str, now: datetime) -> bool:
        age = self._quotes.age(symbol, now)
        return age is None or age > QUIET

    def _from_rest(self, quote: Quote, asked: datetime) -> LiveQuote:
        known = self._quotes.get(quote.symbol)
        return LiveQuote(
            symbol=quote.symbol,
            bid=quote.bid,
            ask=quote.ask,
            last=quote.last,
            mark=quote.mark,
            index=quote.index,
            prev_24h=known.prev_24h if known else Decimal(0),
            turnover_24h=quote.turnover_24h,
            funding_rate=quote.funding_rate,
            at=asked,
        )

    def _take(self, quote: LiveQuote) -> None:
        """What is older than what is known is not published either."""
        if self._quotes.put(quote):
            self._unpublished[quote.symbol] = quote

    async def publish_quotes(self) -> None:
        """What changed since the last time, the latest of each symbol."""
        for quote in self._stream.drain():
            self._take(quote)
        if not self._unpublished:
            return
        batch = {symbol: quotes.encode(quote) for symbol, quote in self._unpublished.items()}
        last: dict[Any, Any] = {symbol: orjson.dumps(fields) for symbol, fields in batch.items()}
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(quotes.LAST_KEY, mapping=last)
            pipe.publish(quotes.CHANNEL, orjson.dumps(batch))
            await pipe.execute()
        self._unpublished.clear()

    async def publish_levels(self) -> None:
        now = self._clock.now()
        levels = [self._board.level(index_id, now) for index_id in DEFINITIONS]
        for tick in levels:
            if tick.level is not None and not tick.stale_reason:
                self.bars.hear_level(tick.index_id, tick.level)
        ticks = [tick.model_dump(mode="json") for tick in levels]
        await self._redis.publish(LEVELS_CHANNEL, orjson.dumps(ticks))

    async def record_levels(self) -> None:
        """Once in every minute, the level of each index whose inputs are all fresh."""
        now = self._clock.now().replace(microsecond=0)
        minute = now.replace(second=0)
        # All before the first is stored: a database that stalls must not give later levels an earlier second.
        for index_id, level in self._unrecorded(now, minute):
            async with self._database.transaction() as session:
                await repository.save_levels(session, index_id, [(now, level)], repository.LIVE)
            self._recorded[index_id] = minute

    def _unrecorded(self, now: datetime, minute: datetime) -> list[tuple[str, float]]:
        """The levels that are fresh and not recorded in this minute yet."""
        due = [index_id for index_id in DEFINITIONS if self._recorded.get(index_id) != minute]
        ticks = [(index_id, self._board.level(index_id, now)) for index_id in due]
        return [(one, tick.level) for one, tick in ticks if tick.level is not None and not tick.stale_reason]


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work again and again. What is out of reach now is tried again the next time."""
    failing = ""
    while True:
        try:
            await work()
            if failing:
                log.info("works again", work=work.__name__)
            failing = ""
        except (RedisError, SQLAlchemyError, VenueError, OSError, TimeoutError) as error:
            if type(error).__name__ != failing:
                log.warning("will be tried again", work=work.__name__, error=str(error)[:300])
            failing = type(error).__name__
        await asyncio.sleep(seconds)
