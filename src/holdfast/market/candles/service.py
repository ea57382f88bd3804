"""A chart's page of bars: from the store or, where nothing is stored yet, from the venue at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.bars import Bars, DoesNotFit, same_scale
from holdfast.core.errors import InvalidInput, Unavailable
from holdfast.core.resample import resample
from holdfast.core.time import Clock
from holdfast.core.timeframes import DAY, HOUR, Timeframe, divides, end_of, shifted, start_of
from holdfast.market import repository as instruments
from holdfast.market.candles import coverage, feeds, repository, store
from holdfast.market.candles.gaps import Gap, Reason
from holdfast.market.candles.listings import KINDS, RESERVED, instrument_books
from holdfast.market.candles.merging import interleaved
from holdfast.market.candles.models import CandleSeries
from holdfast.market.candles.readers import Series, SeriesReader, StoredReader, no_series, series_of_row
from holdfast.market.candles.relay import Relay
from holdfast.market.candles.schemas import decimals_of
from holdfast.market.candles.supply import Supply, too_many
from holdfast.platform.database import Database
from holdfast.venues.protocol import HistoryVenue, VenueError

log = structlog.get_logger(__name__)

MOST_BARS: Final = 2000
MOST_GAPS: Final = 500
_MOST_JUMPS: Final = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """At most ``limit`` bars that open before ``before`` (now, if it is missing), or after ``after``."""

    timeframe: Timeframe
    limit: int
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """``bars`` of [``start``, ``until``). ``more``: older ones exist, or may. ``sealed``: this answer stays
    true as long as the series' revision is the same. ``known_until``: up to when prices are known, ``None``
    if the page ends before. ``closed_until``: bars that end by then are closed. It is a moment before the
    venue was asked: a bar that closes while the answer is on its way came as a part."""

    series: Series
    timeframe: Timeframe
    start: int
    until: int
    bars: Bars
    gaps: list[Gap]
    more: bool
    closed_until: int = 0
    sealed: bool = False
    backfill: tuple[int, int] | None = None
    known_until: int | None = None

    @property
    def forming(self) -> bool:
        """The last bar is not closed."""
        return len(self.bars) > 0 and end_of(int(self.bars.time[-1]), self.timeframe) > self.closed_until

    @property
    def lasts(self) -> bool:
        """Whether this answer can be kept until something of the series that is tagged changes."""
        return self.sealed and self.backfill is None


class Candles:
    """One per API process. ``readers``: sources whose bars come from elsewhere than venues and imports."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        venues: Mapping[str, HistoryVenue],
        readers: Mapping[str, SeriesReader] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._venues = venues
        self._relay = Relay(venues, clock)
        self._supply = Supply(database, clock, venues, self._relay.gate)
        self.readers: dict[str, SeriesReader] = dict(readers or {})
        self.books = instrument_books()

    async def find(self, source: str, symbol: str, viewer: UUID | None = None) -> Series:
        """The series; made, if a venue lists the symbol and nothing is stored of it yet.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        async with self._database.transaction() as session:
            found = await self._reader(source).find(session, symbol, viewer)
            if found is None and source in self._venues:
                found = await _begin(session, source, symbol)
        if found is None:
            raise no_series(f"{source}:{symbol}")
        return found

    async def page(self, series: Series, asked: Asked, *, viewer: UUID | None = None) -> Page:
        """What ``asked`` wants of the series. A signed-in viewer has the rest of the history filled, too.

        Raises:
            InvalidInput: the bars of this series cannot make this timeframe.
            Unavailable: nothing is stored yet, and the venue does not answer.
        """
        if not divides(series.base_seconds, asked.timeframe):
            raise InvalidInput(
                f"The bars of {series.name} are {series.base_seconds} s long and make no {asked.timeframe}.",
                advice="Choose another timeframe.",
            )
        now = int(self._clock.now().timestamp())
        start, until = span(asked, now)
        if until <= start:
            return Page(series, asked.timeframe, start, start, Bars.empty(), [], more=start > 0)
        if series.source not in self._venues or series.store_id is None:
            return await self._stored_page(series, asked, start, until, now)
        return await self._venue_page(series, asked, start, until, now, viewer)

    async def upto(self, series: Series, timeframe: Timeframe, start: int, until: int) -> Bars:
        """Bars of ``timeframe`` made of all closed ones that open in [``start``, ``until``): the last may be
        a part. ``start`` is on the grid of the timeframe, ``until`` on that of the series. What is too much
        to be fetched at once is made of the venue's hours.

        Raises:
            Unavailable: something is missing, and the venue does not answer.
        """
        if series.source not in self._venues or series.store_id is None:
            async with self._database.transaction() as session:
                return await self._read(session, series, timeframe, start, until)
        settled = min(until, self._settled_before(series))
        async with self._supply.turn(series):
            missing, _ = await self._supply.missing(series, timeframe, start, settled, None)
            hour = settled // HOUR * HOUR
            if too_many(missing, series.base_seconds) and start < hour:
                whole = await self._hours(series, start, hour)
                missing, start = [(max(begin, hour), end) for begin, end in missing if end > hour], hour
            else:
                whole = Bars.empty()
            if not all([await self._supply.fetch(series, *gap) for gap in missing]):
                raise _unanswered(series)
        async with self._database.transaction() as session:
            rest = await self._reader(series.source).read(session, series, start, until)
        return _resampled([whole, rest], timeframe)

    async def stored(self, series: Series, timeframe: Timeframe, start: int, until: int) -> Bars:
        """What is here of [``start``, ``until``), both on the grid of the timeframe; no venue is asked."""
        async with self._database.transaction() as session:
            return await self._read(session, series, timeframe, start, until)

    async def _hours(self, series: Series, start: int, until: int) -> Bars:
        try:
            return await self._relay.wide(series.source, series.symbol, Timeframe.H1, start, until)
        except (VenueError, DoesNotFit) as error:
            raise _unanswered(series) from error

    # --- what is stored, or computed by another room -----------------------------------------------------

    async def _stored_page(self, series: Series, asked: Asked, start: int, until: int, now: int) -> Page:
        """A page that falls into a hole begins before it, and ends where it was asked to, as known."""
        settled = self._settled(until)
        async with self._database.transaction() as session:
            bars = await self._read(session, series, asked.timeframe, start, until)
            for _ in range(_MOST_JUMPS):
                if len(bars) or asked.after is not None or not _older(series, start):
                    break
                assert series.store_id is not None
                newest = await repository.newest_before(session, series.store_id, start)
                if newest is None:
                    break
                stop = end_of(start_of(newest, asked.timeframe), asked.timeframe)
                start = shifted(stop, asked.timeframe, -asked.limit)
                bars = await self._read(session, series, asked.timeframe, start, stop)
            # Nobody can be asked for more: nothing is missing before the first bar and after the last.
            begun, ended = series.first_time or 0, (series.last_time or 0) + series.base_seconds
            gaps = await self._gaps(session, series, max(start, begun), min(until, now, ended))
        return Page(
            series,
            asked.timeframe,
            start,
            until,
            bars,
            gaps,
            more=series.first_time is not None and series.first_time < start,
            closed_until=now - feeds.SETTLE_SECONDS,
            sealed=settled and series.store_id is not None,
            known_until=_stored_until(series, now) if until > now else None,
        )

    async def _read(
        self, session: AsyncSession, series: Series, timeframe: Timeframe, start: int, until: int
    ) -> Bars:
        hours = series.base_seconds < HOUR and (timeframe.seconds or DAY) % HOUR == 0
        try:
            found = await self._reader(series.source).read(session, series, start, until, hours=hours)
        except DoesNotFit as error:
            raise _too_large() from error
        return _resampled([found], timeframe)

    async def _gaps(self, session: AsyncSession, series: Series, start: int, until: int) -> list[Gap]:
        """The most recent holes between the first bar there is and now."""
        if series.store_id is None or series.first_time is None:
            return []
        one = await session.get_one(CandleSeries, series.store_id)
        step = series.base_seconds
        found = await coverage.gaps(session, one, -(-start // step) * step, until // step * step)
        return [gap for gap in found if gap.reason is not Reason.NOT_LISTED][-MOST_GAPS:]

    # --- what a venue can be asked for -------------------------------------------------------------------

    async def _venue_page(
        self, series: Series, asked: Asked, start: int, until: int, now: int, viewer: UUID | None
    ) -> Page:
        assert series.store_id is not None
        settled = min(until, self._settled_before(series))
        async with self._supply.turn(series):
            missing, filling = await self._supply.missing(series, asked.timeframe, start, settled, viewer)
            if too_many(missing, series.base_seconds):
                wide = await self._wide_page(series, asked, start, until, now, filling)
                if wide is not None:
                    return wide
                unanswered = missing
            else:
                unanswered = [gap for gap in missing if not await self._supply.fetch(series, *gap)]
        async with self._database.transaction() as session:
            row = await session.get_one(CandleSeries, series.store_id, populate_existing=True)
            series = series_of_row(row)
            bars, known_until = await self._read_with_newest(session, series, asked, start, until, now)
            gaps = await self._gaps(session, series, start, settled)
            listed = await coverage.listed_from(session, row.id)
        if unanswered and not len(bars):
            raise _unanswered(series)
        return Page(
            series,
            asked.timeframe,
            start,
            until,
            bars,
            gaps,
            more=start > (listed or 0),
            closed_until=self._closed_until(series, now),
            sealed=not unanswered and self._settled(until),
            backfill=filling,
            known_until=known_until,
        )

    async def _wide_page(
        self,
        series: Series,
        asked: Asked,
        start: int,
        until: int,
        now: int,
        filling: tuple[int, int] | None,
    ) -> Page | None:
        """The venue's own bars of this timeframe, while ours are too few to make them; ``None`` if it does
        not answer."""
        try:
            bars = await self._relay.wide(series.source, series.symbol, asked.timeframe, start, until)
        except (VenueError, DoesNotFit) as error:
            log.warning("the venue's own bars could not be had", series=series.name, error=str(error))
            return None
        return Page(
            series,
            asked.timeframe,
            start,
            until,
            bars,
            [],
            more=len(bars) > 0,
            closed_until=self._closed_until(series, now),
            backfill=filling,
            known_until=now if until > now else None,
        )

    async def _read_with_newest(
        self, session: AsyncSession, series: Series, asked: Asked, start: int, until: int, now: int
    ) -> tuple[Bars, int | None]:
        """The stored bars and, at the edge of now, those that are not settled yet: a stored part of the bar
        that is forming is continued by them. With up to when prices are known there."""
        bars = await self._read(session, series, asked.timeframe, start, until)
        if until <= now:
            return bars, None
        try:
            newest = await self._relay.newest(series.source, series.symbol)
        except (VenueError, DoesNotFit):
            return bars, _stored_until(series, now)
        settled = -1 if series.last_time is None else series.last_time
        fresh = newest.take(newest.time > settled).between(start, until)
        return _resampled([bars, fresh], asked.timeframe), now

    def _settled_before(self, series: Series) -> int:
        """By the venue's clock, as far as it is known."""
        now = self._clock.now() - feeds.known_lead(self._venues[series.source])
        return feeds.settled_before(now, series.base_seconds)

    def _closed_until(self, series: Series, now: int) -> int:
        lead = feeds.known_lead(self._venues[series.source])
        return int(now - lead.total_seconds()) - feeds.SETTLE_SECONDS

    def _reader(self, source: str) -> SeriesReader:
        """Raises ``NotFound`` where another room keeps a source to itself and does not show it here."""
        if source in RESERVED and source not in self.readers:
            raise no_series(f"{source}:…")
        return self.readers.get(source) or StoredReader(source)

    def _settled(self, until: int) -> bool:
        """Whether what opens before ``until`` lies on days that are sealed, or are to be."""
        return until <= store.sealed_before(self._clock.now()) * DAY


