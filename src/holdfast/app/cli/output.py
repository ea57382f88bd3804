"""How commands speak: Rich for people, JSON for programs, errors on standard error."""

import sys
from typing import Annotated, Any, NoReturn

import orjson
import typer
from rich.console import Console

console = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def print_json(value: Any) -> None:
    """Money stays text, moments become ISO 8601."""
    sys.stdout.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode() + "\n")


def fail(sentence: str, advice: str = "", *, code: int = 1) -> NoReturn:
    errors.print(sentence, style="bold red", highlight=False, markup=False)
    if advice:
        errors.print(advice, highlight=False, markup=False)
    raise SystemExit(code)
