"""The stream connections of the simulated Binance: requests, limits, pings, ends and faults."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient
from tests.sim.conftest import NOON_MS

from holdfast.sim.binance.streams import Streams
from holdfast.sim.clock import SimClock
from holdfast.sim.paths import MINUTE_MS
from holdfast.sim.world import World

Client = TestClient[web.Request, web.Application]
Socket = aiohttp.ClientWebSocketResponse
PATIENT_S = 30.0


@pytest.fixture
def streams(world: World, client: Client) -> Streams:
    assert world.binance is not None
    return world.binance


@asynccontextmanager
async def connected(client: Client, path: str, **options: Any) -> AsyncIterator[Socket]:
    async with client.ws_connect(f"/binance{path}", **options) as socket:
        yield socket


async def message(socket: Socket) -> Any:
    return orjson.loads(await socket.receive_str(timeout=PATIENT_S))


async def say(socket: Socket, **request: Any) -> Any:
    """Send a request, and its answer; events in between are passed over."""
    await socket.send_bytes(b"") if not request else await socket.send_str(orjson.dumps(request).decode())
    while True:
        found = await message(socket)
        if "stream" not in found and "e" not in found and "u" not in found:
            return found


async def ended(socket: Socket) -> int | None:
    """The close code, once the connection has ended."""
    async with asyncio.timeout(PATIENT_S):
        while True:
            frame = await socket.receive()
            if frame.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
                return socket.close_code


async def moved(still: SimClock, by_ms: int, wait: Callable[[], Awaitable[Any]]) -> Any:
    still.advance(by_ms)
    return await wait()


async def test_raw_and_combined(client: Client, still: SimClock) -> None:
    async with connected(client, "/ws/btcusdt@bookTicker") as raw:
        assert set(await message(raw)) == {"u", "s", "b", "B", "a", "A"}
    async with connected(client, "/stream?streams=btcusdt@bookTicker/btcusdt@depth5") as combined:
        seen = [await message(combined), await message(combined)]
    assert {one["stream"] for one in seen} == {"btcusdt@bookTicker", "btcusdt@depth5"}
    assert all(set(one) == {"stream", "data"} for one in seen)


async def test_requests(client: Client) -> None:
    async with connected(client, "/ws") as socket:
        assert await say(socket, method="SUBSCRIBE", params=["btcusdt@trade"], id=1) == {
            "result": None,
            "id": 1,
        }
        assert await say(socket, method="LIST_SUBSCRIPTIONS", id="a-1") == {
            "result": ["btcusdt@trade"],
            "id": "a-1",
        }
        assert await say(socket, method="UNSUBSCRIBE", params=["btcusdt@trade"], id=None) == {
            "result": None, "id": None,
        }  # fmt: skip
        assert await say(socket, method="LIST_SUBSCRIPTIONS", id=-5) == {"result": [], "id": -5}


async def test_properties(client: Client) -> None:
    async with connected(client, "/ws") as socket:
        assert (await say(socket, method="GET_PROPERTY", params=["combined"], id=1))["result"] is False
        assert (await say(socket, method="SET_PROPERTY", params=["combined", True], id=2))["result"] is None
        assert (await say(socket, method="GET_PROPERTY", params=["combined"], id=3))["result"] is True
        await socket.send_str('{"method":"SUBSCRIBE","params":["btcusdt@bookTicker"],"id":4}')
        assert await message(socket) == {"result": None, "id": 4}
        assert (await message(socket))["stream"] == "btcusdt@bookTicker"


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ('{"method"', 3, "Invalid JSON"),
        ("[]", 2, "missing field `method`"),
        ('{"id":1}', 2, "missing field `method`"),
        ('{"method":"SUBSCRIBE","params":["a"]}', 2, "request ID"),
        ('{"method":"SUBSCRIBE","params":["a"],"id":9223372036854775808}', 2, "request ID"),
        ('{"method":"SUBSCRIBE","params":["a"],"id":1.5}', 2, "request ID"),
        ('{"method":"SUBSCRIBE","params":["a"],"id":"' + "x" * 37 + '"}', 2, "request ID"),
        ('{"method":"LISTEN","id":1}', 2, "unknown variant `LISTEN`"),
        ('{"method":"SUBSCRIBE","params":[1],"id":1}', 2, "invalid type"),
        ('{"method":"SUBSCRIBE","id":1}', 2, "missing field `params`"),
        ('{"method":"GET_PROPERTY","params":[7],"id":1}', 2, "property name must be a string"),
        ('{"method":"GET_PROPERTY","params":["speed"],"id":1}', 0, "Unknown property"),
        ('{"method":"SET_PROPERTY","params":["combined","yes"],"id":1}', 1, "expected Boolean"),
        ('{"method":"GET_PROPERTY","params":["combined",true],"id":1}', 2, "too many parameters"),
    ],
)
async def test_wrong_requests(client: Client, text: str, code: int, part: str) -> None:
    async with connected(client, "/ws") as socket:
        await socket.send_str(text)
        refusal = await message(socket)
        assert refusal["code"] == code
        assert part in refusal["msg"]


async def test_what_does_not_exist_stays_silent_and_costs_nothing(client: Client, streams: Streams) -> None:
    names = "nobody@trade/BTCUSDT@trade/btcusdt@kline_7m/btcusdt@trade@100ms/btcusdt@depth7"
    async with connected(client, f"/stream?streams={names}") as socket:
        assert len((await say(socket, method="LIST_SUBSCRIPTIONS", id=1))["result"]) == 5
        assert all(audience.feed is None for audience in streams._audiences.values())


async def test_a_stream_lives_as_long_as_somebody_listens(client: Client, streams: Streams) -> None:
    async with connected(client, "/ws/btcusdt@trade") as first:
        async with connected(client, "/ws/btcusdt@trade") as second:
            await say(first, method="LIST_SUBSCRIPTIONS", id=1)
            await say(second, method="LIST_SUBSCRIPTIONS", id=1)
            assert streams.subscribed == ["btcusdt@trade"]
            await say(second, method="UNSUBSCRIBE", params=["btcusdt@trade"], id=2)
            assert streams.subscribed == ["btcusdt@trade"]
        await say(first, method="UNSUBSCRIBE", params=["btcusdt@trade"], id=2)
        assert streams.subscribed == []
    async with asyncio.timeout(PATIENT_S):
        while streams.connections:
            await asyncio.sleep(0.02)
    assert not streams._anybody.is_set()


async def test_more_than_five_messages_a_second_end_the_connection(client: Client) -> None:
    async with connected(client, "/ws") as socket:
        for number in range(7):
            await socket.send_str(f'{{"method":"LIST_SUBSCRIPTIONS","id":{number}}}')
        assert await ended(socket) == 1008


async def test_pings_and_pongs_count_as_messages(client: Client) -> None:
    async with connected(client, "/ws") as socket:
        for _ in range(4):
            await socket.ping()
            await socket.pong()
        assert await ended(socket) == 1008


async def test_too_many_streams(client: Client, streams: Streams) -> None:
    async with connected(client, "/ws") as socket:
        names = [f"a{number}@trade" for number in range(1025)]
        refusal = await say(socket, method="SUBSCRIBE", params=names, id=1)
        assert refusal["code"] == 2
        assert await say(socket, method="SUBSCRIBE", params=names[:1024], id=2) == {"result": None, "id": 2}
        assert len(streams.subscribed) == 1024


async def test_too_many_connections(client: Client, streams: Streams) -> None:
    streams.be(connections=2)
    for _ in range(2):
        async with connected(client, "/ws") as socket:
            await say(socket, method="LIST_SUBSCRIPTIONS", id=1)
    with pytest.raises(aiohttp.WSServerHandshakeError, match="429"):
        await client.ws_connect("/binance/ws")


async def test_an_unanswered_ping_ends_the_connection(client: Client, streams: Streams) -> None:
    streams.be(ping_s=0.2, pong_s=0.5)
    async with connected(client, "/ws", autoping=False) as deaf:
        frame = await deaf.receive(timeout=PATIENT_S)
        assert frame.type is WSMsgType.PING
        assert frame.data
        await ended(deaf)


async def test_a_pong_must_repeat_the_ping(client: Client, streams: Streams) -> None:
    streams.be(ping_s=0.2, pong_s=1.0)
    began = asyncio.get_running_loop().time()
    async with connected(client, "/ws", autoping=False) as socket:
        async with asyncio.timeout(PATIENT_S):
            while True:
                frame = await socket.receive()
                if frame.type is not WSMsgType.PING:
                    break
                await socket.pong(b"something else")
        assert frame.type in (WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR)
        assert asyncio.get_running_loop().time() - began >= 1.0


async def test_a_day_is_the_end(client: Client, streams: Streams) -> None:
    async with connected(client, "/ws/btcusdt@bookTicker") as socket:
        await message(socket)
        streams.be(life_s=0.1)
        assert await ended(socket) == 1001


@pytest.mark.parametrize("path", ["/ws", "/stream"])
async def test_a_shutdown_is_announced(client: Client, streams: Streams, path: str) -> None:
    streams.be(shutdown_s=0.3)
    async with connected(client, path) as socket:
        await say(socket, method="LIST_SUBSCRIPTIONS", id=1)
        async with client.post("/_sim/binance/shutdown", json={}) as answer:
            assert (await answer.json()) == {"connections": 1}
        told = await message(socket)
        event = {"e": "serverShutdown", "E": NOON_MS}
        assert told == (event if path == "/ws" else {"stream": "!serverShutdown", "data": event})
        assert await ended(socket) == 1001


async def test_the_control_door_shortens_lives(client: Client, streams: Streams) -> None:
    async with client.post("/_sim/binance/streams", json={"life_s": 5, "ping_s": 1}) as answer:
        told = await answer.json()
    assert (told["patience"]["life_s"], told["patience"]["ping_s"], told["connections"]) == (5, 1, 0)
    assert streams.patience.life_s == 5
    async with client.post("/_sim/binance/streams", json={"life": 5}) as answer:
        assert answer.status == 422


async def test_every_candle_closes_once(client: Client, still: SimClock) -> None:
    async with connected(client, "/ws/btcusdt@kline_1m") as socket:
        closed: list[int] = []
        forming = (await message(socket))["k"]
        for _ in range(3):
            still.advance(MINUTE_MS)
            while True:
                kline = (await message(socket))["k"]
                if kline["x"]:
                    closed.append(kline["t"])
                    assert kline["L"] - kline["f"] + 1 == kline["n"]
                elif kline["t"] > forming["t"]:
                    forming = kline
                    break
        assert closed == [NOON_MS // MINUTE_MS * MINUTE_MS + minute * MINUTE_MS for minute in range(3)]


async def test_what_is_delisted_ends(client: Client, world: World, still: SimClock) -> None:
    """Its last candle closes once, and then nothing comes any more, nor can be had."""
    started = NOON_MS // MINUTE_MS * MINUTE_MS
    async with connected(client, "/ws/solusdt@kline_1m") as socket:
        await message(socket)
        world.market.delist("SOLUSDT", started + 90_000, "spot")
        closed: list[int] = []
        for minutes in (1, 3):
            still.advance(minutes * MINUTE_MS)
            while len(closed) < min(minutes, 2):
                kline = (await message(socket))["k"]
                closed += [kline["t"]] if kline["x"] else []
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.6)
    assert closed == [started, started + MINUTE_MS]
    rows = "/binance/api/v3/klines?symbol=SOLUSDT&interval=1m&limit=2"
    async with client.get(rows) as answer:
        assert [row[0] for row in await answer.json()] == closed
    async with client.get("/binance/api/v3/trades?symbol=SOLUSDT&limit=1") as answer:
        assert (await answer.json())[0]["time"] < started + 90_000
    async with client.get("/binance/api/v3/exchangeInfo?symbol=SOLUSDT") as answer:
        assert (await answer.json())["symbols"][0]["status"] == "BREAK"
    async with connected(client, "/ws/solusdt@trade") as socket:
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.5)


async def test_a_jump_of_the_clock_closes_every_candle_between(client: Client, still: SimClock) -> None:
    async with connected(client, "/ws/ethusdt@kline_15m") as socket:
        first = (await message(socket))["k"]["t"]
        still.advance(24 * 60 * MINUTE_MS)
        closed = []
        while len(closed) < 96:
            kline = (await message(socket))["k"]
            assert kline["x"]
            closed.append(kline["t"])
        assert closed == [first + number * 15 * MINUTE_MS for number in range(96)]


@pytest.mark.parametrize("kind", ["drop_answer", "duplicate", "silent", "half_open", "drop_request"])
async def test_faults_of_a_stream(client: Client, world: World, still: SimClock, kind: str) -> None:
    async with connected(client, "/ws/btcusdt@depth@100ms") as socket:
        await say(socket, method="LIST_SUBSCRIPTIONS", id=1)
        first = await moved(still, 600, lambda: message(socket))
        more = {"delay_ms": 10} if kind == "duplicate" else {}
        world.faults.replace(
            [{"where": "binance.stream.btcusdt@depth@100ms", "kind": kind, "count": 1, **more}]
        )
        still.advance(600)
        async with asyncio.timeout(PATIENT_S):
            while not world.faults.describe()[0]["hits"]:
                await asyncio.sleep(0.02)
        if kind == "drop_request":
            await ended(socket)
            return
        if kind == "duplicate":
            assert await message(socket) == await message(socket)
            return
        still.advance(600)
        if kind == "drop_answer":
            assert (await message(socket))["U"] > first["u"] + 1
            return
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.5)
        await socket.ping(b"are you there")
        await socket.send_str('{"method":"LIST_SUBSCRIPTIONS","id":7}')
        if kind == "silent":
            assert (await message(socket))["id"] == 7
            return
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.5)
