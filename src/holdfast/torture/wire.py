"""asyncpg's own connections without an event loop: a statement is carried out in place, on a socket of ours.

asyncpg speaks the protocol; what it writes goes out at once, and what comes back is read when somebody wants
to know. Between two instants of virtual time no other loop has to turn.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import asyncpg

PATIENCE: Final = 0.004
"""Seconds for which a reading waits."""
_CHUNK: Final = 1 << 16


class Backend:
    """A real connection. It may serve several clients one after another, and keeps what it has prepared."""

    def __init__(self, real: Any, wire: "Wire") -> None:
        self.real = real
        self.prepared: dict[str, Any] = {}
        self.codecs: set[str] = set()
        self.pid = int(real.get_server_pid())
        self._wire = wire

    def now(self, coroutine: Awaitable[Any]) -> Any:
        """Carry something out that waits for no lock, to its end."""
        statement = self.start(coroutine)
        while not statement.advance():
            pass
        return statement.result()

    def start(self, coroutine: Awaitable[Any]) -> "Statement":
        return Statement(self._wire, coroutine)

    def is_closed(self) -> bool:
        return bool(self.real.is_closed())

    def close(self) -> None:
        self.real.terminate()


class Statement:
    """Something asyncpg does on one connection, as far as answers have come."""

    def __init__(self, wire: "Wire", coroutine: Awaitable[Any]) -> None:
        self._wire = wire
        self._coroutine: Any = coroutine if isinstance(coroutine, Coroutine) else _as_coroutine(coroutine)
        self._value: Any = None
        self._error: BaseException | None = None
        self._ended = False
        self._step()

    def _step(self) -> None:
        try:
            self._awaited: _Answer = self._coroutine.send(None)
        except StopIteration as end:
            self._value, self._ended = end.value, True
        except Exception as error:
            self._error, self._ended = error, True

    def advance(self, *, patient: bool = True) -> bool:
        """Whether it has ended. ``patient``: PostgreSQL is given a moment to answer."""
        while not self._ended:
            if not self._wire.read(patient=patient):
                return False
            if self._awaited.done():
                self._step()
        return True

    def result(self) -> Any:
        if self._error:
            raise self._error
        return self._value

    def exception(self) -> BaseException | None:
        return self._error


async def _as_coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


class Wire(asyncio.Transport):
    """A socket in the place of asyncio's transport."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX)
        patience = struct.pack("@ll", 0, int(PATIENCE * 1e6))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        self._socket.connect(path)
        self._protocol: Any = None

    def begin(self, protocol: Any) -> None:
        self._protocol = protocol
        protocol.connection_made(self)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self, *, patient: bool = True) -> bool:
        """Hand on what has arrived, or that the connection broke; ``False`` if nothing has."""
        try:
            data = self._socket.recv(_CHUNK, 0 if patient else socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if data:
            self._protocol.data_received(data)
        else:
            self._socket.close()
            self._protocol.connection_lost(None)
        return True

    # --- what asyncpg calls ------------------------------------------------------------------------------

    def write(self, data: Any) -> None:
        with suppress(OSError):  # a broken connection is noticed by reading
            self._socket.sendall(data)

    def abort(self) -> None:
        self._socket.close()

    def is_closing(self) -> bool:
        return self._socket.fileno() < 0


class Opener(asyncio.SelectorEventLoop):
    """Turns only while a connection is being opened."""

    def __init__(self) -> None:
        super().__init__()
        self._wires: list[Wire] = []

    def open(self, url: str) -> Backend:
        """A connection over a socket in the file system.

        Raises:
            ConnectionError: PostgreSQL is not there.
        """
        with _outside_of_loops():
            real = self.run_until_complete(asyncpg.connect(url))
        wire = self._wires.pop()
        self.remove_reader(wire.fileno())
        return Backend(real, wire)

    async def create_unix_connection(  # type: ignore[override]  # only what asyncpg asks for
        self, protocol_factory: Callable[[], Any], path: str, **_options: Any
    ) -> tuple[Wire, Any]:
        wire, protocol = Wire(path), protocol_factory()
        self._wires.append(wire)
        self.add_reader(wire.fileno(), wire.read)
        wire.begin(protocol)
        return wire, protocol

    def create_future(self) -> Any:
        return super().create_future() if self.is_running() else _Answer()


class _Answer:
    """A future of which nobody is told: whoever waits for it looks."""

    def __init__(self) -> None:
        self._done = False
        self._value: Any = None
        self._error: BaseException | None = None

    def done(self) -> bool:
        return self._done

    def cancelled(self) -> bool:
        return False

    def set_result(self, value: Any) -> None:
        self._value, self._done = value, True

    def set_exception(self, error: BaseException) -> None:
        self._error, self._done = error, True

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """asyncpg stops its timers with it; there are none."""

    def __await__(self) -> Generator[Any, None, Any]:
        while not self._done:
            yield self
        if self._error:
            raise self._error
        return self._value


@contextmanager
def _outside_of_loops() -> Iterator[None]:
    """Lets another loop run for a moment while the virtual one stands still."""
    outer = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(outer)
