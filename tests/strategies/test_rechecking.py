"""What a script says of a bar once later ones are known is held against what it said at the time."""

from uuid import UUID

import pytest
from tests.scripts.local import CROSS
from tests.strategies.world import FLIPS, START, World

from holdfast.core.timeframes import MINUTE
from holdfast.market.candles.models import CandleRow
from holdfast.strategies import market
from holdfast.strategies.rechecking import recheck

BOUNDED = 1010
PROPHET = """script("Prophet")
later = np.append(bars.close[1:], bars.close[-1])
target(np.where(later >= bars.close, 1.0, 0.0))
"""
SECRETLY = """script("Redraws")
swing = np.where(np.arange(len(bars.close)) > len(bars.close) - 4, 0, 1)
signal(swing)
"""


async def after_minutes(world: World, source: str, minutes: int = 20) -> tuple[UUID, list[str]]:
    one = await world.start(source)
    await world.at(minutes * MINUTE + 3, one)
    before = await world.bars(one)
    assert await recheck(world.stepper(), one)
    after = await world.bars(one)
    assert [(bar.time, bar.target, bar.signal) for bar in after] == [
        (bar.time, bar.target, bar.signal) for bar in before
    ], "what was said stays"
    return one, [text for kind, text in await world.events(one) if kind == "repainted"]


@pytest.mark.parametrize("source", [FLIPS, CROSS])
async def test_an_honest_script_says_the_same_again(world: World, source: str) -> None:
    one, told = await after_minutes(world, source)
    assert (told, (await world.row(one)).repainted) == ([], False)


@pytest.mark.parametrize("source", [PROPHET, SECRETLY])
async def test_one_that_redraws_its_past_is_marked_once(world: World, source: str) -> None:
    one, told = await after_minutes(world, source)
    assert (await world.row(one)).repainted
    (text,) = told
    assert "What it shows of the past is not what it said then" in text
    await recheck(world.stepper(), one)
    assert len([kind for kind in await world.kinds(one) if kind == "repainted"]) == 1


async def test_bars_that_were_corrected_since_accuse_nobody(world: World) -> None:
    """The value of a bar is compared only while all that the script saw of it is what it was."""
    one = await world.start(CROSS)
    await world.at(20 * MINUTE + 3, one)
    async with world.database.transaction() as session:
        series = await world.candles.find("bybit", "COIN")
        first = START - 2 * MINUTE
        row = await session.get(CandleRow, (series.store_id, first))
        assert row is not None
        row.close = row.close * 3
        row.high = row.close
    assert await recheck(world.stepper(), one)
    assert not (await world.row(one)).repainted


async def test_a_bounded_window_is_compared_with_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market, "MOST_WINDOW", BOUNDED)
    source = 'script("Counts")\ntarget(np.arange(len(bars.close)) % 7 / 7.0)\n'
    _, told = await after_minutes(world, source, 30)
    assert told == []


async def test_a_stopped_one_is_not_looked_at_again(world: World) -> None:
    one = await world.start()
    await world.change("stop", one)
    assert not await recheck(world.stepper(), one)
