"""A zygote whose runs are plain Python with everything in reach: only the jail holds them, no language does.

``raw_zygote.py [runner] [conditions]``: runner "raw" or "language"; conditions "machine" (as we are),
"hollow" (a filter that filters nothing), "container" (another user, and what Docker's default profile
forbids), "no-seccomp" (and seccomp with it).
"""

import ctypes
import os
import platform
import sys
import traceback
from collections.abc import Callable
from functools import partial

import talib

from holdfast.scripts.jail import filter as rules
from holdfast.scripts.jail import imports, kernel, launch
from holdfast.scripts.jail import zygote as zygote  # loaded while this user may read it
from holdfast.scripts.jail.packets import Data, Run

FORBIDDEN = {
    "x86_64": {"unshare": 272, "mount": 165, "umount2": 166, "pivot_root": 155, "setns": 308, "chroot": 161},
    "aarch64": {"unshare": 97, "mount": 40, "umount2": 39, "pivot_root": 41, "setns": 268, "chroot": 51},
}
SECCOMP = {"x86_64": 317, "aarch64": 277}


def raw(task: Data, bars: Data) -> bytes:
    """What the script leaves as ``loot`` or ``result``, or how it failed."""
    names = {"bars": bars, "talib": talib}
    try:
        exec(bytes(task), names)
    except BaseException as error:
        return f"held: {error!r}"[:500].encode()
    if names.get("loot"):
        return f"loot: {names['loot']!r}"[:500].encode()
    return names.get("result", b"held: nothing was got")


def forbid(numbers: list[int]) -> None:
    """As the profile of a container does, before anything of ours begins."""
    made = [rules._load(0)]
    for number in numbers:
        made += rules._when(number, [rules._return(rules.EPERM)])
    made.append(rules._return(rules.ALLOW))
    code = rules.assembled(made)
    program = kernel._Program(len(made), code)
    kernel.never_gain_rights()
    assert ctypes.CDLL(None).syscall(SECCOMP[platform.machine()], 1, 0, ctypes.byref(program)) == 0


def load(runner: str) -> Run:
    if runner == "raw":
        return raw
    from holdfast.scripts.jail import runner as real

    real.warm()
    return real.run


def main(runner: str = "raw", conditions: str = "machine") -> None:
    prepare: Callable[[], Run] = partial(load, runner)
    if conditions == "hollow":
        kernel.Filter.install = lambda _: None  # type: ignore[method-assign]
    elif conditions != "machine":
        run = load(runner)
        imports.load()
        prepare = lambda: run  # noqa: E731
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(65_534, 65_534, 65_534)
            os.setresuid(65_534, 65_534, 65_534)
        numbers = list(FORBIDDEN[platform.machine()].values())
        forbid(numbers + [SECCOMP[platform.machine()]] * (conditions == "no-seccomp"))
    launch.main(prepare)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception:
        traceback.print_exc()
        os._exit(1)
