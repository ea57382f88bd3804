"""What must hold after every run. Each rule is a function; its first line is what it promises."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from holdfast.core.money import plain
from holdfast.execution.ids import is_ours
from holdfast.execution.orders import FINAL, TRANSITIONS, OrderEvent, OrderState
from holdfast.portfolio.booking import FORCED
from holdfast.portfolio.ledger import QUOTE
from holdfast.torture.outcomes import attention_is_the_last_resort, calm_needs_no_attention
from holdfast.torture.restraints import (
    limits_hold,
    losses_end_the_day,
    prices_stay_in_the_band,
    sizes_stay_within,
    stops_hold,
    the_fallen_open_nothing,
)
from holdfast.torture.sharing import forced_by_the_rule, hands_take_the_largest_leg, settled_as_altered
from holdfast.torture.truth import ZERO, Books

CLOSING: Final = ("close", "unwind")
OVER: Final = ("closed", "unwound")
DUST: Final = Decimal(6)
"""A little more than the venue's least order value: its price may have moved since."""
LOOK_TAKES: Final = timedelta(seconds=5)
"""How old the last look at the account may be when an order leaves that closes."""


@dataclass(frozen=True, slots=True)
class Violation:
    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"


Rule = Callable[[Books], Iterator[str]]


def row_before_the_wire(books: Books) -> Iterator[str]:
    """Every order of ours at the venue has its row, and the row was sent before the venue had it"""
    for link, theirs in books.venue_orders.items():
        ours = books.by_client_id.get(link)
        if ours is None:
            yield f"{link}: the venue has an order that no row knows"
            continue
        sends = [event.at for event in books.events[ours.id] if event.event == OrderEvent.SEND]
        if not sends or min(sends).timestamp() * 1000 > theirs.created_ms + 1:
            yield f"{link}: at the venue before it was written as sent"


def ids_are_used_once(books: Books) -> Iterator[str]:
    """The venue never has two orders under one id of ours, whether it would refuse the second or not"""
    links = Counter(order.link_id for order in books.account.orders.values() if is_ours(order.link_id))
    yield from (f"{link}: {count} orders at the venue" for link, count in links.items() if count > 1)


def nothing_twice(books: Books) -> Iterator[str]:
    """No leg is filled beyond what was planned, and nothing is taken back beyond what was opened"""
    filled: dict[tuple[UUID, int, bool], Decimal] = defaultdict(lambda: ZERO)
    for link, theirs in books.venue_orders.items():
        ours = books.by_client_id.get(link)
        if ours is not None:
            filled[ours.execution_id, ours.leg, ours.role == "unwind"] += theirs.filled
    for (execution_id, leg, unwinding), quantity in filled.items():
        planned = {one.index: one.quantity for one in books.legs[execution_id]}
        allowed = filled[execution_id, leg, False] if unwinding else planned[leg]
        if quantity > allowed:
            what = "taken back" if unwinding else "traded"
            yield f"execution {execution_id} leg {leg}: {plain(quantity)} {what}, {plain(allowed)} allowed"


def every_trade_once(books: Books) -> Iterator[str]:
    """Every execution of the venue is booked, exactly once, as it was; and nothing else is"""
    theirs = {trade.exec_id: trade for trade in books.trades}
    for exec_id in theirs.keys() - books.fills.keys():
        trade = theirs[exec_id]
        yield f"{trade.exec_type} {exec_id[:8]} in {trade.symbol} ({trade.link_id or 'no id'}) is not booked"
    for exec_id in books.fills.keys() - theirs.keys():
        yield f"{exec_id[:8]} is booked, and the venue never had it"
    for exec_id in theirs.keys() & books.fills.keys():
        trade, fill = theirs[exec_id], books.fills[exec_id]
        told = (trade.symbol, trade.side.lower(), trade.qty, trade.price, trade.fee, trade.exec_type)
        if told != (fill.symbol, fill.side, fill.quantity, fill.price, fill.fee, fill.exec_type):
            yield f"{exec_id[:8]} in {trade.symbol} is booked otherwise than it was"


def fills_belong_to_their_order(books: Books) -> Iterator[str]:
    """A fill belongs to the order whose id it carries, and to that order's sleeve; others belong to none"""
    for trade in books.trades:
        fill, ours = books.fills.get(trade.exec_id), books.by_client_id.get(trade.link_id)
        if fill is None:
            continue
        owner = (ours.id, ours.sleeve_id) if ours else (None, None)
        if (fill.order_id, fill.sleeve_id) != owner:
            yield f"{trade.exec_id[:8]} ({trade.link_id or 'no id'}) is booked to another owner"


