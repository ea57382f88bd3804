"""What an account stream says leads to a reconciliation, and only what matters does."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from tests.execution.conftest import Desk

from holdfast.core.instruments import Side
from holdfast.execution import watch
from holdfast.execution.ids import PREFIX
from holdfast.execution.watch import Watcher, worth_a_look
from holdfast.platform.models import Job
from holdfast.venues.protocol import AccountEvent, FillReport, StreamConnected, StreamGap, StreamLost

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def fill(client_id: str) -> FillReport:
    one = Decimal(1)
    return FillReport("e1", "v1", client_id, "BTCUSDT", Side.BUY, "Trade", one, one, one, "USDT", False, NOW)


@pytest.mark.parametrize(
    ("event", "matters"),
    [
        (StreamConnected(), True),
        (StreamGap("unreadable"), True),
        (StreamLost("reset"), False),
        (fill(""), True),
        (fill("web-1"), True),
        (fill(f"{PREFIX}abc"), False),
    ],
)
def test_which_events_matter(event: AccountEvent, matters: bool):
    assert worth_a_look(event) is matters


async def jobs(desk: Desk) -> list[str]:
    async with desk.database.sessions() as session:
        return [
            job.subject for job in await session.scalars(select(Job).where(Job.kind == "execution.reconcile"))
        ]


async def until_asked(desk: Desk) -> list[str]:
    async with asyncio.timeout(10):
        while not (asked := await jobs(desk)):
            await asyncio.sleep(0.05)
    return asked


async def running(desk: Desk, events: AsyncIterator[AccountEvent]) -> asyncio.Task[None]:
    async def stream(_: UUID) -> AsyncIterator[AccountEvent]:
        return events

    return asyncio.create_task(Watcher(desk.database, desk.clock, stream).run())


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_trade_outside_asks_for_a_reconciliation(desk: Desk):
    async def events() -> AsyncIterator[AccountEvent]:
        yield fill(f"{PREFIX}ours")
        yield fill("")
        await asyncio.sleep(60)

    task = await running(desk, events())
    assert await until_asked(desk) == [str(desk.connection_id)]
    await ended(task)


async def test_a_stream_that_breaks_asks_too_and_is_opened_again(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "LOOK_AGAIN", 0.05)
    monkeypatch.setattr(watch, "AFTER_FAILURE", 0.0)
    opened = []

    async def breaks() -> AsyncIterator[AccountEvent]:
        opened.append(1)
        raise ValueError("unreadable")
        yield StreamConnected()

    async def stream(_: UUID) -> AsyncIterator[AccountEvent]:
        return breaks()

    task = asyncio.create_task(Watcher(desk.database, desk.clock, stream).run())
    assert await until_asked(desk) == [str(desk.connection_id)]
    async with asyncio.timeout(10):
        while len(opened) < 2:
            await asyncio.sleep(0.05)
    await ended(task)


async def test_it_outlives_a_database_that_does_not_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "LOOK_AGAIN", 0.02)
    monkeypatch.setattr(watch, "AFTER_FAILURE", 0.0)
    sessions, failures = desk.database.sessions, []

    def away():
        failures.append(1)
        if len(failures) == 3:
            desk.database.sessions = sessions
        raise OperationalError("SELECT", {}, ConnectionError("gone"))

    async def events() -> AsyncIterator[AccountEvent]:
        yield StreamConnected()
        await asyncio.sleep(60)

    monkeypatch.setattr(desk.database, "sessions", away)
    task = await running(desk, events())
    async with asyncio.timeout(10):
        while len(failures) < 3:
            await asyncio.sleep(0.01)
    assert await until_asked(desk) == [str(desk.connection_id)]
    await ended(task)
