"""Orders that rest in the book: whether it has moved away from them."""

import asyncio
from collections.abc import Mapping, Sequence

from holdfast.core.instruments import Instrument, Side
from holdfast.execution.models import Order
from holdfast.execution.orders import WORKING
from holdfast.execution.plans import PlannedLeg
from holdfast.execution.pricing import resting_price
from holdfast.venues.protocol import Book, OrderStyle, PublicVenue, VenueError

LOOK_EVERY = 2.0
"""Seconds between two looks at the book."""


def is_resting(order: Order) -> bool:
    return order.state in WORKING and order.style == OrderStyle.POST_ONLY


async def left_behind(
    venue: PublicVenue,
    orders: Sequence[Order],
    legs: Mapping[int, PlannedLeg],
    instruments: Mapping[str, Instrument],
) -> list[Order]:
    """Those of the resting orders that are no longer at the best price they could have. Without a book to go
    by, none."""

    async def is_behind(order: Order) -> bool:
        try:
            book = await venue.book(order.symbol, depth=1)
        except VenueError:
            return False
        return behind(order, book, legs[order.leg], instruments[order.symbol])

    judged = await asyncio.gather(*(is_behind(order) for order in orders))
    return [order for order, late in zip(orders, judged, strict=True) if late]


def behind(order: Order, book: Book, leg: PlannedLeg, instrument: Instrument) -> bool:
    """Whether others stand nearer to the market. Nobody is followed beyond the leg's own limit."""
    side = Side(order.side)
    best = resting_price(book, instrument, side, worst=leg.limit_price)
    return side.sign * (best - order.limit_price) > 0
