"""Takes due jobs from PostgreSQL and hands their ids to the courier.

Any number of schedulers may run: SKIP LOCKED gives each job to one of them.
"""

import asyncio
import time
from contextlib import suppress
from typing import Final

import asyncpg
import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from holdfast.app.courier import RUN_JOB, celery_app, waiting
from holdfast.app.handlers import (
    BACKTESTS,
    ENSURE_JOBS,
    HISTORY,
    ORDERS,
    POLLING,
    STRATEGIES,
    kinds_of,
    queue_of,
)
from holdfast.core.time import Clock
from holdfast.platform import jobs
from holdfast.platform.background import cancel
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.processes import announce_ready
from holdfast.platform.redis_client import open_redis
from holdfast.platform.settings import Settings

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 1.0
BATCH: Final = 100
ROOM: Final = {ORDERS: 2 * BATCH, POLLING: 2 * BATCH, HISTORY: 4, BACKTESTS: 4, STRATEGIES: BATCH}
"""How many messages may stand in a queue. What waits in a row comes in the order in which it became due, and
once; in a queue it would stand behind whatever was sent again meanwhile, and a queue that nobody serves would
fill Redis. A job of history, or a back-test, takes seconds, so a few are enough to keep its worker busy."""
SEND_SECONDS: Final = 5.0
"""A courier that hangs must not hold the rows it was given: whoever asks for these jobs would wait too."""
HOUSEKEEPING_SECONDS: Final = 3600.0
_OUTAGES: Final = (
    SQLAlchemyError,
    OperationalError,
    RedisError,
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
)


async def run(settings: Settings) -> None:
    """Run the scheduler until cancelled."""
    database = Database(settings.database_url, pool_size=2)
    redis = open_redis(settings.redis_url)
    try:
        await Scheduler(database, redis, celery_app(settings), SystemClock()).run()
    finally:
        await redis.aclose()
        await database.close()


class Scheduler:
    """Woken by NOTIFY, and by the clock once a second."""

    def __init__(self, database: Database, redis: Redis, courier: Celery, clock: Clock) -> None:
        self._database = database
        self._redis = redis
        self._courier = courier
        self._clock = clock
        self._wake = asyncio.Event()
        self._tidied = -HOUSEKEEPING_SECONDS

    async def run(self) -> None:
        listening = asyncio.create_task(self._listen())
        try:
            await self._ensure_jobs()
            announce_ready()
            while True:
                await self._turn()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
                self._wake.clear()
        finally:
            await cancel([listening])

    async def _ensure_jobs(self) -> None:
        """Start-up is recovery: every room says which jobs must exist."""
        while True:
            try:
                async with self._database.transaction() as session:
                    for ensure in ENSURE_JOBS:
                        await ensure(session, self._clock.now())
                return
            except _OUTAGES as error:
                log.warning("PostgreSQL does not answer", error=type(error).__name__)
                await asyncio.sleep(POLL_SECONDS)

    async def _turn(self) -> None:
        try:
            while await self.dispatch() >= BATCH:
                continue
            await self._tidy()
        except _OUTAGES as error:
            log.warning("jobs could not be dispatched and will be", error=type(error).__name__)

    async def dispatch(self) -> int:
        """Send what is due and has room in its queue. If the courier refuses, the rows stay due; if we die
        here, they are due again."""
        now = self._clock.now()
        standing = await waiting(self._redis)
        async with self._database.transaction() as session:
            for job_id in await jobs.hold_back_deadly(session, now=now):
                log.error("a job kills its workers and is held back", job=job_id)
            due = []
            for queue, room in ROOM.items():
                free = min(BATCH, room - standing[queue])
                if free > 0:
                    due += await jobs.take_due(session, now=now, limit=free, kinds=kinds_of(queue))
            if due:
                async with asyncio.timeout(SEND_SECONDS):
                    await asyncio.to_thread(self._send, due)
        return len(due)

    def _send(self, due: list[tuple[int, str]]) -> None:
        for job_id, kind in due:
            self._courier.send_task(RUN_JOB, args=[job_id], queue=queue_of(kind), retry=False)

    async def _tidy(self) -> None:
        if time.monotonic() - self._tidied < HOUSEKEEPING_SECONDS:
            return
        async with self._database.transaction() as session:
            await jobs.forget_old(session, now=self._clock.now())
        self._tidied = time.monotonic()

    async def _listen(self) -> None:
        """While this connection is down, the clock alone wakes us."""
        while True:
            try:
                connection = await asyncpg.connect(self._database.listen_url)
                closed = asyncio.Event()
                connection.add_termination_listener(lambda *_, closed=closed: closed.set())
                await connection.add_listener(jobs.CHANNEL, lambda *_: self._wake.set())
                self._wake.set()
                await closed.wait()
            except _OUTAGES as error:
                log.warning("not listening for jobs", error=type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)
