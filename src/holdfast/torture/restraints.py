"""What a user's stops and limits promise, in the same form as the other ``invariants``."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from holdfast.core.money import plain
from holdfast.execution.orders import OrderEvent
from holdfast.execution.risk.models import Stop
from holdfast.portfolio.ledger import QUOTE
from holdfast.torture.truth import ZERO, Books

LIMIT_SLACK: Final = Decimal("1.05")
"""An order's worth is judged at the mark price, and may be filled a little off it."""
STOP_TAKES: Final = timedelta(seconds=2)
"""How long a stop may take from being asked for to being committed."""
PRICES_LAST: Final = 45
"""Seconds for which a price that was read may count, the way of its answer included."""
BOOKED_FOR: Final = timedelta(seconds=3)
"""What is in the books for so long is committed and seen by everybody, unless somebody was frozen."""


def stops_hold(books: Books) -> Iterator[str]:
    """While a stop holds, no order of its scope that opens anything is sent"""
    for order in books.orders.values():
        if order.role != "open":
            continue
        sends = [event.at for event in books.events[order.id] if event.event == OrderEvent.SEND]
        for stop in books.stops:
            if stop.scope == "position" and stop.sleeve_id != order.sleeve_id:
                continue
            since = _in_force(books, stop)
            for at in sends:
                if since and since < at and (not stop.lifted_at or at < stop.lifted_at):
                    yield f"{order.client_id} was sent at {at:%H:%M:%S}, stopped since {stop.since:%H:%M:%S}"


def _in_force(books: Books, stop: Stop) -> datetime | None:
    """From when on nobody may say that they had not heard of it: a user's, from when they were told. It may
    have to wait for a transaction in which somebody is frozen, and nobody is told meanwhile."""
    known = stop.since + STOP_TAKES if books.steady else None
    return books.told_stopped.get(stop.id, known)


def limits_hold(books: Books) -> Iterator[str]:
    """No opening order is worth more, and no more of them are sent in a minute, than the user allows"""
    openings = [order for order in books.orders.values() if order.role == "open"]
    sends = {order.id: _first_sent(books, order.id) for order in openings}
    for limit in books.limits:
        for order in openings:
            worth = order.filled_quantity * (order.average_price or ZERO)
            if limit.order_notional and worth > limit.order_notional * LIMIT_SLACK:
                yield f"{order.client_id} is worth {worth:.2f}, {plain(limit.order_notional)} allowed"
        moments = sorted(at for at in sends.values() if at)
        for at in moments:
            count = sum(at <= other < at + timedelta(minutes=1) for other in moments)
            if limit.orders_per_minute and count > limit.orders_per_minute:
                yield f"{count} orders in the minute after {at:%H:%M:%S}, {limit.orders_per_minute} allowed"


def gross_stays_within(books: Books) -> Iterator[str]:
    """When an opening order is sent, all positions and all that was sent stay within the gross limit"""
    limit = min((one.gross_notional for one in books.limits if one.gross_notional), default=None)
    if limit is None or books.price_at is None:
        return
    for at in sorted(filter(None, _openings(books).values())):
        gross = sum(
            (abs(quantity) * _least(books, symbol, at) for symbol, quantity in _stakes(books, at)), ZERO
        )
        if gross > limit * LIMIT_SLACK:
            yield f"{gross:.2f} USDT in all at {at:%H:%M:%S}, {plain(limit)} allowed"


def losses_end_the_day(books: Books) -> Iterator[str]:
    """Once the day's loss has reached the user's limit, nothing more is opened"""
    limit = min((one.daily_loss for one in books.limits if one.daily_loss), default=None)
    if limit is None or books.price_at is None or not books.steady:
        return
    for at in sorted(filter(None, _openings(books).values())):
        result = _best_result(books, at)
        if result is not None and -result >= limit * LIMIT_SLACK:
            yield f"opened at {at:%H:%M:%S} with {-result:.2f} USDT lost, {plain(limit)} allowed"


def _openings(books: Books) -> dict[UUID, datetime | None]:
    return {order.id: _first_sent(books, order.id) for order in books.orders.values() if order.role == "open"}


def _stakes(books: Books, at: datetime) -> Iterator[tuple[str, Decimal]]:
    """What positions held in the books at that moment, and what opening orders sent by then still brought."""
    sent = {order_id for order_id, moment in _openings(books).items() if moment and moment <= at}
    stakes: dict[tuple[UUID, str], Decimal] = defaultdict(lambda: ZERO)
    for posting in books.postings:
        if posting.sleeve_id is None or posting.asset != posting.symbol:
            continue
        fill = books.fills.get(posting.reference)
        if posting.booked_at < at or (fill is not None and fill.order_id in sent):
            stakes[posting.sleeve_id, posting.symbol] += posting.amount
    return ((symbol, quantity) for (_, symbol), quantity in stakes.items())


def _least(books: Books, symbol: str, at: datetime) -> Decimal:
    """The lowest price that may have been looked at then."""
    return min(_prices(books, symbol, at))


def _prices(books: Books, symbol: str, at: datetime) -> list[Decimal]:
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


def _first_sent(books: Books, order_id: UUID) -> datetime | None:
    return min((e.at for e in books.events[order_id] if e.event == OrderEvent.SEND), default=None)
