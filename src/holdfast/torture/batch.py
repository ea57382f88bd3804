"""One process of a torture: reads seeds, a line each, and answers each with a line of JSON.

A process of its own because the order of sets must not depend on the process (``PYTHONHASHSEED=0``).
"""

import os
import sys
import time
from contextlib import ExitStack

import orjson

from holdfast.torture.mutations import MUTATIONS
from holdfast.torture.run import collect_between_runs, run_seed, silence
from holdfast.torture.servers import opened


def main(url: str, mutation: str) -> None:
    """Until the input ends. Breaks the code on purpose if a mutation is named."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    sys.stdout = sys.stderr
    silence()
    with ExitStack() as stack:
        if mutation:
            stack.enter_context(MUTATIONS[mutation].broken())
        database = stack.enter_context(opened(url))
        collect_between_runs()
        for line in sys.stdin:
            began = time.perf_counter()
            report = run_seed(int(line), database)
            told = {
                "seed": report.seed,
                "violations": [str(violation) for violation in report.violations],
                "counts": dict(report.counts),
                "virtual_seconds": report.virtual_seconds,
                "schedule": report.schedule,
                "trace": report.trace,
                "seconds": time.perf_counter() - began,
            }
            answers.write(orjson.dumps(told) + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
