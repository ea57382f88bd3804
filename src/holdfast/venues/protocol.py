"""One door to every venue: what Holdfast asks of it, and how it may answer.

Everything that can go wrong on the wire is one of five exceptions, because each asks for another reaction.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from holdfast.core.instruments import Instrument, InstrumentKind, Side
from holdfast.core.timeframes import Timeframe


class VenueError(Exception):
    """``code`` is the venue's own number as text ("" when there is none)."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Rejected(VenueError):
    """The venue said no, and nothing happened."""


class KeyRefused(VenueError):
    """The credentials do not work (any more): wrong, expired, not permitted, wrong address."""


class RateLimited(VenueError):
    """Nothing happened; ask again at ``until``."""

    def __init__(self, message: str, *, until: datetime, code: str = "") -> None:
        super().__init__(message, code=code)
        self.until = until


class Unreachable(VenueError):
    """A read got no answer. Nothing changed."""


class OutcomeUnknown(VenueError):
    """A write got no clear answer: it may or may not have happened. Ask by client id."""


class DuplicateClientId(VenueError):
    """The venue already has an order with this client id: our earlier attempt got through."""


class OrderStatus(StrEnum):
    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Quote:
    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    mark: Decimal
    index: Decimal
    turnover_24h: Decimal
    funding_rate: Decimal
    next_funding_at: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Book:
    """Levels as (price, quantity), best first."""

    symbol: str
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Candle:
    open_time: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    turnover: Decimal


@dataclass(frozen=True, slots=True)
class PriceLimit:
    """The highest price a buy and the lowest a sell may have."""

    symbol: str
    highest_buy: Decimal
    lowest_sell: Decimal


@dataclass(frozen=True, slots=True)
class FeeRate:
    symbol: str
    taker: Decimal
    maker: Decimal


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What a key may do, as the venue tells it. ``permissions`` maps group to names, empty groups too."""

    uid: str
    read_only: bool
    permissions: dict[str, list[str]]
    ips: tuple[str, ...]
    expires_at: datetime | None
    unified: bool
    is_master: bool


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """``margin_mode``: cross | isolated | portfolio, or the venue's name of any other."""

    unified: bool
    margin_mode: str


@dataclass(frozen=True, slots=True)
class Balance:
    """The whole account in USD(T). ``borrowed`` is debt in USDT; above zero is an alarm at 1x."""

    equity: Decimal
    wallet: Decimal
    available: Decimal
    initial_margin: Decimal
    maintenance_rate: Decimal
    borrowed: Decimal


@dataclass(frozen=True, slots=True)
class VenuePosition:
    """``quantity`` is signed. ``hedge_mode`` when the symbol is not in one-way mode."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    unrealised_pnl: Decimal
    leverage: Decimal
    liquidation_price: Decimal | None
    hedge_mode: bool


class OrderStyle(StrEnum):
    IOC = "ioc"
    """Takes what it can up to the limit at once; the rest is cancelled."""
    POST_ONLY = "post_only"
    """Rests at the limit until it is filled or cancelled; ended at once if it would take."""
    MARKET = "market"
    """Takes what it can at once within ``slippage`` of the best price at that moment."""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """``slippage`` is for the market style only, as a share (0.005 = 0.5 %); it has no ``limit_price`` at the
    venue. ``decided_at``: when it was found that it may be sent. A door sends nothing on an old decision."""

    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal
    reduce_only: bool
    style: OrderStyle = OrderStyle.IOC
    slippage: Decimal = Decimal(0)
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderReport:
    """An order as the venue knows it."""

    client_id: str
    venue_order_id: str
    symbol: str
    side: Side
    status: OrderStatus
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None
    reason: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class FillReport:
    """One execution that moves a position. ``client_id`` is "" for manual and forced trades.

    ``fee`` is positive when paid. ``exec_type`` is the venue's word (Trade, AdlTrade, BustTrade, Delivery …).
    ``extra_fees`` are further (asset, amount) paid in coins other than ``fee_asset``.
    """

    exec_id: str
    venue_order_id: str
    client_id: str
    symbol: str
    side: Side
    exec_type: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    executed_at: datetime
    extra_fees: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class FundingReport:
    """``amount`` is positive when received. ``position`` is the signed size it was paid on."""

    reference: str
    symbol: str
    amount: Decimal
    asset: str
    rate: Decimal
    position: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Placement:
    """The venue's first answer to one order of a group: an id, or the exception that stands for a refusal."""

    client_id: str
    venue_order_id: str = ""
    error: VenueError | None = field(default=None)


