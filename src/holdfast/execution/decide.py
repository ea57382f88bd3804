"""What to do next with an execution, decided from its rows alone. Pure, so that it can be restarted anywhere.

An opening that cannot be completed is unwound. A closing is never reopened, and a rebalance never taken back:
what reduces is still carried through, what adds is not, and the end says so. An order in doubt stops
everything else on its execution until the venue has answered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from holdfast.execution.orders import FINAL, IN_DOUBT, WORKING, OrderState
from holdfast.execution.standing import LegFacts, OrderFacts
from holdfast.execution.tactics import Child, crosses, exhausted, next_orders
from holdfast.portfolio.tactics import AT_ONCE, Tactic

__all__ = ["Act", "Decision", "End", "LegFacts", "Mode", "OrderFacts", "decide"]

MAX_UNWIND_ATTEMPTS: Final = 8
RETRYABLE_REJECTIONS: Final = frozenset({"110063", "110079", "110118", "170218"})
"""Settlement in progress, being processed, no price at the moment, would take though it is to rest: nothing
wrong with the order itself."""

Kind = Literal["open", "close", "rebalance"]


class Mode(StrEnum):
    FORWARD = "forward"
    UNWINDING = "unwinding"


class Act(StrEnum):
    ASK = "ask"
    """Ask the venue about these orders: in doubt, working, or with fills not yet booked."""
    SEND = "send"
    ABANDON = "abandon"
    """Never send these legs' planned orders: what they are part of is being given up, or was had already."""
    CANCEL = "cancel"
    """End these legs' resting orders."""
    TRY_AGAIN = "try_again"
    """Write further orders for what these legs miss."""
    WAIT = "wait"
    """Orders rest, or are not due: look again in a while."""
    UNWIND = "unwind"
    FINISH = "finish"


class End(StrEnum):
    COMPLETE = "complete"
    COMPLETE_WITH_RESIDUAL = "complete_with_residual"
    UNWOUND = "unwound"
    STUCK = "stuck"
    """A closing, a rebalance or an unwinding that the market did not take within its attempts, or whose books
    differed for too long: shown, never silent."""


@dataclass(frozen=True, slots=True)
class Decision:
    act: Act
    legs: tuple[int, ...] = ()
    end: End | None = None
    children: tuple[Child, ...] = ()


def decide(
    kind: Kind,
    mode: Mode,
    legs: tuple[LegFacts, ...],
    *,
    residual_planned: bool,
    tactic: Tactic = AT_ONCE,
    elapsed: float = 0.0,
) -> Decision:
    """The next act. ``residual_planned``: the preview itself left something out. ``elapsed``: seconds since
    the execution began."""
    asking = _legs_with(legs, _needs_answer)
    if asking:
        return Decision(Act.ASK, asking)
    giving_up = mode is Mode.UNWINDING or (kind != "close" and any(_hopeless(leg, tactic) for leg in legs))
    given_up = [leg for leg in legs if giving_up and (kind == "open" or leg.adds)]
    abandoned = tuple(
        leg.index for leg in legs if any(_is_dropped(order, leg, leg in given_up) for order in leg.orders)
    )
    if abandoned:
        return Decision(Act.ABANDON, abandoned)
    ending = [leg for leg in legs if leg in given_up or _rests_for_too_much(leg)]
    if crosses(tactic, legs, elapsed):  # nobody rests any more, not even once that leg is given up
        ending, elapsed = list(legs), max(elapsed, tactic.seconds)
    cancelled = _legs_with(ending, lambda order: order.resting)
    if cancelled:
        return Decision(Act.CANCEL, cancelled)
    held_back = _held_back(kind, tactic, legs)
    sending = _legs_with(
        [leg for leg in legs if leg.index not in held_back], lambda order: order.planned and order.wait <= 0
    )
    if sending:
        return Decision(Act.SEND, sending)
    if kind == "open" and giving_up:
        return _unwind(legs)
    return _go_on(legs, given_up, tactic, elapsed, residual_planned=residual_planned)


