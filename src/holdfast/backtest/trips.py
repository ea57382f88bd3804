"""Round trips out of fills: from flat until flat again, or until the other side. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from holdfast.backtest.engine import Fill

Side = Literal["long", "short"]


@dataclass(slots=True)
class Trip:
    """``opened`` and ``closed`` are bars (``None``: still open). ``bought`` and ``sold`` count lots, ``paid``
    and ``got`` what they cost and brought, without ``fees``; all of one trip, in whole units."""

    side: Side
    opened: int
    closed: int | None = None
    bought: int = 0
    sold: int = 0
    paid: int = 0
    got: int = 0
    fees: int = 0

    @property
    def entered(self) -> tuple[int, int]:
        """Lots that were entered, and their value."""
        return (self.bought, self.paid) if self.side == "long" else (self.sold, self.got)

    @property
    def left(self) -> tuple[int, int]:
        """Lots that were closed, and their value."""
        return (self.sold, self.got) if self.side == "long" else (self.bought, self.paid)

    def profit(self, price: int) -> int:
        """In cash, after fees; what is still open counts at ``price``."""
        return self.got - self.paid - self.fees + (self.bought - self.sold) * price


def trips(at: Sequence[int], fills: Sequence[Fill]) -> Iterator[Trip]:
    """Each once it is over, the open one last. ``at``: the bar of each fill. A fill that goes through zero
    ends one trip and begins another; its fee is shared by lots, what does not divide goes to the second."""
    trip: Trip | None = None
    held = 0
    for bar, fill in zip(at, fills, strict=True):
        closing = min(abs(held), abs(fill.lots)) if (held > 0) != (fill.lots > 0) else 0
        opening = abs(fill.lots) - closing
        fee = fill.fee * closing // abs(fill.lots)
        if trip is not None and closing:
            _add(trip, fill.lots > 0, closing, fill.price, fee)
            if closing == abs(held):
                trip.closed = bar
                yield trip
                trip = None
        if opening:
            trip = trip or Trip("long" if fill.lots > 0 else "short", bar)
            _add(trip, fill.lots > 0, opening, fill.price, fill.fee - fee)
        held += fill.lots
    if trip is not None:
        yield trip


def _add(trip: Trip, buys: bool, lots: int, price: int, fee: int) -> None:
    trip.fees += fee
    if buys:
        trip.bought += lots
        trip.paid += lots * price
    else:
        trip.sold += lots
        trip.got += lots * price
