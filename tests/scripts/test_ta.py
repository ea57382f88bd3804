"""Indicators are right, say what they refuse, and have nothing to say rather than nonsense."""

from dataclasses import replace

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scripts.bars import columns_of, defaults, ordinary_bars, small_inputs, strange_bars

from holdfast.core.bars import Bars, FloatBars
from holdfast.core.errors import InvalidInput, NotFound
from holdfast.core.timeframes import Timeframe
from holdfast.scripts import indicators, ta
from holdfast.scripts.ta import REGISTRY, Indicator
from holdfast.scripts.ta.catalogue import BadInput, Floats

EVERY = pytest.mark.parametrize("indicator", REGISTRY.values(), ids=REGISTRY)


def close_to(found: Floats, expected: Floats) -> bool:
    return np.allclose(found, expected, rtol=1e-9, atol=1e-9, equal_nan=True)


@EVERY
def test_an_entry_says_everything_a_chart_needs(indicator: Indicator) -> None:
    plots = {plot.id for plot in indicator.plots}
    assert indicator.about.endswith(".")
    assert "`" not in indicator.about
    assert len(plots) == len(indicator.plots)
    assert all(1 <= plot.colour <= 8 and plot.band_with in {None, *plots} for plot in indicator.plots)
    assert len({plot.pane for plot in indicator.plots}) == 1
    assert not {one.name for one in indicator.inputs} & {"series", "timeframe", "before", "after", "limit"}
    for one in indicator.inputs:
        assert one.checked(one.default) == one.default
    columns = columns_of(indicator, ordinary_bars(400, 1), defaults(indicator))
    assert len(columns) == len(indicator.plots)
    assert all(np.isfinite(column).any() for column in columns)


def test_there_are_enough() -> None:
    assert len(REGISTRY) >= 30


@EVERY
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_strange_bars_give_values_or_nothing(indicator: Indicator, data: st.DataObject) -> None:
    inputs = data.draw(small_inputs(indicator))
    bars = data.draw(strange_bars())
    flat = Bars(*(bars.time, *[np.full(len(bars), 7)] * 4, np.zeros(len(bars), np.int64)), 0, 0)
    for one in (bars, flat, Bars.empty()):
        for column in columns_of(indicator, one, inputs):
            assert len(column) == len(one)
            assert not np.isinf(column).any()


@EVERY
@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_missing_numbers_give_values_or_nothing(indicator: Indicator, hole: float) -> None:
    floats = ordinary_bars(300, 4).as_floats()
    for name in ("open", "high", "low", "close", "volume"):
        column = getattr(floats, name).copy()
        column[[0, 1, 50, 299]] = hole
        holed = replace(floats, **{name: column})
        inputs = defaults(indicator)
        data = indicators.SOURCES[inputs.pop("source")](holed) if "source" in inputs else holed
        found = indicator.function(data, **inputs)
        for values in found if isinstance(found, tuple) else (found,):
            assert len(values) == 300
            assert not np.isinf(values).any()


@EVERY
def test_a_cheaper_coin_has_the_same_picture(indicator: Indicator) -> None:
    """Prices at 10^-12 of the size: nothing may be measured against a fixed small number."""
    bars, inputs = ordinary_bars(700, 5).as_floats(), defaults(indicator)
    small = FloatBars(
        bars.time, *(getattr(bars, n) * 2.0**-40 for n in ("open", "high", "low", "close")), bars.volume
    )
    source = inputs.pop("source", None)
    takes = indicators.SOURCES[source] if source else lambda one: one
    large_found, small_found = (indicator.function(takes(one), **inputs) for one in (bars, small))
    if not isinstance(large_found, tuple):
        large_found, small_found = (large_found,), (small_found,)
    for one, other in zip(large_found, small_found, strict=True):
        same = [
            np.allclose(other * factor, one, rtol=1e-9, atol=0, equal_nan=True) for factor in (1.0, 2.0**40)
        ]
        assert any(same)


def test_where_nothing_moves_there_is_nothing_to_divide_by() -> None:
    flat = np.concatenate((100 + np.sin(np.arange(50.0)), np.full(400, 100.1)))
    bars = FloatBars(np.arange(450) * 60, flat, flat, flat, flat, np.zeros(450))
    for found in (
        ta.rsi(flat, 14), ta.stoch(bars, 14, 3, 3)[0], ta.willr(bars, 14), ta.cci(bars, 20), ta.cmo(flat, 14),
        ta.ultosc(bars, 7, 14, 28), ta.adx(bars, 14)[0], ta.vwma(bars, 20), ta.vwap(bars), ta.mfi(bars, 14),
        ta.cmf(bars, 20),
    ):  # fmt: skip
        assert np.isnan(found[-1])
    assert np.isnan(ta.rsi(flat, 14)[300])
    assert 0 <= ta.rsi(flat, 14)[120] <= 100
    assert ta.atr(bars, 14)[-1] == pytest.approx(0, abs=1e-9)


