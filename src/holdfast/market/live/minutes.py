"""Bars of one minute on their way, and the newest of one series put together without a hole. Pure."""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple

from holdfast.core.bars import PRICES, Bars
from holdfast.core.timeframes import MINUTE

KEPT: Final = 4
"""Closed minutes in every announcement: so many a listener may have missed without asking the store."""
MOST_WAITING: Final = 1000


class Minute(NamedTuple):
    """``time``: UTC seconds of opening. Prices in quote coin, ``volume`` in base coin."""

    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


def minutes_of(bars: Bars) -> list[Minute]:
    """The rows of columns as exact numbers."""
    prices = [
        [Decimal(value).scaleb(-bars.price_decimals) for value in getattr(bars, name).tolist()]
        for name in PRICES
    ]
    volumes = [Decimal(value).scaleb(-bars.volume_decimals) for value in bars.volume.tolist()]
    return [Minute(*row) for row in zip(bars.time.tolist(), *prices, volumes, strict=True)]


class Tail:
    """The newest minutes of one series.

    Every minute of [``start``, ``until``) that exists is closed and known, and ``closed`` are the last of
    them; ``forming`` opens at ``until``. What is heard of later minutes waits until ``hole`` was filled:
    nothing is ever announced past a minute that may be missing.
    """

    def __init__(self) -> None:
        self.start = 0
        self.until: int | None = None
        self.closed: deque[Minute] = deque()
        self.unstored: list[Minute] = []
        self.is_changed = False
        self._heard: dict[int, tuple[Minute, bool]] = {}

    @property
    def forming(self) -> Minute | None:
        heard = self._heard.get(self.until) if self.until is not None else None
        return heard[0] if heard else None

    @property
    def hole(self) -> int | None:
        """Up to where must be asked for: minutes from ``until`` (or from whenever, before anything is known)
        to there were not heard to close."""
        if self.until is None:
            return min(self._heard, default=None)
        return min((time for time in self._heard if time > self.until), default=None)

    def hear(self, minute: Minute, *, closed: bool) -> None:
        """Take in what a stream tells. A closed minute stays as it is whatever is heard later."""
        if self.until is not None and minute.time < self.until:
            return
        known = self._heard.get(minute.time)
        if known and known[1]:
            return
        self._heard[minute.time] = minute, closed
        if len(self._heard) > MOST_WAITING:
            del self._heard[min(self._heard)]
        self.is_changed = True
        self._join()

    def fill(self, minutes: Iterable[Minute], start: int, until: int) -> None:
        """These are stored, and all there are in [``start``, ``until``)."""
        if self.until is None or self.until < start:
            self.start, self.until = start, start
            self.closed.clear()
        if until <= self.until:
            return
        for minute in minutes:
            if self.until <= minute.time < until:
                self._keep(minute)
        self.until = until
        self._heard = {time: heard for time, heard in self._heard.items() if time >= until}
        self.is_changed = True
        self._join()

    @property
    def is_announceable(self) -> bool:
        """There is news, and everything closed is stored."""
        return self.is_changed and self.until is not None and not self.unstored

    def stored(self, minutes: Iterable[Minute]) -> None:
        """These are in the store now."""
        written = {minute.time for minute in minutes}
        self.unstored = [minute for minute in self.unstored if minute.time not in written]

    def forget(self) -> None:
        """Begin again with what the store has: too much could not be written."""
        self.until = None
        self.closed.clear()
        self.unstored.clear()

    def _join(self) -> None:
        while self.until is not None:
            minute, closed = self._heard.get(self.until, (None, False))
            if minute is None or not closed:
                return
            del self._heard[self.until]
            self._keep(minute)
            self.unstored.append(minute)
            self.until += MINUTE

    def _keep(self, minute: Minute) -> None:
        self.closed.append(minute)
        if len(self.closed) > KEPT:
            self.start = self.closed.popleft().time + MINUTE


class Samples:
    """Minutes made of single values, whose volume is 0."""

    def __init__(self) -> None:
        self._minute: Minute | None = None

    def add(self, value: Decimal, now: int) -> list[tuple[Minute, bool]]:
        """The minute before, if the first value of another one closes it, and the one that is forming."""
        told = [(minute, True) for minute in self.close(now)]
        known = self._minute
        if known is None:
            known = Minute(now // MINUTE * MINUTE, value, value, value, value, Decimal(0))
        self._minute = known._replace(high=max(known.high, value), low=min(known.low, value), close=value)
        return [*told, (self._minute, False)]

    def close(self, now: int) -> list[Minute]:
        """The minute that is over at ``now``, once."""
        if self._minute is None or now < self._minute.time + MINUTE:
            return []
        over, self._minute = self._minute, None
        return [over]
