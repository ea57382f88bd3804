"""``holdfast torture``: seeded runs of the real execution against a hostile venue, and the books compared."""

import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from holdfast.app.cli.output import JsonOption, console, print_json, say

if TYPE_CHECKING:
    from holdfast.torture.campaign import Outcome

TOTALS: Final = (
    ("orders", "orders"),
    ("fills", "fills"),
    ("executions that ended complete", "ended complete"),
    ("… complete with a residual", "ended complete_with_residual"),
    ("… taken back, or never begun", "ended unwound"),
    ("… in “needs attention”", "ended needs_attention"),
    ("faults", "faults injected"),
    ("worker crashes", "crashes"),
    ("frozen workers", "pauses"),
    ("unknown outcomes resolved", "unknowns resolved"),
    ("trades by hand", "trades by hand"),
    ("forced trades", "forced trades"),
    ("requests", "requests"),
    ("statements", "statements"),
    ("deadlocks tried again", "deadlocks"),
)


def torture(
    seeds: Annotated[int, typer.Option(min=1, help="How many runs.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="How many processes.")] = 1,
    keep_going: Annotated[bool, typer.Option(help="Go on after a violation.")] = False,
    mutation: Annotated[str, typer.Option(hidden=True)] = "",
    as_json: JsonOption = False,
) -> None:
    """Torture the execution: random faults, crashes and forced trades, then the books against the venue's.

    Everything follows from the seed, in virtual time, on a throw-away database; nothing of yours is touched.
    Ends with exit code 1 if anything that must hold did not.
    """
    from holdfast.torture.campaign import campaign

    began = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=as_json, transient=True) as progress:
        bar = progress.add_task("Torturing", total=seeds)

        def tell(outcome: "Outcome") -> None:
            progress.advance(bar)
            if outcome.violations and not as_json:
                _show(outcome)

        outcomes = campaign(
            range(seed, seed + seeds), jobs=jobs, mutation=mutation, keep_going=keep_going, tell=tell
        )
    took = time.monotonic() - began
    counts = sum((outcome.counts for outcome in outcomes), Counter[str]())
    violated = [outcome.seed for outcome in outcomes if outcome.violations]
    if as_json:
        print_json(
            {
                "seeds": len(outcomes),
                "violated": violated,
                "seconds": round(took, 1),
                "virtual_seconds": round(sum(outcome.virtual_seconds for outcome in outcomes)),
                "totals": {name: counts[key] for name, key in TOTALS},
                "violations": {str(o.seed): list(o.violations) for o in outcomes if o.violations},
            }
        )
    else:
        _summary(outcomes, counts, violated, took)
    if violated:
        raise typer.Exit(1)


def _show(outcome: "Outcome") -> None:
    console.print(f"[red]Seed {outcome.seed}[/red]", highlight=False)
    for violation in outcome.violations:
        say(f"  {violation}")
    console.print("  What went wrong around it:", highlight=False)
    for line in outcome.schedule:
        say(f"    {line}")
    console.print(f"  Replay: holdfast torture --seed {outcome.seed} --seeds 1", highlight=False)


def _summary(outcomes: list["Outcome"], counts: Counter[str], violated: list[int], took: float) -> None:
    hours = sum(outcome.virtual_seconds for outcome in outcomes) / 3600
    console.print(
        f"{len(outcomes)} seeds in {took:.0f} s ({len(outcomes) / took:.2f} a second), "
        f"{hours:.1f} simulated hours",
        highlight=False,
    )
    for name, key in TOTALS:
        console.print(f"  {counts[key]:>9,}  {name}", highlight=False)
    if violated:
        console.print(f"[red]Violated in {len(violated)} seeds:[/red] {violated}", highlight=False)
    else:
        console.print("[green]Nothing was violated.[/green]", highlight=False)
