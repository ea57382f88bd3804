"""Each crossing is found once, however the price was looked at on the way."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.charts.crossing import ABOVE, BELOW, Bar, Seen, after, crossings, step

LEVEL = Decimal(100)


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [
        (None, 99, (BELOW, None)),
        (None, 100, (None, None)),
        (None, 101, (ABOVE, None)),
        (BELOW, 99, (BELOW, None)),
        (BELOW, 100, (None, ABOVE)),
        (BELOW, 101, (ABOVE, ABOVE)),
        (ABOVE, 101, (ABOVE, None)),
        (ABOVE, 100, (None, BELOW)),
        (ABOVE, 99, (BELOW, BELOW)),
    ],
)
def test_reaching_a_level_is_told_by_a_table(side, price, expected) -> None:
    assert step(side, Decimal(price), LEVEL) == expected


def bar(minute: int, *prices: int, at: float | None = None) -> Bar:
    opened, high, low, close = map(Decimal, prices)
    return Bar(minute, opened, high, low, close, minute + 60 if at is None else at)


def directions(seen: Seen | None, bars: list[Bar], side: str | None = BELOW, since: float = 0) -> list[str]:
    points, _ = after(seen, bars)
    return [one.direction for one in crossings(side, LEVEL, points, since)[1]]


def test_a_wick_that_only_touches_is_reached_once() -> None:
    assert directions(None, [bar(0, 98, 100, 97, 99)]) == [ABOVE]


def test_a_wick_beyond_is_crossed_there_and_back() -> None:
    assert directions(None, [bar(0, 98, 103, 97, 99)]) == [ABOVE, BELOW]


def test_what_a_bar_has_shown_is_not_new() -> None:
    early, late = bar(0, 98, 102, 98, 101, at=20), bar(0, 98, 102, 98, 101, at=40)
    points, seen = after(None, [early])
    side, found = crossings(BELOW, LEVEL, points, 0)
    assert [one.at for one in found] == [20]
    points, seen = after(seen, [late])
    assert crossings(side, LEVEL, points, 0) == (ABOVE, [])
    points, _ = after(seen, [bar(0, 98, 102, 95, 96)])
    assert [one.direction for one in crossings(side, LEVEL, points, 0)[1]] == [BELOW]


def test_older_bars_are_passed_over() -> None:
    seen = Seen(120, LEVEL, LEVEL, LEVEL)
    assert after(seen, [bar(0, 1, 500, 1, 2), bar(60, 1, 500, 1, 2)]) == ([], seen)


def test_of_the_minute_in_which_watching_began_only_the_last_price_counts() -> None:
    assert directions(None, [bar(0, 98, 103, 97, 99)], since=30) == []
    assert directions(None, [bar(0, 98, 103, 97, 101)], since=30) == [ABOVE]
    assert directions(None, [bar(0, 98, 103, 97, 101)], since=61) == []


@given(
    st.lists(st.lists(st.integers(95, 105), min_size=1, max_size=6), min_size=1, max_size=8),
    st.sampled_from((ABOVE, BELOW)),
)
def test_followed_live_every_crossing_is_found_once(minutes: list[list[int]], side: str) -> None:
    """Price by price, as the bar grows: exactly the crossings of the price itself."""
    seen, found, state = None, [], side
    expected, true_state = [], side
    for number, prices in enumerate(minutes):
        for count in range(1, len(prices) + 1):
            part = prices[:count]
            grown = bar(60 * number, part[0], max(part), min(part), part[-1], at=60 * number + count)
            points, seen = after(seen, [grown])
            state, reached = crossings(state, LEVEL, points, 0)
            found += [one.direction for one in reached]
            true_state, direction = step(true_state, Decimal(part[-1]), LEVEL)
            expected += [direction] if direction else []
    assert found == expected
    assert state == true_state


@given(
    st.lists(st.lists(st.integers(95, 105), min_size=1, max_size=6), min_size=2, max_size=8),
    st.data(),
)
def test_a_halt_anywhere_loses_and_doubles_nothing_of_other_minutes(
    minutes: list[list[int]], data: st.DataObject
) -> None:
    """Read in one go or with a halt between two looks: each minute that reaches the level does so in both."""
    bars = [bar(60 * n, p[0], max(p), min(p), p[-1]) for n, p in enumerate(minutes)]
    points, _ = after(None, bars)
    _, whole = crossings(BELOW, LEVEL, points, 0)
    halt = data.draw(st.integers(0, len(bars) - 1))
    cut = data.draw(st.integers(1, len(minutes[halt])))
    part = minutes[halt][:cut]
    grown = bar(60 * halt, part[0], max(part), min(part), part[-1], at=60 * halt + 5)
    points, seen = after(None, [*bars[:halt], grown])
    side, before = crossings(BELOW, LEVEL, points, 0)
    points, _ = after(seen, bars)
    end, later = crossings(side, LEVEL, points, 0)
    both = [*before, *later]
    assert [one for one in both if one.at <= 60 * halt] == [one for one in whole if one.at <= 60 * halt]
    assert end == step(BELOW, bars[-1].close, LEVEL)[0]
    for one, other in pairwise(both):
        assert (one.direction != other.direction) or LEVEL in (one.price, other.price)