# --- the same numbers as others get -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bars() -> FloatBars:
    return ordinary_bars(900, 8).as_floats()


def test_own_formulas_agree_with_ta_lib_where_it_is_exact(bars: FloatBars) -> None:
    high, low, close, volume = bars.high, bars.low, bars.close, bars.volume
    assert close_to(ta.willr(bars, 14), talib.WILLR(high, low, close, 14))
    assert close_to(ta.roc(close, 10), talib.ROC(close, 10))
    assert close_to(ta.ultosc(bars, 7, 14, 28), talib.ULTOSC(high, low, close, 7, 14, 28))
    assert close_to(ta.natr(bars, 14), talib.NATR(high, low, close, 14))
    k, d = talib.STOCH(high, low, close, 14, 3, 0, 3, 0)
    found_k, found_d = ta.stoch(bars, 14, 3, 3)
    assert close_to(found_k[20:], k[20:])
    assert close_to(found_d[20:], d[20:])
    assert close_to(ta.mfi(bars, 14), talib.MFI(high, low, close, volume, 14))
    assert close_to(ta.trix(close, 15), talib.TRIX(close, 15))
    assert np.allclose(ta.stddev(close, 20), talib.STDDEV(close, 20), rtol=1e-4, equal_nan=True)
    assert np.allclose(ta.kama(close, 10)[500:], talib.KAMA(close, 10)[500:], rtol=1e-4)
    change = np.diff(talib.OBV(close, volume))
    assert np.allclose(np.diff(ta.obv(bars)), change)
    assert np.allclose(np.diff(ta.ad(bars)), np.diff(talib.AD(high, low, close, volume)))
    macd, signal, histogram = talib.MACD(close, 12, 26, 9)
    found = ta.macd(close, 12, 26, 9)
    for one, other in zip(found, (histogram, macd, signal), strict=True):
        assert close_to(one[600:], other[600:])
    assert close_to(ta.adosc(bars, 3, 10)[300:], talib.ADOSC(high, low, close, volume, 3, 10)[300:])


def test_relative_strength_is_wilders(bars: FloatBars) -> None:
    moves = np.diff(bars.close)
    up, down = np.maximum(moves, 0), np.maximum(-moves, 0)
    gain, loss = up[:14].mean(), down[:14].mean()
    expected = [100 * gain / (gain + loss)]
    for rise, fall in zip(up[14:], down[14:], strict=True):
        gain, loss = (13 * gain + rise) / 14, (13 * loss + fall) / 14
        expected.append(100 * gain / (gain + loss))
    assert close_to(ta.rsi(bars.close, 14)[14:], np.array(expected))


def test_averages_are_what_they_say(bars: FloatBars) -> None:
    close = bars.close
    windows = np.lib.stride_tricks.sliding_window_view(close, 20)
    assert close_to(ta.sma(close, 20)[19:], windows.mean(axis=1))
    assert close_to(ta.wma(close, 20)[19:], windows @ np.arange(1, 21) / 210)
    assert close_to(ta.stddev(close, 20)[19:], windows.std(axis=1))
    lower, upper = ta.bbands(close, 20, 2)[1:]
    assert close_to((upper - lower)[19:], 4 * windows.std(axis=1))
    weights = np.lib.stride_tricks.sliding_window_view(bars.volume, 20)
    assert close_to(ta.vwma(bars, 20)[19:], (windows * weights).sum(axis=1) / weights.sum(axis=1))
    raw = 2 * ta.wma(close, 10) - ta.wma(close, 20)
    assert close_to(ta.hma(close, 20)[30:], ta.wma(raw[19:], 4)[11:])
    average = close[:20].mean()
    for value in close[20:]:
        average += (value - average) * 2 / 21
    assert ta.ema(close, 20)[-1] == pytest.approx(average, rel=1e-12)


