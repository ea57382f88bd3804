"""The rows of an execution as the facts its next act is decided from: everything in lots."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from holdfast.core.instruments import Instrument
from holdfast.execution.drafts import still_open
from holdfast.execution.models import Order
from holdfast.execution.orders import OrderState
from holdfast.execution.plans import PlannedLeg
from holdfast.execution.standing import LegFacts, OrderFacts
from holdfast.venues.protocol import OrderStyle


def facts_of(
    leg: PlannedLeg,
    orders: Sequence[Order],
    booked: Mapping[UUID, Decimal],
    instrument: Instrument,
    *,
    now: datetime,
    owned: Mapping[str, Decimal] | None = None,
) -> LegFacts:
    """``booked``: by order id, the quantity whose fills are in the ledger. ``owned``: what the position
    itself holds (signed, by symbol), where it matters."""
    opened = still_open(orders, leg.index)
    held = opened if owned is None else leg.side.sign * owned.get(leg.symbol, Decimal(0))
    return LegFacts(
        index=leg.index,
        lots=instrument.floor_lots(leg.quantity),
        min_lots=instrument.min_lots(leg.limit_price),
        orders=tuple(
            OrderFacts(
                role=order.role,  # type: ignore[arg-type]  # the column holds nothing else
                attempt=order.attempt,
                state=OrderState(order.state),
                lots=instrument.floor_lots(order.quantity),
                filled=instrument.floor_lots(order.filled_quantity),
                booked=instrument.floor_lots(booked.get(order.id, Decimal(0))),
                reject_code=order.reject_code,
                style=OrderStyle(order.style),
                wait=max(0.0, (order.due_at - now).total_seconds()) if order.due_at else 0.0,
            )
            for order in orders
            if order.leg == leg.index
        ),
        slices=leg.view.slices,
        adds=not leg.view.reduces,
        gone=max(0, instrument.floor_lots(opened) - instrument.floor_lots(max(Decimal(0), held))),
        left=None if owned is None or not leg.closes else instrument.floor_lots(leg.left(owned)),
    )
