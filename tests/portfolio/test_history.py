"""Histories of fills and payments: pages, filters and exports."""

import csv
import io
from typing import Any

import pytest

from .conftest import Desk
from .story import Book, a_position


async def test_pages_of_fills_are_complete_and_in_order(desk: Desk) -> None:
    sleeve, book = await a_position(desk)
    for i in range(5):
        await book.fill("BTCUSDT", "0.001", str(100_000 + i), by=sleeve)
    await book.fill("BTCUSDT", "0.002", "100000")
    seen: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await desk.get("/fills", **params)).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert len(page["items"]) == 3

    assert [fill["exec_id"] for fill in seen] == [f"e{n:03}" for n in range(8, 0, -1)]
    assert (seen[0]["by_hand"], seen[0]["position_id"], seen[0]["index_name"]) == (True, None, "")
    assert (seen[1]["by_hand"], seen[1]["index_name"]) == (False, "Bitcoin dominance")
    assert seen[-1]["value"] == "4000"


async def test_filters(desk: Desk) -> None:
    sleeve, book = await a_position(desk)
    await book.fill("BTCUSDT", "0.002", "100000")

    async def ids(**params: Any) -> list[str]:
        return [fill["exec_id"] for fill in (await desk.get("/fills", **params)).json()["items"]]

    assert await ids(position=str(sleeve)) == ["e002", "e001"]
    assert await ids(symbol="btcusdt") == ["e003", "e001"]
    assert await ids(**{"from": "2026-03-01T12:00:02Z", "to": "2026-03-01T12:00:03Z"}) == ["e002"]

    async def payments(**params: Any) -> list[tuple[str, str]]:
        return [(p["kind"], p["amount"]) for p in (await desk.get("/payments", **params)).json()["items"]]

    assert await payments() == [("funding", "0.3"), ("fee", "-0.5"), ("fee", "-0.5"), ("fee", "-0.5")]
    assert await payments(kind="funding") == [("funding", "0.3")]
    assert await payments(kind="fee", limit=1) == [("fee", "-0.5")]
    assert await payments(kind="adjustment") == []


async def test_pages_of_payments(desk: Desk) -> None:
    await a_position(desk)
    first = (await desk.get("/payments", limit=2)).json()
    second = (await desk.get("/payments", limit=2, cursor=first["next_cursor"])).json()

    assert [p["kind"] for p in first["items"] + second["items"]] == ["funding", "fee", "fee"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("path", ["/fills", "/payments"])
async def test_filters_that_make_no_sense(desk: Desk, path: str) -> None:
    for params in (
        {"from": "2026-03-01T12:00:00"},
        {"from": "yesterday"},
        {"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"},
        {"position": "mine"},
        {"cursor": "nonsense"},
        {"cursor": "WyIyMDI2LTAzLTAxVDEyOjAwOjAwKzAwOjAwIiwgIngiXQ"},
        {"limit": "0"},
        {"limit": "100000"},
        {"symbol": "x" * 41},
    ):
        answer = await desk.get(path, **params)
        assert answer.status_code == 422, params
        assert answer.json()["advice"]
    assert (await desk.get("/payments", kind="gift")).status_code == 422


async def test_exports(desk: Desk) -> None:
    sleeve, _ = await a_position(desk)
    answer = await desk.get("/fills.csv")
    rows = list(csv.reader(io.StringIO(answer.text)))

    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert rows[0][0].startswith("Simulated market")
    newest = dict(zip(rows[1], rows[2], strict=True))
    assert newest["symbol"] == "ETHUSDT"
    assert (newest["quantity"], newest["price"], newest["value"]) == ("1", "4000", "4000")
    assert newest["position"] == str(sleeve)
    assert len(rows) == 4

    payments = list(csv.reader(io.StringIO((await desk.get("/payments.csv", kind="fee")).text)))
    assert [row[5] for row in payments[2:]] == ["-0.5", "-0.5"]


async def test_no_cell_of_an_export_is_a_formula(desk: Desk) -> None:
    await Book(desk).fill('=HYPERLINK("http://x")', "1", "10")
    answer = await desk.get("/fills.csv")

    assert "'=HYPERLINK" in answer.text
    assert not any(cell.startswith("=") for row in csv.reader(io.StringIO(answer.text)) for cell in row)
