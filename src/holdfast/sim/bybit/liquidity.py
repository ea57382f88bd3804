"""What can be traded against now: the market's book, less what was just taken, plus resting orders."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Final

from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.ports import Level, Market
from holdfast.sim.bybit.records import ZERO, Order
from holdfast.sim.fault_kinds import FaultKind
from holdfast.sim.faults import Faults

REFILL_MS: Final = 1000
MATCH_DEPTH: Final = 200
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Resting:
    account: Account
    order: Order


@dataclass(frozen=True, slots=True)
class Offer:
    """So much at this price; ``maker`` is the user behind it, ``None`` for the market."""

    price: Decimal
    qty: Decimal
    maker: Resting | None


class Liquidity:
    """Market levels taken by a fill stay empty for ``REFILL_MS``, so that nothing is sold twice."""

    def __init__(self, market: Market, faults: Faults) -> None:
        self._market = market
        self._faults = faults
        self._resting: dict[Key, dict[str, Resting]] = {}
        self._taken: dict[Key, dict[tuple[str, Decimal], tuple[Decimal, int]]] = {}
        self._version: dict[Key, int] = {}

    def version(self, key: Key) -> int:
        """Grows with everything users do to the book of ``key``."""
        return self._version.get(key, 0)

    def is_halted(self, key: Key) -> bool:
        return self._holds(key, "halt")

    def _holds(self, key: Key, kind: FaultKind) -> bool:
        return self._faults.holds(f"bybit.instrument.{key[0]}.{key[1]}", kind) is not None

    def shown(self, category: str, row: dict[str, str], now_ms: int) -> dict[str, str]:
        """A ticker row with the best prices of a crossed book, or zeros for an empty one (sim rule)."""
        key = (category, row["symbol"])
        if "bid1Price" not in row:
            return row
        if self._holds(key, "crossed_book"):
            bids, asks = self.published(key, 1, now_ms)
            (bid, bid_size), (ask, ask_size) = bids[0], asks[0]
            best = {"bid1Price": bid, "bid1Size": bid_size, "ask1Price": ask, "ask1Size": ask_size}
            return row | {name: f"{value:f}" for name, value in best.items()}
        if self._holds(key, "empty_book"):
            return row | dict.fromkeys(("bid1Price", "bid1Size", "ask1Price", "ask1Size"), "0")
        return row

    def touch(self, key: Key) -> None:
        self._version[key] = self.version(key) + 1

    def rest(self, account: Account, order: Order) -> None:
        key = (order.category, order.symbol)
        self._resting.setdefault(key, {})[order.order_id] = Resting(account, order)
        self.touch(key)

    def remove(self, order: Order) -> None:
        key = (order.category, order.symbol)
        resting = self._resting.get(key, {})
        if resting.pop(order.order_id, None) is None:
            return
        self.touch(key)
        if not resting:
            del self._resting[key]

    def symbols_with_resting(self) -> list[Key]:
        return list(self._resting)

    def resting(self, key: Key) -> list[Resting]:
        """Best price first, then first come first served; buys and sells together."""
        held = self._resting.get(key, {}).values()
        return sorted(held, key=lambda r: (-r.order.sign * r.order.bound, r.order.priority))

    def take(self, key: Key, side: str, price: Decimal, qty: Decimal, now_ms: int) -> None:
        """``side`` is the taker's."""
        taken = self._taken.setdefault(key, {})
        before, _ = taken.get((side, price), (ZERO, 0))
        taken[side, price] = (before + qty, now_ms + REFILL_MS)

    def market_levels(self, key: Key, side: str, depth: int, now_ms: int) -> Iterator[Level]:
        """The market's own levels a taker of ``side`` meets, best first; nobody's while a fault holds."""
        if any(self._holds(key, kind) for kind in ("halt", "empty_book", "crossed_book")):
            return
        taken = self._current(key, now_ms)
        book = self._market.book(*key, depth + len(taken), now_ms)
        left = (
            (price, qty - taken.get((side, price), (ZERO, 0))[0])
            for price, qty in (book.asks if side == "Buy" else book.bids)
        )
        yield from islice((level for level in left if level[1] > 0), depth)

    def offers(self, key: Key, side: str, bound: Decimal, now_ms: int) -> Iterator[Offer]:
        """All that a taker of ``side`` may trade with up to ``bound``, best first, market before users."""
        direction = 1 if side == "Buy" else -1
        offers = [
            Offer(price, qty, None) for price, qty in self.market_levels(key, side, MATCH_DEPTH, now_ms)
        ]
        others = [r for r in self.resting(key) if r.order.side != side]
        if others:
            offers += [Offer(r.order.bound, r.order.leaves, r) for r in others]
            offers.sort(key=lambda o: direction * o.price)
        for offer in offers:
            if direction * offer.price > direction * bound:
                return
            yield offer

    def best(self, key: Key, side: str, now_ms: int) -> Decimal | None:
        """The best price a taker of ``side`` meets, ``None`` when nobody is there."""
        levels = self._side(key, side, 1, now_ms)
        return levels[0][0] if levels else None

    def published(self, key: Key, depth: int, now_ms: int) -> tuple[list[Level], list[Level]]:
        """Bids and asks as everybody sees them."""
        if self._holds(key, "crossed_book"):
            book = self._market.book(*key, depth, now_ms)
            return list(book.asks)[::-1], list(book.bids)[::-1]
        if self._holds(key, "halt") and not self._holds(key, "empty_book"):
            book = self._market.book(*key, depth, now_ms)
            return list(book.bids), list(book.asks)
        return self._side(key, "Sell", depth, now_ms), self._side(key, "Buy", depth, now_ms)

    def _side(self, key: Key, taker_side: str, depth: int, now_ms: int) -> list[Level]:
        levels = list(self.market_levels(key, taker_side, depth, now_ms))
        if key not in self._resting:
            return levels
        total: dict[Decimal, Decimal] = dict(levels)
        for held in self._resting[key].values():
            if held.order.side != taker_side:
                total[held.order.bound] = total.get(held.order.bound, ZERO) + held.order.leaves
        return sorted(total.items(), reverse=taker_side == "Sell")[:depth]

    def _current(self, key: Key, now_ms: int) -> dict[tuple[str, Decimal], tuple[Decimal, int]]:
        taken = self._taken.get(key)
        if not taken:
            return {}
        for stale in [place for place, (_, until) in taken.items() if until <= now_ms]:
            del taken[stale]
        return taken
