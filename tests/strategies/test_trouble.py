"""Bars that are late or missing, a venue or sandbox that is away, scripts that fail: nothing is invented."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from tests.scripts.local import LocalRunner
from tests.strategies.test_stepping import LONG_AND_OUT, told
from tests.strategies.world import FLIPS, LISTED, START, World

from holdfast.core.bars import Bars
from holdfast.core.errors import Conflict
from holdfast.core.timeframes import DAY, HOUR, MINUTE, Timeframe
from holdfast.market.candles import store
from holdfast.strategies import booking, market, repository, states, stepping
from holdfast.strategies.models import Strategy
from holdfast.strategies.stepping import Late


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
    assert (await world.row(one)).waiting == (
        "Waiting for the prices up to 2026-03-02 12:01 UTC: bybit has not told them. "
        "It goes on by itself once they are there."
    )
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
    assert (row.state, row.failures) == ("paper", 0)
    assert row.waiting.startswith("Waiting for the sandbox, which runs scripts. It goes on by itself")
    assert "see that `holdfast sandbox` runs" in row.waiting
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


ALWAYS_LONG = 'script("Long")\ntarget(bars.close * 0 + 1)\n'


async def holding(world: World) -> UUID:
    one = await world.start(ALWAYS_LONG)
    await world.at(3 * MINUTE + 3, one)
    assert (await world.bars(one))[-1].quantity > 0
    return one


async def test_one_stopped_after_a_long_halt_closes_its_position(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no bar of the halt, of which a look reaches only a part."""
    monkeypatch.setattr(market, "_MOST_PAGES", 1)
    monkeypatch.setattr(market, "_PAGE", 100)
    one = await holding(world)
    world.clock.second = START + 303 * MINUTE
    await world.change("stop", one)
    await world.glance(305 * MINUTE + 3, one)
    row = await world.row(one)
    assert (row.closing_from, row.waiting) == (None, "")
    assert (await world.fills(one))[-1].time == START + 304 * MINUTE


async def test_one_stopped_between_two_bars_of_a_halt_records_no_more(world: World) -> None:
    one = await world.start()
    await world.at(3, one)
    world.clock.second = START + 9 * MINUTE + 3

    async def stop(user_id: UUID) -> None:
        if (await world.row(one)).state == states.PAPER:
            await world.change("stop", one)

    stepper = replace(world.stepper(), announce=stop)
    while await stepper.bring_up_to_date(one) == 0:
        pass
    assert [bar.held for bar in await world.bars(one)] == [""]
    row = await world.row(one)
    assert (row.state, row.next_due) == (states.STOPPED, None)


async def test_a_position_without_a_price_is_not_closed_for_ever(world: World) -> None:
    """As of a symbol that was delisted: its venue answers, and nothing is traded any more."""
    one = await holding(world)
    world.clock.second = START + 10 * MINUTE
    await world.change("stop", one)
    world.venue.missing = {START + minute * MINUTE for minute in range(10, 3000)}
    await world.glance(DAY, one)
    assert (await world.row(one)).closing_from is not None
    assert await world.at(DAY + 15 * MINUTE, one) is None
    assert (await world.row(one)).closing_from is None
    kind, text = (await world.events(one))[-1]
    assert (kind, "could not be closed" in text, "for a day" in text) == ("error", True, True)
    assert len(await world.fills(one)) == 1


async def test_of_a_market_that_is_silent_for_a_day_it_is_said(world: World) -> None:
    one = await holding(world)
    world.venue.missing = {START + minute * MINUTE for minute in range(3, 1500)}
    await world.glance(20 * HOUR, one)
    assert (await world.row(one)).waiting == ""
    await world.glance(25 * HOUR - 30, one)
    row = await world.row(one)
    assert (row.state, row.waiting) == (
        "paper",
        "bybit:COIN has had no price for a day. If it is traded no more, stop this strategy.",
    )
    await world.at(1501 * MINUTE + 3, one)
    row = await world.row(one)
    assert (row.waiting, row.last_bar) == ("", START + 1500 * MINUTE)


async def test_of_a_silent_market_whose_venue_is_away_too_one_thing_is_said(world: World) -> None:
    one = await holding(world)
    world.venue.missing = {START + minute * MINUTE for minute in range(3, 3000)}
    await world.glance(2 * DAY, one)
    silence, announced = (await world.row(one)).waiting, len(world.announced)
    assert "no price for a day" in silence
    world.venue.away = True
    for minute in range(5, 9):
        await world.glance(2 * DAY + minute * MINUTE, one)
        assert (await world.row(one)).waiting == silence
    assert len(world.announced) == announced


@pytest.mark.parametrize("state", ["paused", "failed"])
async def test_one_that_holds_on_without_a_series_says_so(world: World, state: str) -> None:
    one = await holding(world)
    async with world.database.transaction() as session:
        row = await session.get_one(Strategy, one)
        row.series, row.state = "bybit:GONE", state
    told = len(world.announced)
    assert await world.at(5 * MINUTE, one) is None
    row = await world.row(one)
    assert row.state == state
    assert "GONE" in row.waiting
    assert row.waiting.endswith("Stop it.")
    assert len(world.announced) == told + 1
    assert await world.at(6 * MINUTE, one) is None
    assert len(world.announced) == told + 1, "it is told once"


async def test_a_position_without_a_series_is_told_and_waits_for_nothing(world: World) -> None:
    one = await holding(world)
    await world.change("stop", one)
    async with world.database.transaction() as session:
        (await session.get_one(Strategy, one)).series = "bybit:GONE"
    assert await world.at(5 * MINUTE, one) is None
    assert (await world.row(one)).closing_from is None
    kind, text = (await world.events(one))[-1]
    assert (kind, "could not be closed" in text, "GONE" in text) == ("error", True, True)
