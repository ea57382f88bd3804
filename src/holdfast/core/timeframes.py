"""The lengths of bars, and where each begins: UTC, weeks from Monday, calendar months."""

from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400
WEEK: Final = 7 * DAY
_MONDAY: Final = 4 * DAY  # the epoch was a Thursday


class Timeframe(StrEnum):
    """As the exchanges write them: ``1m`` is a minute, ``1M`` a month."""

    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"
    D3 = "3d"
    W1 = "1w"
    MONTH = "1M"

    @property
    def seconds(self) -> int | None:
        """The length of one bar; ``None`` for a month, whose length varies."""
        return _SECONDS[self]

    @property
    def longest(self) -> int:
        """Seconds of the longest bar there can be: 31 days for a month."""
        return _SECONDS[self] or 31 * DAY


_SECONDS: Final[dict[Timeframe, int | None]] = {
    Timeframe.M1: MINUTE,
    Timeframe.M3: 3 * MINUTE,
    Timeframe.M5: 5 * MINUTE,
    Timeframe.M15: 15 * MINUTE,
    Timeframe.M30: 30 * MINUTE,
    Timeframe.H1: HOUR,
    Timeframe.H2: 2 * HOUR,
    Timeframe.H4: 4 * HOUR,
    Timeframe.H6: 6 * HOUR,
    Timeframe.H8: 8 * HOUR,
    Timeframe.H12: 12 * HOUR,
    Timeframe.D1: DAY,
    Timeframe.D3: 3 * DAY,
    Timeframe.W1: WEEK,
    Timeframe.MONTH: None,
}


def timeframe_of(seconds: int) -> Timeframe | None:
    """The timeframe whose bars are this long; ``None`` if there is none."""
    return next((timeframe for timeframe, length in _SECONDS.items() if length == seconds), None)


def bucket_start(times: Ints, timeframe: Timeframe) -> Ints:
    """For each UTC second the opening of the bar it lies in. Three-day bars count from the epoch."""
    seconds = timeframe.seconds
    if seconds is None:
        months = times.astype("datetime64[s]").astype("datetime64[M]")
        return months.astype("datetime64[s]").astype(np.int64)
    offset = _MONDAY if timeframe is Timeframe.W1 else 0
    started: Ints = (times - offset) // seconds * seconds + offset
    return started


def start_of(time: int, timeframe: Timeframe) -> int:
    """``bucket_start`` of one moment."""
    return int(bucket_start(np.array([time], dtype=np.int64), timeframe)[0])


def shifted(start: int, timeframe: Timeframe, bars: int) -> int:
    """The opening of the bar ``bars`` after (negative: before) the one that opens at ``start``."""
    seconds = timeframe.seconds
    if seconds is not None:
        return start + bars * seconds
    month = np.datetime64(start, "s").astype("datetime64[M]") + np.timedelta64(bars, "M")
    return int(month.astype("datetime64[s]").astype(np.int64))


def end_of(start: int, timeframe: Timeframe) -> int:
    """When the bar that opens at ``start`` closes."""
    return shifted(start, timeframe, 1)


def divides(base_seconds: int, timeframe: Timeframe) -> bool:
    """Whether bars of ``base_seconds`` can be put together to bars of ``timeframe``."""
    seconds = timeframe.seconds
    if seconds is None:
        return DAY % base_seconds == 0
    return seconds % base_seconds == 0 and (base_seconds <= DAY or seconds == base_seconds)
