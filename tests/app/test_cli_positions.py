"""``holdfast positions --closed``: a table of the newest, and all of them for a program."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from holdfast.app.cli.client import Client
from holdfast.app.cli.main import app

EVERY = 250


def position(number: int) -> dict[str, Any]:
    return {
        "id": f"{number:08}-0000-4000-8000-000000000000",
        "index_name": "Bitcoin dominance",
        "direction": "long",
        "size": "5000",
        "pnl": "1",
        "fees": "1",
        "funding": "0",
        "state": "closed",
        "altered": False,
    }


@pytest.fixture(autouse=True)
def _api(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers as the API does, in pages of at most 200."""

    def get(_: Client, path: str, *, state: str, limit: int, cursor: str | None = None) -> Any:
        assert (path, state) == ("/api/positions", "closed")
        assert limit <= 200
        begin = int(cursor or 0)
        end = min(begin + limit, EVERY)
        more = str(end) if end < EVERY else None
        return {"items": [position(number) for number in range(begin, end)], "next_cursor": more}

    monkeypatch.setattr(Client, "get", get)


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["positions", "--closed", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_a_program_gets_every_one() -> None:
    assert len(json.loads(run("--json"))) == EVERY
    assert len(json.loads(run("--json", "--limit", "3"))) == 3


def test_a_table_of_the_newest_says_that_there_are_older_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run()
    assert "00000049" in shown
    assert "00000050" not in shown
    assert "Older ones are not shown" in shown
    monkeypatch.setattr("tests.app.test_cli_positions.EVERY", 50)
    assert "Older ones" not in run()
