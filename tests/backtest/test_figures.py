"""Figures against examples worked out by hand, and what they say where there is nothing to say."""

import math
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backtest.made import DAY, bars_of, coins, histories, plain, terms

from holdfast.backtest.engine import Fill, Terms, run
from holdfast.backtest.figures import YEAR, curve, drawdown, trading
from holdfast.backtest.outcome import outcome
from holdfast.backtest.thinning import kept
from holdfast.backtest.trips import Trip, trips
from holdfast.core.bars import Bars, Floats

NAN = np.nan


def test_a_curve_by_hand() -> None:
    """Daily equity 100, 110, 99, 121: returns of 0.1, -0.1 and 0.2222."""
    bars = bars_of([1, 1, 1, 1])
    found = curve(bars, np.array([100.0, 110, 99, 121]))
    returns = [0.1, -0.1, 121 / 99 - 1]
    mean = sum(returns) / 3
    spread = math.sqrt(sum((one - mean) ** 2 for one in returns) / 2)
    years = 3 * DAY / YEAR
    assert found.total_return == pytest.approx(0.21)
    assert found.cagr == pytest.approx(1.21 ** (1 / years) - 1)
    assert found.max_drawdown == pytest.approx(-0.1)
    assert found.drawdown_seconds == 2 * DAY
    assert found.volatility == pytest.approx(spread * math.sqrt(3 / years))
    assert found.sharpe == pytest.approx(mean / spread * math.sqrt(365.25))
    assert found.sortino == pytest.approx(mean / math.sqrt(0.01 / 3) * math.sqrt(365.25))
    assert found.cagr is not None
    assert found.calmar == pytest.approx(found.cagr / 0.1)


def test_the_longest_time_below_an_earlier_height() -> None:
    bars = bars_of([1] * 8)
    found = curve(bars, np.array([5.0, 4, 5, 6, 5, 5, 5.5, 5.9]))
    assert found.max_drawdown == pytest.approx(-0.2)
    assert found.drawdown_seconds == 4 * DAY
    assert drawdown(np.array([5.0, 4, 6])).tolist() == pytest.approx([0, -0.2, 0])


def test_a_curve_that_tells_nothing() -> None:
    one = curve(bars_of([1]), np.array([100.0]))
    assert (one.total_return, one.max_drawdown, one.drawdown_seconds) == (0, 0, 0)
    assert (one.cagr, one.volatility, one.sharpe, one.sortino, one.calmar) == (None,) * 5
    still = curve(bars_of([1] * 5), np.full(5, 100.0))
    assert (still.cagr, still.volatility, still.sharpe, still.sortino, still.calmar) == (
        0,
        0,
        None,
        None,
        None,
    )
    rising = curve(bars_of([1] * 4), np.array([1.0, 2, 3, 5]))
    assert (rising.sortino, rising.calmar) == (None, None)
    lost = curve(bars_of([1] * 3), np.array([10.0, 5, -2]))
    assert (lost.sharpe, lost.cagr) == (None, None)
    assert lost.max_drawdown == pytest.approx(-1.2)


def test_round_trips_by_hand() -> None:
    """Bought in two parts, sold in two, then turned around in one fill, then bought back."""
    fills = [Fill(10, 100, 10), Fill(5, 120, 6), Fill(-5, 130, 5), Fill(-14, 140, 21), Fill(4, 150, 4)]
    first, second = trips([1, 2, 4, 6, 9], fills)
    assert (first.side, first.opened, first.closed) == ("long", 1, 6)
    assert (first.entered, first.left) == ((15, 1600), (15, 650 + 1400))
    assert first.fees == 10 + 6 + 5 + 21 * 10 // 14
    assert first.profit(0) == 2050 - 1600 - 36
    assert (second.side, second.opened, second.closed) == ("short", 6, 9)
    assert (second.entered, second.left, second.fees) == ((4, 560), (4, 600), 6 + 4)
    assert second.profit(0) == -40 - 10
    (still,) = trips([3], [Fill(2, 50, 1)])
    assert still.closed is None
    assert still.profit(60) == 2 * 10 - 1


@settings(max_examples=300, deadline=None)
@given(history=histories(), terms=terms())
def test_trips_hold_all_profit_and_all_fees(history: tuple[Bars, Floats], terms: Terms) -> None:
    bars, targets = history
    found = run(bars, targets, terms)
    every = list(trips(found.at.tolist(), found.fills))
    last = int(bars.close[-1])
    assert sum(trip.profit(last) for trip in every) == found.book.equity(last) - terms.cash
    assert sum(trip.fees for trip in every) == found.book.fees
    assert all(trip.closed is not None for trip in every[:-1])
    for before, after in pairwise(every):
        assert before.closed is not None
        assert before.closed <= after.opened


