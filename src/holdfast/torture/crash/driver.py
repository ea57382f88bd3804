"""Counts every suspension of every coroutine of a process, and ends the process by SIGKILL at a chosen one.

One suspension is one ``await`` that really waits: a statement, a commit, a request to the venue, a renewal
of the lease, a pause. The code under test knows nothing of it: the loop's task factory wraps coroutines.
"""

import asyncio
import http.client
import json
import os
import signal
from collections.abc import Callable, Coroutine, Generator
from enum import StrEnum
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

_ROOT: Final = str(Path(__file__).resolve().parents[2]) + os.sep


class Moment(StrEnum):
    """When, around one suspension, the process dies."""

    HELD = "held"
    """At the suspension itself: what was written still lies in our own buffers."""
    SENT = "sent"
    """One turn of the event loop later: it has left, and whoever was asked may act on it."""
    ANSWERED = "answered"
    """The answer has arrived, and nobody has seen it."""
    WIRE = "wire"
    """Counted apart: a request to the venue has left whole, and its answer has not been read."""
    CLOCK = "clock"
    """Counted by the clock, for processes that are killed from outside."""


class Reaper:
    """Counts, and kills at number ``at`` (from 1); 0 only counts. Tells ``said`` where before it does.

    With ``blow`` SIGSTOP the process only stands still there, until somebody lets it go on.
    """

    def __init__(
        self,
        moment: Moment,
        at: int,
        said: Callable[[bytes], object],
        *,
        counts: Callable[[], bool] = lambda: True,
        blow: signal.Signals = signal.SIGKILL,
    ) -> None:
        """``counts`` is asked within the waiting task whether its suspensions count at present."""
        self._moment = moment
        self._at = at
        self._said = said
        self._counts = counts
        self._blow = blow
        self._count = 0
        self._requests = 0
        self._places: list[str] = []

    def report(self) -> None:
        """Say how many points there were."""
        told = {"count": self._count, "requests": self._requests, "places": self._places}
        self._said(json.dumps(told).encode() + b"\n")

    def suspended(self, coroutine: Coroutine[Any, Any, Any]) -> int:
        """Called when ``coroutine`` has begun to wait. Returns the number of this suspension."""
        if not self._counts():
            return 0
        self._count += 1
        if self._at == 0:
            self._places.append(place_of(coroutine))
        if self._count == self._at:
            if self._moment is Moment.HELD:
                self._die(coroutine)
            if self._moment is Moment.SENT:
                asyncio.get_running_loop().call_soon(self._die, coroutine)
        return self._count

    def resuming(self, coroutine: Coroutine[Any, Any, Any], number: int) -> None:
        """Called when what ``coroutine`` waited for at suspension ``number`` is there."""
        if self._moment is Moment.ANSWERED and number == self._at:
            self._die(coroutine)

    def request_sent(self, path: str) -> None:
        """Called in the thread of a request once all of it is in the kernel's hands."""
        self._requests += 1
        if self._moment is Moment.WIRE and self._requests == self._at:
            self._kill(path)

    def _die(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._kill(place_of(coroutine))

    def _kill(self, place: str) -> None:
        self._said(json.dumps({"killed": place}).encode() + b"\n")
        os.kill(os.getpid(), self._blow)


class Driven(Coroutine[Any, Any, Any]):
    """A coroutine whose every suspension is counted."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], reaper: Reaper) -> None:
        self._coroutine = coroutine
        self._reaper = reaper
        self._waiting = 0

    def send(self, value: Any) -> Any:
        return self._step(self._coroutine.send, value)

    def throw(self, error: Any, *_: Any) -> Any:
        return self._step(self._coroutine.throw, error)

    def _step(self, go_on: Callable[[Any], Any], value: Any) -> Any:
        if self._waiting:
            self._reaper.resuming(self._coroutine, self._waiting)
        self._waiting = 0
        yielded = go_on(value)
        self._waiting = self._reaper.suspended(self._coroutine)
        return yielded

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    @property
    def cr_frame(self) -> FrameType | None:
        return getattr(self._coroutine, "cr_frame", None)

    @property
    def cr_code(self) -> CodeType | None:
        return getattr(self._coroutine, "cr_code", None)

    @property
    def cr_running(self) -> bool:
        return bool(getattr(self._coroutine, "cr_running", False))


def drive(loop: asyncio.AbstractEventLoop, reaper: Reaper) -> None:
    """Let ``reaper`` see every task that ``loop`` will run, and every request that leaves this process."""

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **rest: Any) -> asyncio.Task[Any]:
        return asyncio.Task(Driven(coroutine, reaper), loop=loop, **rest)

    loop.set_task_factory(factory)
    answer_of = http.client.HTTPConnection.getresponse

    def getresponse(self: http.client.HTTPConnection) -> http.client.HTTPResponse:
        reaper.request_sent(f"waiting for the answer of {self.host}")
        return answer_of(self)

    http.client.HTTPConnection.getresponse = getresponse  # type: ignore[method-assign]


def place_of(coroutine: Coroutine[Any, Any, Any]) -> str:
    """The innermost line of Holdfast's own code that waits: ``execution/executor.py:210 _send``."""
    innermost: Any = coroutine
    found = "outside Holdfast"
    while innermost is not None:
        frame = getattr(innermost, "cr_frame", None)
        if frame is not None and frame.f_code.co_filename.startswith(_ROOT):
            file = frame.f_code.co_filename.removeprefix(_ROOT)
            found = f"{file}:{frame.f_lineno} {frame.f_code.co_name}"
        innermost = getattr(innermost, "cr_await", None)
    return found
