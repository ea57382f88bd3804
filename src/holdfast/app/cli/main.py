"""``holdfast``: everything starts here. Commands import what they need when they run, so help is quick."""

import sys
from contextlib import suppress
from typing import Any

import typer
from pydantic import ValidationError

from holdfast.app.cli import processes, safety, sign_in, trading
from holdfast.app.cli.backtesting import backtest
from holdfast.app.cli.crash import crash
from holdfast.app.cli.data import data
from holdfast.app.cli.doctor import doctor
from holdfast.app.cli.incidents import incidents
from holdfast.app.cli.output import JsonOption, console, fail, print_json
from holdfast.app.cli.scripting import script
from holdfast.app.cli.status import status
from holdfast.app.cli.strategies import strategy
from holdfast.app.cli.torture import torture
from holdfast.app.cli.trace import trace
from holdfast.app.cli.up import up
from holdfast.core.errors import HoldfastError
from holdfast.platform.processes import CannotRun
from holdfast.platform.settings import Settings
from holdfast.platform.telemetry import configure_logging

app = typer.Typer(
    name="holdfast",
    help="Self-hosted, non-custodial crypto trading: keep my money at these target weights.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
app.command()(up)
for command in (
    processes.api,
    processes.hub,
    processes.worker,
    processes.scheduler,
    processes.feed,
    processes.watch,
    processes.sandbox,
    processes.sim,
    processes.migrate,
):
    app.command()(command)
app.command()(status)
app.command()(doctor)
app.command()(crash)
app.add_typer(trading.index, name="index")
app.add_typer(data, name="data")
app.add_typer(backtest, name="backtest")
app.add_typer(script, name="script")
app.add_typer(strategy, name="strategy")
app.command()(trading.preview)
app.command("open")(trading.open_position)
app.command()(trading.positions)
app.command("close")(trading.close_position)
app.command("rebalance")(trading.rebalance)
app.command()(trading.orders)
app.command()(trace)
app.command()(torture)
app.command()(incidents)
app.command()(safety.stop)
app.command()(safety.resume)
app.command()(safety.flatten)
app.add_typer(safety.limits, name="limits")
app.command("sign-in")(sign_in.sign_in)
app.command("sign-out")(sign_in.sign_out)


@app.command()
def version(as_json: JsonOption = False) -> None:
    """Print the installed version."""
    from holdfast.app.version import version as installed

    if as_json:
        print_json({"version": installed()})
    else:
        console.print(f"holdfast {installed()}", highlight=False)


def main() -> Any:
    """Run the command line; what a person can mend is one sentence, never a traceback."""
    with suppress(ValidationError):  # a command that needs the settings says what is wrong with them
        configure_logging(Settings(), "command")
    try:
        return app()
    except CannotRun as error:
        fail(str(error))
    except HoldfastError as error:
        fail(error.detail, error.advice)
    except ValidationError as error:
        first = error.errors()[0]
        name = f"HOLDFAST_{first['loc'][0]}".upper() if first["loc"] else "a setting"
        fail(f"{name} cannot be used: {first['msg']}.", "Correct it, or unset it to use the default.")


if __name__ == "__main__":
    sys.exit(main())
