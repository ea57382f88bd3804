"""One leg of a plan: whether it can be traded, how much, at what price, and in words why not. Pure.

Floats propose, integers dispose: weights are floats, quantities whole lots, prices whole ticks, money exact.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from typing import Final, Literal

from holdfast.core.instruments import InstrumentStatus, Side
from holdfast.core.money import CASH_UNIT, plain
from holdfast.core.targets import Target
from holdfast.portfolio.rounding import Wish
from holdfast.portfolio.sweep import LegMarket
from holdfast.portfolio.tactics import AT_ONCE, Tactic, parts_of, price_of

MARGIN_RESERVE: Final = Decimal("0.003")
"""On top of gross and fee: what the venue keeps for closing (reference "Margin at 1x")."""

PRICE_BAND: Final = 0.03
"""How far the order book may be from the price the weights were computed with."""

ZERO: Final = Decimal(0)
PRICE_UNIT: Final = Decimal("1e-12")

Action = Literal["trade", "skip", "by_hand"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every order of a plan: how far a price may be from the expected one (0.005 = 0.5 %), and
    how the orders are sent."""

    allowance: Decimal
    tactic: Tactic = AT_ONCE

    def lowest(self, market: LegMarket) -> Decimal:
        """The worst limit price a leg could get: the venue's minimum value is to be met even there."""
        return market.mid * (1 - self.tactic.reach(self.allowance)) * (1 - self.allowance)


@dataclass(frozen=True, slots=True)
class DraftLeg:
    """``weight``, ``target_notional`` and ``residual_notional`` (wanted minus planned) are signed like the
    position the order makes; quantities and the other amounts are not. ``slices``: how many orders it is cut
    into at least. ``held_weight`` and ``held_quantity``: when rebalancing, the share of the size and the
    quantity there are now. ``reduces``: the order only makes what the sleeve holds smaller."""

    symbol: str
    asset_id: str
    action: Action
    side: Side
    weight: float
    target_notional: Decimal
    quantity: Decimal = ZERO
    expected_price: Decimal = ZERO
    limit_price: Decimal = ZERO
    notional: Decimal = ZERO
    fee: Decimal = ZERO
    slippage: Decimal = ZERO
    residual_notional: Decimal = ZERO
    note: str = ""
    problem: str = ""
    slices: int = 1
    held_weight: float | None = None
    held_quantity: Decimal | None = None
    reduces: bool = False


def wanted_of(target: Target, direction: int, size: Decimal) -> Decimal:
    """The signed notional a target asks for."""
    return (Decimal(repr(target.weight)) * direction * size).quantize(CASH_UNIT, ROUND_HALF_EVEN)


def opening_trouble(target: Target, market: LegMarket | None) -> str:
    """Why this leg cannot be opened; "" if it can."""
    blocked = unusable(market)
    if blocked or market is None:
        return blocked
    if is_leaving(market):
        return "it is being delisted, the venue only takes orders that close positions"
    if abs(float(market.mid) - target.reference_price) > PRICE_BAND * target.reference_price:
        return (
            f"its order book ({plain(market.mid)}) is more than {PRICE_BAND:.0%} away from the price the "
            f"weights were computed with ({target.reference_price:g})"
        )
    return ""


def is_leaving(market: LegMarket) -> bool:
    """Whether the venue only lets positions shrink."""
    return market.instrument.status is InstrumentStatus.REDUCE_ONLY or bool(market.instrument.delivery_at)


def unusable(market: LegMarket | None) -> str:
    """Why nothing at all can be traded in it; "" if it can."""
    if market is None:
        return "the venue does not list it"
    if market.trouble:
        return market.trouble
    if market.instrument.status in (InstrumentStatus.CLOSED, InstrumentStatus.PRELAUNCH):
        return "it is not open for trading"
    if not market.bids or not market.asks:
        return "its order book is empty"
    return ""


def wish_of(wanted: Decimal, market: LegMarket, terms: Terms) -> Wish:
    instrument = market.instrument
    return Wish(wanted, market.mid * instrument.lot, instrument.min_lots(terms.lowest(market)))


def untraded(target: Target, wanted: Decimal, size: Decimal, problem: str, note: str = "") -> DraftLeg:
    return DraftLeg(
        symbol=target.symbol,
        asset_id=target.asset_id,
        action="skip",
        side=Side.BUY if wanted >= 0 else Side.SELL,
        weight=float(wanted / size),
        target_notional=wanted,
        residual_notional=wanted,
        note=note,
        problem=problem,
    )


def priced(
    leg: DraftLeg,
    market: LegMarket,
    side: Side,
    lots: int,
    terms: Terms,
    *,
    residual: Decimal,
    note: str = "",
) -> DraftLeg:
    """``leg`` as an order of ``lots``, with what the book says it will cost."""
    instrument = market.instrument
    quantity = instrument.quantity(lots)
    parts = parts_of(terms.tactic, market, side, lots, instrument.min_lots(terms.lowest(market)))
    price = price_of(terms.tactic, market, side, lots, parts, terms.allowance)
    return replace(
        leg,
        action="trade",
        side=side,
        quantity=quantity,
        expected_price=price.expected_price.quantize(PRICE_UNIT),
        limit_price=price.limit_price,
        notional=cash(price.value),
        fee=cash(price.fee),
        slippage=cash(side.sign * (price.value - quantity * market.mid)),
        residual_notional=residual.quantize(CASH_UNIT),
        note=note,
        problem=price.problem,
        slices=parts,
    )


def below_minimum(market: LegMarket) -> str:
    """That a leg is too small for the venue, in words."""
    least = market.instrument.quantity(market.instrument.min_lots(market.mid)) * market.mid
    return f"Below the venue's minimum of about {cents(least, ROUND_CEILING)} USDT: left out."


def mid_of(market: LegMarket | None) -> Decimal:
    return market.mid if market and market.bids and market.asks else ZERO


def margin_of(notional: Decimal, fee_rate: Decimal) -> Decimal:
    """What the venue wants free to open so much at 1x."""
    return cash(notional * (1 + fee_rate + MARGIN_RESERVE))


def cash(value: Decimal) -> Decimal:
    """A cost, rounded up to the cash unit."""
    return value.quantize(CASH_UNIT, ROUND_CEILING)


def signed_cash(value: Decimal) -> Decimal:
    return value.quantize(CASH_UNIT, ROUND_HALF_EVEN)


def cents(value: Decimal, rounding: str = ROUND_HALF_EVEN) -> str:
    return f"{value.quantize(Decimal('0.01'), rounding):,f}"
