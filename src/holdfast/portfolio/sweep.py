"""What a leg would pay in the order book now, and the worst price it may pay. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from holdfast.core.instruments import Instrument, Side
from holdfast.core.money import floor_to, plain

MAKER_FEE: Final = Decimal("0.0002")
"""Bybit's standard rate for resting orders in linear contracts, where the account's own is not known."""

Levels = tuple[tuple[Decimal, Decimal], ...]
"""(price, quantity), best first."""


@dataclass(frozen=True, slots=True)
class LegMarket:
    """Everything the planner knows of one instrument at one moment.

    ``taker`` and ``maker`` are fee rates (0.00055 = 0.055 %). ``highest_buy`` and ``lowest_sell`` are the
    venue's price band, where known. ``trouble`` is why it may not be traded at all; "" if it may.
    """

    instrument: Instrument
    bids: Levels
    asks: Levels
    taker: Decimal
    highest_buy: Decimal | None = None
    lowest_sell: Decimal | None = None
    maker: Decimal = MAKER_FEE
    trouble: str = ""

    @property
    def mid(self) -> Decimal:
        """The middle of the spread. Only where both sides have a level."""
        return (self.bids[0][0] + self.asks[0][0]) / 2


@dataclass(frozen=True, slots=True)
class Execution:
    """``value`` is exact: what the quantity costs level by level. ``expected_price`` is the volume-weighted
    average, ``limit_price`` the worst price within the allowance. ``problem`` is why it cannot be had."""

    expected_price: Decimal
    limit_price: Decimal
    value: Decimal
    problem: str = ""


def sweep(
    market: LegMarket, side: Side, lots: int, allowance: Decimal, *, reach: Decimal | None = None
) -> Execution:
    """Take ``lots`` from the book.

    The limit is ``expected × (1 ± allowance)`` on the tick grid, rounded in the user's favour and held within
    the venue's band; ``reach`` in place of the allowance where orders may be sent later, at prices that have
    moved. It is a problem if the book does not hold the quantity, if the average is further than
    the allowance from the middle of the spread, or if the last level needed lies beyond the limit.
    """
    instrument = market.instrument
    taken, value, worst = _walk(market.asks if side is Side.BUY else market.bids, lots, instrument)
    quantity = instrument.quantity(taken)
    expected = value / quantity if quantity else market.mid
    limit = _limit(market, side, expected, allowance)
    problem = ""
    if taken < lots:
        problem = f"the order book holds only {plain(quantity)} of {plain(instrument.quantity(lots))}"
        value += (lots - taken) * instrument.lot * worst
    elif side.sign * (expected - market.mid) > allowance * market.mid or side.sign * (worst - limit) > 0:
        problem = f"the order book is too thin: the price would have to move by more than {allowance:.2%}"
    if reach is not None:
        limit = _limit(market, side, expected, reach)
    return Execution(expected, limit, value, problem)


def _walk(levels: Levels, lots: int, instrument: Instrument) -> tuple[int, Decimal, Decimal]:
    """Lots taken, what they cost, and the last price touched."""
    taken, value, worst = 0, Decimal(0), levels[0][0]
    for price, quantity in levels:
        if taken == lots:
            break
        here = min(floor_to(quantity, instrument.lot), lots - taken)
        if here:
            taken, value, worst = taken + here, value + here * instrument.lot * price, price
    return taken, value, worst


def _limit(market: LegMarket, side: Side, expected: Decimal, allowance: Decimal) -> Decimal:
    instrument = market.instrument
    wanted = expected * (1 + side.sign * allowance)
    if side is Side.BUY and market.highest_buy is not None:
        wanted = min(wanted, market.highest_buy)
    if side is Side.SELL and market.lowest_sell is not None:
        wanted = max(wanted, market.lowest_sell)
    return instrument.price(instrument.ticks_not_worse(side, wanted))
