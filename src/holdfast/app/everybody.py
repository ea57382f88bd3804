"""Closes everybody's positions with PostgreSQL alone: no worker, no Redis and no API has to be there.

A handful of hands carry the jobs out in this process, side by side, so that nobody waits for somebody else's
venue, nor for those who cannot be begun with yet. Leases and the locks of the connections keep them, and
workers that are there after all, apart.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from redis.asyncio import Redis
from sqlalchemy import distinct, or_, select

from holdfast.app.handlers import HANDLERS
from holdfast.app.operator import DATABASE_SECONDS, LOCKED_SECONDS, OUTAGES, Report, database_answers
from holdfast.app.runner import GRACE_SECONDS, JobRunner
from holdfast.core.errors import HoldfastError
from holdfast.core.time import Clock
from holdfast.execution.emergency.offline import IN_FLIGHT
from holdfast.execution.risk import flatten, gate_books
from holdfast.execution.risk.models import Flatten
from holdfast.execution.risk.schemas import NewFlatten
from holdfast.platform.background import cancel
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import LONGEST_SILENCE, Database
from holdfast.platform.models import Job
from holdfast.platform.redis_client import open_redis
from holdfast.platform.settings import Settings
from holdfast.portfolio.models import Sleeve

log = structlog.get_logger(__name__)

HANDS: Final = 6
LOOK_AGAIN: Final = 0.2
_CARRIED: Final = ("execution.run", "execution.flatten")


async def flatten_everybody(settings: Settings, *, by: str, seconds: float) -> Report | None:
    """Close what everybody's positions own, for at most ``seconds``.

    Returns:
        What came of it; ``lost`` if PostgreSQL went away half-way: nothing that was sent here is on its way
        to a venue any more then. ``None``: PostgreSQL did not answer from the beginning.
    """
    database = Database(settings.database_url, pool_size=2 * HANDS, idle_seconds=LONGEST_SILENCE)
    redis = open_redis(settings.redis_url)
    crew = _Crew(settings, database, redis, SystemClock())
    try:
        try:
            users = await _with_positions(database)
        except OUTAGES:
            return None
        with suppress(*OUTAGES):
            async with crew.at_work():
                ids, problems = await _begin(database, settings, users, by=by)
                await crew.see_ended(ids, seconds)
            async with asyncio.timeout(DATABASE_SECONDS):
                report = await _report(database, ids)
            report.failed += problems
            return report
        await asyncio.sleep(IN_FLIGHT.total_seconds())
        return Report(lost=True)
    finally:
        await crew.close()
        await redis.aclose()
        with suppress(TimeoutError):
            async with asyncio.timeout(DATABASE_SECONDS):
                await database.close()


@dataclass(slots=True)
class _Crew:
    """Hands of this process that carry out what is due. They share their venue clients and rate budgets."""

    settings: Settings
    database: Database
    redis: Redis
    clock: Clock
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    services: dict[str, Any] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)

    async def see_ended(self, ids: list[UUID], seconds: float) -> None:
        """Until these flattenings have ended, or time is up.

        Raises:
            SQLAlchemyError, OSError, TimeoutError: PostgreSQL does not answer any more.
        """
        deadline = self.clock.now() + timedelta(seconds=seconds)
        while self.clock.now() < deadline:
            try:
                async with asyncio.timeout(DATABASE_SECONDS):
                    if not await _running(self.database, ids):
                        return
            except OUTAGES:
                if not await database_answers(self.settings):
                    raise
            await asyncio.sleep(LOOK_AGAIN)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Whatever is due is carried out meanwhile, and nothing of it goes on afterwards."""
        hands = [asyncio.create_task(self._hand()) for _ in range(HANDS)]
        try:
            yield
        finally:
            self.stopping.set()
            await asyncio.wait(hands, timeout=GRACE_SECONDS + DATABASE_SECONDS)
            await cancel(hands)

    async def _hand(self) -> None:
        runner = JobRunner(HANDLERS, self.database, self.redis, self.settings, self.clock, self.stopping)
        runner.services = self.services
        while not self.stopping.is_set():
            try:
                job_id = await self._next()
                if job_id is not None:
                    try:
                        await runner.run(job_id)
                    finally:
                        self.taken.discard(job_id)
            except OUTAGES as error:
                log.warning("a job could not be carried out", error=type(error).__name__)
            await asyncio.sleep(LOOK_AGAIN)

    async def _next(self) -> int | None:
        """The job that is due for the longest, and nobody has in hand."""
        now = self.clock.now()
        due = (
            select(Job.id)
            .where(
                Job.kind.in_(_CARRIED),
                Job.finished_at.is_(None),
                Job.run_at <= now,
                or_(Job.lease_until.is_(None), Job.lease_until < now),
            )
            .order_by(Job.run_at)
            .limit(2 * HANDS)
        )
        async with self.database.sessions() as session:
            found = list(await session.scalars(due))
        job_id = next((one for one in found if one not in self.taken), None)
        if job_id is not None:
            self.taken.add(job_id)
        return job_id

    async def close(self) -> None:
        for service in self.services.values():
            if hasattr(service, "close"):
                await service.close()


async def _with_positions(database: Database) -> list[UUID]:
    """The users who have a position that is not over."""
    async with asyncio.timeout(DATABASE_SECONDS), database.sessions() as session:
        living = select(distinct(Sleeve.user_id)).where(Sleeve.state.not_in(gate_books.OVER))
        return list(await session.scalars(living))


async def _begin(
    database: Database, settings: Settings, users: list[UUID], *, by: str
) -> tuple[list[UUID], list[str]]:
    """A flattening for each of the ``users``, and in words for whom there is none. Each beginning has its own
    time, however many there are; one that has to wait keeps nobody else waiting.

    Raises:
        SQLAlchemyError, OSError, TimeoutError: PostgreSQL does not answer any more.
    """
    ids: list[UUID] = []
    left = users
    for patience in (DATABASE_SECONDS, LOCKED_SECONDS):
        waiting, left = left, []
        for user_id in waiting:
            try:
                ids.append(await _begin_one(database, user_id, by=by, patience=patience))
            except (HoldfastError, *OUTAGES) as error:
                # A refusal concerns nobody else: the user may have lifted a stop at this very moment.
                if isinstance(error, OUTAGES) and not await database_answers(settings):
                    raise
                log.warning("a flattening could not begin", user=str(user_id), error=type(error).__name__)
                left.append(user_id)
    return ids, [f"user {str(one)[:8]}: nothing of theirs was closed. Run this again." for one in left]


async def _begin_one(database: Database, user_id: UUID, *, by: str, patience: float) -> UUID:
    async with asyncio.timeout(patience), database.transaction() as session:
        wanted = NewFlatten(scope="user")
        return (await flatten.start(session, user_id, wanted, by=by, now=SystemClock().now())).id


async def _running(database: Database, ids: list[UUID]) -> bool:
    async with database.sessions() as session:
        open_one = select(Flatten.id).where(Flatten.id.in_(ids), Flatten.finished_at.is_(None)).limit(1)
        return await session.scalar(open_one) is not None


async def _report(database: Database, ids: list[UUID]) -> Report:
    report = Report()
    async with database.sessions() as session:
        for flatten_id in ids:
            row = await session.get_one(Flatten, flatten_id)
            view = await flatten.users_flatten(session, row.user_id, flatten_id)
            for one in view.positions:
                line = f"position {str(one.position_id)[:8]}: {one.text or one.state}"
                (report.done if one.state == "done" else report.failed).append(line)
    return report