def test_a_spike_leaves_nothing_behind() -> None:
    volume = np.full(200, 0.001)
    volume[20] = 1e15
    flat = np.full(200, 5.0)
    spiked = FloatBars(np.arange(200) * 60, flat, flat + 1, flat - 1, flat, volume)
    assert ta.volume_sma(spiked, 20)[1][60] == pytest.approx(0.001, rel=1e-12)
    assert ta.vwma(spiked, 20)[60] == pytest.approx(5.0, rel=1e-12)


def test_the_average_price_of_a_day_begins_at_midnight() -> None:
    day = 86_400
    bars = FloatBars(
        np.array([100 * day - 60, 100 * day, 100 * day + 60]),
        *[np.array([1.0, 2.0, 4.0])] * 4,
        np.array([5.0, 1.0, 3.0]),
    )
    assert ta.vwap(bars).tolist() == [1.0, 2.0, 3.5]
    assert ta.vwap(bars, "month").tolist() == [1.0, 7 / 6, 19 / 9]


def test_pivots_are_of_the_day_before_and_hold_all_day() -> None:
    day, high, low, close = 86_400, [10.0, 12, 9, 8], [8.0, 9, 7, 7], [9.0, 11, 8, 7]
    time = np.array([day, day + 60, 3 * day, 3 * day + 60])
    columns = [np.array(one) for one in (high, high, low, close)]
    found = ta.pivots(FloatBars(time, *columns, np.ones(4)))
    pivot = (12 + 8 + 11) / 3
    expected = [
        pivot,
        2 * pivot - 8,
        pivot + 4,
        12 + 2 * (pivot - 8),
        2 * pivot - 12,
        pivot - 4,
        8 - 2 * (12 - pivot),
    ]
    for values, level in zip(found, expected, strict=True):
        assert np.isnan(values[:2]).all()
        assert values[2:].tolist() == pytest.approx([level, level])


def test_a_supertrend_only_moves_with_its_trend(bars: FloatBars) -> None:
    up, down = ta.supertrend(bars, 10, 3)
    assert np.array_equal(np.isnan(up[10:]), ~np.isnan(down[10:]))
    both = ~np.isnan(up[1:]) & ~np.isnan(up[:-1])
    assert (np.diff(up)[both] >= 0).all()
    assert (bars.close[~np.isnan(up)] >= up[~np.isnan(up)]).all()
    turned = ~np.isnan(up[11:]) & np.isnan(up[10:-1])
    assert turned.any()
    assert (bars.close[11:][turned] > down[10:-1][turned]).all()


def test_what_scripts_compare_with() -> None:
    values = np.array([1.0, 2, 3, 2, 1, 3])
    assert ta.crossover(values, 2.0).tolist() == [False, False, True, False, False, True]
    assert ta.crossunder(values, 2.0).tolist() == [False, False, False, False, True, False]
    assert ta.hold(values == 2, values == 1).tolist() == [0, 1, 1, 1, 0, 0]
    assert np.array_equal(ta.shift(values, 2), [np.nan, np.nan, 1, 2, 3, 2], equal_nan=True)
    assert np.array_equal(ta.highest(values, 3), [np.nan, np.nan, 3, 3, 3, 3], equal_nan=True)
    with pytest.raises(ValueError, match="later bars"):
        ta.shift(values, -1)


# --- what is refused ----------------------------------------------------------------------------------------


@EVERY
def test_bad_inputs_are_refused_with_words(indicator: Indicator) -> None:
    for one in indicator.inputs:
        bad = ["", "nan", "ten", "1e400", "-1", str((one.max or 0) + 1), "\x00", "9" * 5000]
        if one.kind == "int":
            bad += ["2.5", "1_0"] if one.max and one.max < 10 else ["2.5"]
        for text in bad:
            with pytest.raises(InvalidInput) as refused:
                indicators.read_inputs(indicator, {one.name: text})
            assert one.name in refused.value.detail
            assert len(refused.value.detail) < 200
    with pytest.raises(InvalidInput, match="no input 'colour'"):
        indicators.read_inputs(indicator, {"colour": "red"})


def test_scripts_are_refused_in_the_same_words() -> None:
    values = np.arange(10.0)
    with pytest.raises(BadInput, match="length must be a whole number from 2 to 500, not '1'"):
        ta.sma(values, 1)
    with pytest.raises(BadInput, match="length must be a whole number"):
        ta.sma(values, 2.5)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="flat array"):
        ta.sma(np.ones((3, 3)), 2)
    with pytest.raises(NotFound):
        indicators.find("zigzag")
    with pytest.raises(InvalidInput, match="too many bars"):
        indicators.check_reach(Timeframe.M1, {"anchor": "year"})
