"""Where things lie in ``HOLDFAST_HOME``, and how a process started by itself finds the servers."""

import json
from pathlib import Path
from typing import Final

from holdfast.platform import embedded, secrets
from holdfast.platform.processes import CannotRun, unprivileged_account
from holdfast.platform.settings import Settings

PORTS: Final = "ports.json"


def lock_path(settings: Settings) -> Path:
    return settings.home / "run" / "holdfast.lock"


def logs_directory(settings: Settings) -> Path:
    return settings.home / "log"


def ports_path(settings: Settings) -> Path:
    """Which ports of 127.0.0.1 the embedded servers have; they may change from start to start."""
    return settings.home / "run" / PORTS


def read_ports(settings: Settings) -> dict[str, int]:
    try:
        ports: dict[str, int] = json.loads(ports_path(settings).read_text())
    except (OSError, ValueError):
        return {}
    return ports


def located(settings: Settings) -> Settings:
    """The same settings with the addresses of PostgreSQL and Redis filled in.

    Raises:
        CannotRun: none were given, and no embedded servers have run here.
    """
    if settings.database_url and settings.redis_url:
        return settings
    ports = read_ports(settings)
    found = {}
    if not settings.database_url:
        found["database_url"] = embedded.postgres_url(
            _port(ports, "postgres"), secrets.password(settings, "postgres")
        )
    if not settings.redis_url:
        found["redis_url"] = embedded.redis_url(_port(ports, "redis"), secrets.password(settings, "redis"))
    return settings.model_copy(update=found)


def _port(ports: dict[str, int], server: str) -> int:
    if server not in ports:
        variable = "DATABASE_URL" if server == "postgres" else "REDIS_URL"
        raise CannotRun(f"No {server} is known here: start Holdfast with `holdfast up`, or set {variable}.")
    return ports[server]


def server_place(settings: Settings) -> embedded.Place:
    """Where the embedded servers keep their data."""
    return embedded.choose_place(settings.home, unprivileged_account())
