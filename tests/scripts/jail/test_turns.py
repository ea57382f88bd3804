"""Who runs next: two of one owner, in rotation, back-tests never on every place."""

import asyncio

import pytest

from holdfast.scripts.jail.turns import MOST_WAITING, TooManyWaiting, Turns


class Bench:
    """Runs that end when they are told to."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.inside: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def ask(self, name: str, kind: str = "editor") -> None:
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._run(name, kind))
        await self.settle()

    async def _run(self, name: str, kind: str) -> None:
        async with self.turns.turn(name[0], kind):
            self.inside.append(name)
            await self.ends[name].wait()
            self.inside.remove(name)

    async def end(self, name: str) -> None:
        self.ends[name].set()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


async def test_one_owner_leaves_places_to_others() -> None:
    bench = Bench(Turns(4))
    for name in ("a1", "a2", "a3", "a4", "b1"):
        await bench.ask(name)
    assert bench.inside == ["a1", "a2", "b1"]
    await bench.end("a1")
    assert bench.inside == ["a2", "b1", "a3"]


async def test_owners_are_served_in_rotation() -> None:
    bench = Bench(Turns(1))
    for name in ("a1", "a2", "a3", "b1", "c1"):
        await bench.ask(name)
    served = []
    while bench.inside:
        served.append(bench.inside[0])
        await bench.end(bench.inside[0])
    assert served == ["a1", "a2", "b1", "c1", "a3"]


async def test_back_tests_leave_a_place() -> None:
    bench = Bench(Turns(2, {"backtest": 1}))
    await bench.ask("a1", "backtest")
    await bench.ask("b1", "backtest")
    await bench.ask("c1", "editor")
    assert bench.inside == ["a1", "c1"]
    await bench.end("a1")
    assert bench.inside == ["c1", "b1"]


async def test_who_goes_away_gives_his_place_back() -> None:
    bench = Bench(Turns(1))
    for name in ("a1", "b1", "c1"):
        await bench.ask(name)
    bench.tasks["b1"].cancel()
    await bench.settle()
    assert bench.turns.waiting == 1
    bench.tasks["a1"].cancel()
    await bench.settle()
    assert bench.turns.running == 1
    assert bench.inside[-1] == "c1"
    await bench.end("c1")
    assert (bench.turns.running, bench.turns.waiting) == (0, 0)


async def test_nobody_queues_without_end() -> None:
    bench = Bench(Turns(1))
    for number in range(MOST_WAITING + 1):
        await bench.ask(f"a{number}")
    with pytest.raises(TooManyWaiting):
        await bench.turns._get("a", "editor")
    await bench.ask("b1")
    assert bench.turns.waiting == MOST_WAITING + 1
    for task in bench.tasks.values():
        task.cancel()
    await bench.settle()
    assert (bench.turns.running, bench.turns.waiting) == (0, 0)
