"""Guards of whoever works: leases, locks, their numbers and fencing."""

import asyncio
from typing import Any

from sqlalchemy import or_, update

from holdfast.accounts.models import Connection
from holdfast.app.runner import JobRunner
from holdfast.execution import locks, repository
from holdfast.execution.executor import Executor
from holdfast.execution.reconciliation import reconcile
from holdfast.platform import jobs
from holdfast.platform.models import Job
from holdfast.torture.mutations.registry import Change, mutation


@mutation("fencing numbers are not compared")
def no_fencing() -> list[Change]:
    return _fencing_ignored()


@mutation("the lease of a job is not looked at: several workers may do it at once")
def lease_ignored() -> list[Change]:
    return _lease_ignored()


@mutation("the lock of a connection is not looked at")
def connection_lock_ignored() -> list[Change]:
    return _lock_ignored()


@mutation("the number of a lock's holder is not compared")
def lock_numbers_ignored() -> list[Change]:
    return _numbers_ignored()


@mutation("neither the lease of a job nor the lock of a connection is looked at: fencing is left")
def fencing_alone() -> list[Change]:
    return [*_lease_ignored(), *_lock_ignored()]


@mutation("neither the lease of a job nor fencing numbers are looked at: the connection's lock is left")
def lock_alone() -> list[Change]:
    return [*_lease_ignored(), *_fencing_ignored()]


@mutation("no fencing number is compared, and a lost lease ends nobody: whoever wakes late goes on")
def every_fence_ignored() -> list[Change]:
    return _every_fence_ignored()


def _every_fence_ignored() -> list[Change]:
    return [*_fencing_ignored(), *_numbers_ignored(), *_lost_lease_ignored()]


@mutation("neither leases, nor the locks of connections, nor any fencing number are looked at")
def no_ownership_at_all() -> list[Change]:
    return [*_lease_ignored(), *_lock_ignored(), *_every_fence_ignored()]


def _fencing_ignored() -> list[Change]:
    return [(repository, "is_taken_over", lambda *_: False)]


def _lost_lease_ignored() -> list[Change]:
    async def keep(self: Any, lease: Any) -> None:
        await original(self, lease)
        await asyncio.Event().wait()

    original = JobRunner._keep_lease
    return [(JobRunner, "_keep_lease", keep)]


def _lease_ignored() -> list[Change]:
    async def claim(session: Any, job_id: int, *, now: Any) -> Any:
        await session.execute(
            update(Job)
            .where(Job.id == job_id, or_(Job.lease_until.is_(None), Job.lease_until >= now))
            .values(lease_until=None)
        )
        return await original(session, job_id, now=now)

    async def take_due(session: Any, *, now: Any, limit: int = 100) -> Any:
        await session.execute(
            update(Job)
            .where(Job.finished_at.is_(None), Job.lease_until.is_not(None))
            .values(lease_until=None, dispatched_at=None)
        )
        return await original_due(session, now=now, limit=limit)

    original, original_due = jobs.claim, jobs.take_due
    return [(jobs, "claim", claim), (jobs, "take_due", take_due)]


def _lock_ignored() -> list[Change]:
    async def taken(*_: Any) -> bool:
        return True

    return [(locks, "_taken", taken)]


def _numbers_ignored() -> list[Change]:
    async def own(self: Any, session: Any) -> Connection:
        connection: Connection = await session.get_one(
            Connection, self.connection_id, with_for_update={"key_share": True}, populate_existing=True
        )
        return connection

    async def kept(*_: Any) -> None:
        return None

    return [(reconcile._Reconciliation, "_own", own), (Executor, "_keep_the_lock", kept)]
