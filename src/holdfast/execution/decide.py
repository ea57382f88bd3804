"""What to do next with an execution, decided from its rows alone. Pure, so that it can be restarted anywhere.

An opening that cannot be completed is unwound; a closing is never reopened. An order in doubt stops
everything else on its execution until the venue has answered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from holdfast.execution.orders import FINAL, IN_DOUBT, WORKING, OrderState

MAX_ATTEMPTS: Final = 5
MAX_UNWIND_ATTEMPTS: Final = 8
RETRYABLE_REJECTIONS: Final = frozenset({"110063", "110079", "110118"})
"""Settlement in progress, being processed, no price at the moment: nothing wrong with the order itself."""


class Mode(StrEnum):
    FORWARD = "forward"
    UNWINDING = "unwinding"


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """One order of a leg, in lots. ``booked`` are the lots whose fills are in the ledger."""

    role: Literal["open", "close", "unwind"]
    attempt: int
    state: OrderState
    lots: int
    filled: int
    booked: int
    reject_code: str = ""


@dataclass(frozen=True, slots=True)
class LegFacts:
    """One leg to be traded: planned lots, the venue's minimum in lots, and its orders in order of attempt."""

    index: int
    lots: int
    min_lots: int
    orders: tuple[OrderFacts, ...] = ()

    def filled(self, *roles: str) -> int:
        return sum(order.filled for order in self.orders if order.role in roles)

    @property
    def forward(self) -> int:
        return self.filled("open", "close")

    @property
    def missing(self) -> int:
        return self.lots - self.forward

    @property
    def short(self) -> bool:
        """Whether more of it must be had. Less than the venue's minimum is a residual, but never a whole leg
        of an opening: that would be half a hedge."""
        if self.missing >= self.min_lots:
            return True
        return self.missing > 0 and not self.forward and any(order.role == "open" for order in self.orders)

    @property
    def still_open(self) -> int:
        """Lots this execution has opened and not yet unwound."""
        return self.filled("open") - self.filled("unwind")

    @property
    def attempts(self) -> int:
        return sum(1 for order in self.orders if order.role != "unwind")

    @property
    def unwind_attempts(self) -> int:
        return sum(1 for order in self.orders if order.role == "unwind")


class Act(StrEnum):
    ASK = "ask"
    """Ask the venue about these orders: in doubt, working, or with fills not yet booked."""
    SEND = "send"
    ABANDON = "abandon"
    """Never send these legs' planned orders: the execution is being taken back."""
    TRY_AGAIN = "try_again"
    """Write another order for the missing lots of these legs."""
    UNWIND = "unwind"
    FINISH = "finish"


class End(StrEnum):
    COMPLETE = "complete"
    COMPLETE_WITH_RESIDUAL = "complete_with_residual"
    UNWOUND = "unwound"
    STUCK = "stuck"
    """A closing, or an unwinding, that the market did not take within its attempts: shown, never silent."""


@dataclass(frozen=True, slots=True)
class Decision:
    act: Act
    legs: tuple[int, ...] = ()
    end: End | None = None


def decide(
    kind: Literal["open", "close"], mode: Mode, legs: tuple[LegFacts, ...], *, residual_planned: bool
) -> Decision:
    """The next act. ``residual_planned``: the preview itself left something out."""
    asking = _legs_with(legs, _needs_answer)
    if asking:
        return Decision(Act.ASK, asking)
    opening = _legs_with(legs, lambda order: order.state is OrderState.PLANNED and order.role == "open")
    taking_back = mode is Mode.UNWINDING or (kind == "open" and any(_hopeless(leg) for leg in legs))
    if opening and taking_back:
        return Decision(Act.ABANDON, opening)
    sending = _legs_with(legs, lambda order: order.state is OrderState.PLANNED)
    if sending:
        return Decision(Act.SEND, sending)
    if mode is Mode.UNWINDING:
        return _unwind(legs)
    return _go_forward(kind, legs, residual_planned=residual_planned)


def _go_forward(kind: str, legs: tuple[LegFacts, ...], *, residual_planned: bool) -> Decision:
    short = [leg for leg in legs if leg.short]
    if not short:
        whole = all(leg.missing <= 0 for leg in legs) and not residual_planned
        return Decision(Act.FINISH, end=End.COMPLETE if whole else End.COMPLETE_WITH_RESIDUAL)
    if not any(_hopeless(leg) for leg in short):
        return Decision(Act.TRY_AGAIN, tuple(leg.index for leg in short))
    if kind == "close":
        return Decision(Act.FINISH, end=End.STUCK)
    return _unwind(legs)


def _unwind(legs: tuple[LegFacts, ...]) -> Decision:
    owing = [leg for leg in legs if leg.still_open > 0 and not _too_small_to_unwind(leg)]
    if not owing:
        return Decision(Act.FINISH, end=End.UNWOUND)
    if any(leg.unwind_attempts >= MAX_UNWIND_ATTEMPTS for leg in owing):
        return Decision(Act.FINISH, end=End.STUCK)
    return Decision(Act.UNWIND, tuple(leg.index for leg in owing))


def _too_small_to_unwind(leg: LegFacts) -> bool:
    """Below the venue's minimum, and the venue has refused to take it back once: dust."""
    tried = any(order.role == "unwind" and order.state is OrderState.REJECTED for order in leg.orders)
    return leg.still_open < leg.min_lots and tried


def _hopeless(leg: LegFacts) -> bool:
    """Still missing something, with its last order ended and no further attempt worth making."""
    if not leg.short or not leg.orders or leg.orders[-1].state not in FINAL:
        return False
    return _refused(leg) or leg.attempts >= MAX_ATTEMPTS


def _refused(leg: LegFacts) -> bool:
    last = leg.orders[-1] if leg.orders else None
    return (
        last is not None
        and last.state is OrderState.REJECTED
        and last.reject_code not in RETRYABLE_REJECTIONS
    )


def _needs_answer(order: OrderFacts) -> bool:
    if order.state in IN_DOUBT or order.state in WORKING:
        return True
    return order.state in FINAL and order.booked != order.filled


def _legs_with(legs: tuple[LegFacts, ...], matches: Callable[[OrderFacts], bool]) -> tuple[int, ...]:
    return tuple(leg.index for leg in legs if any(matches(order) for order in leg.orders))
