"""The servers that are compared: the hub as the API runs it, and the least that writes the same frames."""

import asyncio
import base64
import hashlib
import sys
from typing import Any, Final

import orjson
import uvicorn
import uvloop
from fastapi import FastAPI
from redis.asyncio import Redis

from holdfast.app import clients
from holdfast.app import stream as streams
from holdfast.app.hub import Hub, quote_view
from holdfast.app.streaming import create_hub
from holdfast.app.wire import StreamProtocol, text_frame
from holdfast.indices.board import IndexBoard
from holdfast.market import quotes
from holdfast.market.instruments import InstrumentBook
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.redis_client import open_redis
from holdfast.platform.settings import Settings

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT")
TOPICS: Final = tuple(f"quotes:{symbol}" for symbol in SYMBOLS)
HERTZ: Final = 10
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def quote(number: int, at: int) -> dict[str, Any]:
    """As the feed publishes it at that millisecond."""
    price = f"{64000 + number % 1000}.{number % 10}"
    return {"b": price, "a": price, "l": price, "m": price, "i": price, "t": "123456789.5", "f": "0.0001",
            "p": "63000", "at": at}  # fmt: skip


def serve_hub(port: int, redis_url: str) -> None:
    """The stream's own code, ten frames a second, in the process the API runs in."""
    clients.FLUSH_SECONDS = 1 / HERTZ  # type: ignore[misc]
    clock, redis, board = SystemClock(), open_redis(redis_url), QuoteBoard()
    hub = Hub(Database("postgresql://nobody@127.0.0.1:9/none"), redis, clock)
    streams.register_public(hub, IndexBoard(board, InstrumentBook()), board, clock)
    app = FastAPI()
    app.state.hub, app.state.redis, app.state.clock = hub, redis, clock
    streams.MAX_OF_A_NETWORK = streams.MAX_CLIENTS  # type: ignore[misc]  # every client is this machine
    app.include_router(streams.router)

    async def run() -> None:
        config = uvicorn.Config(
            app, port=port, log_level="error", lifespan="off", http="httptools", ws=StreamProtocol,
            ws_per_message_deflate=False, backlog=8192,
        )  # fmt: skip
        await asyncio.gather(board.follow(redis), hub.run(), uvicorn.Server(config).serve())

    uvloop.run(run())


def serve_people(port: int, _redis_url: str) -> None:
    """The process ``holdfast hub``, configured by the environment."""
    streams.MAX_OF_A_NETWORK = streams.MAX_CLIENTS  # type: ignore[misc]  # every client is this machine
    uvicorn.run(
        create_hub(Settings()), port=port, log_level="error", http="httptools", ws=StreamProtocol,
        ws_per_message_deflate=False, backlog=8192, loop="uvloop",
    )  # fmt: skip


class BareClient(asyncio.Protocol):
    """Shakes hands, then is only written to."""

    def __init__(self, clients: set[Any]) -> None:
        self._clients = clients
        self._head = b""
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._transport in self._clients:
            return
        self._head += data
        if b"\r\n\r\n" not in self._head:
            return
        key = self._head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self._clients.add(self._transport)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        self._clients.discard(self._transport)


def serve_bare(port: int, redis_url: str) -> None:
    """A uvloop protocol that encodes the same frames once and writes them to everybody. It knows no topics,
    no users, no limits, and a client that reads nothing makes it grow: less work than this there is not."""

    async def run() -> None:
        clients: set[Any] = set()
        loop = asyncio.get_running_loop()
        await loop.create_server(lambda: BareClient(clients), "127.0.0.1", port, backlog=8192)
        async with Redis.from_url(redis_url).pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(quotes.CHANNEL)
            async for message in channel.listen():
                frame = _encoded(orjson.loads(message["data"]))
                for transport in clients:
                    transport.write(frame)

    uvloop.run(run())


def _encoded(batch: dict[str, dict[str, Any]]) -> bytes:
    return b"".join(
        text_frame(orjson.dumps({"topic": f"quotes:{symbol}", "data": quote_view(symbol, fields)}))
        for symbol, fields in batch.items()
    )


if __name__ == "__main__":
    {"hub": serve_hub, "bare": serve_bare, "people": serve_people}[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