def fills_are_booked_whole(books: Books) -> Iterator[str]:
    """A fill moves contracts, value and fee of its owner, as it was, and of nobody else"""
    booked: dict[str, dict[tuple[UUID | None, str, str], Decimal]] = defaultdict(dict)
    for posting in books.postings:
        if posting.kind in ("trade", "fee") and posting.amount:
            booked[posting.reference][posting.sleeve_id, posting.kind, posting.asset] = posting.amount
    for fill in books.fills.values():
        if fill.exec_type in FORCED:
            continue
        signed = fill.quantity if fill.side == "buy" else -fill.quantity
        owner = fill.sleeve_id
        moved = {
            (owner, "trade", fill.symbol): signed,
            (owner, "trade", QUOTE): -signed * fill.price,
            (owner, "fee", QUOTE): -fill.fee,
        }
        if booked[fill.exec_id] != {key: amount for key, amount in moved.items() if amount}:
            yield f"{fill.exec_id[:8]} in {fill.symbol} is booked as {booked[fill.exec_id]}"


def ledger_is_the_venues(books: Books) -> Iterator[str]:
    """Sleeves and the user's own holding add up to the venue's position, fees and funding to its log"""
    ours: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for (_, symbol), quantity in books.held().items():
        ours[symbol] += quantity
    for symbol in sorted({*ours, *(symbol for symbol, _ in books.account.positions)}):
        theirs = sum((books.account.signed_size(symbol, idx) for idx in (0, 1, 2)), ZERO)
        if ours[symbol] != theirs:
            yield f"{symbol}: the ledger holds {plain(ours[symbol])}, the venue {plain(theirs)}"
    yield from _compare_money(books, "fee", -sum((trade.fee for trade in books.trades), ZERO))
    begun_ms = books.connection.begun_at.timestamp() * 1000 if books.connection.begun_at else 0
    paid = [e.funding for e in books.account.log if e.type == "SETTLEMENT" and e.time_ms >= begun_ms]
    yield from _compare_money(books, "funding", sum(paid, ZERO))
    spent = sum(
        (-trade.price * trade.qty * (1 if trade.side == "Buy" else -1) for trade in books.trades), ZERO
    )
    yield from _compare_money(books, "trade", spent)


def _compare_money(books: Books, kind: str, theirs: Decimal) -> Iterator[str]:
    ours = sum((p.amount for p in books.postings if p.kind == kind and p.asset == QUOTE), ZERO)
    if ours != theirs:
        yield f"{kind}: the ledger has {plain(ours)} {QUOTE}, the venue {plain(theirs)}"


def manual_is_untouched(books: Books) -> Iterator[str]:
    """The user's own holding moved by the user's own trades, forced shares and handed-over remainders only"""
    expected: dict[str, Decimal] = defaultdict(lambda: ZERO, books.opening)
    for trade in books.trades:
        signed = trade.qty if trade.side == "Buy" else -trade.qty
        if trade.exec_type in FORCED:
            expected[trade.symbol] += signed - _sleeve_shares(books, trade.exec_id)
        elif not is_ours(trade.link_id):
            expected[trade.symbol] += signed
    for posting in books.postings:
        if posting.kind == "adjustment" and posting.sleeve_id is None and posting.asset == posting.symbol:
            expected[posting.symbol] += posting.amount
    held = books.held()
    for symbol in sorted({*expected, *(symbol for owner, symbol in held if owner is None)}):
        if held[None, symbol] != expected[symbol]:
            yield f"{symbol}: {plain(held[None, symbol])} instead of {plain(expected[symbol])}"


def _sleeve_shares(books: Books, exec_id: str) -> Decimal:
    return sum(
        (
            p.amount
            for p in books.postings
            if p.reference == exec_id and p.sleeve_id and p.asset == p.symbol and p.kind == "trade"
        ),
        ZERO,
    )


