"""Guards of what may be sent at all: stops, limits, rates."""

from contextvars import ContextVar
from typing import Any, Final
from uuid import UUID

from holdfast.execution.executor import Executor
from holdfast.execution.risk import gate, limits, stops
from holdfast.torture.mutations.registry import Change, mutation
from holdfast.venues.bybit.budget import LocalBudget, RateBudget


@mutation("stops are not looked at when orders are sent")
def stops_ignored() -> list[Change]:
    asked = stops.reason_now

    async def reason(*args: Any) -> str:
        return "" if _SENDING.get() else await asked(*args)

    async def not_stopped(*_: Any) -> bool:
        return False

    return [
        _sending_is_known(),
        (stops, "reason_now", reason),
        (Executor, "_withdraw_if_stopped", not_stopped),
    ]


@mutation("limits are not looked at when orders are sent")
def limits_ignored() -> list[Change]:

    def nothing(*args: Any, **how: Any) -> dict[object, str]:
        return {} if _SENDING.get() else limits.judge(*args, **how)

    return [_sending_is_known(), (gate, "judge", nothing)]


@mutation("limits are not looked at at all")
def limits_forgotten() -> list[Change]:
    return [(gate, "judge", lambda *_, **__: {}), (gate, "losses", lambda *_: "")]


@mutation("the gate judges openings only, and lets rebalances through")
def rebalances_ungated() -> list[Change]:
    async def no_problems(*args: Any, **how: Any) -> list[str]:
        return [] if args[2] else await original(*args, **how)

    original = gate.plan_problems
    return [(gate, "RISKY", ("open",)), (gate, "plan_problems", no_problems)]


@mutation("the price band is not looked at")
def band_ignored() -> list[Change]:
    return [(limits, "_band", lambda *_: "")]


@mutation("the fall from the peak is not looked at")
def drawdown_ignored() -> list[Change]:
    return [(limits.Result, "drawdown", property(lambda _: None))]


@mutation("the sizes of instruments and positions are not looked at")
def sizes_ignored() -> list[Change]:
    return [(limits, "_sizes", lambda *_: "")]


_SENDING: Final[ContextVar[bool]] = ContextVar("sending", default=False)


def _sending_is_known() -> Change:
    """The gate before orders are sent says so to what it asks."""
    original = gate.refusals

    async def refusals(*args: Any) -> dict[UUID, str]:
        token = _SENDING.set(True)
        try:
            return await original(*args)
        finally:
            _SENDING.reset(token)

    return gate, "refusals", refusals


@mutation("requests leave whenever they like")
def rate_budget_ignored() -> list[Change]:
    async def at_once(*_: Any, **__: Any) -> float:
        return 0.0

    return [
        (budget, name, at_once)
        for budget in (LocalBudget, RateBudget)
        for name in ("reserve", "reserve_address")
    ]
