"""Who asks for the states of topics: one asker for each kind, so that no kind waits for another."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from holdfast.app.clients import Channel
from holdfast.core.errors import HoldfastError
from holdfast.platform.background import together

log = structlog.get_logger(__name__)

REST_SECONDS: Final = 1.0
"""What could not be asked for is left alone for so long."""
OUTAGES: Final = (SQLAlchemyError, OSError, TimeoutError)

Make = Callable[[Sequence[Channel]], Awaitable[None]]
"""Ask for the states of these topics, and tell those that are new."""


class Asker:
    """Of one kind of topic. What is asked for twice before it is its turn is asked for once.

    Args:
        make: Asks for them.
        at_once: So many topics are one question.
        side_by_side: So many questions are under way, so that a slow answer delays its own topics only.
        apart: So many seconds after everybody was answered the next is asked, so that what is asked for in
            quick succession is one question, too.
    """

    def __init__(self, make: Make, *, at_once: int, side_by_side: int, apart: float = 0.0) -> None:
        self._make = make
        self._at_once = at_once
        self._side_by_side = side_by_side
        self._apart = apart
        self._due: dict[Channel, float] = {}
        self._resting: set[Channel] = set()
        self._wake = asyncio.Event()
        self._is_failing = False

    @property
    def oldest(self) -> float | None:
        """Since when the topic that waits longest has waited, by the loop's clock."""
        return next(iter(self._due.values()), None)

    def ask(self, channels: Iterable[Channel]) -> None:
        """Have the states of these topics asked for, in this order. One that rests is asked for afterwards
        anyway."""
        now = asyncio.get_running_loop().time()
        for channel in channels:
            if channel not in self._resting:
                self._due.setdefault(channel, now)
        if self._due:
            self._wake.set()

    async def run(self) -> None:
        """Ask, until cancelled."""
        await together(*(self._ask_forever() for _ in range(self._side_by_side)))

    async def _ask_forever(self) -> None:
        while True:
            await self._wake.wait()
            some = list(islice(self._due, self._at_once))
            for channel in some:
                del self._due[channel]
            if not self._due:
                self._wake.clear()
            if some:
                await self._ask(some)
            if not self._due:
                await asyncio.sleep(self._apart)

    async def _ask(self, some: Sequence[Channel]) -> None:
        """Where one of many is at fault, the others are asked for alone."""
        try:
            await self._make(some)
            self._is_failing = False
        except Exception as error:
            if len(some) > 1 and not isinstance(error, OUTAGES):
                for channel in some:
                    await self._ask([channel])
            else:
                self._rest(some, error)

    def _rest(self, some: Sequence[Channel], error: Exception) -> None:
        if not self._is_failing:
            known = isinstance(error, (HoldfastError, *OUTAGES))
            log.warning(
                "a topic could not be asked for",
                topic=some[0].topic,
                error=str(error)[:200],
                exc_info=None if known else error,
            )
        self._is_failing = True
        self._resting.update(some)
        asyncio.get_running_loop().call_later(REST_SECONDS, self._wake_up, some)

    def _wake_up(self, some: Sequence[Channel]) -> None:
        self._resting.difference_update(some)
        self.ask(some)
