"""Bybit's ticker stream put together: a snapshot, then deltas in which an absent field is unchanged. Pure.

Source: Bybit V5, websocket/public/ticker.
"""

from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from holdfast.core.time import from_ms
from holdfast.market.quotes import LiveQuote

TOPIC = "tickers."
ZERO = Decimal(0)


class VenueClock:
    """When a message was true, on our clock: its arrival, less how much later it came than the quickest one.

    The two clocks may differ by any amount; only a growing delay counts as age.
    """

    def __init__(self) -> None:
        self._least: timedelta | None = None

    def true_at(self, sent: datetime, received: datetime) -> datetime:
        delay = received - sent
        self._least = delay if self._least is None else min(self._least, delay)
        return sent + self._least


class TickerMerge:
    """The present fields of every symbol of one connection."""

    topic = TOPIC

    def __init__(self) -> None:
        self._fields: dict[str, dict[str, Any]] = {}
        self._at: dict[str, datetime] = {}
        self._changed: set[str] = set()
        self._clock = VenueClock()

    def apply(self, message: dict[str, Any], received: datetime) -> str | None:
        """Take in one ticker message; returns its symbol, or ``None`` for a delta without a snapshot.

        Raises:
            KeyError, TypeError, ValueError: not a ticker message.
        """
        symbol = str(message["topic"]).removeprefix(TOPIC)
        data = dict(message["data"])
        if message["type"] == "snapshot":
            self._fields[symbol] = data
        elif symbol in self._fields:
            self._fields[symbol].update(data)
        else:
            return None
        self._at[symbol] = self._clock.true_at(from_ms(message["ts"]), received)
        self._changed.add(symbol)
        return symbol

    def at(self, symbol: str) -> datetime:
        """When the symbol's fields were true."""
        return self._at[symbol]

    def forget(self, symbol: str) -> None:
        """Until the next snapshot."""
        self._fields.pop(symbol, None)
        self._at.pop(symbol, None)
        self._changed.discard(symbol)

    def drain(self) -> list[LiveQuote]:
        """The quotes that changed since the last call and are usable."""
        changed, self._changed = self._changed, set()
        quotes = (live_quote(symbol, self._fields[symbol], self._at[symbol]) for symbol in changed)
        return [quote for quote in quotes if quote]


def live_quote(symbol: str, fields: dict[str, Any], at: datetime) -> LiveQuote | None:
    """The quote these fields make, or ``None`` without a last price. An empty side of the book is 0."""
    last = _number(fields, "lastPrice")
    if last <= 0:
        return None
    return LiveQuote(
        symbol=symbol,
        bid=_number(fields, "bid1Price"),
        ask=_number(fields, "ask1Price"),
        last=last,
        mark=_number(fields, "markPrice") or last,
        index=_number(fields, "indexPrice") or last,
        prev_24h=_number(fields, "prevPrice24h"),
        turnover_24h=_number(fields, "turnover24h"),
        funding_rate=_number(fields, "fundingRate"),
        at=at,
    )


def _number(fields: dict[str, Any], name: str) -> Decimal:
    """The field as a number; 0 where it is absent, empty or no number."""
    try:
        number = Decimal(str(fields.get(name) or 0))
    except InvalidOperation:
        return ZERO
    return number if number.is_finite() else ZERO
