"""A place to die, how many there are, and what came of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

from holdfast.core.errors import InvalidInput
from holdfast.torture.crash.driver import Moment
from holdfast.torture.crash.fork import Ending


@dataclass(frozen=True, slots=True)
class Point:
    """``number`` counts suspensions (requests for ``Moment.WIRE``) of the scenario, from 1; at 0 nothing
    dies."""

    scenario: str
    moment: Moment
    number: int

    def __str__(self) -> str:
        return f"{self.scenario}:{self.moment}:{self.number}"

    @staticmethod
    def parse(given: str) -> "Point":
        """``open:sent:42``.

        Raises:
            InvalidInput: it is not of that form.
        """
        try:
            scenario, moment, number = given.split(":")
            return Point(scenario, Moment(moment), int(number))
        except ValueError:
            raise InvalidInput(
                f"{given!r} is not a crash point.",
                advice="Give scenario, moment and number as printed, for example open:sent:42.",
            ) from None


@dataclass(frozen=True, slots=True)
class Outcome:
    """``place`` is where it died; "" if it ended before the point came."""

    point: Point
    place: str
    violations: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Length:
    """How many points one scenario has; ``places`` names where each suspension waits."""

    suspensions: int
    requests: int
    places: tuple[str, ...]

    @staticmethod
    def of(ending: Ending) -> "Length":
        """Raises ``AssertionError`` if the run in peace did not end well."""
        if ending.code:
            raise AssertionError(f"it goes wrong without any crash: {ending.last.get('failed', ending.code)}")
        told = ending.last
        return Length(told["count"], told["requests"], tuple(told["places"]))

    @staticmethod
    def named(places: Sequence[str]) -> "Length":
        """One point for each of ``places``."""
        return Length(len(places), 0, tuple(places))

    def points(self, scenario: str, moments: Sequence[Moment]) -> list[Point]:
        """Every point, one moment after the other."""
        last = {moment: self.requests if moment is Moment.WIRE else self.suspensions for moment in moments}
        return [
            Point(scenario, moment, number) for moment in moments for number in range(1, last[moment] + 1)
        ]

    def new_places(self, scenario: str, moments: Sequence[Moment], known: set[str]) -> Iterator[Point]:
        """Each place that is not ``known`` once, at one moment after the other; then it is."""
        turns = cycle(moment for moment in moments if moment is not Moment.WIRE)
        for number, place in enumerate(self.places, 1):
            if place not in known:
                known.add(place)
                yield Point(scenario, next(turns), number)


def thinned(points: Sequence[Point], *, stride: int = 1, offset: int = 0, most: int = 0) -> Sequence[Point]:
    """Every ``stride``-th point from ``offset`` on, or as far apart as it takes to have ``most`` at the most
    (0: any number). All offsets below a stride, together, are all points."""
    apart = max(stride, -(-len(points) // most)) if most else stride
    return points[offset % apart :: apart]
