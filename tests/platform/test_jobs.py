"""Leases and fences, without processes."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from holdfast.platform import jobs
from holdfast.platform.database import Database
from holdfast.platform.models import Job

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


async def enqueue(database: Database, now: datetime = NOW, run_at: datetime | None = None) -> None:
    async with database.transaction() as session:
        await jobs.enqueue(session, "a.b", "s", now=now, run_at=run_at)


async def take(database: Database, now: datetime) -> list[tuple[int, str]]:
    async with database.transaction() as session:
        return await jobs.take_due(session, now=now)


async def claim(database: Database, now: datetime, job_id: int = 1) -> jobs.Lease | None:
    async with database.transaction() as session:
        return await jobs.claim(session, job_id, now=now)


async def the_job(database: Database) -> Job:
    async with database.transaction() as session:
        return (await session.scalars(select(Job))).one()


async def test_one_open_job_per_kind_and_subject_and_the_earlier_moment_wins(database: Database) -> None:
    await enqueue(database, run_at=NOW + 10 * SECOND)
    await enqueue(database, run_at=NOW + 5 * SECOND)
    await enqueue(database, run_at=NOW + 20 * SECOND)
    assert (await the_job(database)).run_at == NOW + 5 * SECOND
    assert await take(database, NOW) == []
    assert await take(database, NOW + 5 * SECOND) == [(1, "a.b")]


async def test_a_lost_message_is_sent_again(database: Database) -> None:
    await enqueue(database)
    assert await take(database, NOW)
    assert await take(database, NOW + jobs.REDISPATCH_AFTER) == []
    assert await take(database, NOW + jobs.REDISPATCH_AFTER + SECOND)


async def test_only_one_holder_and_the_later_has_the_larger_fence(database: Database) -> None:
    await enqueue(database)
    first = await claim(database, NOW)
    assert first
    assert await claim(database, NOW + SECOND) is None
    second = await claim(database, NOW + jobs.LEASE + SECOND)
    assert second
    assert second.fence > first.fence
    async with database.transaction() as session:
        for act in (jobs.renew, jobs.finish):
            with pytest.raises(jobs.LeaseLost):
                await act(session, first, now=NOW)


async def test_a_silent_lease_is_dispatched_at_once(database: Database) -> None:
    await enqueue(database)
    await take(database, NOW)
    await claim(database, NOW)
    assert await take(database, NOW + jobs.LEASE) == []
    assert await take(database, NOW + jobs.LEASE + SECOND)


async def test_asked_for_again_while_running_it_runs_once_more(database: Database) -> None:
    await enqueue(database)
    lease = await claim(database, NOW)
    assert lease
    await enqueue(database, NOW + SECOND)
    async with database.transaction() as session:
        await jobs.finish(session, lease, now=NOW + 2 * SECOND)
    job = await the_job(database)
    assert job.finished_at is None
    assert await take(database, NOW + 2 * SECOND)
    again = await claim(database, NOW + 2 * SECOND)
    assert again
    async with database.transaction() as session:
        await jobs.finish(session, again, now=NOW + 3 * SECOND)
    assert (await the_job(database)).finished_at == NOW + 3 * SECOND


async def test_a_wish_for_later_made_while_running_survives_a_crash(database: Database) -> None:
    await enqueue(database)
    assert await claim(database, NOW)
    await enqueue(database, NOW, run_at=NOW + timedelta(minutes=5))
    lease = await claim(database, NOW + jobs.LEASE + SECOND)
    assert lease
    async with database.transaction() as session:
        await jobs.finish(session, lease, now=NOW + timedelta(minutes=1))
    assert (await the_job(database)).run_at == NOW + timedelta(minutes=5)
    assert (await the_job(database)).finished_at is None


async def test_running_again_by_wish_is_no_accident(database: Database) -> None:
    await enqueue(database)
    lease = await claim(database, NOW)
    assert lease
    async with database.transaction() as session:
        await jobs.run_again(session, lease, run_at=NOW + 60 * SECOND, reason="the venue is away")
    job = await the_job(database)
    assert (job.attempts, job.run_at, job.last_error) == (0, NOW + 60 * SECOND, "the venue is away")


async def test_a_job_that_kills_its_workers_waits_longer_and_longer(database: Database) -> None:
    await enqueue(database)
    now = NOW
    for _ in range(jobs.DEADLY_AFTER):
        assert await claim(database, now)
        now += jobs.LEASE + SECOND
    async with database.transaction() as session:
        assert await jobs.hold_back_deadly(session, now=now) == [1]
    job = await the_job(database)
    assert job.run_at == now + jobs.backoff(jobs.DEADLY_AFTER)
    assert "died" in job.last_error
    assert jobs.backoff(1) == SECOND
    assert jobs.backoff(500) == jobs.LONGEST_BACKOFF


async def test_old_finished_jobs_are_forgotten(database: Database) -> None:
    await enqueue(database)
    lease = await claim(database, NOW)
    assert lease
    async with database.transaction() as session:
        await jobs.finish(session, lease, now=NOW)
        await jobs.forget_old(session, now=NOW + timedelta(days=6))
    assert await the_job(database)
    async with database.transaction() as session:
        await jobs.forget_old(session, now=NOW + timedelta(days=8))
        assert (await session.scalars(select(Job))).all() == []
