"""A server dies while a worker waits: at each of its suspensions, one point after the other.

The worker stands still there (``SIGSTOP``) until the server is back, and goes on with what its connections
tell it then.
"""

import os
import signal
import time
from dataclasses import dataclass
from typing import Any

from holdfast.torture.crash.driver import Moment
from holdfast.torture.crash.fork import Ending, born
from holdfast.torture.crash.points import Length, Outcome, Point
from holdfast.torture.crash.run import Bench, conclude, work
from holdfast.torture.crash.site import kill, restart


@dataclass(frozen=True, slots=True)
class ServerDies:
    """``forget``: it comes back with nothing of what it knew. ``at_once``: PostgreSQL's own immediate
    shutdown, which ends it without a checkpoint, instead of SIGKILL."""

    dies: str
    scene: str = "open"
    forget: bool = False
    at_once: bool = False
    moments: tuple[Moment, ...] = (Moment.HELD, Moment.SENT, Moment.ANSWERED)

    @property
    def name(self) -> str:
        return f"{self.dies}-{'at-once-' if self.at_once else ''}under-{self.scene}"

    def length(self, bench: Bench) -> Length:
        scene = bench.prepare(self.scene)
        length = Length.of(bench.do(scene["job"], Moment.HELD, 0))
        bench.verdict(scene)
        return length

    def run(self, bench: Bench, point: Point) -> Outcome:
        began = time.monotonic()
        scene = bench.prepare(self.scene)
        ending = self._survived(bench, scene, point)
        return conclude(bench, scene, point, ending, began)

    def _survived(self, bench: Bench, scene: dict[str, Any], point: Point) -> Ending:
        """A job that ends in an accident is logged by the worker, which lives on; its lease runs out."""
        place = bench.place
        child = born(
            lambda say: work(
                place.settings,
                scene["job"],
                point.moment,
                point.number,
                bench.patch,
                say,
                blow=signal.SIGSTOP,
            ),
            place.log,
        )
        if child.stands():
            if self.at_once:
                place.servers[self.dies].process.send_signal(signal.SIGQUIT)
                place.servers[self.dies].process.wait(30)
            else:
                kill(place, (self.dies,))
            restart(place, (self.dies,), forget=self.forget)
            os.kill(child.pid, signal.SIGCONT)
        return child.wait().outlived()
