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
    # Rows as they are read take NumPy thirty times as long as tuples.
    bars = [tuple(bar) for bar in await repository.curve(session, row.id, MOST_READ)]
    table = np.array(bars, np.float64).reshape(-1, 4)
    time, close, quantity, equity = table.T
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(equity > 0, quantity * close / equity, 0.0)
    shown = {
        "time": time,
        "equity": equity,
        "hold": held(row, close),
        "drawdown": drawdown(equity),
        "weight": weight,
    }
    which = kept(equity, points)
    header = {"count": len(which), "timeframe": row.timeframe, "quote": row.quote}
    return columns.encode(header, [(name, values[which]) for name, values in shown.items()])


def held(row: Strategy, close: Floats) -> Floats:
    """What buying and holding is worth at these closes, from the strategy's first on: all bought at the open
    of the second bar, at the strategy's costs, as in a back-test."""
    terms = books.terms_of(row.terms)
    worth = np.full(len(close), float(terms.money(terms.cash)))
    if row.hold_open is not None:
        book = Book(terms.cash)
        step(book, 1.0, int(row.hold_open.scaleb(terms.price_decimals)), terms)
        worth[1:] = float(terms.money(book.cash)) + float(terms.quantity(book.lots)) * close[1:]
    return worth
