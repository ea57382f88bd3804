"""Old bars of a strategy are thinned; what is told of it stays what it was."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from tests.strategies.world import FLIPS, START, World

from holdfast.backtest.figures import drawdown
from holdfast.core.bars import Floats, Ints
from holdfast.core.timeframes import DAY, HOUR, MINUTE
from holdfast.market.candles import columns
from holdfast.platform.tasks import RunAgainIn, Work
from holdfast.strategies import curve, service, tasks, thinning
from holdfast.strategies.models import Strategy, StrategyBar
from holdfast.strategies.thinning import LEVELS, Level, shaping


def figures(equity: Floats) -> tuple[float, ...]:
    """Everything that a curve tells in one number."""
    return tuple(map(float, (equity[0], equity[-1], equity.min(), equity.max(), drawdown(equity).min())))


BARS = st.lists(
    st.tuples(st.integers(1, 90), st.integers(0, 1000)), min_size=1, max_size=400
)  # minutes since the bar before, equity


@given(BARS)
def test_the_figures_of_any_curve_are_the_same_after_each_level(bars: list[tuple[int, int]]) -> None:
    time: Ints = np.cumsum([gap * MINUTE for gap, _ in bars]) + START
    equity = np.array([worth for _, worth in bars], np.float64)
    before = figures(equity)
    for _, _, stretch in LEVELS:
        places = shaping(time, equity, stretch)
        left = Counter((time[places] // stretch).tolist())
        assert left.keys() == {*(time // stretch).tolist()}
        assert max(left.values()) <= 6
        time, equity = time[places], equity[places]
        assert figures(equity) == before


def test_of_nothing_nothing_stays() -> None:
    assert len(shaping(np.empty(0, np.int64), np.empty(0), HOUR)) == 0


async def recorded(world: World, days: int) -> UUID:
    """A strategy that has recorded every minute of so many days, and traded in the first."""
    one = await world.start(FLIPS)
    await world.at(12 * MINUTE + 3, one)
    begin = (await world.row(one)).next_time
    until = START + days * DAY
    equity = np.random.default_rng(days).integers(-300, 301, (until - begin) // MINUTE).cumsum() + 900_000
    common = {"strategy_id": one, "bars": b"", "held": "paused", "close": 1, "quantity": 0}
    async with world.database.transaction() as session:
        now = world.clock.now()
        rows = [
            {**common, "time": begin + place * MINUTE, "equity": int(worth) / 100, "recorded_at": now}
            for place, worth in enumerate(equity)
        ]
        for place in range(0, len(rows), 20_000):
            await session.execute(insert(StrategyBar), rows[place : place + 20_000])
        row = await session.get_one(Strategy, one)
        row.state, row.next_time, row.last_bar = "paused", until, until - MINUTE
    world.clock.second = until
    return one


def stretches(bars: Sequence[StrategyBar], since: int, until: int, stretch: int) -> Counter[int]:
    """How many bars each has."""
    return Counter(bar.time // stretch for bar in bars if since <= bar.time < until)


async def shown(world: World, strategy_id: UUID) -> dict[str, Any]:
    async with world.database.transaction() as session:
        row = await session.get_one(Strategy, strategy_id)
        _, found = columns.decode(await curve.encoded(session, row, curve.MOST_READ))
        told = await service.show(session, world.user_id, strategy_id)
    hold = (float(found["hold"][0]), float(found["hold"][-1]))
    below = float(found["drawdown"].min())
    return {"figures": figures(found["equity"]), "hold": hold, "drawdown": below, "told": told.model_dump()}


async def thinned(work: Work) -> int:
    """The jobs it takes."""
    for jobs in range(1, 100):
        with pytest.raises(RunAgainIn) as again:
            await tasks.thin(work)
        if again.value.seconds:
            assert again.value.seconds == DAY
            return jobs
    raise AssertionError("it does not end")


async def test_old_bars_go_by_hours_then_by_days_and_figures_stay(
    world: World, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = (Level("hourly_until", 2 * DAY, HOUR), Level("daily_until", 4 * DAY, DAY))
    monkeypatch.setattr(thinning, "LEVELS", levels)
    monkeypatch.setattr(thinning, "PIECE", DAY)
    monkeypatch.setattr(tasks, "MOST_PIECES", 3)
    one = await recorded(world, 6)
    before, bars = await shown(world, one), await world.bars(one)
    fills, events = await world.fills(one), await world.events(one)
    assert await thinned(work) > 1, "steps have their turn meanwhile"
    after = await world.bars(one)
    newest, older, oldest = START + 6 * DAY, *((START + days * DAY) // DAY * DAY for days in (4, 2))
    assert stretches(after, older, newest, MINUTE) == stretches(bars, older, newest, MINUTE)
    for since, until, stretch in ((oldest, older, HOUR), (START, oldest, DAY)):
        left = stretches(after, since, until, stretch)
        assert left.keys() == stretches(bars, since, until, stretch).keys()
        assert max(left.values()) <= 6
    assert await shown(world, one) == before
    assert [fill.time for fill in await world.fills(one)] == [fill.time for fill in fills]
    assert await world.events(one) == events
    assert await thinned(work) == 1
    assert len(await world.bars(one)) == len(after)
