"""The rate budget: exact over every rolling window, shared through Redis, and never unlimited without it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis
from tests.venues.fake_bybit import FixedClock

from holdfast.venues.bybit import budget as budgets
from holdfast.venues.bybit.budget import (
    ADDRESS_LIMIT,
    UNFILED_LIMIT,
    Bucket,
    Budget,
    BudgetSpent,
    LocalBudget,
    RateBudget,
)
from holdfast.venues.bybit.windows import SlidingLog

HOUR = 3600.0
WINDOW_MS = 1100


@pytest.fixture(autouse=True)
def _kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis forgets by its own clock, which does not stand still with the one of these tests."""
    longer = budgets._RESERVE.replace("window + 1000)", "window + 600000)")
    longer = longer.replace("known - now)", "known - now + 600000)")
    monkeypatch.setattr(budgets, "_RESERVE", longer)


async def waits(budget: Budget, count: int, *, units: int = 1, account: str = "a") -> list[float]:
    return [await budget.reserve(account, Bucket.CREATE, units, patience=HOUR) for _ in range(count)]


@pytest.fixture(params=["local", "redis"])
async def budget(request: pytest.FixtureRequest, clock: FixedClock) -> AsyncIterator[Budget]:
    if request.param == "local":
        yield LocalBudget(clock)
        return
    redis = Redis.from_url(request.getfixturevalue("redis_url"))
    yield RateBudget(redis, clock)
    await redis.aclose()


async def test_a_window_full_at_once_and_the_rest_in_the_next(budget: Budget) -> None:
    assert await waits(budget, 21) == [0.0] * 10 + [WINDOW_MS / 1000] * 10 + [2 * WINDOW_MS / 1000]


async def test_a_batch_takes_one_unit_per_order(budget: Budget) -> None:
    first, second = await waits(budget, 2, units=7)
    assert (first, second) == (0.0, WINDOW_MS / 1000)


async def test_more_than_a_windows_worth_takes_a_whole_window(budget: Budget) -> None:
    assert await waits(budget, 2, units=25) == [0.0, WINDOW_MS / 1000]


async def test_accounts_and_buckets_are_counted_apart(budget: Budget) -> None:
    await waits(budget, 10)
    assert await budget.reserve("another", Bucket.CREATE, 1, patience=0) == 0.0
    assert await budget.reserve("a", Bucket.CREATE_BATCH, 10, patience=0) == 0.0
    with pytest.raises(BudgetSpent):
        await budget.reserve("a", Bucket.CREATE, 1, patience=0)


async def test_refusing_to_wait_reserves_nothing(budget: Budget, clock: FixedClock) -> None:
    await waits(budget, 10)
    for _ in range(5):
        with pytest.raises(BudgetSpent) as spent:
            await budget.reserve("a", Bucket.CREATE, 1, patience=0.5)
    assert spent.value.until == clock.time + timedelta(milliseconds=WINDOW_MS)
    clock.time += timedelta(milliseconds=WINDOW_MS)
    assert await waits(budget, 1) == [0.0]


async def test_the_venues_own_limit_replaces_the_default(budget: Budget) -> None:
    await budget.learn("a", Bucket.CREATE, 3)
    assert await waits(budget, 4) == [0.0, 0.0, 0.0, WINDOW_MS / 1000]
    await budget.learn("a", Bucket.CREATE, 20)
    assert (await waits(budget, 16))[-1] == WINDOW_MS / 1000


async def test_a_refused_bucket_rests_until_its_reset(budget: Budget, clock: FixedClock) -> None:
    await budget.block("a", Bucket.CREATE, clock.time + timedelta(seconds=3))
    assert await waits(budget, 1) == [3.0]
    assert await budget.reserve("a", Bucket.CANCEL, 1, patience=0) == 0.0


async def test_a_rest_is_never_shortened(budget: Budget, clock: FixedClock) -> None:
    await budget.block("a", Bucket.CREATE, clock.time + timedelta(seconds=3))
    await budget.block("a", Bucket.CREATE, clock.time + timedelta(seconds=1))
    assert await waits(budget, 1) == [3.0]


async def test_a_shorter_rest_of_one_process_shortens_none_of_another(
    redis: Redis, clock: FixedClock
) -> None:
    one, other, third = (RateBudget(redis, clock) for _ in range(3))
    await one.block("a", Bucket.CREATE, clock.time + timedelta(seconds=3))
    await other.block("a", Bucket.CREATE, clock.time + timedelta(seconds=1))
    assert await waits(third, 1) == [3.0]


