"""The job of a strategy: it comes again when the next bar is due, and after whatever kept it."""

from datetime import timedelta
from uuid import UUID, uuid4

import orjson
import pytest
from redis.asyncio import Redis
from sqlalchemy import select
from tests.scripts.local import LocalRunner
from tests.strategies.world import START, World

from holdfast.platform.jobs import Lease
from holdfast.platform.models import Job
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import RetryAt, RunAgainIn, Work
from holdfast.strategies import tasks


@pytest.fixture
def work(world: World, redis: Redis, settings: Settings) -> Work:
    lease = Lease(1, tasks.STEP, "", 1, 1, world.clock.now() + timedelta(minutes=1))
    work = Work(lease, world.database, redis, settings, world.clock, {})
    market = tasks._Market(work)
    market.candles = world.candles
    work.services.update({tasks._SERVICE: market, tasks.SANDBOX: world.runner})
    return work


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
    with pytest.raises(RetryAt, match="Waiting for the sandbox") as again:
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
        await listener.get_message(timeout=1)
        await settled(of(work, one))
        message = await listener.get_message(timeout=10)
    assert message is not None
    assert orjson.loads(message["data"])["topic"] == "strategies"


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
        assert found == {(tasks.STEP, str(running)), (tasks.RECHECK, str(running))}
