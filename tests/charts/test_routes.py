"""Layouts, drawings and alerts over HTTP: kept as sent, refused with words, and nobody else's."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from holdfast.charts.models import FiredAlert
from holdfast.charts.schemas import MOST_ALERTS, MOST_DRAWINGS, MOST_LAYOUTS
from holdfast.platform.database import Database

Headers = dict[str, str]
Key = Callable[[], Headers]

CELL = {"series": "bybit:BTCUSDT", "timeframe": "15m"}
TREND = {
    "id": "d1",
    "tool": "trend",
    "anchors": [{"time": 1_700_000_000, "price": "97000.10"}, {"time": 1_700_000_900, "price": "97123.4"}],
    "text": "",
    "colour": 3,
}
ALERT = {"series": "index:btc-d", "direction": "above", "price": "57.5", "note": "dominance"}


def layout(version: int = 0, **rest: Any) -> dict[str, Any]:
    return {"version": version, "name": "Morning", "cells": [CELL], **rest}


# --- layouts ------------------------------------------------------------------------------------------------


async def test_a_layout_is_kept_as_it_was_sent(client: httpx2.AsyncClient, owner: Headers, key: Key) -> None:
    path, same = f"/api/charts/layouts/{uuid4()}", key()
    cell = CELL | {
        "type": "heikin-ashi", "scale": "log", "volume": False, "compare": ["index:btc-d"],
        "indicators": [
            {
                "key": "a", "id": "bbands", "hidden": True,
                "inputs": {"length": 20, "width": 2.5, "source": "hl2"},
            },
            {"key": "b", "id": f"script:{uuid4()}", "hidden": False, "inputs": {"both_ways": True, "n": 3}},
        ],
        "marks": {"fills": False, "news": True, "journal": True, "hidden_signals": [str(uuid4())]},
    }  # fmt: skip
    wanted = layout(cells=[cell, CELL], active=1)
    for _ in range(2):
        answer = await client.put(path, json=wanted, headers=owner | same)
        assert answer.status_code == 200, answer.text
    assert answer.headers["Idempotent-Replayed"] == "true"
    (kept,) = (await client.get("/api/charts/layouts", headers=owner)).json()
    assert kept["cells"][0] == cell
    assert kept["cells"][1]["marks"] == {"fills": True, "news": True, "journal": True, "hidden_signals": []}
    assert (kept["version"], kept["name"], kept["active"], kept["is_default"]) == (1, "Morning", 1, True)


async def test_the_older_writer_is_told_of_the_newer(
    client: httpx2.AsyncClient, owner: Headers, key: Key
) -> None:
    path = f"/api/charts/layouts/{uuid4()}"
    await client.put(path, json=layout(), headers=owner | key())
    newer = await client.put(path, json=layout(1, name="Evening"), headers=owner | key())
    assert newer.json()["version"] == 2
    for version in (0, 1, 3):
        late = await client.put(path, json=layout(version, name="Noon"), headers=owner | key())
        assert late.status_code == 409
        assert late.json()["current"]["name"] == "Evening"
        assert late.json()["current"]["version"] == 2
    gone = await client.put(f"/api/charts/layouts/{uuid4()}", json=layout(4), headers=owner | key())
    assert gone.status_code == 409
    assert gone.json()["current"] is None


async def test_there_is_one_default_as_long_as_there_is_a_layout(
    client: httpx2.AsyncClient, owner: Headers, key: Key
) -> None:
    ids = [uuid4() for _ in range(3)]
    for number, one in enumerate(ids):
        wanted = layout(name=f"{number}", is_default=number == 1)
        await client.put(f"/api/charts/layouts/{one}", json=wanted, headers=owner | key())

    async def defaults() -> list[str]:
        kept = (await client.get("/api/charts/layouts", headers=owner)).json()
        return [one["name"] for one in kept if one["is_default"]]

    assert await defaults() == ["1"]
    await client.put(f"/api/charts/layouts/{ids[1]}", json=layout(1, name="1"), headers=owner | key())
    assert await defaults() == ["1"], "somebody must be"
    assert (await client.delete(f"/api/charts/layouts/{ids[1]}", headers=owner)).status_code == 204
    assert await defaults() == ["2"]
    for one in (ids[0], ids[2]):
        await client.delete(f"/api/charts/layouts/{one}", headers=owner)
    assert (await client.get("/api/charts/layouts", headers=owner)).json() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"cells": []},
        {"cells": [CELL] * 5},
        {"active": 1},
        {"name": ""},
        {"name": "x" * 81},
        {"name": "a\x00b"},
        {"version": -1},
        {"colour": 1},
        {"cells": [CELL | {"series": "nonsense"}]},
        {"cells": [CELL | {"timeframe": "7m"}]},
        {"cells": [CELL | {"compare": ["a:b"] * 9}]},
        {"cells": [CELL | {"marks": {"rumours": True}}]},
        {"cells": [CELL | {"marks": {"hidden_signals": ["mine"]}}]},
        {"cells": [CELL | {"marks": {"hidden_signals": [str(uuid4())] * 101}}]},
        {"cells": [CELL | {"indicators": [{"key": "a", "id": "sma", "inputs": {"x": "y" * 81}}]}]},
        {"cells": [CELL | {"indicators": [{"key": "a", "id": "sma", "inputs": {"x": [1]}}]}]},
        {"cells": [CELL | {"indicators": [{"key": "a", "id": "script:mine", "inputs": {}}]}]},
        {"cells": [CELL | {"indicators": [{"key": str(n), "id": "sma", "inputs": {}} for n in range(21)]}]},
    ],
)
async def test_a_layout_that_makes_no_sense_is_refused(
    client: httpx2.AsyncClient, owner: Headers, key: Key, wrong: dict[str, Any]
) -> None:
    answer = await client.put(f"/api/charts/layouts/{uuid4()}", json=layout() | wrong, headers=owner | key())
    assert answer.status_code == 422, answer.text
    assert answer.json()["advice"]


async def test_layouts_are_counted(client: httpx2.AsyncClient, owner: Headers, key: Key) -> None:
    for _ in range(MOST_LAYOUTS):
        await client.put(f"/api/charts/layouts/{uuid4()}", json=layout(), headers=owner | key())
    answer = await client.put(f"/api/charts/layouts/{uuid4()}", json=layout(), headers=owner | key())
    assert answer.status_code == 422
    assert "Delete one" in answer.json()["advice"]


# --- drawings -----------------------------------------------------------------------------------------------


async def test_drawings_are_kept_by_series_to_the_last_digit(
    client: httpx2.AsyncClient, owner: Headers, key: Key
) -> None:
    path = "/api/charts/drawings?series=bybit:BTCUSDT"
    empty = (await client.get(path, headers=owner)).json()
    assert empty == {"series": "bybit:BTCUSDT", "version": 0, "drawings": []}
    numbers = TREND | {"id": "d2", "anchors": [{"time": 1, "price": 0.1}, {"time": 2, "price": 1e-9}]}
    kept = await client.put(path, json={"version": 0, "drawings": [TREND, numbers]}, headers=owner | key())
    assert kept.status_code == 200, kept.text
    assert kept.json()["version"] == 1
    found = (await client.get(path, headers=owner)).json()
    assert found == kept.json()
    assert [one["price"] for one in found["drawings"][0]["anchors"]] == ["97000.1", "97123.4"]
    assert [one["price"] for one in found["drawings"][1]["anchors"]] == ["0.1", "0.000000001"]
    other = (await client.get("/api/charts/drawings?series=index:btc-d", headers=owner)).json()
    assert other["drawings"] == []


async def test_a_repeat_is_one_however_its_address_is_spelt(
    client: httpx2.AsyncClient, owner: Headers, key: Key
) -> None:
    same, wanted = owner | key(), {"version": 0, "drawings": [TREND]}
    path = "/api/charts/drawings?series=bybit"
    answers = [await client.put(path + rest, json=wanted, headers=same) for rest in (":BTC", "%3ABTC")]
    assert [answer.status_code for answer in answers] == [200, 200], answers[1].text
    assert "Idempotent-Replayed" not in answers[0].headers
    assert answers[1].headers["Idempotent-Replayed"] == "true"


async def test_drawings_written_over_newer_ones_are_refused_with_those(
    client: httpx2.AsyncClient, owner: Headers, key: Key
) -> None:
    path, same = "/api/charts/drawings?series=bybit:BTCUSDT", key()
    for _ in range(2):
        first = await client.put(path, json={"version": 0, "drawings": [TREND]}, headers=owner | same)
        assert first.status_code == 200
    late = await client.put(path, json={"version": 0, "drawings": []}, headers=owner | key())
    assert late.status_code == 409
    assert late.json()["current"]["version"] == 1
    assert late.json()["current"]["drawings"][0]["id"] == "d1"
    assert (await client.put(path, json={"version": 1, "drawings": []}, headers=owner)).status_code == 400
    cleared = await client.put(path, json={"version": 1, "drawings": []}, headers=owner | key())
    assert cleared.json() == {"series": "bybit:BTCUSDT", "version": 2, "drawings": []}


@pytest.mark.parametrize(
    "wrong",
    [
        TREND | {"tool": "doodle"},
        TREND | {"anchors": TREND["anchors"][:1]},  # type: ignore[index]
        TREND | {"anchors": []},
        TREND | {"tool": "horizontal"},
        TREND | {"colour": 9},
        TREND | {"text": "x" * 501},
        TREND | {"text": "\x07"},
        TREND | {"anchors": [{"time": 1, "price": "NaN"}, {"time": 2, "price": "1"}]},
        TREND | {"anchors": [{"time": 1, "price": "1e400"}, {"time": 2, "price": "1"}]},
        TREND | {"anchors": [{"time": -1, "price": "1"}, {"time": 2, "price": "1"}]},
        TREND | {"script": "alert(1)"},
    ],
)
async def test_a_drawing_that_makes_no_sense_is_refused(
    client: httpx2.AsyncClient, owner: Headers, key: Key, wrong: dict[str, Any]
) -> None:
    answer = await client.put(
        "/api/charts/drawings?series=bybit:BTCUSDT",
        json={"version": 0, "drawings": [wrong]},
        headers=owner | key(),
    )
    assert answer.status_code == 422, answer.text


async def test_drawings_are_counted(client: httpx2.AsyncClient, owner: Headers, key: Key) -> None:
    path = "/api/charts/drawings?series=bybit:BTCUSDT"
    many = [TREND | {"id": str(number)} for number in range(MOST_DRAWINGS + 1)]
    for drawings in (many, [TREND, TREND]):
        answer = await client.put(path, json={"version": 0, "drawings": drawings}, headers=owner | key())
        assert answer.status_code == 422
    answer = await client.put(path, json={"version": 0, "drawings": many[1:]}, headers=owner | key())
    assert answer.status_code == 200


# --- alerts -------------------------------------------------------------------------------------------------


async def test_an_alert_is_made_changed_and_deleted(
    client: httpx2.AsyncClient, owner: Headers, key: Key
) -> None:
    same = key()
    answers = [await client.post("/api/charts/alerts", json=ALERT, headers=owner | same) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    made = answers[0].json()
    assert answers[1].json() == made
    assert made | ALERT == made
    assert (made["repeat"], made["active"], made["fired_at"]) == ("once", True, None)
    assert (await client.get("/api/charts/alerts", headers=owner)).json() == [made]
    path = f"/api/charts/alerts/{made['id']}"
    wanted = ALERT | {"price": "60", "repeat": "every", "active": False}
    changed = (await client.put(path, json=wanted, headers=owner | key())).json()
    assert changed == made | wanted
    assert (await client.delete(path, headers=owner)).status_code == 204
    assert (await client.get("/api/charts/alerts", headers=owner)).json() == []
    assert (await client.put(path, json=wanted, headers=owner | key())).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"price": "0"}, 422),
        ({"price": "-5"}, 422),
        ({"price": "NaN"}, 422),
        ({"price": "1e30"}, 422),
        ({"price": "0.0000000000001"}, 422),
        ({"direction": "sideways"}, 422),
        ({"repeat": "twice"}, 422),
        ({"note": "x" * 201}, 422),
        ({"series": "own:8c5c6a5e-0000-4000-8000-000000000000"}, 422),
        ({"series": "lean:BTCUSDT"}, 422),
        ({"series": "index:no-such"}, 404),
        ({"series": "bybit:NOSUCH"}, 404),
        ({"side": "above"}, 422),
    ],
)
async def test_an_alert_that_makes_no_sense_is_refused(
    client: httpx2.AsyncClient, owner: Headers, key: Key, wrong: dict[str, Any], status: int
) -> None:
    answer = await client.post("/api/charts/alerts", json=ALERT | wrong, headers=owner | key())
    assert answer.status_code == status, answer.text
    assert answer.json()["advice"]
    assert (await client.get("/api/charts/alerts", headers=owner)).json() == []


async def test_alerts_are_counted(client: httpx2.AsyncClient, owner: Headers, key: Key) -> None:
    for _ in range(MOST_ALERTS):
        await client.post("/api/charts/alerts", json=ALERT, headers=owner | key())
    answer = await client.post("/api/charts/alerts", json=ALERT, headers=owner | key())
    assert answer.status_code == 422
    assert "Delete one" in answer.json()["advice"]


async def test_what_fired_is_paged(
    client: httpx2.AsyncClient, database: Database, user_id: UUID, owner: Headers
) -> None:
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    async with database.transaction() as session:
        session.add_all(
            FiredAlert(
                id=UUID(int=number), user_id=user_id, alert_id=uuid4(), series="bybit:COIN", note="",
                price=Decimal(number), seen_price=Decimal("1.5"), direction="above",
                at=begin + timedelta(seconds=number // 2),
            )
            for number in range(7)
        )  # fmt: skip
    found, cursor = [], ""
    while True:
        page = (await client.get(f"/api/charts/alerts/fired?limit=3{cursor}", headers=owner)).json()
        found += [one["price"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == ["6", "5", "4", "3", "2", "1", "0"]
    assert (await client.get("/api/charts/alerts/fired?cursor=nonsense", headers=owner)).status_code == 422


# --- whose they are -----------------------------------------------------------------------------------------


async def test_another_user_finds_nothing_and_changes_nothing(
    client: httpx2.AsyncClient, database: Database, user_id: UUID, owner: Headers, stranger: Headers, key: Key
) -> None:
    layout_path = f"/api/charts/layouts/{uuid4()}"
    drawings_path = "/api/charts/drawings?series=bybit:BTCUSDT"
    await client.put(layout_path, json=layout(), headers=owner | key())
    await client.put(drawings_path, json={"version": 0, "drawings": [TREND]}, headers=owner | key())
    alert = (await client.post("/api/charts/alerts", json=ALERT, headers=owner | key())).json()
    async with database.transaction() as session:
        session.add(
            FiredAlert(
                id=uuid4(), user_id=user_id, alert_id=UUID(alert["id"]), series="bybit:COIN", note="",
                price=Decimal(1), seen_price=Decimal(1), direction="above",
                at=datetime(2026, 3, 1, tzinfo=UTC),
            )
        )  # fmt: skip
    alert_path = f"/api/charts/alerts/{alert['id']}"
    assert (await client.get("/api/charts/layouts", headers=stranger)).json() == []
    assert (await client.get("/api/charts/alerts", headers=stranger)).json() == []
    assert (await client.get("/api/charts/alerts/fired", headers=stranger)).json()["items"] == []
    assert (await client.get(drawings_path, headers=stranger)).json()["drawings"] == []
    assert (await client.delete(layout_path, headers=stranger)).status_code == 404
    assert (await client.delete(alert_path, headers=stranger)).status_code == 404
    assert (await client.put(alert_path, json=ALERT, headers=stranger | key())).status_code == 404
    own = await client.put(layout_path, json=layout(name="Mine"), headers=stranger | key())
    assert (own.status_code, own.json()["version"]) == (200, 1), "the same id is another user's own"
    (kept,) = (await client.get("/api/charts/layouts", headers=owner)).json()
    assert kept["name"] == "Morning"
    assert (await client.get("/api/charts/alerts", headers=owner)).json() == [alert]
    assert len((await client.get("/api/charts/alerts/fired", headers=owner)).json()["items"]) == 1
    for method, path in (
        ("GET", "/api/charts/layouts"), ("PUT", layout_path), ("DELETE", layout_path),
        ("GET", drawings_path), ("PUT", drawings_path), ("GET", "/api/charts/alerts"),
        ("POST", "/api/charts/alerts"), ("PUT", alert_path), ("DELETE", alert_path),
        ("GET", "/api/charts/alerts/fired"),
    ):  # fmt: skip
        assert (await client.request(method, path, headers=key())).status_code == 401, (method, path)
