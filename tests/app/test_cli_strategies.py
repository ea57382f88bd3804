"""``holdfast strategy`` from end to end: the real API on a socket, a script of the user's own."""

import json
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from tests.app.cli import Run, address, holdfast
from tests.charts.conftest import owner, user_id
from tests.strategies.conftest import world
from tests.strategies.world import FLIPS, SERIES, START, World

from holdfast.core.timeframes import MINUTE
from holdfast.scripts.sandbox import Sandbox
from holdfast.strategies.models import Strategy

__all__ = ["address", "holdfast", "owner", "user_id", "world"]


@pytest.fixture
def run(app: FastAPI, sandbox: Sandbox, holdfast: Run) -> Run:
    app.state.sandbox = sandbox
    return partial(holdfast, "strategy")


async def test_a_strategy_from_start_to_stop(run: Run, world: World) -> None:
    assert "You have no strategies yet" in (await run("list")).output
    await world.script(FLIPS)
    wanted = ("start", "--script", "Mine", "--series", SERIES, "--timeframe", "1m", "--name", "Try")
    started = await run(*wanted)
    assert started.exit_code == 0, started.output
    assert "Runs on paper as" in started.output
    (one,) = json.loads((await run("list", "--json")).output)
    assert (one["name"], one["state"], one["capital"]) == ("Try", "paper", "10000")
    for verb, said in (("pause", "Paused."), ("resume", "Resumed."), ("stop", "Stopped.")):
        assert (await run(verb, one["id"][:8])).output.strip() == said
    refused = await run("pause", "Try")
    assert refused.exit_code != 0
    shown = await run("show", "Try")
    assert "stopped" in shown.output
    assert "Paused: it holds its position" in shown.output
    unknown = await run("show", "Nobody")
    assert "No strategy of yours is called 'Nobody'" in unknown.output


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"state": "failed", "error": {"kind": "script", "message": "There is no oops.", "line": 2}},
            ("There is no oops.", "holdfast strategy resume", "holdfast strategy stop", "new version"),
        ),
        (
            {"state": "failed", "error": {"kind": "ruin", "message": "All is lost.", "line": None}},
            ("All is lost.", "holdfast strategy stop", "start another one"),
        ),
        ({"state": "stopped", "closing_from": START}, ("open of the next minute", "nothing to do")),
        ({"waiting": "Waiting. It goes on by itself."}, ("Waiting. It goes on by itself.",)),
    ],
)
@pytest.mark.parametrize("command", ["list", "show"])
async def test_what_is_not_as_usual_is_told_with_what_to_do(
    run: Run, world: World, command: str, values: dict[str, Any], words: tuple[str, ...]
) -> None:
    one = await world.start(FLIPS)
    async with world.database.transaction() as session:
        row = await session.get_one(Strategy, one)
        for name, value in values.items():
            setattr(row, name, value)
    told = (await run(*(["list"] if command == "list" else ["show", str(one)]))).output
    assert all(word in told for word in words), told
    assert ("resume" in told) is ("holdfast strategy resume" in words)


async def test_trades_are_shown(run: Run, world: World) -> None:
    one = await world.start(FLIPS)
    await world.at(5 * MINUTE + 3, one)
    shown = await run("show", str(one))
    assert "Last trades on paper" in shown.output
    told = json.loads((await run("show", str(one), "--json")).output)
    assert len(told["fills"]) >= 3
    wrong = await run("start", "--script", "Mine", "--series", SERIES, "--input", "x")
    assert "name=value" in wrong.output
