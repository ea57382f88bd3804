"""The installation's stop as a file: it holds while PostgreSQL, Redis and the API are away.

Every worker looks for it before every send. Only that it is there counts; what is in it is for people.
"""

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Final

import orjson

from holdfast.platform.settings import Settings

NAME: Final = "stop"


@dataclass(frozen=True, slots=True)
class StopFile:
    """Who stopped everything, when and why."""

    since: datetime | None
    by: str
    reason: str


def path_of(settings: Settings) -> Path:
    return settings.home / NAME


def origin_of(settings: Settings) -> str:
    """Which machine's file, so that another machine's workers leave its row alone."""
    return f"{socket.gethostname()}:{path_of(settings).resolve()}"


def read(settings: Settings) -> StopFile | None:
    """The stop, or ``None`` if there is certainly none. What cannot be read is a stop as well."""
    path = path_of(settings)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return StopFile(None, "", f"the stop file {path} cannot be read ({error.strerror})")
    try:
        fields = orjson.loads(content)
        return StopFile(datetime.fromisoformat(fields["since"]), str(fields["by"]), str(fields["reason"]))
    except (ValueError, KeyError, TypeError):
        return StopFile(None, "", "there is a stop file")


def write(settings: Settings, *, since: datetime, by: str, reason: str) -> None:
    """On the disk, whole, before this returns. A stop that is there already stays as it is. Where there is no
    room for who and why, an empty file stops as well.

    Raises:
        OSError: no file can be made at all.
    """
    path = path_of(settings)
    if read(settings) is not None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"since": since.isoformat(), "by": by, "reason": reason}
    try:
        write_durably(path, orjson.dumps(content))
    except OSError:
        path.touch(mode=0o600)
        _sync_directory(path.parent)


def remove(settings: Settings) -> bool:
    """Whether there was one."""
    path = path_of(settings)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    _sync_directory(path.parent)
    return True


def write_durably(path: Path, content: bytes) -> None:
    """Replace ``path``, mode 0600: after a power cut it holds the old content or the new, never half. It
    belongs to whom its directory belongs to: what the superuser writes in an emergency, the worker must be
    able to read afterwards."""
    draft = path.with_name(f".{path.name}.{token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if os.geteuid() == 0:
                owner = path.parent.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
