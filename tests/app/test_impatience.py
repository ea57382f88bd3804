"""Who begins a request and does not finish it, or opens sockets without end, takes nothing from others."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from fastapi import FastAPI, Request, WebSocket
from websockets.asyncio.client import connect

from holdfast.app import impatience, middleware
from holdfast.app.impatience import Places, impatient
from holdfast.app.middleware import Exchange
from holdfast.platform.background import cancel
from holdfast.platform.web import install_problem_handlers

BODILESS = (
    b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
)
GET = b"GET /alive HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
Socket = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def application() -> FastAPI:
    app = FastAPI()
    app.add_middleware(Exchange)
    install_problem_handlers(app)

    @app.get("/alive")
    async def alive() -> str:
        return "yes"

    @app.post("/echo")
    async def echo(body: dict[str, str]) -> dict[str, str]:
        return body

    @app.post("/api/datasets")
    async def upload(request: Request) -> int:
        return sum([len(piece) async for piece in request.stream()])

    @app.websocket("/stream")
    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        await socket.receive()

    return app


@asynccontextmanager
async def served(places: Places | None = None) -> AsyncIterator[int]:
    """The port of the real server."""
    config = uvicorn.Config(
        application(), port=0, log_level="error", lifespan="off", http=impatient(places or Places(0))
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = server.force_exit = True
    await cancel([task])


async def opened(port: int, said: bytes, address: str = "127.0.0.1") -> Socket:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    writer.write(said)
    return reader, writer


async def answer(port: int, said: bytes = GET, address: str = "127.0.0.1") -> bytes:
    reader, writer = await opened(port, said, address)
    async with asyncio.timeout(30):
        told = await reader.read()
    writer.close()
    return told


async def ended(sockets: list[Socket]) -> list[bytes]:
    """What each was told until it was closed."""
    async with asyncio.timeout(30):
        told = await asyncio.gather(*(until_closed(reader) for reader, _ in sockets))
    for _, writer in sockets:
        writer.close()
    return told


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """Whoever is still sending may see the end as a reset."""
    told = b""
    with suppress(ConnectionResetError):
        while piece := await reader.read(65_536):
            told += piece
    return told


@asynccontextmanager
async def trickling(sockets: list[Socket]) -> AsyncIterator[None]:
    async def trickle(writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while True:
                writer.write(b"1")
                await asyncio.sleep(0.05)

    tasks = [asyncio.create_task(trickle(writer)) for _, writer in sockets]
    yield
    await cancel(tasks)


async def test_fifty_bodies_that_never_come_are_cut_with_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.5)
    async with served() as port:
        sockets = [await opened(port, BODILESS) for _ in range(50)]
        assert (await answer(port)).startswith(b"HTTP/1.1 200")
        for told in await ended(sockets):
            head, _, body = told.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 408")
            assert b"connection: close" in head.lower()
            assert "did not come within" in json.loads(body)["detail"]


async def test_a_body_that_trickles_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.5)
    async with served() as port:
        sockets = [await opened(port, BODILESS) for _ in range(5)]
        async with trickling(sockets):
            assert all(told.startswith(b"HTTP/1.1 408") for told in await ended(sockets))


async def test_who_goes_on_sending_what_nobody_reads_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request is answered at once, and each byte would keep the connection for longer."""
    monkeypatch.setattr(impatience, "REST_SECONDS", 0.5)
    async with served() as port:
        unread = BODILESS.replace(b"/echo", b"/nowhere")
        sockets = [await opened(port, unread) for _ in range(5)]
        async with trickling(sockets):
            assert all(told.startswith(b"HTTP/1.1 404") for told in await ended(sockets))


async def test_uploads_have_their_own_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.1)
    async with served() as port:
        head = b"POST /api/datasets HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
        reader, writer = await opened(port, head + b"a")
        await asyncio.sleep(0.5)
        writer.write(b"b")
        (told,) = await ended([(reader, writer)])
        assert told.startswith(b"HTTP/1.1 200")
        assert told.endswith(b"2")


