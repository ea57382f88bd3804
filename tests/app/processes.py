"""Runs a worker or a scheduler for the tests, in a process of its own, with jobs made to be interrupted.

``python processes.py worker|scheduler``; addresses come from the environment like in production.
"""

import asyncio
import os
import signal
import sys
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

import holdfast.app.handlers
from holdfast.app import runner
from holdfast.platform import jobs
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Handler, RetryAt, RunAgainIn, Work


async def slow(work: Work) -> None:
    """Holds a database lock for as long as it runs: an overlap of two runs of one job cannot stay hidden."""
    async with work.database.engine.connect() as connection:
        alone = await connection.scalar(text("SELECT pg_try_advisory_lock(:job)"), {"job": work.lease.job_id})
        await note(work, "began" if alone else "OVERLAP")
        await asyncio.sleep(float(work.lease.subject.split(":")[1]))
        await note(work, "ended")


async def deadly(work: Work) -> None:
    await note(work, "began")
    os.kill(os.getpid(), signal.SIGKILL)


async def recurring(work: Work) -> None:
    await note(work, "began")
    raise RunAgainIn(0.5)


async def hesitant(work: Work) -> None:
    await note(work, "began")
    raise RetryAt(3600, "not now")


async def clumsy(work: Work) -> None:
    await note(work, "began")
    raise RuntimeError("cannot use api_secret=hunter2")


async def note(work: Work, what: str) -> None:
    async with work.database.transaction() as session:
        await session.execute(
            text("INSERT INTO notes (subject, what, fence) VALUES (:subject, :what, :fence)"),
            {"subject": work.lease.subject, "what": what, "fence": work.lease.fence},
        )


async def no_jobs(session: AsyncSession, now: datetime) -> None:
    return


HANDLERS: dict[str, Handler] = {
    "execution.slow": slow,
    "execution.deadly": deadly,
    "execution.hesitant": hesitant,
    "execution.clumsy": clumsy,
    "indices.recurring": recurring,
}


def main(role: str) -> None:
    holdfast.app.handlers.HANDLERS.clear()
    holdfast.app.handlers.HANDLERS.update(HANDLERS)
    settings = Settings()
    lease = float(os.environ.get("TEST_LEASE_SECONDS", jobs.LEASE.total_seconds()))
    jobs.LEASE, runner.RENEW_SECONDS = timedelta(seconds=lease), lease / 3
    if role == "worker":
        from holdfast.app import worker

        worker.main(settings, ["orders", "polling", "history", "backtests", "strategies"], 2)
    from holdfast.app import scheduler

    scheduler.ENSURE_JOBS = (no_jobs,)
    asyncio.run(scheduler.run(settings))


if __name__ == "__main__":
    main(sys.argv[1])
