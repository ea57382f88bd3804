"""Bars and targets to everything that is told of a back-test. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np

from holdfast.backtest import figures
from holdfast.backtest.engine import Result, Terms, run
from holdfast.backtest.thinning import kept
from holdfast.backtest.trips import Trip, trips
from holdfast.core.bars import Bars, Floats
from holdfast.core.money import plain
from holdfast.core.time import from_seconds

MOST_TRADES: Final = 100_000
"""Round trips that are listed; figures count all."""
SPARK: Final = 60
_MORE_DECIMALS: Final = 2
"""Of average prices."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """As it is kept: ``figures`` and ``trades`` with money as text, ``curves`` one value a bar. ``more``:
    trades that are not listed. ``ruined``: a short lost everything."""

    figures: dict[str, Any]
    trades: list[dict[str, Any]]
    curves: dict[str, Floats]
    sparkline: list[float]
    more: int
    ruined: bool


def outcome(bars: Bars, targets: Floats, terms: Terms) -> Outcome:
    """Trade the targets, and beside them buy at the beginning and hold. There is at least one bar."""
    result = run(bars, targets, terms)
    once = np.full(len(bars), np.nan)
    once[0] = 1.0
    hold = run(bars, once, terms).equity
    every = list(trips(result.at.tolist(), result.fills))
    curves = {
        "time": bars.time.astype(np.float64),
        "equity": result.equity,
        "hold": hold,
        "drawdown": figures.drawdown(result.equity),
        "weight": result.weight,
    }
    return Outcome(
        _figures(bars, result, hold, every, terms),
        _told(bars, every[:MOST_TRADES], terms),
        curves,
        [round(float(value), 8) for value in result.equity[kept(result.equity, SPARK)]],
        max(len(every) - MOST_TRADES, 0),
        result.book.ruined,
    )


def _figures(bars: Bars, result: Result, hold: Floats, every: Sequence[Trip], terms: Terms) -> dict[str, Any]:
    curve, held = figures.curve(bars, result.equity), figures.curve(bars, hold)
    told = figures.trading(bars, result, [trip for trip in every if trip.closed is not None], terms)
    last = result.book.equity(int(bars.close[-1]))
    return {
        "equity": _money(terms, last),
        "profit": _money(terms, last - terms.cash),
        "fees": _money(terms, result.book.fees),
        "total_return": curve.total_return,
        "hold_return": held.total_return,
        "cagr": curve.cagr,
        "max_drawdown": curve.max_drawdown,
        "drawdown_seconds": curve.drawdown_seconds,
        "hold_max_drawdown": held.max_drawdown,
        "volatility": curve.volatility,
        "sharpe": curve.sharpe,
        "sortino": curve.sortino,
        "calmar": curve.calmar,
        "exposure": told.exposure,
        "turnover": told.turnover,
        "trades": told.trades,
        "wins": told.wins,
        "losses": told.losses,
        "win_rate": told.win_rate,
        "profit_factor": told.profit_factor,
        "average_trade": _money(terms, told.average),
        "best_trade": _money(terms, told.best),
        "worst_trade": _money(terms, told.worst),
        "holding_seconds": told.holding_seconds,
    }


def _told(bars: Bars, shown: Sequence[Trip], terms: Terms) -> list[dict[str, Any]]:
    last = int(bars.close[-1]) if len(bars) else 0
    times = bars.time
    rows = []
    for number, trip in enumerate(shown, 1):
        end = len(bars) - 1 if trip.closed is None else trip.closed
        (lots, value), (left, brought) = trip.entered, trip.left
        profit = trip.profit(last)
        rows.append(
            {
                "number": number,
                "side": trip.side,
                "opened_at": from_seconds(int(times[trip.opened])),
                "closed_at": None if trip.closed is None else from_seconds(int(times[end])),
                "entry": _average(terms, value, lots),
                "exit": None if trip.closed is None else _average(terms, brought, left),
                "quantity": plain(terms.quantity(lots)),
                "profit": _money(terms, profit),
                "profit_share": profit / value,
                "fees": _money(terms, trip.fees),
                "bars": end - trip.opened,
            }
        )
    return rows


def _money(terms: Terms, cash: int | None) -> str | None:
    return None if cash is None else plain(terms.money(cash))


def _average(terms: Terms, value: int, lots: int) -> str:
    price = terms.price(1) * Decimal(value) / lots
    return plain(round(price, terms.price_decimals + _MORE_DECIMALS))
