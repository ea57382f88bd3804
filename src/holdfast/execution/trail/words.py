"""The sentences of a time line. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from holdfast.core.money import plain
from holdfast.execution.models import Order, OrderEvent
from holdfast.portfolio.models import Fill
from holdfast.venues.recording import Exchange

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
    "forbid": "not sent: it is forbidden",
    "differ": "waits, because the books differ from the account",
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
    "account stream": "the account stream",
    "reconciliation": "reconciliation",
}
_OWN: Final = frozenset({"send", "abandon", "forbid", "differ"})


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
    """Who told of an event. An answer is one to the order itself, or to a question about it."""
    told = str(event.detail.get("source") or "answer")
    if told != "answer":
        return told
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


def answered(detail: Mapping[str, Any], symbol: str) -> str:
    """The outcome of a request that changes something."""
    about = f"{symbol}: " if symbol else ""
    code, text = detail.get("code"), str(detail.get("text") or "")
    match detail.get("outcome"):
        case "ok":
            refused = sum(order.get("code", "0") != "0" for order in detail.get("orders", ()))
            return about + (
                f"the venue refused {refused} of them" if refused else "the venue answered: accepted"
            )
        case "silent":
            return f"{about}no clear answer. {text}".rstrip()
        case "held back":
            return f"{about}nothing was sent. {text}".rstrip()
        case "cut off":
            return f"{about}nobody waited for the answer any more"
        case _:
            return about + (text or f"the venue refused it (code {code})")


_REQUESTS: Final = {
    "place_order": "Send",
    "place_batch_order": "Send",
    "cancel_order": "Cancel",
    "amend_order": "Change the price of",
    "get_open_orders": "Ask for the order",
    "get_order_history": "Look for the order in the history",
    "get_executions": "Read fills",
    "get_positions": "Read positions",
    "get_wallet_balance": "Read the balance",
    "get_transaction_log": "Read funding payments",
    "get_account_info": "Read the account's settings",
    "get_api_key_information": "Read what the key may do",
    "get_fee_rates": "Read fee rates",
    "get_server_time": "Compare clocks",
    "get_orderbook": "Read the order book",
    "get_price_limit": "Read the price limits",
    "get_tickers": "Read prices",
    "get_instruments_info": "Read the trading rules",
    "set_leverage": "Set 1x leverage",
    "switch_position_mode": "Set one-way mode",
}

_DECISIONS: Final = {
    "send": "Send {}",
    "abandon": "Never send {}: what was opened is taken back",
    "try_again": "Write further orders for what is missing in {}",
    "unwind": "Take back {}",
    "finish": "Nothing is left to do",
    "cancel": "Take resting orders in {} back",
    "wait": "Wait: orders rest in the book, or are not due yet",
}


def request(exchange: Exchange) -> str:
    """What was asked of the venue."""
    verb = _REQUESTS.get(exchange.method, exchange.method.replace("_", " ").capitalize())
    if not exchange.writes or not exchange.orders:
        return verb
    if len(exchange.orders) > 1:
        symbols = names([order.symbol for order in exchange.orders])
        return f"{verb} {len(exchange.orders)} orders in one request: {symbols}"
    order = exchange.orders[0]
    if not order.quantity:
        return f"{verb} the order in {order.symbol}"
    price = f" at {order.price}" if order.price else ""
    return f"{verb} {order.side} {order.quantity} {order.symbol}{price} ({order.form})"


def decision(act: str, symbols: Sequence[str]) -> str:
    """What the executor does next."""
    form = _DECISIONS.get(act, act.replace("_", " ").capitalize() + " {}")
    return form.format(names(symbols)).rstrip()


def names(symbols: Sequence[str]) -> str:
    """At most four symbols by name."""
    every = list(dict.fromkeys(symbols))
    if len(every) <= 4:
        return ", ".join(every)
    return f"{', '.join(every[:3])} and {len(every) - 3} more"
