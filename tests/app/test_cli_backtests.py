"""``holdfast backtest`` from end to end: the real API on a socket, a worker beside it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from click.testing import Result
from fastapi import FastAPI
from structlog.testing import capture_logs
from tests.backtest.conftest import TREND, Desk, Headers, Worker, desk, own, worker
from tests.charts.conftest import owner, user_id
from tests.scripts.local import FAILS, LOOKS_AHEAD
from typer.testing import CliRunner

from holdfast.app.cli.main import app as command

__all__ = ["desk", "own", "owner", "user_id", "worker"]

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
async def working(worker: Worker) -> AsyncIterator[None]:
    """A worker that takes whatever is due."""

    async def work() -> None:
        while True:
            await worker.run()
            await asyncio.sleep(0.05)

    task = asyncio.create_task(work())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
def run(address: str, owner: Headers, tmp_path: Path, working: Any) -> Run:
    """Signed in as the owner."""
    kept = tmp_path / "config" / "holdfast" / "sign-in.json"
    kept.parent.mkdir(parents=True)
    access = owner["Authorization"].removeprefix("Bearer ")
    kept.write_text(json.dumps({"base_url": address, "access": access}))
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "HOLDFAST_URL": address, "COLUMNS": "200"}

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, command, ["backtest", *arguments], env=environment)

    return run


async def test_from_a_file_to_its_trades(run: Run, own: str, tmp_path: Path) -> None:
    assert "You keep no back-tests yet" in (await run("list")).output
    file = tmp_path / "trend.py"
    file.write_text(TREND)
    told = await run("run", "--script", str(file), "--series", own, "--input", "fast=4", "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert (found["state"], found["settings"]["inputs"], found["bars"]) == ("done", {"fast": "4"}, 400)
    again = await run("run", "--script", "trend", "--series", own, "--since", "2023-11-20")
    assert again.exit_code == 0, again.output
    assert "trend · " in again.stdout
    assert "buy and hold" in again.stdout
    assert "trades" in again.stdout
    listed = json.loads((await run("list", "--json")).output)
    assert len(listed) == 2
    assert {one["source"]["version"] for one in listed} == {1}
    file.write_text(TREND + "# changed\n")
    newer = json.loads((await run("run", "--script", str(file), "--series", own, "--json")).stdout)
    assert newer["source"]["version"] == 2
    shown = await run("show", found["id"])
    assert shown.exit_code == 0, shown.output
    assert "Sharpe" in shown.stdout


async def test_what_is_wrong_is_said(run: Run, own: str, desk: Desk, owner: Headers, tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text(FAILS)
    failed = await run("run", "--script", str(file), "--series", own)
    assert failed.exit_code == 1
    assert "Line 3" in failed.stderr
    file.write_text(LOOKS_AHEAD)
    ahead = await run("run", "--script", str(file), "--series", own)
    assert ahead.exit_code == 0, ahead.output
    assert "looks into the future" in ahead.stderr
    nothing = await run("run", "--series", own)
    assert nothing.exit_code == 1
    assert "either a script or signals" in nothing.stderr
    unknown = await run("run", "--script", "nobody", "--series", own)
    assert "No script of yours is called 'nobody'" in unknown.stderr
    wrong = await run("run", "--script", "bad", "--series", own, "--input", "fast")
    assert "name=value" in wrong.stderr
    gone = await run("show", "0000")
    assert "No back-test of yours" in gone.stderr