def sleeves_keep_apart(books: Books) -> Iterator[str]:
    """A sleeve holds what its own orders traded; no closing order is for more than it held, as the venue had
    told by then or could have been asked"""
    traded: dict[tuple[UUID, str], Decimal] = defaultdict(lambda: ZERO)
    for trade in books.trades:
        ours = books.by_client_id.get(trade.link_id)
        if ours:
            traded[ours.sleeve_id, trade.symbol] += trade.qty if trade.side == "Buy" else -trade.qty
    own: dict[tuple[UUID, str], Decimal] = defaultdict(lambda: ZERO)
    for posting in books.postings:
        fill = books.fills.get(posting.reference) if posting.kind == "trade" else None
        if fill and fill.order_id and posting.sleeve_id and posting.asset == posting.symbol:
            own[posting.sleeve_id, posting.symbol] += posting.amount
    for place in traded.keys() | own.keys():
        if traded[place] != own[place]:
            yield f"sleeve {place[0]}: {place[1]} {plain(own[place])} booked, {plain(traded[place])} traded"
    yield from _closed_too_much(books)


def _closed_too_much(books: Books) -> Iterator[str]:
    for order in books.orders.values():
        sent = max((e.at for e in books.events[order.id] if e.event == OrderEvent.SEND), default=None)
        if order.role not in CLOSING or sent is None:
            continue
        known = sum(
            (
                posting.amount
                for posting in books.postings
                if (posting.sleeve_id, posting.asset) == (order.sleeve_id, order.symbol)
                and (posting.booked_at < sent or posting.at < sent - LOOK_TAKES)
            ),
            ZERO,
        )
        closing = order.quantity if order.side == "buy" else -order.quantity
        if closing * known >= 0 or abs(closing) > abs(known):
            yield f"{order.client_id}: {plain(closing)} {order.symbol} against {plain(known)} held"


def adjustments_cancel_out(books: Books) -> Iterator[str]:
    """What changes hands without a trade leaves one owner and reaches another"""
    sums: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for posting in books.postings:
        if posting.kind == "adjustment":
            sums[posting.reference, posting.asset] += posting.amount
    for (reference, asset), total in sums.items():
        if total:
            yield f"{reference}: {plain(total)} {asset} from nowhere"


def orders_are_decided(books: Books) -> Iterator[str]:
    """With the venue within reach again no order is planned, sent, unknown or working, and each is as it is
    at the venue"""
    theirs = books.venue_orders
    for order in books.orders.values():
        name = f"{order.symbol} {order.client_id}"
        if OrderState(order.state) not in FINAL:
            yield f"{name} is still {order.state}"
            continue
        venue = theirs.get(order.client_id)
        if venue is None:
            if order.filled_quantity:
                yield f"{name}: filled here, unknown to the venue"
            continue
        if venue.is_open:
            yield f"{name} is {order.state} here and still open at the venue"
        if venue.filled != order.filled_quantity:
            yield f"{name}: filled {plain(order.filled_quantity)}, at the venue {plain(venue.filled)}"
        whole = venue.status == "Filled" or venue.filled >= order.quantity  # reduce-only is cut by the venue
        if (order.state == OrderState.FILLED) != whole:
            yield f"{name} is {order.state} with {plain(venue.filled)} of {plain(order.quantity)}"


def no_verdict_but_the_venues(books: Books) -> Iterator[str]:
    """An order counts as refused only if the venue refused it, never because an answer was lost"""
    for order in books.orders.values():
        theirs = books.venue_orders.get(order.client_id)
        refused = any(event.event == OrderEvent.REJECT for event in books.events[order.id])
        if refused and theirs is not None and theirs.status != "Rejected":
            yield f"{order.client_id} was called refused, and the venue had taken it ({theirs.status})"


def trail_is_whole(books: Books) -> Iterator[str]:
    """The events of an order lead, step by step as the table allows, to the state it is in"""
    for order in books.orders.values():
        state = OrderState.PLANNED
        for event in books.events[order.id]:
            known = TRANSITIONS.get((OrderState(event.from_state), OrderEvent(event.event)))
            if event.from_state != state or known != event.to_state:
                yield f"{order.client_id}: {state}, then {event.event} from {event.from_state}"
            state = OrderState(event.to_state)
        if state != order.state:
            yield f"{order.client_id}: the trail ends with {state}, the order is {order.state}"


def nobody_writes_after_a_newer_one(books: Books) -> Iterator[str]:
    """Once a worker has taken an execution over, nobody who had it before writes to its orders"""
    newest: dict[UUID, int] = defaultdict(int)
    events = sorted(
        (event for events in books.events.values() for event in events), key=lambda event: event.id
    )
    for event in events:
        order, fence = books.orders[event.order_id], event.detail.get("fence")
        if fence is None:
            continue
        if fence < newest[order.execution_id]:
            known = newest[order.execution_id]
            yield f"{order.client_id}: {event.event} by holder {fence}, after holder {known}"
        newest[order.execution_id] = max(fence, newest[order.execution_id])


