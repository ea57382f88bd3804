"""Kills a worker's process at every point of a scenario; another goes on; the books are compared."""

import asyncio
import gc
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, Final, Protocol

from sqlalchemy.orm import configure_mappers

from holdfast.app import runner, worker
from holdfast.app.worker import Child
from holdfast.execution import asking
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings
from holdfast.platform.telemetry import configure_logging
from holdfast.torture.crash.driver import Moment, Reaper, drive
from holdfast.torture.crash.fork import ChildFailed, Clerk, Ending, Say, in_child
from holdfast.torture.crash.place import Place
from holdfast.torture.crash.points import Length, Outcome, Point
from holdfast.torture.crash.scenarios import Scenario, scenario_of
from holdfast.torture.crash.stage import Stage

IN_FLIGHT: Final = timedelta(seconds=0.4)
"""In these runs a request of a dead process is in the kernel's hands of one machine, so that it has arrived
within milliseconds; in the real world it may be under way for the whole receive window."""
RENEW_SECONDS: Final = 0.1
"""Renewals of the lease are to be among the points of jobs that are over long before four seconds."""
ROUNDS: Final = 60
FARTHEST: Final = 331
"""Successors die at any of so many first points, which are scattered as it is a prime."""
_OTHERS: Final = (Moment.ANSWERED, Moment.HELD, Moment.SENT)

Patch = Callable[[Settings], None]
"""Changes the code of every process that is started: how a test takes a guard away to see it missed."""


def nothing(_: Settings) -> None:
    """The code as it is."""


@dataclass
class Bench:
    """A running place with its stage: what every point needs. Use as a context manager."""

    place: Place
    patch: Patch = nothing
    stage: Clerk = field(init=False)

    def __enter__(self) -> "Bench":
        configure_mappers()
        self.stage = Clerk(lambda read, say: serve_stage(self.place.settings, read, say), self.place.log)
        self._rehearse()
        gc.collect()
        gc.freeze()
        return self

    def __exit__(self, *_: object) -> None:
        self.stage.dismiss()

    def prepare(self, scenario: str, **detail: Any) -> dict[str, Any]:
        """A new scene, as ``Stage.prepare`` sets it."""
        scene: dict[str, Any] = self.stage.ask("prepare", scenario=scenario, **detail)
        return scene

    def do(self, job_id: int, moment: Moment, at: int, *, settings: Settings | None = None) -> Ending:
        """One job in a process of its own, which dies at ``at`` (never, if 0)."""
        given = settings or self.place.settings
        return self.child(lambda say: work(given, job_id, moment, at, self.patch, say))

    def child(self, do: Callable[[Say], None]) -> Ending:
        return in_child(do, self.place.log)

    def _rehearse(self) -> None:
        """Do one job in peace, here: what SQLAlchemy learns from it, every child inherits."""
        scene = self.prepare("unwind")
        child = _pool_child(self.place.settings, nothing)
        while (due := self.stage.ask("due", **scene)) is not None:
            child.run(due)
        child.close()
        self.stage.ask("judge", **scene)

    def go_on(self, scene: dict[str, Any]) -> Ending:
        """Let another process do everything that is due in a scene."""
        return self.child(lambda _: self._go_on(scene))

    def verdict(self, scene: dict[str, Any]) -> list[str]:
        """Let the next process finish every job of the scene, then compare the books."""
        ending = self.go_on(scene)
        found = [f"the successor failed: {ending.last}"] if ending.code else []
        return found + list(self.stage.ask("judge", **scene))

    def _go_on(self, scene: dict[str, Any]) -> None:
        """A child of the pool that does what is due until nothing is, and asks the stage meanwhile."""
        child = _pool_child(self.place.settings, self.patch)
        for _ in range(ROUNDS):
            due = self.stage.ask("due", **scene)
            if due is None:
                return
            child.run(due)
        raise ChildFailed(f"It was not over after {ROUNDS} more runs.")


