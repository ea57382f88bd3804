"""The sentences of a time line. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from holdfast.core.money import plain
from holdfast.execution.models import Order, OrderEvent
from holdfast.portfolio.models import Fill

STATES: Final = {
    "pending": "waiting for a worker",
    "running": "under way",
    "unwinding": "being taken back",
    "complete": "complete",
    "complete_with_residual": "complete, with a remainder below the venue's minimum",
    "unwound": "taken back",
    "needs_attention": "needs attention",
}

_EVENTS: Final = {
    "send": "about to be sent; written down first",
    "abandon": "will not be sent",
    "forbid": "not sent: a limit or a stop forbids it",
    "withheld": "turned away unread, to be sent again",
    "ambiguous": "no clear answer: it may or may not be at the venue",
    "not_known": "the venue does not know it; it may be sent again under the same id",
    "acknowledge": "accepted by the venue",
    "partial_fill": "filled in part",
    "fill": "filled",
    "cancel": "ended at the venue",
    "reject": "refused by the venue",
}

_SOURCES: Final = {
    "holdfast": "Holdfast",
    "placement": "the answer to the order",
    "report": "an order report",
    "stream": "the account stream",
    "reconciliation": "reconciliation",
}
_OWN: Final = frozenset({"send", "abandon", "forbid"})


def order_written(order: Order) -> str:
    again = f", attempt {order.attempt + 1}" if order.attempt else ""
    return f"Order written: {order.role} {asked_for(order)}{again}"


def asked_for(order: Order) -> str:
    return f"{order.side} {plain(order.quantity)} {order.symbol} at {plain(order.limit_price)} or better"


def event_happened(event: OrderEvent, order: Order) -> str:
    """What an event did to an order, and the venue's reason if it gave one."""
    said = _EVENTS.get(event.event, event.event.replace("_", " "))
    filled = event.detail.get("filled")
    if event.event in ("cancel", "partial_fill") and filled not in (None, "0"):
        said += f", {filled} of {plain(order.quantity)} filled"
    elif event.event == "cancel":
        said += ", nothing filled"
    reason = str(event.detail.get("message") or event.detail.get("reason") or "")
    return f"{order.symbol}: {said}. {reason}".rstrip() if reason else f"{order.symbol}: {said}"


def said_by(event: OrderEvent) -> str:
    """Who told of an event, in words."""
    return _SOURCES.get(source_of(event), source_of(event))


def source_of(event: OrderEvent) -> str:
    """Who told of an event. Older events do not say; then their form does."""
    told = event.detail.get("source")
    if told:
        return str(told)
    if event.event in _OWN:
        return "holdfast"
    return "report" if "filled" in event.detail or event.event == "not_known" else "placement"


def filled(fill: Fill) -> str:
    part = "maker" if fill.is_maker else "taker"
    return (
        f"{fill.symbol}: {fill.side} {plain(fill.quantity)} executed at {plain(fill.price)}, "
        f"{part} fee {plain(fill.fee)} {fill.fee_asset}"
    )


def duration(milliseconds: float) -> str:
    """A duration as people say it: 43 ms, 9.3 s, 4 min."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 120_000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds / 60_000:.0f} min"


def answered(detail: Mapping[str, Any]) -> str:
    """The outcome of a request that changes something."""
    outcome, code, text = detail.get("outcome"), detail.get("code"), str(detail.get("text") or "")
    match outcome:
        case "ok":
            refused = sum(order.get("code", "0") != "0" for order in detail.get("orders", ()))
            return f"The venue refused {refused} of them" if refused else "The venue accepted it"
        case "silent":
            return f"No clear answer. {text}".rstrip()
        case "held back":
            return f"Nothing was sent. {text}".rstrip()
        case _:
            return text or f"The venue refused it (code {code})"
