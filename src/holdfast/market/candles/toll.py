"""What reading bars costs others, told to whoever answers for the request that caused it.

A request that is made once for many who ask is told of by the one who asked first, so nothing here refuses:
whoever spent too much is refused at the next request.
"""

from contextvars import ContextVar
from typing import Final, Protocol


class Toll(Protocol):
    async def page(self) -> None:
        """A venue is about to be asked for one page of bars."""
        ...

    async def may_fill(self) -> bool:
        """Whether this request may have one more history filled in the background."""
        ...


collected: Final[ContextVar[Toll | None]] = ContextVar("toll", default=None)
"""Of the request that is being answered; ``None`` where nobody counts, as in workers."""


async def page() -> None:
    if (toll := collected.get()) is not None:
        await toll.page()


async def may_fill() -> bool:
    toll = collected.get()
    return toll is None or await toll.may_fill()
