"""Limits, stops and flattening from the command line.

A user's own commands go through the API. With ``--all`` and ``--offline`` the operator of this machine acts
for everybody on it, and with ``--user`` for one of them; neither the API nor Redis, and for a stop of all or
an offline flattening not even PostgreSQL, has to be there.
"""

import asyncio
import getpass
import socket
import time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table

from holdfast.app.cli import tables
from holdfast.app.cli.client import Client
from holdfast.app.cli.output import JsonOption, console, fail, print_json, say
from holdfast.app.cli.trading import find_position
from holdfast.core.errors import NotFound

if TYPE_CHECKING:
    from holdfast.platform.settings import Settings

limits = typer.Typer(help="Your limits: how far new risk may go.", invoke_without_command=True)

FOLLOW_SECONDS: Final = 300
POLL_SECONDS: Final = 0.5
PARTLY: Final = 2

AllOption = Annotated[bool, typer.Option("--all", help="Everybody on this installation; on its machine.")]
UserOption = Annotated[
    str | None,
    typer.Option("--user", help="One user, by e-mail address or id; on the installation's machine."),
]
PositionOption = Annotated[str | None, typer.Option("--position", help="Only this position.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for whoever sees it.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Confirm without being asked.")]

_NAMES: Final = {
    "order": "order_notional",
    "instrument": "instrument_notional",
    "position-size": "sleeve_notional",
    "gross": "gross_notional",
    "daily-loss": "daily_loss",
    "drawdown": "drawdown",
    "orders-per-minute": "orders_per_minute",
    "price-band": "price_band",
}


# --- stop and resume -------------------------------------------------------------------------------------


