"""The weight budget: shared by all through Redis, smaller and never unlimited without it."""

from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from holdfast.venues.binance.budget import WEIGHT_LIMIT, WEIGHT_WINDOW_MS, own_budget, shared_budget
from holdfast.venues.bybit.budget import BudgetSpent

HOUR = 3600.0


class StillClock:
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


async def test_two_processes_share_a_minute(redis: Redis) -> None:
    first, second = shared_budget(redis, StillClock()), shared_budget(redis, StillClock())
    assert await first.reserve(3_000, patience=0) == 0
    assert await second.reserve(2_000, patience=0) == 0
    with pytest.raises(BudgetSpent):
        await first.reserve(2, patience=5)
    assert await second.reserve(2, patience=HOUR) == WEIGHT_WINDOW_MS / 1000


async def test_a_refusal_to_one_silences_all(redis: Redis) -> None:
    first, second = shared_budget(redis, StillClock()), shared_budget(redis, StillClock())
    await first.silence(StillClock.at + timedelta(seconds=30))
    with pytest.raises(BudgetSpent) as spent:
        await second.reserve(1, patience=5)
    assert spent.value.until == StillClock.at + timedelta(seconds=30)


async def test_without_redis_there_is_a_quarter() -> None:
    gone = Redis.from_url("redis://127.0.0.1:1")
    budget = shared_budget(gone, StillClock())
    assert await budget.reserve(WEIGHT_LIMIT // 4, patience=0) == 0
    with pytest.raises(BudgetSpent):
        await budget.reserve(1, patience=5)
    await gone.aclose()


async def test_a_silence_outlives_redis(redis: Redis) -> None:
    gone = Redis.from_url("redis://127.0.0.1:1")
    budget = shared_budget(gone, StillClock())
    await budget.silence(StillClock.at + timedelta(seconds=30))
    with pytest.raises(BudgetSpent):
        await budget.reserve(1, patience=5)
    await gone.aclose()


async def test_alone_the_whole_minute_is_ours() -> None:
    budget = own_budget(StillClock())
    assert await budget.reserve(WEIGHT_LIMIT, patience=0) == 0
    with pytest.raises(BudgetSpent):
        await budget.reserve(1, patience=5)
