"""Bars from the venues that tell about the past. A new venue is one line in ``OPENERS``."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from redis.asyncio import Redis

from holdfast.core.bars import Bars
from holdfast.core.time import Clock
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

Opener = Callable[[Settings, Redis, Clock], HistoryVenue]


def _bybit(settings: Settings, redis: Redis, clock: Clock) -> HistoryVenue:
    budget = registry.shared_budget("bybit", redis, clock)
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
    found = await venue.klines(symbol, timeframe, _moment(start), _moment(until), PAGE)
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


def settled_before(now: datetime, seconds: int) -> int:
    """Bars of this length that open before this will not change any more."""
    stop: int = (int(now.timestamp()) - SETTLE_SECONDS) // seconds * seconds
    return stop


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time, UTC)
