"""One stream connection: frames out through a bounded queue, pings that must be answered, five messages a
second in."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType, web

QUEUE_FRAMES: Final = 5000
_SECOND: Final = 1.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: between two pings, for the pong to a ping, for a connection's life, from the announcement of a
    shutdown to the cut. Messages in a second, and streams, that a connection may have; connections that an
    address may open in five minutes."""

    ping_s: float = 20.0
    pong_s: float = 60.0
    life_s: float = 86_400.0
    shutdown_s: float = 10.0
    messages: int = 5
    most_streams: int = 1024
    connections: int = 300


class Socket:
    """A reader that falls ``QUEUE_FRAMES`` behind is cut off."""

    def __init__(self, response: web.WebSocketResponse, request: web.Request) -> None:
        self._response = response
        self._transport = request.transport
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_FRAMES)
        self._arrived: deque[float] = deque()
        self._pings: dict[bytes, float] = {}
        self._pinged = self.born = self._loop.time()
        self._tasks = {self._loop.create_task(self._write())}

    def send(self, frame: bytes) -> None:
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            self.cut()

    def cut(self) -> None:
        """End the connection without a word, as a broken line does."""
        self._stop()
        if self._transport is not None:
            self._transport.abort()

    def leave(self, code: int, reason: str = "") -> None:
        """Close as a server does that means it."""
        self._soon(self._response.close(code=code, message=reason.encode()))

    async def close(self) -> None:
        self._stop()
        await self._response.close(code=WSCloseCode.GOING_AWAY)

    async def receive(self, patience: Patience, *, is_dead: bool) -> str | None:
        """The next text, "" for anything else, ``None`` when the connection has ended or said too much."""
        message = await self._response.receive()
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
            return None
        if self._too_many(patience.messages):
            await self._response.close(code=WSCloseCode.POLICY_VIOLATION, message=b"Too many requests")
            return None
        if message.type is WSMsgType.PONG:
            self._pings.pop(bytes(message.data), None)
        elif message.type is WSMsgType.PING and not is_dead:
            await self._response.pong(message.data)
        return message.data if message.type is WSMsgType.TEXT else ""

    def keep_up(self, patience: Patience, *, is_dead: bool) -> None:
        """What is due at this moment: a ping, the cut for one unanswered, the end of a long life."""
        now = self._loop.time()
        if now - self.born >= patience.life_s:
            self.leave(WSCloseCode.GOING_AWAY, "24 hours are over")
        elif any(now - sent >= patience.pong_s for sent in self._pings.values()):
            self.cut()
        elif now - self._pinged >= patience.ping_s and not is_dead:
            self._pinged = now
            payload = str(int(now * 1000)).encode()
            self._pings[payload] = now
            self._soon(self._response.ping(payload))

    def _too_many(self, most: int) -> bool:
        now = self._loop.time()
        self._arrived.append(now)
        while self._arrived[0] <= now - _SECOND:
            self._arrived.popleft()
        return len(self._arrived) > most

    def _soon(self, work: Coroutine[Any, Any, object]) -> None:
        task = self._loop.create_task(self._quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _quietly(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except (ConnectionError, RuntimeError):
            return

    def _stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()

    async def _write(self) -> None:
        while True:
            frame = await self._queue.get()
            try:
                await self._response.send_str(frame.decode())
            except (ConnectionError, RuntimeError):
                return
