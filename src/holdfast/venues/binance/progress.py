"""How far each stream has come: what was heard already, and what was missed. Pure.

Two connections overlap when one takes over from the other, and events may be doubled or out of order: an
event not newer than the last one told is passed over. A jump in what is numbered, or a candle that never
closed, is something missed.
"""

from dataclasses import dataclass
from enum import Enum, auto

from holdfast.venues.binance.events import (
    AggTrade,
    BookTicker,
    DepthDiff,
    DepthSnapshot,
    KlineUpdate,
    MarketEvent,
    MiniTicker,
    Trade,
)


class Heard(Enum):
    NEW = auto()
    KNOWN = auto()
    """Told before, or overtaken by what was."""
    JUMP = auto()
    """New, and something before it is missing."""


@dataclass(frozen=True, slots=True)
class Mark:
    """``place`` orders the events of one stream; ``follows``: the event's numbers begin here; ``next``: where
    those of the next one must begin. Both 0 where nothing is numbered."""

    place: tuple[int, ...]
    follows: int = 0
    next: int = 0


class Progress:
    """One stream."""

    def __init__(self) -> None:
        self._last: Mark | None = None

    def hear(self, event: MarketEvent) -> Heard:
        mark, last = mark_of(event), self._last
        if last is not None and mark.place <= last.place:
            return Heard.KNOWN
        self._last = mark
        return Heard.JUMP if last is not None and mark.follows > last.next else Heard.NEW


def mark_of(event: MarketEvent) -> Mark:
    """Where an event stands in its stream."""
    match event:
        case Trade(id=number) | AggTrade(id=number):
            return Mark((number,), number, number + 1)
        case DepthDiff():
            return Mark((event.last_id,), event.first_id, event.last_id + 1)
        case KlineUpdate(kline=kline):
            after = kline.close_ms + 1 if event.closed else kline.open_ms
            return Mark((kline.open_ms, event.closed, event.at_ms), kline.open_ms, after)
        case BookTicker():
            return Mark((event.update_id,))
        case DepthSnapshot():
            return Mark((event.last_id,))
        case MiniTicker():
            return Mark((event.at_ms,))
