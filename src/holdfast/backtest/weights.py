"""Target weights out of opinions: signals of a script, or signals that a user brings. Pure."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from holdfast.core.bars import Floats, Ints
from holdfast.scripts.language.output import Fault
from holdfast.scripts.running import ScriptFailed

_WAYS: Final = {"buy": 1.0, "long": 1.0, "sell": -1.0, "short": -1.0, "exit": 0.0}


class NothingStated(ScriptFailed):
    """Neither a target nor a signal."""

    def __init__(self) -> None:
        super().__init__(
            Fault(
                "result",
                "The script says neither target() nor signal(), so there is nothing to trade. "
                "Add one of them.",
            )
        )


def of_output(signals: Floats | None, target: Floats | None, *, size: float, allow_short: bool) -> Floats:
    """The targets a script states; where it gives both, its ``target`` counts.

    Raises:
        NothingStated: it gives neither.
    """
    if target is not None:
        return target
    if signals is None:
        raise NothingStated
    return of_signals(signals, size=size, allow_short=allow_short)


def of_signals(signals: Floats, *, size: float, allow_short: bool) -> Floats:
    """Above zero: ``size`` long; below: ``size`` short, or flat without shorts; zero or no number: hold."""
    short = -size if allow_short else 0.0
    with np.errstate(invalid="ignore"):
        return np.select([signals > 0, signals < 0], [size, short], np.nan)


def of_marks(
    times: Ints, types: Sequence[str], bars: Ints, *, size: float, allow_short: bool
) -> tuple[Floats, int]:
    """Targets of a user's own signals beside the bars that open at ``bars``, and how many of the signals
    trade nothing: they are before the first bar, or of no known way (``info``).

    A signal belongs to the bar it lies in, and one between bars to the bar before; several of one bar are
    one, the last. ``times`` are UTC seconds, not falling.
    """
    short = -size if allow_short else 0.0
    worth = {way: size if sign > 0 else short if sign < 0 else 0.0 for way, sign in _WAYS.items()}
    weights = np.array([worth.get(one, np.nan) for one in types], np.float64)
    places = np.searchsorted(bars, times, side="right") - 1
    used = np.isfinite(weights) & (places >= 0)
    targets = np.full(len(bars), np.nan)
    targets[places[used]] = weights[used]
    return targets, int(len(times) - used.sum())
