"""The order state machine: one table of (state, event) → state, including the odd ones that happen.

An event that is not in the table is an error, never a guess. UNKNOWN is a state like any other: no timer
and no transport error leaves it, only an answer of the venue.

What the venue says may come late, twice and in any order, so its words form a lattice: accepted < partly
filled < cancelled < filled, and accepted < rejected < cancelled. The state after any of them is their least
upper bound, whatever came first.
"""

from enum import StrEnum
from typing import Final

from holdfast.venues.protocol import (
    DuplicateClientId,
    OrderReport,
    OrderStatus,
    OutcomeUnknown,
    Placement,
    RateLimited,
)


class OrderState(StrEnum):
    PLANNED = "planned"
    SENT = "sent"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class OrderEvent(StrEnum):
    SEND = "send"
    """About to go on the wire; committed before it does."""
    ABANDON = "abandon"
    """Decided never to send it."""
    FORBID = "forbid"
    """The risk gate does not let it out, or the books differed for too long."""
    DIFFER = "differ"
    """From here on it waits, because the books differ from the account; until its next event."""
    WITHHELD = "withheld"
    """The venue turned it away without looking at it (rate limit)."""
    AMBIGUOUS = "ambiguous"
    """No clear answer: it may or may not have arrived."""
    NOT_KNOWN = "not_known"
    """Asked by our id, the venue says it has no such order."""
    ACKNOWLEDGE = "acknowledge"
    PARTIAL_FILL = "partial_fill"
    FILL = "fill"
    CANCEL = "cancel"
    REJECT = "reject"


class ImpossibleEvent(Exception):
    """An event the table does not know in this state: a defect of ours or a surprise of the venue."""


_S = OrderState
_E = OrderEvent

TRANSITIONS: Final[dict[tuple[OrderState, OrderEvent], OrderState]] = {
    (_S.PLANNED, _E.SEND): _S.SENT,
    (_S.PLANNED, _E.ABANDON): _S.CANCELLED,
    (_S.PLANNED, _E.FORBID): _S.REJECTED,
    (_S.PLANNED, _E.DIFFER): _S.PLANNED,
    (_S.SENT, _E.WITHHELD): _S.PLANNED,
    (_S.SENT, _E.AMBIGUOUS): _S.UNKNOWN,
    (_S.SENT, _E.NOT_KNOWN): _S.PLANNED,
    (_S.SENT, _E.ACKNOWLEDGE): _S.ACCEPTED,
    (_S.SENT, _E.PARTIAL_FILL): _S.PARTIALLY_FILLED,
    (_S.SENT, _E.FILL): _S.FILLED,
    (_S.SENT, _E.CANCEL): _S.CANCELLED,
    (_S.SENT, _E.REJECT): _S.REJECTED,
    (_S.UNKNOWN, _E.AMBIGUOUS): _S.UNKNOWN,
    (_S.UNKNOWN, _E.NOT_KNOWN): _S.PLANNED,
    (_S.UNKNOWN, _E.ACKNOWLEDGE): _S.ACCEPTED,
    (_S.UNKNOWN, _E.PARTIAL_FILL): _S.PARTIALLY_FILLED,
    (_S.UNKNOWN, _E.FILL): _S.FILLED,
    (_S.UNKNOWN, _E.CANCEL): _S.CANCELLED,
    (_S.UNKNOWN, _E.REJECT): _S.REJECTED,
    (_S.ACCEPTED, _E.ACKNOWLEDGE): _S.ACCEPTED,
    (_S.ACCEPTED, _E.PARTIAL_FILL): _S.PARTIALLY_FILLED,
    (_S.ACCEPTED, _E.FILL): _S.FILLED,
    (_S.ACCEPTED, _E.CANCEL): _S.CANCELLED,
    (_S.ACCEPTED, _E.REJECT): _S.REJECTED,
    (_S.PARTIALLY_FILLED, _E.ACKNOWLEDGE): _S.PARTIALLY_FILLED,
    (_S.PARTIALLY_FILLED, _E.PARTIAL_FILL): _S.PARTIALLY_FILLED,
    (_S.PARTIALLY_FILLED, _E.FILL): _S.FILLED,
    (_S.PARTIALLY_FILLED, _E.CANCEL): _S.CANCELLED,
    # What the venue filled it cannot have refused: its fills are the truth.
    (_S.PARTIALLY_FILLED, _E.REJECT): _S.CANCELLED,
    # Late and repeated answers about an order that has ended.
    (_S.FILLED, _E.ACKNOWLEDGE): _S.FILLED,
    (_S.FILLED, _E.PARTIAL_FILL): _S.FILLED,
    (_S.FILLED, _E.FILL): _S.FILLED,
    (_S.FILLED, _E.CANCEL): _S.FILLED,
    (_S.FILLED, _E.REJECT): _S.FILLED,
    (_S.CANCELLED, _E.ACKNOWLEDGE): _S.CANCELLED,
    (_S.CANCELLED, _E.PARTIAL_FILL): _S.CANCELLED,
    (_S.CANCELLED, _E.CANCEL): _S.CANCELLED,
    (_S.CANCELLED, _E.REJECT): _S.CANCELLED,
    # A cancel that lost its race: the venue filled the order after all.
    (_S.CANCELLED, _E.FILL): _S.FILLED,
    (_S.REJECTED, _E.ACKNOWLEDGE): _S.REJECTED,
    (_S.REJECTED, _E.REJECT): _S.REJECTED,
    (_S.REJECTED, _E.PARTIAL_FILL): _S.CANCELLED,
    (_S.REJECTED, _E.CANCEL): _S.CANCELLED,
    (_S.REJECTED, _E.FILL): _S.FILLED,
    # The venue did not know it, and then it turns up after all.
    (_S.PLANNED, _E.ACKNOWLEDGE): _S.ACCEPTED,
    (_S.PLANNED, _E.PARTIAL_FILL): _S.PARTIALLY_FILLED,
    (_S.PLANNED, _E.FILL): _S.FILLED,
    (_S.PLANNED, _E.CANCEL): _S.CANCELLED,
    (_S.PLANNED, _E.REJECT): _S.REJECTED,
}

