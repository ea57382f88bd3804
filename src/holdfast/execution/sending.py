"""The last step before the wire: what may go, how much of it, and at which price."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.instruments import Instrument, Side
from holdfast.execution import repository
from holdfast.execution.further import missing_of, takes_back
from holdfast.execution.models import Execution, Order
from holdfast.execution.orders import OrderEvent, OrderState
from holdfast.execution.plans import PlannedLeg
from holdfast.execution.pricing import price_now
from holdfast.execution.resting import is_resting
from holdfast.execution.risk import gate, stops
from holdfast.execution.trail import trail
from holdfast.platform.tasks import Work
from holdfast.portfolio.booking import closable
from holdfast.portfolio.tactics import Tactic
from holdfast.venues.protocol import PublicVenue

Legs = Mapping[int, PlannedLeg]
MAKES_WAY = "everything is being closed at once, and this slower closing makes way for that"


def is_due(order: Order, now: datetime) -> bool:
    return order.state == OrderState.PLANNED and (order.due_at is None or order.due_at <= now)


async def prices_of(
    venue: PublicVenue,
    tactic: Tactic,
    orders: Sequence[Order],
    legs: Legs,
    instruments: Mapping[str, Instrument],
    *,
    allowance: Decimal,
) -> dict[UUID, Decimal]:
    """Limit prices by the book as it is now, never beyond the leg's own, for orders of a tactic that takes
    its time. An order that may have been sent once keeps its price.

    Raises:
        VenueError: no book to go by.
    """
    fresh = [order for order in orders if order.sent_at is None and order.role != "unwind"]
    if not tactic.takes_time or not fresh:
        return {}
    prices = await asyncio.gather(
        *(
            price_now(venue, instruments[o.symbol], o, worst=legs[o.leg].limit_price, allowance=allowance)
            for o in fresh
        )
    )
    return {order.id: price for order, price in zip(fresh, prices, strict=True)}


async def release(
    session: AsyncSession,
    work: Work,
    execution: Execution,
    orders: Sequence[Order],
    chosen: frozenset[int],
    legs: Legs,
    instruments: Mapping[str, Instrument],
    prices: Mapping[UUID, Decimal],
    *,
    net: Mapping[str, Decimal] | None = None,
) -> list[Order]:
    """Make the due orders of the ``chosen`` legs sent, as far as the gate lets them, and return those. What
    is only too fast is put off. ``net``: the account's positions, where they were looked at once more: what
    closes is judged by them, because other positions have moved since it was written."""
    now = work.clock.now()
    due = [order for order in orders if order.leg in chosen and is_due(order, now)]
    closing = {order.id for order in due if closes(order, legs)}
    owned = await closable(session, execution.sleeve_id) if closing else None
    due = [order for order in due if _fits(order, orders, legs, instruments, owned)]
    for order in due:
        order.limit_price = prices.get(order.id, order.limit_price)
        if net is not None and order.id in closing and order.sent_at is None:
            held = net.get(order.symbol, Decimal(0))
            order.reduce_only = repository.reduces(held, Side(order.side), order.quantity)
    refused = await gate.refusals(session, work, execution, due)
    now = work.clock.now()  # the gate may have waited for others, and only what it says now holds
    for order in due:
        reason = refused.get(order.id)
        if isinstance(reason, gate.TooFast):
            order.due_at = now + timedelta(seconds=gate.TOO_FAST_SECONDS)
            trail.waits(gate.TOO_FAST_SECONDS, reason, at=now)
            continue
        if reason:
            forbid(session, order, reason, now=now)
            continue
        order.sent_at = now
        repository.record(session, order, OrderEvent.SEND, now=now)
    return [order for order in due if order.id not in refused]


async def withdraw(
    session: AsyncSession, work: Work, execution: Execution, orders: Sequence[Order], legs: Legs
) -> list[Order]:
    """What a stop takes back of an execution that takes its time: orders that add are forbidden here if they
    are still to come, and are to be cancelled if they rest. What reduces goes on, of a closing and of a
    rebalance, because less risk is what a stop is for; the rebalance ends in “needs attention”. Where
    everything is to be closed at once, a slower order only stands in the way, and makes way.

    Returns:
        The orders concerned.
    """
    reason = await stops.reason_now(session, work.settings, execution.user_id, execution.sleeve_id)
    if not reason:
        return []
    under_way = [o for o in orders if o.role != "unwind" and (o.state == OrderState.PLANNED or is_resting(o))]
    adding = [order for order in under_way if not legs[order.leg].closes]
    concerned = under_way if await repository.is_flattened(session, execution) else adding
    for order in concerned:
        if order.state == OrderState.PLANNED:
            forbid(session, order, reason if order in adding else MAKES_WAY, now=work.clock.now())
    return concerned


def closes(order: Order, legs: Legs) -> bool:
    """Whether it only makes smaller what its position holds. An offline flattening's may be of no leg."""
    return order.role in ("unwind", "close") or legs[order.leg].closes


def forbid(
    session: AsyncSession, order: Order, reason: str, *, now: datetime, code: str = gate.REJECT_CODE
) -> None:
    """Never send a planned order; by default because the gate says so."""
    order.reject_code, order.reject_reason = code, reason
    repository.record(session, order, OrderEvent.FORBID, now=now, reason=reason)


def _fits(
    order: Order,
    orders: Sequence[Order],
    legs: Legs,
    instruments: Mapping[str, Instrument],
    owned: Mapping[str, Decimal] | None,
) -> bool:
    """Whether its leg still misses all of it, or still has all of it to take back; a fill told since the
    decision may have come in between."""
    instrument, leg = instruments[order.symbol], legs[order.leg]
    missing = (
        takes_back(leg, orders, owned or {}) if order.role == "unwind" else missing_of(leg, orders, owned)
    )
    return instrument.floor_lots(order.quantity) <= instrument.floor_lots(max(missing, Decimal(0)))
