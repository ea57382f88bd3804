"""The system call filter as a program of classic BPF. Deny by default. Pure.

The kernel hands the program a ``struct seccomp_data`` (``linux/seccomp.h``): number, architecture,
instruction pointer, six arguments of 64 bits. An instruction is ``struct sock_filter`` (``linux/filter.h``).
"""

import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from holdfast.scripts.jail import syscalls

KILL: Final = 0x8000_0000
ALLOW: Final = 0x7FFF_0000
EPERM: Final = 0x0005_0001
"""``SECCOMP_RET_ERRNO`` with errno 1."""

ARCHITECTURES: Final[Mapping[str, tuple[int, Mapping[str, int]]]] = {
    "x86_64": (0xC000_003E, syscalls.X86_64),
    "aarch64": (0xC000_00B7, syscalls.AARCH64),
}
"""``platform.machine()`` → ``AUDIT_ARCH_*`` and the numbers."""

RESULT_FD: Final = 1

_LOAD, _EQUAL, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x45, 0x54, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_READ_WRITE: Final = 0x3
_MAP_ANONYMOUS: Final = 0x20
_FUTEX_FLAGS: Final = 0x80 | 0x100
_FUTEX_PLAIN: Final = (0, 1, 9, 10)
"""WAIT, WAKE, and both with a bit set: what locks need. Requeueing and priorities have had holes."""
_ADVICE: Final = (4, 8, 14, 15)
"""DONTNEED, FREE, HUGEPAGE, NOHUGEPAGE: what allocators ask for."""


class Instruction(NamedTuple):
    code: int
    if_true: int
    if_false: int
    operand: int


def program(machine: str) -> list[Instruction]:
    """The filter for ``platform.machine()``. Numbers are compared whole, so those of x32 (the same with bit
    30 set) are unlisted ones.

    Raises:
        KeyError: no numbers are known for this machine.
    """
    audit, numbers = ARCHITECTURES[machine]
    made = [_load(_ARCH), Instruction(_EQUAL, 1, 0, audit), _return(KILL), _load(_NUMBER)]
    for name in sorted(syscalls.FREE & numbers.keys()):
        made += _when(numbers[name], [_return(ALLOW)])
    for name, rule in sorted(_RULES.items()):
        made += _when(numbers[name], rule)
    for name in sorted(syscalls.DENIED & numbers.keys()):
        made += _when(numbers[name], [_return(EPERM)])
    return [*made, _return(KILL)]


def assembled(instructions: list[Instruction]) -> bytes:
    """As the kernel reads it, in this machine's byte order."""
    return b"".join(struct.pack("=HBBI", *one) for one in instructions)


def _load(offset: int) -> Instruction:
    return Instruction(_LOAD, 0, 0, offset)


def _return(action: int) -> Instruction:
    return Instruction(_RETURN, 0, 0, action)


def _argument(index: int) -> list[Instruction]:
    """Load the low half of an argument after seeing that the high half is zero. Both machines are
    little-endian."""
    at = _ARGUMENTS + 8 * index
    return [_load(at + 4), Instruction(_EQUAL, 1, 0, 0), _return(EPERM), _load(at)]


def _when(number: int, rule: list[Instruction]) -> list[Instruction]:
    """A rule always returns, so what follows it still has the number loaded."""
    return [Instruction(_EQUAL, 0, len(rule), number), *rule]


def _only(index: int, allowed: tuple[int, ...], *, ignoring: int = 0) -> list[Instruction]:
    """Allow if the argument, without the ignored bits, is one of these."""
    made = _argument(index)
    if ignoring:
        made.append(Instruction(_AND, 0, 0, ~ignoring & 0xFFFF_FFFF))
    for value in allowed:
        made += [Instruction(_EQUAL, 0, 1, value), _return(ALLOW)]
    return [*made, _return(EPERM)]


def _never_executable(index: int) -> list[Instruction]:
    """Go on if the protection asks for no more than reading and writing."""
    forbidden = ~_READ_WRITE & 0xFFFF_FFFF
    return [*_argument(index), Instruction(_ANY_BIT, 0, 1, forbidden), _return(EPERM)]


_RULES: Final = {
    "write": _only(0, (RESULT_FD,)),
    "mmap": [
        *_never_executable(2),
        *_argument(3),
        Instruction(_ANY_BIT, 1, 0, _MAP_ANONYMOUS),
        _return(EPERM),
        _return(ALLOW),
    ],
    "mprotect": [*_never_executable(2), _return(ALLOW)],
    "madvise": _only(2, _ADVICE),
    "futex": _only(1, _FUTEX_PLAIN, ignoring=_FUTEX_FLAGS),
}
