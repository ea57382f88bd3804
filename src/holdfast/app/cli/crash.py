"""``holdfast crash``: kill workers at every await of every scenario, and compare the books."""

import time
from typing import Annotated

import typer
from rich.table import Table

from holdfast.app.cli.output import JsonOption, console, fail, print_json


def crash(
    scenario: Annotated[list[str] | None, typer.Option(help="Only these; all if none is named.")] = None,
    stride: Annotated[int, typer.Option(min=1, help="Every how many-th point; 1 is each one.")] = 1,
    points: Annotated[int, typer.Option(min=0, help="At most so many points of each; 0: all.")] = 0,
    places: Annotated[
        bool, typer.Option("--places", help="Each line of code that waits once: a few minutes.")
    ] = False,
    moment: Annotated[str, typer.Option(help="Only this one: held, sent, answered, wire or clock.")] = "",
    replay: Annotated[str, typer.Option(help="One point, as a violation names it.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Kill real processes at every point of an execution, and compare the books with the venue's."""
    from holdfast.torture.crash_report import Line, Report, explain
    from holdfast.torture.crash_suite import run_all, run_one

    began = time.monotonic()
    report = Report()

    def tell(line: Line) -> None:
        if not as_json:
            console.print(
                f"{line.scenario}: {line.died} crashes at {len(line.places)} places, "
                f"{len(line.bad)} violations, {line.seconds / max(line.points, 1):.2f} s each"
            )

    if replay:
        report.take(run_one(replay))
    else:
        run_all(report, scenario or (), stride=stride, most=points, places=places, moment=moment, tell=tell)
    if as_json:
        print_json(report.as_json())
    else:
        _show(report.as_json(), time.monotonic() - began)
        for words in explain(report.bad):
            console.print(words, highlight=False, markup=False)
    if report.bad:
        fail(f"{len(report.bad)} of {report.died} crashes were not survived.")


def _show(found: dict, seconds: float) -> None:  # type: ignore[type-arg]
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
