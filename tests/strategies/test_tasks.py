"""The job of a strategy: it comes again when the next bar is due, and after whatever kept it."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import orjson
import pytest
from redis.asyncio import Redis
from sqlalchemy import select
from tests.scripts.local import LocalRunner
from tests.strategies.world import START, World

from holdfast.core.timeframes import DAY, MINUTE
from holdfast.platform.jobs import Lease
from holdfast.platform.models import Job
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import RetryAt, RunAgainIn, Work
from holdfast.scripts.sandbox import Sandbox
from holdfast.strategies import stepping, tasks
from holdfast.strategies.models import Strategy


def of(work: Work, strategy_id: UUID) -> Work:
    lease = Lease(1, tasks.STEP, str(strategy_id), 1, 1, work.clock.now())
    return Work(lease, work.database, work.redis, work.settings, work.clock, work.services)


async def settled(work: Work) -> float:
    """The seconds after which the job comes again with nothing to do before."""
    while True:
        with pytest.raises(RunAgainIn) as again:
            await tasks.step(work)
        if again.value.seconds:
            return again.value.seconds


async def test_it_comes_again_at_the_next_close(world: World, work: Work) -> None:
    one = await world.start()
    assert await settled(of(work, one)) == pytest.approx(63)
    world.clock.second = START + 63
    assert await settled(of(work, one)) == pytest.approx(60)
    assert len(await world.bars(one)) == 1


async def test_it_says_why_it_must_be_tried_again(world: World, work: Work) -> None:
    assert isinstance(world.runner, LocalRunner)
    one = await world.start()
    world.runner.away = True
    with pytest.raises(RetryAt, match="Waiting for the sandbox, ") as again:
        await tasks.step(of(work, one))
    assert 1 <= again.value.seconds <= 30


async def test_it_ends_with_its_strategy(world: World, work: Work) -> None:
    one = await world.start()
    await world.change("stop", one)
    await tasks.step(of(work, one))
    await tasks.step(of(work, uuid4()))


async def test_what_is_written_is_announced_to_its_owner(world: World, work: Work, redis: Redis) -> None:
    one = await world.start()
    async with redis.pubsub(ignore_subscribe_messages=True) as listener:
        await listener.subscribe(f"user:{world.user_id}")
        await listener.get_message(timeout=30)
        await settled(of(work, one))
        message = await listener.get_message(timeout=30)
    assert message is not None
    assert orjson.loads(message["data"])["topic"] == "strategies"


async def test_a_step_does_not_need_its_message(
    world: World, work: Work, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> None:
        raise ConnectionResetError

    one = await world.start()
    monkeypatch.setattr(redis, "publish", refused)
    await settled(of(work, one))


async def test_a_start_brings_back_the_jobs_of_all_that_run(world: World, work: Work) -> None:
    running, stopped = await world.start(), await world.start()
    await world.change("stop", stopped)
    async with world.database.transaction() as session:
        for job in await session.scalars(select(Job)):
            await session.delete(job)
    async with world.database.transaction() as session:
        await tasks.ensure_jobs(session, world.clock.now())
    async with world.database.transaction() as session:
        found = {(job.kind, job.subject) for job in await session.scalars(select(Job))}
        assert found == {(tasks.STEP, str(running)), (tasks.RECHECK, str(running)), (tasks.THIN, "")}


async def test_after_a_start_they_are_looked_at_again_over_the_day(world: World, work: Work) -> None:
    """They share one worker with the steps."""
    every = {str(await world.start()) for _ in range(4)}
    async with world.database.transaction() as session:
        for job in await session.scalars(select(Job)):
            await session.delete(job)
    async with world.database.transaction() as session:
        await tasks.ensure_jobs(session, world.clock.now())
    async with world.database.transaction() as session:
        jobs = await session.scalars(select(Job).where(Job.kind == tasks.RECHECK))
        due = {job.subject: job.run_at for job in jobs}
    assert due.keys() == every
    assert len(set(due.values())) == 4
    assert all(timedelta(0) <= at - world.clock.now() < timedelta(days=1) for at in due.values())


async def test_looking_again_waits_for_the_sandbox_no_longer_than_a_step(
    world: World, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await world.start()
    await world.at(5 * MINUTE + 3, one)
    monkeypatch.setattr(stepping, "SANDBOX_SECONDS", 0.05)
    assert isinstance(world.runner, LocalRunner)
    world.runner.held = asyncio.Event()
    async with asyncio.timeout(20):
        with pytest.raises(RetryAt) as again:
            await tasks.look_again(of(work, one))
    assert again.value.seconds == 600


async def test_without_its_series_it_is_looked_at_again_only_once_it_is_resumed(
    world: World, work: Work
) -> None:
    one = await world.start()
    await world.at(5 * MINUTE + 3, one)
    with pytest.raises(RunAgainIn) as again:
        await tasks.look_again(of(work, one))
    assert again.value.seconds == DAY
    async with world.database.transaction() as session:
        (await session.get_one(Strategy, one)).series = "bybit:GONE"
    await tasks.look_again(of(work, one))
    async with world.database.transaction() as session:
        for job in await session.scalars(select(Job)):
            await session.delete(job)
    await world.change("pause", one)
    await world.change("resume", one)
    async with world.database.transaction() as session:
        kinds = set(await session.scalars(select(Job.kind).where(Job.subject == str(one))))
    assert kinds == {tasks.STEP, tasks.RECHECK}


async def test_a_worker_opens_its_market_and_its_sandbox_once(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.services.clear()
    made: list[Settings] = []
    real = Sandbox.of

    def counted(settings: Settings) -> Sandbox:
        made.append(settings)
        return real(settings)

    monkeypatch.setattr(Sandbox, "of", counted)
    assert tasks._runner(work) is tasks._runner(work)
    assert tasks._market(work) is tasks._market(work)
    assert len(made) == 1
    await tasks._market(work).close()