def span(asked: Asked, now: int) -> tuple[int, int]:
    """[from, until) in UTC seconds, on the grid of the timeframe, and not beyond the bar that forms now."""
    timeframe = asked.timeframe
    latest = end_of(start_of(now, timeframe), timeframe)
    if asked.after is not None:
        start = end_of(start_of(asked.after, timeframe), timeframe)
        return start, min(shifted(start, timeframe, asked.limit), latest)
    until = latest
    if asked.before is not None:
        until = min(end_of(start_of(asked.before - 1, timeframe), timeframe), latest)
    return max(shifted(until, timeframe, -asked.limit), 0), until


async def _begin(session: AsyncSession, source: str, symbol: str) -> Series | None:
    listed = await instruments.instrument(session, source, KINDS[source], symbol)
    if listed is None:
        return None
    one = await store.series(
        session,
        source,
        symbol,
        price_decimals=decimals_of(listed.tick),
        volume_decimals=decimals_of(listed.lot),
    )
    return series_of_row(one)


def _resampled(parts: Sequence[Bars], timeframe: Timeframe) -> Bars:
    """One or two parts of bars as one, longer ones of them."""
    try:
        return resample(reduce(interleaved, same_scale(parts)), timeframe)
    except DoesNotFit as error:
        raise _too_large() from error


def _too_large() -> InvalidInput:
    return InvalidInput(
        "The volumes of these bars are too large to be summed.", advice="Choose a shorter timeframe."
    )


def _unanswered(series: Series) -> Unavailable:
    return Unavailable(
        f"The history of {series.name} is not here yet, and {series.source} does not answer.",
        advice="Try again in a moment.",
    )


def _older(series: Series, start: int) -> bool:
    return series.store_id is not None and series.first_time is not None and series.first_time < start


def _stored_until(series: Series, now: int) -> int | None:
    return None if series.last_time is None else min(now, series.last_time + series.base_seconds)
