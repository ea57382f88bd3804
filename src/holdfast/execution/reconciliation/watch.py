"""Listens to the account streams of all connections, so that executions and books hear at once of what
happened.

What the stream says of our own orders goes into their rows at once; everything else leads to a
reconciliation, which reads over REST and stays the truth. A stream that was away leads to one as well, and a
stream that keeps silent about what the books know from elsewhere is torn down and opened anew.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.time import Clock
from holdfast.execution import intake, repository
from holdfast.execution.ids import is_ours
from holdfast.execution.incidents import incidents, words
from holdfast.execution.incidents.account import Present
from holdfast.execution.incidents.trades import take_own_fill
from holdfast.execution.reconciliation.silence import Told, untold
from holdfast.execution.tasks import WATCHED
from holdfast.platform.database import Database
from holdfast.platform.jobs import enqueue, hasten
from holdfast.venues.protocol import (
    AccountEvent,
    FillReport,
    OrderReport,
    StreamConnected,
    StreamGap,
    StreamLost,
)

log = structlog.get_logger(__name__)

OpenStream = Callable[[UUID], Awaitable[AsyncIterator[AccountEvent]]]
DatabaseAway = (SQLAlchemyError, OSError)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. ``look_again``: between two looks at which connections exist and whether their streams tell
    everything. ``after_failure``: before a stream that could not be opened is tried again. ``untold``: how
    long a stream may keep silent about what the books know. ``clocks``: by how much the venue's clock and
    ours may differ. ``lost``: how long a stream may be away before the user is told."""

    look_again: float = 5.0
    after_failure: float = 30.0
    untold: float = 10.0
    clocks: float = 5.0
    lost: float = 60.0


@dataclass(slots=True)
class _Listening:
    """One stream. ``since``: live from then on; ``lost_at``: away since then. ``owes``: a reconciliation that
    could not be asked for yet; ``shown``: the user was told that it is away."""

    connection_id: UUID
    task: asyncio.Task[None] | None = None
    since: datetime | None = None
    lost_at: datetime | None = None
    reason: str = ""
    owes: bool = False
    shown: bool = False
    told: Told = field(default_factory=Told)


