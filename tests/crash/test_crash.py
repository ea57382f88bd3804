"""Real processes that die in the middle, and those that come after them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
POINTS = (
    "open:wire:9", "open:wire:21", "unwind:sent:700", "partial:answered:500", "close-beside:held:400",
    "lost-answers:answered:450", "reconcile:sent:190", "check:held:60", "rebalance:answered:600",
    "passive:held:550", "twap:sent:600", "market:answered:400", "flatten:sent:120", "funding:held:200",
    "open-4-times:sent:300", "scheduler:sent:30", "confirm:held:40", "watch:answered:90",
    "redis-under-open:held:350", "postgres-under-open:sent:350", "cut-postgres:sent:90", "cut-venue:held:20",
    "watch-process:clock:10", "power-cut:clock:30", "commits:answered:7",
)  # fmt: skip
"""Somewhere in the middle of each kind of run; ``holdfast crash`` goes through all of them."""
DIE = {"worker", "scheduler", "api", "watch", "redis", "postgres", "connections", "machine"}

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def crash(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "holdfast.app.cli.main", "crash", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == bool(found["violations"])
    return found


def test_whoever_dies_in_the_middle_of_whatever_the_books_are_the_venues() -> None:
    found = crash(*(part for point in POINTS for part in ("--replay", point)))
    assert found["violations"] == []
    assert found["crashes"] == len(POINTS)
    assert set(found["processes"]) == DIE


def test_points_are_counted_and_shared_out_to_processes() -> None:
    found = crash("--scenario", "check", "--stride", "47", "--offset", "11", "--jobs", "2")
    (line,) = found["scenarios"]
    assert found["violations"] == []
    assert line["all_points"] > 200
    assert line["points"] == len(range(11, line["all_points"], 47))
    # A lease is renewed by the clock: a slow run has more points, and the last may not come again.
    assert line["points"] / 2 <= line["died"] <= line["points"]
    assert line["places"] > 1
    assert sum(line["moments"].values()) == line["died"]


@pytest.fixture(scope="module")
def broken() -> dict[str, Any]:
    """What came of it when each guard was taken away."""
    done = subprocess.run(
        [sys.executable, str(HERE / "broken.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {found["guard"]: found for found in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize(
    ("guard", "words"),
    [
        ("id-after-the-wire", "the venue has an order that no row knows"),
        ("done-before-it-is-done", "is still"),
        ("key-without-its-effect", "the repeated request got"),
        ("nothing-is-forced-to-the-disk", "fsync is off"),
    ],
)
def test_a_guard_that_is_taken_away_is_missed(broken: dict[str, Any], guard: str, words: str) -> None:
    """A proof that cannot fail is no proof."""
    assert any(words in violation for violation in broken[guard]["violations"]), broken[guard]