def nothing_half_hedged(books: Books) -> Iterator[str]:
    """What has ended is whole, or back to nothing, or says that it needs attention and why"""
    held = books.held()
    for execution in books.executions.values():
        if execution.finished_at is None:
            yield f"execution {execution.id} is {execution.state} and has not ended"
            continue
        if execution.state == "needs_attention":
            if not execution.reason:
                yield f"execution {execution.id} needs attention and does not say why"
            continue
        yield from _whole(books, execution.id, execution.kind, execution.state)
    for sleeve in books.sleeves.values():
        left = {s: q for (owner, s), q in held.items() if owner == sleeve.id and q}
        if sleeve.state in OVER and left:
            yield f"sleeve {sleeve.id} is {sleeve.state} and holds {left}"
        busy = any(e.sleeve_id == sleeve.id and not e.finished_at for e in books.executions.values())
        if sleeve.state in ("opening", "closing", "rebalancing") and not busy:
            yield f"sleeve {sleeve.id} is {sleeve.state} and nothing is under way"


def _whole(books: Books, execution_id: UUID, kind: str, state: str) -> Iterator[str]:
    forward: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for order in books.orders_of(execution_id):
        if order.role != "unwind":
            forward[order.leg] += order.filled_quantity
    for leg in books.legs[execution_id]:
        if leg.action != "trade":
            continue
        missing = leg.quantity - forward[leg.index]
        if state == "complete" and missing:
            yield f"execution {execution_id} is complete and misses {plain(missing)} {leg.symbol}"
        if state == "complete_with_residual" and kind == "open" and not forward[leg.index]:
            yield f"execution {execution_id} is complete with a residual and has nothing of {leg.symbol}"


def remainders_are_dust(books: Books) -> Iterator[str]:
    """What an ended position hands over to the user's own holding was too small to trade"""
    prices = {trade.symbol: trade.price for trade in books.trades}
    for posting in books.postings:
        handed_over = posting.kind == "adjustment" and not posting.reference.startswith("alteration")
        if not handed_over or posting.sleeve_id is not None or posting.asset != posting.symbol:
            continue
        worth = abs(posting.amount) * prices[posting.symbol]
        if worth > DUST:
            yield f"{plain(abs(posting.amount))} {posting.symbol} ({worth:.2f} USDT) by {posting.reference}"


def halts_have_reasons(books: Books) -> Iterator[str]:
    """An instrument is halted only with a reason, and not while the books agree"""
    held = books.held()
    for halt in books.halts:
        if not halt.reason:
            yield f"{halt.symbol} is halted without a reason"
        ours = sum((quantity for (_, symbol), quantity in held.items() if symbol == halt.symbol), ZERO)
        agrees = ours == books.account.signed_size(halt.symbol)
        if agrees and halt.symbol not in books.account.hedge:
            yield f"{halt.symbol} is halted although the books agree: {halt.reason}"


RULES: Final[tuple[Rule, ...]] = (
    row_before_the_wire,
    ids_are_used_once,
    nothing_twice,
    every_trade_once,
    fills_belong_to_their_order,
    fills_are_booked_whole,
    ledger_is_the_venues,
    manual_is_untouched,
    sleeves_keep_apart,
    adjustments_cancel_out,
    orders_are_decided,
    no_verdict_but_the_venues,
    trail_is_whole,
    nobody_writes_after_a_newer_one,
    nothing_half_hedged,
    attention_is_the_last_resort,
    calm_needs_no_attention,
    remainders_are_dust,
    forced_by_the_rule,
    hands_take_the_largest_leg,
    settled_as_altered,
    stops_hold,
    limits_hold,
    sizes_stay_within,
    prices_stay_in_the_band,
    losses_end_the_day,
    the_fallen_open_nothing,
    halts_have_reasons,
)


ALWAYS: Final[tuple[Rule, ...]] = (
    row_before_the_wire,
    ids_are_used_once,
    nothing_twice,
    no_verdict_but_the_venues,
    stops_hold,
    limits_hold,
    sizes_stay_within,
    prices_stay_in_the_band,
    losses_end_the_day,
    the_fallen_open_nothing,
)
"""Those that hold at every moment, also in the middle of it."""


def judge(books: Books, rules: tuple[Rule, ...] = RULES) -> list[Violation]:
    """Everything on one connection that is not as it must be."""
    return [Violation(rule.__name__.replace("_", " "), what) for rule in rules for what in rule(books)]
