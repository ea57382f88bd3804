"""What a script says at the close of one bar, from the bars up to it."""

import hashlib
import math
from dataclasses import asdict, dataclass, field
from typing import Final

import numpy as np

from holdfast.backtest import weights
from holdfast.backtest.weights import NothingStated
from holdfast.core.bars import FloatBars, Floats
from holdfast.core.time import utc_minute
from holdfast.scripts.language.output import LONGEST_TEXT, Output, clean, told
from holdfast.strategies.models import Strategy

MOST_ALERTS: Final = 8
"""Of one bar."""


@dataclass(frozen=True, slots=True)
class Value:
    """``target``: a weight, ``None`` to hold. ``error``: why there is none. ``bars``: SHA-256 of what the
    script saw."""

    bars: bytes
    target: float | None = None
    signal: float | None = None
    alerts: list[str] = field(default_factory=list)
    error: dict[str, object] | None = None


def value_of(output: Output, row: Strategy, bars: FloatBars) -> Value:
    """The last value of each column: what is said at the close of the last of ``bars``."""
    seen = digest(bars)
    if output.error is not None:
        return Value(seen, error=asdict(output.error))
    try:
        targets = weights.of_output(
            output.signals, output.target, size=float(row.signal_size), allow_short=row.allow_short
        )
    except NothingStated as nothing:
        return Value(seen, error=asdict(nothing.fault))
    price, time = f"{bars.close[-1]:.12g}", utc_minute(int(bars.time[-1]))
    symbol = row.series.partition(":")[2]
    messages = [
        clean(told(one.message, symbol=symbol, price=price, time=time), LONGEST_TEXT)
        for one in output.alerts
        if one.on[-1]
    ]
    return Value(seen, _last(targets), _last(output.signals), messages[:MOST_ALERTS])


def digest(bars: FloatBars) -> bytes:
    """SHA-256 of the numbers a script gets."""
    made = hashlib.sha256()
    for column in (bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume):
        made.update(np.ascontiguousarray(column).tobytes())
    return made.digest()


def _last(column: Floats | None) -> float | None:
    if column is None or not len(column):
        return None
    value = float(column[-1])
    return value if math.isfinite(value) else None
