"""The process that listens to the account streams dies, at each of its suspensions.

Meanwhile a basket is opened and the user trades by hand. Whatever it heard and had not written down, or did
not hear any more, the next one has to find out.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import uvloop

from holdfast.app import watch
from holdfast.platform.settings import Settings
from holdfast.platform.telemetry import configure_logging
from holdfast.torture.crash.driver import Moment, Reaper, drive
from holdfast.torture.crash.fork import Ending, Say, born
from holdfast.torture.crash.points import Length, Outcome, Point
from holdfast.torture.crash.run import Bench, Patch, conclude

PATIENCE: Final = 30.0
TICK: Final = 0.02


@dataclass(frozen=True, slots=True)
class WatchDies:
    name: str = "watch"
    dies: str = "watch"
    moments: tuple[Moment, ...] = (Moment.HELD, Moment.SENT, Moment.ANSWERED)

    def length(self, bench: Bench) -> Length:
        scene = bench.prepare(self.name)
        length = Length.of(self._play(bench, scene, Moment.HELD, 0))
        problems = bench.verdict(scene)
        if problems:
            raise AssertionError(f"{self.name} goes wrong without any crash: {problems}")
        return length

    def run(self, bench: Bench, point: Point) -> Outcome:
        began = time.monotonic()
        scene = bench.prepare(self.name)
        ending = self._play(bench, scene, point.moment, point.number)
        with _Listener(bench, Moment.HELD, 0) as successor:
            heard = _until(lambda: bench.stage.ask("asked", **scene), successor)
        said = [] if heard else ["the next one does not ask for a reconciliation"]
        return conclude(bench, scene, point, ending, began, *said)

    def _play(self, bench: Bench, scene: dict[str, Any], moment: Moment, at: int) -> Ending:
        with _Listener(bench, moment, at) as listener:
            _until(lambda: bench.stage.ask("asked", **scene), listener)
            bench.go_on(scene)
            bench.stage.ask("trade", scenario=self.name, **scene)
            _until(lambda: bench.stage.ask("asked", **scene), listener)
        return listener.ending


def _until(done: Callable[[], bool], listener: "_Listener") -> bool:
    """Whether it came to that while somebody listened."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        if listener.is_dead or time.monotonic() > deadline:
            return done()
        time.sleep(TICK)
    return True


class _Listener:
    """One process that listens, for the length of a block."""

    def __init__(self, bench: Bench, moment: Moment, at: int) -> None:
        settings, patch = bench.place.settings, bench.patch
        self._process = born(lambda say: listen(settings, moment, at, patch, say), bench.place.log)
        self.ending: Ending

    @property
    def is_dead(self) -> bool:
        return self._process.is_over

    def __enter__(self) -> "_Listener":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGTERM)
        self.ending = self._process.wait()


def listen(settings: Settings, moment: Moment, at: int, patch: Patch, say: Say) -> None:
    """What ``holdfast watch`` does until SIGTERM, unless it is killed before."""
    configure_logging(settings, "watch")
    patch(settings)
    reaper = Reaper(moment, at, say)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        drive(runner.get_loop(), reaper)
        runner.run(_until_asked_to_leave(settings))
    reaper.report()


async def _until_asked_to_leave(settings: Settings) -> None:
    listening = asyncio.create_task(watch.run(settings))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, listening.cancel)
    with suppress(asyncio.CancelledError):
        await listening
