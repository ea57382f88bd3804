"""A step may be killed at any moment, or be done by several at once: what is written is the same."""

import asyncio
from collections.abc import Coroutine, Generator
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select
from tests.strategies.world import START, World

from holdfast.core.timeframes import HOUR, MINUTE, Timeframe
from holdfast.strategies.models import Strategy, StrategyBar, StrategyEvent, StrategyFill

MOST = 2000
SOURCE = 'script("Flips")\nalert(bars.index % 3 == 0, "x")\ntarget(np.where(bars.index % 2 == 0, 1.0, 0.0))\n'


class Until:
    """Runs a coroutine up to the so-many-th time it waits for anything, and ends it there."""

    def __init__(self, work: Coroutine[Any, Any, Any], waits: int) -> None:
        self._work = work
        self._waits = waits

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work.__await__()
        done, resume = 0, partial(next, steps)
        while True:
            try:
                waited = resume()
            except StopIteration as ended:
                return ended.value
            if done == self._waits:
                task = asyncio.current_task()
                assert task is not None
                asyncio.get_running_loop().call_soon(task.cancel)
            done += 1
            try:
                resume = partial(steps.send, (yield waited))
            except BaseException as error:
                resume = partial(steps.throw, error)


async def _run(work: Coroutine[Any, Any, Any], waits: int) -> None:
    await Until(work, waits)


async def killed(work: Coroutine[Any, Any, Any], waits: int) -> bool:
    """Whether it was ended before it came to its end."""
    (outcome,) = await asyncio.gather(_run(work, waits), return_exceptions=True)
    if outcome is not None and not isinstance(outcome, asyncio.CancelledError):
        raise outcome
    return outcome is not None


async def written(world: World, strategy_id: UUID) -> list[Any]:
    """Everything that a strategy leaves, without ids and clocks."""
    left_out = {"id", "strategy_id", "number", "script_id", "turn", "changed_at", "recorded_at", "at"}
    found = []
    async with world.database.transaction() as session:
        for model in (Strategy, StrategyBar, StrategyFill, StrategyEvent):
            key = model.id if model is Strategy else model.strategy_id  # type: ignore[attr-defined]
            order = model.number if model is StrategyEvent else key  # type: ignore[attr-defined]
            for row in await session.scalars(select(model).where(key == strategy_id).order_by(order)):
                names = row.__table__.columns.keys()
                found.append({name: getattr(row, name) for name in names if name not in left_out})
    return found


SCENES = (
    (Timeframe.M1, (3, 63, 123, 183, 6 * MINUTE + 3)),
    (Timeframe.M15, (3, 15 * MINUTE + 3, 16 * MINUTE + 3, 30 * MINUTE + 3)),
)


async def play(world: World, timeframe: Timeframe, seconds: tuple[float, ...], waits: int) -> UUID:
    """The same hour again for another strategy; every look at it is killed after so many waits, then made."""
    world.clock.second = START
    one = await world.start(SOURCE, timeframe)
    for second in seconds:
        world.clock.second = START + second
        await killed(world.work(one), waits)
        await world.work(one)
    world.clock.second = START + seconds[-1] + 30
    await world.change("stop", one)
    world.clock.second = START + seconds[-1] + 183
    await killed(world.work(one), waits)
    await world.work(one)
    return one


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("timeframe", "seconds"), SCENES)
async def test_killed_anywhere_it_leaves_what_it_would_have_left(
    world: World, timeframe: Timeframe, seconds: tuple[float, ...]
) -> None:
    usual = await written(world, await play(world, timeframe, seconds, MOST))
    assert len(usual) > 8
    waits = await count(world, timeframe)
    for at in range(0, waits, 3):
        assert await written(world, await play(world, timeframe, seconds, at)) == usual, at


async def count(world: World, timeframe: Timeframe) -> int:
    """How often a look at a few bars waits."""
    world.clock.second = START
    one = await world.start(SOURCE, timeframe)
    await world.work(one)
    world.clock.second = START + 2 * (timeframe.seconds or 0) + 3
    for waits in range(0, MOST, 10):
        if not await killed(world.work(one), waits):
            return waits
    raise AssertionError("it waits without end")


async def test_a_commit_whose_answer_is_lost_is_not_made_again(world: World) -> None:
    one = await world.start(SOURCE)
    await world.at(3, one)
    world.clock.second = START + 4 * MINUTE + 3
    lost = 0

    def lose(_connection: Any) -> None:
        nonlocal lost
        lost += 1
        if lost % 2:
            raise ConnectionError("the answer to the commit is lost")

    event.listen(world.database.engine.sync_engine, "commit", lose)
    try:
        for _ in range(40):
            try:
                await world.work(one)
                break
            except ConnectionError:
                continue
    finally:
        event.remove(world.database.engine.sync_engine, "commit", lose)
    await world.work(one)
    assert [bar.time for bar in await world.bars(one)] == [START + i * MINUTE for i in range(4)]


async def test_several_workers_and_an_owner_at_once(world: World) -> None:
    """Whoever is first, no bar is missing or doubled, and the book is what its fills make it."""
    one = await world.start(SOURCE)
    await world.at(3, one)
    world.clock.second = START + 30 * MINUTE + 3

    async def owner() -> None:
        for _ in range(4):
            await asyncio.sleep(0.05)
            await world.change("pause", one)
            await asyncio.sleep(0.02)
            await world.change("resume", one)

    await asyncio.gather(world.work(one), world.work(one), owner(), world.work(one))
    await world.work(one)
    assert [bar.time for bar in await world.bars(one)] == [START + i * MINUTE for i in range(30)]
    fills, row = await world.fills(one), await world.row(one)
    assert sum(fill.quantity for fill in fills) == (await world.bars(one))[-1].quantity
    cash = Decimal(10_000) - sum(fill.quantity * fill.price + fill.fee for fill in fills)
    assert cash.scaleb(5) == int(row.book["cash"])


async def test_hours_are_the_same_looked_at_once_or_every_minute(world: World) -> None:
    late = await world.start(SOURCE, Timeframe.H1)
    await world.at(4 * HOUR + 63, late)
    world.clock.second = START
    soon = await world.start(SOURCE, Timeframe.H1)
    for minute in range(4 * 60 + 2):
        await world.at(minute * MINUTE + 3, soon)
    assert await written(world, late) == await written(world, soon)