VENUES_WORDS: Final = frozenset({_E.ACKNOWLEDGE, _E.PARTIAL_FILL, _E.FILL, _E.CANCEL, _E.REJECT})
"""What only the venue can say, and says in any order."""

BOOKS_DIFFER: Final = "books"
"""The code of an order that was given up because the books differed from the account for too long."""
FINAL: Final = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED})
IN_DOUBT: Final = frozenset({OrderState.SENT, OrderState.UNKNOWN})
WORKING: Final = frozenset({OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED})


def step(state: OrderState, event: OrderEvent) -> OrderState:
    """The state after ``event``.

    Raises:
        ImpossibleEvent: the table has no such row.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ImpossibleEvent(f"an order that is {state} cannot see {event}") from None


def event_of_report(report: OrderReport) -> OrderEvent:
    """What an order report of the venue means. The filled quantity decides, not only the status name."""
    if report.status is OrderStatus.FILLED or report.filled_quantity >= report.quantity > 0:
        return OrderEvent.FILL
    if report.status is OrderStatus.CANCELLED:
        return OrderEvent.CANCEL
    if report.status is OrderStatus.REJECTED:
        return OrderEvent.CANCEL if report.filled_quantity else OrderEvent.REJECT
    return OrderEvent.PARTIAL_FILL if report.filled_quantity else OrderEvent.ACKNOWLEDGE


def event_of_placement(placement: Placement) -> OrderEvent:
    """What the venue's first answer to a create means."""
    match placement.error:
        case None:
            return OrderEvent.ACKNOWLEDGE
        case RateLimited():
            return OrderEvent.WITHHELD
        case OutcomeUnknown() | DuplicateClientId():
            return OrderEvent.AMBIGUOUS
        case _:
            return OrderEvent.REJECT
