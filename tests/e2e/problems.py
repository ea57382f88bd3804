"""Requests that are to be refused, and what every refusal must look like."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from tests.e2e.trader import Trader, eventually

CONTENTS = ("/api/positions", "/api/executions", "/api/orders", "/api/fills", "/api/connections")


@contextmanager
def nothing_happens(trader: Trader) -> Iterator[None]:
    """The venue and the books are afterwards as they were before."""
    before = _contents(trader)
    yield
    assert _contents(trader) == before


def _contents(trader: Trader) -> list[Any]:
    truth = trader.truth()
    listed = (trader.get(path) for path in CONTENTS)
    pages = [found["items"] if isinstance(found, dict) else found for found in listed]
    names = [[item.get("id") or item["exec_id"] for item in items] for items in pages]
    return [truth["orders"], truth["fills"], truth["positions"], *names]


def assert_problem(answer: httpx2.Response, status: int, *words: str) -> dict[str, Any]:
    """RFC 9457, with a sentence and advice."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["type"].startswith("/problems/")
    assert problem["title"]
    assert problem["detail"].endswith(".")
    assert problem["advice"]
    for word in words:
        assert word in problem["detail"] + " " + problem["advice"]
    return problem


def preview(trader: Trader, **changes: Any) -> httpx2.Response:
    """What comes of it; asked again while it is refused for a moment only, for the old prices of a busy
    machine."""

    def answered() -> httpx2.Response | None:
        answer = ask_preview(trader, **changes)
        return None if answer.status_code == 503 else answer

    return eventually(answered, what="an answer that is not for the moment")


def ask_preview(trader: Trader, **changes: Any) -> httpx2.Response:
    body = {
        "kind": "open",
        "connection_id": trader.connection["id"],
        "index_id": "btc-d",
        "direction": "long",
        "size": "2000",
        **changes,
    }
    wanted = {name: value for name, value in body.items() if value is not ...}
    return trader.http.post("/api/previews", json=wanted)
