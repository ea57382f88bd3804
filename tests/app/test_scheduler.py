"""The scheduler when the courier hangs, and when a queue is full: the rows stay free for others, and due."""

import asyncio
import threading
from datetime import timedelta

import pytest
from redis.asyncio import Redis

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
    database: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedulers, "SEND_SECONDS", 0.3)
    courier = HangingCourier()
    async with database.transaction() as session:
        await jobs.enqueue(session, "execution.reconcile", "x", now=CLOCK.now())
    dispatching = asyncio.create_task(
        Scheduler(database, redis, courier, CLOCK).dispatch()  # type: ignore[arg-type]
    )
    await asyncio.sleep(0.1)
    try:
        async with asyncio.timeout(30), database.transaction() as session:
            await jobs.enqueue(session, "execution.reconcile", "x", now=CLOCK.now())
        with pytest.raises(TimeoutError):
            await dispatching
    finally:
        courier.let_go.set()
    async with database.transaction() as session:
        due = await jobs.take_due(session, now=CLOCK.now() + timedelta(seconds=1))
    assert len(due) == 1


class Counting:
    """Remembers what was sent, by queue."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []

    def send_task(self, _name: str, *, args: list[int], queue: str, **_: object) -> None:
        self.sent.append((queue, args[0]))


async def test_a_full_queue_leaves_its_jobs_in_their_rows_oldest_first(
    database: Database, redis: Redis
) -> None:
    courier, now = Counting(), CLOCK.now()
    for number in range(schedulers.ROOM["history"] - 1):
        await redis.lpush("history", f"message {number}")
    async with database.transaction() as session:
        for kind, age in (("market.backfill_candles", 1), ("charts.read_dataset", 60), ("news.poll", 1)):
            await jobs.enqueue(session, kind, "s", now=now, run_at=now - timedelta(seconds=age))
    scheduler = Scheduler(database, redis, courier, CLOCK)  # type: ignore[arg-type]

    assert await scheduler.dispatch() == 2
    assert sorted(courier.sent) == [("history", 2), ("polling", 3)]
    await redis.lpush("history", "the message of job 2")
    assert await scheduler.dispatch() == 0
    await redis.delete("history")
    assert await scheduler.dispatch() == 1
    assert courier.sent[-1] == ("history", 1)
