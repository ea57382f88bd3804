"""A hub beside the API, on a port of its own or behind one origin: the same stream to the same tokens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from tests.app.pages import page
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from holdfast.accounts.vault import ensure_key_pair
from holdfast.app.api import create_app
from holdfast.app.impatience import ImpatientProtocol
from holdfast.app.streaming import create_hub
from holdfast.app.wire import StreamProtocol
from holdfast.platform.background import cancel
from holdfast.platform.settings import Settings

ACCOUNT = {"email": "ada@example.com", "password": "correct horse battery staple"}


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[int]:
    """Its port."""
    config = uvicorn.Config(
        app, port=0, log_level="error", lifespan="off", http=ImpatientProtocol, ws=StreamProtocol,
        ws_per_message_deflate=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    async with app.router.lifespan_context(app):
        task = asyncio.create_task(server.serve())
        while not server.started:
            assert not task.done()
            await asyncio.sleep(0.01)
        try:
            yield server.servers[0].sockets[0].getsockname()[1]
        finally:
            server.should_exit = server.force_exit = True
            await task


@asynccontextmanager
async def one_origin(api: int, hub: int) -> AsyncIterator[int]:
    """A proxy that leads one path to the hub and everything else to the API; its port."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            port = hub if head.split(b" ", 2)[1] == b"/api/stream" else api
            behind, before = await asyncio.open_connection("127.0.0.1", port)
            before.write(head)
            await asyncio.gather(pipe(reader, before), pipe(behind, writer))

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while content := await reader.read(65_536):
                writer.write(content)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve_forever())
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await cancel([serving])


@pytest.mark.parametrize("way", ["another port", "one origin"])
async def test_a_page_signs_in_at_the_api_and_listens_at_the_hub(settings: Settings, way: str) -> None:
    ensure_key_pair(settings.secrets_dir)
    async with served(create_hub(settings)) as hub:
        told = "/api/stream" if way == "one origin" else f":{hub}/api/stream"
        async with (
            served(create_app(settings.model_copy(update={"stream_url": told}))) as api,
            one_origin(api, hub) as front,
        ):
            host = f"127.0.0.1:{front}"
            async with httpx2.AsyncClient(base_url=f"http://{host}") as client:
                address = (await client.get("/api/system")).json()["stream_url"]
                assert (await client.post("/api/auth/sign-up", json=ACCOUNT)).status_code == 202
                signed_in = (await client.post("/api/auth/sign-in", json=ACCOUNT)).json()
            found = f"ws://{host}{address}" if address.startswith("/") else address
            assert found == f"ws://127.0.0.1:{front if way == 'one origin' else hub}/api/stream"
            async with page(SimpleNamespace(url=found), signed_in["access_token"]) as visitor:
                await visitor.subscribed("indices", "positions")
                await visitor.hears(lambda m: m.get("topic") == "positions")
                forged = signed_in["access_token"][:-8] + "AAAAAAAA"
                async with page(SimpleNamespace(url=found)) as stranger:
                    await stranger.say(op="auth", token=forged)
                    refused = await stranger.hears(lambda m: m.get("op") == "error")
                    assert refused["code"] == "not-signed-in"
                load = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{hub}")
                assert (await load.get("/api/status")).json()["stream"]["signed_in"] == 1
                await load.aclose()
            with pytest.raises((InvalidStatus, InvalidHandshake)):
                await connect(f"ws://127.0.0.1:{api}/api/stream")
