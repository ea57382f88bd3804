"""A strategy on paper, bar by bar: what is known when, and what is traded at which price."""

import asyncio
from decimal import Decimal

import numpy as np
import pytest
from tests.scripts.local import CROSS, LocalRunner
from tests.strategies.world import FLIPS, LISTED, START, Told, World

from holdfast.core.bars import Bars
from holdfast.core.errors import Conflict
from holdfast.core.timeframes import HOUR, MINUTE, Timeframe
from holdfast.market.candles import store
from holdfast.scripts.sandbox import Sandbox
from holdfast.strategies import booking, market, repository, stepping
from holdfast.strategies.stepping import Late

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


async def test_a_gap_is_named_and_held_through(world: World) -> None:
    world.runner = told({START + 2 * MINUTE: 1.0, START + 9 * MINUTE: 0.0})
    world.venue.missing = {START + i * MINUTE for i in (3, 4, 5)}
    one = await world.start()
    for minute in range(1, 12):
        await world.glance(minute * MINUTE + 3, one)
    assert [(bar.time - START) // MINUTE for bar in await world.bars(one)] == [0, 1, 2, 6, 7, 8, 9, 10]
    bought, sold = await world.fills(one)
    assert (bought.time, sold.time) == (START + 6 * MINUTE, START + 10 * MINUTE)
    assert bought.price > world.venue.minute(START + 6 * MINUTE).open
    (gap,) = [text for kind, text in await world.events(one) if kind == "gap"]
    assert "12:03 UTC and 2026-03-02 12:06 UTC (3 min: the exchange has none)" in gap


async def test_a_part_of_a_bar_that_is_missing_is_named_too(world: World) -> None:
    world.venue.missing = {START + 5 * MINUTE}
    one = await world.start(timeframe=Timeframe.M15)
    await world.at(15 * MINUTE + 3, one)
    assert len(await world.bars(one)) == 1
    assert "gap" in await world.kinds(one)


async def stream(world: World, time: int) -> None:
    """The feed stores a minute that its stream told."""
    series = await world.candles.find("bybit", "COIN")
    assert series.store_id is not None
    async with world.database.transaction() as session:
        bars = Bars.of_decimals([world.venue.minute(time)])
        await store.write(session, series.store_id, bars, origin="stream", now=world.clock.now())


async def test_the_newest_minute_may_be_late(world: World) -> None:
    """The venue does not tell it over REST at once, and its stream does some seconds later."""
    last = START + HOUR - MINUTE
    world.venue.missing = {last}
    one = await world.start(timeframe=Timeframe.H1)
    world.clock.second = START + HOUR + 3
    with pytest.raises(Late) as late:
        await world.work(one)
    assert late.value.seconds == 1
    assert await world.bars(one) == []
    await stream(world, last)
    await world.at(HOUR + 10, one)
    (bar,) = await world.bars(one)
    assert bar.close == world.venue.minute(last).close
    assert "gap" not in await world.kinds(one)


async def test_a_newest_minute_that_does_not_come_does_not_exist(world: World) -> None:
    last = START + HOUR - MINUTE
    world.venue.missing = {last}
    one = await world.start(timeframe=Timeframe.H1)
    await world.glance(HOUR + 19, one)
    assert await world.bars(one) == []
    await world.at(HOUR + 20, one)
    (bar,) = await world.bars(one)
    assert bar.close == world.venue.minute(last - MINUTE).close
    assert "gap" in await world.kinds(one)


async def test_a_venue_that_is_away_is_waited_for_and_nothing_is_invented(world: World) -> None:
    world.runner = told(LONG_AND_OUT)
    one = await world.start()
    await world.at(3, one)
    world.venue.away = True
    world.clock.second = START + 63
    with pytest.raises(Late):
        await world.work(one)
    assert (await world.row(one)).waiting == "", "a moment is not worth telling"
    world.clock.second = START + 300
    with pytest.raises(Late) as late:
        await world.work(one)
    assert late.value.seconds == 30
    assert (await world.row(one)).waiting.startswith("Waiting for the prices up to 2026-03-02 12:01 UTC")
    assert await world.bars(one) == []
    world.venue.away = False
    await world.at(303, one)
    assert len(await world.bars(one)) == 5
    assert len(await world.fills(one)) == 2
    assert (await world.row(one)).waiting == ""


async def test_a_bar_of_which_only_a_part_is_known_is_not_closed(world: World) -> None:
    one = await world.start(timeframe=Timeframe.H1)
    await world.at(5 * MINUTE + 3, one)
    await world.change("pause", one)  # so that nothing but these bars is needed
    world.venue.away = True
    world.clock.second = START + HOUR + 30
    with pytest.raises(Late):
        await world.work(one)
    assert await world.bars(one) == []
    world.venue.away = False
    await world.at(HOUR + 40, one)
    (bar,) = await world.bars(one)
    assert bar.close == world.venue.minute(START + HOUR - MINUTE).close


async def test_without_the_sandbox_it_waits_and_counts_no_failure(world: World) -> None:
    assert isinstance(world.runner, LocalRunner)
    one = await world.start()
    await world.at(3, one)
    world.runner.away = True
    for second in (63, 70, 90):
        world.clock.second = START + second
        with pytest.raises(Late, match="sandbox"):
            await world.work(one)
    row = await world.row(one)
    assert (row.state, row.failures, row.waiting) == ("paper", 0, "Waiting for the sandbox.")
    world.runner.away = False
    await world.at(95, one)
    row = await world.row(one)
    assert (row.waiting, len(await world.bars(one))) == ("", 1)


FAILS_LATER = (
    'script("Fails")\n'
    f"if {START + 3 * MINUTE} <= bars.time[-1] < {{until}}:\n"
    "    raise ValueError('not today')\n"
    "target(bars.close * 0 + 1)\n"
)


async def test_three_failures_in_a_row_end_it_and_its_position_stays(world: World) -> None:
    one = await world.start(FAILS_LATER.format(until=START + HOUR))
    for minute in range(1, 9):
        await world.at(minute * MINUTE + 3, one)
    row = await world.row(one)
    assert (row.state, row.failures) == ("failed", 3)
    assert row.error is not None
    assert (row.error["kind"], row.error["line"]) == ("script", 3)
    assert "not today" in row.error["message"]
    assert (await world.kinds(one)).count("error") == 2
    assert (await world.kinds(one))[-1] == "failed"
    bars = await world.bars(one)
    assert [bar.held for bar in bars] == ["", "", "", "error", "error", "error", "failed", "failed"]
    assert len({bar.quantity for bar in bars[1:]}) == 1
    assert bars[-1].quantity > 0
    assert len({bar.equity for bar in bars}) > 5, "what is held goes on being worth something"


async def test_two_failures_are_held_through(world: World) -> None:
    one = await world.start(FAILS_LATER.format(until=START + 5 * MINUTE))
    for minute in range(1, 9):
        await world.at(minute * MINUTE + 3, one)
    row = await world.row(one)
    assert (row.state, row.failures, row.error) == ("paper", 0, None)
    assert len(await world.fills(one)) == 1


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ('script("X")\nplot(bars.close, "Close")\n', "neither target() nor signal()"),
        ('script("X")\ntarget(nothing)\n', "nothing"),
    ],
)
async def test_what_is_wrong_from_the_beginning_is_told_at_once(world: World, source: str, says: str) -> None:
    one = await world.start(source)
    await world.at(3, one)
    row = await world.row(one)
    assert row.state == "failed"
    assert row.error is not None
    assert says in row.error["message"]
    async with world.database.transaction() as session:
        assert await repository.followed_series(session) == set(), "it holds nothing, and needs no bars"
    assert await world.at(300, one) is None


