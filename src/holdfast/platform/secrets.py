"""The passwords of the embedded servers: made once at first start, in files of mode 0600."""

import os
from secrets import token_hex
from typing import Final

from holdfast.platform.processes import CannotRun
from holdfast.platform.settings import Settings

SERVERS: Final = ("postgres", "redis")


def ensure_passwords(settings: Settings) -> None:
    """Create what is missing; what exists is never replaced."""
    directory = settings.secrets_dir
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    directory.chmod(0o700)
    for server in SERVERS:
        path = directory / f"{server}.password"
        if not path.exists():
            draft = path.with_name(f".{path.name}")
            draft.unlink(missing_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(token_hex(24) + "\n")
            draft.rename(path)


def password(settings: Settings, server: str) -> str:
    """The password of the embedded ``postgres`` or ``redis``.

    Raises:
        CannotRun: there is none yet, or it is not ours to read.
    """
    path = settings.secrets_dir / f"{server}.password"
    try:
        return path.read_text().strip()
    except OSError as error:
        raise CannotRun(
            f"{path} cannot be read ({error.strerror}): run `holdfast up`, as the same user."
        ) from error
