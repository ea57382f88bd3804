"""The part of a plan the executor needs: the legs, as they were previewed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from holdfast.core.instruments import Side
from holdfast.portfolio.models import Plan
from holdfast.portfolio.schemas import PlanLeg, PlanView
from holdfast.portfolio.tactics import Tactic

START_WITHIN = timedelta(seconds=60)
"""A confirmed plan that could not be started for this long is not started any more: prices have moved on."""


@dataclass(frozen=True, slots=True)
class PlannedLeg:
    """``closes``: its orders only make smaller what the position holds."""

    index: int
    symbol: str
    action: str
    side: Side
    quantity: Decimal
    expected_price: Decimal
    limit_price: Decimal
    notional: Decimal
    closes: bool
    view: PlanLeg

    def left(self, owned: Mapping[str, Decimal]) -> Decimal:
        """What a position that owns this much (signed, by symbol) still has for a closing leg to close."""
        return max(Decimal(0), -self.side.sign * owned.get(self.symbol, Decimal(0)))


def tactic_of(plan: Plan) -> Tactic:
    """How the plan's orders are to be sent."""
    chosen = view_of(plan).tactic
    return Tactic(chosen.kind, seconds=chosen.seconds, slices=chosen.slices)


def view_of(plan: Plan) -> PlanView:
    """The plan exactly as the user saw it."""
    return PlanView.model_validate(plan.body)


def legs_of(plan: Plan) -> list[PlannedLeg]:
    """Every leg with its number; skipped and by-hand legs included."""
    shown = view_of(plan)
    return [
        PlannedLeg(
            index=index,
            symbol=leg.symbol,
            action=leg.action,
            side=leg.side,
            quantity=leg.quantity,
            expected_price=leg.expected_price,
            limit_price=leg.limit_price,
            notional=leg.notional,
            closes=shown.kind == "close" or leg.reduces,
            view=leg,
        )
        for index, leg in enumerate(shown.legs)
    ]


def traded(legs: list[PlannedLeg]) -> list[PlannedLeg]:
    return [leg for leg in legs if leg.action == "trade"]
