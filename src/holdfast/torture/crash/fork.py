"""Processes made by ``fork``: everything is imported already, so that dying costs milliseconds."""

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

Say = Callable[[bytes], object]

PATIENCE: Final = 120.0
_ACCIDENTS: Final = ("sqlalchemy.exc.", "asyncpg.", "Connection", "OSError", "redis.exceptions.")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended. ``words`` are the JSON objects it said; ``killed`` whether SIGKILL took it."""

    code: int
    words: tuple[dict[str, Any], ...]

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def last(self) -> dict[str, Any]:
        return self.words[-1] if self.words else {}

    @property
    def place(self) -> str:
        """Where it was killed, or stood still; "" if that point never came."""
        return next((str(word["killed"]) for word in self.words if "killed" in word), "")

    def outlived(self) -> "Ending":
        """The same of a worker that outlives the accident in which a job of its ended."""
        failed = str(self.last.get("failed", ""))
        return replace(self, code=0) if any(name in failed for name in _ACCIDENTS) else self


class ChildFailed(Exception):
    """A child that was to live has died or hangs: the harness is broken, or the code under test is."""


@dataclass(frozen=True, slots=True)
class Born:
    """A child under way."""

    pid: int
    reading: int

    @property
    def is_over(self) -> bool:
        """Whether it has ended, by itself or not."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def stands(self, patience: float = PATIENCE) -> bool:
        """Wait until it has stopped itself; false if it has ended, or ``patience`` seconds are over."""
        deadline = time.monotonic() + patience
        options = os.WSTOPPED | os.WEXITED | os.WNOWAIT | os.WNOHANG
        while (state := os.waitid(os.P_PID, self.pid, options)) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return state.si_code == os.CLD_STOPPED

    def wait(self, patience: float = PATIENCE) -> Ending:
        """Its end.

        Raises:
            ChildFailed: it neither ended nor died within ``patience`` seconds; it has been killed.
        """
        said = _listen(self.reading, self.pid, patience)
        _, status = os.waitpid(self.pid, 0)
        words = tuple(json.loads(line) for line in said.splitlines())
        return Ending(os.waitstatus_to_exitcode(status), words)


def born(work: Callable[[Say], None], log: Path) -> Born:
    """Begin ``work`` in a child of its own. It has the process to itself: no event loop, no thread and no
    connection is inherited. Its output goes to ``log``."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _live(work, writing, log)
    os.close(writing)
    return Born(child, reading)


def in_child(work: Callable[[Say], None], log: Path, *, patience: float = PATIENCE) -> Ending:
    """Run ``work`` in a child and wait for its end. Raises ``ChildFailed``."""
    return born(work, log).wait(patience)


def _live(work: Callable[[Say], None], writing: int, log: Path) -> None:
    code = 1
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        work(lambda words: os.write(writing, words))
        code = 0
    except BaseException as error:
        traceback.print_exc()
        told = {"failed": "".join(traceback.format_exception_only(error)).strip()}
        os.write(writing, json.dumps(told).encode() + b"\n")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _listen(reading: int, child: int, patience: float) -> bytes:
    deadline = time.monotonic() + patience
    said = b""
    try:
        while True:
            ready, _, _ = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                raise ChildFailed(f"A child did not end within {patience:.0f} s; it said {said!r}.")
            piece = os.read(reading, 65536)
            if not piece:
                return said
            said += piece
    finally:
        os.close(reading)


class Clerk:
    """A child that lives on and answers questions, one JSON line each."""

    def __init__(self, serve: Callable[[Callable[[], str], Say], None], log: Path) -> None:
        question_out, question_in = os.pipe()
        answer_out, answer_in = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(question_in)
            os.close(answer_out)
            lines = os.fdopen(question_out)
            _live(lambda say: serve(lines.readline, say), answer_in, log)
        os.close(question_out)
        os.close(answer_in)
        self._ask = question_in
        self._answers = os.fdopen(answer_out)

    def ask(self, what: str, **detail: Any) -> Any:
        """The answer.

        Raises:
            ChildFailed: the clerk could not answer; carries why.
        """
        os.write(self._ask, json.dumps({"what": what, **detail}, default=str).encode() + b"\n")
        line = self._answers.readline()
        answer = json.loads(line) if line else {"failed": "it has died"}
        if "failed" in answer:
            raise ChildFailed(f"{what}: {answer['failed']}")
        return answer["answer"]

    def dismiss(self) -> None:
        os.close(self._ask)
        self._answers.close()
        os.waitpid(self._pid, 0)
