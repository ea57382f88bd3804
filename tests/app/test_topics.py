"""What private topics cost, and that every change is told at once instead of found by asking."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx2
import orjson
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from sqlalchemy import event
from tests.app.test_strangers import PRIVATE, desk, desk_clock, incident, owner
from tests.execution.conftest import Desk

from holdfast.accounts.models import User
from holdfast.app import topics
from holdfast.app.hub import MOST_AT_THE_DOOR, Hub
from holdfast.app.operator import stop_user
from holdfast.app.topics import register_private, register_strategies
from holdfast.indices.board import IndexBoard
from holdfast.market.instruments import InstrumentBook
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.background import cancel
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings
from holdfast.portfolio.live import LivePositions
from holdfast.strategies.live import LiveStrategies

__all__ = ["desk", "desk_clock", "owner"]

CLOCK = SystemClock()
OF_USERS = sorted(PRIVATE - {"position", "execution"})
PEOPLE = 60


@pytest.fixture
def hub(database: Database, redis: Redis) -> Hub:
    made, quotes = Hub(database, redis, CLOCK), QuoteBoard()
    register_private(made, LivePositions(quotes, IndexBoard(quotes, InstrumentBook()), CLOCK))
    register_strategies(made, LiveStrategies(CLOCK))
    return made


async def listening(hub: Hub, user_id: UUID, *names: str) -> Any:
    client = hub.welcome(None)
    client.user_id = user_id
    for name in names:
        assert await hub.subscribe(client, name) is None
    return client


async def test_many_idle_pages_are_asked_for_in_few_questions(
    hub: Hub, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [User(id=uuid4(), is_demo=True, created_at=CLOCK.now()) for _ in range(PEOPLE)]
    async with database.transaction() as session:
        session.add_all(users)
    for user in users:
        await listening(hub, user.id, *OF_USERS)
    statements = 0

    def count(*_: Any) -> None:
        nonlocal statements
        statements += 1

    event.listen(database.engine.sync_engine, "before_cursor_execute", count)
    await hub._after_silence()
    task = asyncio.create_task(hub.run())
    async with asyncio.timeout(30):
        while hub.longest_wait() or not statements:
            await asyncio.sleep(0.05)
    await cancel([task])
    event.remove(database.engine.sync_engine, "before_cursor_execute", count)
    assert statements < PEOPLE, f"for {PEOPLE * len(OF_USERS)} topics"


async def test_many_who_join_at_once_leave_connections_to_the_database_for_the_others(
    hub: Hub, database: Database
) -> None:
    users = [User(id=uuid4(), is_demo=True, created_at=CLOCK.now()) for _ in range(PEOPLE)]
    async with database.transaction() as session:
        session.add_all(users)
    most, out = 0, 0

    def taken(*_: Any) -> None:
        nonlocal most, out
        out += 1
        most = max(most, out)

    def given(*_: Any) -> None:
        nonlocal out
        out -= 1

    pool = hub.database.engine.sync_engine.pool
    event.listen(pool, "checkout", taken)
    event.listen(pool, "checkin", given)
    await asyncio.gather(*(listening(hub, user.id, *OF_USERS) for user in users))
    event.remove(pool, "checkout", taken)
    event.remove(pool, "checkin", given)
    assert 1 < most <= MOST_AT_THE_DOOR


async def test_an_operators_stop_is_told_within_two_seconds_though_nobody_announces_it(
    hub: Hub, database: Database, settings: Settings
) -> None:
    assert topics.STOPS_EVERY <= 2
    user = User(id=uuid4(), is_demo=True, created_at=CLOCK.now())
    async with database.transaction() as session:
        session.add(user)
    client = await listening(hub, user.id, "stops")
    client.take()
    task = asyncio.create_task(hub.run())
    await stop_user(settings, user=str(user.id), by="root", reason="")
    async with asyncio.timeout(30):
        while "stops" not in client.pending:
            await asyncio.sleep(0.02)
    await cancel([task])
    assert orjson.loads(client.pending["stops"].text)["data"]["in_force"] == 1


async def test_what_a_user_changes_is_announced_to_their_pages(
    app: FastAPI, client: httpx2.AsyncClient, redis: Redis, desk: Desk, owner: dict[str, str]
) -> None:
    found = await incident(desk)
    requests = [
        ("POST", f"/api/incidents/{found}/seen", None, {"incidents"}),
        ("POST", f"/api/connections/{desk.connection_id}/check", None, {"connections"}),
        ("POST", "/api/stops", {"scope": "user"}, {"stops", "incidents"}),
        ("DELETE", f"/api/charts/alerts/{uuid4()}", None, set()),
    ]
    async with redis.pubsub(ignore_subscribe_messages=True) as channel:
        await channel.subscribe(f"user:{desk.user_id}")
        await channel.get_message(timeout=5.0)
        for method, path, body, expected in requests:
            headers = owner | {"Idempotency-Key": uuid4().hex}
            answer = await client.request(method, path, json=body, headers=headers)
            assert answer.status_code < 300 or not expected, answer.text
            told = {await _topic(channel) for _ in expected}
            assert told == expected, path


async def _topic(channel: Any) -> str:
    async with asyncio.timeout(30):
        while (message := await channel.get_message(timeout=1.0)) is None:
            pass
    return str(orjson.loads(message["data"])["topic"])
