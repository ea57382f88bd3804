"""Everything the venue says about one order, folded into what is known of it. Pure.

It may be told by the placement's answer, by an order report or a fill, over REST, the account stream or the
reconciliation, late, twice and in any order: the same words always come to the same end. Fills are counted
once per execution id before they get here.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from holdfast.execution.orders import (
    IN_DOUBT,
    OrderEvent,
    OrderState,
    event_of_placement,
    event_of_report,
    step,
)
from holdfast.venues.protocol import FillReport, OrderReport, Placement

_PRICE_UNIT: Final = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an order. ``filled`` is the most that was told of, ``booked`` and ``booked_value`` the
    sums of its fills."""

    state: OrderState
    quantity: Decimal
    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None
    booked: Decimal = Decimal(0)
    booked_value: Decimal = Decimal(0)
    venue_order_id: str = ""
    reject_code: str = ""
    reject_reason: str = ""


def after_report(known: Known, report: OrderReport) -> tuple[Known, OrderEvent]:
    """The order's own words. A filled quantity never shrinks; the price goes with the largest."""
    event = event_of_report(report)
    told = replace(
        known,
        state=step(known.state, event),
        filled=max(known.filled, report.filled_quantity),
        venue_order_id=report.venue_order_id or known.venue_order_id,
    )
    if event is OrderEvent.REJECT:
        told = replace(told, reject_reason=known.reject_reason or report.reason)
    if report.filled_quantity and report.filled_quantity >= known.filled:
        told = replace(told, average_price=report.average_price)
    return _priced_by_fills(told), event


def after_fill(known: Known, fill: FillReport) -> tuple[Known, OrderEvent]:
    """One execution that was not counted before."""
    booked = known.booked + fill.quantity
    event = OrderEvent.FILL if booked >= known.quantity else OrderEvent.PARTIAL_FILL
    counted = replace(
        known,
        state=step(known.state, event),
        filled=max(known.filled, booked),
        booked=booked,
        booked_value=known.booked_value + fill.quantity * fill.price,
        venue_order_id=known.venue_order_id or fill.venue_order_id,
    )
    return _priced_by_fills(counted), event


def after_placement(known: Known, placement: Placement) -> tuple[Known, OrderEvent | None]:
    """The first answer to a create. Without a clear one nothing is concluded, and what the venue has said
    meanwhile stays."""
    event = event_of_placement(placement)
    if event is OrderEvent.AMBIGUOUS and known.state not in IN_DOUBT:
        return known, None
    if event is OrderEvent.WITHHELD and known.state is not OrderState.SENT:
        return known, None
    told = replace(
        known,
        state=step(known.state, event),
        venue_order_id=known.venue_order_id or placement.venue_order_id,
    )
    if event is OrderEvent.REJECT and placement.error:
        told = replace(told, reject_code=placement.error.code, reject_reason=str(placement.error))
    return told, event


def after_not_known(known: Known) -> tuple[Known, OrderEvent | None]:
    """Asked by our id, the venue has no such order. It cannot take back what it has said before."""
    if known.state not in IN_DOUBT:
        return known, None
    return replace(known, state=step(known.state, OrderEvent.NOT_KNOWN)), OrderEvent.NOT_KNOWN


def _priced_by_fills(known: Known) -> Known:
    """The fills give the average price once they account for everything that was told."""
    if not known.booked or known.booked < known.filled:
        return known
    return replace(known, average_price=(known.booked_value / known.booked).quantize(_PRICE_UNIT))
