"""Nobody dies, but connections do: a proxy between a worker and PostgreSQL, or the venue, resets them all.

Points count the pieces that the worker sends, over all its connections. ``HELD``: the piece is thrown away;
``SENT``: it is passed on, and the connection is reset before the answer comes.
"""

import asyncio
import mmap
import os
import signal
import socket
import struct
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from holdfast.platform.settings import Settings
from holdfast.torture.crash.driver import Moment
from holdfast.torture.crash.fork import Born, Ending, Say, born
from holdfast.torture.crash.points import Length, Outcome, Point
from holdfast.torture.crash.run import Bench, conclude

_RESET: Final = struct.pack("ii", 1, 0)
SCENE: Final = "open"


@dataclass(frozen=True, slots=True)
class ConnectionsCut:
    """``to`` is postgres or venue."""

    to: str
    dies: str = "connections"
    moments: tuple[Moment, ...] = (Moment.HELD, Moment.SENT)

    @property
    def name(self) -> str:
        return f"cut-{self.to}"

    def length(self, bench: Bench) -> Length:
        scene = bench.prepare(SCENE)
        with _Proxy(bench, self.to, Moment.HELD, 0) as proxy:
            bench.do(scene["job"], Moment.HELD, 0, settings=proxy.settings)
            pieces = proxy.pieces
        bench.verdict(scene)
        return Length.named([f"{self.to} piece {number}" for number in range(1, pieces + 1)])

    def run(self, bench: Bench, point: Point) -> Outcome:
        began = time.monotonic()
        scene = bench.prepare(SCENE)
        with _Proxy(bench, self.to, point.moment, point.number) as proxy:
            ending = bench.do(scene["job"], Moment.HELD, 0, settings=proxy.settings)
            place = f"{self.to} piece {point.number}" if proxy.pieces >= point.number else ""
        outlived = Ending(ending.outlived().code, ({"killed": place},))
        return conclude(bench, scene, point, outlived, began)


class _Proxy:
    """A process of its own that passes everything on, and once resets every connection."""

    def __init__(self, bench: Bench, to: str, moment: Moment, at: int) -> None:
        given = bench.place.settings
        target = urlsplit(given.database_url if to == "postgres" else given.sim_url)
        self._door = socket.create_server(("127.0.0.1", 0))
        port = self._door.getsockname()[1]
        self._count = mmap.mmap(-1, 8)
        self.settings = _moved(given, to, target.port or 0, port)
        self._process: Born = born(
            lambda say: _pass_on(self._door, target.port or 0, moment, at, self._count, say), bench.place.log
        )

    @property
    def pieces(self) -> int:
        """How many pieces the worker has sent."""
        return int.from_bytes(self._count[:8], "little")

    def __enter__(self) -> "_Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._door.close()


def _moved(given: Settings, to: str, old: int, new: int) -> Settings:
    """The same settings with one address moved to the proxy."""
    if to == "venue":
        changes: dict[str, object] = {"sim_port": new}
    else:
        changes = {"database_url": given.database_url.replace(f":{old}/", f":{new}/")}
    return Settings.model_validate(given.model_dump() | changes)


def _pass_on(door: socket.socket, port: int, moment: Moment, at: int, count: mmap.mmap, _: Say) -> None:
    asyncio.run(_Knife(port, moment, at, count).serve(door))


class _Knife:
    def __init__(self, port: int, moment: Moment, at: int, count: mmap.mmap) -> None:
        self._port = port
        self._moment = moment
        self._at = at
        self._count = count
        self._pieces = 0
        self._open: set[asyncio.StreamWriter] = set()

    async def serve(self, door: socket.socket) -> None:
        server = await asyncio.start_server(self._connected, sock=door)
        await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        their_reader, their_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, their_writer}
        answers = asyncio.create_task(self._carry(their_reader, writer))
        try:
            while piece := await reader.read(65536):
                self._pieces += 1
                self._count[:8] = self._pieces.to_bytes(8, "little")
                due = self._pieces == self._at
                if not due or self._moment is Moment.SENT:
                    their_writer.write(piece)
                    await their_writer.drain()
                if due:
                    await self._cut()
        except OSError:
            pass
        finally:
            answers.cancel()
            their_writer.close()
            writer.close()
            self._open -= {writer, their_writer}

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()

    async def _cut(self) -> None:
        """Reset our side of everything at once; whoever was asked has already been given what it gets."""
        if self._moment is Moment.SENT:
            await asyncio.sleep(0)
        for writer in list(self._open):
            link: socket.socket | None = writer.get_extra_info("socket")
            if link is not None:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
