"""Rate limits: a rolling second per account and endpoint, 5 s per address (bybit.md, section 7)."""

from collections import deque
from dataclasses import dataclass
from typing import Final

WINDOW_MS: Final = 1000
IP_WINDOW_MS: Final = 5000

LIMITS: Final[dict[str, tuple[int, int]]] = {
    "order.create": (10, 20),
    "order.amend": (10, 10),
    "order.cancel": (10, 20),
    "order.cancel-all": (10, 20),
    "order.create-batch": (10, 20),
    "order.amend-batch": (10, 20),
    "order.cancel-batch": (10, 20),
    "order.realtime": (50, 50),
    "order.history": (50, 50),
    "execution.list": (50, 50),
    "position.list": (50, 50),
    "position.symbol-info": (50, 50),
    "position.closed-pnl": (50, 50),
    "position.set-leverage": (10, 10),
    "position.switch-mode": (10, 10),
    "account.wallet-balance": (50, 50),
    "account.info": (50, 50),
    "account.fee-rate": (5, 5),
    "account.transaction-log": (25, 25),
    "account.user-setting-config": (50, 50),
    "account.set-limit-px-action": (10, 10),
    "user.query-api": (10, 10),
    "asset.coin-info": (5, 5),
}
"""Endpoint → (linear, spot) requests, or orders of a batch, per second."""


def default_limit(endpoint: str, category: str) -> int:
    linear, spot = LIMITS[endpoint]
    return spot if category == "spot" else linear


@dataclass(frozen=True, slots=True)
class Verdict:
    """``granted`` of the units asked for may pass; ``reset_ms`` is now while the limit is not exceeded."""

    granted: int
    limit: int
    remaining: int
    reset_ms: int

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-Bapi-Limit": str(self.limit),
            "X-Bapi-Limit-Status": str(self.remaining),
            "X-Bapi-Limit-Reset-Timestamp": str(self.reset_ms),
        }


class Buckets:
    """Rolling-second buckets, one per (account, endpoint, category)."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, str, str], deque[int]] = {}

    def take(
        self, uid: str, endpoint: str, category: str, limit: int, now_ms: int, units: int = 1
    ) -> Verdict:
        """Use up to ``units`` of the bucket; overflow falls on the tail, the head passes."""
        used = self._used.setdefault((uid, endpoint, category), deque())
        while used and used[0] <= now_ms - WINDOW_MS:
            used.popleft()
        granted = min(units, max(0, limit - len(used)))
        used.extend([now_ms] * granted)
        reset_ms = now_ms if granted == units or not used else used[0] + WINDOW_MS
        return Verdict(granted, limit, limit - len(used), reset_ms)


class AddressLimit:
    """Beyond ``limit`` requests in 5 s an address is shut out for ``ban_ms``."""

    def __init__(self, limit: int, ban_ms: int) -> None:
        self.limit = limit
        self.ban_ms = ban_ms
        self._used: dict[str, deque[int]] = {}
        self._banned_until: dict[str, int] = {}

    def allows(self, address: str, now_ms: int) -> bool:
        if now_ms < self._banned_until.get(address, 0):
            return False
        used = self._used.setdefault(address, deque())
        while used and used[0] <= now_ms - IP_WINDOW_MS:
            used.popleft()
        if len(used) >= self.limit:
            self._banned_until[address] = now_ms + self.ban_ms
            return False
        used.append(now_ms)
        return True
