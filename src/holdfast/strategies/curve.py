"""The equity of a strategy on paper as binary columns, from what was recorded at each close."""

from typing import Final

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.backtest.engine import Book, step
from holdfast.backtest.figures import drawdown
from holdfast.backtest.thinning import kept
from holdfast.core.bars import Floats
from holdfast.market.candles import columns
from holdfast.strategies import books, repository
from holdfast.strategies.models import Strategy

MOST_READ: Final = 20_000
"""Bars; of more the extremes are."""


async def encoded(session: AsyncSession, row: Strategy, points: int) -> bytes:
    """``time``, ``equity``, ``hold``, ``drawdown`` and ``weight``, at most ``points`` of each."""
    table = np.array(await repository.curve(session, row.id, MOST_READ), np.float64).reshape(-1, 4)
    time, close, quantity, equity = table.T
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(equity > 0, quantity * close / equity, 0.0)
    shown = {
        "time": time,
        "equity": equity,
        "hold": _hold(row, close),
        "drawdown": drawdown(equity),
        "weight": weight,
    }
    which = kept(equity, points)
    header = {"count": len(which), "timeframe": row.timeframe, "quote": row.quote}
    return columns.encode(header, [(name, values[which]) for name, values in shown.items()])


def _hold(row: Strategy, close: Floats) -> Floats:
    """All bought at the first close, at the strategy's costs, and held."""
    if not len(close):
        return close
    terms = books.terms_of(row.terms)
    book = Book(terms.cash)
    first = round(close[0] * 10**terms.price_decimals)
    step(book, 1.0, first, terms)
    return float(terms.money(book.cash)) + float(terms.quantity(book.lots)) * close
