"""The outbox: jobs are rows first. Redis and Celery only carry their ids.

Delivery is at least once; a handler owns its job through a lease with a fencing number, and every effect
of a handler is idempotent.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, case, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.platform.models import IdempotencyKey, Job

LEASE: Final = timedelta(seconds=12)
REDISPATCH_AFTER: Final = timedelta(seconds=10)
KEEP_FINISHED: Final = timedelta(days=7)
DEADLY_AFTER: Final = 3
"""From this many attempts on, a job whose worker died waits before it may take down another."""
LONGEST_BACKOFF: Final = timedelta(minutes=5)
CHANNEL: Final = "holdfast_jobs"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job until ``until``. A later holder has a larger ``fence``."""

    job_id: int
    kind: str
    subject: str
    fence: int
    attempts: int
    until: datetime


class LeaseLost(Exception):
    """Somebody else works on this job now: stop without touching anything."""


def backoff(attempts: int) -> timedelta:
    """1, 2, 4 … seconds, at most ``LONGEST_BACKOFF``."""
    return min(timedelta(seconds=2 ** min(max(attempts - 1, 0), 16)), LONGEST_BACKOFF)


async def enqueue(
    session: AsyncSession,
    kind: str,
    subject: str,
    *,
    now: datetime,
    run_at: datetime | None = None,
    fence: int = 0,
) -> None:
    """Add a job, or bring an open one of the same kind and subject forward. Commits with the caller.

    If that one is running now, it runs once more afterwards: what it has already read may be out of date.
    ``fence``: the largest number that a holder of an earlier such job may have written; a new one goes on
    from there.
    """
    due = run_at or now
    row = insert(Job).values(kind=kind, subject=subject, run_at=due, created_at=now, fence=fence)
    running = Job.lease_until.is_not(None)
    await session.execute(
        row.on_conflict_do_update(
            index_elements=[Job.kind, Job.subject],
            index_where=text("finished_at IS NULL"),
            set_={
                "run_at": case((running, Job.run_at), else_=func.least(Job.run_at, due)),
                "rerun_at": case((running, func.least(func.coalesce(Job.rerun_at, due), due))),
            },
        )
    )
    await session.execute(text(f"NOTIFY {CHANNEL}"))


async def hasten(session: AsyncSession, kind: str, subject: str, *, now: datetime) -> None:
    """Run a waiting job now; one that is running, or is not there, is left alone."""
    hastened = await session.execute(
        update(Job)
        .where(
            Job.kind == kind,
            Job.subject == subject,
            Job.finished_at.is_(None),
            Job.lease_until.is_(None),
            Job.run_at > now,
        )
        .values(run_at=now)
        .returning(Job.id)
    )
    if hastened.first() is not None:
        await session.execute(text(f"NOTIFY {CHANNEL}"))


