"""What orders looked like a while ago, for reads that lag behind."""

from collections import deque
from dataclasses import replace
from typing import Final

from holdfast.sim.bybit.records import Order

KEPT_MS: Final = 600_000


class Past:
    """The states of the orders of one account over the last ten minutes."""

    def __init__(self) -> None:
        self._states: dict[str, list[tuple[int, Order]]] = {}
        self._noted: deque[tuple[int, str]] = deque()

    def note(self, order: Order, now_ms: int) -> None:
        """Keep the order as it is now."""
        self._states.setdefault(order.order_id, []).append((now_ms, replace(order, fees=dict(order.fees))))
        self._noted.append((now_ms, order.order_id))
        while self._noted[0][0] < now_ms - KEPT_MS:
            self._forget(self._noted.popleft()[1])

    def at(self, order: Order, moment_ms: int) -> Order | None:
        """The order as it was; ``None`` before there was any. What is older than we remember is as it is."""
        states = self._states.get(order.order_id, [])
        if not states:
            return order
        found = None
        for noted_ms, state in states:
            if noted_ms > moment_ms:
                break
            found = state
        return found

    def _forget(self, order_id: str) -> None:
        """Drop the oldest state, which a younger one has replaced for as long as we look back."""
        states = self._states[order_id]
        states.pop(0)
        if not states:
            del self._states[order_id]