UPLOAD = b"POST /api/data/imports HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
"""Answered at once here: there is no such place."""


async def test_an_upload_that_is_answered_early_is_read_as_long_as_it_flows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A browser may send all of it before it reads, and a reset would take the answer away."""
    monkeypatch.setattr(impatience, "REST_SECONDS", 3.0)
    async with served() as port:
        reader, writer = await opened(port, UPLOAD % 16)
        for _ in range(16):
            await asyncio.sleep(0.25)
            writer.write(b"1")
        writer.write(GET)
        (told,) = await ended([(reader, writer)])
        assert [one[:3] for one in told.split(b"HTTP/1.1 ")[1:]] == [b"404", b"200"]


async def test_an_answered_upload_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impatience, "LONGEST_SECONDS", 0.5)
    async with served() as port:
        sockets = [await opened(port, UPLOAD % 100_000)]
        async with trickling(sockets):
            assert all(told.startswith(b"HTTP/1.1 404") for told in await ended(sockets))


async def test_an_answered_upload_that_stalls_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impatience, "REST_SECONDS", 0.5)
    async with served() as port:
        assert (await answer(port, UPLOAD % 10 + b"1")).startswith(b"HTTP/1.1 404")


async def test_an_answered_request_leaves_the_next_one_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impatience, "REST_SECONDS", 0.2)
    async with served() as port:
        body = b'{"a":"b"}'
        whole = BODILESS.replace(b"100000", str(len(body)).encode()) + body
        reader, writer = await opened(port, whole)
        await reader.readuntil(body)
        await asyncio.sleep(0.5)
        writer.write(whole.replace(b"Host", b"Connection: close\r\nHost"))
        (told,) = await ended([(reader, writer)])
        assert told.endswith(body)


async def test_one_network_opens_so_many_sockets_and_no_more() -> None:
    async with served(Places(5)) as port:
        sockets = [await opened(port, b"") for _ in range(5)]
        refused = await answer(port)
        assert refused.startswith(b"HTTP/1.1 429")
        assert "Too many connections" in json.loads(refused.partition(b"\r\n\r\n")[2])["detail"]
        assert await answer(port, b"") == refused, "and who says nothing is closed, too"
        assert (await answer(port, address="127.0.0.2")).startswith(b"HTTP/1.1 200")
        for _, writer in sockets:
            writer.close()
        async with asyncio.timeout(30):
            while not (await answer(port)).startswith(b"HTTP/1.1 200"):
                await asyncio.sleep(0.05)


async def test_a_stream_takes_no_place_of_a_request() -> None:
    places = Places(1)
    async with served(places) as port:
        async with connect(f"ws://127.0.0.1:{port}/stream"):
            assert not places.taken
            assert (await answer(port)).startswith(b"HTTP/1.1 200")
        async with connect(f"ws://127.0.0.1:{port}/stream"):
            assert not places.taken


def test_places_are_not_counted_where_many_speak_through_one() -> None:
    places = Places(1, exempt=lambda host: host == "10.0.0.1")
    assert [places.take("10.0.0.1") for _ in range(3)] == [True] * 3
    assert [places.take("2001:db8::1"), places.take("2001:db8::2")] == [True, False]
    for _ in range(3):
        places.give_back("10.0.0.1")
    places.give_back("2001:db8::1")
    assert not places.taken
    assert places.take("2001:db8::2")
    assert places.taken == {"2001:db8::/64": 1}
    assert all(Places(0).take("192.0.2.1") for _ in range(1000))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", ""])
def test_this_machine_and_its_proxies_are_exempt(address: str) -> None:
    assert impatience.exempt_from("10.1.0.0/16")(address)
    assert not impatience.exempt_from("10.1.0.0/16")("192.0.2.1")
