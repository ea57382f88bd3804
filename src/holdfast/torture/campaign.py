"""Many seeds, several processes, one throw-away database server."""

import os
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from signal import SIGKILL
from typing import IO, Any, cast

import orjson

from holdfast.platform.processes import tied_to_parent
from holdfast.torture.servers import throw_away_postgres


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed came to. ``seconds`` are real ones."""

    seed: int
    violations: tuple[str, ...]
    counts: Counter[str]
    virtual_seconds: float
    schedule: tuple[str, ...]
    trace: str
    seconds: float


class _Broken(Exception):
    """A process of the torture has ended before its time."""


def campaign(
    seeds: Iterable[int],
    *,
    jobs: int = 1,
    mutation: str = "",
    keep_going: bool = True,
    tell: Callable[[Outcome], None] = lambda _outcome: None,
) -> list[Outcome]:
    """Run ``seeds`` and ``tell`` of each as it ends; in the order of the seeds at the end.

    Without ``keep_going`` no further seed is begun after a violation. A seed on which a process of the
    torture itself breaks counts as violated, and another process goes on.

    Raises:
        CannotRun: there is no PostgreSQL on this machine.
    """
    waiting = deque(seeds)
    found: list[Outcome] = []

    def work(url: str) -> None:
        while waiting:
            with suppress(_Broken), _process(url, mutation) as process:
                while waiting:
                    take(process, waiting.popleft())

    def take(process: "subprocess.Popen[bytes]", seed: int) -> None:
        try:
            outcome = _ask(process, seed)
        except _Broken as error:
            keep(Outcome(seed, (str(error),), Counter(), 0.0, (), "", 0.0))
            raise
        keep(outcome)

    def keep(outcome: Outcome) -> None:
        found.append(outcome)
        tell(outcome)
        if outcome.violations and not keep_going:
            waiting.clear()

    with throw_away_postgres(jobs) as urls, ThreadPoolExecutor(jobs) as threads:
        for done in [threads.submit(work, url) for url in urls]:
            done.result()
    return sorted(found, key=lambda outcome: outcome.seed)


def _process(url: str, mutation: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "holdfast.torture.batch", url, mutation],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        preexec_fn=tied_to_parent(SIGKILL),
    )


def _ask(process: "subprocess.Popen[bytes]", seed: int) -> Outcome:
    questions, answers = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
    try:
        questions.write(f"{seed}\n".encode())
        questions.flush()
        line = answers.readline()
    except BrokenPipeError:
        line = b""
    if not line:
        raise _Broken("the torture itself broke; what it printed says why")
    told: dict[str, Any] = orjson.loads(line)
    return Outcome(
        seed=told["seed"],
        violations=tuple(told["violations"]),
        counts=Counter(told["counts"]),
        virtual_seconds=told["virtual_seconds"],
        schedule=tuple(told["schedule"]),
        trace=told["trace"],
        seconds=told["seconds"],
    )
