"""``holdfast strategy``: scripts on paper, over the same API as the browser."""

from typing import Annotated, Final

import typer
from rich.table import Table

from holdfast.app.cli import tables
from holdfast.app.cli.client import Client
from holdfast.app.cli.output import JsonOption, console, errors, fail, print_json
from holdfast.app.cli.tables import Json

strategy = typer.Typer(
    help="Strategies on paper: scripts that run on closed bars. Nothing is sent to any venue.",
    no_args_is_help=True,
)

SHOWN: Final = 10

StrategyArgument = Annotated[str, typer.Argument(help="Its name or its id, or how one of them begins.")]


@strategy.command("list")
def list_strategies(as_json: JsonOption = False) -> None:
    """Your strategies, newest first."""
    with Client() as client:
        found = client.get("/api/strategies")
    if as_json:
        print_json(found)
    elif found:
        console.print(_listed(found), highlight=False, markup=False)
    else:
        console.print("You have no strategies yet: `holdfast strategy start --help`.", markup=False)


@strategy.command()
def start(
    script: Annotated[str, typer.Option(help="One of your scripts by its name or id.")],
    series: Annotated[str, typer.Option(help="source:symbol, as bybit:BTCUSDT.")],
    timeframe: Annotated[str, typer.Option(help="1m to 1M.")] = "1h",
    name: Annotated[str | None, typer.Option(help="What it is called; else what its script is.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="Of the script; its newest if left out.")] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="An input as name=value; once for each.")
    ] = None,
    capital: Annotated[str, typer.Option(help="In quote coin, on paper.")] = "10000",
    fee_rate: Annotated[str, typer.Option(help="A share: 0.001 is 0.1 %.")] = "0.001",
    slippage: Annotated[str, typer.Option(help="A share of the price, against you.")] = "0.0005",
    signal_size: Annotated[str, typer.Option(help="The share of the capital that a signal holds.")] = "1",
    allow_short: Annotated[bool, typer.Option("--short", help="Signals and weights may go short.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a script on paper from the bar that forms now on."""
    with Client() as client:
        chosen = _one(client.get("/api/scripts"), script, "script")
        body = {
            "name": name or chosen["name"],
            "script_id": chosen["id"],
            "version": version,
            "inputs": _pairs(inputs or []),
            "series": series,
            "timeframe": timeframe,
            "capital": capital,
            "fee_rate": fee_rate,
            "slippage": slippage,
            "signal_size": signal_size,
            "allow_short": allow_short,
        }
        made = client.post("/api/strategies", body)
    _say(made, f"Runs on paper as {tables.short(made['id'])}.", as_json)


@strategy.command()
def pause(name: StrategyArgument, as_json: JsonOption = False) -> None:
    """Hold the position and trade no more."""
    _say(_change(name, "pause"), "Paused.", as_json)


@strategy.command()
def resume(name: StrategyArgument, as_json: JsonOption = False) -> None:
    """Go on with the bar that forms now."""
    _say(_change(name, "resume"), "Resumed.", as_json)


@strategy.command()
def stop(name: StrategyArgument, as_json: JsonOption = False) -> None:
    """End it for good: its paper position is closed at the open of the next minute."""
    found = _change(name, "stop")
    rest = " Its position is closed at the open of the next minute." if found["closing"] else ""
    _say(found, f"Stopped.{rest}", as_json)


@strategy.command()
def show(name: StrategyArgument, as_json: JsonOption = False) -> None:
    """One strategy: how it is, its last trades and what happened to it."""
    with Client() as client:
        found = _one(client.get("/api/strategies"), name, "strategy")
        path = f"/api/strategies/{found['id']}"
        fills = client.get(f"{path}/fills", limit=SHOWN)["items"]
        events = client.get(f"{path}/events", limit=SHOWN)["items"]
    if as_json:
        print_json({**found, "fills": fills, "events": events})
        return
    console.print(_listed([found]), highlight=False, markup=False)
    if found["waiting"]:
        errors.print(found["waiting"], highlight=False, markup=False)
    if found["error"]:
        errors.print(found["error"]["message"], style="bold red", highlight=False, markup=False)
    if fills:
        console.print(_fills(fills), highlight=False, markup=False)
    for event in events:
        console.print(f"{tables.clock(event['at'])}  {event['text']}", highlight=False, markup=False)


def _change(name: str, verb: str) -> Json:
    with Client() as client:
        found = _one(client.get("/api/strategies"), name, "strategy")
        changed: Json = client.post(f"/api/strategies/{found['id']}/{verb}")
    return changed


def _one(every: list[Json], name: str, kind: str) -> Json:
    """By its name, or by how its name or id begins."""
    exact = [one for one in every if name in (one["name"], one["id"])]
    found = exact or [one for one in every if one["id"].startswith(name) or one["name"].startswith(name)]
    if len(found) != 1:
        fail(
            f"{'No' if not found else 'More than one'} {kind} of yours is called {name!r}.",
            f"`holdfast {kind} list` shows them; name it by its id.",
        )
    return found[0]


def _pairs(inputs: list[str]) -> dict[str, str]:
    pairs = dict(one.partition("=")[::2] for one in inputs)
    if not all("=" in one for one in inputs) or "" in pairs:
        fail("An input is written as name=value.", "As --input length=20.")
    return pairs


def _say(found: Json, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        console.print(sentence, highlight=False, markup=False)


def _listed(found: list[Json]) -> Table:
    return tables.table(
        "Strategies on paper",
        ("id", "name", "state", "series", "quantity", "equity", "result"),
        (
            (
                tables.short(one["id"]),
                one["name"],
                "closing" if one["closing"] else one["state"],
                f"{one['series']} {one['timeframe']}",
                one["quantity"],
                tables.usdt(one["equity"]),
                tables.percent(one["pnl_share"]),
            )
            for one in found
        ),
        numbers=("id", "quantity", "equity", "result"),
    )


def _fills(found: list[Json]) -> Table:
    return tables.table(
        "Last trades on paper",
        ("bar (UTC)", "side", "quantity", "price", "fee"),
        (
            (tables.clock(one["bar"]), one["side"], one["quantity"], one["price"], tables.fee(one["fee"]))
            for one in found
        ),
        numbers=("quantity", "price", "fee"),
    )
