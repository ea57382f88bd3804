"""``holdfast strategy``: scripts on paper, over the same API as the browser."""

from typing import Annotated, Final

import typer
from rich.table import Table

from holdfast.app.cli import tables
from holdfast.app.cli.choosing import (
    CapitalOption,
    FeeRateOption,
    InputOption,
    NameArgument,
    SeriesOption,
    ShortOption,
    SignalSizeOption,
    SlippageOption,
    TimeframeOption,
    one_of,
    pairs,
)
from holdfast.app.cli.client import Client
from holdfast.app.cli.output import JsonOption, print_json, say, tell_list, warn
from holdfast.app.cli.tables import Json

strategy = typer.Typer(
    help="Strategies on paper: scripts that run on closed bars. Nothing is sent to any venue.",
    no_args_is_help=True,
)

SHOWN: Final = 10


@strategy.command("list")
def list_strategies(as_json: JsonOption = False) -> None:
    """Your strategies, newest first."""
    with Client() as client:
        found = client.get("/api/strategies")
    tell_list(found, as_json, _listed, "You have no strategies yet: `holdfast strategy start --help`.")
    if not as_json:
        for one in found:
            _tell_trouble(one, f"{one['name']}: ")


@strategy.command()
def start(
    script: Annotated[str, typer.Option(help="One of your scripts by its name or id.")],
    series: SeriesOption,
    timeframe: TimeframeOption = "1h",
    name: Annotated[str | None, typer.Option(help="What it is called; else what its script is.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="Of the script; its newest if left out.")] = None,
    inputs: InputOption = None,
    capital: CapitalOption = "10000",
    fee_rate: FeeRateOption = "0.001",
    slippage: SlippageOption = "0.0005",
    signal_size: SignalSizeOption = "1",
    allow_short: ShortOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run a script on paper from the bar that forms now on."""
    with Client() as client:
        chosen = one_of(client.get("/api/scripts"), script, "script")
        body = {
            "name": name or chosen["name"],
            "script_id": chosen["id"],
            "version": version,
            "inputs": pairs(inputs),
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
def pause(name: NameArgument, as_json: JsonOption = False) -> None:
    """Hold the position and trade no more."""
    _say(_change(name, "pause"), "Paused.", as_json)


@strategy.command()
def resume(name: NameArgument, as_json: JsonOption = False) -> None:
    """Go on with the bar that forms now."""
    _say(_change(name, "resume"), "Resumed.", as_json)


@strategy.command()
def stop(name: NameArgument, as_json: JsonOption = False) -> None:
    """End it for good: its paper position is closed at the open of the next minute."""
    found = _change(name, "stop")
    rest = " Its position is closed at the open of the next minute." if found["closing"] else ""
    _say(found, f"Stopped.{rest}", as_json)


@strategy.command()
def show(name: NameArgument, as_json: JsonOption = False) -> None:
    """One strategy: how it is, its last trades and what happened to it."""
    with Client() as client:
        found = one_of(client.get("/api/strategies"), name, "strategy")
        path = f"/api/strategies/{found['id']}"
        fills = client.get(f"{path}/fills", limit=SHOWN)["items"]
        events = client.get(f"{path}/events", limit=SHOWN)["items"]
    if as_json:
        print_json({**found, "fills": fills, "events": events})
        return
    say(_listed([found]))
    _tell_trouble(found)
    if fills:
        say(_fills(fills))
    for event in events:
        say(f"{tables.clock(event['at'])}  {event['text']}")


def _tell_trouble(one: Json, before: str = "") -> None:
    """What is not as usual, and what to do about it."""
    if one["waiting"]:
        warn(before + one["waiting"])
    if one["closing"]:
        warn(f"{before}What it holds is closed at the open of the next minute. There is nothing to do.")
    if one["error"]:
        warn(before + one["error"]["message"], style="bold red")
    if one["state"] == "failed":
        warn(before + _after_failure(one))


def _after_failure(one: Json) -> str:
    stop = f"`holdfast strategy stop {tables.short(one['id'])}`"
    if one["error"] and one["error"]["kind"] == "ruin":
        return f"It trades no more. End it with {stop}, and start another one."
    resume = stop.replace("stop", "resume")
    return (
        f"It keeps its position and trades no more. {resume} goes on, {stop} closes what it holds. "
        "If the script is at fault, correct it and start its new version."
    )


def _change(name: str, verb: str) -> Json:
    with Client() as client:
        found = one_of(client.get("/api/strategies"), name, "strategy")
        changed: Json = client.post(f"/api/strategies/{found['id']}/{verb}")
    return changed


def _say(found: Json, sentence: str, as_json: bool) -> None:
    print_json(found) if as_json else say(sentence)


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
