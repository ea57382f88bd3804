"""How many may leave within a rolling window: an exact log of when the last ones did."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class SlidingLog:
    """The last send times of one bucket, in milliseconds."""

    times: deque[int] = field(default_factory=deque)

    def earliest(self, now: int, units: int, limit: int, window: int) -> int:
        """When ``units`` more may be sent so that no window holds more than ``limit``."""
        moment = max(now, self.times[-1] if self.times else 0)
        crowding = limit - units + 1
        if len(self.times) >= crowding:
            moment = max(moment, self.times[-crowding] + window)
        return moment

    def take(self, moment: int, units: int, limit: int) -> None:
        self.times.extend([moment] * units)
        while len(self.times) > limit:
            self.times.popleft()
