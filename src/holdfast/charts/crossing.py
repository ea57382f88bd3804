"""When a price reaches a level, seen through bars of a minute. Pure.

A bar that forms is seen again and again, each time a little further; what it has shown already is not taken
for new. So the same crossings come out whether a minute is followed live or read afterwards, save those of a
price that returned within a minute without a new extreme while nobody looked.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

ABOVE: Final = "above"
BELOW: Final = "below"
EITHER: Final = "either"

MINUTE: Final = 60


class Bar(NamedTuple):
    """A minute. ``at``: when it stood so, UTC seconds, at most the end of the minute."""

    minute: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    at: float


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a series was looked at: the newest minute, and its extremes and last price then."""

    minute: int
    high: Decimal
    low: Decimal
    close: Decimal


class Point(NamedTuple):
    """The price was there, at about this second, in a minute that opens at ``minute``. ``last``: it is the
    last one known of that look."""

    price: Decimal
    at: float
    minute: int
    last: bool


@dataclass(frozen=True, slots=True)
class Crossing:
    """The level was reached from below (``above``: it goes there) or from above (``below``)."""

    direction: str
    price: Decimal
    at: float


def after(seen: Seen | None, bars: Iterable[Bar]) -> tuple[list[Point], Seen | None]:
    """The way the price took since it was last looked at, and how far it has been looked at now."""
    points: list[Point] = []
    for bar in bars:
        if seen is not None and bar.minute < seen.minute:
            continue
        points += _way(seen, bar)
        again = seen is not None and bar.minute == seen.minute
        high, low = (max(bar.high, seen.high), min(bar.low, seen.low)) if again and seen else bar[2:4]
        seen = Seen(bar.minute, high, low, bar.close)
    return points, seen


def _way(seen: Seen | None, bar: Bar) -> Iterator[Point]:
    """Of two new extremes the one nearer to the close comes last, which is the shorter way."""
    extremes: list[Decimal] = []
    if seen is None or bar.minute > seen.minute:
        extremes = [bar.open, *_ordered(bar)]
    else:
        extremes = [one for one in _ordered(bar) if one > seen.high or one < seen.low]
    for price in extremes:
        yield Point(price, bar.at, bar.minute, last=False)
    yield Point(bar.close, bar.at, bar.minute, last=True)


def _ordered(bar: Bar) -> tuple[Decimal, Decimal]:
    if bar.high - bar.close <= bar.close - bar.low:
        return bar.low, bar.high
    return bar.high, bar.low


def step(side: str | None, price: Decimal, level: Decimal) -> tuple[str | None, str | None]:
    """The side of the level after this price, and the direction in which it was reached, if it was.

    Touching the level is reaching it. At the level itself there is no side: going on or back from there
    crosses nothing.
    """
    now = None if price == level else ABOVE if price > level else BELOW
    if side is None or now == side:
        return now, None
    return now, ABOVE if side == BELOW else BELOW


def crossings(
    side: str | None, level: Decimal, points: Sequence[Point], since: float
) -> tuple[str | None, list[Crossing]]:
    """Every time the level is reached on the way, and the side at its end.

    Of a minute in which the watching began, at ``since``, only the last price is known to be later; of those
    before, none is.
    """
    found = []
    for point in points:
        if point.at < since or (point.minute < since and not point.last):
            continue
        side, reached = step(side, point.price, level)
        if reached:
            found.append(Crossing(reached, point.price, point.at))
    return side, found
