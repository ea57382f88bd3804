"""One worker at a time may act on a venue connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import text

from holdfast.platform.database import Database

_TAKE = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_RELEASE = text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")


@asynccontextmanager
async def connection_lock(database: Database, connection_id: UUID) -> AsyncIterator[bool]:
    """Yields whether the lock was had. A killed process loses it with its database session, so nobody
    waits for a dead holder; a holder cut off from PostgreSQL is stopped by the fencing number instead."""
    name = {"name": f"connection:{connection_id}"}
    async with database.engine.connect() as raw:
        held = await raw.execution_options(isolation_level="AUTOCOMMIT")
        taken = bool(await held.scalar(_TAKE, name))
        try:
            yield taken
        finally:
            if taken:
                await held.execute(_RELEASE, name)
