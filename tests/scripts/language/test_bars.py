"""Longer bars are known when they are complete, and not before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scripts.bars import ordinary_bars, strange_bars
from tests.scripts.language.helpers import good

from holdfast.core.bars import Bars, FloatBars
from holdfast.core.resample import resample
from holdfast.core.timeframes import Timeframe, end_of
from holdfast.scripts.language.bars import ScriptBars

HOUR = 3600
DAY = 24 * HOUR


def hours(first: int, closes: list[float]) -> ScriptBars:
    close = np.array(closes, np.float64)
    time = first + HOUR * np.arange(len(close), dtype=np.int64)
    return ScriptBars.of(FloatBars(time, close, close + 1, close - 1, close, close), "X", Timeframe.H1)


def test_a_day_is_known_at_the_close_of_its_last_hour_and_held_until_the_next() -> None:
    bars = hours(10 * DAY, list(range(1, 73)))
    day = bars.at("1d")
    assert np.isnan(day.close[:23]).all()
    assert day.close[23:47].tolist() == [24.0] * 24
    assert day.close[47:71].tolist() == [48.0] * 24
    assert (day.open[30], day.high[30], day.low[30], day.volume[30]) == (1, 25, 0, 300)
    assert (day.time[30], day.time[71], day.timeframe) == (10 * DAY, 12 * DAY, Timeframe.D1)


def test_a_day_that_did_not_begin_with_the_bars_is_left_out() -> None:
    day = hours(10 * DAY + HOUR, list(range(48))).at("1d")
    assert np.isnan(day.close[:46]).all()
    assert day.close[46] == 46


def test_a_day_whose_last_hour_is_missing_is_known_with_the_next_bar() -> None:
    whole = hours(10 * DAY, list(range(1, 50)))
    kept = np.arange(49) != 23
    bars = ScriptBars.of(
        FloatBars(
            whole.time[kept],
            whole.open[kept],
            whole.high[kept],
            whole.low[kept],
            whole.close[kept],
            whole.volume[kept],
        ),
        "X",
        Timeframe.H1,
    )
    close = bars.at("1d").close
    assert np.isnan(close[22])
    assert close[23] == 23


def test_a_function_is_given_the_longer_bars_and_its_values_are_held() -> None:
    bars = hours(10 * DAY, list(range(1, 97)))
    seen = []

    def last_two(day: object) -> tuple[np.ndarray, ...]:
        seen.append(day.close.tolist())
        return np.convolve(day.close, [0.5, 0.5])[:4], day.close > 50, np.arange(4)

    mean, high, number = bars.at("1d", last_two)
    assert np.isnan(number[22])
    assert number[[23, 95]].tolist() == [0, 3]
    assert seen == [[24, 48, 72, 96]]
    assert mean[[23, 46, 47, 95]].tolist() == [12, 12, 36, 84]
    assert high.dtype == bool
    assert high[[0, 50, 71, 95]].tolist() == [False, False, True, True]


def test_months_have_their_own_lengths() -> None:
    time = (np.datetime64("2024-01-01", "D") + np.arange(62)).astype("datetime64[s]").astype(np.int64)
    close = np.arange(62.0)
    bars = ScriptBars.of(FloatBars(time, *[close] * 5), "X", Timeframe.D1)
    month = bars.at("1M")
    assert np.isnan(month.close[29])
    assert month.close[30] == 30
    assert month.close[58:60].tolist() == [30, 59]
    assert bars.at("1d") is bars


@settings(max_examples=60, deadline=None)
@given(strange_bars(most=60), st.sampled_from(["15m", "1h", "4h"]), st.data())
def test_no_longer_bar_knows_what_comes_later(bars: Bars, longer: str, data: st.DataObject) -> None:
    """Beside another way to say it: a bar is known once the clock has passed its end."""
    cut = data.draw(st.integers(1, len(bars)))
    floats = bars.as_floats()
    whole = ScriptBars.of(floats, "X", Timeframe.M5).at(longer)
    part = ScriptBars.of(bars.take(slice(cut)).as_floats(), "X", Timeframe.M5).at(longer)
    for name in ("time", "open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(whole, name)[:cut], getattr(part, name), equal_nan=True)
    timeframe = Timeframe(longer)
    made = resample(bars, timeframe)
    for position, opened in enumerate(bars.time.tolist()):
        known = [at for at in made.time.tolist() if end_of(at, timeframe) <= opened + 300]
        if known and known[0] != bars.time[0]:
            known = known[1:]
        expected = known[-1] if known else 0
        assert whole.time[position] == expected


def test_longer_bars_in_a_script() -> None:
    bars = ordinary_bars(3_000, 3).as_floats()
    output = good(
        'h = bars.at("1h")\nplot(h.close)\nplot(bars.at("1h", lambda h: ta.ema(h.close, 20)))\n'
        "log(h.hour[-1], h.index[-1] - h.index[-13], len(h))",
        bars,
    )
    assert output.logs[0].endswith(" 1 3000")
    changes = np.flatnonzero(np.diff(output.plots[0].values[20:]))
    assert set(np.diff(changes)) <= {12, 24, 36}


@pytest.mark.parametrize(
    ("base", "longer"), [(Timeframe.W1, "1M"), (Timeframe.D3, "1w"), (Timeframe.H4, "6h")]
)
def test_what_cannot_be_put_together_is_refused(base: Timeframe, longer: str) -> None:
    from holdfast.scripts.language.words import Mistake

    bars = ScriptBars.of(ordinary_bars(10, 1).as_floats(), "X", base)
    with pytest.raises(Mistake, match="cannot be made of"):
        bars.at(longer)
