"""``holdfast rebalance`` and ``--tactic``: what is asked of the API, and what is printed."""

import json
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner

from holdfast.app.cli import trading
from holdfast.app.cli.main import app

POSITION = "aaaa1111-0000-4000-8000-000000000000"
PLAN = {
    "id": "p",
    "digest": "d",
    "kind": "rebalance",
    "index_name": "Bitcoin dominance",
    "direction": "long",
    "size": "5000",
    "legs": [
        {
            "ticker": "BTC",
            "side": "sell",
            "action": "trade",
            "quantity": "0.01",
            "expected_price": "100000",
            "limit_price": "99500",
            "notional": "1000",
            "fee": "0.55",
            "slippage": "0.01",
            "note": "",
        }
    ],
    "totals": {
        "gross": "1000",
        "net": "-1000",
        "fees": "0.55",
        "slippage": "0.01",
        "margin_needed": "0",
        "available": "100",
        "left_out": "0",
        "tracking_error": 0.002,
        "tracking_error_before": 0.08,
    },
    "tactic": {"kind": "passive", "seconds": 60, "slices": 1, "note": "The orders rest."},
    "allowance": 0.005,
    "warnings": [],
    "executable": True,
    "blocked_reason": "",
}
RUN = {
    "id": "e",
    "index_name": "Bitcoin dominance",
    "state": "complete",
    "progress": 1.0,
    "legs": [],
    "finished_at": "2026-11-21T12:00:00Z",
    "reason": "The position is at the index's present weights, as previewed.",
}


class Api:
    """One open position, and a plan for whatever is asked."""

    asked: ClassVar[list[tuple[str, Any]]] = []

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, path: str, **query: Any) -> Any:
        return {"simulated": True}

    def pages(self, path: str, **query: Any) -> Any:
        return iter([{"id": POSITION}])

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        self.asked.append((path, body))
        return PLAN if path == "/api/previews" else RUN


@pytest.fixture(autouse=True)
def _api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trading, "Client", Api)
    monkeypatch.setattr(Api, "asked", [])


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    return done.exit_code, done.output


def test_a_position_is_rebalanced_by_the_beginning_of_its_id() -> None:
    code, shown = run("rebalance", "aaaa", "--yes")
    assert code == 0
    assert Api.asked == [
        ("/api/previews", {"kind": "rebalance", "position_id": POSITION, "tactic": {"kind": "limit_ioc"}}),
        ("/api/executions", {"plan_id": "p", "digest": "d"}),
    ]
    assert "Rebalance Bitcoin dominance, long" in shown
    assert "Tracking error 0.20%, 8.00% as it stands. The orders rest." in shown
    assert "present weights" in shown


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("market", {"kind": "market"}),
        ("passive:60", {"kind": "passive", "deadline_seconds": 60}),
        ("twap:10x300", {"kind": "twap", "slices": 10, "seconds": 300}),
    ],
)
def test_a_tactic_is_written_in_one_word(written: str, sent: dict[str, Any]) -> None:
    code, shown = run("close", "aaaa", "--tactic", written, "--yes", "--json")
    assert code == 0
    assert Api.asked[0][1]["tactic"] == sent
    assert json.loads(shown)["state"] == "complete"


@pytest.mark.parametrize("written", ["slowly", "passive", "passive:soon", "twap:10", "market:5", "twap:x"])
def test_what_is_no_tactic_is_refused_with_examples(written: str) -> None:
    code, shown = run("close", "aaaa", "--tactic", written, "--yes")
    assert code != 0
    assert "passive:60" in shown
    assert Api.asked == []
