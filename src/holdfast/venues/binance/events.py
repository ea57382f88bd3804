"""What Binance tells of a market, as exact values."""

from dataclasses import dataclass
from decimal import Decimal

from holdfast.core.time import from_ms
from holdfast.venues.protocol import Candle

Level = tuple[Decimal, Decimal]
"""Price and quantity."""


@dataclass(frozen=True, slots=True)
class Kline:
    """A candle with what only Binance tells. Moments are milliseconds since the epoch, UTC."""

    symbol: str
    interval: str
    open_ms: int
    close_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    turnover: Decimal
    trades: int
    taker_volume: Decimal
    taker_turnover: Decimal

    def candle(self) -> Candle:
        return Candle(
            from_ms(self.open_ms), self.open, self.high, self.low, self.close, self.volume, self.turnover
        )


@dataclass(frozen=True, slots=True)
class KlineUpdate:
    """``closed`` is true exactly once for every candle. Without trades the trade ids are -1."""

    kline: Kline
    first_trade: int
    last_trade: int
    closed: bool
    at_ms: int

    @property
    def symbol(self) -> str:
        return self.kline.symbol


@dataclass(frozen=True, slots=True)
class Trade:
    """``buyer_is_maker``: the taker sold."""

    symbol: str
    id: int
    price: Decimal
    quantity: Decimal
    at_ms: int
    buyer_is_maker: bool


@dataclass(frozen=True, slots=True)
class AggTrade:
    """All trades of one taker's order at one price, from ``first_trade`` to ``last_trade``."""

    symbol: str
    id: int
    price: Decimal
    quantity: Decimal
    first_trade: int
    last_trade: int
    at_ms: int
    buyer_is_maker: bool


@dataclass(frozen=True, slots=True)
class BookTicker:
    symbol: str
    update_id: int
    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal


@dataclass(frozen=True, slots=True)
class MiniTicker:
    """The last 24 hours, rolling."""

    symbol: str
    last: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    turnover: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True)
class DepthDiff:
    """Levels that changed with the updates ``first_id`` … ``last_id``; a quantity of 0 removes one."""

    symbol: str
    first_id: int
    last_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class DepthSnapshot:
    """The book as it was after update ``last_id``, best level first."""

    symbol: str
    last_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The server will close this connection soon."""

    at_ms: int


MarketEvent = KlineUpdate | Trade | AggTrade | BookTicker | MiniTicker | DepthDiff | DepthSnapshot
