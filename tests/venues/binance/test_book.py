"""The local book: in step with the venue's however snapshot and changes come, and never silently not."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from holdfast.venues.binance.book import MOST_BUFFERED, LocalBook
from holdfast.venues.binance.events import DepthDiff, DepthSnapshot, Level

Levels = dict[int, int]


def levels(side: Levels) -> tuple[Level, ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in side.items())


def diff(first: int, last: int, bids: Levels | None = None, asks: Levels | None = None) -> DepthDiff:
    return DepthDiff("X", first, last, levels(bids or {}), levels(asks or {}), 0)


def snapshot(last: int, bids: Levels, asks: Levels) -> DepthSnapshot:
    return DepthSnapshot("X", last, levels(bids), levels(asks))


def test_a_snapshot_older_than_the_changes_is_refused() -> None:
    book = LocalBook("X")
    assert not book.apply(diff(11, 12))
    assert not book.start(snapshot(9, {1: 1}, {2: 1}))
    assert book.needs_snapshot
    assert book.start(snapshot(10, {1: 1}, {2: 1}))
    assert book.last_id == 12


def test_changes_the_snapshot_has_are_dropped_and_one_that_straddles_it_is_applied() -> None:
    book = LocalBook("X")
    book.apply(diff(1, 5, {1: 9}))
    book.apply(diff(6, 8, {1: 7}))
    book.apply(diff(9, 12, {1: 0, 3: 4}))
    assert book.start(snapshot(10, {1: 2}, {5: 1}))
    assert (book.bids.top(5), book.last_id) == ([(Decimal(3), Decimal(4))], 12)


def test_a_gap_puts_the_book_out_of_step_until_the_next_snapshot() -> None:
    book = LocalBook("X")
    assert book.start(snapshot(10, {1: 2}, {5: 1}))
    assert book.apply(diff(11, 11))
    assert book.apply(diff(3, 9, {1: 99})), "known already"
    assert not book.apply(diff(13, 14))
    assert not book.apply(diff(15, 15))
    assert not book.start(snapshot(11, {1: 2}, {5: 1}))
    assert book.start(snapshot(14, {2: 2}, {5: 1}))
    assert (book.last_id, book.needs_snapshot) == (15, False)


def test_a_gap_among_the_waiting_changes_is_noticed() -> None:
    book = LocalBook("X")
    book.apply(diff(11, 12))
    book.apply(diff(20, 21))
    assert not book.start(snapshot(11, {}, {}))
    assert book.needs_snapshot
    assert book.start(snapshot(21, {}, {}))


def test_what_was_before_an_absence_is_of_no_use() -> None:
    book = LocalBook("X")
    book.start(snapshot(10, {1: 2}, {5: 1}))
    book.lost()
    assert book.needs_snapshot
    assert not book.apply(diff(11, 11))


def test_removing_what_is_unknown_is_normal() -> None:
    book = LocalBook("X")
    book.start(snapshot(1, {1: 2}, {5: 1}))
    assert book.apply(diff(2, 2, {7: 0}, {5: 0}))
    assert book.asks.best() is None
    assert len(book.bids) == 1


def test_changes_without_a_snapshot_do_not_pile_up() -> None:
    book = LocalBook("X")
    for number in range(MOST_BUFFERED + 5):
        book.apply(diff(number, number))
    assert not book.start(snapshot(0, {}, {}))
    assert book.start(snapshot(MOST_BUFFERED, {}, {}))


changes = st.lists(
    st.tuples(
        st.dictionaries(st.integers(1, 30), st.integers(0, 5), max_size=4),
        st.dictionaries(st.integers(31, 60), st.integers(0, 5), max_size=4),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=30,
)


@given(changes, st.data())
def test_the_book_is_the_venues_wherever_the_snapshot_falls(
    told: list[tuple[Levels, Levels, int]], data: st.DataObject
) -> None:
    """The snapshot is taken at the end of any event, and comes after any number of them."""
    taken = data.draw(st.integers(0, len(told)))
    arrives = data.draw(st.integers(0, taken))
    bids: Levels = {}
    asks: Levels = {}
    diffs: list[DepthDiff] = []
    frozen = snapshot(0, {}, {})
    last = 0
    for place, (more_bids, more_asks, updates) in enumerate(told):
        if place == taken:
            frozen = snapshot(last, dict(bids), dict(asks))
        diffs.append(diff(last + 1, last + updates, more_bids, more_asks))
        last += updates
        for side, more in ((bids, more_bids), (asks, more_asks)):
            side.update(more)
            for price in [price for price, quantity in side.items() if not quantity]:
                del side[price]
    if taken == len(told):
        frozen = snapshot(last, dict(bids), dict(asks))
    book = LocalBook("X")
    for one in diffs[:arrives]:
        book.apply(one)
    assert book.start(frozen)
    for one in diffs[arrives:]:
        assert book.apply(one)
    assert book.last_id == last
    assert book.bids.top(99) == sorted(levels(bids), reverse=True)
    assert book.asks.top(99) == sorted(levels(asks))
    assert book.bids.best() == max(levels(bids), default=None)
    assert book.asks.best() == min(levels(asks), default=None)
