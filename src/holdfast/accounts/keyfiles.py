"""Small secret files: written once, for their owner only, safe against two processes starting at once."""

import os
from pathlib import Path
from secrets import token_hex


def read_or_create(path: Path, content: bytes) -> bytes:
    """The file's content; if there is no file, ``content`` becomes it. Whoever comes first wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _create(path, content)
    return path.read_bytes()


def _create(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