async def take_due(
    session: AsyncSession, *, now: datetime, limit: int = 100, kinds: Collection[str] = ()
) -> list[tuple[int, str]]:
    """Mark due jobs as dispatched and return their (id, kind), longest due first. ``kinds``: only these.

    A job is due again if its dispatch or its lease went silent: a lost message or a killed worker.
    """
    not_running = or_(Job.lease_until.is_(None), Job.lease_until < now)
    not_under_way = or_(Job.dispatched_at.is_(None), Job.dispatched_at < now - REDISPATCH_AFTER)
    lease_expired = and_(
        Job.lease_until.is_not(None), Job.lease_until < now, Job.dispatched_at < Job.lease_until
    )
    due = (
        select(Job.id, Job.kind)
        .where(Job.finished_at.is_(None), Job.run_at <= now, not_running, or_(not_under_way, lease_expired))
        .order_by(Job.run_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if kinds:
        due = due.where(Job.kind.in_(kinds))
    rows = [(row.id, row.kind) for row in await session.execute(due)]
    if rows:
        await session.execute(update(Job).where(Job.id.in_([i for i, _ in rows])).values(dispatched_at=now))
    return rows


async def hold_back_deadly(session: AsyncSession, *, now: datetime) -> list[int]:
    """Make jobs wait whose worker died on them again and again; returns their ids."""
    deadly = (
        select(Job.id, Job.attempts)
        .where(Job.finished_at.is_(None), Job.lease_until < now, Job.attempts >= DEADLY_AFTER)
        .with_for_update(skip_locked=True)
    )
    rows = (await session.execute(deadly)).all()
    for row in rows:
        await session.execute(
            update(Job)
            .where(Job.id == row.id)
            .values(
                run_at=now + backoff(row.attempts),
                lease_until=None,
                dispatched_at=None,
                last_error=f"The worker died while working on this, {row.attempts} times in a row.",
            )
        )
    return [row.id for row in rows]


async def claim(session: AsyncSession, job_id: int, *, now: datetime) -> Lease | None:
    """Take the lease, or ``None`` if the job is finished, not due, or in somebody else's hands."""
    until = now + LEASE
    claimed = await session.execute(
        update(Job)
        .where(
            Job.id == job_id,
            Job.finished_at.is_(None),
            Job.run_at <= now,
            or_(Job.lease_until.is_(None), Job.lease_until < now),
        )
        .values(
            lease_until=until,
            fence=Job.fence + 1,
            attempts=Job.attempts + 1,
            rerun_at=case((Job.rerun_at > now, Job.rerun_at)),
        )
        .returning(Job.kind, Job.subject, Job.fence, Job.attempts)
    )
    row = claimed.one_or_none()
    return Lease(job_id, row.kind, row.subject, row.fence, row.attempts, until) if row else None


async def renew(session: AsyncSession, lease: Lease, *, now: datetime) -> None:
    """Extend the lease.

    Raises:
        LeaseLost: a later holder exists.
    """
    await _owned(session, lease, lease_until=now + LEASE)


async def finish(session: AsyncSession, lease: Lease, *, now: datetime) -> None:
    """The job is done, unless it was asked for again in the meantime.

    Raises:
        LeaseLost: it was not ours to finish.
    """
    await _owned(
        session,
        lease,
        finished_at=case((Job.rerun_at.is_(None), now)),
        run_at=func.coalesce(Job.rerun_at, Job.run_at),
        **_IDLE,
        attempts=0,
        last_error="",
    )


async def run_again(session: AsyncSession, lease: Lease, *, run_at: datetime, reason: str = "") -> None:
    """Give the job back as its handler wished; this counts as no accident. Raises ``LeaseLost``."""
    due = func.least(run_at, func.coalesce(Job.rerun_at, run_at))
    await _owned(session, lease, run_at=due, **_IDLE, attempts=0, last_error=reason[:500])


async def retry_later(session: AsyncSession, lease: Lease, *, run_at: datetime, error: str) -> None:
    """Give the job back after an accident, to be run again at ``run_at``. Raises ``LeaseLost``."""
    await _owned(session, lease, run_at=run_at, **_IDLE, last_error=error[:500])


async def forget_old(session: AsyncSession, *, now: datetime) -> None:
    """Drop finished jobs and idempotency keys that nobody will ask about any more."""
    await session.execute(delete(Job).where(Job.finished_at < now - KEEP_FINISHED))
    await session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEEP_FINISHED))


_IDLE: Final[dict[str, None]] = {"lease_until": None, "dispatched_at": None, "rerun_at": None}


async def _owned(session: AsyncSession, lease: Lease, **values: object) -> None:
    done = await session.execute(
        update(Job)
        .where(Job.id == lease.job_id, Job.fence == lease.fence, Job.finished_at.is_(None))
        .values(**values)
        .returning(Job.id)
    )
    if done.one_or_none() is None:
        raise LeaseLost(f"job {lease.job_id} ({lease.kind})")
