"""Reading a file that somebody sent: tried some times, then given up in words."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from holdfast.platform.tasks import RetryAt, Work

log = structlog.get_logger(__name__)

MOST_ATTEMPTS: Final = 5
GIVEN_UP: Final = (
    f"This file could not be read in {MOST_ATTEMPTS} attempts, and the reason is not known. "
    "Send it again; if that fails too, tell whoever runs Holdfast."
)


async def persevere(
    work: Work, read: Callable[[], Awaitable[None]], give_up: Callable[[], Awaitable[None]]
) -> None:
    """``read``, unless that has ended in accidents, or with the worker, ``MOST_ATTEMPTS`` times already: then
    ``give_up``. So no file is read for ever."""
    if work.lease.attempts > MOST_ATTEMPTS:
        log.error("a file was given up: workers died over it", subject=work.lease.subject)
        return await give_up()
    try:
        await read()
    except RetryAt:
        raise
    except Exception:
        if work.lease.attempts < MOST_ATTEMPTS:
            raise
        log.exception("a file was given up", subject=work.lease.subject)
        await give_up()
