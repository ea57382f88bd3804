"""How far a stream has come: nothing told twice, nothing missing without a word."""

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from holdfast.venues.binance.events import (
    BookTicker,
    DepthDiff,
    Kline,
    KlineUpdate,
    MarketEvent,
    MiniTicker,
    Trade,
)
from holdfast.venues.binance.progress import Heard, Progress

ONE = Decimal(1)
NEW, KNOWN, JUMP = Heard.NEW, Heard.KNOWN, Heard.JUMP


def trade(number: int) -> Trade:
    return Trade("X", number, ONE, ONE, 0, True)


def kline(minute: int, *, closed: bool = False, at: int = 0) -> KlineUpdate:
    opened = minute * 60_000
    row = Kline("X", "1m", opened, opened + 59_999, ONE, ONE, ONE, ONE, ONE, ONE, 1, ONE, ONE)
    return KlineUpdate(row, 1, 1, closed, opened + at)


def heard(*events: MarketEvent) -> list[Heard]:
    progress = Progress()
    return [progress.hear(event) for event in events]


def test_trades() -> None:
    told = heard(trade(5), trade(6), trade(6), trade(5), trade(8), trade(7), trade(9))
    assert told == [NEW, NEW, KNOWN, KNOWN, JUMP, KNOWN, NEW]


def test_a_candle_that_never_closed_is_missed() -> None:
    assert heard(kline(1), kline(1, at=2), kline(1, closed=True, at=9), kline(2)) == [NEW, NEW, NEW, NEW]
    assert heard(kline(1), kline(2)) == [NEW, JUMP]
    assert heard(kline(1, closed=True), kline(3)) == [NEW, JUMP]
    assert heard(kline(1, closed=True), kline(2, closed=True)) == [NEW, NEW]


def test_a_closed_candle_stays_closed() -> None:
    assert heard(kline(1, closed=True, at=5), kline(1, at=9), kline(1, closed=True, at=5)) == [
        NEW,
        KNOWN,
        KNOWN,
    ]


def test_changes_of_a_book() -> None:
    first, second, third = (DepthDiff("X", a, b, (), (), 0) for a, b in ((5, 9), (10, 12), (14, 20)))
    assert heard(first, second, second, third) == [NEW, NEW, KNOWN, JUMP]


def test_what_is_not_numbered_is_never_missed() -> None:
    best = [BookTicker("X", number, ONE, ONE, ONE, ONE) for number in (1, 9, 9, 4)]
    assert heard(*best) == [NEW, NEW, KNOWN, KNOWN]
    days = [MiniTicker("X", ONE, ONE, ONE, ONE, ONE, ONE, at) for at in (1000, 5000, 5000)]
    assert heard(*days) == [NEW, NEW, KNOWN]


@given(st.lists(st.integers(0, 12), max_size=40))
def test_told_trades_rise_and_every_hole_is_told(numbers: list[int]) -> None:
    verdicts = heard(*map(trade, numbers))
    told = [number for number, verdict in zip(numbers, verdicts, strict=True) if verdict is not KNOWN]
    assert told == sorted(set(told))
    holes = sum(after > before + 1 for before, after in pairwise(told))
    assert holes == verdicts.count(JUMP)
