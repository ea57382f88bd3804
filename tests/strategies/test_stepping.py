"""A strategy on paper, bar by bar: what is known when, and what is traded at which price."""

import asyncio
from decimal import Decimal

import numpy as np
import pytest
from tests.scripts.local import CROSS, LocalRunner
from tests.strategies.world import FLIPS, START, Told, World

from holdfast.core.timeframes import HOUR, MINUTE, Timeframe
from holdfast.scripts.sandbox import Sandbox
from holdfast.strategies import market

LONG_AND_OUT = {START: 1.0, START + MINUTE: 0.0}


def told(targets: dict[int, float]) -> Told:
    return Told(lambda time: targets.get(time, float("nan")))


async def test_a_target_known_at_a_close_trades_at_the_next_open(world: World) -> None:
    world.runner = told(LONG_AND_OUT)
    one = await world.start(fee_rate=Decimal(0), slippage=Decimal(0))
    assert await world.at(5, one) == pytest.approx(58)
    assert await world.bars(one) == []
    await world.at(63, one)
    (first,) = await world.bars(one)
    assert (first.time, first.target, first.quantity, first.equity) == (START, 1.0, 0, 10_000)
    assert first.close == world.venue.minute(START).close
    assert await world.fills(one) == []
    await world.at(123, one)
    (bought,) = await world.fills(one)
    opened = world.venue.minute(START + MINUTE).open
    assert (bought.time, bought.price, bought.reason) == (START + MINUTE, opened, "target")
    assert bought.quantity == Decimal(10_000) / opened // Decimal("0.001") * Decimal("0.001")
    await world.at(183, one)
    sold = (await world.fills(one))[-1]
    assert (sold.time, sold.quantity) == (START + 2 * MINUTE, -bought.quantity)
    assert [bar.time for bar in await world.bars(one)] == [START, START + MINUTE, START + 2 * MINUTE]
    row = await world.row(one)
    assert (row.state, row.pending, row.last_bar) == ("paper", False, START + 2 * MINUTE)


async def test_nothing_is_taken_from_a_minute_that_forms(world: World) -> None:
    """The open of an hour is booked when its first minute is over: until then the venue tells another."""
    world.runner = told({START: 1.0})
    one = await world.start(timeframe=Timeframe.H1, fee_rate=Decimal(0), slippage=Decimal(0))
    assert await world.at(HOUR + 3, one) == pytest.approx(60)
    assert len(await world.bars(one)) == 1
    assert await world.fills(one) == []
    assert await world.at(HOUR + 63, one) == pytest.approx(HOUR - 60)
    (bought,) = await world.fills(one)
    assert (bought.time, bought.price) == (START + HOUR, world.venue.minute(START + HOUR).open)
    assert bought.price != world.venue.minute(START + HOUR - MINUTE).close
    await world.at(2 * HOUR + 3, one)
    assert len(await world.fills(one)) == 1, "not again when the hour closes"


async def test_bars_of_a_halt_are_caught_up_with_each_from_those_before_it(world: World) -> None:
    world.runner = runner = told({START + 10 * MINUTE: 1.0, START + 20 * MINUTE: 0.0})
    one = await world.start()
    await world.at(63, one)
    runner.seen.clear()
    await world.at(40 * MINUTE + 3, one)
    assert [int(bars.time[-1]) for bars in runner.seen] == [START + i * MINUTE for i in range(1, 40)]
    assert [bar.time for bar in await world.bars(one)] == [START + i * MINUTE for i in range(40)]
    assert [fill.time for fill in await world.fills(one)] == [START + 11 * MINUTE, START + 21 * MINUTE]


async def test_what_a_script_sees_begins_where_it_began(world: World) -> None:
    world.runner = runner = told({})
    one = await world.start()
    await world.at(3 * MINUTE + 3, one)
    assert {int(bars.time[0]) for bars in runner.seen} == {START - 1000 * MINUTE}
    assert [len(bars.time) for bars in runner.seen] == [1000, 1001, 1002, 1003]


async def test_what_a_script_sees_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market, "MOST_WINDOW", 1001)
    world.runner = runner = told({})
    one = await world.start()
    await world.at(4 * MINUTE + 3, one)
    assert [len(bars.time) for bars in runner.seen] == [1000, 1001, 1001, 1001, 1001]
    assert [int(bars.time[-1]) for bars in runner.seen[1:]] == [START + i * MINUTE for i in range(4)]


