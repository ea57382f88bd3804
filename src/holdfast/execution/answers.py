"""What the venue says of one order, and whether it still owes us anything."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from holdfast.core.instruments import Side
from holdfast.execution.models import Order
from holdfast.execution.orders import FINAL, IN_DOUBT, WORKING
from holdfast.venues.protocol import (
    FillReport,
    OrderReport,
    OrderStatus,
    OrderStyle,
    TradingVenue,
    VenueError,
)

LINGERING = timedelta(seconds=3)
"""An IOC order that is still working after this long is cancelled."""

FORGOTTEN = timedelta(hours=25)
"""Bybit tells orders that ended without a trade for 24 hours. Its trades, and orders with trades, it tells
for two years, but where no time is named only those of the last seven days."""

OLD = timedelta(days=6)
"""An order sent longer ago is asked for with its time."""

EARLIER = timedelta(minutes=1)
"""So long before an order was written down it is looked for: clocks differ."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A report with its fills; neither report nor error when the venue does not know the order."""

    report: OrderReport | None = None
    fills: tuple[FillReport, ...] = ()
    error: VenueError | None = None


async def ask_about(door: TradingVenue, order: Order, now: datetime) -> Answer:
    """Ask for one order by our own id: its state, and its fills if it has any."""
    try:
        report = await door.find_order(order.symbol, order.client_id)
        if report is None and _age(order, now) >= FORGOTTEN:
            report = await door.find_order_since(order.symbol, order.client_id, order.created_at - EARLIER)
        if report is None:
            return await _forgotten(door, order, now)
        fills = await _fills(door, order, now) if report.filled_quantity else []
        lingers = order.state in WORKING and order.style != OrderStyle.POST_ONLY
        if lingers and report.status is OrderStatus.OPEN and now - (order.sent_at or now) > LINGERING:
            await _cancel(door, order)
        return Answer(report=report, fills=tuple(fills))
    except VenueError as error:
        return Answer(error=error)


async def _forgotten(door: TradingVenue, order: Order, now: datetime) -> Answer:
    """An order the venue does not know, so long after it was sent that it would not remember it any more: if
    there are no trades of it either, it ended without one, or never began. Nothing can come of it now."""
    if _age(order, now) < FORGOTTEN:
        return Answer()
    if await _all_fills(door, order):
        return Answer(error=VenueError("the venue tells trades of an order that it does not know"))
    ended = OrderReport(
        client_id=order.client_id,
        venue_order_id=order.venue_order_id,
        symbol=order.symbol,
        side=Side(order.side),
        status=OrderStatus.CANCELLED,
        quantity=order.quantity,
        filled_quantity=Decimal(0),
        average_price=None,
        reason="Bybit does not remember it any more, and has no trades of it",
        updated_at=now,
    )
    return Answer(report=ended)


async def _fills(door: TradingVenue, order: Order, now: datetime) -> list[FillReport]:
    if _age(order, now) >= OLD:
        return await _all_fills(door, order)
    return await door.fills_of(order.symbol, order.client_id)


async def _all_fills(door: TradingVenue, order: Order) -> list[FillReport]:
    """Out of everything that was traded since the order was written down: whether a name lifts the seven days
    is not documented."""
    told = await door.fills_since(order.created_at - EARLIER)
    return [fill for fill in told if fill.client_id == order.client_id]


def _age(order: Order, now: datetime) -> timedelta:
    return now - (order.sent_at or now)


async def _cancel(door: TradingVenue, order: Order) -> None:
    """What comes of it is told by the next answer; a cancel that could not be sent takes nothing from this
    one."""
    with suppress(VenueError):
        await door.cancel(order.symbol, order.client_id)


def owes_answer(order: Order, booked: Decimal) -> bool:
    """Whether its outcome is open, or fills it has had are not in the ledger yet."""
    if order.state in IN_DOUBT or order.state in WORKING:
        return True
    return order.state in FINAL and booked != order.filled_quantity
