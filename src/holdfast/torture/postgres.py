"""A real PostgreSQL under virtual time: one statement at a time, each carried out between two instants.

Statements of different processes interleave as they would, and wait for each other's locks as they would: a
statement that PostgreSQL makes wait stays pending while virtual time goes on, and ends when the lock is free.
"""

import asyncio
import random
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson
from asyncpg.exceptions import ConnectionDoesNotExistError
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from holdfast.platform.database import Database
from holdfast.torture.loop import Process, current
from holdfast.torture.wire import Backend, Opener, Statement

BROKEN: Final = "connection was closed in the middle of operation"
PREPARED: Final = 1_000
"""Statements that SQLAlchemy keeps prepared on a connection: all of them."""
_LOCKS: Final = re.compile(r"pg_\w*advisory|\bFOR (NO KEY UPDATE|UPDATE|SHARE|KEY SHARE)\b")

Travel = Callable[[], tuple[float, float]]
"""How long the next way to the database and the one back take, in virtual seconds."""


class Server:
    """Real connections, driven from inside the virtual loop without letting its time pass."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opener = Opener()
        self._spare: list[Backend] = []
        self._waiting: list[_Waiting] = []
        self._monitor = self._opener.open(url)
        self.statements = 0
        self.on_notify: Callable[[], None] = lambda: None
        self.note: Callable[[str, str], None] = lambda _what, _detail: None

    def close(self) -> None:
        for backend in (*self._spare, self._monitor):
            backend.close()
        self._opener.close()

    def administer(self, statement: str) -> None:
        """Outside of any run."""
        self.statements = 0
        self._monitor.now(self._monitor.real.execute(statement))

    def backend(self) -> Backend:
        return self._spare.pop() if self._spare else self._opener.open(self._url)

    def give_back(self, backend: Backend) -> None:
        """Whatever its session held is undone, as when a client's connection breaks."""
        pending = next((one for one in self._waiting if one.backend is backend), None)
        if pending:
            self._waiting.remove(pending)
            self._abandon(pending)
            if not pending.answer.done():
                pending.answer.set_exception(ConnectionDoesNotExistError(BROKEN))
        if backend.is_closed():
            return
        backend.now(backend.real.execute("ROLLBACK; SELECT pg_advisory_unlock_all()"))
        self._spare.append(backend)
        self.locks_changed()

    async def carry_out(self, backend: Backend, make: Callable[[], Awaitable[Any]]) -> Any:
        """One statement's answer; virtual time passes only while it waits for somebody's lock."""
        self.statements += 1
        statement = backend.start(make())
        if statement.advance() or self._ends(backend, statement):
            return statement.result()
        waiting = _Waiting(backend, statement, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        try:
            return await waiting.answer
        except BaseException:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
                self._abandon(waiting)
            raise

    def locks_changed(self) -> None:
        """Somebody's transaction has ended: see who can go on."""
        for waiting in list(self._waiting):
            if waiting not in self._waiting or not self._ends(waiting.backend, waiting.statement):
                continue
            self._waiting.remove(waiting)
            if waiting.answer.done():
                continue
            error = waiting.statement.exception()
            if error:
                waiting.answer.set_exception(error)
            else:
                waiting.answer.set_result(waiting.statement.result())

    def _ends(self, backend: Backend, statement: Statement) -> bool:
        """Whether it comes to its end; otherwise PostgreSQL says that it waits for a lock."""
        while not statement.advance(patient=False):
            blocked = self._monitor.real.fetchval(_BLOCKED, backend.pid)
            if self._monitor.now(blocked):
                return False
            if statement.advance():
                return True
        return True

    def _abandon(self, waiting: "_Waiting") -> None:
        """Its client is gone: the statement is cancelled, as PostgreSQL does when a connection breaks."""
        self._monitor.now(
            self._monitor.real.fetchval("SELECT pg_terminate_backend($1, 5000)", waiting.backend.pid)
        )
        while not waiting.statement.advance():
            pass
        self.locks_changed()


_BLOCKED: Final = "SELECT cardinality(pg_blocking_pids($1))"


@dataclass(eq=False)
class _Waiting:
    backend: Backend
    statement: Statement
    answer: "asyncio.Future[Any]"


class Client:
    """A connection as the driver of SQLAlchemy knows it, in the hands of whichever process uses it."""

    def __init__(self, server: Server, travel: Travel) -> None:
        self._server = server
        self._travel = travel
        self._backend: Backend | None = server.backend()
        self._wanted = False
        """Whether SQLAlchemy believes to be in a transaction."""
        self._open = False
        """Whether PostgreSQL has begun one. After the end of one the next is open at once."""
        self._dirty = False
        """Whether the open one has done anything that a commit or a rollback would change."""
        self._notifies = False
        self.holder: Process | None = None

    def cut(self) -> None:
        """The connection breaks: PostgreSQL undoes what was not committed and frees what was locked."""
        backend, self._backend = self._backend, None
        if backend:
            self._server.give_back(backend)

    async def ask(self, what: str, make: Callable[[Any], Awaitable[Any]], *, ends: bool = False) -> Any:
        process = current()
        self.holder = process
        self._server.note("sql", f"{process.name} {what[:60]}")
        process.effect()
        there, back = self._travel()
        if there:
            await asyncio.sleep(there)
        if self._wanted is not self._open and not ends:
            self._open = self._wanted
            await self._carry_out(lambda real: real.execute("BEGIN" if self._wanted else "COMMIT"))
        self._notifies |= what.startswith("NOTIFY")
        self._dirty = self._wanted and (self._dirty or not _only_reads(what))
        try:
            answer = await self._carry_out(make)
        except Exception:
            self._dirty = True
            raise
        if ends or not (self._wanted or _only_reads(what)):
            self._server.locks_changed()
        process.effect()
        if back:
            await asyncio.sleep(back)
        self._real()
        return answer

    async def _carry_out(self, make: Callable[[Any], Awaitable[Any]]) -> Any:
        real = self._real()
        assert self._backend
        return await self._server.carry_out(self._backend, lambda: make(real))

    def _real(self) -> Any:
        process = current()
        if not process.alive:
            process.effect()
        if self._backend is None or self._backend.real.is_closed():
            raise ConnectionDoesNotExistError(BROKEN)
        return self._backend.real

    # --- what SQLAlchemy calls ---------------------------------------------------------------------------

    def is_closed(self) -> bool:
        return self._backend is None or bool(self._backend.real.is_closed())

    async def close(self, timeout: float | None = None) -> None:  # noqa: ASYNC109, ARG002  (the driver's)
        self.cut()

    def terminate(self) -> None:
        self.cut()

    def transaction(self, **_options: Any) -> "_Transaction":
        return _Transaction(self)

    async def begin(self) -> None:
        """Nothing is said until the first statement: an unused transaction costs nothing."""
        self._real()
        self._wanted = True

    async def end(self, how: str) -> None:
        """Nothing is said either if there is nothing to commit or to undo."""
        notifies, self._notifies = self._notifies, False
        if self._dirty:
            await self.ask(how, lambda real: real.execute(f"{how} AND CHAIN"), ends=True)
            if notifies and how == "COMMIT":
                self._server.on_notify()
        self._wanted = self._dirty = False
        self._real()

    async def prepare(self, query: str, **_options: Any) -> "_Prepared":
        self._real()
        assert self._backend
        known = self._backend.prepared.get(query)
        if known is None:
            known = self._backend.now(self._backend.real.prepare(query))
            self._backend.prepared[query] = known
        return _Prepared(self, known, query)

    async def fetchrow(self, query: str, *parameters: Any) -> Any:
        return await self.ask(query, lambda real: real.fetchrow(query, *parameters))

    async def execute(self, query: str, *parameters: Any) -> Any:
        return await self.ask(query, lambda real: real.execute(query, *parameters))

    async def executemany(self, query: str, rows: Any) -> Any:
        return await self.ask(query, lambda real: real.executemany(query, rows))

    async def set_type_codec(self, name: str, **how: Any) -> None:
        real = self._real()
        if self._backend and name not in self._backend.codecs:
            self._backend.codecs.add(name)
            self._backend.now(real.set_type_codec(name, **how))

    async def reload_schema_state(self) -> None:
        real = self._real()
        assert self._backend
        self._backend.now(real.reload_schema_state())

    def get_server_version(self) -> Any:
        return self._real().get_server_version()


class _Transaction:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self) -> None:
        await self._client.begin()

    async def commit(self) -> None:
        await self._client.end("COMMIT")

    async def rollback(self) -> None:
        await self._client.end("ROLLBACK")


