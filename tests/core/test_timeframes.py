"""Where bars begin, against the calendar of the standard library."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.timeframes import Timeframe, bucket_start, divides, end_of, shifted, start_of, timeframe_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
seconds = st.integers(0, 4_000_000_000)


def by_calendar(time: int, timeframe: Timeframe) -> datetime:
    moment = EPOCH + timedelta(seconds=time)
    midnight = moment.replace(hour=0, minute=0, second=0)
    match timeframe:
        case Timeframe.MONTH:
            return midnight.replace(day=1)
        case Timeframe.W1:
            return midnight - timedelta(days=moment.weekday())
        case Timeframe.D3:
            return midnight - timedelta(days=(midnight - EPOCH).days % 3)
        case _:
            return moment - (moment - midnight) % timedelta(seconds=timeframe.seconds or 0)


@settings(deadline=None)
@given(seconds, st.sampled_from(Timeframe))
def test_a_bar_begins_where_the_calendar_says(time: int, timeframe: Timeframe) -> None:
    expected = by_calendar(time, timeframe)
    assert EPOCH + timedelta(seconds=start_of(time, timeframe)) == expected


@settings(deadline=None)
@given(seconds, st.sampled_from(Timeframe), st.integers(-40, 40))
def test_shifting_walks_over_whole_bars(time: int, timeframe: Timeframe, bars: int) -> None:
    start = start_of(time, timeframe)
    there = shifted(start, timeframe, bars)
    assert start_of(there, timeframe) == there
    assert shifted(there, timeframe, -bars) == start
    assert end_of(start, timeframe) > time >= start
    assert start_of(end_of(start, timeframe), timeframe) == end_of(start, timeframe)
    assert end_of(start, timeframe) - start <= timeframe.longest


@pytest.mark.parametrize(
    ("timeframe", "moment", "opening"),
    [
        # Binance, BTCUSDT 1w, and Bybit, BTCUSDT M
        (Timeframe.W1, "2024-08-08T23:59:59", "2024-08-05T00:00:00"),
        (Timeframe.W1, "2024-08-05T00:00:00", "2024-08-05T00:00:00"),
        (Timeframe.MONTH, "2024-02-29T12:00:00", "2024-02-01T00:00:00"),
        (Timeframe.H8, "2024-02-29T17:00:00", "2024-02-29T16:00:00"),
    ],
)
def test_known_openings(timeframe: Timeframe, moment: str, opening: str) -> None:
    time = int(datetime.fromisoformat(f"{moment}+00:00").timestamp())
    expected = int(datetime.fromisoformat(f"{opening}+00:00").timestamp())
    assert bucket_start(np.array([time]), timeframe).tolist() == [expected]


def test_only_shorter_bars_that_divide_make_longer_ones() -> None:
    assert divides(60, Timeframe.MONTH)
    assert divides(300, Timeframe.M15)
    assert not divides(300, Timeframe.M3)
    assert divides(86_400, Timeframe.W1)
    assert not divides(86_400, Timeframe.H1)
    assert not divides(3 * 86_400, Timeframe.W1)
    assert divides(3 * 86_400, Timeframe.D3)
    assert timeframe_of(3600) is Timeframe.H1
    assert timeframe_of(61) is None