@dataclass(frozen=True, slots=True)
class StreamConnected:
    """The account stream is live from here on. What happened before must be read over REST."""


@dataclass(frozen=True, slots=True)
class StreamLost:
    """The account stream is down and is being reconnected: until ``StreamConnected`` nothing is heard."""

    reason: str


@dataclass(frozen=True, slots=True)
class StreamGap:
    """One message could not be read: something happened that only REST can tell."""

    reason: str


@dataclass(frozen=True, slots=True)
class PositionHint:
    """Something about this position may have changed; not a count of changes."""

    position: VenuePosition


@dataclass(frozen=True, slots=True)
class WalletHint:
    balance: Balance


AccountEvent = OrderReport | FillReport | PositionHint | WalletHint | StreamConnected | StreamLost | StreamGap


class AccountStream(Protocol):
    """What a venue pushes to the holder of a key. Iterating connects, and never ends by itself: a lost
    connection is an event, and is mended."""

    def __aiter__(self) -> AsyncIterator[AccountEvent]: ...

    async def close(self) -> None: ...


class PublicVenue(Protocol):
    """What a venue tells anybody."""

    async def server_time(self) -> datetime: ...

    async def instruments(self, kind: InstrumentKind) -> list[Instrument]: ...

    async def instrument(self, symbol: str) -> Instrument | None:
        """One instrument as it is at this moment; ``None`` if it is closed, or was never there."""
        ...

    async def quotes(self, kind: InstrumentKind) -> list[Quote]: ...

    async def book(self, symbol: str, *, depth: int = 50) -> Book: ...

    async def price_limit(self, symbol: str) -> PriceLimit: ...

    async def candles(self, symbol: str, *, minutes: int, start: datetime, end: datetime) -> list[Candle]: ...

    async def close(self) -> None: ...


class HistoryVenue(Protocol):
    """What a venue tells anybody about the past."""

    async def klines(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime, limit: int
    ) -> list[Candle]:
        """Candles with ``start`` ≤ open time < ``end``, oldest first; the last one may still be forming.

        At most ``limit``, and no more than the venue gives in one answer: ask for a span that holds no more.

        Raises:
            Rejected: the venue has no such symbol or timeframe.
            RateLimited, Unreachable: ask again later.
        """
        ...

    async def close(self) -> None: ...


class TradingVenue(PublicVenue, Protocol):
    """What a venue does for the holder of a key."""

    async def key_info(self) -> KeyInfo: ...

    async def account_info(self) -> AccountInfo: ...

    async def balance(self) -> Balance: ...

    async def fee_rates(self) -> dict[str, FeeRate]: ...

    async def positions(self) -> list[VenuePosition]: ...

    async def position_of(self, symbol: str) -> VenuePosition: ...

    async def ensure_leverage(self, symbol: str, leverage: Decimal) -> None: ...

    async def ensure_one_way(self, symbol: str) -> None: ...

    async def place(self, orders: Sequence[OrderRequest]) -> list[Placement]:
        """Send the orders side by side within the venue's rate budget; one placement per order, in order.
        Never raises for one order's sake: its error is in its placement."""
        ...

    async def cancel(self, symbol: str, client_id: str) -> None:
        """Ask for an open order to be ended. Only ``find_order`` tells whether it was, and with what filled.

        Raises:
            Rejected: the venue does not know the order.
        """
        ...

    async def find_order(self, symbol: str, client_id: str) -> OrderReport | None:
        """The order by our id, from open orders and those of the last days; ``None`` if the venue does not
        know it.

        Raises:
            Unreachable: no clear answer; says nothing about the order.
        """
        ...

    async def find_order_since(self, symbol: str, client_id: str, since: datetime) -> OrderReport | None:
        """An order that has ended, out of all that were made from ``since`` on; raises as ``find_order``."""
        ...

    async def open_orders(self) -> list[OrderReport]: ...

    async def fills_of(self, symbol: str, client_id: str) -> list[FillReport]:
        """Of the last days: an older order's are among ``fills_since``."""
        ...

    async def fills_since(self, since: datetime) -> list[FillReport]: ...

    async def funding_since(self, since: datetime) -> list[FundingReport]: ...
