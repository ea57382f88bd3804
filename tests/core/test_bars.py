"""Bars are exact, or refused."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.bars import Bars, DoesNotFit, impossible
from holdfast.core.resample import resample
from holdfast.core.timeframes import Timeframe, start_of

prices = st.decimals("0.00000001", "99999999", places=8)
volumes = st.decimals(0, "99999999", places=6)
times = st.lists(st.integers(0, 3_000_000).map(lambda n: n * 60), unique=True, min_size=1, max_size=60)


@st.composite
def rows(draw: st.DrawFn) -> list[tuple[int | Decimal, ...]]:
    made = []
    for time in sorted(draw(times)):
        low, opened, close, high = sorted(draw(st.tuples(prices, prices, prices, prices)))
        made.append((time, opened, high, low, close, draw(volumes)))
    return made


@settings(deadline=None)
@given(rows())
def test_decimals_go_in_and_come_out_exactly(made: list[tuple[int | Decimal, ...]]) -> None:
    bars = Bars.of_decimals(made)
    unit, lot = Decimal(1).scaleb(-bars.price_decimals), Decimal(1).scaleb(-bars.volume_decimals)
    for position, (time, *four, volume) in enumerate(made):
        assert bars.time[position] == time
        assert [int(column[position]) * unit for column in bars.columns[1:5]] == four
        assert int(bars.volume[position]) * lot == volume
    assert len(impossible(bars)) == 0


@settings(deadline=None)
@given(rows(), st.integers(0, 2), st.integers(0, 2))
def test_another_scale_is_the_same_bars(
    made: list[tuple[int | Decimal, ...]], prices: int, lots: int
) -> None:
    bars = Bars.of_decimals(made)
    wider = bars.at_scale(bars.price_decimals + prices, bars.volume_decimals + lots)
    assert wider == bars
    assert wider.trimmed().price_decimals == bars.price_decimals
    assert wider.trimmed() == bars


@settings(deadline=None)
@given(rows(), st.integers(0, 60))
def test_parts_make_the_whole(made: list[tuple[int | Decimal, ...]], where: int) -> None:
    bars = Bars.of_decimals(made)
    cut = int(bars.time[min(where, len(bars) - 1)])
    early, late = bars.between(0, cut), bars.between(cut, 2**60)
    assert Bars.concat([early.trimmed(), late]) == bars
    assert bool(np.all(early.time < cut))


@settings(deadline=None)
@given(rows(), st.sampled_from(Timeframe))
def test_resampling_as_one_would_by_hand(made: list[tuple[int | Decimal, ...]], timeframe: Timeframe) -> None:
    longer = resample(Bars.of_decimals(made), timeframe)
    groups: dict[int, list[tuple[int | Decimal, ...]]] = {}
    for row in made:
        groups.setdefault(start_of(int(row[0]), timeframe), []).append(row)
    expected = [
        (
            start,
            group[0][1],
            max(row[2] for row in group),
            min(row[3] for row in group),
            group[-1][4],
            sum((Decimal(row[5]) for row in group), Decimal(0)),
        )
        for start, group in groups.items()
    ]
    assert longer == Bars.of_decimals(expected)


@settings(deadline=None)
@given(rows())
def test_resampling_in_two_steps_is_resampling_once(made: list[tuple[int | Decimal, ...]]) -> None:
    bars = Bars.of_decimals(made)
    for finer, coarser in (
        (Timeframe.M5, Timeframe.H1),
        (Timeframe.H1, Timeframe.D1),
        (Timeframe.D1, Timeframe.W1),
    ):
        assert resample(resample(bars, finer), coarser) == resample(bars, coarser)
    assert resample(bars, Timeframe.M1) == bars


def test_floats_are_the_nearest() -> None:
    bars = Bars.of_decimals(
        [(0, Decimal("17208.86"), Decimal("17212.99"), Decimal(17205), Decimal(17205), Decimal("1.549151"))]
    )
    assert bars.as_floats().open[0] == 17208.86
    assert bars.as_floats().volume[0] == 1.549151


def test_what_cannot_be_held_is_refused() -> None:
    one = Decimal(1)
    with pytest.raises(DoesNotFit):
        Bars.of_decimals([(0, one, one, one, one, Decimal("1e19"))])
    with pytest.raises(DoesNotFit):
        Bars.of_decimals([(0, Decimal("1e-19"), one, one, one, one)])
    with pytest.raises(DoesNotFit):
        Bars.of_decimals([(0, Decimal("NaN"), one, one, one, one)])
    large = Bars.of_decimals([(0, Decimal(10**18), one, one, one, one)])
    with pytest.raises(DoesNotFit):
        large.at_scale(3, 0)
    small = Bars.of_decimals([(0, one, one, one, one, one)])
    with pytest.raises(ValueError, match="fewer decimals"):
        small.at_scale(2, 0).at_scale(1, 0)
    column = np.array([60, 60])
    with pytest.raises(ValueError, match="do not increase"):
        Bars(column, column, column, column, column, column, 0, 0)
    heavy = Bars.of_decimals([(minute * 60, one, one, one, one, Decimal(2**62)) for minute in range(3)])
    with pytest.raises(DoesNotFit):
        resample(heavy, Timeframe.H1)


def test_impossible_bars_are_found() -> None:
    good = (Decimal(2), Decimal(3), Decimal(1), Decimal(2), Decimal(0))
    rows = [
        (0, *good),
        (60, Decimal(2), Decimal(1), Decimal(1), Decimal(2), Decimal(0)),
        (120, Decimal(2), Decimal(3), Decimal(0), Decimal(2), Decimal(0)),
        (180, Decimal(2), Decimal(3), Decimal(1), Decimal(2), Decimal(-1)),
        (240, *good),
    ]
    assert impossible(Bars.of_decimals(rows)).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "value", ["1e999999", "-1e999999", "1e-999999", "1e19", "1e-19", f"1.{'0' * 150}1", "NaN", "Infinity"]
)
def test_what_cannot_be_held_exactly_is_refused(value: str) -> None:
    with pytest.raises(DoesNotFit):
        Bars.of_decimals([(60, Decimal(value), Decimal(1), Decimal(1), Decimal(1), Decimal(1))])


@pytest.mark.parametrize("value", ["0e999999", "0e-999999", "0.0"])
def test_zero_is_zero_however_it_is_written(value: str) -> None:
    one = Decimal(1)
    assert Bars.of_decimals([(60, one, one, one, one, Decimal(value))]).volume.tolist() == [0]


def test_volumes_are_bounded_bar_by_bar() -> None:
    """However many bars: only what makes one longer bar is summed."""
    count = 48
    times = np.arange(count, dtype=np.int64) * 3600
    ones, volumes = np.ones(count, np.int64), np.full(count, 2**58, np.int64)
    bars = Bars(times, ones, ones, ones, ones, volumes, 0, 0)
    assert resample(bars, Timeframe.H12).volume.tolist() == [12 * 2**58] * 4
    with pytest.raises(DoesNotFit):
        resample(bars, Timeframe.D1)
