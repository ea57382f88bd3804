"""``holdfast backtest``: what a script would have done with past bars, over the same API as the browser."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

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
    read,
    script_of,
)
from holdfast.app.cli.client import Client
from holdfast.app.cli.output import JsonOption, fail, print_json, say, tell_list, warn
from holdfast.app.cli.tables import Json

backtest = typer.Typer(help="Back-tests: run a script or signals over past bars.", no_args_is_help=True)

POLL_SECONDS: Final = 0.5
_FORMATS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
_OVER: Final = ("done", "failed", "cancelled")
_SHOWN_TRADES: Final = 20

MomentOption = Annotated[datetime | None, typer.Option(formats=_FORMATS, help="UTC.")]


@backtest.command()
def run(
    series: SeriesOption,
    script: Annotated[
        str | None,
        typer.Option(help="One of your scripts by its name or id, or a file: it is kept under its name."),
    ] = None,
    signals: Annotated[str | None, typer.Option(help="The id of a dataset of your signals.")] = None,
    timeframe: TimeframeOption = "1h",
    since: MomentOption = None,
    until: MomentOption = None,
    inputs: InputOption = None,
    capital: CapitalOption = "10000",
    fee_rate: FeeRateOption = "0.001",
    slippage: SlippageOption = "0.0005",
    signal_size: SignalSizeOption = "1",
    allow_short: ShortOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run a back-test and wait for it. Exit code 1 if it fails; Ctrl-C cancels it."""
    if (script is None) == (signals is None):
        fail("Name either a script or signals.", "Write --script NAME, or --signals ID.")
    with Client() as client:
        source: Json = (
            {"kind": "signals", "dataset_id": signals}
            if script is None
            else {"kind": "script", "script_id": _script(client, script)}
        )
        body = {
            "source": source,
            "inputs": pairs(inputs),
            "series": series,
            "timeframe": timeframe,
            "since": _utc(since),
            "until": _utc(until),
            "capital": capital,
            "fee_rate": fee_rate,
            "slippage": slippage,
            "signal_size": signal_size,
            "allow_short": allow_short,
        }
        _tell(client, _wait(client, client.post("/api/backtests", body)), as_json)


@backtest.command("list")
def list_backtests(
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20, as_json: JsonOption = False
) -> None:
    """Your back-tests, newest first."""
    with Client() as client:
        found = client.get("/api/backtests", limit=limit)["items"]
    tell_list(found, as_json, _listed, "You keep no back-tests yet: `holdfast backtest run --help`.")


@backtest.command()
def show(name: NameArgument, as_json: JsonOption = False) -> None:
    """One back-test: figures, warnings and its first trades."""
    with Client() as client:
        _tell(client, one_of(client.pages("/api/backtests"), name, "back-test"), as_json)


def _wait(client: Client, asked: Json) -> Json:
    path = f"/api/backtests/{asked['id']}"
    found, told = asked, ""
    try:
        while found["state"] not in _OVER:
            progress = found["progress"]
            count = f" {progress['done']:,} of {progress['total']:,}" if progress["total"] else ""
            if (now := f"{progress['stage']}{count}") != told:
                warn(now, style="dim")
                told = now
            time.sleep(POLL_SECONDS)
            found = client.get(path)
    except KeyboardInterrupt:
        client.post(f"{path}/cancel")
        fail("Cancelled.", code=130)
    return found


def _script(client: Client, name: str) -> str:
    """Its id. A file is kept under its name, as a new version if it was changed."""
    path = Path(name)
    if not path.is_file():
        return str(script_of(client, name)["id"])
    source = read(name)
    known = next((one for one in client.get("/api/scripts") if one["name"] == path.stem), None)
    if known is None:
        return str(client.post("/api/scripts", {"name": path.stem, "source": source})["id"])
    client.put(f"/api/scripts/{known['id']}", {"source": source, "version": known["version"]})
    return str(known["id"])


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.replace(tzinfo=UTC).isoformat()


# --- telling ------------------------------------------------------------------------------------------------


def _tell(client: Client, found: Json, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        say(f"{found['name']}: {found['state']}", style="bold")
        for warning in found["warnings"]:
            loud = "bold red" if warning["kind"] in ("look-ahead", "repaint") else "yellow"
            told = f"{warning['message']} {warning['detail']}".strip()
            warn(told, style=loud)
        if found["figures"]:
            say(_figures(found))
            trades = client.get(f"/api/backtests/{found['id']}/trades", limit=_SHOWN_TRADES)["items"]
            if trades:
                say(_trades(trades))
    if found["state"] == "failed":
        fail(tables.fault(found["error"]))


def _listed(found: list[Json]) -> Any:
    return tables.table(
        "Back-tests",
        ("id", "name", "state", "return", "drawdown", "trades", "asked for (UTC)"),
        (
            (
                tables.short(one["id"]),
                one["name"],
                one["state"],
                *_short_figures(one["figures"]),
                tables.clock(one["created_at"]),
            )
            for one in found
        ),
        numbers=("return", "drawdown", "trades"),
    )


def _short_figures(figures: Json | None) -> tuple[str, str, str]:
    if figures is None:
        return "–", "–", "–"
    shares = tables.percent(figures["total_return"]), tables.percent(figures["max_drawdown"])
    return *shares, f"{figures['trades']:,}"


def _figures(found: Json) -> Any:
    figures: Json = found["figures"]
    bars = f"{found['bars']:,}, {tables.clock(found['first_bar'])} to {tables.clock(found['last_bar'])}"
    rows = [
        ("bars", bars),
        ("equity", f"{tables.usdt(figures['equity'])} {found['quote']}".strip()),
        ("return", tables.percent(figures["total_return"])),
        ("buy and hold", tables.percent(figures["hold_return"])),
        ("a year (CAGR)", tables.percent(figures["cagr"])),
        ("deepest drawdown", tables.percent(figures["max_drawdown"])),
        ("volatility a year", _share(figures["volatility"])),
        ("Sharpe, Sortino, Calmar", ", ".join(_ratio(figures[name]) for name in _RATIOS)),
        ("trades", f"{figures['trades']:,}, {_share(figures['win_rate'])} won"),
        ("profit factor", _ratio(figures["profit_factor"])),
        ("exposure", _share(figures["exposure"])),
        ("turnover", _ratio(figures["turnover"])),
        ("fees", tables.fee(figures["fees"])),
    ]
    return tables.table("", ("", " "), rows, numbers=(" ",))


_RATIOS: Final = ("sharpe", "sortino", "calmar")


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _trades(trades: list[Json]) -> Any:
    return tables.table(
        f"The first {len(trades)} trades" if len(trades) > 1 else "The first trade",
        ("side", "opened (UTC)", "closed (UTC)", "quantity", "entry", "exit", "profit", "share"),
        (
            (
                one["side"],
                tables.clock(one["opened_at"]),
                tables.clock(one["closed_at"]),
                one["quantity"],
                one["entry"],
                one["exit"] or "–",
                tables.signed(one["profit"]),
                tables.percent(one["profit_share"]),
            )
            for one in trades
        ),
        numbers=("quantity", "entry", "exit", "profit", "share"),
    )
