"""Reading a file that somebody sent: tried some times, then given up in words. Outages are waited for."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from holdfast.platform.tasks import RetryAt, Work

log = structlog.get_logger(__name__)

MOST_ATTEMPTS: Final = 5
GIVEN_UP: Final = (
    f"This file could not be read in {MOST_ATTEMPTS} attempts, and the reason is not known. "
    "Send it again; if that fails too, tell whoever runs Holdfast."
)
_OUTAGE_SECONDS: Final = 15.0
_OUTAGES: Final = (OSError, RedisError, NoConnectionFree)
_OUTAGE_STATES: Final = ("08", "25006", "40", "53", "55", "57", "58")
"""How PostgreSQL's codes begin for what it cannot do now: no connection, only reading, a deadlock, nothing
left, locked, cancelled, its own disk."""


async def persevere(
    work: Work, read: Callable[[], Awaitable[None]], give_up: Callable[[], Awaitable[None]]
) -> None:
    """``read``, unless that has ended in accidents, or with the worker, ``MOST_ATTEMPTS`` times already: then
    ``give_up``. So no file is read for ever. An outage of ours is no accident: it ends nothing.

    Raises:
        RetryAt: the database, the disk or the network fails.
    """
    if work.lease.attempts > MOST_ATTEMPTS:
        log.error("a file was given up: workers died over it", subject=work.lease.subject)
        return await give_up()
    try:
        await read()
    except RetryAt:
        raise
    except Exception as error:
        if _is_outage(error):
            log.warning("a file waits for the end of an outage", subject=work.lease.subject, exc_info=error)
            raise RetryAt(_OUTAGE_SECONDS, f"an outage: {type(error).__name__}: {error}") from error
        if work.lease.attempts < MOST_ATTEMPTS:
            raise
        log.exception("a file was given up", subject=work.lease.subject)
        await give_up()


def _is_outage(error: Exception) -> bool:
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or state.startswith(_OUTAGE_STATES)
    return isinstance(error, _OUTAGES)
