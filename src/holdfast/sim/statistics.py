"""Rolling 24-hour figures of all paths, once a minute."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from holdfast.sim.noise import Floats
from holdfast.sim.tape import Tape

_DAY = 1440


@dataclass(frozen=True, slots=True)
class DayStatistics:
    """By column of the tape: log-prices of the last 24 h up to the present minute, and USD traded in it."""

    high: Floats
    low: Floats
    day_ago: Floats
    hour_ago: Floats
    value: Floats
    value_before: Floats
    """Traded in the 24 h before these."""


class Statistics:
    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self.at = lru_cache(maxsize=4)(self._at)
        """By minute, counted from the origin."""

    def forget(self) -> None:
        self.at.cache_clear()

    def _at(self, minute: int) -> DayStatistics:
        tape, every = self._tape, self._tape.field.every
        hour, past = divmod(minute, 60)
        opening = tape.minutes((hour - 24) * 60, 60, every)
        whole = tape.hours(hour - 23, 23, every)
        present = tape.minutes(hour * 60, 60, every)
        high = np.concatenate(
            [opening.high[past:], whole.high, present.high[:past], present.open[past : past + 1]]
        )
        low = np.concatenate(
            [opening.low[past:], whole.low, present.low[:past], present.open[past : past + 1]]
        )
        before = tape.minutes((hour - 1) * 60 + past, 1, every)
        values = tape.hour_values(hour - 48, 49, every)
        part = past / 60
        return DayStatistics(
            high=high.max(axis=0),
            low=low.min(axis=0),
            day_ago=opening.open[past],
            hour_ago=before.open[0],
            value=values[24] * (1 - part) + values[25:48].sum(axis=0) + values[48] * part,
            value_before=values[0] * (1 - part) + values[1:24].sum(axis=0) + values[24] * part,
        )
