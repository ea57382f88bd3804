"""Bybit's stream of candles of one minute. Pure.

Source: Bybit V5, websocket/public/kline. Each message is the whole candle; ``confirm`` says that it has
closed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from holdfast.core.time import from_ms
from holdfast.market.tickers import VenueClock

TOPIC = "kline.1."


@dataclass(frozen=True, slots=True)
class Kline:
    """``time``: UTC seconds of opening. Prices in quote coin, ``volume`` in base coin."""

    symbol: str
    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    closed: bool


class KlineReader:
    """What one connection tells, handed to ``hear`` as it comes."""

    topic = TOPIC

    def __init__(self, hear: Callable[[Kline], None]) -> None:
        self._hear = hear
        self._at: dict[str, datetime] = {}
        self._clock = VenueClock()

    def apply(self, message: dict[str, Any], received: datetime) -> str:
        """Raises ``KeyError``, ``TypeError``, ``ValueError``: not a message of candles."""
        symbol = str(message["topic"]).removeprefix(TOPIC)
        candles = [_candle(symbol, row) for row in message["data"]]
        self._at[symbol] = self._clock.true_at(from_ms(message["ts"]), received)
        for candle in candles:
            self._hear(candle)
        return symbol

    def at(self, symbol: str) -> datetime:
        """When the symbol's last candle was true."""
        return self._at[symbol]

    def forget(self, symbol: str) -> None:
        self._at.pop(symbol, None)


def _candle(symbol: str, row: dict[str, Any]) -> Kline:
    opened, high, low, close, volume = (
        _number(row, name) for name in ("open", "high", "low", "close", "volume")
    )
    if not 0 < low <= min(opened, close) or high < max(opened, close) or volume < 0:
        raise ValueError(f"a candle of {symbol} cannot be")
    return Kline(symbol, int(row["start"]) // 1000, opened, high, low, close, volume, row["confirm"] is True)


def _number(row: dict[str, Any], name: str) -> Decimal:
    try:
        number = Decimal(str(row[name]))
    except ArithmeticError:
        raise ValueError(f"{name} is no number") from None
    if not number.is_finite():
        raise ValueError(f"{name} is no number")
    return number
