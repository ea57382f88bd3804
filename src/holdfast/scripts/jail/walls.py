"""What is put around the zygote once, before the first script: as much as this machine allows."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

from holdfast.scripts.jail import kernel

NAMESPACES: Final = {
    "net": kernel.NEWNET,
    "ipc": kernel.NEWIPC,
    "uts": kernel.NEWUTS,
    "mnt": kernel.NEWNS,
    "cgroup": kernel.NEWCGROUP,
    "pid": kernel.NEWPID,
}
UID: Final = 65_530
"""Whom scripts run as where we are root: an account that no machine gives to anybody."""

_NEW_ROOT: Final = "/tmp"  # noqa: S108 - hidden under the new root, never written to
_NOBODY_ELSE: Final = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC


def separate() -> list[str]:
    """Leave the machine's namespaces for new ones; the names of those there are. The next child is the first
    process of the new process namespace."""
    uid, gid = os.geteuid(), os.getegid()
    flags = sum(NAMESPACES.values())
    try:
        if uid == 0:
            kernel.unshare(flags)
        else:
            kernel.unshare(flags | kernel.NEWUSER)
            _map_to_self(uid, gid)
    except OSError:
        return []
    return list(NAMESPACES)


def _map_to_self(uid: int, gid: int) -> None:
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def empty_root() -> None:
    """Leave every file behind: the root is an empty directory that nobody can write to."""
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("jail", _NEW_ROOT, "tmpfs", _NOBODY_ELSE, "size=4k,nr_inodes=1,mode=555")
    os.chdir(_NEW_ROOT)
    kernel.pivot_here()
    os.chdir("/")
    kernel.mount("jail", "/", "", kernel.MS_REMOUNT | kernel.MS_RDONLY | _NOBODY_ELSE)


def drop_rights() -> bool:
    """Whether the account changed; every capability is gone in any case, and none can come back."""
    changed = False
    if os.geteuid() == 0:
        with suppress(OSError):  # a container that took this right away has taken the others too
            os.setgroups([])
            os.setresgid(UID, UID, UID)
            os.setresuid(UID, UID, UID)
            changed = True
    with suppress(OSError):
        kernel.drop_capabilities()
    kernel.never_gain_rights()
    return changed


def die_with(parent: int) -> None:
    """The kernel forgets this wish when the account changes, so it comes after that."""
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
