"""Nothing is announced past a minute that may be missing, whatever the streams lose, repeat or mix up."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.core.timeframes import MINUTE
from holdfast.market.live.minutes import KEPT, MOST_WAITING, Minute, Samples, Tail

T = 1_700_000_040


def minute(n: int, close: int = 10) -> Minute:
    price = Decimal(close)
    return Minute(T + n * MINUTE, price, price, price, price, Decimal(n))


def followed(until: int = 0) -> Tail:
    """A tail that knows everything up to minute ``until``."""
    tail = Tail()
    tail.fill((), T + until * MINUTE, T + until * MINUTE)
    return tail


def times(tail: Tail) -> list[int]:
    return [(one.time - T) // MINUTE for one in tail.closed]


def test_at_first_what_was_before_must_be_asked_for() -> None:
    tail = Tail()
    tail.hear(minute(3), closed=False)
    assert tail.hole == T + 3 * MINUTE
    assert not tail.is_announceable
    tail.fill([minute(n) for n in range(3)], T, T + 3 * MINUTE)
    assert (times(tail), tail.hole, tail.forming) == ([0, 1, 2], None, minute(3))
    assert tail.is_announceable


def test_a_closed_minute_is_stored_before_it_is_announced() -> None:
    tail = followed()
    tail.hear(minute(0), closed=False)
    tail.hear(minute(0, 11), closed=True)
    assert (times(tail), tail.unstored, tail.forming) == ([0], [minute(0, 11)], None)
    assert not tail.is_announceable
    tail.stored([minute(0, 11)])
    assert tail.is_announceable


def test_a_close_that_was_lost_is_a_hole_and_what_came_later_waits() -> None:
    tail = followed()
    tail.hear(minute(0), closed=False)
    tail.hear(minute(1), closed=True)
    tail.hear(minute(2), closed=False)
    assert (times(tail), tail.hole) == ([], T + MINUTE)
    tail.fill([minute(0)], T, T + MINUTE)
    assert (times(tail), tail.hole, tail.forming) == ([0, 1], None, minute(2))
    assert tail.unstored == [minute(1)], "what was asked for is stored already"


def test_what_was_told_before_changes_nothing() -> None:
    tail = followed()
    tail.hear(minute(0, 11), closed=True)
    tail.hear(minute(0, 12), closed=True)
    tail.hear(minute(0, 13), closed=False)
    assert list(tail.closed) == [minute(0, 11)]


def test_a_minute_that_the_venue_does_not_have_is_no_hole() -> None:
    tail = followed()
    tail.hear(minute(3), closed=False)
    tail.fill([minute(1)], T, T + 3 * MINUTE)
    assert (times(tail), tail.hole, tail.start) == ([1], None, T)


def test_only_the_last_closed_minutes_are_kept_and_since_when_is_said() -> None:
    tail = followed()
    for n in range(KEPT + 3):
        tail.hear(minute(n), closed=True)
    assert times(tail) == [3, 4, 5, 6]
    assert tail.start == T + 3 * MINUTE


def test_after_a_long_hole_the_tail_begins_anew() -> None:
    tail = followed()
    tail.hear(minute(0), closed=True)
    tail.fill([minute(97), minute(98), minute(99)], T + 97 * MINUTE, T + 100 * MINUTE)
    assert times(tail) == [97, 98, 99]
    assert tail.start == T + 97 * MINUTE


def test_what_waits_is_bounded() -> None:
    tail = followed()
    for n in range(1, 3 * MOST_WAITING):
        tail.hear(minute(n), closed=True)
    assert len(tail._heard) == MOST_WAITING


@example(told=[(2, False), (0, True)], mends=[1])
@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=60),
    st.lists(st.integers(0, 60), max_size=8),
)
def test_any_order_loss_and_repetition_tells_every_minute_once(
    told: list[tuple[int, bool]], mends: list[int]
) -> None:
    """A venue with all minutes, a stream that mixes them up, and holes that are filled now and then."""
    tail = followed()
    stored: list[int] = []
    for turn, (n, closed) in enumerate(told):
        tail.hear(minute(n), closed=closed)
        if turn in mends and tail.hole is not None and tail.until is not None:
            first, last = (tail.until - T) // MINUTE, (tail.hole - T) // MINUTE
            stored += range(first, last)
            tail.fill([minute(k) for k in range(first, last)], tail.until, tail.hole)
        stored += [(one.time - T) // MINUTE for one in tail.unstored]
        tail.stored(list(tail.unstored))
        assert tail.until is not None
        known = (tail.until - T) // MINUTE
        # What was filled is stored at once, what was heard before it with the next flush.
        assert sorted(stored) == list(range(known)), "each once, none missing"
        assert times(tail) == list(range(known))[-KEPT:]
        assert tail.forming is None or tail.forming.time == tail.until


def test_samples_make_minutes_that_close_once() -> None:
    samples, told = Samples(), []
    for second, value in ((0, 5), (20, 9), (40, 3), (59, 4)):
        told += samples.add(Decimal(value), T + second)
    assert [closed for _, closed in told] == [False] * 4
    expected = Minute(T, Decimal(5), Decimal(9), Decimal(3), Decimal(4), Decimal(0))
    assert told[-1] == (expected, False)
    assert samples.close(T + 59) == []
    assert samples.close(T + 60) == [expected]
    assert samples.close(T + 61) == []
    assert samples.add(Decimal(8), T + 130) == [(minute(2, 8)._replace(volume=Decimal(0)), False)]


@pytest.mark.parametrize("late", [60, 600])
def test_the_next_sample_closes_a_minute_too(late: int) -> None:
    samples = Samples()
    samples.add(Decimal(5), T)
    told = samples.add(Decimal(6), T + late)
    assert [(one.time, closed) for one, closed in told] == [(T, True), (T + late, False)]
