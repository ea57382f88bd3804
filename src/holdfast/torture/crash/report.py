"""What a crash run has found: one line for each scenario, and how to replay every violation."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from holdfast.torture.crash.points import Outcome


@dataclass
class Line:
    """One scenario. ``died`` of ``points``: at the others the process ended before the point came."""

    scenario: str
    points: int = 0
    died: int = 0
    seconds: float = 0.0
    places: set[str] = field(default_factory=set)
    bad: list[Outcome] = field(default_factory=list)

    def take(self, outcome: Outcome) -> None:
        self.points += 1
        self.died += bool(outcome.place)
        self.seconds += outcome.seconds
        self.places.add(outcome.place)
        if outcome.violations:
            self.bad.append(outcome)


@dataclass
class Report:
    """``hear`` is told every outcome at once."""

    hear: Callable[[Outcome], None] = lambda _: None
    lines: dict[str, Line] = field(default_factory=dict)

    def take(self, outcome: Outcome) -> None:
        self.hear(outcome)
        name = outcome.point.scenario
        self.lines.setdefault(name, Line(name)).take(outcome)

    @property
    def died(self) -> int:
        return sum(line.died for line in self.lines.values())

    @property
    def bad(self) -> list[Outcome]:
        return [outcome for line in self.lines.values() for outcome in line.bad]

    def as_json(self) -> dict[str, Any]:
        return {
            "crashes": self.died,
            "violations": [
                {"replay": str(bad.point), "place": bad.place, "what": list(bad.violations)}
                for bad in self.bad
            ],
            "scenarios": [
                {
                    "scenario": line.scenario,
                    "points": line.points,
                    "died": line.died,
                    "places": len(line.places),
                    "violations": len(line.bad),
                    "seconds_per_point": round(line.seconds / max(line.points, 1), 3),
                }
                for line in self.lines.values()
            ],
        }


def explain(bad: Outcome) -> str:
    """What went wrong, where, and the command that replays it."""
    what = "; ".join(bad.violations)
    return (
        f"{bad.point} killed at {bad.place or 'no place'}: {what}\n"
        f"  replay: holdfast crash --replay {bad.point}"
    )
