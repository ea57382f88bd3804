"""Strategies on the stream, each user's own at the newest price; their series is streamed while they run."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from tests.app.test_feed import messages as heard_on
from tests.app.test_feed import opened, prepared, running, sim
from tests.charts.conftest import add_user
from tests.scripts.local import LocalRunner
from tests.strategies.world import SERIES, START, ManualClock, Told, World

from holdfast.app.hub import Hub
from holdfast.core.timeframes import MINUTE, Timeframe
from holdfast.market.live import messages, wanted
from holdfast.market.live.minutes import Minute, Tail
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings
from holdfast.strategies import live, service
from holdfast.strategies.live import LiveStrategies
from holdfast.strategies.schemas import NewStrategy

__all__ = ["prepared", "sim"]


def announced(clock: ManualClock, price: int, series: str = SERIES) -> bytes:
    tail, value = Tail(), Decimal(price)
    minute = int(clock.second) // MINUTE * MINUTE
    tail.fill((), minute, minute)
    tail.hear(Minute(minute, value, value, value, value, Decimal(1)), closed=False)
    return orjson.dumps({series: messages.encode(tail, int(clock.second * 1000))})


async def snapshot(shown: LiveStrategies, world: World, user_id: UUID | None = None) -> list[Any]:
    async with world.database.transaction() as session:
        tick = await shown.snapshot(session, user_id or world.user_id, "")
    assert tick is not None
    return tick.strategies


async def bought(world: World, **more: Any) -> UUID:
    world.runner = Told(lambda time: 0.5 if time == START else float("nan"))
    one = await world.start(fee_rate=Decimal(0), slippage=Decimal(0), **more)
    await world.at(123, one)
    return one


async def test_it_is_worth_what_the_newest_price_makes_it(world: World) -> None:
    one = await bought(world)
    shown = LiveStrategies(world.clock)
    (before,) = await snapshot(shown, world)
    close = world.venue.minute(START + MINUTE).close
    assert (before.id, before.state, before.series, before.timeframe) == (one, "paper", SERIES, "1m")
    assert (before.price, before.target) == (close, None)
    assert before.last_bar == datetime.fromtimestamp(START + MINUTE, UTC)
    assert before.equity == (await world.bars(one))[-1].equity
    shown.hear(announced(world.clock, 12_000))
    (now,) = await snapshot(shown, world)
    row = await world.row(one)
    cash = Decimal(row.book["cash"]).scaleb(-5)
    assert (now.price, now.price_at) == (12_000, world.clock.now())
    assert now.equity == cash + now.quantity * 12_000
    assert now.pnl == now.equity - 10_000
    assert now.pnl_share == pytest.approx(float(now.pnl) / 10_000)
    assert now.entry == (await world.fills(one))[0].price
    world.clock.second += 91
    (old,) = await snapshot(shown, world)
    assert old.price == close, "an old price is not told as the newest"


async def test_junk_on_the_channel_does_no_harm(world: World) -> None:
    await bought(world)
    shown = LiveStrategies(world.clock)
    await snapshot(shown, world)
    for junk in (b"", b"{", b"[]", orjson.dumps({SERIES: 1}), orjson.dumps({SERIES: {"start": 1}})):
        shown.hear(junk)
    assert (await snapshot(shown, world))[0].price_at == datetime.fromtimestamp(START + 2 * MINUTE, UTC)


async def test_a_step_is_told_at_once(world: World) -> None:
    one = await bought(world)
    shown = LiveStrategies(world.clock)
    await snapshot(shown, world)
    await world.change("pause", one)
    assert (await snapshot(shown, world))[0].state == "paper", "read a moment ago"
    shown._forget(f"user:{world.user_id}", b"")
    assert (await snapshot(shown, world))[0].state == "paused"
    assert world.announced == [world.user_id] * 3


async def test_everybody_hears_their_own_only(app: FastAPI, world: World) -> None:
    one = await bought(world)
    hub: Hub = app.state.hub
    other = await add_user(world.database)

    async def heard(user_id: UUID | None) -> Any:
        client = hub.welcome(None)
        client.user_id = user_id
        refused = await hub.subscribe(client, live.TOPIC)
        frames = [orjson.loads(frame.text) for frame in client.take()]
        hub.leave(client)
        return refused.detail if refused else [item["id"] for item in frames[0]["data"]["strategies"]]

    assert await heard(world.user_id) == [str(one)]
    assert await heard(other) == []
    assert "Sign in" in await heard(None)
    client = hub.welcome(None)
    client.user_id = other
    assert await hub.subscribe(client, f"{live.TOPIC}:{one}"), "there is no topic of one of them"
    hub.leave(client)


async def test_a_change_reaches_a_listener(app: FastAPI, world: World, redis: Redis) -> None:
    one = await bought(world)
    hub: Hub = app.state.hub
    client = hub.welcome(None)
    client.user_id = world.user_id
    await hub.subscribe(client, live.TOPIC)
    client.take()
    await world.change("stop", one)
    async with asyncio.timeout(30):
        while True:
            await client.wake.wait()
            frames = [orjson.loads(frame.text) for frame in client.take()]
            told = [one for frame in frames if "data" in frame for one in frame["data"]["strategies"]]
            if any((one["state"], one["closing"]) == ("stopped", True) for one in told):
                break
    hub.leave(client)


# --- the feed -----------------------------------------------------------------------------------------------


@pytest.fixture
async def listed(prepared: Settings, database: Database, user_id: UUID) -> World:
    """A world on the simulated venues' symbols and the real clock."""
    from holdfast.platform.clock import SystemClock

    world = World(database, user_id, LocalRunner())
    world.clock = SystemClock()  # type: ignore[assignment]
    return world


async def run_on(world: World, symbol: str) -> UUID:
    wanted_one = NewStrategy(
        name="Try", script_id=await world.script(), series=f"bybit:{symbol}", timeframe=Timeframe.H1
    )
    series = await world.candles.find("bybit", symbol)
    async with world.database.transaction() as session:
        made = await service.start(session, world.user_id, wanted_one, series, most=9, now=world.clock.now())
    return made.id


async def test_its_series_is_streamed_while_it_runs_and_no_longer(
    prepared: Settings, listed: World, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No chart is open, and nothing is held."""
    one = await run_on(listed, "BTCUSDT")
    series = "bybit:BTCUSDT"
    async with opened(prepared, listed.database, redis) as feed, running(feed):
        await heard_on(redis, messages.CHANNEL, lambda heard: series in heard[-1])
        assert series in feed.bars._tails
        await listed.change("pause", one)
        await feed.refresh()
        await feed.bars.look()
        assert series in feed.bars._tails, "paused, it holds on"
        await listed.change("stop", one)
        monkeypatch.setattr(wanted, "KEEP_SECONDS", 0.0)
        await feed.refresh()
        async with asyncio.timeout(30):
            while series in feed.bars._tails:
                await asyncio.sleep(0.1)


async def test_a_position_that_is_being_closed_keeps_its_series(world: World) -> None:
    from holdfast.strategies.repository import followed_series

    async def followed() -> set[str]:
        async with world.database.transaction() as session:
            return await followed_series(session)

    assert await followed() == set()
    one = await bought(world)
    await world.change("stop", one)
    assert await followed() == {SERIES}
    await world.at(303, one)
    assert await followed() == set()
