"""One worker at a time may act on a venue connection.

The locks of a transaction are taken in one order, so that no two wait for each other: the connection's row,
its ledger (``lock_ledger``), the rows of executions, the user's risk lock, the rows of positions. Most
transactions need only some of them; what is held already may be taken again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.platform.database import Database

log = structlog.get_logger(__name__)

LOOK_AGAIN = 0.02
_TAKE = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_COUNT = text("UPDATE connections SET fence = fence + 1 WHERE id = :id RETURNING fence")
_RELEASE = text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")


@asynccontextmanager
async def connection_lock(
    database: Database, connection_id: UUID, *, patience: float = 0.0
) -> AsyncIterator[int]:
    """Yields the holder's number, or 0 if the lock was not had within ``patience`` seconds.

    A killed process loses the lock with its database session, so nobody waits for a dead holder. A holder cut
    off from PostgreSQL may not know that it has lost it: the number, larger for every later holder and kept
    with the connection, is what it must compare in the transaction in which it writes."""
    name = {"name": f"connection:{connection_id}"}
    async with database.engine.connect() as raw:
        held = await raw.execution_options(isolation_level="AUTOCOMMIT")
        taken = await _taken(held, name, patience)
        try:
            yield await held.scalar(_COUNT, {"id": connection_id}) or 0 if taken else 0
        finally:
            if taken and not held.invalidated:
                await _release(held, name)


async def _release(held: AsyncConnection, name: dict[str, str]) -> None:
    """A session that cannot say that it releases the lock is ended, and the lock with it."""
    try:
        await held.execute(_RELEASE, name)
    except SQLAlchemyError as error:
        log.warning("a lock was released with its session", error=type(error).__name__)
        await held.invalidate()


async def _taken(held: AsyncConnection, name: dict[str, str], patience: float) -> bool:
    for _ in range(round(patience / LOOK_AGAIN)):
        if await held.scalar(_TAKE, name):
            return True
        await asyncio.sleep(LOOK_AGAIN)
    return bool(await held.scalar(_TAKE, name))
