"""What an account stream says reaches the rows at once, leads to a reconciliation where it must, and a stream
that does not tell everything is opened anew."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from tests.execution.conftest import Desk
from tests.execution.test_incidents import shown
from tests.execution.test_reconcile import reconciled

from holdfast.accounts.models import Connection
from holdfast.core.instruments import Side
from holdfast.execution.models import Order
from holdfast.execution.reconciliation.silence import Told, untold
from holdfast.execution.reconciliation.watch import Patience, Watcher
from holdfast.platform.models import Job
from holdfast.portfolio.models import Fill
from holdfast.venues.protocol import (
    AccountEvent,
    FillReport,
    OrderReport,
    OrderStatus,
    StreamConnected,
    StreamGap,
    StreamLost,
)

QUICK = Patience(look_again=0.02, after_failure=0.0, untold=10.0, lost=60.0)


@dataclass
class Stream:
    """Hands on what a test puts in; ``opened`` counts how often somebody began to listen."""

    events: asyncio.Queue[AccountEvent | Exception] = field(default_factory=asyncio.Queue)
    opened: int = 0

    async def open(self, _: UUID) -> AsyncIterator[AccountEvent]:
        return self._listen()

    async def _listen(self) -> AsyncIterator[AccountEvent]:
        self.opened += 1
        while True:
            event = await self.events.get()
            if isinstance(event, Exception):
                raise event
            yield event

    def say(self, *events: AccountEvent | Exception) -> None:
        for event in events:
            self.events.put_nowait(event)


@asynccontextmanager
async def watching(desk: Desk, patience: Patience = QUICK) -> AsyncIterator[Stream]:
    stream = Stream()
    task = asyncio.create_task(Watcher(desk.database, desk.clock, stream.open, patience=patience).run())
    try:
        yield stream
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def until(true: Callable[[], object]) -> None:
    """``true`` may be a coroutine function; it comes to hold, or the test fails."""
    async with asyncio.timeout(30):
        while not await true():  # type: ignore[misc]
            await asyncio.sleep(0.02)


async def asked(desk: Desk) -> list[str]:
    async with desk.database.sessions() as session:
        rows = await session.scalars(select(Job).where(Job.kind == "execution.reconcile"))
        return [job.subject for job in rows if job.finished_at is None]


async def answered(desk: Desk) -> None:
    """What a worker does with the request."""
    async with desk.database.transaction() as session:
        for job in await session.scalars(select(Job).where(Job.kind == "execution.reconcile")):
            job.finished_at = desk.clock.now()


async def unsure_since(desk: Desk):
    async with desk.database.sessions() as session:
        return (await session.get_one(Connection, desk.connection_id)).unsure_since


def fill(desk: Desk, client_id: str, exec_id: str = "s1") -> FillReport:
    one = Decimal(1)
    return FillReport(
        exec_id, "v1", client_id, "BTCUSDT", Side.BUY, "Trade", one, one, one, "USDT", False, desk.clock.now()
    )


async def waiting_order(desk: Desk) -> Order:
    """An order that was sent, and of which nothing has been heard."""
    execution_id = await desk.confirm(await desk.plan())
    async with desk.database.transaction() as session:
        order = (await session.scalars(select(Order).where(Order.execution_id == execution_id))).first()
        assert order is not None
        order.state, order.sent_at = "sent", desk.clock.now()
    return order


async def state_of(desk: Desk, order: Order) -> tuple[str, Decimal]:
    async with desk.database.sessions() as session:
        row = await session.get_one(Order, order.id)
    return row.state, row.filled_quantity


@pytest.mark.parametrize("event", [StreamConnected(), StreamGap("unreadable"), StreamLost("reset")])
async def test_whatever_may_have_hidden_something_is_doubted_and_reconciled(desk: Desk, event: AccountEvent):
    async with watching(desk) as stream:
        stream.say(event)
        await until(lambda: asked(desk))
        assert await unsure_since(desk) is not None
    await reconciled(desk)
    assert await unsure_since(desk) is None


async def test_a_trade_outside_asks_for_a_reconciliation_without_doubt(desk: Desk):
    async with watching(desk) as stream:
        stream.say(fill(desk, ""))
        await until(lambda: asked(desk))
        assert await unsure_since(desk) is None


async def test_our_own_order_learns_at_once_and_the_same_words_twice_change_nothing(desk: Desk):
    order = await waiting_order(desk)
    half = replace(fill(desk, order.client_id), quantity=order.quantity / 2)
    rest = replace(half, exec_id="s2")
    report = OrderReport(
        order.client_id,
        "v1",
        "BTCUSDT",
        Side.BUY,
        OrderStatus.FILLED,
        order.quantity,
        order.quantity,
        Decimal(100),
        "",
        desk.clock.now(),
    )
    async with watching(desk) as stream:
        stream.say(half, half)
        await until(lambda: is_now(desk, order, ("partially_filled", order.quantity / 2)))
        stream.say(rest, report, half, report)
        await until(lambda: is_now(desk, order, ("filled", order.quantity)))
        await until(lambda: _empty(stream))
        assert await asked(desk) == [], "the executor knows already"
    async with desk.database.sessions() as session:
        assert len((await session.scalars(select(Fill))).all()) == 2


async def is_now(desk: Desk, order: Order, wanted: tuple[str, Decimal]) -> bool:
    return await state_of(desk, order) == wanted


async def _empty(stream: Stream) -> bool:
    return stream.events.empty()


async def test_an_execution_that_waits_is_woken_by_what_it_waits_for(desk: Desk):
    order = await waiting_order(desk)
    later = desk.clock.now() + timedelta(minutes=5)
    async with desk.database.transaction() as session:
        for job in await session.scalars(select(Job).where(Job.kind == "execution.run")):
            job.run_at = later
    async with watching(desk) as stream:
        stream.say(fill(desk, order.client_id))
        await until(lambda: _due(desk, order))


async def _due(desk: Desk, order: Order) -> bool:
    async with desk.database.sessions() as session:
        found = await session.scalars(select(Job).where(Job.subject == str(order.execution_id)))
        return [job.run_at <= desk.clock.now() for job in found] == [True]


async def test_a_stream_that_breaks_asks_too_and_is_opened_again(desk: Desk):
    async with watching(desk) as stream:
        stream.say(ValueError("unreadable"))
        await until(lambda: asked(desk))
        async with asyncio.timeout(30):
            while stream.opened < 2:
                await asyncio.sleep(0.02)


async def test_it_outlives_a_database_that_does_not_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    sessions, failures = desk.database.sessions, []

    def away():
        failures.append(1)
        if len(failures) == 3:
            desk.database.sessions = sessions
        raise OperationalError("SELECT", {}, ConnectionError("gone"))

    monkeypatch.setattr(desk.database, "sessions", away)
    async with watching(desk) as stream:
        stream.say(StreamConnected())
        async with asyncio.timeout(30):
            while len(failures) < 3:
                await asyncio.sleep(0.01)
        await until(lambda: asked(desk))


async def test_what_could_not_be_written_is_owed_and_asked_for_later(desk: Desk):
    order = await waiting_order(desk)
    failing = True
    transaction = desk.database.transaction

    def sometimes():
        if failing:
            raise OperationalError("UPDATE", {}, ConnectionError("gone"))
        return transaction()

    desk.database.transaction = sometimes  # type: ignore[method-assign]
    async with watching(desk) as stream:
        stream.say(fill(desk, order.client_id))
        await until(lambda: _empty(stream))
        await asyncio.sleep(0.1)
        failing = False
        await until(lambda: asked(desk))
        assert stream.opened == 1, "the stream itself was well"


async def booked_by_rest(desk: Desk) -> None:
    """A trade the stream should have told, found by a reconciliation."""
    desk.venue.trade_by_hand("ETHUSDT", Side.SELL, "0.3")
    await reconciled(desk)


async def test_a_stream_that_pings_and_keeps_silent_is_opened_anew(desk: Desk):
    await reconciled(desk)
    async with watching(desk) as stream:
        stream.say(StreamConnected())
        await until(lambda: asked(desk))
        await answered(desk)
        desk.clock.moment += timedelta(seconds=30)
        await booked_by_rest(desk)
        desk.clock.moment += timedelta(seconds=5)
        await asyncio.sleep(0.2)
        assert stream.opened == 1, "it may be late, a little"
        desk.clock.moment += timedelta(seconds=6)
        async with asyncio.timeout(30):
            while stream.opened < 2:
                await asyncio.sleep(0.02)
        assert await asked(desk), "what else it kept to itself is read"
        stream.say(StreamConnected())
        await asyncio.sleep(0.2)
        assert stream.opened == 2, "what was before it began is nothing it must tell"


async def test_a_stream_that_tells_everything_is_left_alone(desk: Desk):
    await reconciled(desk)
    async with watching(desk) as stream:
        stream.say(StreamConnected())
        await until(lambda: asked(desk))
        desk.clock.moment += timedelta(seconds=30)
        await booked_by_rest(desk)
        stream.say(*desk.venue.fills)
        desk.clock.moment += timedelta(seconds=20)
        await asyncio.sleep(0.2)
        assert stream.opened == 1


async def test_each_topic_is_watched_by_itself(desk: Desk):
    """Executions are told, orders are not: the stream is silent all the same."""
    since = desk.clock.now()
    desk.clock.moment += timedelta(seconds=30)
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == "complete"
    told = Told(fills={fill.exec_id: desk.clock.now() for fill in desk.venue.fills})
    desk.clock.moment += timedelta(seconds=11)

    async def silent() -> dict[UUID, str]:
        async with desk.database.sessions() as session:
            live = {desk.connection_id: (since, told)}
            grace, clocks = timedelta(seconds=10), timedelta(seconds=5)
            return await untold(session, live, now=desk.clock.now(), grace=grace, clocks=clocks)

    assert "an order in" in (await silent())[desk.connection_id]
    told.orders = {name: desk.clock.now() for name in desk.venue.orders}
    assert await silent() == {}
    told.fills = {}
    assert "a trade in" in (await silent())[desk.connection_id]


async def test_a_stream_away_for_long_is_told_until_it_is_back(desk: Desk):
    async with watching(desk) as stream:
        stream.say(StreamLost("Bybit closed the connection"))
        await until(lambda: asked(desk))
        assert await shown(desk) == [], "not for a moment"
        desk.clock.moment += timedelta(seconds=61)
        await until(lambda: shown(desk))
        (told,) = await shown(desk)
        assert (told.kind, told.settled_at) == ("stream_lost", None)
        stream.say(StreamConnected())
        await until(lambda: _settled(desk))


async def _settled(desk: Desk) -> bool:
    return all(view.settled_at for view in await shown(desk))
