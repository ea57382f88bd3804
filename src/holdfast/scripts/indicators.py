"""The catalogue for charts: read what was asked for, say which bars that takes, compute. Pure."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from holdfast.core.bars import Bars, FloatBars
from holdfast.core.errors import InvalidInput, NotFound
from holdfast.core.timeframes import DAY, HOUR, Timeframe
from holdfast.scripts.ta import REGISTRY, BadInput, Indicator
from holdfast.scripts.ta.calendar import starts
from holdfast.scripts.ta.catalogue import SOURCE, SOURCES, Floats, Value

Inputs = dict[str, Value]

_YEAR: Final = 366 * DAY
_PERIOD_SECONDS: Final = {"day": DAY, "week": 7 * DAY, "month": 31 * DAY, "year": _YEAR}
MOST_BARS: Final = 60_000
"""The most bars before a page that values may need: a month of minutes is fewer."""


def find(indicator_id: str) -> Indicator:
    """Raises ``NotFound``."""
    found = REGISTRY.get(indicator_id)
    if found is None:
        raise NotFound(f"There is no indicator {indicator_id!r}.", advice="GET /api/indicators lists them.")
    return found


def read_inputs(indicator: Indicator, asked: Mapping[str, str]) -> Inputs:
    """The inputs as written, and the defaults of those that are not.

    Raises:
        InvalidInput: one is unknown, or not what it may be.
    """
    known = {one.name: one for one in indicator.inputs}
    strange = [name for name in asked if name not in known]
    if strange:
        raise InvalidInput(
            f"{indicator.name} has no input {strange[0][:40]!r}.",
            advice=f"It takes {', '.join(known) or 'none'}.",
        )
    try:
        return {name: one.read(asked[name]) if name in asked else one.default for name, one in known.items()}
    except BadInput as error:
        raise InvalidInput(f"{indicator.name}: {error}.", advice="Correct this input.") from error


def settled(inputs: Inputs, timeframe: Timeframe) -> Inputs:
    """The inputs for bars of this timeframe: a sum with the anchor ``auto`` begins with the month for bars
    below an hour, with the year below a day, and else with the first bar."""
    if inputs.get("anchor") != "auto":
        return inputs
    seconds = timeframe.longest
    return inputs | {"anchor": "month" if seconds < HOUR else "year" if seconds < DAY else "all"}


def bars_needed(indicator: Indicator, inputs: Inputs) -> int:
    """How many bars before the first wanted one its values need, apart from an anchor's."""
    return indicator.warmup(**{name: value for name, value in inputs.items() if name != SOURCE.name})


def since(inputs: Inputs, first: int) -> int | None:
    """From when on (UTC seconds) bars are needed for an anchored value of the bar that opens at ``first``;
    ``None`` if it is not anchored."""
    anchor = inputs.get("anchor")
    if anchor is None:
        return None
    return int(starts(np.array([first], np.int64), str(anchor))[0])


def check_reach(timeframe: Timeframe, inputs: Inputs) -> None:
    """Raises ``InvalidInput`` where an anchor would reach back over too many bars of this timeframe."""
    anchor = inputs.get("anchor")
    if anchor is None:
        return
    seconds = _PERIOD_SECONDS.get(str(anchor), 20 * _YEAR)
    if seconds / timeframe.longest > MOST_BARS:
        raise InvalidInput(
            f"A sum since the beginning of the {anchor} takes too many bars of {timeframe}.",
            advice="Choose a shorter period or a longer timeframe.",
        )


def compute(indicator: Indicator, bars: Bars, inputs: Inputs) -> list[Floats]:
    """One column for each plot, as long as the bars."""
    floats = bars.as_floats()
    arguments = dict(inputs)
    data: FloatBars | Floats = floats
    if SOURCE.name in arguments:
        data = SOURCES[str(arguments.pop(SOURCE.name))](floats)
    found = indicator.function(data, **arguments)
    return list(found) if isinstance(found, tuple) else [found]
