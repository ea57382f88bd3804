"""Every scenario, one after another."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from holdfast.core.errors import InvalidInput
from holdfast.torture.crash.api import ApiDies
from holdfast.torture.crash.commits import CommitsSurvive
from holdfast.torture.crash.cut import ConnectionsCut
from holdfast.torture.crash.place import open_place
from holdfast.torture.crash.points import Outcome, Point
from holdfast.torture.crash.report import Line, Report
from holdfast.torture.crash.run import Bench, Patch, Suite, WorkerDies, nothing, points_of
from holdfast.torture.crash.scenarios import SCENARIOS, scenario_of
from holdfast.torture.crash.scheduler import SchedulerDies
from holdfast.torture.crash.site import ProcessesDie

JOBS: Final[tuple[Suite, ...]] = (
    *(WorkerDies(scenario) for scenario in SCENARIOS),
    WorkerDies(scenario_of("open"), deaths=4),
    WorkerDies(scenario_of("unwind"), deaths=3),
    SchedulerDies(),
    ApiDies(),
    ConnectionsCut("postgres"),
    ConnectionsCut("venue"),
)
"""One process made for the purpose dies, or loses its connections; the servers live on."""
MACHINES: Final[tuple[Suite, ...]] = (
    ProcessesDie("worker-parent", ("worker",), who="parent"),
    ProcessesDie("worker-children", ("worker",), who="children"),
    ProcessesDie("worker", ("worker",)),
    ProcessesDie("scheduler-process", ("scheduler",)),
    ProcessesDie("redis", ("redis",), forget=True),
    ProcessesDie("postgres", ("postgres",)),
    ProcessesDie("power-cut", ("postgres", "redis", "worker", "scheduler"), forget=True),
    CommitsSurvive(),
)
"""Whole processes of an installation die, the servers among them."""
SUITES: Final = {suite.name: suite for suite in (*JOBS, *MACHINES)}


def run_all(
    report: Report,
    wanted: Iterable[str] = (),
    *,
    stride: int = 1,
    most: int = 0,
    places: bool = False,
    moment: str = "",
    tell: Callable[[Line], None] = lambda _: None,
    patch: Patch = nothing,
) -> None:
    """Run the wanted scenarios (all if none is named) and note every outcome in ``report``.

    ``most`` bounds the points of one scenario; ``places`` takes each line of code that waits only once, in
    whichever scenario comes to it first; ``moment`` leaves out all others; ``tell`` hears of each finished
    scenario.

    Raises:
        InvalidInput: there is no such scenario.
    """
    suites = _checked(wanted)
    known: set[str] | None = set() if places else None
    for durable, group in ((False, JOBS), (True, MACHINES)):
        chosen = [suite for suite in group if suite in suites]
        if not chosen:
            continue
        with open_place(durable=durable) as place, Bench(place, patch) as bench:
            for suite in chosen:
                points = points_of(suite, bench, stride=stride, known=known)
                wanted_now = (point for point in points if moment in ("", point.moment))
                for point in islice(wanted_now, most or None):
                    report.take(suite.run(bench, point))
                if suite.name in report.lines:
                    tell(report.lines[suite.name])


def run_one(point: str) -> Outcome:
    """Replay one point, as it was printed.

    Raises:
        InvalidInput: there is no such point.
    """
    wanted = Point.parse(point)
    (suite,) = _checked([wanted.scenario])
    with open_place(durable=suite in MACHINES) as place, Bench(place) as bench:
        return suite.run(bench, wanted)


def _checked(wanted: Iterable[str]) -> list[Suite]:
    names = list(wanted) or list(SUITES)
    for name in names:
        if name not in SUITES:
            raise InvalidInput(f"There is no scenario {name!r}.", advice=f"Choose from: {', '.join(SUITES)}.")
    return [SUITES[name] for name in names]
