"""What is locked behind one run, in the forked child, before it sees the script."""

import os
import random
import resource
from typing import Final, NamedTuple

import numpy as np

from holdfast.scripts.jail import kernel

_STACK: Final = 8 * 2**20
_NONE: Final = (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE,
                resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE, resource.RLIMIT_SIGPENDING)  # fmt: skip


class Bounds(NamedTuple):
    """What one run may use of the machine: ``memory`` bytes of address space, ``cpu`` whole seconds."""

    memory: int
    cpu: int


def only_result(descriptor: int) -> None:
    """The pipe of the result becomes descriptor 1; no other stays open."""
    os.dup2(descriptor, 1, inheritable=False)
    os.close(0)
    os.closerange(2, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def lock(bounds: Bounds, calls: kernel.Filter, landlock: int) -> None:
    """From here on nothing can be opened, started, connected or signalled.

    Raises:
        OSError: the kernel refused a part of it; no script may run then.
    """
    if landlock:
        kernel.landlock(landlock)
    resource.setrlimit(resource.RLIMIT_AS, (bounds.memory, bounds.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (bounds.cpu, bounds.cpu + 1))
    resource.setrlimit(resource.RLIMIT_STACK, (_STACK, _STACK))
    for limit in _NONE:
        resource.setrlimit(limit, (0, 0))
    calls.install()


def seed(number: int) -> None:
    """Make every source of randomness the same for the same seed: the generators inherited from the zygote,
    new ones that name no seed, and what they ask the system for."""
    own = random.Random(number)  # noqa: S311 - to be foretold is what it is for
    random.seed(number)
    np.random.seed(number % 2**32)
    np.random.bit_generator.randbits = own.getrandbits  # type: ignore[attr-defined]
    os.urandom = own.randbytes
