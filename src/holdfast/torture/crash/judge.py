"""Compares the books with the venue's own truth, to the last lot and unit, once all has been mended."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.instruments import Side
from holdfast.execution.ids import is_ours
from holdfast.execution.incidents.models import Incident
from holdfast.execution.models import Execution, Order, OrderEvent
from holdfast.execution.orders import FINAL
from holdfast.execution.plans import legs_of, traded
from holdfast.portfolio.models import Fill, Halt, Plan, Posting, Sleeve

ZERO: Final = Decimal(0)
QUOTE: Final = "USDT"


async def judge(
    session: AsyncSession,
    connection_id: UUID,
    truth: dict[str, Any],
    *,
    began: dict[str, Decimal],
    incidents: Collection[str],
) -> list[str]:
    """Everything that is wrong with one connection, in words; empty if nothing is.

    Args:
        began: what the account held, by symbol, before any fill of ``truth``.
        incidents: kinds of those that are rightly told; a crash of ours is none of them.
    """
    orders = list(await session.scalars(select(Order).where(Order.connection_id == connection_id)))
    fills = list(await session.scalars(select(Fill).where(Fill.connection_id == connection_id)))
    postings = list(await session.scalars(select(Posting).where(Posting.connection_id == connection_id)))
    events = list(
        await session.scalars(
            select(OrderEvent)
            .where(OrderEvent.order_id.in_([order.id for order in orders]))
            .order_by(OrderEvent.id)
        )
    )
    halts = await session.scalars(select(Halt).where(Halt.connection_id == connection_id))
    found = [f"{halt.symbol} is halted: {halt.reason}" for halt in halts]
    told = await session.scalars(select(Incident).where(Incident.connection_id == connection_id))
    found += [f"an incident was told: {one.title}" for one in told if one.kind not in incidents]
    found += _order_problems(orders, truth["orders"])
    found += _event_problems(orders, events)
    found += _fill_problems(orders, fills, truth["fills"])
    found += _ledger_problems(fills, postings, truth, began)
    found += _owner_problems(fills, postings)
    for execution in await session.scalars(select(Execution).where(Execution.connection_id == connection_id)):
        found += await _execution_problems(session, execution, orders, postings)
    return found


def _order_problems(orders: list[Order], theirs: list[dict[str, Any]]) -> list[str]:
    found = [f"order {o.client_id} is left {o.state}" for o in orders if o.state not in FINAL]
    links = Counter(order["link_id"] for order in theirs if order["link_id"])
    found += [f"the venue got {link} {times} times" for link, times in links.items() if times > 1]
    ours = {order.client_id: order for order in orders}
    known = {order["link_id"]: order for order in theirs if is_ours(order["link_id"])}
    found += [f"the venue has an order {link} we know nothing of" for link in known.keys() - ours.keys()]
    for link, their in known.items():
        our = ours.get(link)
        if our and (our.symbol, our.quantity, our.filled_quantity) != (
            their["symbol"],
            Decimal(their["qty"]),
            Decimal(their["filled"]),
        ):
            found.append(
                f"order {link}: we say {our.filled_quantity} of {our.quantity} {our.symbol}, "
                f"the venue {their['filled']} of {their['qty']} {their['symbol']}"
            )
    found += [
        f"order {link} is filled here and unknown to the venue"
        for link, our in ours.items()
        if our.filled_quantity and link not in known
    ]
    return found


def _event_problems(orders: list[Order], events: list[OrderEvent]) -> list[str]:
    """The trail of each order is one unbroken line that ends in its state."""
    state: dict[UUID, str] = {}
    found = []
    for event in events:
        before = state.get(event.order_id, "planned")
        if event.from_state != before:
            found.append(f"event {event.event} left {event.from_state}, but the order was {before}")
        state[event.order_id] = event.to_state
    return found + [
        f"order {order.client_id} is {order.state}, its events say {state[order.id]}"
        for order in orders
        if order.id in state and state[order.id] != order.state
    ]


def _fill_problems(orders: list[Order], fills: list[Fill], theirs: list[dict[str, Any]]) -> list[str]:
    ours = {fill.exec_id: fill for fill in fills}
    known = {fill["exec_id"]: fill for fill in theirs}
    owner = {order.client_id: (order.id, order.sleeve_id) for order in orders}
    found = [f"fill {name} of the venue is not booked" for name in known.keys() - ours.keys()]
    found += [f"fill {name} is booked and unknown to the venue" for name in ours.keys() - known.keys()]
    for name in ours.keys() & known.keys():
        our, their = ours[name], known[name]
        said = (our.symbol, our.side, our.quantity, our.price, our.fee, our.client_id)
        told = (
            their["symbol"],
            their["side"].lower(),
            Decimal(their["qty"]),
            Decimal(their["price"]),
            Decimal(their["fee"]),
            their["link_id"],
        )
        if said != told:
            found.append(f"fill {name}: we say {said}, the venue {told}")
        if (our.order_id, our.sleeve_id) != owner.get(their["link_id"], (None, None)):
            found.append(f"fill {name} of {their['link_id'] or 'the user'} is booked to somebody else")
    booked: dict[UUID | None, Decimal] = defaultdict(Decimal)
    for fill in fills:
        booked[fill.order_id] += fill.quantity
    return found + [
        f"order {order.client_id}: {order.filled_quantity} filled, {booked[order.id]} booked"
        for order in orders
        if order.filled_quantity != booked[order.id]
    ]


def _ledger_problems(
    fills: list[Fill], postings: list[Posting], truth: dict[str, Any], began: dict[str, Decimal]
) -> list[str]:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in postings:
        sums[line.kind, line.asset] += line.amount
    venue = {held["symbol"]: Decimal(held["size"]) for held in truth["positions"]}
    symbols = {fill.symbol for fill in fills} | venue.keys() | began.keys()
    held = {
        symbol: sum((amount for (_, asset), amount in sums.items() if asset == symbol), ZERO)
        for symbol in symbols
    }
    found = [
        f"{symbol}: sleeves and manual holding make {held[symbol]}, the venue holds {venue.get(symbol, ZERO)}"
        for symbol in sorted(symbols)
        if held[symbol] != venue.get(symbol, ZERO)
    ]
    found += _differs("fees", -sums["fee", QUOTE], (fill["fee"] for fill in truth["fills"]))
    found += _differs("funding", sums["funding", QUOTE], (paid["amount"] for paid in truth["funding"]))
    turnover = (
        Decimal(fill["qty"]) * Decimal(fill["price"]) * (1 if fill["side"] == "Sell" else -1)
        for fill in truth["fills"]
    )
    return found + _differs("value of all trades", sums["trade", QUOTE], turnover)


def _owner_problems(fills: list[Fill], postings: list[Posting]) -> list[str]:
    """Each sleeve, and the user's own holding, has the trades and fees of its own fills and no others."""
    sums: dict[tuple[UUID | None, str], Decimal] = defaultdict(Decimal)
    for line in postings:
        if line.kind in ("trade", "fee"):
            sums[line.sleeve_id, line.kind if line.asset == QUOTE else line.asset] -= line.amount
    for fill in fills:
        moved = Side(fill.side).sign * fill.quantity
        sums[fill.sleeve_id, fill.symbol] += moved
        sums[fill.sleeve_id, "trade"] -= moved * fill.price
        sums[fill.sleeve_id, "fee"] -= fill.fee
    return [
        f"{owner or 'the user'}: {name} differs from the fills by {rest}"
        for (owner, name), rest in sums.items()
        if rest
    ]


