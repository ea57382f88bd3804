"""An event loop whose time passes only when nothing else is left to do.

Timeouts, leases and backoffs cost nothing, and the same seed runs the same way every time. Nothing real is
ever waited for in it: the database is asked in place (``postgres``), and requests travel in it (``network``).
"""

import asyncio
import contextvars
from asyncio import events
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

INSTANT: Final = 1e-9
"""Seconds within which things happen at once."""


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
    """Single-threaded by nature; ``run_in_executor`` needs an executor that lives in this loop too.

    In the place of waiting for files, the time passes that would have been waited.
    """

    _ready: deque[events.Handle]
    _scheduled: list[tuple[float, int, events.TimerHandle]]

    def __init__(self) -> None:
        self._now = 0.0
        self._order = count()
        super().__init__()

    def time(self) -> float:
        return self._now

    def resume(self, process: Process) -> None:
        """Let a paused process run on; what fell due meanwhile happens now."""
        process.paused = False
        waiting, process.backlog = process.backlog, []
        self._ready.extend(waiting)

    def call_soon(  # type: ignore[override]  # plainer types than the original's
        self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> events.Handle:
        handle = events.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> events.TimerHandle:
        timer = events.TimerHandle(when, callback, args, self, context)
        heappush(self._scheduled, (when, next(self._order), timer))
        return timer

    def _run_once(self) -> None:
        ready = self._ready
        if not ready:
            self._pass_time()
        self._make_due()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            process = handle._context.get(_PROCESS)  # type: ignore[attr-defined]
            if process is not None and process.paused:
                process.backlog.append(handle)
            else:
                handle._run()

    def _pass_time(self) -> None:
        """Until something falls due. What nobody waits for any more is no reason to wait."""
        timers = self._scheduled
        while timers and timers[0][2]._cancelled:
            heappop(timers)
        if not timers:
            raise Standstill("nothing is ready and nothing is due")
        self._now = max(self._now, timers[0][0])

    def _make_due(self) -> None:
        timers, soon = self._scheduled, self._now + INSTANT
        while timers and timers[0][0] < soon:
            self._ready.append(heappop(timers)[2])

    def _timer_handle_cancelled(self, timer: events.TimerHandle) -> None:
        """It is passed over when its time comes."""

    def _write_to_self(self) -> None:
        """Nobody else could wake us: there is one thread."""


class VirtualClock:
    """The loop's time as a date, for everything that takes a clock."""

    def __init__(self, loop: VirtualLoop, start: datetime) -> None:
        self._loop = loop
        self._start = start

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.time())

    def now_ns(self) -> int:
        return round(self._start.timestamp() * 1e6) * 1000 + round(self._loop.time() * 1e9)
