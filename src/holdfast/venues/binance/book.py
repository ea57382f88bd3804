"""The local order book: a snapshot kept up to date by what changed. Pure.

Source: "How to manage a local order book correctly", web-socket-streams.md. Levels beyond the depth of the
snapshot stay unknown until they change.
"""

from bisect import bisect_left, insort
from collections import deque
from decimal import Decimal
from typing import Final

from holdfast.venues.binance.events import DepthDiff, DepthSnapshot, Level

MOST_BUFFERED: Final = 10_000
"""Changes kept while no snapshot has come; the oldest give way."""


class BookSide:
    """Prices in order with their quantities. ``descending``: the highest is the best."""

    def __init__(self, *, descending: bool) -> None:
        self._descending = descending
        self._prices: list[Decimal] = []
        self._quantities: dict[Decimal, Decimal] = {}

    def __len__(self) -> int:
        return len(self._prices)

    def replace(self, levels: tuple[Level, ...]) -> None:
        self._quantities = {price: quantity for price, quantity in levels if quantity}
        self._prices = sorted(self._quantities)

    def apply(self, levels: tuple[Level, ...]) -> None:
        """A quantity of 0 removes its level; to remove one that is unknown is normal."""
        for price, quantity in levels:
            known = price in self._quantities
            if quantity:
                self._quantities[price] = quantity
                if not known:
                    insort(self._prices, price)
            elif known:
                del self._quantities[price]
                del self._prices[bisect_left(self._prices, price)]

    def best(self) -> Level | None:
        if not self._prices:
            return None
        price = self._prices[-1 if self._descending else 0]
        return price, self._quantities[price]

    def top(self, depth: int) -> list[Level]:
        """The best ``depth`` levels, best first."""
        prices = self._prices[: -depth - 1 : -1] if self._descending else self._prices[:depth]
        return [(price, self._quantities[price]) for price in prices]


class LocalBook:
    """One pair's book. ``apply`` every change as it comes; whenever ``needs_snapshot``, fetch one (asked for
    after the changes began to come) and hand it to ``start``."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.bids = BookSide(descending=True)
        self.asks = BookSide(descending=False)
        self.last_id = 0
        self._in_step = False
        self._waiting: deque[DepthDiff] = deque(maxlen=MOST_BUFFERED)

    @property
    def needs_snapshot(self) -> bool:
        """Whether the book is not (or no longer) what the venue has."""
        return not self._in_step

    def apply(self, diff: DepthDiff) -> bool:
        """Take a change in; false when the book is out of step and waits for a snapshot. Changes that are
        known already are passed over."""
        if not self._in_step:
            self._waiting.append(diff)
            return False
        if diff.last_id <= self.last_id:
            return True
        if diff.first_id > self.last_id + 1:
            self._in_step = False
            self._waiting.append(diff)
            return False
        self._take(diff)
        return True

    def start(self, snapshot: DepthSnapshot) -> bool:
        """Begin from a snapshot; false when it is older than the changes that came, and another is needed."""
        while self._waiting and self._waiting[0].last_id <= snapshot.last_id:
            self._waiting.popleft()
        if self._waiting and self._waiting[0].first_id > snapshot.last_id + 1:
            return False
        self.bids.replace(snapshot.bids)
        self.asks.replace(snapshot.asks)
        self.last_id = snapshot.last_id
        self._in_step = True
        waiting, self._waiting = self._waiting, deque(maxlen=MOST_BUFFERED)
        for diff in waiting:
            self.apply(diff)
        return self._in_step

    def lost(self) -> None:
        """The stream was away: what it told before is of no use any more."""
        self._in_step = False
        self._waiting.clear()

    def _take(self, diff: DepthDiff) -> None:
        self.bids.apply(diff.bids)
        self.asks.apply(diff.asks)
        self.last_id = diff.last_id
