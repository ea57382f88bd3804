"""The topic ``orders``: what it holds, when it is told, and by whom it is heard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
import orjson
import pytest
from redis.asyncio import Redis
from sqlalchemy import event, select, update
from tests.app.test_strangers import desk, desk_clock, owner
from tests.execution.conftest import NOW, Desk
from tests.execution.test_executor import opened
from tests.portfolio.people import add_connection

from holdfast.accounts.models import User
from holdfast.app import orders
from holdfast.app.clients import Client
from holdfast.app.hub import Hub
from holdfast.app.orders import snapshots
from holdfast.app.topics import register_private
from holdfast.core.instruments import Side
from holdfast.execution.models import Order
from holdfast.indices.board import IndexBoard
from holdfast.market.instruments import InstrumentBook
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.background import cancel
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.pubsub import tell_changed
from holdfast.portfolio.live import LivePositions
from holdfast.portfolio.models import Fill

__all__ = ["desk", "desk_clock", "owner"]

NEVER = 3600.0


async def rest(desk: Desk) -> UUID:
    """One order of an open position waits in the book again."""
    execution = await opened(desk)
    async with desk.database.transaction() as session:
        order = (await session.scalars(select(Order).where(Order.execution_id == execution.id))).first()
        assert order is not None
        order.state, order.filled_quantity = "partially_filled", Decimal("0.1")
    return order.id


async def book(
    desk: Desk, *names: str, executed: timedelta = timedelta(), booked: timedelta, account: UUID | None = None
) -> None:
    """Executions by hand, told so long after they happened."""
    async with desk.database.transaction() as session:
        for name in names:
            session.add(
                Fill(
                    connection_id=account or desk.connection_id, exec_id=name, venue_order_id=name,
                    client_id="", symbol="BTCUSDT", side=Side.BUY, exec_type="Trade", quantity=Decimal(1),
                    price=Decimal(100), fee=Decimal(0), fee_asset="USDT", is_maker=False,
                    executed_at=NOW + executed, booked_at=NOW + booked,
                )
            )  # fmt: skip


async def told(database: Database, *users: UUID) -> dict[UUID, Any]:
    async with database.sessions() as session:
        return await snapshots(session, users)


async def test_it_says_of_orders_and_fills_what_the_lists_say(
    client: httpx2.AsyncClient, desk: Desk, owner: dict[str, str]
) -> None:
    resting = await rest(desk)
    tick = (await told(desk.database, desk.user_id))[desk.user_id].model_dump(mode="json")
    query = {"state": "partially_filled"}
    assert tick["orders"] == (await client.get("/api/orders", params=query, headers=owner)).json()["items"]
    assert [one["id"] for one in tick["orders"]] == [str(resting)]
    listed = (await client.get("/api/fills", headers=owner)).json()["items"]
    assert len(listed) == 3
    assert sorted(tick["fills"], key=str) == sorted(listed, key=str)


async def test_each_of_many_users_is_told_their_own(desk: Desk) -> None:
    stranger = User(id=uuid4(), is_demo=True, created_at=NOW)
    async with desk.database.transaction() as session:
        session.add(stranger)
    await rest(desk)
    found = await told(desk.database, desk.user_id, stranger.id)
    assert found[desk.user_id].orders
    assert found[desk.user_id].fills
    assert (found[stranger.id].orders, found[stranger.id].fills) == ([], [])


async def test_fills_come_in_the_order_in_which_they_were_booked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was heard of late is behind nobody, however old it is, and whichever the account."""
    monkeypatch.setattr(orders, "MOST_FILLS", 3)
    async with desk.database.transaction() as session:
        other = await add_connection(session, desk.user_id)
    await book(desk, *(f"old {n}" for n in range(300)), booked=timedelta())
    await book(desk, "a", executed=timedelta(seconds=1), booked=timedelta(seconds=1))
    await book(desk, "b", executed=timedelta(seconds=2), booked=timedelta(seconds=2))
    await book(desk, "late", executed=-timedelta(days=9), booked=timedelta(seconds=60))
    assert await names(desk) == ["late", "b", "a"]
    await book(desk, "other", account=other, booked=timedelta(seconds=30))
    assert await names(desk) == ["late", "other", "b"]


async def names(desk: Desk) -> list[str]:
    return [one.exec_id for one in (await told(desk.database, desk.user_id))[desk.user_id].fills]


