"""Many seeds, several processes, one throw-away database server."""

import os
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
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


def campaign(
    seeds: Iterable[int],
    *,
    jobs: int = 1,
    mutation: str = "",
    keep_going: bool = True,
    tell: Callable[[Outcome], None] = lambda _outcome: None,
) -> list[Outcome]:
    """Run ``seeds`` and ``tell`` of each as it ends; in the order of the seeds at the end.

    Without ``keep_going`` no further seed is begun after a violation.

    Raises:
        CannotRun: there is no PostgreSQL on this machine.
        RuntimeError: a process of the torture itself broke.
    """
    waiting = deque(seeds)
    found: list[Outcome] = []

    def work(url: str) -> None:
        with _process(url, mutation) as process:
            while waiting:
                outcome = _ask(process, waiting.popleft())
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
        raise RuntimeError(f"seed {seed} broke the torture itself; what it printed says why")
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
