"""Kills a worker's process at every point of a scenario; another goes on; the books are compared."""

import asyncio
import gc
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from holdfast.app.worker import Child
from holdfast.execution import executor
from holdfast.platform.settings import Settings
from holdfast.torture.crash_driver import Moment, Reaper, drive
from holdfast.torture.crash_fork import Clerk, Ending, Say, in_child
from holdfast.torture.crash_place import Place
from holdfast.torture.crash_points import Outcome, Point
from holdfast.torture.crash_scenarios import scenario_of
from holdfast.torture.crash_stage import Stage

IN_FLIGHT: Final = timedelta(seconds=0.4)
"""In these runs a request of a dead process is in the kernel's hands of one machine, so that it has arrived
within milliseconds; in the real world it may be under way for the whole receive window."""
ROUNDS: Final = 60

Patch = Callable[[], None]
"""Changes the code of every worker that is started: how a test breaks a guard to see it missed."""


def nothing() -> None:
    """The code as it is."""


@dataclass
class Bench:
    """A running place with its stage: what every point needs. Use as a context manager."""

    place: Place
    patch: Patch = nothing
    stage: Clerk = field(init=False)

    def __enter__(self) -> "Bench":
        gc.collect()
        gc.freeze()
        self.stage = Clerk(lambda read, say: serve_stage(self.place.settings, read, say), self.place.log)
        return self

    def __exit__(self, *_: object) -> None:
        self.stage.dismiss()

    def count(self, scenario: str) -> tuple[int, int, list[str]]:
        """A run in peace: how many suspensions and requests it has, and where it waits."""
        scene = self.stage.ask("prepare", scenario=scenario)
        ending = self._work(scene["job"], Moment.HELD, 0)
        problems = self.stage.ask("judge", **scene)
        if ending.code or problems:
            raise AssertionError(
                f"{scenario} goes wrong without any crash: {ending.last.get('failed', '')} {problems}"
            )
        return ending.last["count"], ending.last["requests"], ending.last["places"]

    def run(self, point: Point) -> Outcome:
        """Set the scene, let one process die, let others finish, compare."""
        began = time.monotonic()
        scene = self.stage.ask("prepare", scenario=point.scenario)
        ending = self._work(scene["job"], point.moment, point.number)
        violations = [] if ending.killed or ending.code == 0 else [f"the worker failed: {ending.last}"]
        violations += self._recover(scene)
        violations += self.stage.ask("judge", **scene)
        place = str(ending.last.get("killed", ""))
        return Outcome(point, place, tuple(violations), time.monotonic() - began)

    def _recover(self, scene: dict[str, Any]) -> list[str]:
        """What the next processes do: every job of the scene, again and again until it is done."""
        for _ in range(ROUNDS):
            due = self.stage.ask("due", **scene)
            if due is None:
                return []
            ending = self._work(due, Moment.HELD, 0)
            if ending.code:
                return [f"a successor failed: {ending.last}"]
        return [f"it was not over after {ROUNDS} more runs"]

    def _work(self, job_id: int, moment: Moment, at: int) -> Ending:
        settings = self.place.settings
        return in_child(lambda say: work(settings, job_id, moment, at, self.patch, say), self.place.log)


def work(settings: Settings, job_id: int, moment: Moment, at: int, patch: Patch, say: Say) -> None:
    """What a child of the worker's pool does with one job, until it is killed."""
    executor.IN_FLIGHT = IN_FLIGHT
    patch()
    stop_pipe, _held_open = os.pipe()
    child = Child(settings, stop_pipe)
    reaper = Reaper(moment, at, say)
    drive(child.loop, reaper)
    child.run(job_id)
    told = {"count": reaper.count, "requests": reaper.requests, "places": reaper.places}
    say(json.dumps(told).encode() + b"\n")


def serve_stage(settings: Settings, read: Callable[[], str], say: Say) -> None:
    """The stage's process: answers questions until nobody asks any more."""
    with asyncio.Runner() as runner:
        stage = Stage(settings)
        runner.run(stage.open())
        while line := read():
            question = json.loads(line)
            try:
                answer = {"answer": runner.run(_answer(stage, **question))}
            except Exception as error:
                answer = {"failed": f"{type(error).__name__}: {error}"}
            say(json.dumps(answer, default=str).encode() + b"\n")
        runner.run(stage.close())


async def _answer(stage: Stage, what: str, **detail: Any) -> Any:
    match what:
        case "prepare":
            return await stage.prepare(scenario_of(detail["scenario"]))
        case "due":
            return await stage.due(detail)
        case "judge":
            return await stage.judge(detail)
        case _:
            raise ValueError(what)


def points_of(bench: Bench, scenario: str, *, stride: int = 1) -> Iterator[Point]:
    """Every ``stride``-th point of a scenario, at every moment."""
    count, requests, _ = bench.count(scenario)
    for moment in Moment:
        last = requests if moment is Moment.WIRE else count
        for number in range(1, last + 1, stride):
            yield Point(scenario, moment, number)
