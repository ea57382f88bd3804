"""Whether a script still says what it said: its last values again, now that later bars are known."""

import math
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import numpy as np
from sqlalchemy import select

from holdfast.backtest import weights
from holdfast.backtest.weights import NothingStated
from holdfast.core.bars import Bars, Floats
from holdfast.core.time import utc_minute
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles.readers import split_name
from holdfast.scripts.models import ScriptVersion
from holdfast.strategies import booking, market
from holdfast.strategies.models import Strategy, StrategyBar
from holdfast.strategies.states import STOPPED
from holdfast.strategies.stepping import Stepper
from holdfast.strategies.values import digest

MOST_BARS: Final = 100
"""Looked at again, the newest ones."""
_CLOSE: Final = 1e-9


async def recheck(tools: Stepper, strategy_id: UUID) -> bool:
    """Note it if one of the last values is another now. Whether the strategy is to be looked at again.

    Raises:
        NotFound: there are no bars of its series any more.
        Unavailable: its bars are not here, or the sandbox is away or too busy.
    """
    async with tools.database.transaction() as session:
        row = await session.get(Strategy, strategy_id)
        if row is None or row.state == STOPPED:
            return False
        version = await session.get_one(ScriptVersion, (row.script_id, row.version))
        newest = (
            select(StrategyBar)
            .where(StrategyBar.strategy_id == row.id, StrategyBar.held == "")
            .order_by(StrategyBar.time.desc())
            .limit(MOST_BARS)
        )
        kept = list(reversed((await session.scalars(newest)).all()))
    if not row.repainted and row.anchor is not None and len(kept) > 1:
        await _compare(tools, row, row.anchor, version.source, kept)
    return True


async def _compare(
    tools: Stepper, row: Strategy, anchor: int, source: str, kept: Sequence[StrategyBar]
) -> None:
    timeframe = Timeframe(row.timeframe)
    series = await tools.candles.find(*split_name(row.series), row.user_id)
    bars = await market.history(
        tools.candles,
        series,
        timeframe,
        row.next_time,
        since=max(anchor, 0),
        most=market.MOST_WINDOW + MOST_BARS,
        viewer=row.user_id,
    )
    same = _same_bars(kept, bars)
    if not same:
        return
    bars = bars.take(slice(_begin(same[0], bars), None))
    output = await tools.run(row, source, bars.as_floats())
    if output.error is not None:
        return
    try:
        targets = weights.of_output(
            output.signals, output.target, size=float(row.signal_size), allow_short=row.allow_short
        )
    except NothingStated:
        targets = np.full(len(bars), np.nan)
    for one in same:
        place = int(np.searchsorted(bars.time, one.time))
        if _differs(one.target, targets, place) or _differs(one.signal, output.signals, place):
            text = _told(one, targets[place])
            now = tools.clock.now()
            async with tools.database.transaction() as session:
                await booking.note_repainted(session, row, one.time, text, now)
            await tools.announce(row.user_id)
            return


def _same_bars(kept: Sequence[StrategyBar], bars: Bars) -> list[StrategyBar]:
    """Those whose bars are what they were then, all with the same first one."""
    same: list[StrategyBar] = []
    for one in kept:
        end = int(np.searchsorted(bars.time, one.time, side="right"))
        begin = _begin(one, bars)
        if same and begin != _begin(same[0], bars):
            break
        if digest(bars.take(slice(begin, end)).as_floats()) == one.bars:
            same.append(one)
    return same


def _begin(one: StrategyBar, bars: Bars) -> int:
    """The place of the first bar that the script saw then."""
    end = int(np.searchsorted(bars.time, one.time, side="right"))
    return max(end - market.MOST_WINDOW, 0)


def _differs(kept: float | None, column: Floats | None, place: int) -> bool:
    value = math.nan if column is None else float(column[place])
    if kept is None:
        return math.isfinite(value)
    return not math.isclose(kept, value, rel_tol=_CLOSE, abs_tol=_CLOSE)


def _told(one: StrategyBar, now: float) -> str:
    was = "hold" if one.target is None else f"{one.target:.6g}"
    becomes = f"{now:.6g}" if math.isfinite(now) else "hold"
    return (
        f"Repainted: at {utc_minute(one.time)} UTC the script's target was {was}; run again over the same "
        f"bars and later ones it is {becomes}. What it shows of the past is not what it said then."
    )
