"""What the ends of executions promise: “needs attention” is the last resort, never the way out."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from holdfast.execution.ids import is_ours
from holdfast.execution.models import Execution
from holdfast.portfolio.booking import FORCED
from holdfast.torture.truth import ZERO, Books

STUCK: Final = "needs_attention"


def attention_is_the_last_resort(books: Books) -> Iterator[str]:
    """“Needs attention” ends only what misses something, an opening only after taking it back was in vain"""
    for execution in books.executions.values():
        if execution.state != STUCK or execution.finished_at is None or _told_late(books, execution):
            continue
        if execution.kind == "open":
            if not any(_in_vain(books, execution)):
                yield f"opening {execution.id} needs attention, and nothing was taken back in vain"
        elif not _misses(books, execution):
            yield f"{execution.kind} {execution.id} needs attention and misses nothing: {execution.reason}"


def calm_needs_no_attention(books: Books) -> Iterator[str]:
    """Where nothing goes wrong, and nobody trades or stops beside it, nothing ends in “needs attention”"""
    if not books.calm or books.stops or any(_is_strange(books, trade.exec_id) for trade in books.trades):
        return
    for execution in books.executions.values():
        if execution.state == STUCK:
            yield f"{execution.kind} {execution.id} needs attention in calm weather: {execution.reason}"


def _is_strange(books: Books, exec_id: str) -> bool:
    fill = books.fills.get(exec_id)
    return fill is None or fill.exec_type in FORCED or not is_ours(fill.client_id)


def _told_late(books: Books, execution: Execution) -> bool:
    """Whether a fill came after its end: nobody can have dealt with that."""
    ended = execution.finished_at
    mine = {order.id for order in books.orders_of(execution.id)}
    return any(fill.order_id in mine and ended and fill.booked_at > ended for fill in books.fills.values())


def _in_vain(books: Books, execution: Execution) -> Iterator[bool]:
    """Of each order that was to take something back, whether it did not, or not wholly."""
    for order in books.orders_of(execution.id):
        if order.role == "unwind":
            yield order.filled_quantity < order.quantity


def _misses(books: Books, execution: Execution) -> bool:
    """Whether a leg was not traded as planned, or a closing left something."""
    had: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for order in books.orders_of(execution.id):
        had[order.leg] += order.filled_quantity
    legs = books.legs[execution.id]
    short = any(leg.action == "trade" and had[leg.index] < leg.quantity for leg in legs)
    return short or (execution.kind == "close" and _left_something(books, execution))


def _left_something(books: Books, execution: Execution) -> bool:
    left: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for posting in books.postings:
        mine = posting.sleeve_id == execution.sleeve_id and posting.asset == posting.symbol
        if mine and execution.finished_at and posting.booked_at <= execution.finished_at:
            left[posting.symbol] += posting.amount
    return any(left.values())
