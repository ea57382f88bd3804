"""``holdfast script``: write, check and run scripts, over the same API as the browser."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from holdfast.app.cli import tables
from holdfast.app.cli.choosing import InputOption, NameArgument, one_of, pairs, read, script_of
from holdfast.app.cli.client import Client
from holdfast.app.cli.output import JsonOption, print_json, say, tell_list, warn
from holdfast.app.cli.tables import Json
from holdfast.core.time import utc_minute

script = typer.Typer(help="Scripts: list, keep, check and run them.", no_args_is_help=True)

_LONGEST_LOG: Final = 20
_STATES: Final = {"clean": "clean", "suspect": "suspect", "unchecked": "not checked"}

SourceArgument = Annotated[str, typer.Argument(help="A file, or - for standard input.")]
AnyArgument = Annotated[
    str, typer.Argument(help="A file, - for standard input, or one of your scripts by its name or id.")
]
SeriesOption = Annotated[
    str | None, typer.Option("--series", help="source:symbol; a new chart's if it is left out.")
]
TimeframeOption = Annotated[str | None, typer.Option("--timeframe", help="1m to 1M.")]


@script.command("list")
def list_scripts(as_json: JsonOption = False) -> None:
    """Your scripts, the one changed last first."""
    with Client() as client:
        found = client.get("/api/scripts")
    tell_list(found, as_json, _listed, "You keep no scripts yet: `holdfast script new NAME FILE`.")


@script.command()
def new(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    source: SourceArgument,
    as_json: JsonOption = False,
) -> None:
    """Keep a script. One with an error is kept all the same, and the error is told."""
    with Client() as client:
        made = client.post("/api/scripts", {"name": name, "source": read(source)})
        kept = client.get(f"/api/scripts/{made['id']}")
    if as_json:
        print_json(kept)
        return
    say(
        f"Kept {kept['name']!r} as {tables.short(kept['id'])}, version {kept['version']}.",
    )
    _tell_findings(kept)


@script.command()
def check(
    source: AnyArgument,
    series: SeriesOption = None,
    timeframe: TimeframeOption = None,
    inputs: InputOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a script runs, and whether it looks into the future. Exit code 1 unless all is well."""
    found = _checked(source, series, timeframe, inputs)
    if as_json:
        print_json(found)
    else:
        _tell_bars(found)
        _tell_findings(found)
    _leave(found, well=("clean",))


