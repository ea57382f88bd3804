"""``holdfast sandbox``: takes tasks, gives each its turn, runs it in the jail, hands its result on unread."""

import asyncio
import fcntl
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from typing import Any, Final, TypeVar, get_args

import structlog

from holdfast.scripts.jail import wire
from holdfast.scripts.jail.cargo import BAR_BYTES
from holdfast.scripts.jail.keeper import Keeper
from holdfast.scripts.jail.limits import LIMITS, MOST_BARS
from holdfast.scripts.jail.turns import TooManyWaiting, Turns
from holdfast.scripts.jail.warden import Ended, Warden, ZygoteLost
from holdfast.scripts.running import Purpose

_log = structlog.get_logger()
T = TypeVar("T")

_HEAD_PATIENCE: Final = 10.0
_BODY_PATIENCE: Final = 30.0
_CHUNK: Final = 2**20
_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


async def run(address: str, places: int, ready: Callable[[], None]) -> None:
    """Serve until cancelled. ``ready`` is called once it listens and knows what stands around the runs."""
    await Server(Keeper(), places).serve(address, ready)


def places_of(processors: int, memory: int) -> int:
    """How many scripts may run at once on a machine with so many processors and bytes of memory. At least
    two, or back-tests would take the only place: few of them need as much memory as they may."""
    return max(2, min(processors + 2, memory // LIMITS["backtest"].memory))


class Refused(Exception):
    """Said to whoever asked."""


class Gone(Exception):
    """Whoever asked does not wait for an answer any more."""


class Server:
    """``places``: how many scripts may run at once; from two on one fewer back-tests, so that an editor
    never waits for them alone."""

    def __init__(self, keeper: Keeper, places: int) -> None:
        self._keeper = keeper
        self._places = places
        self._turns = Turns(places, {"backtest": max(places - 1, 1)})
        self._runs = 0
        self._ended_by_force = 0

    async def serve(self, address: str, ready: Callable[[], None]) -> None:
        """Until cancelled. ``ready`` is called when it listens and knows what stands around the runs."""
        keeping = asyncio.create_task(self._keeper.run())
        try:
            await self._keeper.wait_until_there()
            server = await wire.listen(address, self._answer)
            async with server:
                ready()
                await server.serve_forever()
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_PATIENCE):
                asked, size = await wire.receive(reader)
            if asked.get("ask") == "status":
                await wire.send(writer, self._status())
            else:
                await self._answer_run(asked, size, reader, writer)
        except (Refused, TooManyWaiting, ZygoteLost) as error:
            with suppress(OSError):
                await wire.send(writer, {"refused": str(error)})
        except (wire.BadMessage, asyncio.IncompleteReadError, TimeoutError, OSError, Gone) as error:
            _log.info("connection ended", error=type(error).__name__)
        finally:
            writer.close()

    async def _answer_run(
        self, asked: dict[str, Any], size: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        owner, task = asked.get("owner"), asked.get("task")
        purpose: Any = asked.get("purpose")
        if not isinstance(owner, str) or purpose not in get_args(Purpose) or not isinstance(task, str):
            raise Refused("this is no run of a script")
        if size % BAR_BYTES or size > BAR_BYTES * MOST_BARS:
            raise Refused(f"a script runs over at most {MOST_BARS:,} bars")
        async with AsyncExitStack() as held:
            await _while_asked(held.enter_async_context(self._turns.turn(owner, purpose)), reader)
            await wire.send(writer, {"go": True})
            with _memory("task") as told, _memory("bars") as bars:
                _fill(told, task.encode())
                async with asyncio.timeout(_BODY_PATIENCE):
                    await _take_in(reader, size, bars)
                _seal(told)
                _seal(bars)
                warden = await self._locked()
                ended = await _while_asked(warden.run(told, bars, LIMITS[purpose]), reader)
        self._count(ended)
        said = {
            "locked": ended.locked,
            "status": ended.status,
            "stopped": ended.stopped,
            "cpu": ended.cpu,
            "memory": ended.memory,
        }
        await wire.send(writer, said, len(ended.result))
        await wire.pour(writer, [ended.result])

    async def _locked(self) -> Warden:
        warden = await self._keeper.zygote()
        if not warden.standing.locked:
            raise Refused(f"scripts are not run here: {warden.standing.why}")
        return warden

    def _count(self, ended: Ended) -> None:
        self._runs += 1
        self._ended_by_force += os.WIFSIGNALED(ended.status)

    def _status(self) -> dict[str, Any]:
        standing = self._keeper.standing
        return {
            "locked": standing.locked,
            "why": standing.why,
            "namespaces": standing.namespaces,
            "landlock": standing.landlock,
            "account_changed": standing.account_changed,
            "empty_root": standing.empty_root,
            "places": self._places,
            "running": self._turns.running,
            "waiting": self._turns.waiting,
            "runs": self._runs,
            "ended_by_force": self._ended_by_force,
            "zygotes": self._keeper.begun,
        }


async def _while_asked(work: Coroutine[Any, Any, T], reader: asyncio.StreamReader) -> T:
    """What the work gives. Whoever asked says nothing meanwhile; when they go, it is ended.

    Raises:
        Gone: they went.
    """
    doing, gone = asyncio.ensure_future(work), asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait((doing, gone), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise Gone
        return await doing
    finally:
        for one in (doing, gone):
            one.cancel()
        await asyncio.gather(doing, gone, return_exceptions=True)


@contextmanager
def _memory(name: str) -> Iterator[int]:
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _fill(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


async def _take_in(reader: asyncio.StreamReader, size: int, descriptor: int) -> None:
    while size:
        chunk = await reader.read(min(size, _CHUNK))
        if not chunk:
            raise asyncio.IncompleteReadError(b"", size)
        _fill(descriptor, chunk)
        size -= len(chunk)


def _seal(descriptor: int) -> None:
    """Nobody can change it any more, not even we."""
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
