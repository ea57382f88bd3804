"""``holdfast up``: the whole installation on this machine."""

from typing import Annotated

import typer

from holdfast.app.cli.output import say
from holdfast.platform.settings import Settings


def up(
    hub: Annotated[
        bool, typer.Option("--hub", help="Serve the live stream from a process of its own (HOLDFAST_HUB).")
    ] = False,
) -> None:
    """Start PostgreSQL, Redis and every process of Holdfast, and keep them running until Ctrl-C."""
    from holdfast.app.supervisor import Supervisor

    settings = Settings()
    settings = settings.model_copy(update={"hub": settings.hub or hub})
    say("Starting Holdfast …")
    Supervisor(settings, say).run()
