"""A place to die, and what came of it."""

from dataclasses import dataclass

from holdfast.core.errors import InvalidInput
from holdfast.torture.crash.driver import Moment


@dataclass(frozen=True, slots=True)
class Point:
    """``number`` counts suspensions (requests for ``Moment.WIRE``) of the scenario, from 1."""

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