class _Prepared:
    def __init__(self, client: Client, real: Any, query: str) -> None:
        self._client = client
        self._statement = real
        self._query = query

    async def fetch(self, *parameters: Any) -> Any:
        return await self._client.ask(self._query, lambda _: self._statement.fetch(*parameters))

    def get_attributes(self) -> Any:
        return self._statement.get_attributes()

    def get_statusmsg(self) -> Any:
        return self._statement.get_statusmsg()


class TortureDatabase(Database):
    """The database of all processes of a run, with connections that know who uses them."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.listen_url = ""
        self.travel: Travel = lambda: (0.001, 0.0)
        self._clients: deque[Client] = deque()
        self.engine = create_async_engine(
            "postgresql+asyncpg://",
            connect_args={"async_creator_fn": self._connect, "prepared_statement_cache_size": PREPARED},
            pool_size=100,
            max_overflow=0,
            pool_use_lifo=True,
            hide_parameters=True,
            json_serializer=lambda value: orjson.dumps(value, default=str).decode(),
            json_deserializer=orjson.loads,
        )
        event.listen(self.engine.sync_engine.pool, "checkout", _look_first)
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    def start_afresh(self) -> None:
        """No connection of an earlier run is left."""
        self.engine.sync_engine.dispose(close=False)
        self.cut_all()
        self._clients.clear()

    async def _connect(self, *_: Any, **__: Any) -> Client:
        client = Client(self.server, lambda: self.travel())
        self._clients = deque(known for known in self._clients if not known.is_closed())
        self._clients.append(client)
        return client

    def cut_all(self) -> None:
        """Every connection breaks, as when PostgreSQL restarts."""
        for client in self._clients:
            client.cut()

    def cut_off(self, process: Process) -> None:
        """Every connection that a process holds breaks."""
        for client in self._clients:
            if client.holder is process:
                client.cut()


def _look_first(connection: Any, _record: Any, _proxy: Any) -> None:
    """What ``pool_pre_ping`` comes to where a connection knows whether it is broken."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


@lru_cache(maxsize=4096)
def _only_reads(query: str) -> bool:
    return query.startswith("SELECT") and not _LOCKS.search(query)


def latencies(seed: int) -> Travel:
    """A fraction of a millisecond mostly, sometimes tens of them; all of it on one of the two ways, so that
    whatever strikes meanwhile strikes before the statement or after it."""
    dice = random.Random(f"{seed}:database")  # noqa: S311  not a secret

    def travel() -> tuple[float, float]:
        lasts = dice.uniform(0.0002, 0.0012) if dice.random() < 0.94 else dice.uniform(0.002, 0.08)
        return (lasts, 0.0) if dice.random() < 0.5 else (0.0, lasts)

    return travel
