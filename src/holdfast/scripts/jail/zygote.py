"""The process that every run is forked from: numpy and the language are loaded, nothing else is within reach.

The warden starts it with a socket as standard input and speaks to it in packets. A request is a ``REQUEST``
with three descriptors: task, bars, and the pipe that takes the result; without them it ends the run of that
number. It is answered by a ``REPORT``:
STARTED with a pidfd of the child, or FAILED; and ENDED when the child has ended. The first packet of all is
JSON: what stands around the zygote.
"""

import gc
import json
import mmap
import os
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from os import _exit, write
from typing import Final, NoReturn

from holdfast.scripts.jail import cell, imports, kernel, walls
from holdfast.scripts.jail.packets import (
    BROKEN,
    ENDED,
    FAILED,
    LOCKED,
    NOT_LOCKED,
    OUT_OF_MEMORY,
    PACKET,
    REPORT,
    REQUEST,
    STARTED,
    Data,
    Run,
    Standing,
)

_PROOF: Final = cell.Bounds(memory=2**31, cpu=5)


def begin(run: Run, parent: int, namespaces: list[str]) -> NoReturn:
    """Put up the walls, say what stands, and serve ``run`` until the socket is closed."""
    imports.load()
    channel = socket.socket(fileno=0)
    root = _leave_files() if "mnt" in namespaces else False
    changed = walls.drop_rights()
    walls.die_with(parent)
    landlock = kernel.landlock_version()
    if landlock:
        kernel.landlock(landlock)
    kernel.keep_memory_private()
    kernel.stop_speculation()
    os.environ.clear()
    imports.close()
    gc.collect()
    gc.freeze()
    zygote = Zygote(channel, run, landlock)
    why = zygote.proven()
    standing = Standing(not why, why, tuple(namespaces), landlock, changed, root)
    channel.send(json.dumps(asdict(standing)).encode())
    zygote.serve()


def _leave_files() -> bool:
    try:
        walls.empty_root()
    except OSError:
        return False
    return True


class Zygote:
    def __init__(self, channel: socket.socket, run: Run, landlock: int) -> None:
        self._channel = channel
        self._run = run
        self._landlock = landlock
        self._children: dict[int, tuple[int, int]] = {}
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)
        self._pid = os.getpid()

    def proven(self) -> str:
        """Why no script may run, found by locking up a child that tries to get out; "" if it cannot."""
        try:
            self._calls = kernel.Filter()
        except OSError as error:
            return str(error)
        child = os.fork()
        if not child:
            _exit(self._try_doors())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code == NOT_LOCKED:
            return "the kernel or the container refuses seccomp filters or resource limits"
        return "" if code == 0 else f"a locked process was not held back as it should be ({code})"

    def _try_doors(self) -> int:
        try:
            cell.lock(_PROOF, self._calls, self._landlock)
        except (OSError, ValueError):
            return NOT_LOCKED
        doors: list[Callable[[], object]] = [
            lambda: os.stat("/"),
            os.listdir,
            os.fork,
            os.pipe,
            socket.socket,
        ]
        return sum(_opens(door) for door in doors)

    def serve(self) -> NoReturn:
        """Fork for every request, and tell of every end, until nobody is there to ask or to be told."""
        with suppress(ConnectionError):
            while True:
                for descriptor, _ in self._poll.poll():
                    if descriptor == self._channel.fileno():
                        self._take()
                    else:
                        self._bury(descriptor)
        _exit(0)

    def _take(self) -> None:
        packet, descriptors, _, _ = socket.recv_fds(self._channel, PACKET, 3)
        if not packet:
            raise ConnectionError
        number, memory, cpu = REQUEST.unpack(packet)
        if not descriptors:
            self._kill(number)
            return
        child = 0
        try:
            child = os.fork()
            if not child:
                self._live(descriptors, cell.Bounds(memory, cpu))
            self._watch(number, child)
        except OSError:
            if child:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            self._channel.send(REPORT.pack(FAILED, number, 0, 0, 0))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _kill(self, number: int) -> None:
        """For a warden that may not do it itself."""
        for handle, (whose, _) in self._children.items():
            if whose == number:
                signal.pidfd_send_signal(handle, signal.SIGKILL)

    def _watch(self, number: int, child: int) -> None:
        handle = os.pidfd_open(child)
        self._children[handle] = (number, child)
        self._poll.register(handle, select.POLLIN)
        socket.send_fds(self._channel, [REPORT.pack(STARTED, number, 0, 0, 0)], [handle])

    def _bury(self, handle: int) -> None:
        number, child = self._children.pop(handle)
        self._poll.unregister(handle)
        os.close(handle)
        _, status, usage = os.wait4(child, 0)
        cpu = round((usage.ru_utime + usage.ru_stime) * 1e6)
        self._channel.send(REPORT.pack(ENDED, number, status, cpu, usage.ru_maxrss))

    def _live(self, descriptors: list[int], bounds: cell.Bounds) -> NoReturn:
        """The whole life of a child."""
        try:
            walls.die_with(self._pid)
            task, bars = _mapped(descriptors[0]), _mapped(descriptors[1])
            cell.only_result(descriptors[2])
            cell.lock(bounds, self._calls, self._landlock)
            write(1, LOCKED)
        except BaseException:
            _exit(NOT_LOCKED)
        try:
            _write_all(self._run(task, bars))
        except MemoryError:
            _exit(OUT_OF_MEMORY)
        except BaseException:
            _exit(BROKEN)
        _exit(0)


def _mapped(descriptor: int) -> Data:
    """The pages are shared with everybody who maps them; a page that is written to becomes one's own."""
    size = os.fstat(descriptor).st_size
    return mmap.mmap(descriptor, size, mmap.MAP_PRIVATE, mmap.PROT_READ) if size else b""


def _write_all(result: bytes) -> None:
    left = memoryview(result)
    while left:
        left = left[write(1, left) :]


def _opens(door: Callable[[], object]) -> bool:
    try:
        door()
    except OSError:
        return False
    return True
