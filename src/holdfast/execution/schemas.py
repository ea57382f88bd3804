"""What the API says about executions and orders."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from holdfast.core.instruments import Side
from holdfast.core.money import Amount
from holdfast.platform.schemas import Schema
from holdfast.portfolio.schemas import PlanKind, TacticView

ExecutionState = Literal[
    "pending", "running", "unwinding", "complete", "complete_with_residual", "unwound", "needs_attention"
]
OrderState = Literal[
    "planned", "sent", "unknown", "accepted", "partially_filled", "filled", "cancelled", "rejected"
]
LegState = Literal[
    "waiting", "working", "filled", "partial", "unfilled", "unwound", "unknown", "skipped", "by_hand"
]


class NewExecution(Schema):
    """Carry out exactly the plan that was previewed: ``digest`` names it."""

    plan_id: UUID
    digest: str = Field(min_length=1, max_length=128)


class ExecutionLeg(Schema):
    """``orders`` are those sent so far, ``slices`` into how many the leg is cut at least. ``resting_price``:
    where an order of it waits in the book; ``next_at``: when its next order may be sent."""

    symbol: str
    name: str
    ticker: str
    side: Side
    state: LegState
    quantity: Amount
    filled_quantity: Amount
    expected_price: Amount
    average_price: Amount | None
    fee: Amount
    orders: int = 0
    slices: int = 1
    resting_price: Amount | None = None
    next_at: datetime | None = None
    note: str


class ExecutionView(Schema):
    """``progress`` from 0 to 1. ``reason`` says in words how it ended. ``until``: when a tactic that takes
    time is to be done, once it has begun."""

    id: UUID
    plan_id: UUID
    position_id: UUID
    connection_id: UUID
    kind: PlanKind
    index_id: str
    index_name: str
    direction: Literal["long", "short"]
    size: Amount
    tactic: TacticView
    until: datetime | None
    state: ExecutionState
    reason: str
    progress: float
    legs: list[ExecutionLeg]
    filled_notional: Amount
    planned_notional: Amount
    fees: Amount
    planned_fees: Amount
    slippage: Amount
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class OrderView(Schema):
    id: UUID
    execution_id: UUID
    position_id: UUID
    index_name: str
    role: Literal["open", "close", "rebalance", "unwind"]
    client_id: str
    venue_order_id: str
    symbol: str
    side: Side
    quantity: Amount
    limit_price: Amount
    reduce_only: bool
    style: Literal["ioc", "post_only", "market"]
    due_at: datetime | None
    state: OrderState
    filled_quantity: Amount
    average_price: Amount | None
    reject_reason: str
    created_at: datetime
    sent_at: datetime | None
    acknowledged_at: datetime | None
    finished_at: datetime | None


class OrderEventView(Schema):
    event: str
    from_state: str
    to_state: str
    detail: dict[str, object]
    at: datetime


class OrderDetail(OrderView):
    events: list[OrderEventView]


TraceKind = Literal["row", "request", "answer", "event", "decision", "job", "stream"]


class TraceItem(Schema):
    """One thing that happened. ``after_ms``: since the plan was confirmed. ``took_ms``: how long it lasted.
    ``symbol`` is empty for what concerns the whole execution."""

    at: datetime
    after_ms: int
    kind: TraceKind
    title: str
    order_id: UUID | None
    symbol: str
    took_ms: int | None
    detail: dict[str, object]


class TraceView(Schema):
    """The time line of an execution, oldest first. ``truncated``: more happened than is kept."""

    execution: ExecutionView
    items: list[TraceItem]
    truncated: bool
