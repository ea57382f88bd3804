"""The rows of further orders: what a leg still misses, and what takes an opening back."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from holdfast.core.instruments import Instrument
from holdfast.execution.drafts import new_order, role_of, still_open
from holdfast.execution.models import Execution, Order
from holdfast.execution.orders import OrderState
from holdfast.execution.plans import PlannedLeg
from holdfast.execution.tactics import Child
from holdfast.venues.protocol import OrderStyle


def missing_of(leg: PlannedLeg, orders: Iterable[Order], owned: Mapping[str, Decimal] | None) -> Decimal:
    """What a leg still wants: its quantity without what its orders have had. A leg that closes wants no more
    than the position still holds: what the venue has closed by force, or the user by hand, is not closed
    again. ``owned`` (signed, by symbol) is ``None`` before anything was traded."""
    had = (o.filled_quantity for o in orders if o.leg == leg.index and o.role != "unwind")
    missing = leg.quantity - sum(had, Decimal(0))
    return missing if owned is None or not leg.closes else min(missing, leg.left(owned))


def takes_back(leg: PlannedLeg, orders: Sequence[Order], owned: Mapping[str, Decimal]) -> Decimal:
    """What is left to be closed again of what a leg has opened: no more than the position holds (``owned``,
    signed, by symbol)."""
    held = leg.side.sign * owned.get(leg.symbol, Decimal(0))
    return min(still_open(orders, leg.index), held)


def next_rows(
    execution: Execution,
    legs: Mapping[int, PlannedLeg],
    orders: Sequence[Order],
    children: Iterable[Child],
    instruments: Mapping[str, Instrument],
    *,
    owned: Mapping[str, Decimal] | None = None,
    now: datetime,
) -> list[Order]:
    """The rows of ``children``. An order that is the only one of its leg takes the leg's exact quantity; none
    is larger than the venue takes in one."""
    rows = []
    for child in children:
        leg = legs[child.leg]
        tried = [order for order in orders if order.leg == leg.index and order.role != "unwind"]
        missing = missing_of(leg, tried, owned)
        instrument = instruments[leg.symbol]
        whole = missing - child.lots * instrument.lot < instrument.lot
        wanted = missing if whole else instrument.quantity(child.lots)
        rows.append(
            new_order(
                execution,
                leg,
                role=role_of(execution),
                attempt=len(tried),
                side=leg.side,
                quantity=min(wanted, _most(instrument, child.style)),
                limit_price=leg.limit_price,
                reduce_only=tried[-1].reduce_only if tried else False,
                style=child.style,
                due_at=now + timedelta(seconds=child.wait) if child.wait else None,
                now=now,
            )
        )
    return rows


def unwinding_rows(
    execution: Execution,
    legs: Sequence[PlannedLeg],
    orders: Sequence[Order],
    prices: Sequence[Decimal],
    owned: Mapping[str, Decimal],
    instruments: Mapping[str, Instrument],
    *,
    now: datetime,
) -> list[Order]:
    """Orders that close again what ``legs`` have open. Whether they are reduce-only is judged when they are
    sent."""
    rows = []
    for leg, price in zip(legs, prices, strict=True):
        instrument = instruments[leg.symbol]
        quantity = min(takes_back(leg, orders, owned), _most(instrument, OrderStyle.IOC))
        quantity = instrument.quantity(instrument.floor_lots(quantity))
        if quantity <= 0 or _under_way(orders, leg.index):
            continue
        rows.append(
            new_order(
                execution,
                leg,
                role="unwind",
                attempt=unwound_times(orders, leg.index),
                side=leg.side.opposite,
                quantity=quantity,
                limit_price=price,
                reduce_only=False,
                now=now,
            )
        )
    return rows


def unwound_times(orders: Iterable[Order], leg: int) -> int:
    return len(_unwinding(orders, leg))


def unwound_in_vain(orders: Iterable[Order], leg: int) -> int:
    """How often the market did not take back the whole of an order: only then its price gives way."""
    return sum(order.filled_quantity < order.quantity for order in _unwinding(orders, leg))


def _unwinding(orders: Iterable[Order], leg: int) -> list[Order]:
    return [order for order in orders if order.leg == leg and order.role == "unwind"]


def _most(instrument: Instrument, style: OrderStyle) -> Decimal:
    """The largest quantity the venue takes in one order."""
    most = instrument.max_market_quantity if style is OrderStyle.MARKET else instrument.max_limit_quantity
    return instrument.quantity(instrument.floor_lots(most))


def _under_way(orders: Iterable[Order], leg: int) -> bool:
    return any(o.leg == leg and o.role == "unwind" and o.state == OrderState.PLANNED for o in orders)
