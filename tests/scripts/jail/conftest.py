"""Raw zygotes in different conditions, and a world with something to be had."""

import asyncio
import ctypes
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from holdfast.scripts.jail import walls
from holdfast.scripts.jail.server import _fill, _memory, _seal
from holdfast.scripts.jail.warden import Ended, Limits, Warden

RAW = Path(__file__).with_name("raw_zygote.py")
LIMITS = Limits(wall=4, cpu=2, memory=768 * 2**20, output=2**20)
PATIENT = Limits(wall=60, cpu=20, memory=768 * 2**20, output=2**20)
"""For what must come to its end, also on a busy machine, where scripts stand back."""
BARS = bytes(range(240)) * 20


def command(runner: str = "raw", conditions: str = "machine") -> list[str]:
    return [sys.executable, "-s", "-P", str(RAW), runner, conditions]


@dataclass
class Cell:
    """A zygote that runs plain Python."""

    warden: Warden

    async def run(self, source: str, limits: Limits = LIMITS, bars: bytes = BARS) -> Ended:
        with _memory("task") as task, _memory("bars") as data:
            _fill(task, source.encode())
            _fill(data, bars)
            _seal(task)
            _seal(data)
            async with asyncio.timeout(limits.wall + 20):
                return await self.warden.run(task, data, limits)


Opened = Callable[..., Awaitable[Cell]]


@pytest.fixture
async def opened() -> AsyncIterator[Opened]:
    wardens: list[Warden] = []

    async def open_cell(runner: str = "raw", conditions: str = "machine") -> Cell:
        warden = await Warden.begin(command(runner, conditions))
        wardens.append(warden)
        return Cell(warden)

    yield open_cell
    for warden in wardens:
        warden.close()


@pytest.fixture
async def cell(opened: Opened) -> Cell:
    found = await opened()
    if not found.warden.standing.locked:
        pytest.skip(f"scripts cannot be locked up on this machine: {found.warden.standing.why}")
    return found


@pytest.fixture(scope="session")
def world() -> Iterator[dict[str, Any]]:
    """What an attack may go for."""
    folder = Path(mkdtemp(prefix="holdfast-world-"))
    folder.chmod(0o777)
    secret = folder / "secret"
    secret.write_text("a secret of somebody else")
    secret.chmod(0o644)
    tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    abstract, path = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    name = f"holdfast-{os.getpid()}"
    abstract.bind(f"\0{name}")
    path.bind(str(folder / "socket"))
    (folder / "socket").chmod(0o777)
    for server in (abstract, path):
        server.listen()
    threading.Thread(target=_accept, args=(tcp,), daemon=True).start()
    as_them: dict[str, Any] = {"user": walls.UID, "group": walls.UID} if os.geteuid() == 0 else {}
    victim = subprocess.Popen(["/bin/sleep", "600"], **as_them)
    libc = ctypes.CDLL(None, use_errno=True)
    segment = libc.shmget(0, 16, 0o1666)
    yield {
        "secret": str(secret),
        "folder": str(folder),
        "tcp": tcp.getsockname()[1],
        "udp": udp.getsockname()[1],
        "abstract": name,
        "unix": str(folder / "socket"),
        "victim": victim.pid,
        "segment": segment,
    }
    victim.kill()
    victim.wait()
    libc.shmctl(segment, 0, None)
    for server in (tcp, udp, abstract, path):
        server.close()


def _accept(server: socket.socket) -> None:
    with suppress(OSError):
        while True:
            server.accept()[0].close()
