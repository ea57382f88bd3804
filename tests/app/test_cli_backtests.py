"""``holdfast backtest`` from end to end: the real API on a socket, a worker beside it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from tests.app.cli import Run, address, holdfast
from tests.backtest.conftest import TREND, Desk, Headers, Worker, desk, own, worker
from tests.charts.conftest import owner, user_id
from tests.scripts.local import FAILS, LOOKS_AHEAD

__all__ = ["address", "desk", "holdfast", "own", "owner", "user_id", "worker"]


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
def run(holdfast: Run, working: None) -> Run:
    return partial(holdfast, "backtest")


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
