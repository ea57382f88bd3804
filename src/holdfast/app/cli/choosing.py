"""What users name in commands on scripts, back-tests and strategies: one of their own, inputs, settings."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from holdfast.app.cli.client import Client
from holdfast.app.cli.output import fail
from holdfast.app.cli.tables import Json

NameArgument = Annotated[str, typer.Argument(help="Its name or its id, or how one of them begins.")]
SeriesOption = Annotated[str, typer.Option(help="source:symbol, as bybit:BTCUSDT.")]
TimeframeOption = Annotated[str, typer.Option(help="1m to 1M.")]
InputOption = Annotated[
    list[str] | None, typer.Option("--input", help="An input as name=value; once for each.")
]
CapitalOption = Annotated[str, typer.Option(help="In quote coin.")]
FeeRateOption = Annotated[str, typer.Option(help="A share: 0.001 is 0.1 %.")]
SlippageOption = Annotated[str, typer.Option(help="A share of the price, against you.")]
SignalSizeOption = Annotated[str, typer.Option(help="The share of the capital that a signal holds.")]
ShortOption = Annotated[bool, typer.Option("--short", help="Signals and weights may go short.")]


def one_of(every: Iterable[Json], name: str, kind: str) -> Json:
    """By its name or id, or else by how one of them begins. ``kind`` is also what its commands are called,
    but for a hyphen."""
    mine = list(every)
    exact = [one for one in mine if name in (one["name"], one["id"])]
    found = exact or [one for one in mine if one["id"].startswith(name) or one["name"].startswith(name)]
    if len(found) != 1:
        fail(
            f"{'No' if not found else 'More than one'} {kind} of yours is called {name!r}.",
            f"`holdfast {kind.replace('-', '')} list` shows them; name it by its id.",
        )
    return found[0]


def script_of(client: Client, name: str) -> Json:
    """One of the user's scripts, where ``name`` may have been meant for a file, too."""
    if Path(name).suffix == ".py":
        fail(f"There is no file {name}.")
    return one_of(client.get("/api/scripts"), name, "script")


def read(source: str) -> str:
    """A file, or standard input for ``-``."""
    if source == "-":
        return sys.stdin.read()
    try:
        return Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{source} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.")


def pairs(inputs: Iterable[str] | None) -> dict[str, str]:
    """Inputs by their names, of ``name=value`` each."""
    found = {}
    for one in inputs or ():
        name, equals, value = one.partition("=")
        if not equals or not name:
            fail(f"{one!r} is no input.", "Write it as name=value, as --input length=20.")
        found[name] = value
    return found
