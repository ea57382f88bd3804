"""Old bars of strategies: what shapes the curve stays. Fills and events are not touched.

Of every stretch the first and the last bar stay, the lowest and the highest equity, and both ends of the
deepest fall within it. So the extremes, the end and the deepest fall of the whole curve are what they were.
Only of a curve below zero, where a later and higher peak makes the same loss a smaller share, the deepest
fall may be told smaller.
"""

from datetime import datetime
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.backtest.figures import drawdown
from holdfast.core.bars import Floats, Ints
from holdfast.core.timeframes import DAY, HOUR
from holdfast.strategies import repository

PIECE: Final = 7 * DAY
"""Of one strategy, in one transaction."""


class Level(NamedTuple):
    """Bars older than ``age`` are thinned to a few in every ``stretch``; the strategy's column ``until`` says
    how far that is done. All are seconds."""

    until: str
    age: int
    stretch: int


LEVELS: Final = (Level("hourly_until", 30 * DAY, HOUR), Level("daily_until", 365 * DAY, DAY))


def shaping(time: Ints, equity: Floats, stretch: int) -> Ints:
    """The places of the bars that stay: at most six in every ``stretch`` of the clock."""
    edges = np.flatnonzero(np.diff(time // stretch, prepend=-1, append=-1))
    places = [begin + _shape(equity[begin:end]) for begin, end in pairwise(edges)]
    return np.unique(np.concatenate(places)) if places else np.empty(0, np.int64)


def _shape(equity: Floats) -> Ints:
    trough = int(np.argmin(drawdown(equity)))
    peak = int(np.argmax(equity[: trough + 1]))
    return np.array([0, len(equity) - 1, np.argmin(equity), np.argmax(equity), peak, trough], np.int64)


async def thin_one(session: AsyncSession, now: datetime) -> bool:
    """Thin the next piece of any strategy. Whether there was one."""
    for level in LEVELS:
        border = (int(now.timestamp()) - level.age) // DAY * DAY
        if await _thin(session, level, border):
            return True
    return False


async def _thin(session: AsyncSession, level: Level, border: int) -> bool:
    found = await repository.next_to_thin(session, level.until, border)
    if found is None:
        return False
    strategy_id, start, known = found
    until = min(start // DAY * DAY + PIECE, known)
    bars = await repository.equity_of(session, strategy_id, start, until)
    time = np.array([bar.time for bar in bars], np.int64)
    equity = np.array([bar.equity for bar in bars], np.float64)
    kept = time[shaping(time, equity, level.stretch)].tolist()
    await repository.thin(session, strategy_id, start, until, kept)
    await repository.mark_thinned(session, strategy_id, level.until, until)
    return True
