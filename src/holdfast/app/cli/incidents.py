"""``holdfast incidents``: what happened to your accounts from outside."""

from typing import Annotated

import typer

from holdfast.app.cli import tables
from holdfast.app.cli.client import Client
from holdfast.app.cli.output import JsonOption, console, fail, print_json, say

AllOption = Annotated[bool, typer.Option("--all", help="Settled ones, too.")]
SeenOption = Annotated[
    str | None, typer.Option("--seen", help="Say that you have seen this one: an id, or how it begins.")
]


def incidents(all_: AllOption = False, seen: SeenOption = None, as_json: JsonOption = False) -> None:
    """What happened to your accounts from outside, and what came of it; newest first."""
    with Client() as client:
        found = client.get("/api/incidents", state="all" if all_ or seen else "open", limit=200)["items"]
        if seen is not None:
            matching = [incident["id"] for incident in found if incident["id"].startswith(seen)]
            if len(matching) != 1:
                fail(f"{'No' if not matching else 'More than one'} incident begins with {seen!r}.")
            client.post(f"/api/incidents/{matching[0]}/seen")
            return
    if as_json:
        print_json(found)
    elif found:
        say(tables.incidents(found))
    else:
        console.print("No incident is open." if not all_ else "Nothing has happened.")
