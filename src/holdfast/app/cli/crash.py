"""``holdfast crash``: kill processes at every await of every scenario, and compare the books."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from holdfast.app.cli.output import JsonOption, console, fail, print_json, warn

if TYPE_CHECKING:
    from holdfast.torture.crash.points import Outcome
    from holdfast.torture.crash.report import Line, Report

SPEAK_EVERY = 15.0
"""Seconds between two lines about how far it is."""


def crash(
    scenario: Annotated[list[str] | None, typer.Option(help="Only these; all if none is named.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="How many at once, each with own servers.")] = 1,
    stride: Annotated[int, typer.Option(min=1, help="Every how many-th point; 1 is each one.")] = 1,
    offset: Annotated[int, typer.Option(min=0, help="Begin there; all below a stride are all points.")] = 0,
    points: Annotated[
        int, typer.Option(min=0, help="At most so many points of each, far apart; 0: all.")
    ] = 0,
    places: Annotated[
        bool, typer.Option("--places", help="Each line of code that waits once: a few minutes.")
    ] = False,
    moment: Annotated[str, typer.Option(help="Only this one: held, sent, answered, wire or clock.")] = "",
    replay: Annotated[
        list[str] | None, typer.Option(help="These points, as violations name them, and no others.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say every point.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Kill real processes at every point of an execution, and compare the books with the venue's.

    Ends with exit code 1 if a crash was not survived; every violation says how to replay it.
    """
    from holdfast.torture.crash import campaign
    from holdfast.torture.crash.report import Report

    began = time.monotonic()
    teller = _Teller(verbose=verbose)
    report = Report(teller.hear, teller.planned)
    if replay:
        campaign.replay(report, replay)
    else:
        choice = campaign.Choice(stride=stride, offset=offset, most=points, places=places, moment=moment)
        campaign.run_all(report, scenario or (), choice, jobs=jobs)
    seconds = time.monotonic() - began
    if as_json:
        print_json(report.as_json() | {"seconds": round(seconds, 1)})
    else:
        _show(report, seconds)
    if report.bad:
        fail(f"{len(report.bad)} of {report.died} crashes were not survived.")


class _Teller:
    """Says on the standard error how far it is, so that JSON stays alone on the other."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._spoke = time.monotonic()
        self._chosen = self._done = self._bad = 0

    def planned(self, line: "Line") -> None:
        self._chosen += line.chosen
        warn(f"{line.scenario}: {line.chosen} of {line.all} points")

    def hear(self, outcome: "Outcome") -> None:
        from holdfast.torture.crash.report import explain

        self._done += 1
        self._bad += bool(outcome.violations)
        if outcome.violations:
            warn(explain(outcome))
        elif self._verbose:
            warn(f"{outcome.point} {outcome.place or 'was over before'} {outcome.seconds:.2f} s")
        if time.monotonic() - self._spoke >= SPEAK_EVERY:
            self._spoke = time.monotonic()
            warn(f"{self._done} of {self._chosen} points, {self._bad} violations; at {outcome.point}")


def _show(report: "Report", seconds: float) -> None:
    table = Table("scenario", "dies", "points", "of", "crashes", "places", "violations", "s each", box=None)
    for line in report.lines.values():
        found = line.as_json()
        columns = ("points", "all_points", "died", "places", "violations", "seconds_per_point")
        table.add_row(line.scenario, line.dies, *(str(found[column]) for column in columns))
    console.print(table)
    for name, counts in (("processes", report.by_process), ("moments", report.by_moment)):
        console.print(f"{name}: {_listed(counts)}", highlight=False)
    console.print(
        f"{report.died} crashes in {seconds:.0f} s ({report.died / seconds:.2f} a second), "
        f"{len(report.bad)} violations.",
        highlight=False,
    )


def _listed(counts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
