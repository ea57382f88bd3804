"""The venue's rate limits in a run: how narrow they are, and which refusals nobody could have foreseen."""

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final
from unittest.mock import patch

from holdfast.sim.bybit import limits
from holdfast.venues.bybit import budget

KEY_PART: Final = 3
ADDRESS_PART: Final = 15
"""What narrow limits are divided by: 10 requests a second become 3, and 600 of an address in 5 seconds 40."""
LEARNING: Final = 10.0
"""Seconds after the first answer under another limit in which what was reserved before may still leave."""


@contextmanager
def narrowed() -> Iterator[None]:
    """The venue allows little, and the code knows it: so small baskets reach the limits, too."""
    theirs = {name: (_part(linear), _part(spot)) for name, (linear, spot) in limits.LIMITS.items()}
    ours = {bucket: _part(limit) for bucket, limit in budget.PER_SECOND.items()}
    with ExitStack() as changes:
        changes.enter_context(patch.object(limits, "LIMITS", theirs))
        changes.enter_context(patch.object(budget, "PER_SECOND", ours))
        for name in ("ADDRESS_LIMIT", "ALONE_LIMIT"):
            changes.enter_context(patch.object(budget, name, getattr(budget, name) // ADDRESS_PART))
        yield


def lowered(part: int) -> dict[str, int]:
    """Every limit of an account after the venue has divided it by ``part``."""
    return {name: max(linear // part, 1) for name, (linear, _) in limits.LIMITS.items()}


def _part(limit: int) -> int:
    return max(limit // KEY_PART, 1)


class Lessons:
    """Which limit each key has met at each endpoint, and since when: Holdfast begins with the usual one and
    learns another from the first answer that tells it, not before."""

    def __init__(self) -> None:
        self._met: dict[tuple[str, str], tuple[int, float]] = {}

    def is_known(self, uid: str, endpoint: str, category: str, limit: int, now: float) -> bool:
        """Whether whoever sends this request may be expected to know its limit."""
        usual = limits.default_limit(endpoint, category)
        known, since = self._met.get((uid, endpoint), (usual, -math.inf))
        if known != limit:
            since = now
        self._met[uid, endpoint] = limit, since
        return now - since >= LEARNING
