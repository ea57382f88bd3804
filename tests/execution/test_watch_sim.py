"""The account stream of the simulated venue, over a real socket: what it tells, and what is done when it
stops telling."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from tests.execution.test_consequences_sim import books, control, operate, sizes, told
from tests.portfolio.simulated import House, house, simulator

from holdfast.accounts.models import Connection
from holdfast.execution import service
from holdfast.execution.drafts import request_of
from holdfast.execution.models import Order
from holdfast.execution.reconciliation.watch import Patience, Watcher
from holdfast.execution.schemas import NewExecution
from holdfast.platform.models import Job
from holdfast.portfolio.models import Fill
from holdfast.venues.bybit.private_stream import BybitAccountStream, StreamPatience
from holdfast.venues.protocol import AccountEvent, StreamConnected

__all__ = ["house", "simulator"]

pytestmark = pytest.mark.timeout(180)

QUICK = Patience(look_again=0.1, after_failure=0.1, untold=0.5, clocks=0.5, lost=1.0)


class Streams:
    """Opens the account's stream; remembers how often it was live, and that the watcher has heard so."""

    def __init__(self, house: House) -> None:
        wire: Any = house.door
        key, secret = wire._wire.secrets
        url = house.work.settings.sim_url.replace("http", "ws") + "/v5/private"
        patience = StreamPatience(first_pause=0.05, refused=0.1)
        self._make = lambda: BybitAccountStream(url, key, secret, house.door.server_time, patience=patience)
        self.live = 0

    async def open(self, _: UUID) -> AsyncIterator[AccountEvent]:
        return self._listen()

    async def _listen(self) -> AsyncIterator[AccountEvent]:
        async for event in self._make():
            yield event
            if isinstance(event, StreamConnected):
                self.live += 1


@asynccontextmanager
async def watching(house: House, patience: Patience = QUICK) -> AsyncIterator[Streams]:
    async with house.work.database.transaction() as session:
        (await session.get_one(Connection, house.connection_id)).sealed = b"x"
    streams = Streams(house)
    watcher = Watcher(house.work.database, house.work.clock, streams.open, patience=patience)
    task = asyncio.create_task(watcher.run())
    try:
        await until(lambda: _is(streams.live == 1))
        await asyncio.sleep(patience.clocks + 0.1)
        yield streams
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _is(true: bool) -> bool:
    return true


async def until(true: Callable[[], Awaitable[object]], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.02)


async def a_worker_does_its_part(house: House) -> None:
    """Reconcile whenever it was asked for."""
    while True:
        async with house.work.database.transaction() as session:
            asked = [job for job in await session.scalars(select(Job)) if not job.finished_at]
            for job in asked:
                job.finished_at = house.work.clock.now()
        if asked:
            await house.reconcile()
        await asyncio.sleep(0.1)


@pytest.fixture
async def worker(house: House) -> AsyncIterator[None]:
    task = asyncio.create_task(a_worker_does_its_part(house))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_trade_by_hand_is_in_the_books_at_once(house: House, worker: None) -> None:
    async with watching(house, replace(QUICK, untold=60)) as streams:
        await operate(house, "trade", symbol="BTCUSDT", side="Buy", qty="0.01")
        await until(lambda: _agree(house))
        assert streams.live == 1


async def _agree(house: House) -> bool:
    held = await books(house)
    return held == await sizes(house) == {"BTCUSDT": Decimal("0.01")}


async def test_our_own_order_learns_from_the_stream_without_being_asked_about(house: House) -> None:
    """Its row is SENT and nobody works on it: the stream alone brings it to its end."""
    plan = await house.preview("btc-d", "3000")
    async with house.work.database.transaction() as session:
        started = await service.start(
            session,
            house.user_id,
            NewExecution(plan_id=plan.id, digest=plan.digest),
            settings=house.work.settings,
            quote_of=house.quotes.get,
            now=house.work.clock.now(),
        )
    async with watching(house):
        async with house.work.database.transaction() as session:
            order = (await session.scalars(select(Order).where(Order.execution_id == started.id))).first()
            assert order is not None
            order.state, order.sent_at = "sent", house.work.clock.now()
        await house.door.place([request_of(order)])

        async def filled() -> bool:
            async with house.work.database.sessions() as session:
                row = await session.get_one(Order, order.id)
                fills = (await session.scalars(select(Fill).where(Fill.order_id == order.id))).all()
            return row.state == "filled" and sum(fill.quantity for fill in fills) == row.quantity

        await until(filled)


async def test_a_stream_that_pings_and_is_silent_is_found_out_and_replaced(house: House) -> None:
    async with watching(house) as streams:
        await control(house, "faults", rules=[{"where": "bybit.private.*", "kind": "silent", "count": 1}])
        await operate(house, "trade", symbol="BTCUSDT", side="Buy", qty="0.01")
        await asyncio.sleep(0.3)
        assert await house.reconcile() == [], "the minute's reconciliation finds the trade"
        await until(lambda: _is(streams.live == 2))
        await operate(house, "trade", symbol="BTCUSDT", side="Sell", qty="0.01")
        await until(lambda: _asked(house))


async def _asked(house: House) -> bool:
    async with house.work.database.sessions() as session:
        rows = await session.scalars(select(Job).where(Job.kind == "execution.reconcile"))
        return any(not job.finished_at for job in rows)


async def test_a_revoked_key_ends_the_stream_and_the_user_is_told(house: House) -> None:
    async with watching(house) as streams:
        await operate(house, "key", revoked=True)
        await until(lambda: told(house, "stream_lost"))
        (lost,) = await told(house, "stream_lost")
        assert lost.settled_at is None
        await operate(house, "key", revoked=False)
        await until(lambda: _is(streams.live == 2))
        await until(lambda: _settled(house))


async def _settled(house: House) -> bool:
    return all(view.settled_at for view in await told(house, "stream_lost"))


async def test_a_restart_of_the_venue_costs_nothing(house: House, worker: None) -> None:
    async with watching(house) as streams:
        await control(house, "venue/restart")
        await operate(house, "trade", symbol="BTCUSDT", side="Buy", qty="0.01")
        await until(lambda: _agree(house))
        await until(lambda: _is(streams.live >= 2))
