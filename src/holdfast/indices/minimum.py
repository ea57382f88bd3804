"""How small a position in an index may be on this venue. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from itertools import accumulate

from holdfast.core.instruments import Instrument
from holdfast.core.money import plain
from holdfast.indices.schemas import MinimumSize

LEFT_OUT_BOUND = 0.03
"""The part of gross exposure that legs below the venue's minimum may leave out."""

HEADROOM = 1.02
"""Prices move between reading the minimum and trading it."""


@dataclass(frozen=True, slots=True)
class SizedLeg:
    """``weight`` per unit of size (sign ignored); ``price`` in USDT per unit of the instrument's base."""

    name: str
    weight: float
    price: Decimal
    instrument: Instrument


def minimum_size(legs: Sequence[SizedLeg]) -> MinimumSize | None:
    """The least sizes in USDT, rounded up to two significant figures; ``None`` without legs.

    A leg can be traded from the size at which its share buys the venue's least number of lots. ``full_size``
    is where all legs can; ``size`` where those that cannot make up at most 3 % of the gross exposure.
    """
    needed = sorted(
        ((_needed(leg), leg) for leg in legs if leg.weight), key=lambda pair: pair[0], reverse=True
    )
    if not needed:
        return None
    bound = LEFT_OUT_BOUND * sum(abs(leg.weight) for _, leg in needed)
    full, decider = needed[0]
    kept, keeper = next(
        pair
        for pair, left_out in zip(needed, accumulate(abs(leg.weight) for _, leg in needed), strict=True)
        if left_out > bound
    )
    size, full_size = _sensible(kept), _sensible(full)
    return MinimumSize(size=size, full_size=full_size, reason=_reason(size, full_size, keeper, decider))


def _needed(leg: SizedLeg) -> float:
    least = leg.instrument.quantity(leg.instrument.min_lots(leg.price)) * leg.price
    return float(least) / abs(leg.weight)


def _sensible(size: float) -> Decimal:
    """``size`` with headroom, rounded up to two significant figures."""
    wanted = Decimal(repr(size * HEADROOM))
    step = Decimal(1).scaleb(wanted.adjusted() - 1)
    return (wanted / step).to_integral_value(ROUND_CEILING) * step


def _reason(size: Decimal, full_size: Decimal, keeper: SizedLeg, decider: SizedLeg) -> str:
    decides = f"{_rule(keeper)}, and {keeper.name} is {abs(keeper.weight):.2%} of the size"
    if size == full_size:
        return f"{decides}. From {plain(size)} USDT on no coin is left out."
    return (
        f"{decides}. Below {plain(size)} USDT more than {LEFT_OUT_BOUND:.0%} of the exposure would be "
        f"left out; from {plain(full_size)} USDT on no coin is left out (there {decider.name} "
        "decides)."
    )


def _rule(leg: SizedLeg) -> str:
    instrument = leg.instrument
    lots = instrument.min_lots(leg.price)
    by_value = lots * instrument.lot > instrument.min_quantity
    least = (
        f"{plain(instrument.min_notional)} {instrument.quote}"
        if by_value
        else f"{plain(instrument.quantity(lots))} {instrument.base}"
    )
    return f"Bybit takes no {instrument.symbol} order below {least}"
