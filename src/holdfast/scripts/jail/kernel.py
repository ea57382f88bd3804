"""What the jail asks of the Linux kernel and Python has no word for."""

import ctypes
import os
import platform
import sys
from typing import Final

from holdfast.scripts.jail import filter as rules

_LIBC: Final = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_SPECULATION = 1, 4, 38, 53
_PR_CAPBSET_DROP, _PR_SPEC_FORCE_DISABLE = 24, 8
_SPECULATIONS: Final = (0, 1)
_SECCOMP_SET_MODE_FILTER: Final = 1

_NUMBERS: Final[dict[str, dict[str, int]]] = {
    "x86_64": {"seccomp": 317, "pivot_root": 155, "capset": 126},
    "aarch64": {"seccomp": 277, "pivot_root": 41, "capset": 91},
}
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
_LANDLOCK_VERSION: Final = 1
_CAPABILITY_VERSION: Final = 0x2008_0522

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000
NEWUSER, NEWPID, NEWNET = 0x1000_0000, 0x2000_0000, 0x4000_0000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_REC, MS_PRIVATE = 0x4000, 0x4_0000
MNT_DETACH: Final = 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class Filter:
    """The system call filter, assembled once, so that locking up a run is one call.

    Raises:
        OSError: this machine's system calls are not known.
    """

    def __init__(self) -> None:
        if not knows_machine():
            raise OSError(f"there is no system call filter for {platform.machine()}")
        made = rules.program(platform.machine())
        self._code = rules.assembled(made)
        self._program = _Program(len(made), self._code)
        self._number = _NUMBERS[platform.machine()]["seccomp"]

    def install(self) -> None:
        """Raises ``OSError`` where the kernel refuses. There is no way back."""
        _check(_LIBC.syscall(self._number, _SECCOMP_SET_MODE_FILTER, 0, ctypes.byref(self._program)))


def knows_machine() -> bool:
    return sys.platform == "linux" and platform.machine() in rules.ARCHITECTURES


def die_with_parent(signal: int) -> None:
    _check(_LIBC.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0))


def never_gain_rights() -> None:
    _check(_LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def keep_memory_private() -> None:
    """No core, no tracer, no ``/proc/*/mem``."""
    _check(_LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))


def stop_speculation() -> None:
    """Tell the processor not to run ahead on guessed stores and branches for us, where it has to be told."""
    for kind in _SPECULATIONS:
        _LIBC.prctl(_PR_SET_SPECULATION, kind, _PR_SPEC_FORCE_DISABLE, 0, 0)


def drop_capabilities() -> None:
    """Every right that root or a user namespace gives, for good."""
    capability = 0
    while _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    _check(_LIBC.syscall(_NUMBERS[platform.machine()]["capset"], header, none))


def unshare(flags: int) -> None:
    _check(_LIBC.unshare(flags))


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    _check(_LIBC.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()))


def pivot_here() -> None:
    """Make the current directory the root, and forget the old one."""
    _check(_LIBC.syscall(_NUMBERS[platform.machine()]["pivot_root"], b".", b"."))
    _check(_LIBC.umount2(b".", MNT_DETACH))


def landlock_version() -> int:
    """0 where the kernel has none."""
    version: int = _LIBC.syscall(_LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION)
    return max(version, 0)


def landlock(version: int) -> None:
    """No file, no TCP, and from version 6 on no signal and no abstract socket beyond this process.

    Source: ``linux/landlock.h``, rights by version.
    """
    files = (1 << 13) - 1
    for since, right in ((2, 13), (3, 14), (5, 15)):
        files |= (version >= since) << right
    network = 0b11 if version >= 4 else 0
    scoped = 0b11 if version >= 6 else 0
    size = 8 if version < 4 else 16 if version < 6 else 24
    asked = _Ruleset(files, network, scoped)
    ruleset: int = _LIBC.syscall(_LANDLOCK_CREATE, ctypes.byref(asked), size, 0)
    _check(ruleset)
    try:
        _check(_LIBC.syscall(_LANDLOCK_RESTRICT, ruleset, 0))
    finally:
        os.close(ruleset)


def _check(result: int) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
