"""Bybit's private WebSocket: orders, fills, positions and wallet as they change.

One connection at a time: authenticate with the venue's time, subscribe, announce ``StreamConnected``, pass
on what comes. A connection that says nothing for long, not even a pong, is dead. Whatever ends a connection
becomes ``StreamLost``, and another attempt follows; only ``close`` or cancelling the reader ends the stream.
"""

import asyncio
import hashlib
import hmac
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson
import structlog

from holdfast.core.instruments import InstrumentKind
from holdfast.core.time import to_ms
from holdfast.venues.bybit import parse
from holdfast.venues.bybit.errors import redact
from holdfast.venues.bybit.fields import Malformed, Row, text
from holdfast.venues.bybit.pybit_client import LOOPBACK
from holdfast.venues.protocol import (
    AccountEvent,
    PositionHint,
    StreamConnected,
    StreamGap,
    StreamLost,
    VenueError,
    WalletHint,
)

log = structlog.get_logger(__name__)

TOPICS: Final = ("order", "execution", "position", "wallet")
_AUTH_LIFE: Final = timedelta(seconds=10)
_CLOSING: Final = aiohttp.ClientWSTimeout(ws_close=1.0)
_LARGEST_FRAME: Final = 16 * 2**20


@dataclass(frozen=True, slots=True)
class StreamPatience:
    """Seconds. A connection that says nothing for ``silence``, not even a pong, is dead; ``refused``: before
    the next try when trying again soon is pointless; ``steady``: how long a connection must have stood for
    the pauses to begin small again."""

    ping: float = 20.0
    silence: float = 30.0
    handshake: float = 10.0
    first_pause: float = 0.5
    longest_pause: float = 30.0
    refused: float = 60.0
    steady: float = 60.0