def _go_on(
    legs: tuple[LegFacts, ...],
    given_up: list[LegFacts],
    tactic: Tactic,
    elapsed: float,
    *,
    residual_planned: bool,
) -> Decision:
    going_on = [leg for leg in legs if leg not in given_up and not _hopeless(leg, tactic)]
    children = next_orders(tactic, going_on, elapsed=elapsed)
    if children:
        return Decision(Act.TRY_AGAIN, tuple(child.leg for child in children), children=children)
    waiting = tuple(leg.index for leg in legs if leg.live)
    if waiting:
        return Decision(Act.WAIT, waiting)
    if any(leg.short for leg in legs):
        return Decision(Act.FINISH, end=End.STUCK)
    whole = all(leg.unfilled <= 0 for leg in legs) and not residual_planned
    return Decision(Act.FINISH, end=End.COMPLETE if whole else End.COMPLETE_WITH_RESIDUAL)


def _is_dropped(order: OrderFacts, leg: LegFacts, given_up: bool) -> bool:
    """Whether a planned order is not to be sent any more. A fill told late, or what others have closed, may
    have left it larger than what it is for: a smaller one is written under an id of its own, since this one
    may have been sent once."""
    if not order.planned:
        return False
    if order.role == "unwind":
        return order.lots > leg.still_open
    return given_up or order.lots > leg.missing


def _rests_for_too_much(leg: LegFacts) -> bool:
    return any(order.resting and order.lots - order.filled > leg.missing for order in leg.orders)


def _held_back(kind: Kind, tactic: Tactic, legs: tuple[LegFacts, ...]) -> frozenset[int]:
    """A rebalance that goes at once reduces first: that frees what the other legs need. One that takes its
    time goes leg beside leg, so that it is never long without its hedge."""
    if kind != "rebalance" or tactic.takes_time:
        return frozenset()
    reducing = any(not leg.adds and (leg.live or leg.short) for leg in legs)
    return frozenset(leg.index for leg in legs if leg.adds and reducing)


def _unwind(legs: tuple[LegFacts, ...]) -> Decision:
    owing = [leg for leg in legs if leg.still_open > 0 and (leg.live or not _too_small_to_unwind(leg))]
    if not owing:
        return Decision(Act.FINISH, end=End.UNWOUND)
    idle = [leg for leg in owing if not leg.live and not leg.disputed]
    if idle and all(leg.unwinds_missed < MAX_UNWIND_ATTEMPTS for leg in idle):
        return Decision(Act.UNWIND, tuple(leg.index for leg in idle))
    waiting = tuple(leg.index for leg in owing if leg.live)
    return Decision(Act.WAIT, waiting) if waiting else Decision(Act.FINISH, end=End.STUCK)


def _too_small_to_unwind(leg: LegFacts) -> bool:
    """Below the venue's minimum, and the venue has refused to take it back once: dust."""
    refused = any(
        order.role == "unwind" and order.state is OrderState.REJECTED and not order.given_up
        for order in leg.orders
    )
    return leg.still_open < leg.min_lots and refused


def _hopeless(leg: LegFacts, tactic: Tactic) -> bool:
    """Still missing something, with its last order ended and no further attempt worth making."""
    if not leg.short or not leg.orders or leg.orders[-1].state not in FINAL:
        return False
    return _refused(leg) or exhausted(tactic, leg)


def _refused(leg: LegFacts) -> bool:
    last = leg.orders[-1]
    return last.state is OrderState.REJECTED and last.reject_code not in RETRYABLE_REJECTIONS


def _needs_answer(order: OrderFacts) -> bool:
    if order.state in IN_DOUBT or (order.state in WORKING and not order.resting):
        return True
    return order.state in FINAL and order.booked != order.filled


def _legs_with(
    legs: tuple[LegFacts, ...] | list[LegFacts], matches: Callable[[OrderFacts], bool]
) -> tuple[int, ...]:
    return tuple(leg.index for leg in legs if any(matches(order) for order in leg.orders))