def stop(
    everything: AllOption = False,
    position: PositionOption = None,
    user: UserOption = None,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Stop new risk at once. Closing goes on; what is half open is taken back."""
    _check_whose(everything, position, user)
    if everything:
        _print_lines(_operator_stop(reason), as_json)
        return
    if user:
        _print_lines([_operator_stops_user(user, reason)], as_json)
        return
    with Client() as client:
        body: dict[str, Any] = {"scope": "user", "reason": reason}
        if position:
            body |= {"scope": "position", "position_id": find_position(client, position)["id"]}
        made = client.post("/api/stops", body)
    if as_json:
        print_json(made)
        return
    what = "This position is" if position else "All your new trading is"
    console.print(f"{what} stopped. `holdfast resume` lifts it.", highlight=False)


def resume(
    everything: AllOption = False,
    everywhere: Annotated[
        bool, typer.Option("--every-machine", help="With --all: also what other machines have stopped.")
    ] = False,
    position: PositionOption = None,
    user: UserOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lift your stops (or, with --all, this installation's)."""
    _check_whose(everything, position, user)
    if everything:
        _print_lines(_operator_resume(everywhere=everywhere), as_json)
        return
    if everywhere:
        raise typer.BadParameter("--every-machine goes with --all")
    if user:
        _print_lines([_operator_resumes_user(user)], as_json)
        return
    with Client() as client:
        wanted = find_position(client, position)["id"] if position else None
        every = client.get("/api/stops")
        mine = [one for one in every if one["scope"] != "instance" and one["position_id"] == wanted]
        for one in mine:
            client.delete(f"/api/stops/{one['id']}")
        left = client.get("/api/stops")
    if as_json:
        print_json({"lifted": mine, "in_force": left})
        return
    console.print("Lifted." if mine else "There was no such stop.")
    for one in left:
        where = f"position {tables.short(one['position_id'])}" if one["position_id"] else one["scope"]
        say(f"Still stopped: {where}. {one['reason']}")


def _check_whose(everything: bool, position: str | None, user: str | None) -> None:
    if [everything, position is not None, user is not None].count(True) > 1:
        raise typer.BadParameter("--all, --user and --position exclude each other")


# --- flatten ---------------------------------------------------------------------------------------------


def flatten(
    everything: AllOption = False,
    position: PositionOption = None,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="On the worker's machine, without PostgreSQL, Redis and the API."),
    ] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Close what your positions own, and stop new risk. What you hold yourself is never touched."""
    if not yes:
        if as_json:
            fail("Nothing was closed.", "With --json, confirm with --yes.")
        whose = "this position" if position else "everybody's positions" if everything or offline else "all"
        typer.confirm(f"Stop new risk and close {whose} at the market now?", abort=True)
    if offline:
        _flatten_offline(position, as_json)
    elif everything:
        _flatten_all(as_json)
    else:
        _flatten_mine(position, as_json)


def _flatten_mine(position: str | None, as_json: bool) -> None:
    with Client() as client:
        body: dict[str, Any] = {"scope": "user"}
        if position:
            body = {"scope": "position", "position_id": find_position(client, position)["id"]}
        run = client.post("/api/flatten", body)
        deadline = time.monotonic() + FOLLOW_SECONDS
        while run["state"] == "running" and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            run = client.get(f"/api/flatten/{run['id']}")
    if as_json:
        print_json(run)
    else:
        for one in run["positions"]:
            say(
                f"{tables.short(one['position_id'])}  {one['state']}  {one['text']}",
            )
        console.print(_VERDICTS[run["state"]])
    raise SystemExit(0 if run["state"] == "done" else PARTLY)


_VERDICTS: Final = {
    "done": "Everything is closed. New risk stays stopped: `holdfast resume` lifts that.",
    "partly": "Not everything could be closed; see above. New risk stays stopped.",
    "running": "Still being closed; it goes on without this command. New risk is stopped.",
}


def _flatten_all(as_json: bool) -> None:
    from holdfast.app import everybody
    from holdfast.app.context import located
    from holdfast.platform.settings import Settings

    settings = located(Settings())
    lines = _operator_stop("Everything is being closed by the operator")
    report = asyncio.run(everybody.flatten_everybody(settings, by=_who(), seconds=FOLLOW_SECONDS))
    if report is None:
        fail("PostgreSQL does not answer.", "Use `holdfast flatten --offline` on the worker's machine.")
    if report.lost:
        lines.append(
            "PostgreSQL does not answer any more: going on offline, with the journals of this machine."
        )
        _close_offline(settings, None, lines, as_json)
    else:
        _print_outcome([*lines, *report.done], report.failed, as_json)


def _flatten_offline(position: str | None, as_json: bool) -> None:
    from holdfast.app import operator
    from holdfast.app.context import located
    from holdfast.platform.processes import CannotRun
    from holdfast.platform.settings import Settings

    settings = Settings()
    try:
        settings = located(settings)
    except CannotRun:
        settings = settings.model_copy(update={"database_url": "", "redis_url": ""})
    if settings.database_url and asyncio.run(operator.database_answers(settings)):
        fail(
            "PostgreSQL answers, so two hands would close at once.",
            "Use `holdfast flatten --all`: it works without Redis and the API too.",
        )
    _close_offline(settings, position, _operator_stop("Everything is being closed offline"), as_json)


def _close_offline(settings: "Settings", position: str | None, lines: list[str], as_json: bool) -> None:
    from holdfast.app import operator

    def tell(text: str) -> None:
        if not as_json:
            say(text)

    for line in lines:
        tell(line)
    report = asyncio.run(operator.flatten_offline(settings, say=tell, position=position))
    _print_outcome(lines + report.done if as_json else [], report.failed, as_json)


# --- the operator ----------------------------------------------------------------------------------------


def _who() -> str:
    return f"{getpass.getuser()} on {socket.gethostname()}"


def _operator_stop(reason: str) -> list[str]:
    from holdfast.app import operator
    from holdfast.app.context import located
    from holdfast.platform.processes import CannotRun
    from holdfast.platform.settings import Settings

    settings = Settings()
    try:
        before = operator.write_stop(settings, by=_who(), reason=reason)
    except OSError as error:
        fail(
            f"Nothing is stopped: {operator.stop_path(settings)} cannot be written ({error.strerror}).",
            "Make room or run this as the worker's user; or stop the worker processes: they take no new risk "
            "then, and close nothing.",
        )
    said = [f"Stopped: {operator.stop_path(settings)} is written. No worker of this machine sends new risk."]
    if before:
        said.append(before)
    try:
        entered = asyncio.run(operator.enter_stop(located(settings)))
    except CannotRun:
        entered = False
    said.append(
        "The stop is in the database: it holds on every machine."
        if entered
        else "PostgreSQL does not answer: until it does, only this machine is stopped, and then all are."
    )
    return said


def _operator_resume(*, everywhere: bool) -> list[str]:
    from holdfast.app import operator
    from holdfast.app.context import located
    from holdfast.platform.processes import CannotRun
    from holdfast.platform.settings import Settings

    settings = Settings()
    try:
        removed = operator.remove_stop(settings)
    except OSError as error:
        fail(
            f"Everything stays stopped: nothing can be written beside {operator.stop_path(settings)} "
            f"({error.strerror}).",
            "Make room or run this as the worker's user, and run it again.",
        )
    said = ["The stop file is removed." if removed else "There was no stop file on this machine."]
    try:
        settings = located(settings)
        lifted = asyncio.run(operator.enter_stop(settings, resumed=True))
    except CannotRun:
        lifted = False
    if not lifted:
        return [
            *said,
            "PostgreSQL does not answer: the stop stands in it until a worker of this machine lifts it.",
        ]
    others = asyncio.run(operator.stopped_elsewhere(settings, lift=everywhere))
    if others is None:
        return [
            *said,
            "PostgreSQL does not answer any more: run this again to hear of stops by other machines.",
        ]
    if everywhere:
        return said + [f"The stop of {origin} is lifted." for origin in others]
    return said + [
        f"Still stopped by {origin}: resume there, or with --every-machine if it is gone."
        for origin in others
    ]


def _operator_stops_user(user: str, reason: str) -> str:
    from holdfast.app import operator
    from holdfast.app.context import located
    from holdfast.platform.settings import Settings

    return asyncio.run(operator.stop_user(located(Settings()), user=user, by=_who(), reason=reason))


def _operator_resumes_user(user: str) -> str:
    from holdfast.app import operator
    from holdfast.app.context import located
    from holdfast.platform.settings import Settings

    return asyncio.run(operator.resume_user(located(Settings()), user=user))


def _print_lines(lines: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"said": lines})
        return
    for line in lines:
        say(line)


def _print_outcome(done: list[str], failed: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"done": done, "failed": failed})
    else:
        for line in done:
            say(line)
        for line in failed:
            say(f"COULD NOT: {line}", style="bold")
        console.print("Everything is closed." if not failed else "Not everything could be closed; see above.")
    raise SystemExit(PARTLY if failed else 0)


# --- limits ----------------------------------------------------------------------------------------------


@limits.callback()
def show_limits(context: typer.Context, position: PositionOption = None, as_json: JsonOption = False) -> None:
    """Show your limits, what counts, and how far they are used."""
    if context.invoked_subcommand:
        return
    with Client() as client:
        found = client.get(_limits_path(client, position))
    print_json(found) if as_json else console.print(_limits_table(found))


@limits.command("set")
def set_limits(
    assignments: Annotated[
        list[str], typer.Argument(help="NAME=VALUE, or NAME=none. Names: " + ", ".join(_NAMES))
    ],
    position: PositionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set limits, for example: holdfast limits set daily-loss=500 drawdown=0.1."""
    wanted = dict(_assignment(text) for text in assignments)
    with Client() as client:
        path = _limits_path(client, position)
        own = client.get(path)["position" if position else "user"]
        found = client.put(path, own | wanted)
    print_json(found) if as_json else console.print(_limits_table(found))