async def test_nobody_is_told_more_orders_than_the_newest(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "MOST_ORDERS", 2)
    execution = await opened(desk)
    async with desk.database.transaction() as session:
        made = (await session.scalars(select(Order).where(Order.execution_id == execution.id))).all()
        for age, order in enumerate(made):
            order.state, order.created_at = "accepted", NOW - timedelta(seconds=age)
    tick = (await told(desk.database, desk.user_id))[desk.user_id]
    assert [one.id for one in tick.orders] == [order.id for order in made[:2]]


MANY = """
INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object(
    'id', gen_random_uuid(), 'attempt', n, 'client_id', o.id || '/' || n))).*
FROM orders AS o, generate_series(1, 300) AS n;
INSERT INTO fills SELECT (jsonb_populate_record(f, jsonb_build_object(
    'exec_id', f.exec_id || '/' || n, 'booked_at', f.booked_at + n * interval '1 second'))).*
FROM fills AS f, generate_series(1, 300) AS n;
ANALYZE orders, fills
"""


async def test_what_is_over_is_not_read(desk: Desk) -> None:
    """Nine hundred orders that are filled and as many fills cost nothing: indexes lead to the others."""
    await opened(desk)
    asked: list[tuple[str, Any]] = []

    @event.listens_for(desk.database.engine.sync_engine, "before_cursor_execute")
    def _note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    connection = await asyncpg.connect(desk.database.listen_url)
    try:
        await connection.execute(MANY)
        await told(desk.database, desk.user_id)
        plans = [
            "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {statement}", *values))
            for statement, values in asked
            if "row_number" in statement
        ]
    finally:
        await connection.close()
    assert len(plans) == 2
    assert "ix_orders_working" in plans[0]
    assert "Index Scan Backward using ix_fills_connection_booked" in plans[1]


@asynccontextmanager
async def hearing(desk: Desk, redis: Redis) -> AsyncIterator[Client]:
    """The desk's user on a page, at a hub that asks for nothing by itself."""
    quotes, clock = QuoteBoard(), SystemClock()
    hub = Hub(desk.database, redis, clock)
    register_private(hub, LivePositions(quotes, IndexBoard(quotes, InstrumentBook()), clock))
    client = hub.welcome(None)
    client.user_id = desk.user_id
    listens = asyncio.Event()
    hub.carry("nothing", lambda _: None, listens.set)
    task = asyncio.create_task(hub.run())
    await listens.wait()
    assert await hub.subscribe(client, "orders") is None
    while hub.longest_wait() or "orders" not in client.pending:
        await asyncio.sleep(0.01)
    client.take()
    yield client
    await cancel([task])


def frame_of(client: Client) -> Any:
    return orjson.loads(client.pending["orders"].text)["data"]


async def until(client: Client, condition: Any) -> None:
    async with asyncio.timeout(30):
        while "orders" not in client.pending or not condition(frame_of(client)):
            await asyncio.sleep(0.01)


@pytest.fixture
def only_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "EVERY", NEVER)


@pytest.mark.usefixtures("only_when_told")
async def test_an_execution_tells_of_its_orders_and_fills_by_itself(desk: Desk, redis: Redis) -> None:
    async with hearing(desk, redis) as client:
        await opened(desk)
        await until(client, lambda data: len(data["fills"]) == 3 and not data["orders"])


@pytest.mark.usefixtures("only_when_told")
@pytest.mark.parametrize("word", ["execution:0", "positions", "incidents"])
async def test_word_of_what_belongs_to_orders_is_word_of_orders(desk: Desk, redis: Redis, word: str) -> None:
    """A trade by hand is told of as an incident, and a reconciliation as a change of positions."""
    async with hearing(desk, redis) as client:
        await book(desk, "by-hand", booked=timedelta())
        await tell_changed(redis, desk.user_id, word)
        await until(client, lambda data: [one["exec_id"] for one in data["fills"]] == ["by-hand"])


@pytest.mark.usefixtures("only_when_told")
async def test_an_order_that_is_over_is_told_as_over(desk: Desk, redis: Redis) -> None:
    resting = await rest(desk)
    async with hearing(desk, redis) as client:
        async with desk.database.transaction() as session:
            await session.execute(update(Order).where(Order.id == resting).values(state="filled"))
        await tell_changed(redis, desk.user_id, "positions")
        await until(client, lambda data: data["orders"] == [] and data["fills"])


async def test_a_lost_word_is_made_good(desk: Desk, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "EVERY", 0.1)
    async with hearing(desk, redis) as client:
        await book(desk, "unsaid", booked=timedelta())
        await until(client, lambda data: data["fills"])
