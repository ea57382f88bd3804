"""Whatever order the venue's words arrive in, and however often: the same order in the end."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.instruments import Side
from holdfast.execution.fold import Known, after_fill, after_not_known, after_placement, after_report
from holdfast.execution.orders import FINAL, VENUES_WORDS, OrderEvent, OrderState, step
from holdfast.venues.protocol import (
    DuplicateClientId,
    FillReport,
    OrderReport,
    OrderStatus,
    OutcomeUnknown,
    Placement,
    RateLimited,
    Rejected,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)
WHOLE = Decimal(10)
Word = OrderReport | FillReport | Placement


def report(
    status: OrderStatus, filled: Decimal = Decimal(0), average: Decimal | None = None, reason: str = ""
) -> OrderReport:
    return OrderReport("hf-1", "v-1", "BTCUSDT", Side.BUY, status, WHOLE, filled, average, reason, NOW)


def fill(number: int, quantity: int, price: int) -> FillReport:
    return FillReport(
        exec_id=f"e{number}",
        venue_order_id="v-1",
        client_id="hf-1",
        symbol="BTCUSDT",
        side=Side.BUY,
        exec_type="Trade",
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=Decimal("0.01"),
        fee_asset="USDT",
        is_maker=False,
        executed_at=NOW + timedelta(milliseconds=number),
    )


@dataclass
class Book:
    """What the shell does around the fold: every execution counts once."""

    known: Known
    counted: set[str]

    def take(self, word: Word) -> None:
        match word:
            case OrderReport():
                self.known, _ = after_report(self.known, word)
            case Placement():
                self.known, _ = after_placement(self.known, word)
            case FillReport() if word.exec_id not in self.counted:
                self.counted.add(word.exec_id)
                self.known, _ = after_fill(self.known, word)


def folded(words: list[Word], state: OrderState = OrderState.SENT) -> Known:
    book = Book(Known(state, WHOLE), set())
    for word in words:
        book.take(word)
    return book.known


@st.composite
def stories(draw: st.DrawFn) -> list[Word]:
    """Everything a venue may say of one order of ten lots, as it happened."""
    parts = draw(st.lists(st.tuples(st.integers(1, 5), st.integers(90, 110)), max_size=5))
    fills, total, value = [], 0, 0
    words: list[Word] = [report(OrderStatus.OPEN)]
    for number, (quantity, price) in enumerate(parts):
        if total + quantity > WHOLE:
            break
        total, value = total + quantity, value + quantity * price
        fills.append(fill(number, quantity, price))
        words.append(fills[-1])
        status = OrderStatus.FILLED if total == WHOLE else OrderStatus.OPEN
        words.append(report(status, Decimal(total), Decimal(value) / total))
    average = Decimal(value) / total if total else None
    if total == WHOLE:
        words.append(report(OrderStatus.FILLED, WHOLE, average, "EC_OrigClOrdIDDoesNotExist"))
        end = draw(st.sampled_from([OrderStatus.FILLED, OrderStatus.CANCELLED]))
    else:
        end = draw(st.sampled_from([OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.OPEN]))
    words.append(report(end, Decimal(total), average, "EC_NoImmediateQtyToFill"))
    if draw(st.booleans()):
        words.append(Placement("hf-1", "v-1"))
    if draw(st.booleans()):
        words.append(Placement("hf-1", error=draw(st.sampled_from(DOUBTS))))
    if not total and end is OrderStatus.REJECTED and draw(st.booleans()):
        words.append(Placement("hf-1", error=Rejected("no money", code="110007")))
    return words


DOUBTS = [OutcomeUnknown("timeout"), DuplicateClientId("have it"), RateLimited("slow down", until=NOW)]


@given(stories(), st.data())
def test_any_order_and_repetition_of_the_same_words_comes_to_the_same_end(
    words: list[Word], data: st.DataObject
) -> None:
    told = folded(words)
    shuffled = data.draw(st.permutations(words))
    repeated = data.draw(st.lists(st.sampled_from(words), max_size=12))
    for word in repeated:
        shuffled.insert(data.draw(st.integers(0, len(shuffled))), word)
    start = data.draw(st.sampled_from([OrderState.SENT, OrderState.UNKNOWN]))
    assert folded(shuffled, start) == told


@given(stories())
def test_the_end_tells_the_truth(words: list[Word]) -> None:
    told = folded(words)
    traded = sum((w.quantity for w in words if isinstance(w, FillReport)), Decimal(0))
    assert told.filled == told.booked == traded
    assert (told.state is OrderState.FILLED) == (traded == WHOLE)
    if traded:
        assert told.state is not OrderState.REJECTED
        assert told.average_price == (told.booked_value / traded).quantize(Decimal("1e-12"))


@given(st.permutations(sorted(VENUES_WORDS)), st.permutations(sorted(VENUES_WORDS)), st.integers(1, 5))
def test_the_venues_words_are_a_lattice(one: list[OrderEvent], other: list[OrderEvent], count: int) -> None:
    same = set(one[:count])
    states = set()
    for arrivals in (one, other):
        state = OrderState.SENT
        for event in [*(e for e in arrivals if e in same), *(e for e in arrivals if e in same)]:
            state = step(state, event)
        states.add(state)
    assert len(states) == 1


@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("event", sorted(VENUES_WORDS))
def test_the_venue_may_say_anything_at_any_time(state: OrderState, event: OrderEvent) -> None:
    after = step(state, event)
    assert after not in (OrderState.PLANNED, OrderState.SENT, OrderState.UNKNOWN)
    assert state not in FINAL or after in FINAL


@given(st.lists(st.sampled_from(DOUBTS), max_size=20))
def test_no_transport_error_leads_out_of_unknown(errors: list[Exception]) -> None:
    known = Known(OrderState.UNKNOWN, WHOLE)
    for error in errors:
        known, _ = after_placement(known, Placement("hf-1", error=error))  # type: ignore[arg-type]
    assert known == Known(OrderState.UNKNOWN, WHOLE)


@pytest.mark.parametrize("error", DOUBTS)
def test_a_late_answer_without_a_clear_word_changes_nothing_that_is_known(error: Exception) -> None:
    for state in set(OrderState) - {OrderState.SENT, OrderState.UNKNOWN}:
        known = Known(state, WHOLE)
        assert after_placement(known, Placement("hf-1", error=error)) == (known, None)  # type: ignore[arg-type]


def test_the_venue_cannot_forget_what_it_has_said() -> None:
    for state in set(OrderState) - {OrderState.SENT, OrderState.UNKNOWN}:
        known = Known(state, WHOLE)
        assert after_not_known(known) == (known, None)
    assert after_not_known(Known(OrderState.UNKNOWN, WHOLE))[0].state is OrderState.PLANNED


def test_the_price_is_that_of_the_fills_once_all_are_there() -> None:
    told = folded([report(OrderStatus.OPEN, Decimal(6), Decimal(101)), fill(1, 4, 100)])
    assert (told.filled, told.booked, told.average_price) == (6, 4, 101)
    told = folded([fill(2, 2, 103), report(OrderStatus.OPEN, Decimal(6), Decimal(101)), fill(1, 4, 100)])
    assert told.average_price == 101
