"""How many orders a plan sends within a minute. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import ceil
from typing import Final

from holdfast.core.instruments import Side
from holdfast.execution.resting import LOOK_EVERY
from holdfast.execution.risk.gate_books import RATE_WINDOW
from holdfast.execution.tactics import CHASE_PAUSE, MAX_CHASES
from holdfast.portfolio.schemas import PlanView, TacticView

TOO_MANY_AT_ONCE: Final = (
    "This plan begins with {count} orders at once, and the limit is {most} a minute, so waiting does not "
    "help. Raise the limit, or choose an index with fewer legs."
)


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """One leg of a plan that is to be judged. ``parts``: how many orders it is cut into at least;
    ``a_minute``: how many of them are sent within one."""

    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal
    parts: int = 1
    a_minute: int = 1


def planned_orders(plan: PlanView) -> list[PlannedOrder]:
    """The orders of a plan that are to be judged. A leg that is sent in slices counts in slices."""
    return [
        PlannedOrder(
            leg.symbol,
            leg.side,
            leg.quantity,
            leg.limit_price,
            leg.slices,
            _a_minute(leg.slices, plan.tactic),
        )
        for leg in plan.legs
        if leg.action == "trade"
    ]


def _a_minute(slices: int, tactic: TacticView) -> int:
    """How many orders of a leg can fall into one minute: of ``slices`` spread evenly over the tactic's time,
    or of one that rests, follows the market at every look, and is taken in the end."""
    if tactic.kind == "passive":
        looks = ceil(min(tactic.seconds, RATE_WINDOW.total_seconds()) / (LOOK_EVERY + CHASE_PAUSE))
        return max(slices, min(looks, MAX_CHASES) + 1)
    return (
        min(slices, ceil(slices * RATE_WINDOW.total_seconds() / tactic.seconds)) if tactic.seconds else slices
    )


def within_rate(planned: Sequence[PlannedOrder], most: int | None) -> list[PlannedOrder]:
    """A plan counts at most as the limit: what comes after the first order of a leg waits if it is too fast,
    so a plan that would like to send more is slower, and not one that can never begin."""
    room = None if most is None else most - len(planned)
    counted = []
    for order in planned:
        later = order.a_minute - 1 if room is None else min(order.a_minute - 1, room)
        room = None if room is None else room - later
        counted.append(replace(order, a_minute=1 + later))
    return counted
