"""``holdfast`` as its users call it: the real API on a socket, signed in as the owner."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import uvicorn
from click.testing import Result
from fastapi import FastAPI
from structlog.testing import capture_logs
from tests.charts.conftest import Headers
from typer.testing import CliRunner

from holdfast.app.cli.main import app as command

Run = Callable[..., Awaitable[Result]]


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    with capture_logs():  # what the server logs would stand in what the command says
        task = asyncio.create_task(server.serve())
        async with asyncio.timeout(20):
            while not server.started:
                await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        await task


@pytest.fixture
def holdfast(address: str, owner: Headers, tmp_path: Path) -> Run:
    """Runs a command; ``typed`` is its standard input."""
    kept = tmp_path / "config" / "holdfast" / "sign-in.json"
    kept.parent.mkdir(parents=True)
    access = owner["Authorization"].removeprefix("Bearer ")
    kept.write_text(json.dumps({"base_url": address, "access": access}))
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "HOLDFAST_URL": address, "COLUMNS": "200"}

    async def run(*words: str, typed: str = "") -> Result:
        return await asyncio.to_thread(CliRunner().invoke, command, words, env=environment, input=typed)

    return run
