"""The newest bars of one timeframe, moved on by minutes exactly as history is resampled. Pure."""

from typing import Final

from holdfast.core.bars import Bars
from holdfast.core.resample import resample
from holdfast.core.timeframes import Timeframe, end_of
from holdfast.market.live.messages import Announcement

MOST: Final = 4
"""Bars in one frame."""

Row = tuple[int, float, float, float, float, float, int]
"""Opening (UTC seconds), open, high, low, close, volume, 1 if closed."""


class Ladder:
    """``bars``: of ``timeframe``, made of all closed bars before ``until``; the last may be a part."""

    def __init__(self, timeframe: Timeframe, bars: Bars, until: int) -> None:
        self._timeframe = timeframe
        self._bars = bars.take(slice(-MOST, None))
        self.until = until

    def joins(self, news: Announcement) -> bool:
        """Whether nothing lies between what is here and what is announced."""
        return news.start <= self.until

    def climb(self, news: Announcement) -> None:
        """Move on by the closed minutes that are new here."""
        if news.until <= self.until:
            return
        fresh = news.closed.between(self.until, news.until)
        self._bars = self._with(fresh).take(slice(-MOST, None))
        self.until = news.until

    def rows(self, news: Announcement) -> list[Row]:
        """With the forming minute, if it is the one that follows."""
        forming = news.forming if news.until == self.until else Bars.empty()
        return rows_of(self._with(forming), self._timeframe, self.until)

    def _with(self, minutes: Bars) -> Bars:
        if not len(minutes):
            return self._bars
        parts = [part for part in (self._bars, minutes) if len(part)]
        return resample(Bars.concat(parts), self._timeframe)


def rows_of(bars: Bars, timeframe: Timeframe, until: int) -> list[Row]:
    """The newest rows for a frame; those that end by ``until`` are closed."""
    newest = bars.take(slice(-MOST, None)).as_floats()
    columns = (newest.time, newest.open, newest.high, newest.low, newest.close, newest.volume)
    return [
        (time, *values, int(end_of(time, timeframe) <= until))
        for time, *values in zip(*(column.tolist() for column in columns), strict=True)
    ]
