"""Executions and orders as the API shows them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.execution import repository
from holdfast.execution.models import Execution, Order, OrderEvent
from holdfast.execution.orders import FINAL, OrderState
from holdfast.execution.plans import PlannedLeg, legs_of, view_of
from holdfast.execution.resting import is_resting
from holdfast.execution.schemas import (
    ExecutionLeg,
    ExecutionView,
    LegState,
    OrderDetail,
    OrderEventView,
    OrderView,
)
from holdfast.portfolio.positions import index_name
from holdfast.portfolio.schemas import TacticView

Sums = dict[UUID, tuple[Decimal, Decimal, Decimal]]
_NOTHING = (Decimal(0), Decimal(0), Decimal(0))


async def execution_view(session: AsyncSession, execution: Execution) -> ExecutionView:
    """How an execution stands, leg by leg, from its rows."""
    plan = await repository.plan_of(session, execution)
    orders = await repository.orders_of(session, execution.id)
    sums = await repository.fill_sums(session, execution.id)
    planned = view_of(plan)
    legs = [_leg_view(leg, [o for o in orders if o.leg == leg.index], sums) for leg in legs_of(plan)]
    forward = [order for order in orders if order.role != "unwind"]
    return ExecutionView(
        id=execution.id,
        plan_id=execution.plan_id,
        position_id=execution.sleeve_id,
        connection_id=execution.connection_id,
        kind=execution.kind,
        index_id=plan.index_id,
        index_name=planned.index_name,
        direction=plan.direction,
        size=plan.size,
        tactic=planned.tactic,
        until=_until(execution, planned.tactic),
        state=execution.state,
        reason=execution.reason,
        progress=_progress(execution, legs),
        legs=legs,
        filled_notional=sum((sums.get(o.id, _NOTHING)[1] for o in forward), Decimal(0)),
        planned_notional=planned.totals.gross,
        fees=sum((fee for _, _, fee in sums.values()), Decimal(0)),
        planned_fees=planned.totals.fees,
        slippage=sum((_slippage(leg, forward, sums) for leg in legs_of(plan)), Decimal(0)),
        created_at=execution.created_at,
        started_at=execution.started_at,
        finished_at=execution.finished_at,
    )


def _until(execution: Execution, tactic: TacticView) -> datetime | None:
    if execution.started_at is None or not tactic.seconds:
        return None
    return execution.started_at + timedelta(seconds=tactic.seconds)


def _leg_view(leg: PlannedLeg, orders: Sequence[Order], sums: Sums) -> ExecutionLeg:
    forward = [order for order in orders if order.role != "unwind"]
    quantity = sum((sums.get(o.id, _NOTHING)[0] for o in forward), Decimal(0))
    value = sum((sums.get(o.id, _NOTHING)[1] for o in forward), Decimal(0))
    return ExecutionLeg(
        symbol=leg.symbol,
        name=leg.view.name,
        ticker=leg.view.ticker,
        side=leg.side,
        state=_leg_state(leg, orders, quantity),
        quantity=leg.quantity,
        filled_quantity=quantity,
        expected_price=leg.expected_price,
        average_price=value / quantity if quantity else None,
        fee=sum((sums.get(o.id, _NOTHING)[2] for o in orders), Decimal(0)),
        orders=sum(order.sent_at is not None for order in forward),
        slices=leg.view.slices,
        resting_price=next((o.limit_price for o in forward if is_resting(o)), None),
        next_at=next((o.due_at for o in forward if o.state == OrderState.PLANNED), None),
        note=leg.view.note or next((o.reject_reason for o in reversed(orders) if o.reject_reason), ""),
    )


def _leg_state(leg: PlannedLeg, orders: Sequence[Order], filled: Decimal) -> LegState:
    if leg.action != "trade":
        return "by_hand" if leg.action == "by_hand" else "skipped"
    unwound = sum((o.filled_quantity for o in orders if o.role == "unwind"), Decimal(0))
    if unwound and unwound >= filled:
        return "unwound"
    states = {OrderState(order.state) for order in orders}
    if OrderState.UNKNOWN in states:
        return "unknown"
    if filled >= leg.quantity:
        return "filled"
    if states <= {OrderState.PLANNED}:
        return "waiting"
    if states <= FINAL:
        return "partial" if filled else "unfilled"
    return "working"


def _progress(execution: Execution, legs: Sequence[ExecutionLeg]) -> float:
    if execution.finished_at:
        return 1.0
    trading = [leg for leg in legs if leg.state not in ("skipped", "by_hand")]
    if not trading:
        return 0.0
    return float(sum(min(Decimal(1), leg.filled_quantity / leg.quantity) for leg in trading) / len(trading))


def _slippage(leg: PlannedLeg, orders: Sequence[Order], sums: Sums) -> Decimal:
    """What the fills cost beyond the expected price; negative when they were better."""
    own = [sums.get(order.id, _NOTHING) for order in orders if order.leg == leg.index]
    return sum(
        (leg.side.sign * (value - quantity * leg.expected_price) for quantity, value, _ in own), Decimal(0)
    )


def order_view(order: Order, index_id: str) -> OrderView:
    return OrderView.model_validate(_order_fields(order, index_id))


def order_detail(order: Order, index_id: str, events: Sequence[OrderEvent]) -> OrderDetail:
    trail = [OrderEventView.model_validate(event) for event in events]
    return OrderDetail.model_validate({**_order_fields(order, index_id), "events": trail})


def _order_fields(order: Order, index_id: str) -> dict[str, object]:
    own = {name: getattr(order, name) for name in OrderView.model_fields if hasattr(order, name)}
    return {**own, "position_id": order.sleeve_id, "index_name": index_name(index_id)}
