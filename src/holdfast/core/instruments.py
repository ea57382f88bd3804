"""What a venue trades, and on which grid."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from holdfast.core.money import ceil_to, floor_to


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY

    @staticmethod
    def of(signed: Decimal | int) -> "Side":
        """The side that moves a holding by ``signed`` (must not be zero)."""
        if signed == 0:
            raise ValueError("zero has no side")
        return Side.BUY if signed > 0 else Side.SELL


class InstrumentKind(StrEnum):
    SPOT = "spot"
    LINEAR = "linear"


class InstrumentStatus(StrEnum):
    TRADING = "trading"
    PRELAUNCH = "prelaunch"
    REDUCE_ONLY = "reduce_only"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable symbol of a venue.

    ``tick`` is the price grid in quote coin, ``lot`` the quantity grid in base coin, ``min_notional`` the
    least order value in quote coin. ``multiplier`` is how many coins one unit of base stands for
    (1000 for 1000PEPEUSDT). ``delivery_at`` is set once the venue has announced a delisting.
    """

    symbol: str
    kind: InstrumentKind
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    max_market_quantity: Decimal
    max_limit_quantity: Decimal
    status: InstrumentStatus
    delivery_at: datetime | None = None
    funding_interval_minutes: int = 480
    multiplier: int = 1

    def floor_lots(self, quantity: Decimal) -> int:
        return floor_to(quantity, self.lot)

    def quantity(self, lots: int) -> Decimal:
        return lots * self.lot

    def price(self, ticks: int) -> Decimal:
        return ticks * self.tick

    def min_lots(self, price: Decimal) -> int:
        """The least number of lots the venue accepts at ``price``: minimum quantity and minimum notional."""
        return max(ceil_to(self.min_quantity, self.lot), ceil_to(self.min_notional / price, self.lot), 1)

    def ticks_not_worse(self, side: Side, price: Decimal) -> int:
        """``price`` on the grid, rounded in our favour: a buy limit down, a sell limit up."""
        return floor_to(price, self.tick) if side is Side.BUY else ceil_to(price, self.tick)
