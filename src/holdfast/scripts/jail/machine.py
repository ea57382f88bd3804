"""What of this machine the sandbox may use: a container has less than its host tells."""

import os
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_OWN: Final = Path("/proc/self/cgroup")


def processors() -> int:
    """Those this process may run on."""
    return len(os.sched_getaffinity(0))


def memory(total: int) -> int:
    """Bytes: ``total``, which the machine has, or what its control groups leave to this process."""
    return memory_of(total, _OWN.read_text() if _OWN.is_file() else "", _ROOT)


def memory_of(total: int, groups: str, root: Path) -> int:
    """``groups``: what /proc/self/cgroup says. A group has no more than any group around it; one that the
    host names, and this container cannot see, is at the ``root``. Both versions of control groups:
    https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html."""
    found = [total]
    for line in groups.splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            base, name = root, "memory.max"
        elif "memory" in controllers.split(","):
            base, name = root / "memory", "memory.limit_in_bytes"
        else:
            continue
        own = base / path.lstrip("/")
        inside = [own, *own.parents]
        for group in inside[: inside.index(base) + 1]:
            limit = group / name
            told = limit.read_text().strip() if limit.is_file() else ""
            found += [int(told)] if told.isdecimal() else []
    return min(found)
