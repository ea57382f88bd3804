import pytest

from holdfast.sim.clock import SimClock
from holdfast.sim.coins import day_ms
from holdfast.sim.market import Market

NOON_MS = day_ms(2026, 11, 20) + 12 * 3_600_000 + 34 * 60_000 + 21_300


@pytest.fixture
def still() -> SimClock:
    """A clock that moves only when it is told to, at 12:34:21.3 on a Friday."""
    return SimClock(NOON_MS, source_ns=lambda: 0)


@pytest.fixture
def market(still: SimClock) -> Market:
    return Market(11, still)
