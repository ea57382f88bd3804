"""One account of the simulated venue: key, balances, settings and everything that happened on it."""

import random
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from holdfast.sim.bybit.past import Past
from holdfast.sim.bybit.records import ZERO, ClosedPnl, Execution, LogEntry, Order, Position
from holdfast.sim.bybit.spec import AccountSpec

RECENT_ORDERS: Final = 500
KEY_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

Listener = Callable[[str, str, list[dict[str, Any]]], None]
"""Called with topic, category and rows."""


@dataclass(slots=True)
class ApiKey:
    """One key. ``ips`` empty means bound to no address; ``expires_ms`` ``None`` means it never expires."""

    id: str
    key: str
    secret: str
    read_only: bool
    permissions: dict[str, list[str]]
    ips: list[str]
    expires_ms: int | None
    created_ms: int
    revoked: bool = False


@dataclass(slots=True, eq=False)
class Account:
    """One unified account. Every amount is a Decimal; ``balances`` are wallet balances by coin."""

    uid: str
    key: ApiKey
    spec: AccountSpec
    created_ms: int
    balances: dict[str, Decimal]
    leverage: dict[str, Decimal] = field(default_factory=dict)
    hedge: set[str] = field(default_factory=set)
    orders: dict[str, Order] = field(default_factory=dict)
    open_orders: dict[str, Order] = field(default_factory=dict)
    recent: dict[str, deque[Order]] = field(default_factory=dict)
    order_by_link: dict[tuple[str, str], Order] = field(default_factory=dict)
    positions: dict[tuple[str, int], Position] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    log: list[LogEntry] = field(default_factory=list)
    closed: list[ClosedPnl] = field(default_factory=list)
    realised: dict[str, Decimal] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)
    reject_beyond_band: bool = False
    past: Past = field(default_factory=Past)

    def leverage_of(self, symbol: str) -> Decimal:
        return self.leverage.get(symbol, self.spec.default_leverage)

    def taker_rate(self, category: str, symbol: str) -> Decimal:
        return self.spec.fee_rate(category, symbol).taker

    def balance(self, coin: str) -> Decimal:
        return self.balances.get(coin, ZERO)

    def position(self, symbol: str, idx: int = 0) -> Position | None:
        return self.positions.get((symbol, idx))

    def signed_size(self, symbol: str, idx: int = 0) -> Decimal:
        position = self.positions.get((symbol, idx))
        return position.quantity if position else ZERO

    def locked(self, coin: str) -> Decimal:
        """What open spot orders have promised of ``coin``."""
        return sum((o.locked for o in self.open_orders.values() if o.locked and o.locked_coin == coin), ZERO)

    def book(self, entry: LogEntry) -> None:
        """Write a line of the transaction log and move the wallet by exactly its change."""
        self.balances[entry.coin] = self.balance(entry.coin) + entry.change
        entry.cash_balance = self.balances[entry.coin]
        self.log.append(entry)

    def tell(self, topic: str, category: str, rows: list[dict[str, Any]]) -> None:
        for listener in tuple(self.listeners):
            listener(topic, category, rows)


class Ids:
    """Identifiers and sequence numbers of a venue; two runs of one seed share none when ``start`` differs."""

    def __init__(self, seed: int, start: int) -> None:
        self._random = random.Random(f"{seed}:{start}")  # noqa: S311  not a secret: the venue is simulated
        self._next = start

    def sequence(self) -> int:
        self._next += 1
        return self._next

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def uid(self) -> str:
        return str(self._random.randrange(10**8, 10**9))

    def text(self, length: int) -> str:
        return "".join(self._random.choices(KEY_ALPHABET, k=length))