def _differs(name: str, ours: Decimal, theirs: Iterable[Any]) -> list[str]:
    total = sum((Decimal(one) for one in theirs), ZERO)
    return [] if ours == total else [f"{name}: we say {ours}, the venue {total}"]


async def _execution_problems(
    session: AsyncSession, execution: Execution, orders: list[Order], postings: list[Posting]
) -> list[str]:
    """It has ended in a defined way, and what its position holds is what that way means."""
    if execution.finished_at is None:
        return [f"execution is left {execution.state}: {execution.reason}"]
    found = []
    sleeve = await session.get_one(Sleeve, execution.sleeve_id)
    if sleeve.state in ("unwound", "closed"):
        symbols = {order.symbol for order in orders}
        held = _by_symbol((line.asset, line.amount) for line in postings if line.sleeve_id == sleeve.id)
        left = {symbol: quantity for symbol, quantity in held.items() if symbol in symbols}
        found += [f"the position is {sleeve.state} and holds {left}"] if left else []
    if execution.state == "complete":
        plan = await session.get_one(Plan, execution.plan_id)
        wanted = _by_symbol((leg.symbol, leg.side.sign * leg.quantity) for leg in traded(legs_of(plan)))
        done = _by_symbol(
            (order.symbol, Side(order.side).sign * order.filled_quantity)
            for order in orders
            if order.execution_id == execution.id
        )
        found += [f"complete, and it traded {done} instead of {wanted}"] if done != wanted else []
    return found


def _by_symbol(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Sums that are not zero."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for symbol, amount in amounts:
        sums[symbol] += amount
    return {symbol: total for symbol, total in sums.items() if total}
