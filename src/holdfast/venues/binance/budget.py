"""How much request weight may leave a minute, shared by every process through Redis.

Binance counts weight per address and minute, 6,000 of it (exchangeInfo), and tells what is used in a header
of every answer. Reservations and the way on without Redis (a quarter of the weight) are those of the other
venue's budget.
"""

from datetime import datetime
from typing import Final

from redis.asyncio import Redis

from holdfast.core.time import Clock
from holdfast.venues.bybit.budget import LocalBudget, RateBudget, Windows

WEIGHT_LIMIT: Final = 5_000
WEIGHT_WINDOW_MS: Final = 61_000
"""Binance's minute, and how far journeys differ."""
PREFIX: Final = "binance:budget"
_NAME: Final = "weight"


class WeightBudget:
    def __init__(self, windows: Windows) -> None:
        self._windows = windows

    async def reserve(self, weight: int, *, patience: float) -> float:
        """Seconds to wait until ``weight`` is ours.

        Raises:
            BudgetSpent: it would take longer than ``patience`` seconds.
        """
        return await self._windows.reserve_window(
            _NAME, weight, WEIGHT_LIMIT, WEIGHT_WINDOW_MS, patience=patience
        )

    async def silence(self, until: datetime) -> None:
        """Nobody asks before ``until``."""
        await self._windows.silence_window(_NAME, until)


def shared_budget(redis: Redis, clock: Clock) -> WeightBudget:
    """Counted by all processes together."""
    return WeightBudget(RateBudget(redis, clock, prefix=PREFIX))


def own_budget(clock: Clock) -> WeightBudget:
    """Counted by this process alone."""
    return WeightBudget(LocalBudget(clock))
