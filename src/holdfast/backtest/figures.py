"""What is said of a back-test. Pure.

Returns are simple ones, from close to close. A year has as many bars as these bars have in a year: markets
that close at night have fewer. No interest is assumed on cash, so ratios are against zero.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from holdfast.backtest.engine import Result, Terms
from holdfast.backtest.trips import Trip
from holdfast.core.bars import Bars, Floats

YEAR: Final = 365.25 * 86_400
LEAST_SPAN: Final = 86_400
"""Seconds below which nothing is told by the year."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Of one equity curve; ``None`` where a figure makes no sense. All are shares of one, not per cent.

    ``total_return``: last / first - 1. ``cagr``: (last / first) ^ (1 / years) - 1.
    ``max_drawdown``: the deepest fall below the highest equity before, zero or below (Magdon-Ismail and
    Atiya, Maximum Drawdown, Risk 17(10), 2004). ``drawdown_seconds``: the longest time below an earlier
    height, from that height on.
    ``volatility``: sample standard deviation of the bars' returns times the root of the bars in a year.
    ``sharpe``: mean over standard deviation of the returns, times that root (Sharpe, The Sharpe Ratio,
    Journal of Portfolio Management 21(1), 1994). ``sortino``: mean over the root of the mean squared negative
    return, times that root (Sortino and Price, Performance Measurement in a Downside Risk Framework, Journal
    of Investing 3(3), 1994). ``calmar``: ``cagr`` over the depth of ``max_drawdown`` (Young, Calmar Ratio: A
    Smoother Tool, Futures 20(1), 1991, here over the whole time).
    """

    total_return: float
    cagr: float | None
    max_drawdown: float
    drawdown_seconds: int
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None


@dataclass(frozen=True, slots=True)
class Trading:
    """Of round trips that are over. Money in cash, after fees.

    ``exposure``: the share of bars that ended with something held. ``turnover``: the value of all fills over
    the mean equity. ``win_rate``: the share with a profit. ``profit_factor``: what profits brought over what
    losses took, ``None`` without losses. ``holding_seconds``: from the opening to the closing bar, the mean.
    """

    trades: int
    wins: int
    losses: int
    win_rate: float | None
    profit_factor: float | None
    average: int | None
    best: int | None
    worst: int | None
    holding_seconds: int | None
    exposure: float
    turnover: float


def drawdown(equity: Floats) -> Floats:
    """The share by which each value is below the highest until then: zero or below."""
    if not len(equity):
        return equity
    peak = np.maximum.accumulate(equity)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(peak > 0, equity / peak - 1, 0.0)


def curve(bars: Bars, equity: Floats) -> Curve:
    """Figures of ``equity`` at the closes of ``bars``, of which there is at least one."""
    below = drawdown(equity)
    deepest = float(below.min())
    ratio = float(equity[-1] / equity[0])
    years = _years(bars)
    cagr = _finite(ratio ** (1 / years) - 1) if years is not None and ratio > 0 else None
    volatility = sharpe = sortino = None
    if years is not None and len(equity) > 2 and bool(np.all(equity > 0)):
        returns = np.diff(equity) / equity[:-1]
        root = math.sqrt(len(returns) / years)
        spread, mean = float(returns.std(ddof=1)), float(returns.mean())
        downside = math.sqrt(float(np.mean(np.minimum(returns, 0) ** 2)))
        volatility = spread * root
        sharpe = mean / spread * root if spread > 0 else None
        sortino = mean / downside * root if downside > 0 else None
    calmar = cagr / -deepest if cagr is not None and deepest < 0 else None
    return Curve(ratio - 1, cagr, deepest, _longest_below(bars, below), volatility, sharpe, sortino, calmar)


def trading(bars: Bars, result: Result, over: Sequence[Trip], terms: Terms) -> Trading:
    """``over``: the closed trips of ``result``."""
    profits = [trip.profit(0) for trip in over]
    wins, losses = [p for p in profits if p > 0], [p for p in profits if p < 0]
    held = [int(bars.time[trip.closed] - bars.time[trip.opened]) for trip in over if trip.closed is not None]
    traded = float(terms.money(sum(abs(fill.lots) * fill.price for fill in result.fills)))
    mean = float(result.equity.mean())
    return Trading(
        trades=len(over),
        wins=len(wins),
        losses=len(losses),
        win_rate=len(wins) / len(over) if over else None,
        profit_factor=sum(wins) / -sum(losses) if losses else None,
        average=round(Fraction(sum(profits), len(over))) if over else None,
        best=max(profits, default=None),
        worst=min(profits, default=None),
        holding_seconds=round(sum(held) / len(held)) if held else None,
        exposure=float(np.count_nonzero(result.weight) / len(result.weight)),
        turnover=traded / mean if mean > 0 else 0.0,
    )


def _years(bars: Bars) -> float | None:
    span = int(bars.time[-1] - bars.time[0])
    return span / YEAR if span >= LEAST_SPAN else None


def _longest_below(bars: Bars, below: Floats) -> int:
    """From the last bar at a height to the first that is back there, or the last bar there is."""
    under = below < 0
    if not under.any():
        return 0
    edges = np.diff(under.astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(edges == 1) - 1, np.flatnonzero(edges == -1)
    ends = np.minimum(ends, len(bars) - 1)
    return int((bars.time[ends] - bars.time[starts]).max())


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
