"""One address, several processes, and a Redis that goes away or forgets: the venue never shuts it out."""

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any, Final

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Gone
from structlog.testing import capture_logs
from tests.venues.fake_bybit import FixedClock

from holdfast.core.time import to_ms
from holdfast.venues.bybit import address
from holdfast.venues.bybit.budget import (
    ADDRESS_LIMIT,
    ALONE_LIMIT,
    FILE_NAME,
    BudgetSpent,
    RateBudget,
    own_budget,
    shared_budget,
)

PROCESSES: Final = 7
STEP: Final = timedelta(milliseconds=200)
PATIENCE: Final = 5.0
TEN_MINUTES: Final = timedelta(minutes=10)
VENUES_LIMIT, VENUES_WINDOW_MS = 600, 5_000


class Wire:
    """A client of Redis whose connection the test can cut."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.down = False

    def register_script(self, text: str) -> Callable[..., Awaitable[Any]]:
        script = self._redis.register_script(text)
        return lambda *args: self._carried(script, *args)

    def set(self, *args: Any, **options: Any) -> Awaitable[Any]:
        return self._carried(self._redis.set, *args, **options)

    async def _carried(self, call: Callable[..., Awaitable[Any]], *args: Any, **options: Any) -> Any:
        if self.down:
            raise Gone("Connection refused.")
        return await call(*args, **options)


class House:
    """Processes that leave by one address, and when their requests arrived there."""

    def __init__(self, redis: Redis, clock: FixedClock, home: Path) -> None:
        self._redis, self._home = redis, home
        self.clock = clock
        self.arrived: list[int] = []
        self.wires = [Wire(redis) for _ in range(PROCESSES)]
        self.budgets = [self.budget(wire) for wire in self.wires]

    def budget(self, wire: Wire) -> RateBudget:
        """Of a process that has just started."""
        return shared_budget(wire, self.clock, self._home)  # type: ignore[arg-type]

    async def all_that_may(self, patience: float = PATIENCE, *, onlooker: bool = False) -> int:
        """Every process sends as much as it is let. How much that is."""
        before = len(self.arrived)
        for budget in self.budgets:
            with suppress(BudgetSpent):
                while True:
                    wait = await budget.reserve_address(patience=patience, onlooker=onlooker)
                    self.arrived.append(to_ms(self.clock.time) + round(wait * 1000))
        return len(self.arrived) - before

    async def live(self, seconds: float) -> None:
        for _ in range(round(timedelta(seconds=seconds) / STEP)):
            await self.all_that_may()
            self.clock.time += STEP

    def most_at_once(self) -> int:
        times, first, most = sorted(self.arrived), 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - VENUES_WINDOW_MS:
                first += 1
            most = max(most, last - first + 1)
        return most


@pytest.fixture
def house(redis: Redis, clock: FixedClock, tmp_path: Path) -> House:
    return House(redis, clock, tmp_path)


async def forget(house: House, redis: Redis) -> None:
    await redis.flushall()


async def lose_for_some(house: House, redis: Redis) -> None:
    for wire in house.wires[::2]:
        wire.down = True


async def lose_for_all(house: House, redis: Redis) -> None:
    for wire in house.wires:
        wire.down = True


async def come_back(house: House, redis: Redis) -> None:
    for wire in house.wires:
        wire.down = False


EVENTS = (forget, lose_for_some, lose_for_all, come_back)


@pytest.mark.parametrize("lost", [forget, lose_for_some, lose_for_all])
async def test_no_loss_of_redis_fills_the_venues_window(house: House, redis: Redis, lost) -> None:
    await house.live(22)
    assert house.most_at_once() > VENUES_LIMIT // 2
    await lost(house, redis)
    await house.live(12)
    await come_back(house, redis)
    await house.live(12)
    assert house.most_at_once() <= VENUES_LIMIT


@pytest.mark.parametrize("seed", range(4))
async def test_no_row_of_losses_fills_the_venues_window(house: House, redis: Redis, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(12):
        await house.live(dice.uniform(0, 6))
        await dice.choice(EVENTS)(house, redis)
    assert house.most_at_once() <= VENUES_LIMIT


@pytest.mark.parametrize("lost", [forget, lose_for_some, lose_for_all])
async def test_a_silence_outlives_every_loss_of_redis_in_every_process(
    house: House, redis: Redis, lost
) -> None:
    await house.live(1)
    over = house.clock.time + TEN_MINUTES
    await house.budgets[0].silence_address(over)
    house.clock.time += timedelta(minutes=4)
    await lost(house, redis)
    house.budgets[3] = house.budget(house.wires[3])
    for _ in range(5):
        assert await house.all_that_may() == 0
        house.clock.time += timedelta(minutes=1)
    house.clock.time = over
    assert await house.all_that_may() > 0


async def test_a_silence_that_redis_forgot_is_told_to_it_anew(
    house: House, redis: Redis, tmp_path: Path
) -> None:
    """Processes of another machine know it from there alone."""
    await house.live(1)
    await house.budgets[0].silence_address(house.clock.time + TEN_MINUTES)
    await redis.flushall()
    assert await house.all_that_may() == 0
    another = tmp_path / "another"
    another.mkdir()
    far = House(redis, house.clock, another)
    assert await far.all_that_may() == 0


async def test_a_memory_that_redis_read_back_from_its_disk_counts_as_none(house: House, redis: Redis) -> None:
    """It may lack the last seconds before Redis died."""
    await house.live(22)
    house.arrived.clear()
    await redis.hset("bybit:budget:began:address", "run", "the one before")
    house.clock.time += timedelta(seconds=10)
    assert await house.all_that_may(patience=0) == ALONE_LIMIT


async def test_whoever_closes_offline_counts_with_those_that_cannot_ask_redis(
    house: House, redis: Redis, tmp_path: Path
) -> None:
    await lose_for_all(house, redis)
    assert await house.all_that_may(patience=0) == ALONE_LIMIT
    with pytest.raises(BudgetSpent):
        await own_budget(house.clock, tmp_path).reserve_address(patience=0)


async def test_a_silence_is_known_to_whoever_closes_offline(house: House, tmp_path: Path) -> None:
    await house.budgets[0].silence_address(house.clock.time + TEN_MINUTES)
    with pytest.raises(BudgetSpent):
        await own_budget(house.clock, tmp_path).reserve_address(patience=60)


async def test_one_that_stands_still_with_the_file_in_hand_makes_the_others_wait_not_stop(
    house: House, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "_TRIES", 3)
    await lose_for_all(house, redis)
    with (tmp_path / FILE_NAME).open("wb") as file:
        flock(file, LOCK_EX)
        assert await house.all_that_may() == 0
    assert await house.all_that_may() > 0


async def test_where_the_file_cannot_be_written_little_leaves(
    house: House, redis: Redis, tmp_path: Path
) -> None:
    """Redis may be there for others, and each process has several budgets."""
    await lose_for_all(house, redis)
    (tmp_path / FILE_NAME).mkdir()
    house.budgets += [house.budget(wire) for wire in house.wires]
    with capture_logs() as told:
        assert 0 < await house.all_that_may(patience=0) <= VENUES_LIMIT - ADDRESS_LIMIT
        house.clock.time += timedelta(minutes=1)
        await house.all_that_may(patience=0)
    assert sum("file of the address" in entry["event"] for entry in told) == len(house.budgets)
    await house.budgets[0].silence_address(house.clock.time + TEN_MINUTES)
    with pytest.raises(BudgetSpent):
        await house.budgets[0].reserve_address(patience=60)


async def test_whoever_closes_offline_without_the_file_has_what_the_file_would_allow(
    house: House, tmp_path: Path
) -> None:
    (tmp_path / FILE_NAME).mkdir()
    house.budgets = [own_budget(house.clock, tmp_path)]  # type: ignore[list-item]
    assert await house.all_that_may(patience=0) == ALONE_LIMIT


@pytest.mark.parametrize("lost", [come_back, lose_for_all])
async def test_charts_leave_room_for_trading(house: House, redis: Redis, lost) -> None:
    await house.live(22)
    house.clock.time += timedelta(seconds=12)
    await lost(house, redis)
    limit = ALONE_LIMIT if lost is lose_for_all else ADDRESS_LIMIT
    charts = await house.all_that_may(patience=0, onlooker=True)
    assert charts == limit - limit // 3
    assert await house.all_that_may(patience=0) == limit // 3
    assert await house.all_that_may(patience=0, onlooker=True) == 0


async def test_a_silence_is_never_shortened(house: House, redis: Redis, tmp_path: Path) -> None:
    """The venue may silence two requests that were on their way, the later one for less."""
    over = house.clock.time + TEN_MINUTES
    await house.budgets[0].silence_address(over)
    for budget in (house.budgets[0], house.budget(house.wires[1])):
        await budget.silence_address(house.clock.time + timedelta(minutes=1))
    house.clock.time += timedelta(minutes=2)
    far = tmp_path / "far"
    far.mkdir()
    assert await House(redis, house.clock, far).all_that_may() == 0
    assert await house.all_that_may() == 0
    await redis.flushall()
    assert await house.all_that_may() == 0
    house.budgets = [house.budget(wire) for wire in house.wires]
    assert await house.all_that_may() == 0


async def test_nobody_is_shut_out_by_a_clock_that_went_wrong(house: House, redis: Redis) -> None:
    await house.budgets[0].silence_address(house.clock.time + timedelta(minutes=50))
    await redis.flushall()
    assert await house.all_that_may() > 0
    house.clock.time += timedelta(minutes=1)
    house.budgets = [house.budget(wire) for wire in house.wires]
    assert await house.all_that_may() > 0


async def test_what_a_clock_that_ran_ahead_wrote_down_holds_up_nobody(house: House, redis: Redis) -> None:
    await lose_for_all(house, redis)
    house.clock.time += timedelta(minutes=50)
    assert await house.all_that_may(patience=0) == ALONE_LIMIT
    house.clock.time -= timedelta(minutes=50)
    assert await house.all_that_may(patience=0) == ALONE_LIMIT


async def test_redis_counts_again_soon_after_a_clock_that_ran_ahead(house: House, redis: Redis) -> None:
    house.clock.time += timedelta(minutes=50)
    await house.budgets[0].reserve_address(patience=0)
    house.clock.time -= timedelta(minutes=50)
    await house.budgets[0].reserve_address(patience=0)
    house.clock.time += timedelta(seconds=12)
    assert await house.all_that_may(patience=0) == ADDRESS_LIMIT


async def test_a_redis_that_forgets_again_and_again_is_told_of(house: House, redis: Redis) -> None:
    with capture_logs() as told:
        for _ in range(5):
            await redis.flushall()
            await house.budgets[0].reserve_address(patience=0)
            house.clock.time += timedelta(seconds=5)
    assert [entry["event"] for entry in told] == [
        "redis forgets again and again what has left by the address"
    ]
