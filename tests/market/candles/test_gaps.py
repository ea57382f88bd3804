"""Spans against sets of minutes."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.market.candles.gaps import Gap, Reason, named, outside, runs, union

minutes = st.sets(st.integers(0, 60), max_size=40)
spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda s: (s[0], s[0] + s[1])), max_size=8
)


def seconds_of(found: list[tuple[int, int]]) -> set[int]:
    return {second for start, until in found for second in range(start, until)}


@settings(deadline=None)
@given(minutes)
def test_runs_cover_exactly_the_bars(there: set[int]) -> None:
    times = np.array(sorted(there), dtype=np.int64) * 60
    found = runs(times, 60)
    assert seconds_of([(start // 60, until // 60) for start, until in found]) == there
    assert all(left[1] < right[0] for left, right in itertools.pairwise(found))


@settings(deadline=None)
@given(spans)
def test_a_union_is_the_same_seconds_in_the_fewest_spans(made: list[tuple[int, int]]) -> None:
    found = union(made)
    assert seconds_of(found) == seconds_of(made)
    assert all(left[1] < right[0] for left, right in itertools.pairwise(found))


@settings(deadline=None)
@given(spans, st.integers(0, 60), st.integers(0, 60))
def test_outside_is_the_rest(made: list[tuple[int, int]], start: int, until: int) -> None:
    found = outside(made, start, until)
    assert seconds_of(found) == set(range(start, until)) - seconds_of(made)
    assert all(begin < end for begin, end in found)


@settings(deadline=None)
@given(spans, spans)
def test_every_missing_second_gets_one_reason(
    holes: list[tuple[int, int]], known: list[tuple[int, int]]
) -> None:
    reasons = [Gap(*span, Reason.EXCHANGE_DOWN) for span in union(known)]
    found = named(union(holes), reasons)
    assert seconds_of([(gap.start, gap.until) for gap in found]) == seconds_of(holes)
    assert sum(gap.until - gap.start for gap in found) == len(seconds_of(holes))
    down = [(gap.start, gap.until) for gap in found if gap.reason is Reason.EXCHANGE_DOWN]
    assert seconds_of(down) == seconds_of(holes) & seconds_of(known)
    assert found == sorted(found, key=lambda gap: gap.start)
