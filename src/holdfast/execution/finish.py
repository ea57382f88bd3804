"""The four ways an execution ends, and what each means for its sleeve."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.execution import repository
from holdfast.execution.decide import End
from holdfast.execution.further import missing_of
from holdfast.execution.incidents.attention import note_attention
from holdfast.execution.models import Execution, Order
from holdfast.execution.orders import BOOKS_DIFFER, OrderEvent, OrderState
from holdfast.execution.plans import legs_of, traded, view_of
from holdfast.execution.repository import STUCK_STATE
from holdfast.market.instruments import InstrumentBook
from holdfast.platform.jobs import enqueue
from holdfast.portfolio.booking import closable, release_remainders, settle_alterations
from holdfast.portfolio.models import Plan


async def end(session: AsyncSession, execution: Execution, plan: Plan, how: End, *, now: datetime) -> None:
    """Write the end of an execution that has traded."""
    execution.finished_at = now
    execution.state = STUCK_STATE if how is End.STUCK else how.value
    match execution.kind:
        case "open":
            await _end_opening(session, execution, how, now=now)
        case "rebalance":
            await _end_rebalance(session, execution, plan, how, now=now)
        case _:
            await _end_closing(session, execution, plan, how, now=now)
    await note_attention(session, execution, now=now)
    await enqueue(session, "execution.reconcile", str(execution.connection_id), now=now)


async def _end_opening(session: AsyncSession, execution: Execution, how: End, *, now: datetime) -> None:
    match how:
        case End.COMPLETE:
            execution.reason = "Every leg was filled as previewed."
        case End.COMPLETE_WITH_RESIDUAL:
            execution.reason = (
                "Every leg that could be had was filled; what the venue's minimums left out is shown."
            )
        case End.UNWOUND:
            refusals = await _refusals(session, execution)
            execution.reason = f"{refusals} Everything this had opened was closed again."
            await settle_alterations(session, sleeve_id=execution.sleeve_id, now=now)
            moved = await release_remainders(
                session, execution.sleeve_id, reference=f"unwind:{execution.id}", now=now
            )
            if moved:
                execution.reason += (
                    f" A remainder too small to trade stays in your account: {', '.join(moved)}."
                )
        case End.STUCK:
            left = await _given_up(session, execution) or "The market did not take back everything."
            execution.reason = (
                f"A leg could not be had, and not all that had been opened was closed again. {left} Look at "
                "the position and close what is left."
            )
    if how in (End.COMPLETE, End.COMPLETE_WITH_RESIDUAL):
        await repository.set_sleeve_state(session, execution.sleeve_id, state="active", opened_at=now)
    elif how is End.UNWOUND:
        await repository.set_sleeve_state(session, execution.sleeve_id, state="unwound", closed_at=now)
    else:
        await repository.set_sleeve_state(session, execution.sleeve_id, state=STUCK_STATE, opened_at=now)


async def _end_rebalance(
    session: AsyncSession, execution: Execution, plan: Plan, how: End, *, now: datetime
) -> None:
    """Never taken back: what was traded brought the position nearer to its weights. A position that others
    have emptied meanwhile is closed: nobody else looks at it while an execution is at work."""
    if not await closable(session, execution.sleeve_id):
        execution.reason = "Everything this position held was closed meanwhile, and the position is closed."
        if how is End.STUCK:
            refusals = await _refusals(session, execution)
            execution.reason = f"{refusals} It was rebalanced only in part. {execution.reason}"
        await settle_alterations(session, sleeve_id=execution.sleeve_id, now=now)
        await repository.set_sleeve_state(session, execution.sleeve_id, state="closed", closed_at=now)
        return
    if how is End.STUCK:
        execution.reason = (
            f"{await _refusals(session, execution)} The position was rebalanced only in part and is not at "
            "its weights. Preview a new rebalance, or close it."
        )
        await repository.set_sleeve_state(session, execution.sleeve_id, state=STUCK_STATE)
        return
    lost = await _lost(session, execution, plan)
    execution.reason = "The position is at the index's present weights, as previewed."
    if lost:
        execution.reason = (
            f"{', '.join(lost)} was closed outside Holdfast meanwhile, so the position may not be at its "
            "weights. Preview a new rebalance."
        )
    elif how is End.COMPLETE_WITH_RESIDUAL:
        execution.reason = (
            "The position is as near to the index's present weights as the venue's minimums let it be; what "
            "they left out is shown."
        )
    version = view_of(plan).index_version
    await repository.set_sleeve_state(session, execution.sleeve_id, state="active", index_version=version)


async def _end_closing(
    session: AsyncSession, execution: Execution, plan: Plan, how: End, *, now: datetime
) -> None:
    if how is End.STUCK:
        refusals = await _refusals(session, execution)
        execution.reason = f"{refusals} The position is closed only in part. Preview the rest and close it."
        await repository.set_sleeve_state(session, execution.sleeve_id, state=STUCK_STATE)
        return
    unplanned = await _unplanned(session, execution, plan)
    if unplanned:
        execution.reason = (
            f"What was previewed was closed. {', '.join(unplanned)} is still held: preview the rest and "
            "close it."
        )
        await repository.set_sleeve_state(session, execution.sleeve_id, state=STUCK_STATE)
        return
    by_hand = {leg.symbol for leg in legs_of(plan) if leg.action == "by_hand"}
    lost = {*await _lost(session, execution, plan)}
    lost |= {*await settle_alterations(session, sleeve_id=execution.sleeve_id, now=now)} - by_hand
    moved = await release_remainders(session, execution.sleeve_id, reference=f"close:{execution.id}", now=now)
    execution.reason = "What was left was closed." if lost else "Every leg was closed as previewed."
    if lost | by_hand:
        execution.reason += (
            f" {', '.join(sorted(lost | by_hand))} had been closed outside Holdfast and was booked as such."
        )
    if moved:
        execution.reason += f" A remainder too small to trade stays in your account: {', '.join(moved)}."
    await repository.set_sleeve_state(session, execution.sleeve_id, state="closed", closed_at=now)


async def _lost(session: AsyncSession, execution: Execution, plan: Plan) -> list[str]:
    """What closing legs have not traded and the position does not hold any more: others have closed it."""
    orders = await repository.orders_of(session, execution.id)
    owned = await closable(session, execution.sleeve_id)
    legs = [leg for leg in traded(legs_of(plan)) if leg.closes]
    return sorted(leg.symbol for leg in legs if leg.left(owned) < missing_of(leg, orders, None))


async def _unplanned(session: AsyncSession, execution: Execution, plan: Plan) -> list[str]:
    """What the position holds and this plan was not to close, whole legs or more of one than was previewed:
    what could still be traded is no remainder to let go of."""
    rules = InstrumentBook()
    await rules.refresh(session)
    legs = legs_of(plan)
    planned = {leg.symbol for leg in legs}
    limits = {leg.symbol: leg.limit_price for leg in traded(legs)}

    def tradable(symbol: str, left: Decimal) -> bool:
        instrument = rules.get(symbol)
        if instrument is None or symbol not in limits:
            return False
        return instrument.floor_lots(abs(left)) >= instrument.min_lots(limits[symbol])

    held = await closable(session, execution.sleeve_id)
    return sorted(symbol for symbol, left in held.items() if symbol not in planned or tradable(symbol, left))


async def not_started(session: AsyncSession, execution: Execution, reason: str, *, now: datetime) -> None:
    """End an execution before its first order: nothing was traded."""
    for order in await repository.orders_of(session, execution.id):
        if order.state == OrderState.PLANNED:
            repository.record(session, order, OrderEvent.ABANDON, now=now)
    execution.state, execution.reason, execution.finished_at = End.UNWOUND.value, reason, now
    if execution.kind == "open":
        await repository.set_sleeve_state(session, execution.sleeve_id, state="unwound", closed_at=now)
        return
    state = STUCK_STATE if await repository.troubled_before(session, execution) else "active"
    await repository.set_sleeve_state(session, execution.sleeve_id, state=state)


async def _refusals(session: AsyncSession, execution: Execution) -> str:
    orders = await repository.orders_of(session, execution.id)
    refused = {o.symbol: o for o in orders if o.role != "unwind" and o.reject_reason}
    if refused:
        return " ".join(_refusal(order) for order in refused.values())
    short = {o.symbol for o in orders if o.role != "unwind" and o.state == OrderState.CANCELLED}
    return f"{', '.join(sorted(short))} could not be had within the previewed price."


async def _given_up(session: AsyncSession, execution: Execution) -> str:
    """What was not taken back because the books differ from the account, and how they do."""
    orders = await repository.orders_of(session, execution.id)
    left = {o.symbol: o for o in orders if o.role == "unwind" and o.reject_code == BOOKS_DIFFER}
    return " ".join(_refusal(order) for order in left.values())


def _refusal(order: Order) -> str:
    if order.reject_code == BOOKS_DIFFER:
        return f"{order.symbol} was left as it is: {order.reject_reason}"
    return f"{order.symbol} was refused: {order.reject_reason}."
