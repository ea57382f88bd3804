"""The scheduler when the courier hangs: the rows stay free for everybody else, and due."""

import asyncio
import threading
from datetime import timedelta

import pytest

from holdfast.app import scheduler as schedulers
from holdfast.app.scheduler import Scheduler
from holdfast.platform import jobs
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database

CLOCK = SystemClock()


class HangingCourier:
    """Takes a message and does not come back before it is let go, as a Redis that was stopped."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def send_task(self, *_: object, **__: object) -> None:
        self.let_go.wait(30)


async def test_a_courier_that_hangs_holds_nobody_else_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedulers, "SEND_SECONDS", 0.3)
    courier = HangingCourier()
    async with database.transaction() as session:
        await jobs.enqueue(session, "execution.reconcile", "x", now=CLOCK.now())
    dispatching = asyncio.create_task(
        Scheduler(database, courier, CLOCK).dispatch()  # type: ignore[arg-type]
    )
    await asyncio.sleep(0.1)
    try:
        async with asyncio.timeout(20), database.transaction() as session:
            await jobs.enqueue(session, "execution.reconcile", "x", now=CLOCK.now())
        with pytest.raises(TimeoutError):
            await dispatching
    finally:
        courier.let_go.set()
    async with database.transaction() as session:
        due = await jobs.take_due(session, now=CLOCK.now() + timedelta(seconds=1))
    assert len(due) == 1
