"""Real processes that die in the middle, and those that come after them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
JOBS = (
    "open", "unwind", "partial", "close-beside", "lost-answers", "reconcile", "check", "rebalance", "market",
    "flatten", "scheduler", "confirm",
)  # fmt: skip
MACHINES = ("redis", "power-cut", "commits")

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def crash(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "holdfast.app.cli.main", "crash", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_killed_at_each_line_that_waits_the_books_are_the_venues() -> None:
    """Lines of Holdfast's code that wait, each once, three in each scenario; ``holdfast crash`` does all."""
    found = crash("--places", "--points", "3", *named(JOBS))
    assert found["violations"] == []
    assert found["crashes"] >= 30
    assert {line["scenario"] for line in found["scenarios"]} >= {"open", "unwind", "partial", "confirm"}


def test_killed_with_a_request_on_the_wire_nothing_is_doubled() -> None:
    found = crash("--moment", "wire", "--stride", "7", *named(("open",)))
    assert found["violations"] == []
    assert found["crashes"] >= 4


def test_connections_cut_nothing_is_lost() -> None:
    found = crash("--stride", "17", "--points", "2", *named(("cut-postgres", "cut-venue")))
    assert found["violations"] == []
    assert found["crashes"] >= 3


def test_servers_and_whole_machines_die_and_everything_is_there_afterwards() -> None:
    found = crash("--points", "1", *named(MACHINES))
    assert found["violations"] == []
    assert {line["scenario"] for line in found["scenarios"]} == set(MACHINES)


def named(scenarios: tuple[str, ...]) -> list[str]:
    return [part for name in scenarios for part in ("--scenario", name)]


@pytest.mark.parametrize(
    ("guard", "words"),
    [
        ("id-after-the-wire", "the venue has an order"),
        ("done-before-it-is-done", "is still"),
        ("key-without-its-effect", "the repeated request got"),
        ("nothing-is-forced-to-the-disk", "fsync is off"),
    ],
)
def test_a_guard_that_is_taken_away_is_missed(guard: str, words: str) -> None:
    """A proof that cannot fail is no proof."""
    command = [sys.executable, str(HERE / "broken.py"), guard]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert any(words in violation for violation in found["violations"]), found
