"""``holdfast trace``: names an execution as people do, and prints its time line."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from holdfast.app.cli import trace as command
from holdfast.app.cli.main import app
from holdfast.app.cli.output import console
from holdfast.core.errors import NotFound

RUNS = [f"{prefix}-0000-4000-8000-000000000000" for prefix in ("aaaa1111", "aaaa2222", "bbbb3333")]


def item(**changes: Any) -> dict[str, Any]:
    plain = {
        "at": "2026-11-21T12:00:00Z",
        "after_ms": 1500,
        "kind": "event",
        "title": "BTCUSDT: filled",
        "order_id": None,
        "symbol": "BTCUSDT",
        "took_ms": None,
        "detail": {},
    }
    return plain | changes


ITEMS = [
    item(kind="decision", title="Confirmed: open", symbol="", after_ms=0),
    item(kind="request", title="Send buy", detail={"waited_ms": 1200, "outcome": "silent", "orders": []}),
    item(title="ETHUSDT: filled", symbol="ETHUSDT", took_ms=61_000),
    item(title="BTCUSDT: filled", detail={"said_by": "an order report", "from": "accepted", "to": "filled"}),
    item(kind="request", title="Ask", symbol="", detail={"symbols": ["ETHUSDT", "XRPUSDT"]}),
]


class Api:
    """Answers as the API does; two executions to a page."""

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, path: str, cursor: str | None = None, **_: Any) -> Any:
        if path == "/api/executions":
            start = int(cursor or 0)
            found = [{"id": run} for run in RUNS[start : start + 2]]
            return {"items": found, "next_cursor": str(start + 2) if start + 2 < len(RUNS) else None}
        run = {
            "id": path.split("/")[3],
            "kind": "open",
            "index_name": "Bitcoin dominance",
            "direction": "long",
            "size": "5000",
            "state": "needs_attention",
            "created_at": "2026-11-21T12:00:00Z",
        }
        return {"execution": run, "items": list(ITEMS), "truncated": True}


@pytest.fixture(autouse=True)
def _api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "Client", Api)


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever printed first in this process has settled the console's width."""
    monkeypatch.setattr(console, "_width", 160)


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["trace", *arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


@pytest.mark.parametrize(
    ("wanted", "named"),
    [("last", 0), ("BBBB", 2), ("aaaa2", 1), pytest.param(RUNS[1], 1, id="whole")],
)
def test_an_execution_is_named_by_last_or_by_the_beginning_of_its_id(wanted: str, named: int) -> None:
    assert json.loads(run(wanted, "--json"))["execution"]["id"] == RUNS[named]


@pytest.mark.parametrize(("wanted", "words"), [("aaaa", "several"), ("cccc", "no execution")])
def test_what_names_none_or_several_is_refused(wanted: str, words: str) -> None:
    with pytest.raises(NotFound, match=words) as refusal:
        run(wanted)
    assert "last" in refusal.value.advice


def test_nothing_carried_out_yet_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.app.test_cli_trace.RUNS", [])
    with pytest.raises(NotFound, match="Nothing was carried out yet"):
        run("last")


def test_the_time_line_shows_when_how_long_and_who_said_it() -> None:
    shown = run("last")
    assert "Open Bitcoin dominance, long, 5,000.00 USDT: needs attention" in shown
    assert "1.500 s" in shown
    assert "61.0 s" in shown
    assert "[waited 1200 ms for its turn]" in shown
    assert "[accepted → filled, says an order report]" in shown
    assert "More happened than is kept" in shown


def test_one_symbol_with_what_concerns_all() -> None:
    titles = [found["title"] for found in json.loads(run("last", "--symbol", "ethusdt", "--json"))["items"]]
    assert titles == ["Confirmed: open", "ETHUSDT: filled", "Ask"]
