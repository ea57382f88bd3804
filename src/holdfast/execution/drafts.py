"""Order rows before they are sent, and the form in which the venue gets them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from holdfast.core.identity import new_id
from holdfast.core.instruments import Side
from holdfast.execution.ids import Role, client_id
from holdfast.execution.models import Execution, Order
from holdfast.execution.orders import OrderState
from holdfast.execution.plans import PlannedLeg
from holdfast.venues.protocol import OrderRequest, OrderStyle


def new_order(
    execution: Execution,
    leg: PlannedLeg,
    *,
    role: Role,
    attempt: int,
    side: Side,
    quantity: Decimal,
    limit_price: Decimal,
    reduce_only: bool,
    now: datetime,
    style: OrderStyle = OrderStyle.IOC,
    due_at: datetime | None = None,
) -> Order:
    """The row of an order, with the id the venue will know it by."""
    return Order(
        id=new_id(),
        execution_id=execution.id,
        sleeve_id=execution.sleeve_id,
        connection_id=execution.connection_id,
        leg=leg.index,
        role=role,
        attempt=attempt,
        client_id=client_id(execution.id, role, leg.index, attempt),
        symbol=leg.symbol,
        side=side,
        quantity=quantity,
        limit_price=limit_price,
        reduce_only=reduce_only,
        style=style,
        due_at=due_at,
        state=OrderState.PLANNED,
        filled_quantity=Decimal(0),
        created_at=now,
    )


def still_open(orders: Sequence[Order], leg: int) -> Decimal:
    """What the orders of a leg have opened and not yet taken back."""
    opened = sum((o.filled_quantity for o in orders if o.leg == leg and o.role == "open"), Decimal(0))
    return opened - sum(
        (o.filled_quantity for o in orders if o.leg == leg and o.role == "unwind"), Decimal(0)
    )


def role_of(execution: Execution) -> Role:
    """The role of the orders that carry an execution's plan out."""
    return "open" if execution.kind == "open" else "rebalance" if execution.kind == "rebalance" else "close"


def request_of(order: Order, slippage: Decimal = Decimal(0)) -> OrderRequest:
    """``slippage``: how far from the best price a market order may go, as a share."""
    return OrderRequest(
        client_id=order.client_id,
        symbol=order.symbol,
        side=Side(order.side),
        quantity=order.quantity,
        limit_price=order.limit_price,
        reduce_only=order.reduce_only,
        style=OrderStyle(order.style),
        slippage=slippage,
        decided_at=order.sent_at,
    )
