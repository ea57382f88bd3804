"""What a user's stops and limits promise, in the same form as the other ``invariants``."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from holdfast.core.money import plain
from holdfast.execution.models import Order
from holdfast.execution.orders import OrderEvent
from holdfast.execution.risk.models import Stop
from holdfast.portfolio.ledger import QUOTE
from holdfast.torture.truth import ZERO, Books

RISKY: Final = ("open", "rebalance")
LIMIT_SLACK: Final = Decimal("1.05")
"""An order's worth is judged at the mark price, and may be filled a little off it."""
STOP_TAKES: Final = timedelta(seconds=2)
"""How long a stop may take from being asked for to being committed."""
PRICES_LAST: Final = 45
"""Seconds for which a price that was read may count, the way of its answer included."""
BOOKED_FOR: Final = timedelta(seconds=3)
"""What is in the books for so long is committed and seen by everybody, unless somebody was frozen."""


def stops_hold(books: Books) -> Iterator[str]:
    """While a stop holds, no order of its scope that adds anything is sent"""
    for order in books.orders.values():
        for at in _adding_sends(books, order):
            for stop in books.stops:
                if stop.scope == "position" and stop.sleeve_id != order.sleeve_id:
                    continue
                since = _in_force(books, stop)
                if since and since < at and (not stop.lifted_at or at < stop.lifted_at):
                    yield f"{order.client_id} was sent at {at:%H:%M:%S}, stopped since {stop.since:%H:%M:%S}"


def _in_force(books: Books, stop: Stop) -> datetime | None:
    """From when on nobody may say that they had not heard of it: a user's, from when they were told. It may
    have to wait for a transaction in which somebody is frozen, and nobody is told meanwhile."""
    known = stop.since + STOP_TAKES if books.steady else None
    return books.told_stopped.get(stop.id, known)


def limits_hold(books: Books) -> Iterator[str]:
    """No order that adds is worth more, and no more of them are sent in a minute, than the user allows"""
    most, a_minute = _limit(books, "order_notional"), _limit(books, "orders_per_minute")
    added = _added(books)
    for order, at in added:
        worth = order.filled_quantity * (order.average_price or ZERO)
        if most is not None and worth > most * LIMIT_SLACK:
            yield f"{order.client_id} is worth {worth:.2f}, {plain(most)} allowed"
        count = sum(at <= other < at + timedelta(minutes=1) for _, other in added)
        if a_minute is not None and count > a_minute:
            yield f"{count} orders in the minute after {at:%H:%M:%S}, {a_minute} allowed"


def sizes_stay_within(books: Books) -> Iterator[str]:
    """When an order that adds is sent, its instrument, its position and all positions together, with all that
    was sent, stay within their limits"""
    limits = {name: _limit(books, name) for name in _CONCERNS}
    if books.price_at is None or not any(limits.values()):
        return
    added = _added(books)
    for order, at in added:
        stakes = _stakes(books, {one.id for one, sent in added if sent <= at}, at)
        for name, concerns in _CONCERNS.items():
            limit = limits[name]
            if limit is None:
                continue
            concerned = {place: held for place, held in stakes.items() if concerns(order, *place)}
            worth = _least_worth(books, concerned, at)
            if worth > limit * LIMIT_SLACK:
                what = f"{name.removesuffix('_notional')} of {order.client_id} at {at:%H:%M:%S}"
                yield f"{what}: {worth:.2f} USDT, {plain(limit)} allowed"


_CONCERNS: Final[dict[str, Callable[[Order, UUID, str], bool]]] = {
    "instrument_notional": lambda order, _, symbol: order.symbol == symbol,
    "sleeve_notional": lambda order, sleeve_id, _: order.sleeve_id == sleeve_id,
    "gross_notional": lambda *_: True,
}


def prices_stay_in_the_band(books: Books) -> Iterator[str]:
    """The first orders of an execution are no further beyond the index price than the user allows"""
    band = _limit(books, "price_band")
    if band is None or books.price_at is None:
        return
    begun: dict[UUID, datetime] = {}
    for order, at in _added(books):
        if begun.setdefault(order.execution_id, at) != at or order.limit_price <= 0:
            continue
        sign = 1 if order.side == "buy" else -1
        off = min(sign * (order.limit_price - index) / index for index in _prices(books, order.symbol, at))
        if off > band:
            yield f"{order.client_id} is {off:.4%} off the index price, {band:.4%} allowed"


