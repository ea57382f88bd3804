"""The bars as a script sees them: closed, read-only, and longer ones once they are complete. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Self, cast

import numpy as np

from holdfast.core.bars import FloatBars, Floats, Ints
from holdfast.core.timeframes import Timeframe, bucket_start, divides
from holdfast.scripts.language.words import Mistake

_DAY: Final = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Series(FloatBars):
    """Columns of bars. ``time`` is when each opens, in UTC seconds."""

    symbol: str
    timeframe: Timeframe

    @classmethod
    def made(cls, columns: Iterable[Any], symbol: str, timeframe: Timeframe) -> Self:
        time, opened, high, low, close, volume = columns
        return cls(time, opened, high, low, close, volume, symbol, timeframe)

    def __len__(self) -> int:
        return len(self.time)

    @property
    def index(self) -> Ints:
        """The number of each bar, counted from 1970 on: the same however many bars are loaded."""
        if self.timeframe.seconds is None:
            return self.time.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
        first = int(bucket_start(np.zeros(1, np.int64), self.timeframe)[0])
        counted: Ints = (self.time - first) // self.timeframe.seconds
        return counted

    @property
    def hour(self) -> Ints:
        """The hour (UTC) in which each bar opens, 0 to 23."""
        hours: Ints = self.time % _DAY // 3600
        return hours

    @property
    def weekday(self) -> Ints:
        """The day of the week (UTC) on which each bar opens: 0 is Monday, 6 Sunday."""
        days: Ints = (self.time // _DAY + 3) % 7
        return days

    @property
    def hl2(self) -> Floats:
        """(high + low) / 2."""
        return (self.high + self.low) / 2

    @property
    def hlc3(self) -> Floats:
        """(high + low + close) / 3."""
        return (self.high + self.low + self.close) / 3

    @property
    def ohlc4(self) -> Floats:
        """(open + high + low + close) / 4."""
        return (self.open + self.high + self.low + self.close) / 4


@dataclass(frozen=True, slots=True, eq=False)
class ScriptBars(Series):
    """What a script calls ``bars``."""

    @classmethod
    def of(cls, bars: FloatBars, symbol: str, timeframe: Timeframe) -> "ScriptBars":
        columns = (bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume)
        views: list[Any] = [column.view() for column in columns]
        for view in views:
            view.flags.writeable = False
        return cls.made(views, symbol, timeframe)

    def at(self, timeframe: str, of: Callable[[Series], Any] | None = None) -> Any:
        """Longer bars, each from the close of its last bar on until the next is complete (NaN before the
        first). With a function: its values over the longer bars, for example
        ``bars.at("1d", lambda day: ta.ema(day.close, 20))``.
        """
        longer = self._longer(timeframe)
        if longer is self.timeframe:
            return self if of is None else of(self)
        made, known = self._complete(longer)
        counts = np.diff(np.append(known, len(self)))
        lead = int(known[0]) if len(known) else len(self)

        def spread(values: Any) -> Any:
            column = np.asarray(values)
            if column.dtype.kind not in "biuf":
                raise Mistake(
                    "The function given to bars.at() must return numbers, one for each bar it gets."
                )
            if column.ndim == 0:
                column = np.broadcast_to(column, len(made))
            if column.shape != made.time.shape:
                raise Mistake(
                    f"The function given to bars.at() gets {len(made)} bars and must return one value "
                    f"for each of them, not the shape {column.shape}."
                )
            before = np.zeros(lead, column.dtype)
            if column.dtype.kind == "f":
                before[:] = np.nan
            return np.concatenate((before, np.repeat(column, counts)))

        def numbers(values: Any) -> Any:
            whole = np.asarray(values).dtype.kind in "iu"
            return spread(np.asarray(values, np.float64) if whole else values)

        if of is None:
            columns = (made.time, made.open, made.high, made.low, made.close, made.volume)
            return Series.made(map(spread, columns), self.symbol, longer)
        if not callable(of):
            raise Mistake(
                'The second value for bars.at() is a function: bars.at("1d", lambda day: day.close).'
            )
        found = of(made)
        return tuple(map(numbers, found)) if isinstance(found, tuple) else numbers(found)

    def _longer(self, timeframe: str) -> Timeframe:
        try:
            longer = Timeframe(timeframe)
        except ValueError:
            known = ", ".join(one.value for one in Timeframe)
            raise Mistake(f"{str(timeframe)[:40]!r} is no timeframe. There are {known}.") from None
        seconds = self.timeframe.seconds
        if longer is self.timeframe:
            return self.timeframe
        if seconds is None or longer.longest < seconds:
            raise Mistake(
                f"bars.at({longer.value!r}) is shorter than the bars ({self.timeframe.value}). Run the "
                "script on shorter bars, or choose a longer timeframe."
            )
        if not divides(seconds, longer):
            raise Mistake(f"Bars of {longer.value} cannot be made of bars of {self.timeframe.value}.")
        return longer

    def _complete(self, longer: Timeframe) -> tuple[Series, Ints]:
        """The complete longer bars, and the position of the bar at whose close each is known.

        The first is left out unless the bars begin with it: what came before is not known.
        """
        began = bucket_start(self.time, longer)
        heads = np.flatnonzero(began[1:] != began[:-1]) + 1
        heads = np.concatenate((np.zeros(min(1, len(began)), np.int64), heads))
        tails = np.append(heads[1:], len(began))[: len(heads)] - 1
        starts = began[heads]
        base = cast(int, self.timeframe.seconds)
        known = tails + (self.time[tails] + base < _ends(starts, longer))
        whole = known < len(began)
        whole[:1] &= self.time[:1] == starts[:1]
        if not whole.any():
            none, no_times = np.empty(0), np.empty(0, np.int64)
            return Series.made((no_times, *[none] * 5), self.symbol, longer), no_times
        columns: list[Any] = [
            starts,
            self.open[heads],
            np.maximum.reduceat(self.high, heads),
            np.minimum.reduceat(self.low, heads),
            self.close[tails],
            np.add.reduceat(self.volume, heads),
        ]
        made = Series.made((column[whole] for column in columns), self.symbol, longer)
        return made, known[whole]


def _ends(starts: Ints, timeframe: Timeframe) -> Ints:
    if timeframe.seconds is not None:
        return starts + timeframe.seconds
    months = starts.astype("datetime64[s]").astype("datetime64[M]") + np.timedelta64(1, "M")
    return cast(Ints, months.astype("datetime64[s]").astype(np.int64))
