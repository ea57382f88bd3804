"""What the warden and a zygote say to each other, packet by packet."""

import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

REQUEST: Final = struct.Struct("<QQQ")
"""Number of the run, bytes of address space, seconds of CPU."""
REPORT: Final = struct.Struct("<BQiQQ")
"""What, number of the run, wait status, microseconds of CPU, KiB of memory at most."""
STARTED, ENDED, FAILED = 1, 2, 3
PACKET: Final = 65_536

LOCKED: Final = b"L"
"""The first byte of every result. It is written by a child that has locked itself up and has not yet looked
at its script, so no script can pretend that it never ran."""
OUT_OF_MEMORY: Final = 96
NOT_LOCKED: Final = 97
"""Exit status of a child that could not lock itself up; it has not looked at its script."""
BROKEN: Final = 98
"""Exit status of a child in which what runs scripts was made to fail."""

Data = mmap.mmap | bytes
Run = Callable[[Data, Data], bytes]
"""Takes task and bars, gives the result. Called behind the locked door."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands around the runs. Without ``locked`` none may begin; ``why`` says what is missing."""

    locked: bool
    why: str = ""
    namespaces: tuple[str, ...] = ()
    landlock: int = 0
    account_changed: bool = False
    empty_root: bool = False
