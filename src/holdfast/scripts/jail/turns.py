"""Who runs next: nobody has more than his share while others wait. Knows one event loop, no clock."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

PER_OWNER: Final = 2
MOST_WAITING: Final = 64


class TooManyWaiting(Exception):
    """One owner has asked for more than is kept waiting for him."""


class Turns:
    """At most ``places`` runs at once, of one owner at most two, of one kind named in ``fewer`` at most that
    many. Whoever waits is served in rotation, one owner's kinds of run beside each other."""

    def __init__(self, places: int, fewer: dict[str, int] | None = None) -> None:
        self._places = places
        self._fewer = fewer or {}
        self._lanes: dict[tuple[str, str], deque[asyncio.Future[None]]] = {}
        self._owners: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()

    @property
    def running(self) -> int:
        return self._owners.total()

    @property
    def waiting(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    @asynccontextmanager
    async def turn(self, owner: str, kind: str) -> AsyncIterator[None]:
        """Hold a place, which may take a while to get.

        Raises:
            TooManyWaiting: too many of this owner's wait already.
        """
        await self._get(owner, kind)
        try:
            yield
        finally:
            self._leave(owner, kind)

    async def _get(self, owner: str, kind: str) -> None:
        if sum(len(lane) for (whose, _), lane in self._lanes.items() if whose == owner) >= MOST_WAITING:
            raise TooManyWaiting(f"{MOST_WAITING} runs of one user are waiting already")
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lanes.setdefault((owner, kind), deque()).append(place)
        self._serve()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave(owner, kind)
            else:
                self._forget((owner, kind), place)
            raise

    def _forget(self, lane: tuple[str, str], place: asyncio.Future[None]) -> None:
        waiting = self._lanes.get(lane, deque())
        with suppress(ValueError):
            waiting.remove(place)
        if not waiting:
            self._lanes.pop(lane, None)

    def _leave(self, owner: str, kind: str) -> None:
        for counter, key in ((self._owners, owner), (self._kinds, kind)):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]
        self._serve()

    def _serve(self) -> None:
        """Give free places away. A lane that was served goes to the end of the row."""
        for lane in list(self._lanes):
            if self.running >= self._places:
                return
            owner, kind = lane
            waiting = self._lanes[lane]
            while waiting and waiting[0].done():
                waiting.popleft()
            if waiting and self._may(owner, kind):
                self._owners[owner] += 1
                self._kinds[kind] += 1
                waiting.popleft().set_result(None)
                self._lanes[lane] = self._lanes.pop(lane)
            if not waiting:
                del self._lanes[lane]

    def _may(self, owner: str, kind: str) -> bool:
        return self._owners[owner] < PER_OWNER and self._kinds[kind] < self._fewer.get(kind, self._places)
