"""Runs one job: claim, carry out under a renewed lease, say how it ended."""

import asyncio
import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from holdfast.core.time import Clock
from holdfast.platform import jobs
from holdfast.platform.background import cancel
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease, LeaseLost
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Handler, RetryAt, RunAgainIn, Work
from holdfast.platform.telemetry import clean_text

log = structlog.get_logger(__name__)

RENEW_SECONDS: Final = 4.0
LONGEST_RUN_SECONDS: Final = 600.0
GRACE_SECONDS: Final = 3.0
UNKNOWN_KIND_SECONDS: Final = 60.0


class JobRunner:
    """One per worker process; one job at a time. ``stopping``: give the job back, we are asked to leave."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        database: Database,
        redis: Redis,
        settings: Settings,
        clock: Clock,
        stopping: asyncio.Event,
    ) -> None:
        self._handlers = handlers
        self._database = database
        self._redis = redis
        self._settings = settings
        self._clock = clock
        self._stopping = stopping
        self.services: dict[str, Any] = {}

    async def run(self, job_id: int) -> None:
        """Do the job if it is still to be done and nobody else is doing it."""
        if self._stopping.is_set():
            return
        async with self._database.transaction() as session:
            lease = await jobs.claim(session, job_id, now=self._clock.now())
        if lease is None:
            return
        with structlog.contextvars.bound_contextvars(
            job=lease.job_id, kind=lease.kind, subject=lease.subject
        ):
            await self._carry_out(lease)

    async def _carry_out(self, lease: Lease) -> None:
        handler = asyncio.create_task(self._handle(lease))
        renewing = asyncio.create_task(self._keep_lease(lease))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait(
                {handler, renewing, stopping},
                timeout=LONGEST_RUN_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if stopping.done() and not handler.done():
                await asyncio.wait(
                    {handler, renewing}, timeout=GRACE_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
            if renewing.done():
                log.warning("lease lost: somebody else goes on with this job")
                return
            await cancel([handler])
            await self._settle(lease, handler, asked_to_stop=stopping.done())
        finally:
            await cancel([handler, renewing, stopping])

    async def _handle(self, lease: Lease) -> None:
        handler = self._handlers.get(lease.kind)
        if handler is None:
            raise RetryAt(UNKNOWN_KIND_SECONDS, f"this version of Holdfast knows no job {lease.kind!r}")
        work = Work(lease, self._database, self._redis, self._settings, self._clock, self.services)
        await handler(work)

    async def _keep_lease(self, lease: Lease) -> None:
        """Returns only when the lease is lost, or may be because PostgreSQL has not answered for too long."""
        held_until = lease.until
        while self._clock.now() < held_until:
            await asyncio.sleep(RENEW_SECONDS)
            now = self._clock.now()
            try:
                async with asyncio.timeout(RENEW_SECONDS), self._database.transaction() as session:
                    await jobs.renew(session, lease, now=now)
                held_until = now + jobs.LEASE
            except LeaseLost:
                return
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("the lease could not be renewed", error=type(error).__name__)

    async def _settle(self, lease: Lease, handler: asyncio.Task[None], *, asked_to_stop: bool) -> None:
        """Write down how the handler ended. If that fails, the lease runs out and the job comes again."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            try:
                await self._write_outcome(session, lease, handler, asked_to_stop)
            except LeaseLost:
                log.warning("lease lost at the very end: somebody else goes on with this job")
        log.debug("job settled", ms=round((self._clock.now() - now).total_seconds() * 1000))

    async def _write_outcome(
        self, session: Any, lease: Lease, handler: asyncio.Task[None], asked_to_stop: bool
    ) -> None:
        now = self._clock.now()
        if handler.cancelled():
            reason = "" if asked_to_stop else f"This took more than {LONGEST_RUN_SECONDS:.0f} seconds."
            await jobs.run_again(session, lease, run_at=now, reason=reason)
            return
        error = handler.exception()
        match error:
            case None:
                await jobs.finish(session, lease, now=now)
            case RunAgainIn():
                await jobs.run_again(session, lease, run_at=now + timedelta(seconds=error.seconds))
            case RetryAt():
                log.info("job will be tried again", seconds=error.seconds, reason=error.reason)
                run_at = now + timedelta(seconds=error.seconds)
                await jobs.run_again(session, lease, run_at=run_at, reason=clean_text(error.reason))
            case _:
                log.error("job failed", attempts=lease.attempts, exc_info=error)
                run_at = now + jobs.backoff(lease.attempts) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
                reason = clean_text(f"{type(error).__name__}: {error}")
                await jobs.retry_later(session, lease, run_at=run_at, error=reason)
