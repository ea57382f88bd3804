"""How a zygote comes to be: the program that the warden starts. It imports next to nothing before it forks,
so that the parent that only waits stays small."""

import os
import resource
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from holdfast.scripts.jail import walls
from holdfast.scripts.jail.packets import Run

NICENESS: Final = 10
"""Orders and prices go before scripts."""
_FIRST_TO_GO: Final = "1000"


def main(load: Callable[[], Run]) -> NoReturn:
    """Become a zygote. ``load`` imports and warms what it runs; it is called while there are files."""
    parent = os.getppid()
    _stand_back()
    namespaces = walls.separate()
    if namespaces:
        parent = _become_first_process(parent)
    run = load()
    from holdfast.scripts.jail import zygote

    zygote.begin(run, parent, namespaces)


def _stand_back() -> None:
    """Scripts take neither processor nor memory from what trades: they are served last, and when memory runs
    out they go first. Every run inherits it and can change neither."""
    with suppress(OSError):
        os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)


def _become_first_process(parent: int) -> int:
    """Of the new process namespace, which only a child can be; it sees its parent as number 0. The parent
    waits for it, with no right to do more."""
    child = os.fork()
    if not child:
        return 0
    os.closerange(0, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    walls.drop_rights()
    walls.die_with(parent)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _scripts() -> Run:
    from holdfast.scripts.jail import runner

    runner.warm()
    return runner.run


if __name__ == "__main__":
    try:
        main(_scripts)
    except Exception:
        traceback.print_exc(file=sys.stderr)
        os._exit(1)
