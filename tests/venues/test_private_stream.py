"""The account stream against a real socket: it tells everything, and everything that goes wrong."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
from tests.venues.fake_bybit import API_KEY, API_SECRET

from holdfast.venues.bybit.private_stream import TOPICS, BybitAccountStream, StreamPatience
from holdfast.venues.protocol import (
    AccountEvent,
    FillReport,
    OrderReport,
    OrderStatus,
    PositionHint,
    StreamConnected,
    StreamGap,
    StreamLost,
    Unreachable,
    WalletHint,
)

VENUE_NOW = datetime(2023, 11, 14, 22, 13, 11, tzinfo=UTC)
Script = Callable[["Door", web.WebSocketResponse], Awaitable[None]]

ORDER = {
    "category": "linear",
    "orderId": "o1",
    "orderLinkId": "hf-1",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderStatus": "Cancelled",
    "qty": "1",
    "cumExecQty": "0.4",
    "avgPrice": "100",
    "updatedTime": "1700000000000",
}
FILL = {
    "category": "linear",
    "execId": "e1",
    "orderId": "o1",
    "orderLinkId": "hf-1",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "execType": "Trade",
    "execQty": "0.4",
    "execPrice": "100",
    "execFee": "0.02",
    "execTime": "1700000000000",
    "seq": 1,
}
POSITION = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "size": "0.4",
    "entryPrice": "100",
    "positionIdx": 0,
}
WALLET = {"totalEquity": "10", "totalWalletBalance": "10", "totalAvailableBalance": "9", "coin": []}


def frame(topic: str, *rows: Any) -> dict[str, Any]:
    return {"id": "x", "topic": topic, "creationTime": 1700000000000, "data": list(rows)}


class Door:
    """Bybit's private door: checks the signature, acknowledges, then plays one script per connection."""

    def __init__(self) -> None:
        self.scripts: list[Script] = []
        self.connections = 0
        self.left = asyncio.Event()
        self.pings = 0
        self.auth_answer: dict[str, Any] = {"success": True, "ret_msg": "", "op": "auth"}

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        try:
            if await self._admit(socket):
                await script(self, socket)
        finally:
            self.left.set()
        return socket

    async def _admit(self, socket: web.WebSocketResponse) -> bool:
        auth = await socket.receive_json()
        key, expires, signature = auth["args"]
        signed = hmac.new(API_SECRET.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
        assert (auth["op"], key, signature) == ("auth", API_KEY, signed)
        assert 0 < expires - VENUE_NOW.timestamp() * 1000 <= 10_000
        await socket.send_json(self.auth_answer)
        if not self.auth_answer["success"]:
            return False
        subscribe = await socket.receive_json()
        assert (subscribe["op"], tuple(subscribe["args"])) == ("subscribe", TOPICS)
        return True


async def acknowledge(socket: web.WebSocketResponse) -> None:
    await socket.send_json({"success": True, "ret_msg": "subscribe", "op": "subscribe", "conn_id": "c"})


async def listen(door: Door, socket: web.WebSocketResponse, *, pong: bool = True) -> None:
    async for message in socket:
        if message.type is WSMsgType.TEXT and json.loads(message.data)["op"] == "ping":
            door.pings += 1
            if pong:
                await socket.send_json({"req_id": "ping", "op": "pong", "args": ["1700000000000"]})


@pytest.fixture
async def door() -> Door:
    return Door()


SHORT = StreamPatience(ping=0.1, first_pause=0.01, refused=0.05)
"""But patient with a silence, which a busy machine makes too."""


@pytest.fixture
async def stream(door: Door) -> AsyncIterator[BybitAccountStream]:
    app = web.Application()
    app.router.add_get("/v5/private", door.serve)
    server = TestServer(app)
    await server.start_server()

    async def venue_time() -> datetime:
        return VENUE_NOW

    url = str(server.make_url("/v5/private"))
    yield BybitAccountStream(url, API_KEY, API_SECRET, venue_time, patience=SHORT)
    await server.close()


async def take(stream: BybitAccountStream, count: int) -> list[AccountEvent]:
    found: list[AccountEvent] = []
    async with asyncio.timeout(30), aclosing(aiter(stream)) as events:
        async for event in events:
            found.append(event)
            if len(found) == count:
                break
    return found


async def test_everything_arrives_typed_and_after_the_word_that_it_is_live(
    stream: BybitAccountStream, door: Door
) -> None:
    async def script(door: Door, socket: web.WebSocketResponse) -> None:
        await socket.send_json(frame("wallet", WALLET))
        await acknowledge(socket)
        await socket.send_json(frame("execution", FILL, FILL | {"execType": "Funding", "execId": "e2"}))
        await socket.send_json(frame("order", ORDER | {"category": "spot"}, ORDER))
        await socket.send_json(frame("position", POSITION))
        await listen(door, socket)

    door.scripts = [script]
    connected, wallet, fill, order, position = await take(stream, 5)
    assert connected == StreamConnected()
    assert isinstance(wallet, WalletHint)
    assert wallet.balance.available == 9
    assert isinstance(fill, FillReport)
    assert (fill.exec_id, fill.quantity) == ("e1", Decimal("0.4"))
    assert isinstance(order, OrderReport)
    assert (order.status, order.filled_quantity) == (OrderStatus.CANCELLED, Decimal("0.4"))
    assert isinstance(position, PositionHint)
    assert position.position.entry_price == 100


async def test_a_cut_connection_is_told_and_mended(stream: BybitAccountStream, door: Door) -> None:
    async def cut(door: Door, socket: web.WebSocketResponse) -> None:
        await acknowledge(socket)
        await socket.close()

    async def last(door: Door, socket: web.WebSocketResponse) -> None:
        await acknowledge(socket)
        await socket.send_json(frame("execution", FILL))
        await listen(door, socket)

    door.scripts = [cut, cut, last]
    kinds = [type(event) for event in await take(stream, 6)]
    assert kinds == [StreamConnected, StreamLost, StreamConnected, StreamLost, StreamConnected, FillReport]


async def test_a_silent_connection_is_dead(stream: BybitAccountStream, door: Door) -> None:
    async def deaf(door: Door, socket: web.WebSocketResponse) -> None:
        await acknowledge(socket)
        await listen(door, socket, pong=False)

    door.scripts = [deaf]
    stream._patience = replace(SHORT, silence=0.25)
    connected, lost = await take(stream, 2)
    assert connected == StreamConnected()
    assert isinstance(lost, StreamLost)
    assert "said nothing" in lost.reason
    assert door.pings >= 1


async def test_pongs_alone_keep_it_alive(stream: BybitAccountStream, door: Door) -> None:
    async def quiet(door: Door, socket: web.WebSocketResponse) -> None:
        await acknowledge(socket)
        await listen(door, socket)

    door.scripts = [quiet]
    stream._patience = replace(SHORT, silence=3.0)
    events: list[AccountEvent] = []

    async def read() -> None:
        async with aclosing(aiter(stream)) as found:
            async for event in found:
                events.append(event)

    reader = asyncio.create_task(read())
    async with asyncio.timeout(30):
        while door.pings < 35:
            await asyncio.sleep(0.02)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    assert events == [StreamConnected()]


async def test_a_refused_key_is_told_without_telling_the_key(stream: BybitAccountStream, door: Door) -> None:
    door.auth_answer = {"success": False, "ret_msg": f"Invalid apikey {API_KEY} {API_SECRET}", "op": "auth"}
    door.scripts = [listen]
    first, second = await take(stream, 2)
    assert isinstance(first, StreamLost)
    assert isinstance(second, StreamLost)
    assert "Invalid apikey" in first.reason
    assert API_KEY not in first.reason
    assert API_SECRET not in first.reason


async def test_what_cannot_be_read_is_a_gap_and_costs_nothing_else(
    stream: BybitAccountStream, door: Door
) -> None:
    async def script(door: Door, socket: web.WebSocketResponse) -> None:
        await acknowledge(socket)
        await socket.send_str("}{")
        await socket.send_str("[1]")
        await socket.send_json({"topic": "order"})
        await socket.send_json(frame("execution.fast", {"execId": "e1"}))
        await socket.send_json(frame("order", "not a row", ORDER | {"orderStatus": "Lost"}, ORDER))
        await listen(door, socket)

    door.scripts = [script]
    kinds = [type(event) for event in await take(stream, 7)]
    assert kinds == [StreamConnected] + [StreamGap] * 5 + [OrderReport]


async def test_an_unreachable_venue_is_told_and_tried_again() -> None:
    async def venue_time() -> datetime:
        raise Unreachable("no clock")

    url = "ws://127.0.0.1:1/v5/private"
    stream = BybitAccountStream(url, API_KEY, API_SECRET, venue_time, patience=SHORT)
    assert [type(event) for event in await take(stream, 3)] == [StreamLost] * 3


async def test_closing_ends_it_at_once(stream: BybitAccountStream, door: Door) -> None:
    async def quiet(door: Door, socket: web.WebSocketResponse) -> None:
        await acknowledge(socket)
        await listen(door, socket)

    door.scripts = [quiet]
    events: list[AccountEvent] = []
    async with asyncio.timeout(30):
        async for event in stream:
            events.append(event)
            asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(stream.close()))
    assert events == [StreamConnected()]


async def test_cancelling_the_reader_leaves_no_connection_behind(
    stream: BybitAccountStream, door: Door
) -> None:
    live = asyncio.Event()

    async def quiet(door: Door, socket: web.WebSocketResponse) -> None:
        await acknowledge(socket)
        await listen(door, socket)

    async def read() -> None:
        async with aclosing(aiter(stream)) as events:
            async for _ in events:
                live.set()

    door.scripts = [quiet]
    reader = asyncio.create_task(read())
    async with asyncio.timeout(30):
        await live.wait()
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader
        await door.left.wait()
    assert door.connections == 1