class Suite(Protocol):
    """One scenario: what ``dies`` in it, how long it is, and what happens when it is cut at a point."""

    @property
    def name(self) -> str: ...

    @property
    def dies(self) -> str: ...

    @property
    def moments(self) -> tuple[Moment, ...]: ...

    def length(self, bench: Bench) -> Length: ...

    def run(self, bench: Bench, point: Point) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class WorkerDies:
    """A child of the worker's pool dies in the middle of its job, and ``deaths`` - 1 of its successors after
    it, each of them elsewhere."""

    scenario: Scenario
    deaths: int = 1
    dies: str = "worker"

    @property
    def name(self) -> str:
        return self.scenario.name if self.deaths == 1 else f"{self.scenario.name}-{self.deaths}-times"

    @property
    def moments(self) -> tuple[Moment, ...]:
        return (Moment.HELD, Moment.SENT, Moment.ANSWERED, Moment.WIRE)

    def length(self, bench: Bench) -> Length:
        scene = bench.prepare(self.scenario.name)
        length = Length.of(bench.do(scene["job"], Moment.HELD, 0))
        problems = bench.verdict(scene)
        if problems:
            raise AssertionError(f"{self.name} goes wrong without any crash: {problems}")
        return length

    def run(self, bench: Bench, point: Point) -> Outcome:
        began = time.monotonic()
        scene = bench.prepare(self.scenario.name)
        ending = bench.do(scene["job"], point.moment, point.number)
        for again in range(1, self.deaths):
            due = bench.stage.ask("due", **scene)
            if due is not None:
                bench.do(due, _OTHERS[again % len(_OTHERS)], 1 + point.number * again % FARTHEST)
        return conclude(bench, scene, point, ending, began)


def conclude(
    bench: Bench, scene: dict[str, Any], point: Point, ending: Ending, began: float, *said: str
) -> Outcome:
    """Everybody else goes on; then the books are compared. ``said``: violations found before."""
    violations = list(said)
    if not ending.killed and ending.code:
        violations.append(f"the process failed: {ending.last}")
    violations += bench.verdict(scene)
    return Outcome(point, ending.place, tuple(violations), time.monotonic() - began)


def work(
    settings: Settings,
    job_id: int,
    moment: Moment,
    at: int,
    patch: Patch,
    say: Say,
    blow: signal.Signals = signal.SIGKILL,
) -> None:
    """What a child of the worker's pool does with one job, until it is killed, or stopped by ``blow``."""
    child = _pool_child(settings, patch)
    reaper = Reaper(moment, at, say, blow=blow)
    drive(child.loop, reaper)
    child.run(job_id)
    reaper.report()


@cache
def _database(url: str, **options: Any) -> Database:
    """One for all children of one address: with its connections closed, an engine may be inherited."""
    return Database(url, **options)


def _pool_child(settings: Settings, patch: Patch) -> Child:
    configure_logging(settings, "worker")
    worker.Database = _database  # type: ignore[attr-defined,assignment]
    asking.IN_FLIGHT = IN_FLIGHT
    runner.RENEW_SECONDS = RENEW_SECONDS  # type: ignore[misc]
    patch(settings)
    stop_pipe, _held_open = os.pipe()
    return Child(settings, stop_pipe)


def serve_stage(settings: Settings, read: Callable[[], str], say: Say) -> None:
    """The stage's process: answers questions until nobody asks any more."""
    configure_logging(settings, "stage")
    with asyncio.Runner() as loop:
        stage = Stage(settings)
        loop.run(stage.open())
        while line := read():
            question = json.loads(line)
            try:
                answer = {"answer": loop.run(_answer(stage, **question))}
            except Exception as error:
                answer = {"failed": f"{type(error).__name__}: {error}"}
            say(json.dumps(answer, default=str).encode() + b"\n")
        loop.run(stage.close())


async def _answer(stage: Stage, what: str, **detail: Any) -> Any:
    match what:
        case "prepare":
            return await stage.prepare(scenario_of(detail["scenario"]))
        case "executions":
            return await stage.executions(detail)
        case "over":
            return await stage.over(detail)
        case "asked":
            return await stage.asked(detail)
        case "trade":
            return await stage.trade(detail)
        case "hurry":
            return await stage.hurry(**detail)
        case "due":
            return await stage.due(detail)
        case "judge":
            return await stage.judge(detail)
        case _:
            raise ValueError(what)
