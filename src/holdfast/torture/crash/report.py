"""What a crash run has found: one line for each scenario, and how to replay every violation."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from holdfast.torture.crash.points import Outcome


@dataclass
class Line:
    """One scenario. ``all`` counts the points there are, ``chosen`` those that are run. ``died`` of
    ``points``: at the others the process ended before the point came."""

    scenario: str
    dies: str = ""
    all: int = 0
    chosen: int = 0
    points: int = 0
    died: int = 0
    seconds: float = 0.0
    places: set[str] = field(default_factory=set)
    moments: Counter[str] = field(default_factory=Counter)
    bad: list[Outcome] = field(default_factory=list)

    def take(self, outcome: Outcome) -> None:
        self.points += 1
        self.seconds += outcome.seconds
        if outcome.place:
            self.died += 1
            self.places.add(outcome.place)
            self.moments[outcome.point.moment.value] += 1
        if outcome.violations:
            self.bad.append(outcome)

    def as_json(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario,
            "dies": self.dies,
            "all_points": self.all,
            "points": self.points,
            "died": self.died,
            "places": len(self.places),
            "moments": dict(self.moments),
            "violations": len(self.bad),
            "seconds_per_point": round(self.seconds / max(self.points, 1), 3),
        }


@dataclass
class Report:
    """``hear`` is told every outcome at once, ``planned`` every scenario whose points are counted."""

    hear: Callable[[Outcome], None] = lambda _: None
    planned: Callable[[Line], None] = lambda _: None
    lines: dict[str, Line] = field(default_factory=dict)

    def plan(self, scenario: str, dies: str, *, points: int, chosen: int) -> None:
        """There are ``points``, of which ``chosen`` are run."""
        line = self.lines.setdefault(scenario, Line(scenario))
        line.dies, line.all, line.chosen = dies, points, chosen
        self.planned(line)

    def take(self, outcome: Outcome) -> None:
        name = outcome.point.scenario
        self.lines.setdefault(name, Line(name)).take(outcome)
        self.hear(outcome)

    @property
    def died(self) -> int:
        return sum(line.died for line in self.lines.values())

    @property
    def bad(self) -> list[Outcome]:
        return [outcome for line in self.lines.values() for outcome in line.bad]

    @property
    def by_moment(self) -> Counter[str]:
        return sum((line.moments for line in self.lines.values()), Counter[str]())

    @property
    def by_process(self) -> Counter[str]:
        """How often each kind of process died."""
        died: Counter[str] = Counter()
        for line in self.lines.values():
            died[line.dies] += line.died
        return died

    def as_json(self) -> dict[str, Any]:
        return {
            "crashes": self.died,
            "points": sum(line.points for line in self.lines.values()),
            "all_points": sum(line.all for line in self.lines.values()),
            "processes": dict(self.by_process),
            "moments": dict(self.by_moment),
            "violations": [
                {"replay": str(bad.point), "place": bad.place, "what": list(bad.violations)}
                for bad in self.bad
            ],
            "scenarios": [line.as_json() for line in self.lines.values()],
        }


def explain(bad: Outcome) -> str:
    """What went wrong, where, and the command that replays it."""
    what = "; ".join(bad.violations)
    return (
        f"{bad.point} killed at {bad.place or 'no place'}: {what}\n"
        f"  replay: holdfast crash --replay {bad.point}"
    )