@script.command()
def run(
    source: AnyArgument,
    series: SeriesOption = None,
    timeframe: TimeframeOption = None,
    inputs: InputOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a script over the last bars of a series: its last values and signals, and what was found."""
    found = _checked(source, series, timeframe, inputs)
    if as_json:
        print_json(found)
    else:
        _tell_bars(found)
        if found["outputs"]:
            _tell_outputs(found["outputs"])
        for line in found["logs"][:_LONGEST_LOG]:
            say(f"log: {line}")
        _tell_findings(found)
    _leave(found, well=tuple(_STATES))


@script.command()
def show(
    name: NameArgument,
    version: Annotated[int | None, typer.Option("--version", min=1, help="The newest if left out.")] = None,
    source_only: Annotated[bool, typer.Option("--source", help="Print nothing but its source.")] = False,
    as_json: JsonOption = False,
) -> None:
    """One of your scripts: inputs, findings, versions and source."""
    with Client() as client:
        summary = one_of(client.get("/api/scripts"), name, "script")
        path = f"/api/scripts/{summary['id']}"
        found = client.get(path if version is None else f"{path}/versions/{version}")
    if as_json:
        print_json(found)
    elif source_only:
        sys.stdout.write(found["source"])
    else:
        number = found["version"] if version is None else found["number"]
        say(f"{summary['name']}, version {number}", style="bold")
        if found["inputs"]:
            say(_inputs(found["inputs"]))
        _tell_findings(found)
        for one in found.get("versions", ()):
            say(f"version {one['number']}  {tables.clock(one['created_at'])}")
        say(f"\n{found['source']}")


def _checked(source: str, series: str | None, timeframe: str | None, inputs: list[str] | None) -> Json:
    wanted = {"series": series, "timeframe": timeframe, "inputs": pairs(inputs)}
    with Client() as client:
        text = read(source) if _is_file(source) else _source_of(client, source)
        body = {name: value for name, value in wanted.items() if value is not None}
        found: Json = client.post("/api/scripts/check", {**body, "source": text})
    return found


def _is_file(source: str) -> bool:
    return source == "-" or Path(source).is_file()


def _source_of(client: Client, name: str) -> str:
    return str(client.get(f"/api/scripts/{script_of(client, name)['id']}")["source"])


def _leave(found: Json, *, well: tuple[str, ...]) -> None:
    if found["error"] or found["findings"]["state"] not in well:
        raise SystemExit(1)


# --- telling ------------------------------------------------------------------------------------------------


def _listed(found: list[Json]) -> Table:
    return tables.table(
        "Scripts",
        ("id", "name", "version", "title", "check", "changed (UTC)", ""),
        (
            (
                tables.short(one["id"]),
                one["name"],
                str(one["version"]),
                one["title"],
                _STATES[one["findings"]["state"]],
                tables.clock(one["updated_at"]),
                tables.fault(one["error"]),
            )
            for one in found
        ),
        numbers=("version",),
    )


def _inputs(found: list[Json]) -> Table:
    return tables.table(
        "Inputs",
        ("name", "label", "kind", "default", "may be"),
        ((one["name"], one["label"], one["kind"], str(one["default"]), _range(one)) for one in found),
    )


def _range(one: Json) -> str:
    if one["options"]:
        return ", ".join(one["options"])
    least, most = one["min"], one["max"]
    told = [f"from {least:g}"] if least is not None else []
    return " ".join([*told, f"to {most:g}"] if most is not None else told)


def _tell_bars(found: Json) -> None:
    series = found["series"] or "made-up bars (none of a market are here)"
    title = found["title"] or "Untitled script"
    say(
        f"{title}: {found['bars']:,} bars of {series}, {found['timeframe']}",
        style="bold",
    )


def _tell_outputs(outputs: Json) -> None:
    plots = outputs["plots"]
    rows = [
        (
            utc_minute(row["time"]),
            _number(row["close"]),
            *map(_number, row["values"]),
            _number(row["signal"]),
            _number(row["target"]),
            ", ".join(row["markers"]),
        )
        for row in outputs["recent"]
    ]
    columns = ["bar (UTC)", "close", *(plot["label"] for plot in plots), "signal", "target", "markers"]
    say(tables.table("Last values", columns, rows, numbers=columns[1:-1]))
    told = [f"{one['label'] or 'marker'}: {one['count']:,}" for one in outputs["markers"]]
    told += [f"alert {one['message']!r}: {one['count']:,}" for one in outputs["alerts"]]
    if outputs["signals"]:
        told.append(f"signals: {outputs['signals']['up']:,} up, {outputs['signals']['down']:,} down")
    if told:
        say("; ".join(told))


def _tell_findings(found: Json) -> None:
    """Errors and warnings go to standard error, as everywhere."""
    if found["error"]:
        warn(tables.fault(found["error"]), style="bold red")
        return
    findings: Json = found["findings"]
    if findings["state"] == "unchecked":
        warn("It was not checked for looking into the future.")
    elif findings["state"] == "clean":
        told = f"No value changed in {findings['runs']} runs over parts of the bars."
        say(told if findings["complete"] else f"{told} Not all were made.")
    else:
        ahead = any(one["kind"] == "future" for one in findings["findings"])
        told = "It looks into the future." if ahead else "Its values change by themselves."
        warn(told, style="bold red")
    for one in findings["findings"]:
        warn(one["text"])


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:,.6g}"
