"""An event loop whose time passes only when nothing else is left to do.

Timeouts, leases and backoffs cost nothing, and the same seed runs the same way every time. Nothing real is
ever waited for in it: the database is asked in place (``postgres``), and requests travel in it (``network``).
"""

import asyncio
import contextvars
import selectors
from asyncio import events
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final


class Standstill(Exception):
    """Nothing is ready and nothing is due: some task waits for what can never happen."""


class ProcessDied(BaseException):
    """The process this task belongs to is gone. No ordinary handler catches it."""


@dataclass(eq=False)
class Process:
    """A process of the simulated installation: what runs in its context dies or stands still with it.

    ``fuse``: after so many effects (statements, requests) ``on_fuse`` strikes, ``None`` for never.
    """

    name: str
    alive: bool = True
    paused: bool = False
    fuse: int | None = None
    on_fuse: Callable[[], None] = lambda: None
    backlog: list[events.Handle] = field(default_factory=list)

    def effect(self) -> None:
        """Called right before and right after anything that can be seen from outside.

        Raises:
            ProcessDied: it is dead, or dies here.
        """
        if self.alive and self.fuse is not None:
            self.fuse -= 1
            if self.fuse <= 0:
                self.fuse = None
                self.on_fuse()
        if not self.alive:
            raise ProcessDied(self.name)


OUTSIDE: Final = Process("outside")
"""Whoever is no process of ours: the venue, the network, the test itself."""

_PROCESS: Final[contextvars.ContextVar[Process]] = contextvars.ContextVar("process", default=OUTSIDE)
NEUTRAL: Final = contextvars.Context()


def current() -> Process:
    return _PROCESS.get()


def inside(process: Process) -> contextvars.Context:
    """A context in which tasks belong to ``process``."""
    context = contextvars.Context()
    context.run(_PROCESS.set, process)
    return context


class VirtualLoop(asyncio.SelectorEventLoop):
    """Single-threaded by nature; ``run_in_executor`` needs an executor that lives in this loop too."""

    _ready: Any

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Nothing(self))

    def time(self) -> float:
        return self._now

    def pass_time(self, seconds: float) -> None:
        self._now += seconds

    def resume(self, process: Process) -> None:
        """Let a paused process run on; what fell due meanwhile happens now."""
        process.paused = False
        waiting, process.backlog = process.backlog, []
        self._ready.extend(waiting)

    def call_at(  # type: ignore[override]  # plainer types than the original's
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = super().call_at(when, callback, *args, context=context)
        timer.__class__ = _PausableTimer
        return timer

    def _call_soon(
        self, callback: Callable[..., Any], args: Any, context: contextvars.Context | None
    ) -> events.Handle:
        handle = _PausableHandle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def _write_to_self(self) -> None:
        """Nobody else could wake us: there is one thread."""


class _Pausable:
    __slots__ = ()
    _context: contextvars.Context

    def _run(self) -> None:
        process = self._context.get(_PROCESS)
        if process is not None and process.paused:
            process.backlog.append(self)  # type: ignore[arg-type]  # mixed into handles only
            return
        super()._run()  # type: ignore[misc]


class _PausableHandle(_Pausable, events.Handle):
    __slots__ = ()


class _PausableTimer(_Pausable, events.TimerHandle):
    __slots__ = ()


class _Nothing(selectors.SelectSelector):
    """In the place of waiting for files: the time passes that would have been waited."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Standstill("nothing is ready and nothing is due")
        if timeout > 0:
            self._loop.pass_time(timeout)
        return []


class VirtualClock:
    """The loop's time as a date, for everything that takes a clock."""

    def __init__(self, loop: VirtualLoop, start: datetime) -> None:
        self._loop = loop
        self._start = start

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.time())

    def now_ns(self) -> int:
        return round(self._start.timestamp() * 1e6) * 1000 + round(self._loop.time() * 1e9)
