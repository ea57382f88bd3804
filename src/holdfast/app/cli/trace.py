"""``holdfast trace``: what happened to an execution, moment by moment."""

from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from holdfast.app.cli import tables
from holdfast.app.cli.client import Client
from holdfast.app.cli.output import JsonOption, console, print_json, say
from holdfast.core.errors import NotFound

PAGE: Final = 200
FULL_ID: Final = 36
STYLES: Final = {
    "decision": "bold",
    "row": "dim",
    "request": "cyan",
    "answer": "cyan",
    "event": "",
    "job": "magenta",
    "stream": "blue",
}
WORTH_SAYING_MS: Final = 20
TROUBLE: Final = frozenset({"unknown", "rejected"})


def trace(
    execution: Annotated[str, typer.Argument(help="An id, the beginning of one, or `last`.")],
    symbol: Annotated[str | None, typer.Option(help="Only what concerns one symbol.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The time line of an execution: every row, request, answer and event, with durations."""
    with Client() as client:
        found = client.get(f"/api/executions/{_full_id(client, execution)}/trace")
    if symbol:
        found["items"] = [item for item in found["items"] if _concerns(item, symbol.upper())]
    if as_json:
        print_json(found)
        return
    say(_heading(found["execution"]))
    console.print(time_line(found["items"]), highlight=False)
    if found["truncated"]:
        console.print("More happened than is kept; the orders and their events above are whole.")


def _full_id(client: Client, wanted: str) -> str:
    """The id that ``wanted`` names.

    Raises:
        NotFound: none does, or several do.
    """
    if len(wanted) == FULL_ID:
        return wanted
    found: list[str] = []
    cursor = None
    while True:
        page = client.get("/api/executions", limit=PAGE, cursor=cursor)
        if wanted == "last" and page["items"]:
            return str(page["items"][0]["id"])
        found += [run["id"] for run in page["items"] if run["id"].startswith(wanted.lower())]
        cursor = page["next_cursor"]
        if cursor is None or len(found) > 1:
            break
    if len(found) == 1:
        return found[0]
    if wanted == "last":
        raise NotFound(
            "Nothing was carried out yet.", advice="Open a position first: `holdfast open btc-d --long 1000`."
        )
    problem = "There is no execution" if not found else "There are several executions"
    raise NotFound(
        f"{problem} whose id begins with {wanted}.",
        advice="Give more of the id, or `last` for the newest one.",
    )


def _concerns(item: dict[str, Any], symbol: str) -> bool:
    """What names no symbol concerns all."""
    named = {item["symbol"], *item["detail"].get("symbols", ())}
    named |= {order.get("symbol") for order in item["detail"].get("orders", ())}
    return symbol in named or named <= {""}


def _heading(run: dict[str, Any]) -> str:
    plan = (
        f"{run['kind'].capitalize()} {run['index_name']}, {run['direction']}, {tables.usdt(run['size'])} USDT"
    )
    when = f"{run['id']}, confirmed {tables.clock(run['created_at'])} UTC"
    return f"{plan}: {run['state'].replace('_', ' ')}\n{when}\n"


def time_line(items: list[dict[str, Any]]) -> Table:
    """One line per item: when it was after the confirmation, how long it took, and what it was."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("after", justify="right", no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("what happened", overflow="fold")
    for item in items:
        table.add_row(
            f"{item['after_ms'] / 1000:,.3f} s",
            "" if item["took_ms"] is None else _took(item["took_ms"]),
            Text(item["kind"], style=STYLES.get(item["kind"], "")),
            Text(item["title"] + _told_by(item), style=_style(item)),
        )
    return table


def _took(milliseconds: int) -> str:
    return f"{milliseconds} ms" if milliseconds < 10_000 else f"{milliseconds / 1000:,.1f} s"


def _told_by(item: dict[str, Any]) -> str:
    detail = item["detail"]
    waited = detail.get("waited_ms")
    if "again_in_s" in detail:
        return f" [again in {detail['again_in_s']:g} s]"
    if "said_by" in detail and detail["said_by"] != "Holdfast":
        return f" [{detail['from']} → {detail['to']}, says {detail['said_by']}]"
    return f" [waited {_took(waited)} for its turn]" if waited and waited >= WORTH_SAYING_MS else ""


def _style(item: dict[str, Any]) -> str:
    detail = item["detail"]
    if detail.get("to") in TROUBLE or detail.get("outcome") not in (None, "ok"):
        return "yellow"
    return STYLES.get(item["kind"], "")
