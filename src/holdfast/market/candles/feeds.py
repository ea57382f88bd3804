"""Bars from the venues that tell about the past. A new venue is one line in ``OPENERS``."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol, runtime_checkable
from weakref import WeakKeyDictionary

from redis.asyncio import Redis

from holdfast.core.bars import Bars
from holdfast.core.time import Clock, from_seconds
from holdfast.core.timeframes import Timeframe, divides, shifted, start_of
from holdfast.market.candles import toll
from holdfast.platform.settings import Settings
from holdfast.venues import registry
from holdfast.venues.binance.budget import shared_budget as weight_budget
from holdfast.venues.binance.rest import BinancePublic
from holdfast.venues.bybit.public import BybitPublic
from holdfast.venues.protocol import Candle, HistoryVenue

PAGE: Final = 1000
"""Bars in one answer of every venue here."""
SETTLE_SECONDS: Final = 3
"""A bar is taken for closed so long after its end: our clock may be ahead of the venue's."""

_SMALL_LEAD: Final = timedelta(seconds=1)
"""Of our clock: ``SETTLE_SECONDS`` has room for it."""
_LONGEST_LEAD: Final = timedelta(days=1)
"""What is older by our clock is over at the venue, however wrong our clock is."""
_LEADS: Final[WeakKeyDictionary[HistoryVenue, timedelta]] = WeakKeyDictionary()
"""By how much our clock was ahead of the venue's when it told the time last, if that was not small."""

Opener = Callable[[Settings, Redis, Clock], HistoryVenue]


@runtime_checkable
class _TellsTime(Protocol):
    async def server_time(self) -> datetime: ...


def _bybit(settings: Settings, redis: Redis, clock: Clock) -> HistoryVenue:
    budget = registry.shared_budget("bybit", redis, clock, settings.home)
    return BybitPublic(settings.venue_url, budget=budget, clock=clock)


def _binance(settings: Settings, redis: Redis, clock: Clock) -> HistoryVenue:
    return BinancePublic(settings.binance_url, budget=weight_budget(redis, clock), clock=clock)


OPENERS: Final[dict[str, Opener]] = {"binance": _binance, "bybit": _bybit}
_NOT_OFFERED: Final[dict[str, frozenset[Timeframe]]] = {"bybit": frozenset({Timeframe.H8, Timeframe.D3})}


def offered(source: str, timeframe: Timeframe) -> Timeframe:
    """The longest timeframe the venue offers from which ``timeframe`` can be made."""
    refused = _NOT_OFFERED.get(source, frozenset())
    if timeframe not in refused:
        return timeframe
    shorter = [
        one for one in Timeframe if one.seconds and one not in refused and divides(one.seconds, timeframe)
    ]
    return max(shorter, key=lambda one: one.seconds or 0)


async def bars(venue: HistoryVenue, symbol: str, timeframe: Timeframe, start: int, until: int) -> Bars:
    """The venue's bars that open in [start, until), oldest first, the last perhaps still forming. Both on the
    grid, with at most ``PAGE`` bars between them.

    Raises:
        VenueError: as ``HistoryVenue.klines``.
        DoesNotFit: a number is beyond what a bar holds.
    """
    await toll.page()
    found = await venue.klines(symbol, timeframe, from_seconds(start), from_seconds(until), PAGE)
    return of_candles(found)


async def span(venue: HistoryVenue, symbol: str, timeframe: Timeframe, start: int, until: int) -> Bars:
    """As ``bars``, over as many pages as it takes."""
    parts = []
    while start < until:
        stop = min(shifted(start_of(start, timeframe), timeframe, PAGE), until)
        parts.append(await bars(venue, symbol, timeframe, start, stop))
        start = stop
    return Bars.concat(parts)


def of_candles(candles: Sequence[Candle]) -> Bars:
    return Bars.of_decimals(
        (int(one.open_time.timestamp()), one.open, one.high, one.low, one.close, one.volume)
        for one in candles
    )


async def venue_now(venue: HistoryVenue, clock: Clock) -> datetime:
    """Now, or the venue's time where ours is ahead: what is over here may be forming there. Read it before
    the bars are asked for.

    Raises:
        VenueError: the venue does not tell.
    """
    now = clock.now()
    if not isinstance(venue, _TellsTime):
        return now
    # A slow answer makes the lead look smaller; the time told is past by then in any case.
    lead = now - await venue.server_time()
    _LEADS[venue] = lead if lead > _SMALL_LEAD else timedelta(0)
    return now - _LEADS[venue]


async def now_for(venue: HistoryVenue, clock: Clock, until: int) -> datetime:
    """As ``venue_now``; the venue is asked only where bars before ``until`` may not be over there."""
    now = clock.now()
    is_over = until < int((now - _LONGEST_LEAD).timestamp())
    return now if is_over else await venue_now(venue, clock)


def known_lead(venue: HistoryVenue) -> timedelta:
    """By how much our clock is ahead of the venue's, as far as it was told."""
    return _LEADS.get(venue, timedelta(0))


def settled_before(now: datetime, seconds: int) -> int:
    """Bars of this length that open before this will not change any more."""
    stop: int = (int(now.timestamp()) - SETTLE_SECONDS) // seconds * seconds
    return stop
