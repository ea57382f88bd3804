"""How the orders of a plan are sent: at once, in slices, or resting first; and the cost to expect. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from holdfast.core.instruments import Side
from holdfast.core.money import plain
from holdfast.portfolio.sweep import LegMarket, sweep

Kind = Literal["market", "limit_ioc", "passive", "twap"]

DRIFT: Final = Decimal("0.02")
"""How far the market may move while a tactic takes its time, on top of the allowance of each order."""
REST_PARTS: Final = 4
"""A leg rests in so many parts, so that no leg runs further ahead of the others than one of them."""
LARGE_NOTIONAL: Final = Decimal(2000)
LARGE_SHARE: Final = Decimal("0.05")
"""A leg is large, and worth slicing, above this value or above this share of the order book in sight."""


@dataclass(frozen=True, slots=True)
class Tactic:
    """``seconds`` is the passive deadline, or how long slicing lasts; ``slices`` into how many a large leg is
    cut at most."""

    kind: Kind = "limit_ioc"
    seconds: int = 0
    slices: int = 1

    @property
    def takes_time(self) -> bool:
        return self.kind in ("passive", "twap")

    def reach(self, allowance: Decimal) -> Decimal:
        """How far from the expected price the worst order of a leg may go, as a share."""
        return allowance + DRIFT if self.takes_time else allowance


AT_ONCE: Final = Tactic()


@dataclass(frozen=True, slots=True)
class Price:
    """What a leg should cost: ``value`` for all of it, ``fee``, the average price, and the worst price any of
    its orders may have. ``problem`` is why it cannot be had."""

    expected_price: Decimal
    limit_price: Decimal
    value: Decimal
    fee: Decimal
    problem: str = ""


def parts_of(tactic: Tactic, market: LegMarket, side: Side, lots: int, least: int) -> int:
    """Into how many orders a leg is cut, each at or above the venue's ``least`` lots."""
    most = lots // max(least, 1)
    if tactic.kind == "passive":
        return max(1, min(REST_PARTS, most))
    if tactic.kind == "twap" and is_large(market, side, lots):
        return max(1, min(tactic.slices, most))
    return 1


def is_large(market: LegMarket, side: Side, lots: int) -> bool:
    quantity = market.instrument.quantity(lots)
    in_sight = sum((size for _, size in (market.asks if side is Side.BUY else market.bids)), Decimal(0))
    return quantity * market.mid > LARGE_NOTIONAL or quantity > LARGE_SHARE * in_sight


def up_to(lots: int, parts: int, part: int) -> int:
    """How many of a leg's lots its first ``part`` parts make; equal ones, the remainder in the last."""
    return lots if part >= parts else lots // parts * part


def price_of(
    tactic: Tactic, market: LegMarket, side: Side, lots: int, parts: int, allowance: Decimal
) -> Price:
    """What ``lots`` should cost. Slices each meet a book that has filled up again; of a leg that rests, one
    half is assumed to be had at the best price as a maker and the other to be taken in the end."""
    piece = -(-lots // parts) if tactic.kind == "twap" else lots
    reach = tactic.reach(allowance) if tactic.takes_time else None
    cost = sweep(market, side, piece, allowance, reach=reach)
    quantity = market.instrument.quantity(lots)
    value = cost.value * lots / piece if piece else cost.value
    expected, fee = cost.expected_price, value * market.taker
    if tactic.kind == "passive":
        resting = quantity * (market.bids if side is Side.BUY else market.asks)[0][0]
        value, fee = (value + resting) / 2, (value * market.taker + resting * market.maker) / 2
        expected = value / quantity if quantity else expected
    return Price(
        expected, cost.limit_price, value, fee, cost.problem or _too_large(tactic, market, lots, parts)
    )


def _too_large(tactic: Tactic, market: LegMarket, lots: int, parts: int) -> str:
    instrument = market.instrument
    at_market = tactic.kind == "market"
    most = instrument.max_market_quantity if at_market else instrument.max_limit_quantity
    largest = lots if tactic.kind == "passive" else lots - up_to(lots, parts, parts - 1)
    if instrument.quantity(largest) <= most:
        return ""
    return f"the venue takes at most {plain(most)} in one {'market ' if at_market else ''}order"
