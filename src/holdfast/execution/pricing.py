"""Limit prices of orders that were not previewed: those that close again what could not be completed."""

from decimal import Decimal
from typing import Final

from holdfast.core.instruments import Instrument, Side
from holdfast.venues.protocol import PublicVenue, Rejected

STEP: Final = Decimal("0.005")
WIDEST: Final = Decimal("0.03")


def give_way(attempt: int) -> Decimal:
    """How far from the best price an unwinding order may go: 0.5 % more each time, 3 % at most."""
    return min(STEP * (attempt + 1), WIDEST)


async def unwind_price(venue: PublicVenue, instrument: Instrument, side: Side, attempt: int) -> Decimal:
    """The worst price of an unwinding order, on the tick grid and within the venue's band.

    Raises:
        Unreachable: no book to go by.
        Rejected: the book is empty on the side that is needed.
    """
    book = await venue.book(instrument.symbol, depth=1)
    levels = book.asks if side is Side.BUY else book.bids
    if not levels:
        raise Rejected(f"nobody is on the other side in {instrument.symbol}")
    limit = await venue.price_limit(instrument.symbol)
    wanted = levels[0][0] * (1 + side.sign * give_way(attempt))
    bounded = min(wanted, limit.highest_buy) if side is Side.BUY else max(wanted, limit.lowest_sell)
    return instrument.price(instrument.ticks_not_worse(side, bounded))
