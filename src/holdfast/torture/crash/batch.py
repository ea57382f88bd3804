"""One process of a crash run: with servers of its own it measures scenarios and runs points, as it is asked.

Reads a question a line and answers each with a line of JSON.
"""

import json
import os
import sys
from contextlib import ExitStack
from typing import Any, Final

from holdfast.torture.crash.place import open_place
from holdfast.torture.crash.points import Length, Outcome, Point
from holdfast.torture.crash.run import Bench, Patch, Suite, nothing
from holdfast.torture.crash.suite import DISK, GROUPS, SUITES

LOG_LINES: Final = 40
"""Of the log of a point that was not survived, so many lines from its end are told."""


class Hall:
    """The servers that the suite at hand needs. Use as a context manager."""

    def __init__(self, patch: Patch = nothing) -> None:
        self._patch = patch
        self._stack = ExitStack()
        self._group: tuple[Suite, ...] = ()
        self._bench: Bench | None = None

    def __enter__(self) -> "Hall":
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """End all servers; the next question starts others."""
        self._stack.close()
        self._bench = None

    def measure(self, name: str) -> Length:
        """How many points a scenario has. Raises ``AssertionError`` if it goes wrong in peace."""
        return SUITES[name].length(self._at(SUITES[name]))

    def run(self, point: Point) -> Outcome:
        """One point. What its processes logged is told on the standard error if they did not survive it."""
        suite = SUITES[point.scenario]
        bench = self._at(suite)
        known = bench.place.logged
        outcome = suite.run(bench, point)
        if outcome.violations:
            lines = bench.place.log.read_bytes()[known:].decode(errors="replace").splitlines()
            sys.stderr.writelines(f"  {line}\n" for line in lines[-LOG_LINES:])
        return outcome

    def _at(self, suite: Suite) -> Bench:
        group = next(group for group in GROUPS if suite in group)
        if self._bench is None or self._group is not group:
            self.leave()
            place = self._stack.enter_context(open_place(durable=group is DISK))
            self._bench = self._stack.enter_context(Bench(place, self._patch))
            self._group = group
        return self._bench


def answer(hall: Hall, question: dict[str, str]) -> dict[str, Any]:
    """What breaks the run itself is told as such, and its servers are not used any more."""
    try:
        if "measure" in question:
            length = hall.measure(question["measure"])
            told = {"suspensions": length.suspensions, "requests": length.requests, "places": length.places}
            return {"length": told}
        outcome = hall.run(Point.parse(question["point"]))
        return {
            "place": outcome.place,
            "violations": outcome.violations,
            "seconds": outcome.seconds,
        }
    except Exception as error:
        hall.leave()
        return {"broken": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with Hall() as hall:
        for line in sys.stdin:
            answers.write(json.dumps(answer(hall, json.loads(line))).encode() + b"\n")


if __name__ == "__main__":
    main()
