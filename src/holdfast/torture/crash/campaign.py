"""All points of a crash run, shared out to several processes with servers of their own."""

import json
import subprocess
import sys
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from signal import SIGKILL
from threading import Condition
from types import TracebackType
from typing import IO, Any, cast

from holdfast.core.errors import InvalidInput
from holdfast.platform.processes import tied_to_parent
from holdfast.torture.crash.batch import Hall
from holdfast.torture.crash.points import Length, Outcome, Point, thinned
from holdfast.torture.crash.report import Report
from holdfast.torture.crash.run import Suite
from holdfast.torture.crash.suite import GROUPS, SUITES


@dataclass(frozen=True, slots=True)
class Choice:
    """Which points: ``stride``, ``offset`` and ``most`` as in ``thinned``, of each scenario; ``places`` takes
    each line of code that waits only once, in whichever scenario comes to it first; ``moment`` leaves out
    all others."""

    stride: int = 1
    offset: int = 0
    most: int = 0
    places: bool = False
    moment: str = ""


def run_all(
    report: Report, wanted: Iterable[str] = (), choice: Choice | None = None, *, jobs: int = 1
) -> None:
    """Run the wanted scenarios (all if none is named) and note every outcome in ``report``.

    Raises:
        InvalidInput: there is no such scenario.
        RuntimeError: a process of the run itself broke.
    """
    suites = _checked(wanted)
    for group in GROUPS:
        chosen = [suite for suite in group if suite in suites]
        if chosen:
            work = _Work(report, chosen, choice or Choice())
            with ThreadPoolExecutor(jobs) as threads:
                for done in [threads.submit(work.share) for _ in range(jobs)]:
                    done.result()


def replay(report: Report, points: Iterable[str]) -> None:
    """Run these points, as they were printed, in this process.

    Raises:
        InvalidInput: there is no such point.
    """
    wanted = [Point.parse(point) for point in points]
    suites = _checked(point.scenario for point in wanted)
    order = list(SUITES)
    with Hall() as hall:
        for suite in sorted({suite.name for suite in suites}, key=order.index):
            chosen = [point for point in wanted if point.scenario == suite]
            report.plan(suite, SUITES[suite].dies, points=len(chosen), chosen=len(chosen))
            for point in chosen:
                report.take(hall.run(point))


def _checked(wanted: Iterable[str]) -> list[Suite]:
    names = list(wanted) or list(SUITES)
    for name in names:
        if name not in SUITES:
            raise InvalidInput(f"There is no scenario {name!r}.", advice=f"Choose from: {', '.join(SUITES)}.")
    return [SUITES[name] for name in names]


class _Work:
    """What is to be measured first, and what is to be run then."""

    def __init__(self, report: Report, suites: list[Suite], choice: Choice) -> None:
        self._report = report
        self._choice = choice
        self._unmeasured = deque(suites)
        self._measuring = 0
        self._points: deque[Point] = deque()
        self._known: set[str] = set()
        self._changed = Condition()

    def share(self) -> None:
        """One process does what is left to do until nothing is."""
        with _Process() as process:
            while (task := self._next()) is not None:
                if isinstance(task, Point):
                    outcome = process.run(task)
                    with self._changed:
                        self._report.take(outcome)
                else:
                    self._measured(task, process.measure(task.name))

    def _next(self) -> Suite | Point | None:
        with self._changed:
            if self._unmeasured:
                self._measuring += 1
                return self._unmeasured.popleft()
            while self._measuring and not self._points:
                self._changed.wait()
            return self._points.popleft() if self._points else None

    def _measured(self, suite: Suite, length: Length | Outcome) -> None:
        with self._changed:
            self._measuring -= 1
            if isinstance(length, Outcome):
                self._report.plan(suite.name, suite.dies, points=0, chosen=1)
                self._report.take(length)
            else:
                every = length.points(suite.name, suite.moments)
                chosen = self._chosen(suite, length, every)
                self._points += chosen
                self._report.plan(suite.name, suite.dies, points=len(every), chosen=len(chosen))
            self._changed.notify_all()

    def _chosen(self, suite: Suite, length: Length, every: list[Point]) -> list[Point]:
        choice = self._choice
        points = list(length.new_places(suite.name, suite.moments, self._known)) if choice.places else every
        wanted = [point for point in points if choice.moment in ("", point.moment)]
        return list(thinned(wanted, stride=choice.stride, offset=choice.offset, most=choice.most))


class _Process:
    """One ``batch`` process, for the length of a block."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "holdfast.torture.crash.batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=tied_to_parent(SIGKILL),
        )

    def __enter__(self) -> "_Process":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.__exit__(kind, error, trace)

    def measure(self, name: str) -> Length | Outcome:
        """The length of a scenario, or what is wrong with it without any crash."""
        told = self._ask(measure=name)
        if "broken" in told:
            return Outcome(Point(name, SUITES[name].moments[0], 0), "", (told["broken"],), 0.0)
        return Length(**{**told["length"], "places": tuple(told["length"]["places"])})

    def run(self, point: Point) -> Outcome:
        told = self._ask(point=str(point))
        if "broken" in told:
            return Outcome(point, "", (f"the run itself broke: {told['broken']}",), 0.0)
        return Outcome(point, told["place"], tuple(told["violations"]), told["seconds"])

    def _ask(self, **question: str) -> dict[str, Any]:
        questions, answers = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        questions.write(json.dumps(question).encode() + b"\n")
        questions.flush()
        line = answers.readline()
        if not line:
            raise RuntimeError(f"{question} broke the run itself; what it printed says why")
        told: dict[str, Any] = json.loads(line)
        return told
