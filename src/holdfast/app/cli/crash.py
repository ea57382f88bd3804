"""``holdfast crash``: kill workers at every await of every scenario, and compare the books."""

import time
from typing import Annotated, Any

import typer
from rich.table import Table

from holdfast.app.cli.output import JsonOption, console, errors, fail, print_json


def crash(
    scenario: Annotated[list[str] | None, typer.Option(help="Only these; all if none is named.")] = None,
    stride: Annotated[int, typer.Option(min=1, help="Every how many-th point; 1 is each one.")] = 1,
    points: Annotated[int, typer.Option(min=0, help="At most so many points of each; 0: all.")] = 0,
    places: Annotated[
        bool, typer.Option("--places", help="Each line of code that waits once: a few minutes.")
    ] = False,
    moment: Annotated[str, typer.Option(help="Only this one: held, sent, answered, wire or clock.")] = "",
    replay: Annotated[str, typer.Option(help="One point, as a violation names it.")] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say every point.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Kill real processes at every point of an execution, and compare the books with the venue's."""
    from holdfast.torture.crash.points import Outcome
    from holdfast.torture.crash.report import Line, Report, explain
    from holdfast.torture.crash.suite import run_all, run_one

    began = time.monotonic()

    def tell(line: Line) -> None:
        if not as_json:
            say(
                f"{line.scenario}: {line.died} crashes at {len(line.places)} places, "
                f"{len(line.bad)} violations, {line.seconds / max(line.points, 1):.2f} s each"
            )

    def hear(outcome: Outcome) -> None:
        if outcome.violations:
            say(explain(outcome))
        elif verbose:
            say(f"{outcome.point} {outcome.place or 'was over before'} {outcome.seconds:.2f} s")

    report = Report(hear)
    if replay:
        report.take(run_one(replay))
    else:
        chosen = scenario or ()
        run_all(report, chosen, stride=stride, most=points, places=places, moment=moment, tell=tell)
    if as_json:
        print_json(report.as_json())
    else:
        _show(report.as_json(), time.monotonic() - began)
    if report.bad:
        fail(f"{len(report.bad)} of {report.died} crashes were not survived.")


def say(words: str) -> None:
    """To the standard error, so that JSON stays alone on the other."""
    errors.print(words, highlight=False, markup=False)


def _show(found: dict[str, Any], seconds: float) -> None:
    table = Table("scenario", "points", "crashes", "places", "violations", "s each", box=None)
    for line in found["scenarios"]:
        table.add_row(
            line["scenario"],
            str(line["points"]),
            str(line["died"]),
            str(line["places"]),
            str(line["violations"]),
            f"{line['seconds_per_point']:.2f}",
        )
    console.print(table)
    console.print(
        f"{found['crashes']} crashes in {seconds:.0f} s, {len(found['violations'])} violations.",
        highlight=False,
    )
