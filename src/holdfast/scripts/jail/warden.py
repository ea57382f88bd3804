"""Keeps one zygote: starts it, hands it runs, watches their time and their output, and kills what goes on."""

import asyncio
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Final, Literal

from holdfast.platform.processes import tied_to_parent
from holdfast.scripts.jail.packets import ENDED, LOCKED, PACKET, REPORT, REQUEST, STARTED, Standing

ZYGOTE: Final = (sys.executable, "-s", "-P", "-m", "holdfast.scripts.jail.launch")
ENVIRONMENT: Final = {
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
}
"""All that a zygote is told. The fixed hash seed makes sets of strings iterate alike in every run."""
PATIENCE: Final = 60.0
"""Seconds for a zygote to load numpy and lock itself up on a busy machine."""
_PIPE_BYTES: Final = 2**20
_CHUNK: Final = 2**20
_SLOWEST_FORK: Final = 10.0

Stopped = Literal["", "wall", "output"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one run: seconds on the wall and of CPU, bytes of address space and of the result."""

    wall: float
    cpu: int
    memory: int
    output: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. Without ``locked`` it never saw its script. ``status`` as ``waitpid`` tells it;
    ``stopped``: why we killed it; CPU in seconds, ``memory`` in bytes at most."""

    locked: bool
    status: int
    stopped: Stopped
    cpu: float
    memory: int
    result: bytes


class ZygoteLost(Exception):
    """It died, or does not answer. No script is to blame."""


@dataclass(slots=True, eq=False)
class _Inside:
    """A run that has not ended."""

    ended: asyncio.Future[tuple[int, int, int]]
    ask_zygote: Callable[[], None]
    """Has the zygote kill it. A container may allow a change of account and forbid what it then takes to
    signal the other one."""
    handle: int = -1
    stopped: Stopped = ""
    killed: bool = False

    def kill(self, why: Stopped = "") -> None:
        self.stopped = self.stopped or why
        self.killed = True
        if self.handle < 0:
            return
        try:
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        except ProcessLookupError:
            return
        except PermissionError:
            self.ask_zygote()


@dataclass(slots=True, eq=False)
class Warden:
    """One zygote. ``begin`` it before anything else, ``close`` it at the end."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    standing: Standing = field(default_factory=lambda: Standing(False, "it has not begun"))
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    _inside: dict[int, _Inside] = field(default_factory=dict)
    _numbers: int = 0
    _retired: bool = False

    @classmethod
    async def begin(cls, command: Sequence[str] = ZYGOTE, errors: IO[bytes] | None = None) -> "Warden":
        """Start a zygote and wait until it says what stands around it.

        Raises:
            ZygoteLost: it could not start.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(  # noqa: ASYNC220 - the fork takes milliseconds, once a day
                list(command),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
                preexec_fn=tied_to_parent(signal.SIGKILL),
            )
        ours.setblocking(False)
        warden = cls(process, ours)
        try:
            async with asyncio.timeout(PATIENCE):
                first = await asyncio.get_running_loop().sock_recv(ours, PACKET)
            if not first:
                raise ZygoteLost("the zygote could not start")
            said = json.loads(first)
        except (OSError, TimeoutError, ZygoteLost) as error:
            warden.close()
            raise ZygoteLost(str(error)) from error
        warden.standing = Standing(**{**said, "namespaces": tuple(said["namespaces"])})
        asyncio.get_running_loop().add_reader(ours, warden._hear)
        return warden

    @property
    def running(self) -> int:
        return len(self._inside)

    async def run(self, task: int, bars: int, limits: Limits) -> Ended:
        """One run over the memory behind two descriptors, which stay the caller's.

        Raises:
            ZygoteLost: the zygote died meanwhile. It is not known what the run would have said.
        """
        self._numbers += 1
        ended = asyncio.get_running_loop().create_future()
        inside = _Inside(ended, partial(self._ask_to_kill, self._numbers))
        self._inside[self._numbers] = inside
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            try:
                os.set_blocking(writing, True)
                with suppress(OSError):
                    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
                self._ask(self._numbers, limits, [task, bars, writing])
            finally:
                os.close(writing)
            return await self._wait(inside, _Pipe(reading, limits.output, inside), limits)
        finally:
            inside.kill()
            asyncio.get_running_loop().remove_reader(reading)
            os.close(reading)

    def _ask(self, number: int, limits: Limits, descriptors: list[int]) -> None:
        if self.lost.is_set():
            self._inside.pop(number, None)
            raise ZygoteLost("the zygote has died")
        try:
            socket.send_fds(self.channel, [REQUEST.pack(number, limits.memory, limits.cpu)], descriptors)
        except OSError as error:
            self._inside.pop(number, None)
            raise ZygoteLost(f"the zygote cannot be asked: {error.strerror}") from error

    def _ask_to_kill(self, number: int) -> None:
        with suppress(OSError):
            self.channel.send(REQUEST.pack(number, 0, 0))

    async def _wait(self, inside: _Inside, pipe: "_Pipe", limits: Limits) -> Ended:
        timer = asyncio.get_running_loop().call_later(limits.wall, inside.kill, "wall")
        try:
            async with asyncio.timeout(limits.wall + _SLOWEST_FORK):
                status, cpu, memory = await asyncio.shield(inside.ended)
        except TimeoutError:
            self.close()
            raise ZygoteLost("the zygote does not answer") from None
        finally:
            timer.cancel()
        taken = pipe.drained()
        locked = taken.startswith(LOCKED)
        return Ended(locked, status, inside.stopped, cpu / 1e6, memory * 1024, taken[len(LOCKED) :])

    def _hear(self) -> None:
        while True:
            try:
                packet, handles, _, _ = socket.recv_fds(self.channel, PACKET, 1)
            except BlockingIOError:
                return
            except OSError:
                packet, handles = b"", []
            if not packet:
                self.close()
                return
            what, number, status, cpu, memory = REPORT.unpack(packet)
            self._note(what, number, (status, cpu, memory), handles)

    def _note(self, what: int, number: int, end: tuple[int, int, int], handles: list[int]) -> None:
        inside = self._inside[number]
        if what == STARTED:
            inside.handle = handles[0]
            if inside.killed:
                inside.kill()
            return
        del self._inside[number]
        if inside.handle >= 0:
            os.close(inside.handle)
            inside.handle = -1
        if what == ENDED and not inside.ended.done():
            inside.ended.set_result(end)
        elif not inside.ended.done():
            inside.ended.set_exception(ZygoteLost("the machine has no process left for a run"))
        if self._retired and not self._inside:
            self.close()

    def retire(self) -> None:
        """Close it when its last run has ended."""
        self._retired = True
        if not self._inside:
            self.close()

    def close(self) -> None:
        """Kill the zygote and with it everything inside; whoever waits hears that it is lost."""
        if self.lost.is_set():
            return
        self.lost.set()
        asyncio.get_running_loop().remove_reader(self.channel)
        self.channel.close()
        for inside in self._inside.values():
            inside.kill()
            if inside.handle >= 0:
                os.close(inside.handle)
                inside.handle = -1
            if not inside.ended.done():
                inside.ended.set_exception(ZygoteLost("the zygote has died"))
                inside.ended.exception()
        self._inside.clear()
        with suppress(PermissionError):  # it ends by itself, too, since its socket is closed
            self.process.kill()
        self.process.wait()


class _Pipe:
    """Takes the result as it comes, up to what it may have."""

    def __init__(self, reading: int, most: int, inside: _Inside) -> None:
        self._reading, self._most, self._inside = reading, most, inside
        self._taken = bytearray()
        asyncio.get_running_loop().add_reader(reading, self._take)

    def _take(self) -> None:
        try:
            chunk = os.read(self._reading, _CHUNK)
        except BlockingIOError:
            return
        self._taken += chunk
        if not chunk or len(self._taken) > self._most:
            asyncio.get_running_loop().remove_reader(self._reading)
        if len(self._taken) > self._most:
            self._inside.kill("output")

    def drained(self) -> bytes:
        """What is left in it after its only writer has ended, too."""
        while len(self._taken) <= self._most:
            try:
                chunk = os.read(self._reading, _CHUNK)
            except BlockingIOError:
                break
            if not chunk:
                break
            self._taken += chunk
        return bytes(self._taken)