@limits.command("count-anew")
def count_anew(user: Annotated[str, typer.Argument(help="Their e-mail address or id.")]) -> None:
    """For the operator: count a user's drawdown from today, for this installation's own limit."""
    from holdfast.app import operator
    from holdfast.app.context import located
    from holdfast.platform.settings import Settings

    said = asyncio.run(operator.count_peak_anew(located(Settings()), user=user))
    say(said)


def _limits_path(client: Client, position: str | None) -> str:
    if position is None:
        return "/api/limits"
    return f"/api/positions/{find_position(client, position)['id']}/limits"


def _assignment(text: str) -> tuple[str, str | int | None]:
    name, separator, value = text.partition("=")
    if not separator or name not in _NAMES:
        raise NotFound(
            f"There is no limit {name!r}.", advice=f"Write NAME=VALUE, with one of: {', '.join(_NAMES)}."
        )
    if value == "none":
        return _NAMES[name], None
    try:
        number = Decimal(value)
        return _NAMES[name], _whole(number) if name == "orders-per-minute" else f"{number:f}"
    except (InvalidOperation, ValueError, OverflowError):
        kind = "whole number, like 30" if name == "orders-per-minute" else "number; write it as 1000 or 0.1"
        raise typer.BadParameter(f"{value!r} is no {kind}") from None


def _whole(number: Decimal) -> int:
    if number != int(number):
        raise ValueError("not whole")
    return int(number)


def _limits_table(found: dict[str, Any]) -> Table:
    own = found.get("position", found["user"])
    table = Table("limit", "own", "in force", "used", box=None)
    usage = found["usage"]
    for shown, name in _NAMES.items():
        used = usage.get(name)
        values = (own[name], found["effective"][name], used)
        table.add_row(shown, *("" if value is None else str(value) for value in values))
    return table
