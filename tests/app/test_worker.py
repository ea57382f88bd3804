"""Real workers, a real courier, real kills: no job is lost and none runs twice at once."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis
from sqlalchemy import select, text

from holdfast.platform import jobs
from holdfast.platform.database import Database
from holdfast.platform.models import Job

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
PROCESSES = Path(__file__).with_name("processes.py")


class Crew:
    """The processes of one test."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self._env = env
        self._log = log.open("wb")
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, role: str, *, lease_seconds: int = 12) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, PROCESSES, role],
            env={**self._env, "TEST_LEASE_SECONDS": str(lease_seconds)},
            stdout=self._log,
            stderr=self._log,
        )
        self.running.append(process)
        return process

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(60)
        self._log.close()


@pytest.fixture
def crew(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Crew]:
    env = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url, "HOLDFAST_HOME": str(tmp_path)}
    created = Crew(env, tmp_path / "processes.log")
    yield created
    created.stop()


@pytest.fixture(autouse=True)
async def _notes(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE notes (id serial, subject text, what text, fence int)"))


async def enqueue(database: Database, kind: str, *subjects: str) -> None:
    async with database.transaction() as session:
        for subject in subjects:
            await jobs.enqueue(session, kind, subject, now=datetime.now(UTC))


async def notes(database: Database) -> list[tuple[str, str]]:
    async with database.transaction() as session:
        rows = await session.execute(text("SELECT subject, what FROM notes ORDER BY id"))
        return [(row.subject, row.what) for row in rows]


async def rows(database: Database) -> list[Job]:
    async with database.transaction() as session:
        return list(await session.scalars(select(Job).order_by(Job.id)))


async def until(check: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Wait for an async condition."""
    deadline = time.monotonic() + seconds
    while not await check():
        assert time.monotonic() < deadline, "this did not happen in time"
        await asyncio.sleep(0.05)


async def test_a_killed_workers_job_is_taken_up_again(database: Database, crew: Crew) -> None:
    crew.start("scheduler")
    first = crew.start("worker")
    await enqueue(database, "execution.slow", "a:5")

    async def begun() -> bool:
        return ("a:5", "began") in await notes(database)

    await until(begun, 90)
    children = psutil.Process(first.pid).children(recursive=True)
    first.send_signal(signal.SIGKILL)
    crew.start("worker")

    async def begun_again() -> bool:
        return [what for _, what in await notes(database)].count("began") == 2

    await until(begun_again, 90)

    async def ended() -> bool:
        return (await notes(database))[-1] == ("a:5", "ended")

    await until(ended, 90)
    job = (await rows(database))[0]
    await until(lambda: _finished(database), 90)
    assert job.fence == 2
    assert "OVERLAP" not in [what for _, what in await notes(database)]
    assert not [child for child in children if child.is_running()]


async def _finished(database: Database) -> bool:
    return all(job.finished_at for job in await rows(database))


async def test_nothing_is_lost_when_redis_forgets_everything(
    database: Database, crew: Crew, redis: Redis
) -> None:
    crew.start("scheduler")
    await enqueue(database, "execution.slow", *(f"{n}:0.05" for n in range(20)))

    async def all_sent() -> bool:
        return await redis.llen("orders") >= 20

    await until(all_sent, 90)
    await redis.flushall()
    crew.start("worker")
    await asyncio.sleep(3)
    await redis.flushall()
    await enqueue(database, "execution.slow", *(f"later{n}:0.05" for n in range(5)))
    await until(lambda: _finished(database), 90)
    seen = await notes(database)
    assert sorted(subject for subject, what in seen if what == "ended") == sorted(
        job.subject for job in await rows(database)
    )
    assert len(seen) == 2 * 25


async def test_two_workers_and_two_schedulers_run_each_job_once(database: Database, crew: Crew) -> None:
    for role in ("scheduler", "scheduler", "worker", "worker"):
        crew.start(role)
    await enqueue(database, "execution.slow", *(f"{n}:0.02" for n in range(60)))
    await until(lambda: _finished(database), 90)
    seen = await notes(database)
    assert len(seen) == 2 * 60
    assert {what for _, what in seen} == {"began", "ended"}


async def test_a_deadly_job_is_counted_and_held_back(database: Database, crew: Crew) -> None:
    crew.start("scheduler")
    crew.start("worker", lease_seconds=2)
    await enqueue(database, "execution.deadly", "x")

    async def held_back() -> bool:
        return "died while working" in (await rows(database))[0].last_error

    await until(held_back, 90)
    job = (await rows(database))[0]
    assert job.attempts == jobs.DEADLY_AFTER
    await enqueue(database, "execution.slow", "alive:0.01")

    async def others_still_run() -> bool:
        return ("alive:0.01", "ended") in await notes(database)

    await until(others_still_run, 90)


async def test_handlers_say_how_it_goes_on(database: Database, crew: Crew) -> None:
    crew.start("scheduler")
    crew.start("worker")
    await enqueue(database, "indices.recurring", "r")
    await enqueue(database, "execution.hesitant", "h")
    await enqueue(database, "execution.clumsy", "c")

    async def ran_often() -> bool:
        seen = await notes(database)
        return seen.count(("r", "began")) >= 3 and ("h", "began") in seen and seen.count(("c", "began")) >= 2

    await until(ran_often, 90)
    hesitant = next(job for job in await rows(database) if job.subject == "h")
    clumsy = next(job for job in await rows(database) if job.subject == "c")
    assert hesitant.last_error == "not now"
    assert (hesitant.run_at - datetime.now(UTC)).total_seconds() > 3000
    assert "RuntimeError" in clumsy.last_error
    assert "hunter2" not in clumsy.last_error


async def test_sigterm_gives_the_job_back_without_waiting_for_its_end(database: Database, crew: Crew) -> None:
    crew.start("scheduler")
    worker = crew.start("worker")
    await enqueue(database, "execution.slow", "long:100")

    async def begun() -> bool:
        return ("long:100", "began") in await notes(database)

    await until(begun, 90)
    worker.terminate()
    assert await asyncio.to_thread(worker.wait, 60) == 0
    job = (await rows(database))[0]
    assert job.lease_until is None
    assert job.finished_at is None
