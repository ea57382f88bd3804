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

TRACKING_BOUND = 0.25
"""The part of gross exposure that rounding to what the venue takes may get wrong, all legs at their worst."""

HEADROOM = 1.02
"""Prices move between reading the minimum and trading it."""


@dataclass(frozen=True, slots=True)
class SizedLeg:
    """``weight`` per unit of size (sign ignored); ``price`` in USDT per unit of the instrument's base."""

    name: str
    weight: float
    price: Decimal
    instrument: Instrument

    @property
    def least_order(self) -> float:
        """The value of the smallest order the venue takes, in USDT."""
        return float(self.instrument.quantity(self.instrument.min_lots(self.price)) * self.price)

    @property
    def needed(self) -> float:
        """The size from which the leg is traded: a plan rounds half a smallest order up to a whole one."""
        return self.least_order / 2 / abs(self.weight)


def minimum_size(legs: Sequence[SizedLeg]) -> MinimumSize | None:
    """The least sizes in USDT, rounded up to two significant figures; ``None`` without legs.

    ``full_size`` is where every leg is traded. ``size`` is where those that are not make up at most 3 % of
    the gross exposure, and where half a smallest order of every leg, which is the most that rounding can
    miss, adds up to at most a quarter of it.
    """
    ordered = sorted((leg for leg in legs if leg.weight), key=lambda leg: leg.needed, reverse=True)
    if not ordered:
        return None
    gross = sum(abs(leg.weight) for leg in ordered)
    left_out = accumulate(abs(leg.weight) for leg in ordered)
    keeper = next(
        leg for leg, missing in zip(ordered, left_out, strict=True) if missing > LEFT_OUT_BOUND * gross
    )
    coarse = sum(leg.least_order for leg in ordered) / 2 / (TRACKING_BOUND * gross)
    size = _sensible(max(keeper.needed, coarse))
    full_size = max(size, _sensible(ordered[0].needed))
    if coarse > keeper.needed:
        coarsest = max(ordered, key=lambda leg: leg.least_order)
        return MinimumSize(size=size, full_size=full_size, reason=_coarse_reason(size, coarsest))
    return MinimumSize(size=size, full_size=full_size, reason=_reason(size, full_size, keeper, ordered[0]))


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


def _coarse_reason(size: Decimal, coarsest: SizedLeg) -> str:
    return (
        f"{_rule(coarsest)} (about {coarsest.least_order:.0f} USDT). Below {plain(size)} USDT rounding to "
        f"whole orders could leave more than {TRACKING_BOUND:.0%} of the exposure wrong."
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
