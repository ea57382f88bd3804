"""How a process asks the sandbox: a message is a head, a JSON text, and bytes. One question a connection."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import orjson

_HEAD: Final = struct.Struct("<4sIQ")
_MAGIC: Final = b"HFS1"
MOST_TEXT: Final = 2**20
_LONGEST_PATH: Final = 100
"""The kernel takes 107 bytes as the name of a socket."""

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class BadMessage(Exception):
    """These bytes are no message, or one that is too long."""


async def receive(reader: asyncio.StreamReader) -> tuple[dict[str, Any], int]:
    """The text of the next message and how many bytes follow it.

    Raises:
        BadMessage: it is none.
        IncompleteReadError: the connection ended.
    """
    magic, text_size, size = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    if magic != _MAGIC or text_size > MOST_TEXT:
        raise BadMessage("not a message of ours")
    try:
        said = orjson.loads(await reader.readexactly(text_size))
    except orjson.JSONDecodeError as error:
        raise BadMessage("a message without a text") from error
    if not isinstance(said, dict):
        raise BadMessage("a text without members")
    return said, size


async def send(writer: asyncio.StreamWriter, said: dict[str, Any], size: int = 0) -> None:
    """The beginning of a message, after which ``size`` bytes are to be poured.

    Raises:
        BadMessage: the text is too long.
    """
    text = orjson.dumps(said)
    if len(text) > MOST_TEXT:
        raise BadMessage("too long a text")
    writer.write(_HEAD.pack(_MAGIC, len(text), size) + text)
    await writer.drain()


async def pour(writer: asyncio.StreamWriter, parts: Sequence[bytes]) -> None:
    for part in parts:
        writer.write(part)
        await writer.drain()


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Stream]:
    """A connection to a path, or to host:port. Raises ``OSError``."""
    path = socket_path(address)
    if path:
        with _reachable(path) as name:
            reader, writer = await asyncio.open_unix_connection(name)
    else:
        host, port = host_and_port(address)
        reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def listen(address: str, handle: Any) -> asyncio.Server:
    """Raises ``OSError`` where that is not possible."""
    path = socket_path(address)
    if not path:
        host, port = host_and_port(address)
        return await asyncio.start_server(handle, host, port)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        with _reachable(path) as name:
            return await asyncio.start_unix_server(handle, name)
    finally:
        os.umask(before)


def socket_path(address: str) -> Path | None:
    """``None`` for host:port."""
    return Path(address) if "/" in address else None


def host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """The path in a form that is short enough to be the name of a socket."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
