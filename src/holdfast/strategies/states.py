"""What a strategy on paper can be, and what leads from one to the other. Pure."""

from typing import Final

from holdfast.core.errors import Conflict

PAPER: Final = "paper"
PAUSED: Final = "paused"
STOPPED: Final = "stopped"
FAILED: Final = "failed"

PAUSE: Final = "pause"
RESUME: Final = "resume"
STOP: Final = "stop"
FAIL: Final = "fail"

TABLE: Final = {
    (PAPER, PAUSE): PAUSED,
    (PAPER, STOP): STOPPED,
    (PAPER, FAIL): FAILED,
    (PAUSED, RESUME): PAPER,
    (PAUSED, STOP): STOPPED,
    (FAILED, RESUME): PAPER,
    (FAILED, STOP): STOPPED,
}
"""Every way there is. A stopped strategy stays stopped."""

_SAID: Final = {
    PAPER: "This strategy runs.",
    PAUSED: "This strategy is paused.",
    STOPPED: "This strategy is stopped.",
    FAILED: "This strategy has failed and waits for you.",
}
_ADVICE: Final = {
    PAPER: "Pause it or stop it.",
    PAUSED: "Resume it or stop it.",
    STOPPED: "Start another one from the same script.",
    FAILED: "Resume it or stop it.",
}


def after(state: str, event: str) -> str:
    """The state that ``event`` leads to.

    Raises:
        Conflict: nothing leads there from ``state``.
    """
    found = TABLE.get((state, event))
    if found is None:
        raise Conflict(_SAID[state], advice=_ADVICE[state])
    return found
