"""Incidents over HTTP and on the command line."""

from datetime import timedelta
from typing import Any, ClassVar

import httpx2
import pytest
from tests.app.test_strangers import access
from tests.execution.conftest import Desk, desk, desk_clock
from typer.testing import CliRunner

from holdfast.app.cli import incidents as command
from holdfast.app.cli.main import app as cli
from holdfast.execution.incidents.incidents import News, note
from holdfast.platform.settings import Settings

__all__ = ["desk", "desk_clock"]


@pytest.fixture
async def owner(desk: Desk, settings: Settings) -> dict[str, str]:
    return await access(desk.database, settings, desk.user_id)


async def happened(desk: Desk, count: int) -> None:
    async with desk.database.transaction() as session:
        for n in range(count):
            at = desk.clock.now() + timedelta(seconds=n // 2)
            news = News("adl", "alarm", f"Deleveraged {n}.", "A part was closed.", "BTCUSDT")
            await note(
                session,
                news,
                user_id=desk.user_id,
                connection_id=desk.connection_id,
                reference=f"{n}",
                at=at,
                settled_at=at if n == 0 else None,
            )


async def test_pages_are_newest_first_without_gap_or_repeat(
    client: httpx2.AsyncClient, desk: Desk, owner: dict[str, str]
) -> None:
    await happened(desk, 9)
    titles, cursor = [], None
    while True:
        query = {"state": "all", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/api/incidents", params=query, headers=owner)).json()
        titles += [item["title"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(titles) == [f"Deleveraged {n}." for n in range(9)]
    assert titles[0] == "Deleveraged 8."


async def test_open_ones_are_shown_by_default_and_seeing_settles(
    client: httpx2.AsyncClient, desk: Desk, owner: dict[str, str]
) -> None:
    await happened(desk, 3)
    first, second = (await client.get("/api/incidents", headers=owner)).json()["items"]
    assert (first["acknowledge"], first["connection_label"], first["kind"]) == (True, "Test", "adl")
    for _ in range(2):
        answer = await client.post(f"/api/incidents/{first['id']}/seen", headers=owner)
        assert answer.status_code == 204
    left = (await client.get("/api/incidents", headers=owner)).json()["items"]
    assert [item["id"] for item in left] == [second["id"]]


async def test_bad_questions_are_refused_in_words(
    client: httpx2.AsyncClient, desk: Desk, owner: dict[str, str]
) -> None:
    for query in ({"cursor": "nonsense"}, {"state": "closed"}, {"position": "x"}, {"limit": "0"}):
        answer = await client.get("/api/incidents", params=query, headers=owner)
        assert answer.status_code == 422, query
        assert answer.json()["advice"]
    assert (await client.post("/api/incidents/x/seen", headers=owner)).status_code == 422


class Api:
    """The command's side of the HTTP API."""

    seen: ClassVar[list[str]] = []

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def get(self, _: str, **query: Any) -> dict[str, Any]:
        item = {
            "id": "abcdef12-0000",
            "at": "2026-11-21T12:00:00Z",
            "severity": "alarm",
            "title": "BTCUSDT was liquidated by the venue.",
            "text": "Look at its margin.",
            "connection_label": "Main",
            "settled_at": None,
            "seen_at": None,
        }
        return {"items": [item] if query["state"] in ("open", "all") else []}

    def post(self, path: str) -> None:
        self.seen.append(path)


def test_the_command_lists_and_marks_as_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "Client", Api)
    shown = CliRunner().invoke(cli, ["incidents"])
    assert shown.exit_code == 0, shown.output
    assert "liquidated" in shown.output
    assert CliRunner().invoke(cli, ["incidents", "--seen", "abc"]).exit_code == 0
    assert Api.seen == ["/api/incidents/abcdef12-0000/seen"]
    assert CliRunner().invoke(cli, ["incidents", "--seen", "zzz"]).exit_code == 1