def the_fallen_open_nothing(books: Books) -> Iterator[str]:
    """An account that has fallen further from its peak than allowed opens nothing"""
    if books.fallen:
        yield from (f"{order.client_id} was sent at {at:%H:%M:%S}" for order, at in _added(books))


def losses_end_the_day(books: Books) -> Iterator[str]:
    """Once the day's loss has reached the user's limit, nothing more is opened"""
    limit = _limit(books, "daily_loss")
    if limit is None or books.price_at is None or not books.steady:
        return
    for _, at in _added(books):
        result = _best_result(books, at)
        if result is not None and -result >= limit * LIMIT_SLACK:
            yield f"opened at {at:%H:%M:%S} with {-result:.2f} USDT lost, {plain(limit)} allowed"


def _limit(books: Books, name: str) -> Decimal | None:
    """The user's limit of this name; ``None`` for none."""
    return min((value for one in books.limits if (value := getattr(one, name)) is not None), default=None)


def _added(books: Books) -> list[tuple[Order, datetime]]:
    """Orders that add, and when each was sent first, in that order."""
    sent = [(order, min(_adding_sends(books, order), default=None)) for order in books.orders.values()]
    return sorted([(order, at) for order, at in sent if at], key=lambda one: one[1])


def _adding_sends(books: Books, order: Order) -> list[datetime]:
    """When an order was sent that may raise an exposure: of an opening, or of a rebalance's leg that does not
    only close. Where such a leg changes its side, a part that only closes is none."""
    if order.role not in RISKY:
        return []
    leg = next(leg for leg in books.legs[order.execution_id] if leg.index == order.leg)
    sends = [event.at for event in books.events[order.id] if event.event == OrderEvent.SEND]
    if order.role == "open":
        return sends
    return [] if leg.closes else [at for at in sends if not _only_closes(books, order, at)]


def _only_closes(books: Books, order: Order, at: datetime) -> bool:
    """Whether its position held all of it on the other side, as far as that was in the books."""
    held = sum(
        (
            posting.amount
            for posting in books.contracts(order.symbol)
            if posting.sleeve_id == order.sleeve_id and posting.booked_at <= at
        ),
        ZERO,
    )
    return (held > 0) == (order.side == "sell") and abs(held) >= order.quantity


def _stakes(books: Books, sent: set[UUID], at: datetime) -> dict[tuple[UUID, str], Decimal]:
    """What positions held in the books at that moment, and what the orders ``sent`` by then still added."""
    stakes: dict[tuple[UUID, str], Decimal] = defaultdict(lambda: ZERO)
    for posting in books.postings:
        if posting.sleeve_id is None or posting.asset != posting.symbol:
            continue
        fill = books.fills.get(posting.reference)
        if posting.booked_at < at or (fill is not None and fill.order_id in sent):
            stakes[posting.sleeve_id, posting.symbol] += posting.amount
    return stakes


def _least_worth(books: Books, stakes: Mapping[tuple[UUID, str], Decimal], at: datetime) -> Decimal:
    """At the lowest prices that may have been looked at then."""
    return sum((abs(held) * min(_prices(books, symbol, at)) for (_, symbol), held in stakes.items()), ZERO)


def _prices(books: Books, symbol: str, at: datetime) -> list[Decimal]:
    """Those that may have been looked at then."""
    assert books.price_at
    return [books.price_at(symbol, at - timedelta(seconds=ago)) for ago in range(PRICES_LAST)]


def _best_result(books: Books, at: datetime) -> Decimal | None:
    """The day's result of all positions as far as it was in the books, at the prices that flatter it most;
    ``None`` where something changed hands without a trade. Runs do not cross midnight."""
    cash, held = ZERO, defaultdict[str, Decimal](lambda: ZERO)
    for posting in books.postings:
        if posting.sleeve_id is None or posting.booked_at >= at - BOOKED_FOR:
            continue
        if posting.kind == "adjustment":
            return None
        if posting.asset == QUOTE:
            cash += posting.amount
        else:
            held[posting.symbol] += posting.amount
    if any(p.sleeve_id and at - BOOKED_FOR <= p.booked_at < at + BOOKED_FOR for p in books.postings):
        return None
    return cash + sum(
        (max(quantity * price for price in _prices(books, symbol, at)) for symbol, quantity in held.items()),
        ZERO,
    )
