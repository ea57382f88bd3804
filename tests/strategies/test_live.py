"""Strategies on the stream, each user's own at the newest price; their series is streamed while they run."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx2
import orjson
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession
from tests.app.test_feed import messages as heard_on
from tests.app.test_feed import opened, prepared, running, sim
from tests.charts.conftest import Headers, add_user
from tests.scripts.local import LocalRunner
from tests.strategies.world import SERIES, START, ManualClock, Told, World

from holdfast.app.clients import Client
from holdfast.app.hub import Hub
from holdfast.core.timeframes import MINUTE, Timeframe
from holdfast.market.live import messages, wanted
from holdfast.market.live.minutes import Minute, Tail
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings
from holdfast.strategies import live, repository, service
from holdfast.strategies.live import LiveStrategies
from holdfast.strategies.models import Strategy
from holdfast.strategies.schemas import NewStrategy, StrategyTick
from holdfast.strategies.views import tick

__all__ = ["prepared", "sim"]


def announced(clock: ManualClock, price: int, series: str = SERIES) -> bytes:
    tail, value = Tail(), Decimal(price)
    minute = int(clock.second) // MINUTE * MINUTE
    tail.fill((), minute, minute)
    tail.hear(Minute(minute, value, value, value, value, Decimal(1)), closed=False)
    return orjson.dumps({series: messages.encode(tail, int(clock.second * 1000))})


async def snapshot(shown: LiveStrategies, world: World, user_id: UUID | None = None) -> list[Any]:
    async with world.database.transaction() as session:
        (told,) = (await shown.snapshots(session, [user_id or world.user_id])).values()
    return told.strategies


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


async def test_a_series_that_does_not_fit_costs_the_others_nothing(world: World) -> None:
    one = await bought(world)
    others = [await world.start() for _ in range(9)]
    async with world.database.transaction() as session:
        for number, other in enumerate(others):
            (await session.get_one(Strategy, other)).series = f"bybit:BAD{number}"
    shown = LiveStrategies(world.clock)
    await snapshot(shown, world)
    batch = orjson.loads(announced(world.clock, 12_000))
    unfit = {**batch[SERIES], "forming": [[START, "0.000000000000000001", "1", "1", "1000000000000", "1"]]}
    shown.hear(orjson.dumps({f"bybit:BAD{number}": unfit for number in range(9)} | batch))
    assert {told.id: told.price for told in await snapshot(shown, world)}[one] == 12_000


@pytest.mark.parametrize("is_lost", [False, True], ids=["told", "reconnected"])
async def test_what_changes_while_it_is_read_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch, is_lost: bool
) -> None:
    one = await bought(world)
    shown = LiveStrategies(world.clock)
    read = repository.of_users

    async def overtaken(session: AsyncSession, users: Sequence[UUID]) -> Sequence[Strategy]:
        rows = await read(session, users)
        await world.change("pause", one)
        if is_lost:
            await shown._forget_all()
        else:
            shown._forget(f"user:{world.user_id}", b"")
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(repository, "of_users", overtaken)
        assert (await snapshot(shown, world))[0].state == "paper"
    assert (await snapshot(shown, world))[0].state == "paused"


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


async def test_what_its_owner_does_reaches_a_listener_at_once(
    app: FastAPI,
    client: httpx2.AsyncClient,
    world: World,
    owner: Headers,
    key: Callable[[], Headers],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Told by a message: what is known is not read again by itself in this test."""
    monkeypatch.setattr(live, "REREAD_AFTER", timedelta(days=1))
    one = await bought(world)
    hub: Hub = app.state.hub
    listener = hub.welcome(None)
    listener.user_id = world.user_id
    await hub.subscribe(listener, live.TOPIC)
    listener.take()
    changes = (
        ("POST", "/pause", None, lambda told: told[0]["state"] == "paused"),
        ("PATCH", "", {"name": "Other"}, lambda told: told[0]["name"] == "Other"),
        ("POST", "/resume", None, lambda told: told[0]["state"] == "paper"),
        ("POST", "/stop", None, lambda told: told[0]["closing"]),
        ("DELETE", "", None, lambda told: not told),
    )
    for method, verb, body, expected in changes:
        path = f"/api/strategies/{one}{verb}"
        answer = await client.request(method, path, json=body, headers=owner | key())
        assert answer.is_success, answer.text
        async with asyncio.timeout(30):
            while not any(expected(told) for told in told_to(listener)):
                await listener.wake.wait()
    hub.leave(listener)


def told_to(listener: Client) -> list[list[dict[str, Any]]]:
    """The strategies of each frame that has come."""
    frames = [orjson.loads(frame.text) for frame in listener.take()]
    return [frame["data"]["strategies"] for frame in frames if "data" in frame]


async def test_what_is_over_is_made_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    over, runs = await world.start(), await bought(world)
    await world.change("stop", over)
    made: list[UUID] = []

    def counted(row: Strategy, price: Any = None) -> StrategyTick:
        made.append(row.id)
        return tick(row, price)

    monkeypatch.setattr(live, "tick", counted)
    shown = LiveStrategies(world.clock)
    for _ in range(3):
        assert {one.id for one in await snapshot(shown, world)} == {over, runs}
    assert made.count(over) == 1
    assert made.count(runs) == 3


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
