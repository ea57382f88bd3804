"""The installation's stop as a file: it holds while PostgreSQL, Redis and the API are away.

Every worker looks for it before every send. Only that it is there counts; what is in it is for people. That
it is not there any more lifts nothing that was entered in the database: the directory may be an empty one in
place of a disk that was not mounted. Resuming leaves a note beside it, and that does.
"""

import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Final

import orjson
import structlog

from holdfast.platform.settings import Settings

log = structlog.get_logger(__name__)

NAME: Final = "stop"
LIFTED: Final = "stop.lifted"
_seen: set[Path] = set()
"""Directories that this process has found: one of them that is gone may hold a stop."""


@dataclass(frozen=True, slots=True)
class StopFile:
    """Who stopped everything, when and why. ``lost``: nobody may have; it is not to be seen, because the
    directory is gone, and that is a stop for as long as it lasts."""

    since: datetime | None
    by: str
    reason: str
    lost: bool = False


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
    except OSError as error:
        if _is_absent(path):
            if not is_lost(settings):
                _notice(path.parent)
                return None
            log.warning("the directory of the stop file is gone", directory=str(path.parent))
            return StopFile(None, "", "the place where a stop would be written down is gone", lost=True)
        log.warning("the stop file cannot be read", path=str(path), error=error.strerror)
        return StopFile(None, "", f"the stop file cannot be read ({error.strerror})")
    _notice(path.parent)
    try:
        fields = orjson.loads(content)
        since = datetime.fromisoformat(fields["since"]).astimezone(UTC)
        return StopFile(since, str(fields["by"]), str(fields["reason"]))
    except (ValueError, KeyError, TypeError, OverflowError):
        return StopFile(None, "", "there is a stop file")


def _is_absent(path: Path) -> bool:
    """Whether there is certainly no such file. Opening one may fail for other reasons even then, a process
    with too many open files above all; looking needs none."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def is_lost(settings: Settings) -> bool:
    """Whether the directory was there for this process, and is gone. Nobody must make it anew then: an empty
    one says that nothing is stopped."""
    return settings.home in _seen and not settings.home.is_dir()


def _notice(directory: Path) -> None:
    if directory.is_dir():
        _seen.add(directory)


def lifted_at(settings: Settings) -> datetime | None:
    """When it was resumed here last; ``None`` if that is not known."""
    try:
        return datetime.fromisoformat((settings.home / LIFTED).read_text()).astimezone(UTC)
    except (OSError, ValueError, OverflowError):
        return None


def write(settings: Settings, *, since: datetime, by: str, reason: str) -> StopFile | None:
    """On the disk, whole, before this returns. A stop that is there already stays as it is. Where there is no
    room for who and why, an empty file stops as well.

    Returns:
        The stop that was there already, and whose reason stands.

    Raises:
        OSError: no file can be made at all.
    """
    path = path_of(settings)
    if found := read(settings):
        return found
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"since": since.isoformat(), "by": by, "reason": reason}
    try:
        write_durably(path, orjson.dumps(content))
    except OSError:
        path.touch(mode=0o600)
        _sync_directory(path.parent)
    return None


def remove(settings: Settings, *, now: datetime) -> bool:
    """Resume: note that, then remove the file. Whether there was one.

    Raises:
        OSError: it cannot be noted, and stays.
    """
    path, found = path_of(settings), read(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    at = max(now, found.since) if found and found.since else now
    write_durably(path.with_name(LIFTED), at.isoformat().encode())
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


def give_away(path: Path) -> None:
    """What the superuser makes in an emergency belongs to whom its directory belongs to."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