def test_trading_by_hand() -> None:
    """Wins 50, loses 30, wins 10: of two bars each."""
    bars = bars_of([10, 10, 10, 15, 15, 12, 12, 13, 13])
    targets = np.array([1.0, NAN, 0, 1, 0, 1, 0, NAN, NAN])
    found = run(bars, targets, plain(100))
    assert [(fill.lots, fill.price) for fill in found.fills] == [
        (10, 10), (-10, 15), (10, 15), (-10, 12), (10, 12), (-10, 13)
    ]  # fmt: skip
    told = trading(bars, found, list(trips(found.at.tolist(), found.fills)), plain(100))
    assert (told.trades, told.wins, told.losses) == (3, 2, 1)
    assert (told.average, told.best, told.worst) == (10, 50, -30)
    assert told.win_rate == pytest.approx(2 / 3)
    assert told.profit_factor == pytest.approx(2)
    assert told.holding_seconds == round((2 + 1 + 1) / 3 * DAY)
    assert told.exposure == pytest.approx(4 / 9)
    mean = float(found.equity.mean())
    assert told.turnover == pytest.approx((100 + 150 + 150 + 120 + 120 + 130) / mean)


def test_the_average_trade_is_exact_where_a_float_would_not_be() -> None:
    great, bars, terms = 10**17, bars_of([10, 10, 10]), plain(100)
    over = [Trip("long", 0, closed=1, bought=1, sold=1, got=great + more) for more in (1, 3, 5)]
    assert trading(bars, run(bars, np.full(3, NAN), terms), over, terms).average == great + 3


def test_no_trade_at_all() -> None:
    bars = bars_of([10, 10, 10])
    told = outcome(bars, np.full(3, NAN), coins(tick=Decimal(1)))
    assert told.trades == []
    assert told.figures["trades"] == 0
    assert [told.figures[name] for name in ("win_rate", "profit_factor", "average_trade")] == [None] * 3
    assert (told.figures["equity"], told.figures["profit"], told.figures["turnover"]) == ("10000", "0", 0)
    assert told.sparkline == [10_000] * 3


def test_holding_is_bought_at_the_second_open_with_the_same_costs() -> None:
    bars = bars_of([100, 200, 400], [100, 300, 500])
    told = outcome(bars, np.full(3, NAN), plain(1000, fee_rate=10**6))
    assert told.curves["hold"].tolist() == [1000, 1000 - 800 - 8 + 4 * 300, 1000 - 800 - 8 + 4 * 500]
    assert told.figures["hold_return"] == pytest.approx(1.192)


def test_what_is_told_of_a_trade() -> None:
    bars = bars_of([10_000, 10_000, 12_500, 12_500, 12_500], decimals=2)
    told = outcome(bars, np.array([0.5, 0.0, -0.5, NAN, NAN]), coins(allow_short=True))
    first, second = told.trades
    assert (first["side"], first["entry"], first["exit"], first["quantity"]) == ("long", "100", "125", "50")
    assert (first["fees"], first["profit"]) == ("11.25", "1238.75")
    assert first["profit_share"] == pytest.approx(1238.75 / 5000)
    assert first["closed_at"] - first["opened_at"] == timedelta(days=1)
    assert (second["side"], second["exit"], second["closed_at"]) == ("short", None, None)
    assert second["bars"] == 1


@settings(max_examples=200, deadline=None)
@given(values=st.lists(st.floats(1, 1e6), min_size=1, max_size=400), points=st.integers(8, 60))
def test_thinning_keeps_the_extremes(values: list[float], points: int) -> None:
    equity = np.array(values)
    places = kept(equity, points)
    shown = equity[places]
    assert len(places) <= max(points, 8)
    assert (np.diff(places) > 0).all()
    assert (places[0], places[-1]) == (0, len(equity) - 1)
    assert (shown.min(), shown.max()) == (equity.min(), equity.max())
    assert drawdown(shown).min() == drawdown(equity).min()


def test_thinning_keeps_the_deepest_drawdown_inside_a_stretch() -> None:
    equity = np.array([1.0, 10, 5, *[20] * 97])
    assert drawdown(equity[kept(equity, 8)]).min() == -0.5
