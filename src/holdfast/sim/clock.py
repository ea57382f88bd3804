"""The simulated outside world's own time: real by default, and driven by the control door when asked."""

import time
from collections.abc import Callable

MS_PER_NS = 1_000_000


class SimClock:
    """Milliseconds since the epoch: ``origin + elapsed real time × speed``.

    ``start_ms`` puts the clock elsewhere than the present; ``source_ns`` replaces the machine's clock.
    """

    def __init__(
        self,
        start_ms: int | None = None,
        *,
        speed: float = 1.0,
        source_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._source_ns = source_ns
        self._anchor_ns = source_ns()
        self._origin_ms = self._anchor_ns // MS_PER_NS if start_ms is None else start_ms
        self._speed = speed
        self._frozen = False

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def frozen(self) -> bool:
        return self._frozen

    def now_ms(self) -> int:
        """The present moment of the simulated world."""
        if self._frozen:
            return self._origin_ms
        elapsed_ns = self._source_ns() - self._anchor_ns
        return self._origin_ms + int(elapsed_ns * self._speed) // MS_PER_NS

    def advance(self, ms: int) -> None:
        """Jump forward.

        Raises:
            ValueError: ``ms`` is negative; the simulated world has no way back.
        """
        if ms < 0:
            raise ValueError("The clock moves forward only; give a number of milliseconds of 0 or more.")
        self._origin_ms += ms

    def set_speed(self, speed: float) -> None:
        """How many simulated seconds pass in one real second.

        Raises:
            ValueError: ``speed`` is not above zero (``freeze`` stops the clock).
        """
        if not 0 < speed < float("inf"):
            raise ValueError("The clock's speed must be above zero; freeze it to stop it.")
        self._reanchor()
        self._speed = speed

    def freeze(self) -> None:
        self._reanchor()
        self._frozen = True

    def resume(self) -> None:
        self._reanchor()
        self._frozen = False

    def _reanchor(self) -> None:
        self._origin_ms = self.now_ms()
        self._anchor_ns = self._source_ns()
