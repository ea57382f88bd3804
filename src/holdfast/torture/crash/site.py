"""Whole processes die while a real worker and a real scheduler carry out an execution, and a watch listens.

Points are moments after the confirmation, scattered over ``steps`` hundredths of a second so that a few of
them are spread already. ``IN_FLIGHT`` is the real one here.
"""

import os
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

import psutil

from holdfast.app import crew
from holdfast.torture.crash.driver import Moment
from holdfast.torture.crash.place import Place, Server, wait_for_postgres, wait_for_redis
from holdfast.torture.crash.points import Length, Outcome, Point
from holdfast.torture.crash.run import Bench

SCENE: Final = "open"
OURS: Final = ("worker", "scheduler", "watch")
SERVERS: Final = ("postgres", "redis")
PATIENCE: Final = 120.0
SCATTER: Final = 37
TICK: Final = 0.05


@dataclass(frozen=True, slots=True)
class ProcessesDie:
    """``victims`` get SIGKILL at the same moment; ``who`` of each: all, its parent or its children alone.

    ``forget``: Redis comes back with nothing of what it knew.
    """

    name: str
    victims: tuple[str, ...]
    who: Literal["all", "parent", "children"] = "all"
    forget: bool = False
    steps: int = 100
    moments: tuple[Moment, ...] = (Moment.CLOCK,)

    @property
    def dies(self) -> str:
        return self.victims[0] if len(self.victims) == 1 else "machine"

    def length(self, bench: Bench) -> Length:  # noqa: ARG002 - as every suite's
        return Length.named([self._words(number) for number in range(1, self.steps + 1)])

    def run(self, bench: Bench, point: Point) -> Outcome:
        began = time.monotonic()
        place = bench.place
        staff(place)
        scene = bench.prepare(SCENE)
        time.sleep(self._seconds(point.number))
        kill(place, self.victims, self.who)
        if self.who != "children":
            restart(place, self.victims, forget=self.forget)
        if self.who != "parent":  # whose children give their job back themselves
            bench.stage.ask("hurry", leases="worker" in self.victims, scene=scene)
        found = [*_until_over(bench, scene), *bench.stage.ask("judge", **scene)]
        return Outcome(point, self._words(point.number), tuple(found), time.monotonic() - began)

    def _seconds(self, number: int) -> float:
        return number * SCATTER % self.steps / 100

    def _words(self, number: int) -> str:
        return f"{self._seconds(number):.2f} s after the confirmation"


def staff(place: Place) -> None:
    """Who carries out and who listens, as ``holdfast up`` starts them, unless they run already."""
    members = {member.name: member for member in crew.processes(place.settings)}
    missing = [name for name in OURS if name not in place.servers]
    (place.home / "run").mkdir(exist_ok=True)
    for name in missing:
        place.servers[name] = Server(members[name].program, place.home / f"{name}.log")
    deadline = time.monotonic() + PATIENCE
    while not all(members[name].ready() for name in missing):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{' and '.join(missing)} did not come up")
        time.sleep(TICK)


def kill(place: Place, victims: tuple[str, ...], who: Literal["all", "parent", "children"] = "all") -> None:
    """SIGKILL for all of them at once: first nobody moves any more, then nobody lives any more."""
    parents = [psutil.Process(place.servers[name].process.pid) for name in victims]
    doomed = list(parents) if who != "children" else []
    if who != "parent":
        for parent in parents:
            parent.suspend()
            doomed += parent.children(recursive=True)
    for process in doomed:
        with suppress(psutil.NoSuchProcess):
            os.kill(process.pid, signal.SIGKILL)
    if who == "children":
        for parent in parents:
            parent.resume()
        return
    for name in victims:
        place.servers[name].process.wait(30)
    psutil.wait_procs(doomed, timeout=30)


def restart(place: Place, victims: tuple[str, ...], *, forget: bool = False) -> None:
    """Start the victims again: servers first, then ours."""
    if forget:
        for content in place.redis.data.iterdir():
            shutil.rmtree(content) if content.is_dir() else content.unlink()
        place.redis.program(int(place.settings.redis_url.rpartition(":")[2].partition("/")[0]))
    for name in sorted(victims, key=lambda name: name not in SERVERS):
        place.servers[name].restart()
    if "postgres" in victims:
        wait_for_postgres(place)
    if "redis" in victims:
        wait_for_redis(place)


def _until_over(bench: Bench, scene: dict[str, Any]) -> list[str]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if bench.stage.ask("over", **scene):
            return []
        time.sleep(TICK)
    return [f"it was not over after {PATIENCE:.0f} s"]