class Watcher:
    """One stream per connection, for as long as the connection exists."""

    def __init__(
        self, database: Database, clock: Clock, open_stream: OpenStream, *, patience: Patience | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._open_stream = open_stream
        self._patience = patience or Patience()
        self._streams: dict[tuple[UUID, bytes], _Listening] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                try:
                    await self._follow_connections()
                    await self._judge_silence()
                    await self._tell_of_losses()
                except DatabaseAway as error:  # the streams go on without PostgreSQL
                    log.warning("connections could not be read", error=type(error).__name__)
                await asyncio.sleep(self._patience.look_again)
        finally:
            tasks = [listening.task for listening in self._streams.values() if listening.task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

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
            self._stop(self._streams.pop(gone))
        for key in wanted:
            listening = self._streams.setdefault(key, _Listening(key[0]))
            if listening.task is None or listening.task.done():
                listening.task = asyncio.create_task(self._watch(listening))
            if listening.owes:
                await self._ask_for_reconciliation(listening)

    async def _watch(self, listening: _Listening) -> None:
        try:
            events = await self._open_stream(listening.connection_id)
            try:
                async for event in events:
                    await self._hear(listening, event)
            finally:
                with suppress(AttributeError):
                    await events.aclose()  # type: ignore[attr-defined]
        except Exception as error:  # one account's trouble is nobody else's; the next look starts it again
            log.warning("account stream ended", connection=str(listening.connection_id), error=repr(error))
            self._lose(listening, type(error).__name__)
            await self._doubt(listening)
            await asyncio.sleep(self._patience.after_failure)

    async def _hear(self, listening: _Listening, event: AccountEvent) -> None:
        """Take in one event. Without PostgreSQL it is owed: the reconciliation will read it again."""
        try:
            match event:
                case StreamConnected():
                    await self._connected(listening)
                case StreamLost(reason):
                    self._lose(listening, reason)
                    await self._doubt(listening)
                case StreamGap():
                    await self._doubt(listening)
                case FillReport():
                    listening.told.fills[event.exec_id] = self._clock.now()
                    await self._take_fill(listening, event)
                case OrderReport() if is_ours(event.client_id):
                    listening.told.orders[event.client_id] = self._clock.now()
                    await self._take_order(listening, event)
                case _:
                    return
        except DatabaseAway as error:
            listening.owes = True
            log.warning("an event could not be written down yet", error=type(error).__name__)

    async def _connected(self, listening: _Listening) -> None:
        listening.since, listening.lost_at = self._clock.now(), None
        listening.told = Told()
        await self._doubt(listening)
        async with self._database.transaction() as session:
            await self._show(session, listening, present=False)

    def _lose(self, listening: _Listening, reason: str) -> None:
        listening.since = None
        listening.lost_at = listening.lost_at or self._clock.now()
        listening.reason = reason

    async def _take_fill(self, listening: _Listening, fill: FillReport) -> None:
        """Ours goes to its order. Anybody else's is judged by who held what, from the whole history."""
        async with self._database.transaction() as session:
            order = await intake.own_order(session, listening.connection_id, fill.client_id)
            if order:
                connection = await session.get_one(Connection, listening.connection_id)
                now = self._clock.now()
                await take_own_fill(session, connection, order, fill, now=now, source="account stream")
                await hasten(session, "execution.run", str(order.execution_id), now=now)
        if order is None:
            await self._ask_for_reconciliation(listening)

    async def _take_order(self, listening: _Listening, report: OrderReport) -> None:
        async with self._database.transaction() as session:
            order = await intake.own_order(session, listening.connection_id, report.client_id)
            if order:
                now = self._clock.now()
                await intake.take_report(session, order, report, now=now, source="account stream")
                await hasten(session, "execution.run", str(order.execution_id), now=now)

    async def _doubt(self, listening: _Listening) -> None:
        """Something may have happened that nobody told us."""
        listening.owes = True
        with suppress(*DatabaseAway):
            await self._ask_for_reconciliation(listening, unsure=True)

    async def _ask_for_reconciliation(self, listening: _Listening, *, unsure: bool = False) -> None:
        now, connection_id = self._clock.now(), listening.connection_id
        async with self._database.transaction() as session:
            if unsure or listening.owes:
                await repository.doubt_books(session, connection_id, now=now)
            await enqueue(session, "execution.reconcile", str(connection_id), now=now)
        listening.owes = False

    async def _judge_silence(self) -> None:
        """Open anew what kept silent about something the books know."""
        live = {
            listening.connection_id: (listening.since, listening.told)
            for listening in self._streams.values()
            if listening.since is not None
        }
        if not live:
            return
        now, grace = self._clock.now(), timedelta(seconds=self._patience.untold)
        clocks = timedelta(seconds=self._patience.clocks)
        async with self._database.sessions() as session:
            silent = await untold(session, live, now=now, grace=grace, clocks=clocks)
        for listening in self._streams.values():
            what = silent.get(listening.connection_id)
            if what:
                log.warning("a silent account stream is opened anew", connection=str(listening.connection_id))
                self._lose(listening, f"it kept silent about {what}")
                self._stop(listening)
                await self._doubt(listening)
                listening.task = asyncio.create_task(self._watch(listening))

    async def _tell_of_losses(self) -> None:
        patience = timedelta(seconds=self._patience.lost)
        for listening in self._streams.values():
            away = listening.lost_at is not None and self._clock.now() - listening.lost_at >= patience
            if away and not listening.shown:
                async with self._database.transaction() as session:
                    await self._show(session, listening, present=True)

    async def _show(self, session: AsyncSession, listening: _Listening, *, present: bool) -> None:
        connection = await session.get(
            Connection, listening.connection_id, with_for_update={"key_share": True}
        )
        if connection is None:
            return
        held: Present = {}
        if present and listening.lost_at:
            held["stream_lost", ""] = words.stream_lost(listening.lost_at, listening.reason)
        await incidents.hold(session, connection, ["stream_lost"], held, now=self._clock.now())
        listening.shown = present

    def _stop(self, listening: _Listening) -> None:
        if listening.task:
            listening.task.cancel()
