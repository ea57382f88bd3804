"""What a run's end means: its result, or for what it was stopped. Pure."""

import os
import signal
from typing import Final

from holdfast.scripts.jail.packets import OUT_OF_MEMORY
from holdfast.scripts.jail.warden import Ended, Limits
from holdfast.scripts.language.frame import BadFrame, decode
from holdfast.scripts.language.output import Fault, Output

_CRASHES: Final = tuple(
    signal.Signals[f"SIG{name}"] for name in ("SEGV", "BUS", "ABRT", "ILL", "FPE", "TRAP")
)


class NotLocked(Exception):
    """The run was not begun, because it could not be locked up. No script is to blame."""


def verdict(ended: Ended, limits: Limits, bars: int) -> Output:
    """The output of a run over so many bars. Whatever the script did to itself is a fault in it.

    Raises:
        NotLocked: the script never ran.
    """
    if not ended.locked:
        raise NotLocked
    if os.WIFSIGNALED(ended.status):
        return _failed(_killed(os.WTERMSIG(ended.status), ended, limits))
    code = os.waitstatus_to_exitcode(ended.status)
    if code == OUT_OF_MEMORY:
        return _failed(_memory(limits))
    if code != 0:
        return _failed(Fault("result", "The script ended the process it runs in, so there is no result."))
    try:
        return decode(ended.result, bars)
    except BadFrame as error:
        return _failed(Fault("result", f"The script spoiled its own result: {error}."))


def _killed(by: int, ended: Ended, limits: Limits) -> Fault:
    if by == signal.SIGXCPU or (by == signal.SIGKILL and ended.cpu >= limits.cpu):
        return Fault(
            "limit",
            f"The script computed for more than {limits.cpu} seconds. Use fewer bars, or ta and np instead "
            "of loops.",
        )
    if ended.stopped == "wall":
        return Fault("limit", f"The script was not done after {limits.wall:g} seconds.")
    if ended.stopped == "output":
        return Fault("limit", f"The result is larger than {limits.output // 2**20} MiB. Draw fewer plots.")
    if by == signal.SIGSYS:
        return Fault("refused", "The script asked the system for something no script may do, and was ended.")
    if by in _CRASHES:
        return Fault("script", f"Python itself crashed while the script ran ({signal.Signals(by).name}).")
    return _memory(limits)


def _memory(limits: Limits) -> Fault:
    return Fault("limit", f"The script needs more memory than the {limits.memory // 2**20} MiB it may use.")


def _failed(fault: Fault) -> Output:
    return Output("", error=fault)
