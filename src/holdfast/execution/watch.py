"""Listens to the account streams of all connections, so that the books hear at once of what happened.

The stream is a hint, never the truth: whatever it says leads to a reconciliation, which reads over REST. A
stream that was away leads to one as well.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from holdfast.accounts.models import Connection
from holdfast.core.time import Clock
from holdfast.execution.ids import is_ours
from holdfast.execution.tasks import WATCHED
from holdfast.platform.database import Database
from holdfast.platform.jobs import enqueue
from holdfast.venues.protocol import AccountEvent, FillReport, StreamConnected, StreamGap

log = structlog.get_logger(__name__)

LOOK_AGAIN = 5.0
"""Seconds between two looks at which connections exist."""
AFTER_FAILURE = 30.0
"""Seconds before a stream that could not be opened is tried again."""

OpenStream = Callable[[UUID], Awaitable[AsyncIterator[AccountEvent]]]


class Watcher:
    """One stream per connection, for as long as the connection exists."""

    def __init__(self, database: Database, clock: Clock, open_stream: OpenStream) -> None:
        self._database = database
        self._clock = clock
        self._open_stream = open_stream
        self._streams: dict[tuple[UUID, bytes], asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                try:
                    await self._follow_connections()
                except (SQLAlchemyError, OSError) as error:  # the streams go on without PostgreSQL
                    log.warning("connections could not be read", error=type(error).__name__)
                await asyncio.sleep(LOOK_AGAIN)
        finally:
            for task in self._streams.values():
                task.cancel()
            await asyncio.gather(*self._streams.values(), return_exceptions=True)

    async def _follow_connections(self) -> None:
        async with self._database.sessions() as session:
            rows = await session.execute(
                select(Connection.id, Connection.sealed).where(
                    Connection.deleted_at.is_(None),
                    Connection.state.in_(WATCHED),
                    Connection.sealed.is_not(None),
                )
            )
            wanted = {(connection_id, sealed) for connection_id, sealed in rows if sealed}
        for gone in self._streams.keys() - wanted:
            self._streams.pop(gone).cancel()
        for key in wanted:
            if key not in self._streams or self._streams[key].done():
                self._streams[key] = asyncio.create_task(self._watch(key[0]))

    async def _watch(self, connection_id: UUID) -> None:
        try:
            async for event in await self._open_stream(connection_id):
                if worth_a_look(event):
                    await self._ask_for_reconciliation(connection_id)
        except Exception as error:  # one account's trouble is nobody else's; the next look starts it again
            log.warning("account stream ended", connection=str(connection_id), error=repr(error))
            with suppress(Exception):
                await self._ask_for_reconciliation(connection_id)
            await asyncio.sleep(AFTER_FAILURE)

    async def _ask_for_reconciliation(self, connection_id: UUID) -> None:
        async with self._database.transaction() as session:
            await enqueue(session, "execution.reconcile", str(connection_id), now=self._clock.now())


def worth_a_look(event: AccountEvent) -> bool:
    """Trades that are not ours, and anything that may have been missed. Our own orders have an executor."""
    match event:
        case StreamConnected() | StreamGap():
            return True
        case FillReport():
            return not is_ours(event.client_id)
        case _:
            return False
