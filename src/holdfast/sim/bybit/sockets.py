"""One WebSocket of the venue: frames out in order through a bounded queue, frames in as JSON objects."""

import asyncio
from typing import Any, Final

import orjson
from aiohttp import WSMsgType, web

from holdfast.sim.bybit.http import ACCESS_TOO_FREQUENT
from holdfast.sim.fault_kinds import FaultKind
from holdfast.sim.faults import FaultRule

QUEUE_FRAMES: Final = 2000
IDLE_S: Final = 600
TRAVEL_S: Final = 0.05
"""A request takes this long to arrive, as over a real network. Clients rely on it: pybit notes a subscription
only after it has sent it, and dies of an acknowledgement that is quicker."""


CONNECT_FAULTS: Final[tuple[FaultKind, ...]] = ("drop_request", "maintenance", "ip_limit", "half_open")


def refused(rule: FaultRule | None) -> web.Response | None:
    """How a stream is refused at the door; a half-open one is let in and then stays dead."""
    if rule is None or rule.kind == "half_open":
        return None
    if rule.kind == "ip_limit":
        return web.Response(status=403, text=ACCESS_TOO_FREQUENT)
    return web.Response(status=503)


class Socket:
    """A reader that falls more than ``QUEUE_FRAMES`` behind is cut off."""

    def __init__(self, response: web.WebSocketResponse, request: web.Request, conn_id: str) -> None:
        self._response = response
        self._transport = request.transport
        self.conn_id = conn_id
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_FRAMES)
        self._writer = asyncio.create_task(self._write())

    def send(self, frame: dict[str, Any]) -> None:
        self.send_bytes(orjson.dumps(frame))

    def send_bytes(self, frame: bytes) -> None:
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            self.cut()

    def cut(self) -> None:
        """End the connection without a word, as a broken line does."""
        self._writer.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def receive(self) -> dict[str, Any] | None:
        """The next JSON object, {} for anything else, ``None`` when the socket ends or idles 10 minutes."""
        try:
            message = await self._response.receive(timeout=IDLE_S)
        except TimeoutError:
            return None
        if message.type is not WSMsgType.TEXT:
            return None if message.type is not WSMsgType.BINARY else {}
        await asyncio.sleep(TRAVEL_S)
        try:
            parsed = orjson.loads(message.data)
        except orjson.JSONDecodeError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    async def close(self) -> None:
        self._writer.cancel()
        await self._response.close()

    async def _write(self) -> None:
        while True:
            frame = await self._queue.get()
            try:
                await self._response.send_str(frame.decode())
            except (ConnectionError, RuntimeError):
                return
