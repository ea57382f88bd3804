"""The executor's next act, from rows alone: it always ends, never half-hedged in silence."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.execution.decide import (
    MAX_UNWIND_ATTEMPTS,
    Act,
    End,
    LegFacts,
    Mode,
    OrderFacts,
    decide,
)
from holdfast.execution.orders import BOOKS_DIFFER, FINAL, OrderState
from holdfast.execution.tactics import MAX_ATTEMPTS
from holdfast.venues.protocol import OrderStyle


def order(state, *, lots=10, filled=0, booked=None, role="open", attempt=0, code=""):
    return OrderFacts(
        role, attempt, OrderState(state), lots, filled, filled if booked is None else booked, code
    )


def leg(*orders, index=0, lots=10, min_lots=2):
    return LegFacts(index, lots, min_lots, tuple(orders))


def next_act(*legs, kind="open", mode=Mode.FORWARD, residual_planned=False):
    return decide(kind, mode, tuple(legs), residual_planned=residual_planned)


def test_planned_orders_are_sent():
    assert next_act(leg(order("planned"))).act is Act.SEND


def test_nothing_else_happens_while_an_answer_is_owed():
    for state in ("sent", "unknown", "accepted", "partially_filled"):
        decision = next_act(leg(order(state)), leg(order("planned"), index=1))
        assert (decision.act, decision.legs) == (Act.ASK, (0,))


def test_an_order_is_not_done_before_its_fills_are_booked():
    assert next_act(leg(order("filled", filled=10, booked=7))).act is Act.ASK


def test_all_filled_is_complete_and_a_previewed_residual_is_named():
    done = leg(order("filled", filled=10))
    assert next_act(done).end is End.COMPLETE
    assert next_act(done, residual_planned=True).end is End.COMPLETE_WITH_RESIDUAL


def test_a_remainder_below_the_minimum_is_a_residual():
    assert next_act(leg(order("cancelled", filled=9))).end is End.COMPLETE_WITH_RESIDUAL


def test_a_whole_leg_is_never_called_a_residual():
    """The venue may have raised its minimum since the preview."""
    bought = leg(order("filled", filled=10), index=1)
    refused = leg(order("rejected", lots=1, code="110094"), lots=1)
    assert next_act(refused, bought).act is Act.UNWIND
    unfilled = leg(order("cancelled", lots=1), lots=1)
    assert next_act(unfilled, bought).act is Act.TRY_AGAIN


def test_a_missing_quantity_is_tried_again_and_in_the_end_everything_is_taken_back():
    tries = [order("cancelled", attempt=n) for n in range(MAX_ATTEMPTS - 1)]
    bought = leg(order("filled", filled=10), index=1)
    assert next_act(leg(*tries), bought).act is Act.TRY_AGAIN
    decision = next_act(leg(*tries, order("cancelled", attempt=MAX_ATTEMPTS - 1)), bought)
    assert (decision.act, decision.legs) == (Act.UNWIND, (1,))


def test_a_refusal_takes_everything_back_at_once_and_abandons_what_was_not_sent():
    refused = leg(order("rejected", code="110007"))
    waiting = leg(order("planned"), index=1)
    bought = leg(order("filled", filled=10), index=2)
    assert next_act(refused, waiting, bought).act is Act.ABANDON
    gone = leg(order("cancelled"), index=1)
    assert next_act(refused, gone, bought).legs == (2,)


def test_nothing_opened_means_unwound_at_once():
    assert next_act(leg(order("rejected", code="110007"))).end is End.UNWOUND


def test_a_closing_is_never_reopened():
    refused = leg(order("rejected", role="close", code="110007"))
    decision = next_act(refused, leg(order("filled", filled=10, role="close"), index=1), kind="close")
    assert (decision.act, decision.end) == (Act.FINISH, End.STUCK)


def test_a_closing_leg_below_the_minimum_that_the_venue_refuses_is_left_over():
    crumb = leg(order("rejected", role="close", lots=1, code="110094"), lots=1)
    assert next_act(crumb, kind="close").end is End.COMPLETE_WITH_RESIDUAL


def test_unwinding_counts_what_was_already_taken_back():
    half = leg(order("filled", filled=10), order("cancelled", role="unwind", filled=4))
    assert next_act(half, mode=Mode.UNWINDING).act is Act.UNWIND
    whole = leg(order("filled", filled=10), order("filled", role="unwind", filled=10))
    assert next_act(whole, mode=Mode.UNWINDING).end is End.UNWOUND


def test_an_order_is_not_sent_again_once_an_earlier_one_turned_out_to_have_had_it_all():
    facts = leg(order("filled", filled=10), order("planned", attempt=1, lots=10))
    assert next_act(facts).act is Act.ABANDON


def test_an_order_is_not_sent_again_once_its_leg_misses_less():
    late = leg(order("cancelled", filled=4), order("planned", attempt=1, lots=10))
    assert next_act(late).act is Act.ABANDON
    smaller = leg(
        order("cancelled", filled=4), order("cancelled", attempt=1), order("planned", attempt=2, lots=6)
    )
    assert next_act(smaller).act is Act.SEND


def test_an_unwinding_the_market_does_not_take_is_shown():
    tries = [order("cancelled", role="unwind", attempt=n) for n in range(MAX_UNWIND_ATTEMPTS)]
    assert next_act(leg(order("filled", filled=10), *tries), mode=Mode.UNWINDING).end is End.STUCK


def test_a_leg_whose_books_differ_for_too_long_is_left_and_the_others_are_taken_back():
    given_up = order("rejected", role="unwind", code=BOOKS_DIFFER)
    disputed = leg(order("filled", filled=10), given_up)
    other = leg(order("filled", filled=10), index=1)
    decision = next_act(disputed, other, mode=Mode.UNWINDING)
    assert (decision.act, decision.legs) == (Act.UNWIND, (1,))
    taken = leg(order("filled", filled=10), order("filled", role="unwind", filled=10), index=1)
    assert next_act(disputed, taken, mode=Mode.UNWINDING).end is End.STUCK
    crumb = leg(order("filled", filled=1), given_up)
    assert next_act(crumb, mode=Mode.UNWINDING).end is End.STUCK, "no dust that the venue has refused"


def test_an_unwinding_in_many_parts_goes_on_while_the_market_takes_them():
    parts = [order("filled", role="unwind", attempt=n, lots=1, filled=1) for n in range(MAX_UNWIND_ATTEMPTS)]
    assert next_act(leg(order("filled", filled=10), *parts), mode=Mode.UNWINDING).act is Act.UNWIND


fills = st.lists(st.integers(0, 10), min_size=40, max_size=40)


@settings(max_examples=300, deadline=None)
@given(
    outcomes=st.lists(
        st.tuples(st.sampled_from(["filled", "cancelled", "rejected"]), st.integers(0, 10)),
        min_size=80,
        max_size=80,
    ),
    legs=st.integers(1, 4),
    kind=st.sampled_from(["open", "close"]),
)
def test_it_always_ends_and_an_unwound_opening_holds_nothing(outcomes, legs, kind):
    """Whatever the venue answers, the machine stops within its attempts and its end tells the truth."""
    state = [LegFacts(n, 10, 2, (order("planned", role=kind),)) for n in range(legs)]
    answers = iter(outcomes * 4)
    mode = Mode.FORWARD
    for _ in range(legs * (MAX_ATTEMPTS + MAX_UNWIND_ATTEMPTS) * 3):
        decision = decide(kind, mode, tuple(state), residual_planned=False)
        if decision.act is Act.FINISH:
            break
        for number in decision.legs:
            state[number] = _answer(state[number], decision.act, kind, answers)
        if decision.act is Act.UNWIND:
            mode = Mode.UNWINDING
    else:
        raise AssertionError("it did not end")
    _check_the_end(decision.end, state)


def _answer(facts, act, kind, answers):
    if act is Act.ABANDON:
        return replace(
            facts,
            orders=tuple(
                replace(o, state=OrderState.CANCELLED) if o.state == "planned" else o for o in facts.orders
            ),
        )
    if act is Act.TRY_AGAIN:
        made = order("planned", role=kind, attempt=len(facts.tries), lots=facts.missing)
        return replace(facts, orders=(*facts.orders, made))
    if act is Act.UNWIND:
        made = order("planned", role="unwind", attempt=len(facts.orders), lots=facts.still_open)
        return replace(facts, orders=(*facts.orders, made))
    assert act is Act.SEND
    return replace(
        facts, orders=tuple(_venue_answer(o, answers) if o.state == "planned" else o for o in facts.orders)
    )


def _venue_answer(sent, answers):
    status, filled = next(answers)
    if status == "rejected":
        return replace(sent, state=OrderState.REJECTED, reject_code="110007")
    if status == "filled":
        return replace(sent, state=OrderState.FILLED, filled=sent.lots, booked=sent.lots)
    filled = min(filled, sent.lots - 1)
    return replace(sent, state=OrderState.CANCELLED, filled=filled, booked=filled)


def _check_the_end(end, state):
    assert all(o.state in FINAL for facts in state for o in facts.orders)
    if end is End.COMPLETE:
        assert all(facts.missing == 0 for facts in state)
    if end is End.COMPLETE_WITH_RESIDUAL:
        assert all(0 <= facts.missing < facts.min_lots for facts in state)
    if end is End.UNWOUND:
        assert all(facts.still_open < facts.min_lots for facts in state)


def closing(*orders, left, index=0):
    return replace(leg(*orders, index=index), left=left, adds=False)


def test_what_others_have_closed_of_a_closing_is_not_closed_again():
    half = order("cancelled", role="close", filled=4)
    done = next_act(closing(half, left=0), kind="close")
    assert (done.act, done.end) == (Act.FINISH, End.COMPLETE_WITH_RESIDUAL)
    again = next_act(closing(half, left=3), kind="close")
    assert (again.act, [child.lots for child in again.children]) == (Act.TRY_AGAIN, [3])
    assert next_act(closing(half, left=6), kind="close").children[0].lots == 6


def test_an_order_for_more_than_is_left_is_neither_sent_nor_left_resting():
    planned = order("planned", role="close")
    assert next_act(closing(planned, left=10), kind="close").act is Act.SEND
    assert next_act(closing(planned, left=9), kind="close").act is Act.ABANDON
    rests = replace(order("accepted", role="close"), style=OrderStyle.POST_ONLY)
    assert next_act(closing(rests, left=10), kind="close").act is Act.WAIT
    assert next_act(closing(rests, left=9), kind="close").act is Act.CANCEL


def test_an_unwinding_that_is_put_off_holds_nobody_up_and_is_not_forgotten():
    had = order("filled", filled=10)
    later = leg(had, replace(order("planned", role="unwind"), wait=6.0))
    missed = [order("cancelled", role="unwind", attempt=n) for n in range(MAX_UNWIND_ATTEMPTS)]
    other = leg(had, missed[0], index=1)
    acts = [
        next_act(later, *more, mode=Mode.UNWINDING) for more in ([other], [], [leg(had, *missed, index=1)])
    ]
    assert [(one.act, one.legs) for one in acts] == [(Act.UNWIND, (1,)), (Act.WAIT, (0,)), (Act.WAIT, (0,))]
    assert next_act(replace(later, gone=4), mode=Mode.UNWINDING).act is Act.ABANDON
