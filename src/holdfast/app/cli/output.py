"""How commands speak: Rich for people, JSON for programs, errors on standard error."""

import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import orjson
import typer
from rich.console import Console, RenderableType
from rich.table import Table

console = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def print_json(value: Any) -> None:
    """Money stays text, moments become ISO 8601."""
    sys.stdout.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode() + "\n")


def say(told: RenderableType, *, style: str | None = None) -> None:
    """To standard output, letter for letter: names that users give are no markup."""
    console.print(told, style=style, highlight=False, markup=False)


def warn(told: RenderableType, *, style: str | None = None) -> None:
    """As ``say``, to standard error."""
    errors.print(told, style=style, highlight=False, markup=False)


def tell_list(found: list[Any], as_json: bool, table: Callable[[list[Any]], Table], nothing: str) -> None:
    """As JSON; else as a table, or in the words for nothing."""
    if as_json:
        print_json(found)
    else:
        say(table(found) if found else nothing)


def fail(sentence: str, advice: str = "", *, code: int = 1) -> NoReturn:
    warn(sentence, style="bold red")
    if advice:
        warn(advice)
    raise SystemExit(code)
