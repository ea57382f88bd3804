"""The equity of a strategy on paper as binary columns, from what was recorded at each close."""

from typing import Any, Final

import numpy as np
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.backtest.engine import Book, step
from holdfast.backtest.figures import drawdown
from holdfast.backtest.thinning import kept
from holdfast.core.bars import Floats
from holdfast.market.candles import columns
from holdfast.strategies import books
from holdfast.strategies.models import Strategy, StrategyBar

_COLUMNS: Final = (StrategyBar.time, StrategyBar.close, StrategyBar.quantity, StrategyBar.equity)


async def encoded(session: AsyncSession, row: Strategy, points: int) -> bytes:
    """``time``, ``equity``, ``hold``, ``drawdown`` and ``weight``, at most ``points`` of each."""
    found = await session.execute(
        select(*_COLUMNS).where(StrategyBar.strategy_id == row.id).order_by(StrategyBar.time)
    )
    table: list[Any] = list(zip(*found, strict=True)) or [()] * len(_COLUMNS)
    time, close, quantity, equity = (np.array(column, np.float64) for column in table)
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
    header = {"count": len(which), "bars": len(time), "timeframe": row.timeframe, "quote": row.quote}
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