async def test_old_events_are_forgotten_and_bars_are_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(booking, "MOST_EVENTS", 5)
    monkeypatch.setattr(booking, "FORGET_EVERY", 10)
    source = 'script("A")\nalert(bars.close > 0, "{time}")\ntarget(bars.close * 0)\n'
    one, other = await world.start(source), await world.start(source)
    for strategy in (one, other):
        await world.at(21 * MINUTE + 3, strategy)
    texts = [text for _, text in await world.events(one)]
    assert texts == [f"2026-03-02 12:{minute}" for minute in range(16, 21)]
    assert len(await world.events(other)) == 5
    assert len(await world.bars(one)) == 21


async def test_a_run_that_takes_too_long_is_waited_for_no_longer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepping, "SANDBOX_SECONDS", 0.05)
    world.runner = runner = LocalRunner()
    runner.held = asyncio.Event()
    one = await world.start()
    with pytest.raises(Late, match="sandbox"):
        await world.at(3, one)


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


async def test_a_short_that_loses_all_is_closed_and_ends_it(world: World) -> None:
    world.runner = told({START: -1.0})
    jump = (START + 5 * MINUTE - LISTED) // MINUTE
    world.venue.ticks[jump:] += 2_000_000
    one = await world.start(allow_short=True)
    for minute in range(1, 9):
        await world.at(minute * MINUTE + 3, one)
    sold, closed = await world.fills(one)
    assert (sold.quantity < 0, closed.quantity, closed.reason) == (True, -sold.quantity, "ruin")
    assert closed.time == START + 5 * MINUTE
    row = await world.row(one)
    assert row.state == "failed"
    assert row.error is not None
    assert row.error["kind"] == "ruin"
    with pytest.raises(Conflict, match="lost all"):
        await world.change("resume", one)


async def test_prices_that_do_not_fit_its_grid_any_more_end_it(world: World) -> None:
    one = await world.start()
    await world.at(63, one)
    world.venue.decimals = 3
    await world.at(183, one)
    row = await world.row(one)
    assert row.state == "failed"
    assert row.error is not None
    assert "more than 2 decimals" in row.error["message"]


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


async def test_what_failed_with_nothing_in_hand_begins_anew_when_it_is_resumed(world: World) -> None:
    source = (
        'script("Late")\n'
        f"if {START} <= bars.time[-1] < {START + HOUR}:\n"
        "    raise ValueError('not today')\n"
        "target(bars.close * 0 + 1)\n"
    )
    one = await world.start(source)
    await world.at(5 * MINUTE + 3, one)
    assert (await world.row(one)).state == "failed"
    assert await world.at(3 * HOUR, one) is None
    world.clock.second = START + 3 * HOUR + 30
    await world.change("resume", one)
    await world.at(3 * HOUR + 63, one)
    times = [(bar.time - START) // MINUTE for bar in await world.bars(one)]
    assert times[-1] == 180
    assert not any(10 < minute < 180 for minute in times)
    assert (await world.row(one)).state == "paper"
    await world.at(3 * HOUR + 123, one)
    assert [(fill.time - START) // MINUTE for fill in await world.fills(one)] == [181]


async def test_bars_without_a_script_are_many_in_one_job(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepping, "MOST_BARS", 3)
    monkeypatch.setattr(stepping, "MOST_HELD", 12)
    one = await world.start(FLIPS)
    await world.at(3, one)
    world.clock.second = START + 10 * MINUTE + 3
    await world.stepper().bring_up_to_date(one)
    assert len(await world.bars(one)) == 3
    await world.change("pause", one)
    world.clock.second = START + 30 * MINUTE + 3
    await world.stepper().bring_up_to_date(one)
    assert len(await world.bars(one)) == 15
