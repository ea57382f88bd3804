"""Limit prices by the book of the moment: of orders that rest, that come later, or that take back."""

from decimal import Decimal
from typing import Final

from holdfast.core.instruments import Instrument, Side
from holdfast.execution.models import Order
from holdfast.venues.protocol import Book, OrderStyle, PublicVenue, Rejected

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


async def price_now(
    venue: PublicVenue, instrument: Instrument, order: Order, *, worst: Decimal, allowance: Decimal
) -> Decimal:
    """The price of an order that is about to be sent: never worse than ``worst``.

    Raises:
        VenueError: no book to go by.
    """
    book = await venue.book(instrument.symbol, depth=1)
    if order.style == OrderStyle.POST_ONLY:
        return resting_price(book, instrument, Side(order.side), worst=worst)
    return taking_price(book, instrument, Side(order.side), worst=worst, allowance=allowance)


def resting_price(book: Book, instrument: Instrument, side: Side, *, worst: Decimal) -> Decimal:
    """The best price on our own side of the book."""
    levels = book.bids if side is Side.BUY else book.asks
    return _bounded(instrument, side, levels[0][0] if levels else worst, worst)


def taking_price(
    book: Book, instrument: Instrument, side: Side, *, worst: Decimal, allowance: Decimal
) -> Decimal:
    """As far beyond the best price on the other side as the allowance goes."""
    levels = book.asks if side is Side.BUY else book.bids
    wanted = levels[0][0] * (1 + side.sign * allowance) if levels else worst
    return _bounded(instrument, side, wanted, worst)


def _bounded(instrument: Instrument, side: Side, wanted: Decimal, worst: Decimal) -> Decimal:
    bounded = min(wanted, worst) if side is Side.BUY else max(wanted, worst)
    return instrument.price(instrument.ticks_not_worse(side, bounded))
