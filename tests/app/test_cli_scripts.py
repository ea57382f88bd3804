"""``holdfast script`` from end to end: the real API on a socket, scripts in the real sandbox."""

import json
from functools import partial
from pathlib import Path

import pytest
from fastapi import FastAPI
from tests.app.cli import Run, address, holdfast
from tests.charts.conftest import owner, user_id
from tests.scripts.local import CROSS, FAILS, LOOKS_AHEAD

from holdfast.scripts.sandbox import Sandbox

__all__ = ["address", "holdfast", "owner", "user_id"]


@pytest.fixture
def run(app: FastAPI, sandbox: Sandbox, holdfast: Run) -> Run:
    app.state.sandbox = sandbox
    return partial(holdfast, "script")


async def test_a_script_from_file_to_values(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cross.py"
    file.write_text(CROSS)
    assert "You keep no scripts yet" in (await run("list")).output
    kept = await run("new", "Crossing", str(file))
    assert kept.exit_code == 0, kept.output
    assert "version 1" in kept.output
    assert "No value changed in" in kept.output
    (listed,) = json.loads((await run("list", "--json")).output)
    assert (listed["name"], listed["version"]) == ("Crossing", 1)
    table = (await run("list")).output
    assert "Crossing" in table
    assert "clean" in table
    shown = (await run("show", listed["id"][:8])).output
    assert "Fast" in shown
    assert "from 2 to 200" in shown
    assert CROSS in shown
    assert (await run("show", "Cross", "--source")).output == CROSS
    assert json.loads((await run("show", "Crossing", "--version", "1", "--json")).output)["source"] == CROSS


async def test_the_last_values_of_a_file_or_of_what_is_kept(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cross.py"
    file.write_text(CROSS)
    await run("new", "Crossing", "-", typed=CROSS)
    found = json.loads((await run("run", str(file), "--input", "fast=3", "--json")).output)
    assert found["bars"] == 2000
    assert len(found["outputs"]["recent"]) == 10
    kept = json.loads((await run("run", "Crossing", "--input", "fast=3", "--json")).output)
    assert kept["outputs"]["plots"] == found["outputs"]["plots"]
    shown = await run("run", "Crossing")
    assert shown.exit_code == 0
    assert "made-up bars" in shown.output
    for word in ("Quick", "Lazy", "signals:", "buy:", "log: ran", "No value changed"):
        assert word in shown.output, word


async def test_what_is_wrong_is_said_with_its_line_and_ends_with_one(run: Run) -> None:
    for verb in ("check", "run"):
        failed = await run(verb, "-", typed=FAILS)
        assert failed.exit_code == 1
        assert "Line 3: " in failed.stderr
    ahead = await run("check", "-", typed=LOOKS_AHEAD)
    assert ahead.exit_code == 1
    assert "It looks into the future." in ahead.stderr
    assert "1 bar ahead" in ahead.stderr
    assert (await run("run", "-", typed=LOOKS_AHEAD)).exit_code == 0
    assert (await run("check", "-", typed=CROSS)).exit_code == 0
    shy = await run("check", "-", typed="if len(bars) < 2000: raise ValueError('few')\nplot(bars.close)")
    assert shy.exit_code == 1
    assert "not checked" in shy.stderr
    assert "fails when it is given fewer bars" in shy.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "nothing.py"), "There is no file"),
        (("run", "Nothing"), "No script of yours"),
        (("show", "Nothing"), "No script of yours"),
        (("new", "Name", "missing.py"), "cannot be read"),
        (("run", "-", "--input", "fast"), "is no input"),
        (("run", "-", "--series", "nonsense"), "names no series"),
        (("run", "-", "--timeframe", "7m"), "timeframe"),
    ],
)
async def test_refusals_are_sentences(run: Run, arguments: tuple[str, ...], words: str) -> None:
    refused = await run(*arguments, typed=CROSS)
    assert refused.exit_code == 1
    told = refused.stderr + str(refused.exception)
    assert words in told
