"""``holdfast doctor``: what is well, what is not, and what to do about it."""

import asyncio

from rich.table import Table

from holdfast.app.cli.output import JsonOption, console, print_json
from holdfast.platform.settings import Settings

_STYLES = {"ok": "green", "warning": "yellow", "broken": "bold red"}


def doctor(as_json: JsonOption = False) -> None:
    """Check this machine and this installation; exit code 1 if something is broken."""
    from holdfast.app.checks import State, examine

    findings = asyncio.run(examine(Settings()))
    if as_json:
        print_json([finding.__dict__ for finding in findings])
    else:
        table = Table("check", "", "found", "what to do")
        for finding in findings:
            style = _STYLES[finding.state]
            table.add_row(finding.check, f"[{style}]{finding.state}[/]", finding.found, finding.advice)
        console.print(table)
    if any(finding.state is State.BROKEN for finding in findings):
        raise SystemExit(1)
