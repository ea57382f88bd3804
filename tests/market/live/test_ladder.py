"""Live bars of every timeframe are those that history is resampled to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.market.candles.made import START, walk

from holdfast.core.bars import Bars
from holdfast.core.resample import resample
from holdfast.core.timeframes import MINUTE, Timeframe, end_of, shifted, start_of
from holdfast.market.live.ladder import MOST, Ladder, rows_of
from holdfast.market.live.messages import Announcement, decode, encode
from holdfast.market.live.minutes import KEPT, Tail, minutes_of


def news(bars: Bars, closed: int, *, kept: int = KEPT) -> Announcement:
    """What is announced when ``closed`` minutes of ``bars`` have closed and the next one forms."""
    first = max(closed - kept, 0)
    return Announcement(
        int(bars.time[first]),
        int(bars.time[0]) + closed * MINUTE,
        bars.take(slice(first, closed)),
        bars.take(slice(closed, closed + 1)),
        0,
    )


def begun(bars: Bars, timeframe: Timeframe, closed: int) -> Ladder:
    until = int(bars.time[0]) + closed * MINUTE
    start = shifted(start_of(until, timeframe), timeframe, 1 - MOST)
    return Ladder(timeframe, resample(bars.between(start, until), timeframe), until)


@pytest.mark.parametrize("timeframe", list(Timeframe))
@given(data=st.data())
def test_live_bars_are_what_history_is_resampled_to(timeframe: Timeframe, data: st.DataObject) -> None:
    span = min(timeframe.longest // MINUTE * 3 + 10, 9000)
    bars = walk(span + 40, seed=data.draw(st.integers(0, 20)))
    at = data.draw(st.integers(KEPT, span))
    ladder = begun(bars, timeframe, at)
    for _ in range(6):
        at += data.draw(st.integers(0, KEPT))
        heard = news(bars, at)
        assert ladder.joins(heard)
        ladder.climb(heard)
        everything = resample(bars.take(slice(at + 1)), timeframe)
        expected = rows_of(everything, timeframe, heard.until)
        assert ladder.rows(heard) == expected


def test_a_bar_is_closed_when_its_last_minute_is() -> None:
    bars = walk(10)
    ladder = begun(bars, Timeframe.M5, 0)
    for closed in range(10):
        ladder.climb(news(bars, closed))
        rows = ladder.rows(news(bars, closed))
        assert [row[6] for row in rows] == [int(row[0] + 300 <= START + closed * MINUTE) for row in rows]


def test_what_was_missed_does_not_join() -> None:
    bars = walk(30)
    ladder = begun(bars, Timeframe.M15, 10)
    assert ladder.joins(news(bars, 10 + KEPT))
    assert not ladder.joins(news(bars, 11 + KEPT))


def test_older_news_change_nothing() -> None:
    bars = walk(30)
    ladder = begun(bars, Timeframe.M3, 20)
    before = ladder.rows(news(bars, 20))
    ladder.climb(news(bars, 18))
    assert ladder.rows(news(bars, 20)) == before
    assert all(row[0] <= START + 20 * MINUTE for row in ladder.rows(news(bars, 18)))


def test_a_month_has_its_own_length() -> None:
    february = 1_675_209_600
    bars = walk(2, start=february + 27 * 86_400)
    (row,) = rows_of(resample(bars, Timeframe.MONTH), Timeframe.MONTH, february + 28 * 86_400)
    assert row[6] == 1
    assert end_of(row[0], Timeframe.MONTH) == february + 28 * 86_400


def test_prices_are_the_floats_that_history_is_told_in() -> None:
    bars = walk(500)
    rows = rows_of(bars, Timeframe.M1, 0)
    floats = bars.as_floats()
    assert [row[4] for row in rows] == floats.close[-MOST:].tolist()


def test_announcements_survive_the_wire() -> None:
    tail, bars = Tail(), walk(6)
    tail.fill((), START, START)
    for one in minutes_of(bars.take(slice(5))):
        tail.hear(one, closed=True)
    tail.hear(minutes_of(bars)[5], closed=False)
    told = decode(encode(tail, 77))
    assert (told.start, told.until, told.at) == (START + MINUTE, START + 5 * MINUTE, 77)
    assert told.closed == bars.take(slice(1, 5))
    assert told.forming == bars.take(slice(5, 6))
    assert np.array_equal(told.closed.time, bars.time[1:5])
