"""Child processes that never outlive us: how a program is described, started and stopped."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
READY_FILE = "HOLDFAST_READY_FILE"
_UNPRIVILEGED = ("postgres", "nobody")


class CannotRun(Exception):
    """Something on this machine stands in the way. The message is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """An existing unprivileged account of the machine."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, as whom, and how it wants to be asked to stop."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM


def unprivileged_account() -> Account | None:
    """Whom database servers run as: ``None`` means ourselves, when we are not root.

    Raises:
        CannotRun: we are root and the machine has neither ``postgres`` nor ``nobody``.
    """
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise CannotRun(
        "PostgreSQL refuses to run as root and this machine has no 'nobody' account: run as another user."
    )


def can_enter(directory: Path, account: Account | None) -> bool:
    """Whether ``account`` may traverse every directory from the root down to ``directory``."""
    if account is None:
        return True
    return all(_may_traverse(place.stat(), account) for place in (directory, *directory.parents))


def _may_traverse(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == account.gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)


def identity(account: Account | None) -> dict[str, object]:
    """Arguments of ``subprocess`` that drop root's rights."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def start(program: Program, *, output: int | IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Start in a group of its own; on Linux the kernel stops it if we die, however we die."""
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        list(program.argv),
        env=dict(program.env),
        cwd=program.cwd or "/",
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        preexec_fn=tied_to_parent(program.stop_signal),
        **identity(program.account),
    )


def stop(process: subprocess.Popen[bytes], program: Program, *, patience: float = 10) -> None:
    """Ask, wait ``patience`` seconds, then kill the whole group."""
    if process.poll() is None:
        process.send_signal(program.stop_signal)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        kill_group(process.pid)
        process.wait()


def announce_ready() -> None:
    """Tell whoever supervises us that we do our work now."""
    path = os.environ.get(READY_FILE)
    if path:
        Path(path).touch()


def kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def tied_to_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """A ``preexec_fn``. It is safe here because it calls nothing but two system calls, and we start
    children from a single thread; the kernel forgets the request at setuid, so it must run after it."""
    if _LIBC is None:
        return None
    return partial(_ask_kernel, stop_signal, os.getpid())


def _ask_kernel(stop_signal: signal.Signals, parent: int) -> None:
    assert _LIBC is not None
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
