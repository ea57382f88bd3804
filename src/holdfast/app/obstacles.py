"""What may stand in the way of a start, each told in one sentence that says what to do."""

import fcntl
import json
import os
import shutil
import socket
from pathlib import Path
from typing import IO, Any, Final

import psutil

from holdfast.platform.processes import CannotRun
from holdfast.platform.settings import Settings

NEEDED_BYTES: Final = 500 * 1024**2
LOW_BYTES: Final = 200 * 1024**2


def free_bytes(place: Path) -> int:
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def require_disk(home: Path) -> None:
    """Raises ``CannotRun`` if the disk is too full to keep a database on."""
    free = free_bytes(home)
    if free < NEEDED_BYTES:
        raise CannotRun(
            f"Only {free // 1024**2} MB are free on the disk of {home}, and PostgreSQL needs at least "
            f"{NEEDED_BYTES // 1024**2} MB: free some space, or choose another place with HOLDFAST_HOME."
        )


def require_port(host: str, port: int, variable: str) -> None:
    """Raises ``CannotRun`` if somebody listens on the port, naming them where the system tells."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError as error:
            raise CannotRun(
                f"Port {port} needs more rights than this account has: choose one above 1023 with {variable}."
            ) from error
        except OSError as error:
            raise CannotRun(
                f"Port {port} is in use{_by_whom(port)}: stop that, or choose another port, "
                f"for example {variable}={port + 100} make up."
            ) from error


def require_stream_address(settings: Settings) -> None:
    """Raises ``CannotRun`` if pages could not find the hub: they come through a proxy that speaks TLS, and
    the hub's own port does not."""
    if settings.public_url.startswith("https:") and not settings.stream_url:
        raise CannotRun(
            "Pages opened at HOLDFAST_PUBLIC_URL cannot find the hub: have the proxy lead a path or a name "
            f"to port {settings.hub_port}, and say which by HOLDFAST_STREAM_URL, for example /api/stream."
        )


def _by_whom(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            address = connection.laddr
            if connection.status != psutil.CONN_LISTEN or not address or not connection.pid:
                continue
            if address.port == port:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        return ""
    return ""


class InstanceLock:
    """One supervisor per home. The kernel drops the lock with its holder, so it can never be stale."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def acquire(self, note: dict[str, Any]) -> None:
        """Raises ``CannotRun`` if another supervisor holds it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            holder = read_note(self._path)
            raise CannotRun(
                f"Holdfast already runs here (process {holder.get('pid', 'unknown')}, "
                f"{holder.get('url', 'no address yet')}): "
                "stop it with Ctrl-C in its terminal, or start a second one with another HOLDFAST_HOME, "
                "HOLDFAST_PORT and HOLDFAST_SIM_PORT."
            ) from error
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), **note}))
        file.flush()
        self._file = file

    def is_held(self) -> bool:
        """Whether some supervisor runs here now."""
        if not self._path.exists():
            return False
        with self._path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def release(self) -> None:
        if self._file:
            self._file.truncate(0)
            self._file.close()
            self._file = None


def read_note(path: Path) -> dict[str, Any]:
    """What the holder wrote into its lock; empty if unreadable."""
    try:
        note: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return note
