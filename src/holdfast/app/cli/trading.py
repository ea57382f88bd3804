"""Trading from the command line: the same steps as in the browser, over the same API."""

import time
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final
from uuid import uuid4

import typer
from rich.live import Live

from holdfast.app.cli import tables
from holdfast.app.cli.client import Client
from holdfast.app.cli.output import JsonOption, console, fail, print_json, say
from holdfast.core.errors import HoldfastError, NotFound

index = typer.Typer(help="The indices: list them, look at one.", no_args_is_help=True)
POLL_SECONDS: Final = 0.3
LOOK_FOR_SECONDS: Final = 180
SUCCESS: Final = ("complete", "complete_with_residual")

LongOption = Annotated[str | None, typer.Option("--long", help="Size in USDT: profit when the index rises.")]
ShortOption = Annotated[
    str | None, typer.Option("--short", help="Size in USDT: profit when the index falls.")
]
ConnectionOption = Annotated[
    str | None, typer.Option("--connection", help="Which connection, if you have several.")
]
TacticOption = Annotated[
    str | None,
    typer.Option(
        "--tactic",
        help="How orders are sent: limit_ioc (at once, the default), market, passive:SECONDS (rest, then "
        "take), or twap:SLICESxSECONDS.",
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Confirm without being asked.")]


@index.command("list")
def list_indices(as_json: JsonOption = False) -> None:
    """Every index with its live level."""
    with Client() as client:
        _show(client.get("/api/indices"), tables.indices, as_json)


@index.command("show")
def show_index(index_id: str, as_json: JsonOption = False) -> None:
    """One index: methodology, members, weights, and the least size that can be traded."""
    with Client() as client:
        found = client.get(f"/api/indices/{index_id}")
    if as_json:
        print_json(found)
        return
    console.print(tables.members(found))
    for paragraph in found["methodology"]:
        say(f"\n{paragraph}")
    least = found["minimum"]
    if least:
        say(f"\nMinimum {tables.usdt(least['size'])} USDT. {least['reason']}")
    say(f"\n{found['attribution']}")


def preview(
    index_id: str,
    long: LongOption = None,
    short: ShortOption = None,
    connection: ConnectionOption = None,
    tactic: TacticOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the exact orders that would put an index on. Nothing is traded."""
    with Client() as client:
        shown = _preview_open(client, index_id, long, short, connection, tactic)
        print_json(shown) if as_json else _print_plan(shown)


def open_position(
    index_id: str,
    long: LongOption = None,
    short: ShortOption = None,
    connection: ConnectionOption = None,
    tactic: TacticOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put an index on: preview, confirm, and watch it leg by leg."""
    with Client() as client:
        shown = _preview_open(client, index_id, long, short, connection, tactic)
        _carry_out(client, shown, yes=yes, as_json=as_json)


def close_position(
    position: str, tactic: TacticOption = None, yes: YesOption = False, as_json: JsonOption = False
) -> None:
    """Close a position: only what it opened is closed, never what you hold yourself."""
    _change(position, "close", tactic, yes=yes, as_json=as_json)


def rebalance(
    position: str, tactic: TacticOption = None, yes: YesOption = False, as_json: JsonOption = False
) -> None:
    """Bring a position to its index's present weights, at the size it was opened with."""
    _change(position, "rebalance", tactic, yes=yes, as_json=as_json)


def _change(position: str, kind: str, tactic: str | None, *, yes: bool, as_json: bool) -> None:
    with Client() as client:
        found = find_position(client, position)
        wanted = {"kind": kind, "position_id": found["id"], "tactic": _tactic(tactic)}
        _carry_out(client, client.post("/api/previews", wanted), yes=yes, as_json=as_json)


def positions(
    closed: Annotated[bool, typer.Option("--closed", help="Those that have ended.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(min=1, max=200, help="How many of those that have ended; 50, or all with --json."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Your positions with their live profit and loss: all that are open, or those that were closed last."""
    with Client() as client:
        if not closed:
            _show(list(client.pages("/api/positions", state="open")), tables.positions, as_json)
        elif as_json and limit is None:
            print_json(list(client.pages("/api/positions", state="closed")))
        else:
            page = client.get("/api/positions", state="closed", limit=limit or 50)
            _show(page["items"], tables.positions, as_json)
            if page["next_cursor"] and not as_json:
                console.print("Older ones are not shown: --limit shows up to 200, --json all.")


def orders(
    position: Annotated[str | None, typer.Option(help="Only those of one position.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Only those in one symbol.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: JsonOption = False,
) -> None:
    """Your orders, the newest first."""
    with Client() as client:
        owner = find_position(client, position)["id"] if position else None
        found = client.get("/api/orders", position=owner, symbol=symbol, limit=limit)["items"]
        _show(found, tables.orders, as_json)


def _show(
    found: list[dict[str, Any]], as_table: Callable[[list[dict[str, Any]]], Any], as_json: bool
) -> None:
    if as_json:
        print_json(found)
    elif not found:
        console.print("Nothing here yet.")
    else:
        console.print(as_table(found))


def _preview_open(
    client: Client,
    index_id: str,
    long: str | None,
    short: str | None,
    connection: str | None,
    tactic: str | None,
) -> dict[str, Any]:
    if (long is None) == (short is None):
        raise typer.BadParameter("give a size with either --long or --short, for example --long 1000")
    shown: dict[str, Any] = client.post(
        "/api/previews",
        {
            "kind": "open",
            "index_id": index_id,
            "connection_id": _connection(client, connection),
            "direction": "long" if long is not None else "short",
            "size": _size(long if long is not None else short or ""),
            "tactic": _tactic(tactic),
        },
    )
    return shown


def _size(text: str) -> str:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not an amount; write it as 1000 or 1000.50") from None
    return f"{amount:f}"


def _tactic(text: str | None) -> dict[str, Any] | None:
    """``passive:60`` and ``twap:10x300`` in the form of the API; the API judges the numbers."""
    kind, _, rest = (text or "limit_ioc").partition(":")
    slices, _, seconds = rest.partition("x")
    if kind in ("market", "limit_ioc") and not rest:
        return {"kind": kind}
    if kind == "passive" and rest.isdigit():
        return {"kind": kind, "deadline_seconds": int(rest)}
    if kind == "twap" and slices.isdigit() and seconds.isdigit():
        return {"kind": kind, "slices": int(slices), "seconds": int(seconds)}
    raise typer.BadParameter(f"{text!r} is no tactic; write limit_ioc, market, passive:60 or twap:10x300")


def _connection(client: Client, wanted: str | None) -> str:
    known = [c for c in client.get("/api/connections") if not wanted or c["id"].startswith(wanted)]
    if not known:
        raise NotFound(
            "You have no such connection." if wanted else "You have no connection yet.",
            advice="Connect a Bybit key in the browser, or sign in with --demo.",
        )
    if len(known) > 1:
        names = ", ".join(f"{tables.short(c['id'])} ({c['label']})" for c in known)
        raise HoldfastError("You have several connections.", advice=f"Choose one with --connection: {names}.")
    return str(known[0]["id"])


def find_position(client: Client, beginning: str) -> dict[str, Any]:
    """By its id or any unambiguous beginning of it."""
    every = client.pages("/api/positions")
    found = [position for position in every if position["id"].startswith(beginning)]
    if len(found) != 1:
        problem = "There is no position" if not found else "There are several positions"
        raise NotFound(
            f"{problem} whose id begins with {beginning}.", advice="Run `holdfast positions` to see them."
        )
    return dict(found[0])


def _print_plan(shown: dict[str, Any]) -> None:
    console.print(tables.plan(shown))
    for line in tables.totals(shown):
        say(line)
    if not shown["executable"]:
        say(f"Cannot be carried out: {shown['blocked_reason']}", style="bold")


def _carry_out(client: Client, shown: dict[str, Any], *, yes: bool, as_json: bool) -> None:
    if not as_json:
        _print_plan(shown)
    if not shown["executable"]:
        fail("This plan cannot be carried out.", shown["blocked_reason"])
    trading = sum(leg["action"] == "trade" for leg in shown["legs"])
    simulated = client.get("/api/system")["simulated"]
    if not yes:
        if as_json:
            fail("Nothing was traded.", "With --json, confirm with --yes.")
        typer.confirm(f"Place {trading} orders on Bybit ({'PAPER' if simulated else 'LIVE'})?", abort=True)
    started = client.post(
        "/api/executions", {"plan_id": shown["id"], "digest": shown["digest"]}, key=str(uuid4())
    )
    ended = _follow(client, started, quiet=as_json)
    if as_json:
        print_json(ended)
    else:
        console.print(tables.execution(ended))
        say(ended["reason"] or ended["state"])
    raise SystemExit(0 if ended["state"] in SUCCESS else 2)


def _follow(client: Client, run: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """Watch until it has ended, or for three minutes; it goes on without us."""
    deadline = time.monotonic() + LOOK_FOR_SECONDS
    with Live(console=console, auto_refresh=False, transient=True) as screen:
        while True:
            if not quiet:
                screen.update(tables.execution(run), refresh=True)
            if run["finished_at"] or time.monotonic() > deadline:
                return run
            time.sleep(POLL_SECONDS)
            run = client.get(f"/api/executions/{run['id']}")
