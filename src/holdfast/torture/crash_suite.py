"""Every scenario, one after another."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from holdfast.core.errors import InvalidInput
from holdfast.torture.crash_place import open_place
from holdfast.torture.crash_points import Outcome, Point
from holdfast.torture.crash_report import Line, Report
from holdfast.torture.crash_run import Bench, Patch, nothing, points_of
from holdfast.torture.crash_scenarios import SCENARIOS


def run_all(
    report: Report,
    wanted: Iterable[str] = (),
    *,
    stride: int = 1,
    most: int = 0,
    tell: Callable[[Line], None] = lambda _: None,
    patch: Patch = nothing,
) -> None:
    """Run the wanted scenarios (all if none is named) and note every outcome in ``report``.

    ``most`` bounds the points of one scenario; ``tell`` hears of each finished one.

    Raises:
        InvalidInput: there is no such scenario.
    """
    names = _checked(wanted)
    with open_place() as place, Bench(place, patch) as bench:
        for name in names:
            points: Iterator[Point] = points_of(bench, name, stride=stride)
            for point in islice(points, most or None):
                report.take(bench.run(point))
            tell(report.lines[name])


def run_one(point: str) -> Outcome:
    """Replay one point, as it was printed.

    Raises:
        InvalidInput: there is no such point.
    """
    wanted = Point.parse(point)
    _checked([wanted.scenario])
    with open_place() as place, Bench(place) as bench:
        return bench.run(wanted)


def _checked(wanted: Iterable[str]) -> list[str]:
    known = [scenario.name for scenario in SCENARIOS]
    names = list(wanted) or known
    for name in names:
        if name not in known:
            raise InvalidInput(f"There is no scenario {name!r}.", advice=f"Choose from: {', '.join(known)}.")
    return names
