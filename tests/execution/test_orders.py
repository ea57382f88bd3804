"""The order state machine: every row, and everything that is not a row."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.instruments import Side
from holdfast.execution.orders import (
    FINAL,
    TRANSITIONS,
    ImpossibleEvent,
    OrderEvent,
    OrderState,
    event_of_placement,
    event_of_report,
    step,
)
from holdfast.venues.protocol import (
    DuplicateClientId,
    KeyRefused,
    OrderReport,
    OrderStatus,
    OutcomeUnknown,
    Placement,
    RateLimited,
    Rejected,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)
VENUES_WORD = (OrderEvent.ACKNOWLEDGE, OrderEvent.PARTIAL_FILL, OrderEvent.FILL, OrderEvent.CANCEL)


def report(status: OrderStatus, filled: str = "0", quantity: str = "10") -> OrderReport:
    return OrderReport(
        "hf-1", "v-1", "BTCUSDT", Side.BUY, status, Decimal(quantity), Decimal(filled), None, "", NOW
    )


def test_everything_outside_the_table_is_an_error():
    for state, event in product(OrderState, OrderEvent):
        if (state, event) not in TRANSITIONS:
            with pytest.raises(ImpossibleEvent):
                step(state, event)


def test_unknown_is_left_only_by_an_answer_of_the_venue():
    leaving = {
        event for (state, event), after in TRANSITIONS.items() if state == "unknown" and after != "unknown"
    }
    assert leaving == {*VENUES_WORD, OrderEvent.REJECT, OrderEvent.NOT_KNOWN}


def test_an_order_is_sent_only_from_planned():
    assert [state for (state, event) in TRANSITIONS if event is OrderEvent.SEND] == [OrderState.PLANNED]


def test_only_an_answer_that_it_is_not_known_allows_sending_again():
    back = {
        event for (before, event), after in TRANSITIONS.items() if before is not after is OrderState.PLANNED
    }
    assert back == {OrderEvent.NOT_KNOWN, OrderEvent.WITHHELD}


def test_a_filled_order_stays_filled_whatever_arrives_late():
    for event in VENUES_WORD:
        assert step(OrderState.FILLED, event) is OrderState.FILLED


@pytest.mark.parametrize("state", OrderState)
def test_a_fill_is_believed_whatever_came_before_it(state):
    assert step(state, OrderEvent.FILL) is OrderState.FILLED


def test_a_cancel_that_lost_its_race_becomes_filled():
    assert step(OrderState.CANCELLED, OrderEvent.FILL) is OrderState.FILLED


@given(st.permutations(VENUES_WORD), st.lists(st.sampled_from(VENUES_WORD), max_size=6))
def test_a_fill_wins_in_every_order_of_arrival(arrivals, repeats):
    state = OrderState.SENT
    for event in [*arrivals, *repeats]:
        state = step(state, event)
    assert state is OrderState.FILLED


@pytest.mark.parametrize(
    ("given_report", "event"),
    [
        (report(OrderStatus.OPEN), OrderEvent.ACKNOWLEDGE),
        (report(OrderStatus.OPEN, "3"), OrderEvent.PARTIAL_FILL),
        (report(OrderStatus.FILLED, "10"), OrderEvent.FILL),
        (report(OrderStatus.CANCELLED), OrderEvent.CANCEL),
        (report(OrderStatus.CANCELLED, "3"), OrderEvent.CANCEL),
        (report(OrderStatus.CANCELLED, "10"), OrderEvent.FILL),
        (report(OrderStatus.REJECTED), OrderEvent.REJECT),
        (report(OrderStatus.REJECTED, "3"), OrderEvent.CANCEL),
    ],
)
def test_the_filled_quantity_decides_not_only_the_status_name(given_report, event):
    assert event_of_report(given_report) is event


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (None, OrderEvent.ACKNOWLEDGE),
        (RateLimited("slow down", until=NOW), OrderEvent.WITHHELD),
        (OutcomeUnknown("timeout"), OrderEvent.AMBIGUOUS),
        (DuplicateClientId("have it"), OrderEvent.AMBIGUOUS),
        (Rejected("no"), OrderEvent.REJECT),
        (KeyRefused("expired"), OrderEvent.REJECT),
    ],
)
def test_what_the_first_answer_means(error, event):
    assert event_of_placement(Placement("hf-1", error=error)) is event


def test_final_states_have_no_way_back_to_the_wire():
    assert not [row for row in TRANSITIONS if row[0] in FINAL and row[1] is OrderEvent.SEND]
