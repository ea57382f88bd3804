"""Files with bars in them: plain, gzip, or zip with one or many CSV files; opened without trusting them."""

import errno
import gzip
import hashlib
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal, cast

from holdfast.core.errors import InvalidInput

MOST_BYTES: Final = 4 * 1024**3
"""Unpacked, of one file altogether."""
MOST_RATIO: Final = 100
"""Bars deflate to a fifth or so; what deflates to a hundredth holds none."""
MOST_MEMBERS: Final = 5000
_CHUNK: Final = 256 * 1024
_RATIO_FROM: Final = 4 * 1024**2
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class Member:
    """One CSV file. ``name`` is its own, without folders; ``place`` where it lies in a zip."""

    name: str
    path: Path
    packing: Literal["", "gzip", "zip"]
    place: str
    packed_bytes: int


def members(path: Path, shown_name: str = "") -> list[Member]:
    """The CSV files in ``path``, in the order of their names, which for archives is that of time.

    Raises:
        InvalidInput: it is a zip that cannot be read, is locked, or holds none or too many.
    """
    name, size = shown_name or path.name, path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4)
    if head[:2] == _GZIP:
        return [Member(name.removesuffix(".gz"), path, "gzip", "", size)]
    if head != _ZIP:
        if head[:2] == b"PK":
            raise _unreadable(name)
        return [Member(name, path, "", "", size)]
    with _damage_told(name), zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    texts = [entry for entry in entries if entry.filename.lower().endswith((".csv", ".txt"))]
    if not texts or len(entries) > MOST_MEMBERS:
        raise InvalidInput(
            f"{name} holds {len(texts)} CSV files among {len(entries)} files.",
            advice=f"Send a zip with 1 to {MOST_MEMBERS} CSV files.",
        )
    if any(entry.flag_bits & 1 for entry in texts):
        raise InvalidInput(f"{name} is locked with a password.", advice="Send it without one.")
    if any(entry.compress_type not in _PACKINGS for entry in texts):
        raise InvalidInput(
            f"{name} is packed in a way that is not read here.",
            advice="Pack it as a usual zip file (deflate), or send the CSV file.",
        )
    _check_size(name, sum(entry.file_size for entry in texts), size)
    found = [Member(Path(e.filename).name, path, "zip", e.filename, max(e.compress_size, 1)) for e in texts]
    return sorted(found, key=lambda member: member.name)


def content(member: Member) -> Iterator[bytes]:
    """The member's bytes, unpacked piece by piece.

    Raises:
        InvalidInput: it is damaged, or unpacks to more than any file of bars does.
    """
    taken = 0
    with _damage_told(member.name), ExitStack() as stack:
        file = _open(member, stack)
        while piece := file.read(_CHUNK):
            taken += len(piece)
            if member.packing:
                _check_size(member.name, taken, member.packed_bytes)
            yield piece


@contextmanager
def _damage_told(name: str) -> Iterator[None]:
    """Raises ``InvalidInput`` for what is wrong with the file; a disk of ours that fails is not."""
    try:
        yield
    except _DAMAGE as error:
        raise _unreadable(name) from error
    except OSError as error:
        if error.errno in (None, errno.EINVAL):  # no gzip file, or a place that no file has
            raise _unreadable(name) from error
        raise


def _open(member: Member, stack: ExitStack) -> IO[bytes]:
    if member.packing == "zip":
        return stack.enter_context(stack.enter_context(zipfile.ZipFile(member.path)).open(member.place))
    if member.packing == "gzip":
        return cast(IO[bytes], stack.enter_context(gzip.open(member.path, "rb")))
    return stack.enter_context(member.path.open("rb"))


def _check_size(name: str, unpacked: int, packed: int) -> None:
    if unpacked > MOST_BYTES or (unpacked > _RATIO_FROM and unpacked > MOST_RATIO * packed):
        raise InvalidInput(
            f"{name} unpacks to far more than bars do.", advice="Send an archive that holds only bars."
        )


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_checksum(path: Path) -> bool:
    """Compare with the ``.CHECKSUM`` file beside it, as Binance publishes them; whether there was one.

    Raises:
        InvalidInput: they differ.
    """
    beside = path.with_name(f"{path.name}.CHECKSUM")
    if not beside.is_file():
        return False
    wanted = beside.read_text(errors="replace").split()[:1]
    if not wanted or wanted[0].lower() != sha256_of(path):
        raise InvalidInput(
            f"{path.name} is not the file that {beside.name} speaks of.", advice="Download both again."
        )
    return True


def _unreadable(name: str) -> InvalidInput:
    return InvalidInput(
        f"{name} is damaged, or no archive that can be read.",
        advice="Download it again, or send the CSV file.",
    )
