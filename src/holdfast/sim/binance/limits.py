"""Request weight per address and minute: 429 with Retry-After beyond it, a ban (418) for who asks on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WEIGHT_A_MINUTE: Final = 6000
DEAF_REQUESTS: Final = 10
"""So many requests after a 429, without waiting, make it a 418."""
BAN_MS: Final = 120_000
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """``status`` 200, 429 or 418; ``used`` weight in the running minute; ``retry_after_s`` for a refusal."""

    status: int
    used: int
    retry_after_s: int = 0


@dataclass(slots=True)
class _Address:
    minute: int = 0
    used: int = 0
    deaf: int = 0
    banned_until_ms: int = 0


class Weights:
    """``now_ms`` is the real clock: clients know nothing of the simulated one."""

    def __init__(self, now_ms: Callable[[], int], limit: int = WEIGHT_A_MINUTE) -> None:
        self.limit = limit
        self._now_ms = now_ms
        self._addresses: dict[str, _Address] = {}

    def take(self, address: str, weight: int) -> Verdict:
        now_ms, one = self._now_ms(), self._addresses.setdefault(address, _Address())
        if now_ms < one.banned_until_ms:
            return Verdict(418, one.used, -(-(one.banned_until_ms - now_ms) // 1000))
        if now_ms // _MINUTE_MS != one.minute:
            one.minute, one.used, one.deaf = now_ms // _MINUTE_MS, 0, 0
        one.used += weight
        if one.used <= self.limit:
            return Verdict(200, one.used)
        one.deaf += 1
        if one.deaf > DEAF_REQUESTS:
            one.banned_until_ms = now_ms + BAN_MS
            return Verdict(418, one.used, BAN_MS // 1000)
        return Verdict(429, one.used, _MINUTE_MS // 1000 - now_ms % _MINUTE_MS // 1000)