class _Down(Exception):
    """The connection is over. ``refused`` when trying again soon is pointless."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused


class BybitAccountStream:
    """Iterate to connect. ``venue_time`` tells the venue's clock; ``kind`` is the category listened to."""

    def __init__(
        self,
        url: str,
        api_key: str,
        api_secret: str,
        venue_time: Callable[[], Awaitable[datetime]],
        *,
        kind: InstrumentKind = InstrumentKind.LINEAR,
        jitter: Callable[[], float] = random.random,
        patience: StreamPatience | None = None,
    ) -> None:
        self._url = url
        self._secrets = (api_key, api_secret)
        self._venue_time = venue_time
        self._kind = kind
        self._jitter = jitter
        self._patience = patience or StreamPatience()
        self._closed = asyncio.Event()
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def close(self) -> None:
        """End the iteration."""
        self._closed.set()
        if self._socket:
            await self._socket.close()

    async def __aiter__(self) -> AsyncGenerator[AccountEvent, None]:
        loop = asyncio.get_running_loop()
        failures = 0
        while not self._closed.is_set():
            began = loop.time()
            lost = _Down("the connection ended")
            try:
                async with aclosing(self._connection()) as events:
                    async for event in events:
                        yield event
            except _Down as down:
                lost = down
            except (aiohttp.ClientError, OSError, TimeoutError, VenueError) as error:
                lost = _Down(f"Bybit's stream cannot be reached ({type(error).__name__})")
            if self._closed.is_set():
                return
            failures = 1 if loop.time() - began > self._patience.steady else failures + 1
            log.warning("account stream lost", reason=lost.reason, failures=failures)
            yield StreamLost(lost.reason)
            await self._rest(failures, lost.refused)

    async def _rest(self, failures: int, refused: bool) -> None:
        """Twice as long after every failure, half of it by chance: many streams must not return at once."""
        patience = self._patience
        growing = min(patience.first_pause * 2 ** min(failures - 1, 20), patience.longest_pause)
        full = patience.refused if refused else growing
        try:
            async with asyncio.timeout(full * (1 + self._jitter()) / 2):
                await self._closed.wait()
        except TimeoutError:
            return

    async def _connection(self) -> AsyncGenerator[AccountEvent, None]:
        direct = urlsplit(self._url).hostname in LOOPBACK
        async with aiohttp.ClientSession(trust_env=not direct) as session:
            try:
                async with asyncio.timeout(self._patience.handshake):
                    self._socket = socket = await session.ws_connect(
                        self._url, max_msg_size=_LARGEST_FRAME, timeout=_CLOSING
                    )
                    early = await self._handshake(socket)
                yield StreamConnected()
                for frame in early:
                    for event in self._events(frame):
                        yield event
                async with aclosing(self._frames(socket)) as frames:
                    async for frame in frames:
                        for event in self._events(frame):
                            yield event
            finally:
                if self._socket:
                    await self._socket.close()
                    self._socket = None

    async def _handshake(self, socket: aiohttp.ClientWebSocketResponse) -> list[Row | None]:
        """Authenticate and subscribe. Returns topic frames that came before the acknowledgement."""
        key, secret = self._secrets
        expires = to_ms(await self._venue_time() + _AUTH_LIFE)
        signature = hmac.new(secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
        await socket.send_json({"req_id": "auth", "op": "auth", "args": [key, expires, signature]})
        early: list[Row | None] = []
        await self._acknowledged(socket, "auth", early)
        await socket.send_json({"req_id": "subscribe", "op": "subscribe", "args": list(TOPICS)})
        await self._acknowledged(socket, "subscribe", early)
        return early

    async def _acknowledged(
        self, socket: aiohttp.ClientWebSocketResponse, op: str, early: list[Row | None]
    ) -> None:
        while True:
            frame = _frame(await socket.receive())
            if frame is None or frame.get("op") != op:
                early.append(frame)
                continue
            if frame.get("success") is True or frame.get("retCode") == 0:
                return
            said = redact(text(frame, "ret_msg") or text(frame, "retMsg"), self._secrets)
            raise _Down(f"Bybit refused to {op}: {said}", refused=True)

    async def _frames(self, socket: aiohttp.ClientWebSocketResponse) -> AsyncGenerator[Row | None, None]:
        """Frames as they come, with a ping whenever one is due."""
        loop = asyncio.get_running_loop()
        ping, silence = self._patience.ping, self._patience.silence
        heard = pinged = loop.time()
        while not self._closed.is_set():
            due = min(pinged + ping, heard + silence) - loop.time()
            try:
                frame = _frame(await socket.receive(timeout=max(due, 0.001)))
            except TimeoutError:
                now = loop.time()
                if now - heard >= silence:
                    raise _Down(f"Bybit said nothing for {silence:g} s") from None
                pinged = now
                await socket.send_json({"req_id": "ping", "op": "ping"})
                continue
            heard = loop.time()
            yield frame

    def _events(self, frame: Row | None) -> Iterator[AccountEvent]:
        """What one frame tells. What cannot be read is told as a gap, and costs nothing else in the frame."""
        if frame is None:
            yield StreamGap("a message was not readable")
            return
        topic, _, category = text(frame, "topic").partition(".")
        if topic not in TOPICS or category not in ("", self._kind.value):
            return
        rows = frame.get("data")
        if not isinstance(rows, list):
            yield StreamGap(f"a message about {topic} had no data")
            return
        for row in rows:
            try:
                yield from self._told(topic, row)
            except (Malformed, AttributeError) as error:
                log.warning("unreadable row on the account stream", topic=topic, error=str(error))
                yield StreamGap(f"a message about {topic} was not readable: {error}")

    def _told(self, topic: str, row: Any) -> Iterator[AccountEvent]:
        if topic == "wallet":
            yield WalletHint(parse.balance(row))
        elif text(row, "category") not in ("", self._kind.value):
            return
        elif topic == "order":
            yield parse.order(row)
        elif topic == "execution":
            yield from parse.fills([row])
        else:
            yield PositionHint(parse.position(row))


def _frame(message: aiohttp.WSMessage) -> Row | None:
    """The JSON object of a message, or ``None`` if it is none."""
    if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
        raise _Down(f"Bybit closed the connection ({message.type.name.lower()} {message.data})")
    try:
        frame = orjson.loads(message.data)
    except orjson.JSONDecodeError:
        return None
    return frame if isinstance(frame, dict) else None
