"""``holdfast up``: the whole installation on this machine."""

from holdfast.app.cli.output import console
from holdfast.platform.settings import Settings


def up() -> None:
    """Start PostgreSQL, Redis and every process of Holdfast, and keep them running until Ctrl-C."""
    from holdfast.app.supervisor import Supervisor

    settings = Settings()
    console.print("Starting Holdfast …", highlight=False)
    Supervisor(settings, lambda sentence: console.print(sentence, highlight=False, markup=False)).run()