async def test_signals_hold_until_the_next_and_are_told_when_they_turn(world: World) -> None:
    source = (
        'script("S")\nn = np.arange(len(bars.close))\n'
        "signal(np.where(n % 10 == 2, 1, np.where(n % 10 == 6, -1, 0)))\n"
        "alert(n % 10 == 6, '{symbol} at {price} on {time}')\n"
    )
    one = await world.start(source, signal_size=Decimal("0.5"))
    await world.at(12 * MINUTE + 3, one)
    bars = await world.bars(one)
    assert [bar.signal for bar in bars] == [0, 0, 1, 0, 0, 0, -1, 0, 0, 0, 0, 0]
    assert [bar.target for bar in bars] == [None, None, 0.5, None, None, None, 0, *[None] * 5]
    assert [(fill.time - START) // MINUTE for fill in await world.fills(one)] == [3, 7]
    texts = dict(await world.events(one))
    close = world.venue.minute(START + 6 * MINUTE).close
    assert texts["alert"] == f"COIN at {close} on 2026-03-02 12:06"
    assert [text for kind, text in await world.events(one) if kind == "signal"] == [
        "Signal: long.",
        "Signal: short.",
    ]


async def test_a_pause_drops_what_waits_and_trades_nothing(world: World) -> None:
    world.runner = runner = told({START: 1.0, START + 3 * MINUTE: 1.0, START + 8 * MINUTE: 0.5})
    one = await world.start()
    await world.at(63, one)
    view = await world.change("pause", one)
    assert view.state == "paused"
    runner.seen.clear()
    await world.at(5 * MINUTE + 3, one)
    assert runner.seen == []
    assert await world.fills(one) == []
    assert [bar.held for bar in await world.bars(one)] == ["", *["paused"] * 4]
    await world.change("resume", one)
    await world.at(10 * MINUTE + 3, one)
    (bought,) = await world.fills(one)
    assert bought.time == START + 9 * MINUTE


async def test_bars_that_closed_before_it_was_resumed_are_not_traded(world: World) -> None:
    """Also if nobody looked at them until afterwards."""
    world.runner = told({START + i * MINUTE: i % 2 for i in range(1, 10)})
    one = await world.start()
    await world.at(63, one)
    world.clock.second = START + 90
    await world.change("pause", one)
    world.clock.second = START + 5 * MINUTE + 30
    await world.change("resume", one)
    await world.at(8 * MINUTE + 3, one)
    held = [bar.held for bar in await world.bars(one)]
    assert held == ["", "paused", "paused", "paused", "paused", "", "", ""]
    assert [(fill.time - START) // MINUTE for fill in await world.fills(one)] == [6, 7]


async def test_a_stopped_strategy_closes_its_position_at_the_next_minute(world: World) -> None:
    world.runner = told({START: 1.0})
    one = await world.start(timeframe=Timeframe.H1)
    await world.at(HOUR + 63, one)
    world.clock.second = START + HOUR + 200
    view = await world.change("stop", one)
    assert (view.state, view.closing, view.quantity > 0) == ("stopped", True, True)
    assert await world.work(one) == pytest.approx(300 - 200 + 3)
    assert len(await world.fills(one)) == 1
    assert await world.at(HOUR + 303, one) is None
    sold = (await world.fills(one))[-1]
    assert (sold.time, sold.reason) == (START + HOUR + 4 * MINUTE, "stop")
    assert sold.price < world.venue.minute(sold.time).open
    row = await world.row(one)
    assert (row.closing_from, row.state) == (None, "stopped")
    last = (await world.bars(one))[-1]
    assert (last.held, last.quantity) == ("stop", 0)
    assert await world.at(3 * HOUR, one) is None
    assert len(await world.bars(one)) == 2


async def test_a_stopped_strategy_that_holds_nothing_is_done(world: World) -> None:
    one = await world.start()
    view = await world.change("stop", one)
    assert (view.state, view.closing) == ("stopped", False)
    assert await world.at(300, one) is None
    assert await world.bars(one) == []


async def test_two_workers_do_each_bar_once(world: World) -> None:
    one = await world.start(FLIPS)
    await world.at(3, one)
    world.clock.second = START + 20 * MINUTE + 3
    await asyncio.gather(*(world.work(one) for _ in range(4)))
    assert [bar.time for bar in await world.bars(one)] == [START + i * MINUTE for i in range(20)]
    fills = await world.fills(one)
    assert len(fills) >= 18
    assert all(np.sign(float(fill.quantity)) == (-1) ** i for i, fill in enumerate(fills))


async def test_an_owners_decision_during_a_run_counts(world: World) -> None:
    runner = world.runner = LocalRunner()
    one = await world.start(FLIPS)
    await world.at(3, one)
    runner.held = asyncio.Event()
    world.clock.second = START + 63
    working = asyncio.create_task(world.work(one))
    while len(runner.runs) < 2:
        await asyncio.sleep(0.01)
    await world.change("pause", one)
    runner.held.set()
    await working
    (bar,) = await world.bars(one)
    assert (bar.held, bar.target) == ("paused", None)


async def test_a_deleted_script_goes_on_with_its_version(world: World) -> None:
    from holdfast.scripts import service as scripts

    one = await world.start(CROSS)
    await world.at(63, one)
    row = await world.row(one)
    async with world.database.transaction() as session:
        await scripts.remove(session, world.user_id, row.script_id, now=world.clock.now())
    await world.at(123, one)
    assert len(await world.bars(one)) == 2
    view = await world.change("pause", one)
    assert (view.script.deleted, view.state) == (True, "paused")


async def test_in_the_real_sandbox_it_trades_as_outside(world: World, sandbox: Sandbox) -> None:
    outside = await world.start(CROSS)
    await world.at(30 * MINUTE + 3, outside)
    world.clock.second = START
    world.runner = sandbox
    inside = await world.start(CROSS)
    await world.at(30 * MINUTE + 3, inside)
    for rows in (world.fills, world.bars):
        first, second = await rows(outside), await rows(inside)
        assert [(one.time, one.quantity) for one in first] == [(one.time, one.quantity) for one in second]
    assert await world.fills(inside)
