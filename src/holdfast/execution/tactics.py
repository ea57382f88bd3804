"""Which order of which leg comes next: its size, style and time. Pure.

A leg never has more than one live order, and that is never larger than what the leg still misses: so the
orders under way and the fills never exceed the leg. Legs that take their time keep step with one another:
none gets more than one part ahead of the slowest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from holdfast.execution.standing import LegFacts
from holdfast.portfolio.tactics import Tactic, up_to
from holdfast.venues.protocol import OrderStyle

MAX_ATTEMPTS: Final = 5
"""Orders in a row that may miss what is wanted of a leg before it counts as not to be had."""
MOST_TRIES: Final = 99
"""Orders of one leg, however it is sent: their ids have room for two digits."""
MAX_CHASES: Final = 25
"""Resting orders of one leg; after that it takes, before its deadline."""
CHASE_PAUSE: Final = 0.5
FIRST_PAUSE: Final = 0.3
LONGEST_PAUSE: Final = 4.8


@dataclass(frozen=True, slots=True)
class Child:
    """The next order of a leg; ``wait``: seconds until it may be sent."""

    leg: int
    lots: int
    style: OrderStyle
    wait: float = 0.0


def first_orders(tactic: Tactic, legs: Sequence[LegFacts]) -> tuple[Child, ...]:
    """What an execution begins with."""
    return next_orders(tactic, legs, elapsed=0.0)


def next_orders(tactic: Tactic, legs: Sequence[LegFacts], *, elapsed: float) -> tuple[Child, ...]:
    """For every leg that is short and has no live order, unless it has to wait for slower ones.

    Args:
        legs: those that are still to be brought to their quantity; others hold nobody up.
        elapsed: seconds since the execution began.
    """
    waiting = [leg for leg in legs if (leg.short or not leg.orders) and not leg.live]
    if not tactic.takes_time:
        style = OrderStyle.MARKET if tactic.kind == "market" else OrderStyle.IOC
        return tuple(Child(leg.index, leg.missing, style, _pause(len(leg.tries))) for leg in waiting)
    if tactic.kind == "passive" and crosses(tactic, legs, elapsed):
        return tuple(Child(leg.index, leg.missing, OrderStyle.IOC, _pause(_taken(leg))) for leg in waiting)
    slowest = min((_progress(leg) for leg in legs if leg.short), default=Fraction(1))
    ahead = 0 if tactic.kind == "passive" else 1
    in_step = [leg for leg in waiting if _progress(leg) <= slowest + Fraction(ahead, leg.slices)]
    if tactic.kind == "passive":
        return tuple(_rest(leg) for leg in in_step)
    return tuple(_slice(tactic, leg, elapsed) for leg in in_step)


def crosses(tactic: Tactic, legs: Sequence[LegFacts], elapsed: float) -> bool:
    """Whether what rests is now to be taken."""
    if tactic.kind != "passive":
        return False
    return elapsed >= tactic.seconds or any(len(leg.tries) - _taken(leg) >= MAX_CHASES for leg in legs)


def exhausted(tactic: Tactic, leg: LegFacts) -> bool:
    """Whether no further attempt at a leg is worth making."""
    tries = leg.tries
    if tactic.kind == "passive":
        return _taken(leg) >= MAX_ATTEMPTS
    if tactic.kind == "twap" and leg.slices > 1:
        in_vain = len(tries) >= MAX_ATTEMPTS and not any(order.filled for order in tries[-MAX_ATTEMPTS:])
        return in_vain or len(tries) >= min(2 * leg.slices + MAX_ATTEMPTS, MOST_TRIES)
    return len(tries) >= MAX_ATTEMPTS


def _rest(leg: LegFacts) -> Child:
    pause = CHASE_PAUSE if leg.tries else 0.0
    return Child(leg.index, _through(leg, 1), OrderStyle.POST_ONLY, pause)


def _slice(tactic: Tactic, leg: LegFacts, elapsed: float) -> Child:
    """At the beginning of each slot, what makes the leg whole up to it; at most one slice is caught up."""
    slot = tactic.seconds / leg.slices
    begun = min(leg.slices, int(elapsed / slot) + 1)
    if not leg.tries:
        return Child(leg.index, _through(leg, 1), OrderStyle.IOC)
    if begun == leg.slices:
        pause = _pause(max(1, len(leg.tries) - leg.slices))
        return Child(leg.index, _through(leg, _next_part(leg) + 1), OrderStyle.IOC, pause)
    part = min(begun + 1, _next_part(leg) + 1)
    return Child(leg.index, _through(leg, part), OrderStyle.IOC, max(0.0, begun * slot - elapsed))


def _next_part(leg: LegFacts) -> int:
    """The first part that is not had yet, as far as the venue's minimum lets it be completed."""
    for part in range(1, leg.slices):
        if up_to(leg.lots, leg.slices, part) - leg.forward >= leg.min_lots:
            return part
    return leg.slices


def _through(leg: LegFacts, part: int) -> int:
    """The lots that complete the leg's parts up to and including ``part``."""
    return min(leg.missing, up_to(leg.lots, leg.slices, max(part, _next_part(leg))) - leg.forward)


def _progress(leg: LegFacts) -> Fraction:
    return Fraction(_next_part(leg) - 1, leg.slices)


def _taken(leg: LegFacts) -> int:
    return sum(1 for order in leg.tries if order.style is not OrderStyle.POST_ONLY)


def _pause(tries: int) -> float:
    """Nothing before the first order; then longer each time."""
    return min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE) if tries else 0.0
