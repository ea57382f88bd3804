"""What the fault dial can do: every kind of fault, what it is applied to, and which settings it reads."""

from dataclasses import dataclass
from typing import Any, Final, Literal

FaultKind = Literal[
    "drop_request",
    "drop_answer",
    "delay",
    "delay_answer",
    "duplicate",
    "reorder",
    "half_open",
    "half_open_after",
    "error_500_before",
    "error_500_after",
    "code_before",
    "code_after",
    "rate_limit",
    "ip_limit",
    "clock_skew",
    "stale",
    "maintenance",
    "silent",
    "partial_fill",
    "reject",
    "reject_post_only",
    "funding",
    "halt",
    "empty_book",
    "crossed_book",
    "cancel_orders",
    "restart",
    "adl",
    "liquidation",
]

REQUEST, STREAM, ENGINE, INSTRUMENT, VENUE = "request", "stream", "engine", "instrument", "venue"
HELD = "held"

PLACES: Final = {
    REQUEST: "bybit.<name of the route>, for example bybit.order.create, coingecko.<path>, and "
    "binance.rest.<path>, for example binance.rest.klines or binance.rest.ticker.24hr, and "
    "marketaux.<path>, for example marketaux.news.all; "
    "bybit.order.create-batch.item is one order of a batch (code_before, code_after)",
    STREAM: "bybit.private.<topic>, bybit.public.<category>.<topic>, binance.stream.<name of the "
    "stream>, for example binance.stream.btcusdt@trade; also connect and (Bybit) pong in their place",
    ENGINE: "bybit.engine.<category>.<symbol>, once for every order that meets the book",
    INSTRUMENT: "bybit.instrument.<category>.<symbol>, a condition: it holds while the rule is in force",
    VENUE: "bybit.venue, at every beat of the venue; binance.venue (restart) while anybody is connected",
    HELD: "bybit.held.<category>.<symbol>, at every beat of the venue for every position",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """``to``: the sorts of places it is applied to; ``settings``: the members of a rule it reads."""

    to: tuple[str, ...]
    text: str
    settings: tuple[str, ...] = ()


KINDS: Final[dict[FaultKind, Kind]] = {
    "drop_request": Kind(
        (REQUEST, STREAM), "The connection is closed before anything is done. On a stream: it is cut."
    ),
    "drop_answer": Kind(
        (REQUEST, STREAM),
        "Done, but the connection is closed before the answer. On a stream: the push is lost.",
    ),
    "delay": Kind(
        (REQUEST, STREAM),
        "The request waits before it is done. On a stream: the push is late, and others overtake it.",
        ("delay_ms", "jitter_ms"),
    ),
    "delay_answer": Kind((REQUEST,), "Done at once; the answer waits.", ("delay_ms", "jitter_ms")),
    "duplicate": Kind(
        (REQUEST, STREAM),
        "The request reaches the venue twice, delay_ms apart; the first or the second answer comes back. "
        "On a stream: the push is sent twice.",
        ("delay_ms", "jitter_ms", "answer"),
    ),
    "reorder": Kind(
        (REQUEST, STREAM),
        "Held until another request (or push) of the rule's places has passed, at most delay_ms.",
        ("delay_ms",),
    ),
    "half_open": Kind(
        (REQUEST, STREAM),
        "Accepted and never read nor answered. On a stream: from here on the connection is dead, no pong "
        "either, and it is not closed.",
    ),
    "half_open_after": Kind((REQUEST,), "Done, and never answered; the connection stays open."),
    "error_500_before": Kind((REQUEST,), "An HTTP error; nothing is done.", ("status",)),
    "error_500_after": Kind((REQUEST,), "An HTTP error; it is done.", ("status",)),
    "code_before": Kind((REQUEST,), "HTTP 200 with this retCode; nothing is done.", ("code",)),
    "code_after": Kind((REQUEST,), "HTTP 200 with this retCode; it is done.", ("code",)),
    "rate_limit": Kind(
        (REQUEST,),
        "10006 with its reset header (429 at CoinGecko, Binance and Marketaux).",
        ("retry_after_s", "text_body"),
    ),
    "ip_limit": Kind((REQUEST, STREAM), 'HTTP 403 "access too frequent"; also for new streams (connect).'),
    "clock_skew": Kind(
        (REQUEST,),
        "The service's clock is off by skew_ms, and by drift_ms more with every simulated second since the "
        "rule began.",
        ("skew_ms", "drift_ms"),
    ),
    "stale": Kind(
        (REQUEST,),
        "order/realtime, order/history and execution/list answer as of delay_ms ago.",
        ("delay_ms",),
    ),
    "maintenance": Kind(
        (REQUEST, STREAM),
        "Down: HTTP 503, or HTTP 200 with this retCode (10016 is documented); system/status tells of it.",
        ("code", "text_body"),
    ),
    "silent": Kind((STREAM,), "From here on this connection answers pings and brings no data."),
    "partial_fill": Kind(
        (ENGINE,),
        "The order fills at most this share of its quantity, each fill cut into so many executions.",
        ("share", "pieces"),
    ),
    "reject": Kind(
        (ENGINE,),
        "The acknowledged order ends unfilled with this rejectReason.",
        ("reason", "order_status"),
    ),
    "reject_post_only": Kind(
        (ENGINE,), "A post-only order ends as if it had met the other side: EC_PostOnlyWillTakeLiquidity."
    ),
    "funding": Kind((ENGINE, VENUE), "Funding is settled now: after the order's fills, or for everybody."),
    "halt": Kind(
        (INSTRUMENT,),
        "Orders are refused with this retCode (110066) and resting ones do not fill; positions stay.",
        ("code",),
    ),
    "empty_book": Kind((INSTRUMENT,), "Nobody quotes."),
    "crossed_book": Kind(
        (INSTRUMENT,), "The published book has its best bid above its best ask; nothing fills."
    ),
    "cancel_orders": Kind((VENUE,), "Every open order is cancelled (CancelByAdmin)."),
    "restart": Kind(
        (VENUE,),
        "The cache of recent final orders is emptied and every stream is cut; Binance announces it first "
        "(serverShutdown).",
    ),
    "adl": Kind((HELD,), "This share of the position is auto-deleveraged.", ("share",)),
    "liquidation": Kind((HELD,), "The position is taken over; the account's orders go first."),
}
CONDITIONS: Final = frozenset(kind for kind, one in KINDS.items() if one.to == (INSTRUMENT,))
SCHEDULING: Final = (
    "where",
    "kind",
    "uid",
    "count",
    "probability",
    "seed",
    "from_ms",
    "until_ms",
    "after",
    "every",
)


def describe_kinds() -> dict[str, Any]:
    """What ``GET /_sim/faults/kinds`` shows."""
    return {
        "places": PLACES,
        "always": list(SCHEDULING),
        "kinds": [
            {"kind": kind, "to": list(one.to), "text": one.text, "settings": list(one.settings)}
            for kind, one in KINDS.items()
        ],
    }