async def test_a_silenced_address_stops_everything(budget: Budget, clock: FixedClock) -> None:
    await budget.silence_address(clock.time + timedelta(minutes=10))
    with pytest.raises(BudgetSpent) as spent:
        await budget.reserve_address(patience=5)
    assert spent.value.until == clock.time + timedelta(minutes=10)
    clock.time += timedelta(minutes=10)
    assert await budget.reserve_address(patience=5) == 0.0


async def test_the_address_has_a_limit_of_its_own(budget: Budget, clock: FixedClock) -> None:
    await budget.reserve_address(patience=0)
    clock.time += timedelta(minutes=1)
    for _ in range(ADDRESS_LIMIT):
        assert await budget.reserve_address(patience=0) == 0.0
    with pytest.raises(BudgetSpent):
        await budget.reserve_address(patience=1)


async def test_processes_share_one_budget(redis_url: str, clock: FixedClock) -> None:
    clients = [Redis.from_url(redis_url) for _ in range(3)]
    found = [w for client in clients for w in await waits(RateBudget(client, clock), 5)]
    assert found == [0.0] * 10 + [WINDOW_MS / 1000] * 5
    for client in clients:
        await client.aclose()


async def test_what_one_process_learned_all_know(redis_url: str, clock: FixedClock) -> None:
    one, other = Redis.from_url(redis_url), Redis.from_url(redis_url)
    await RateBudget(one, clock).learn("a", Bucket.CREATE, 2)
    assert (await waits(RateBudget(other, clock), 3))[2] == WINDOW_MS / 1000
    await one.aclose()
    await other.aclose()


async def test_without_redis_it_is_slower_and_never_unlimited(clock: FixedClock) -> None:
    nobody = Redis.from_url("redis://127.0.0.1:1/0")
    alone = RateBudget(nobody, clock)
    assert await waits(alone, 5) == [0.0, 0.0, 1.1, 1.1, 2.2]
    await alone.silence_address(clock.time + timedelta(minutes=10))
    with pytest.raises(BudgetSpent):
        await alone.reserve_address(patience=60)
    await nobody.aclose()


async def test_a_redis_that_may_not_be_asked_who_it_is_still_counts_for_keys(
    redis: Redis, redis_url: str, clock: FixedClock
) -> None:
    await redis.acl_setuser(
        "plain", enabled=True, passwords=["+word"], keys=["*"], categories=["+@all", "-@dangerous"]
    )
    server = redis.connection_pool.connection_kwargs
    limited = Redis(host=server["host"], port=server["port"], username="plain", password="word")
    budget = RateBudget(limited, clock)
    for _ in range(UNFILED_LIMIT):
        await budget.reserve_address(patience=0)
    with pytest.raises(BudgetSpent):
        await budget.reserve_address(patience=0)
    assert await waits(budget, 10) == [0.0] * 10
    await limited.aclose()
    await redis.acl_deluser("plain")


async def test_it_returns_to_redis_when_that_is_back(redis: Redis, clock: FixedClock) -> None:
    budget = RateBudget(redis, clock)
    budget._alone_until = clock.time + timedelta(seconds=5)
    assert (await waits(budget, 3))[2] > 0
    clock.time += timedelta(seconds=6)
    assert await waits(budget, 10) == [0.0] * 10


async def test_a_lost_memory_of_redis_costs_no_correct_default(redis: Redis, clock: FixedClock) -> None:
    budget = RateBudget(redis, clock)
    await waits(budget, 3)
    await redis.flushall()
    assert await waits(budget, 11) == [0.0] * 10 + [WINDOW_MS / 1000]


@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(1, 10)), min_size=1, max_size=60), st.integers(1, 12)
)
def test_no_rolling_window_ever_holds_more_than_the_limit(steps: list[tuple[int, int]], limit: int) -> None:
    sent, now, times = SlidingLog(), 0, []
    for pause, units in steps:
        now += pause
        fitting = min(units, limit)
        moment = sent.earliest(now, fitting, limit, WINDOW_MS)
        sent.take(moment, fitting, limit)
        assert moment >= now
        times += [moment] * fitting
    assert times == sorted(times)
    for start in times:
        assert sum(start <= t < start + WINDOW_MS for t in times) <= limit


async def test_journeys_that_take_unequally_long_lengthen_the_window(budget: Budget) -> None:
    for _ in range(10):
        await budget.reserve("a", Bucket.CREATE, 1, patience=0, margin=0.7)
    assert await budget.reserve("a", Bucket.CREATE, 1, patience=5, margin=0.7) == 1.7
