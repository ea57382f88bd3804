"""Scripts at the API's door: kept in versions that never change, one user's own, written once per intent."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text
from tests.charts.conftest import Headers, key, owner, stranger, user_id
from tests.scripts.local import CROSS, FAILS, LocalRunner, script_of

from holdfast.core.errors import NotFound
from holdfast.platform.database import Database
from holdfast.platform.models import IdempotencyKey
from holdfast.scripts import service
from holdfast.scripts.models import Script, ScriptVersion
from holdfast.scripts.sandbox import Sandbox

__all__ = ["key", "owner", "stranger", "user_id"]

Key = Callable[[], Headers]


@pytest.fixture
def runner(app: FastAPI, sandbox: Sandbox) -> LocalRunner:
    app.state.sandbox = LocalRunner(sandbox)
    return app.state.sandbox  # type: ignore[no-any-return]


@pytest.fixture
async def kept(client: httpx2.AsyncClient, runner: LocalRunner, owner: Headers, key: Key) -> dict[str, Any]:
    answer = await client.post("/api/scripts", json=script_of(), headers=owner | key())
    assert answer.status_code == 201, answer.text
    return await shown(client, owner, answer.json()["id"])


async def shown(client: httpx2.AsyncClient, owner: Headers, script_id: str) -> dict[str, Any]:
    answer = await client.get(f"/api/scripts/{script_id}", headers=owner)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def rows(database: Database, model: type[Script] | type[ScriptVersion]) -> int:
    async with database.transaction() as session:
        return int(await session.scalar(select(func.count()).select_from(model)) or 0)


async def test_a_script_is_kept_with_what_its_check_told(
    client: httpx2.AsyncClient, kept: dict[str, Any], owner: Headers
) -> None:
    assert (kept["name"], kept["version"], kept["title"], kept["overlay"]) == ("Mine", 1, "Cross", True)
    assert kept["source"] == CROSS
    assert [(one["name"], one["default"], one["min"]) for one in kept["inputs"]] == [
        ("fast", 5, 2), ("slow", 20, 2),
    ]  # fmt: skip
    assert kept["error"] is None
    assert kept["findings"]["state"] == "clean"
    assert kept["findings"]["series"] is None, "there are no bars here: made-up ones were taken"
    assert [one["number"] for one in kept["versions"]] == [1]
    assert (await client.get(f"/api/scripts/{kept['id']}", headers=owner)).json() == kept
    (listed,) = (await client.get("/api/scripts", headers=owner)).json()
    assert listed == {name: kept[name] for name in listed}
    assert "source" not in listed
    version = (await client.get(f"/api/scripts/{kept['id']}/versions/1", headers=owner)).json()
    assert (version["source"], version["number"], version["sha256"]) == (CROSS, 1, kept["sha256"])


async def test_a_changed_source_is_a_new_version_and_the_old_one_stays(
    client: httpx2.AsyncClient, kept: dict[str, Any], owner: Headers, key: Key
) -> None:
    path = f"/api/scripts/{kept['id']}"
    wanted = {"name": "Yours", "source": CROSS + "# more\n", "version": 1}
    changed = (await client.put(path, json=wanted, headers=owner | key())).json()
    assert (changed["name"], changed["version"]) == ("Yours", 2)
    now = await shown(client, owner, kept["id"])
    assert now["source"] == wanted["source"]
    assert changed == {name: now[name] for name in ("id", "name", "version", "sha256", "updated_at")}
    assert [one["number"] for one in now["versions"]] == [2, 1]
    first = (await client.get(f"{path}/versions/1", headers=owner)).json()
    assert (first["source"], first["sha256"]) == (CROSS, kept["sha256"])
    missing = await client.get(f"{path}/versions/3", headers=owner)
    assert missing.status_code == 404
    assert "no version 3" in missing.json()["detail"]


async def test_the_same_source_under_another_name_is_no_new_version(
    client: httpx2.AsyncClient, runner: LocalRunner, kept: dict[str, Any], owner: Headers, key: Key
) -> None:
    runner.runs.clear()
    wanted = {"name": "Other", "source": CROSS, "version": 1}
    changed = (await client.put(f"/api/scripts/{kept['id']}", json=wanted, headers=owner | key())).json()
    assert (changed["name"], changed["version"]) == ("Other", 1)
    assert len((await shown(client, owner, kept["id"]))["versions"]) == 1
    assert not runner.runs


async def test_saving_what_is_kept_changes_nothing(
    client: httpx2.AsyncClient, kept: dict[str, Any], owner: Headers, key: Key
) -> None:
    for wanted in ({"source": CROSS, "version": 1}, {"name": "Mine", "source": CROSS, "version": 1}):
        answer = await client.put(f"/api/scripts/{kept['id']}", json=wanted, headers=owner | key())
        assert answer.status_code == 200
        assert await shown(client, owner, kept["id"]) == kept


async def test_the_answer_that_is_kept_of_a_save_is_small(
    client: httpx2.AsyncClient, runner: LocalRunner, database: Database, owner: Headers, key: Key
) -> None:
    """Whatever the script: it is kept for a week, and counts to nobody's room."""
    source = "#" * 60_000 + "".join(f'\ninput("n{n}", {n}, label="{"x" * 60}")' for n in range(20))
    made = await client.post("/api/scripts", json=script_of("Long", source), headers=owner | key())
    path = f"/api/scripts/{made.json()['id']}"
    for base in (1, 2):
        wanted = {"source": source + "#" * base, "version": base}
        assert (await client.put(path, json=wanted, headers=owner | key())).status_code == 200
    async with database.transaction() as session:
        sizes = [len(str(one.response)) for one in await session.scalars(select(IdempotencyKey))]
    assert len(sizes) == 3
    assert max(sizes) < 1024


async def test_all_scripts_of_a_user_are_found_by_an_index(database: Database) -> None:
    """Deleted ones too: their bytes are counted at every save."""
    async with database.transaction() as session:
        found = await session.scalar(
            text("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_scripts_user_id'")
        )
    assert found is not None
    assert "WHERE" not in found


async def test_who_read_an_older_version_is_told_of_the_newer_one(
    client: httpx2.AsyncClient, database: Database, kept: dict[str, Any], owner: Headers, key: Key
) -> None:
    path = f"/api/scripts/{kept['id']}"
    for number in (1, 2):
        wanted = {"source": CROSS + "#" * number, "version": number}
        assert (await client.put(path, json=wanted, headers=owner | key())).status_code == 200
    stale = await client.put(path, json={"source": "plot(1)", "version": 1}, headers=owner | key())
    assert stale.status_code == 409
    assert "Version 3" in stale.json()["detail"]
    assert stale.json()["current"]["version"] == 3
    assert stale.json()["current"]["source"] == CROSS + "##"
    ahead = await client.put(path, json={"source": "plot(1)", "version": 4}, headers=owner | key())
    assert ahead.status_code == 409
    assert await rows(database, ScriptVersion) == 3


async def test_of_two_who_save_at_the_same_time_one_is_told(
    client: httpx2.AsyncClient, kept: dict[str, Any], owner: Headers, key: Key
) -> None:
    path = f"/api/scripts/{kept['id']}"
    both = await asyncio.gather(
        *(
            client.put(path, json={"source": CROSS + "#" * n, "version": 1}, headers=owner | key())
            for n in (1, 2)
        )
    )
    assert sorted(one.status_code for one in both) == [200, 409]
    (won,) = (one.json() for one in both if one.status_code == 200)
    assert (await shown(client, owner, kept["id"]))["sha256"] == won["sha256"]


async def test_each_change_happens_once(
    client: httpx2.AsyncClient, runner: LocalRunner, database: Database, owner: Headers, key: Key
) -> None:
    first = key()
    made = [await client.post("/api/scripts", json=script_of(), headers=owner | first) for _ in range(2)]
    assert made[0].json() == made[1].json()
    assert made[1].headers["Idempotent-Replayed"] == "true"
    assert await rows(database, Script) == 1
    other = await client.post("/api/scripts", json=script_of("Other"), headers=owner | first)
    assert other.status_code == 422
    path, again = f"/api/scripts/{made[0].json()['id']}", key()
    wanted = {"source": CROSS + "#", "version": 1}
    runner.runs.clear()
    changed = [await client.put(path, json=wanted, headers=owner | again)]
    runs = len(runner.runs)
    changed.append(await client.put(path, json=wanted, headers=owner | again))
    assert [one.status_code for one in changed] == [200, 200]
    assert changed[0].json() == changed[1].json()
    assert len(runner.runs) == runs, "a repeat is not tried again"
    assert await rows(database, ScriptVersion) == 2
    gone = key()
    assert [(await client.delete(path, headers=owner | gone)).status_code for _ in range(2)] == [204, 204]
    for method, body in (("POST", script_of()), ("PUT", wanted), ("DELETE", None)):
        bare = await client.request(
            method, "/api/scripts" if method == "POST" else path, json=body, headers=owner
        )
        assert bare.status_code == 400, method


async def test_a_script_is_its_owners_on_every_verb(
    client: httpx2.AsyncClient, kept: dict[str, Any], owner: Headers, stranger: Headers, key: Key
) -> None:
    path = f"/api/scripts/{kept['id']}"
    asked: list[tuple[str, str, Any]] = [
        ("GET", path, None),
        ("GET", f"{path}/versions/1", None),
        ("GET", f"{path}/values?series=made:COIN", None),
        ("GET", f"{path}/values?series=made:COIN&version=1", None),
        ("PUT", path, {"source": "plot(1)", "version": 1}),
        ("DELETE", path, None),
    ]
    for method, address, body in asked:
        answer = await client.request(method, address, json=body, headers=stranger | key())
        assert answer.status_code == 404, (method, address)
        assert answer.json()["detail"] == "There is no such script."
        nobody = await client.request(method, address, json=body, headers=key())
        assert nobody.status_code == 401, (method, address)
    assert (await client.get("/api/scripts", headers=stranger)).json() == []
    assert (await client.get(path, headers=owner)).json() == kept
    for address, body in (("/api/scripts", script_of()), ("/api/scripts/check", {"source": CROSS})):
        assert (await client.post(address, json=body, headers=key())).status_code == 401


async def test_a_deleted_script_is_gone_with_its_versions(
    client: httpx2.AsyncClient,
    database: Database,
    kept: dict[str, Any],
    owner: Headers,
    user_id: UUID,
    key: Key,
) -> None:
    path = f"/api/scripts/{kept['id']}"
    assert (await client.delete(path, headers=owner | key())).status_code == 204
    assert (await client.get(path, headers=owner)).status_code == 404
    assert (await client.delete(path, headers=owner | key())).status_code == 404
    assert await rows(database, ScriptVersion) == 0


async def test_versions_that_are_needed_outlive_their_script(
    client: httpx2.AsyncClient,
    database: Database,
    kept: dict[str, Any],
    owner: Headers,
    user_id: UUID,
    key: Key,
) -> None:
    script_id, path = UUID(kept["id"]), f"/api/scripts/{kept['id']}"
    async with database.transaction() as session:
        await session.execute(
            text(
                "CREATE TABLE needs (script_id uuid, version int, FOREIGN KEY (script_id, version) "
                "REFERENCES script_versions (script_id, number))"
            )
        )
        await session.execute(text("INSERT INTO needs VALUES (:id, 1)"), {"id": script_id})
    assert (await client.delete(path, headers=owner | key())).status_code == 204
    assert (await client.get("/api/scripts", headers=owner)).json() == []
    for address in (path, f"{path}/versions/1"):
        assert (await client.get(address, headers=owner)).status_code == 404
    async with database.transaction() as session:
        assert (await service.version_of(session, user_id, script_id, 1)).source == CROSS
        with pytest.raises(NotFound):
            await service.version_of(session, user_id, script_id, None)
        with pytest.raises(NotFound):
            await service.version_of(session, uuid4(), script_id, 1)
        await session.execute(text("DROP TABLE needs"))
        await service.repository.forget_unneeded(session, user_id)
    assert await rows(database, Script) == 0


# --- limits -------------------------------------------------------------------------------------------------


async def test_so_many_scripts_and_no_more(
    client: httpx2.AsyncClient,
    runner: LocalRunner,
    monkeypatch: pytest.MonkeyPatch,
    kept: dict[str, Any],
    owner: Headers,
    key: Key,
) -> None:
    monkeypatch.setattr(service, "MOST_SCRIPTS", 2)
    second = await client.post("/api/scripts", json=script_of("Two"), headers=owner | key())
    assert second.status_code == 201
    runner.runs.clear()
    third = await client.post("/api/scripts", json=script_of("Three"), headers=owner | key())
    assert third.status_code == 409
    assert "2 scripts, which is the most" in third.json()["detail"]
    assert not runner.runs, "what cannot be kept is not tried"
    await client.delete(f"/api/scripts/{kept['id']}", headers=owner | key())
    third = await client.post("/api/scripts", json=script_of("Three"), headers=owner | key())
    assert third.status_code == 201


async def test_so_many_versions_and_bytes_and_no_more(
    client: httpx2.AsyncClient,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    kept: dict[str, Any],
    owner: Headers,
    key: Key,
) -> None:
    path = f"/api/scripts/{kept['id']}"
    monkeypatch.setattr(service, "MOST_VERSIONS", 2)
    for base, status in ((1, 200), (2, 409)):
        wanted = {"source": CROSS + "#" * base, "version": base}
        answer = await client.put(path, json=wanted, headers=owner | key())
        assert answer.status_code == status
    assert "2 versions, which is the most" in answer.json()["detail"]
    monkeypatch.setattr(service, "MOST_BYTES", 2 * len(CROSS) + 10)
    full = await client.post("/api/scripts", json=script_of(), headers=owner | key())
    assert full.status_code == 409
    assert "is the most" in full.json()["detail"]
    assert await rows(database, ScriptVersion) == 2


async def test_what_has_no_room_in_bytes_is_not_tried(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, runner: LocalRunner, owner: Headers, key: Key
) -> None:
    monkeypatch.setattr(service, "MOST_BYTES", 1500)
    full = await client.post("/api/scripts", json=script_of("Long", "#" + "é" * 1000), headers=owner | key())
    assert (full.status_code, runner.runs) == (409, [])


def test_values_may_be_unchanged(app: FastAPI) -> None:
    assert "304" in app.openapi()["paths"]["/api/scripts/{script_id}/values"]["get"]["responses"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "", "source": "x"}, "name"),
        ({"name": "n" * 81, "source": "x"}, "name"),
        ({"name": "a\nb", "source": "x"}, "control characters"),
        ({"name": "a\x00b", "source": "x"}, "control characters"),
        ({"name": "\ud800", "source": "x"}, "name"),
        ({"name": "a", "source": "x\x00"}, "no text"),
        ({"name": "a", "source": "\udfff"}, "source"),
        ({"name": "a", "source": "x" * 65_537}, "source"),
        ({"name": "a", "source": "é" * 32_769}, "at most 64 KiB"),
        ({"name": "a"}, "source"),
        ({"name": "a", "source": 7}, "source"),
        ({"name": "a", "source": "x", "more": 1}, "more"),
    ],
)
async def test_what_is_no_script_is_refused(
    client: httpx2.AsyncClient,
    runner: LocalRunner,
    owner: Headers,
    key: Key,
    body: dict[str, Any],
    words: str,
) -> None:
    import json

    answer = await client.post(
        "/api/scripts",
        content=json.dumps(body),
        headers=owner | key() | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 422, answer.text
    assert words in answer.json()["detail"]
    assert answer.json()["advice"]
    assert not runner.runs


async def test_the_largest_source_is_kept(
    client: httpx2.AsyncClient, runner: LocalRunner, owner: Headers, key: Key
) -> None:
    source = 'script("Long")\n#' + "é" * 32_700
    answer = await client.post("/api/scripts", json=script_of("Long", source), headers=owner | key())
    assert answer.status_code == 201, answer.text
    assert (await shown(client, owner, answer.json()["id"]))["source"] == source


# --- drafts -------------------------------------------------------------------------------------------------


async def test_a_draft_with_an_error_is_kept_and_says_where(
    client: httpx2.AsyncClient, runner: LocalRunner, owner: Headers, key: Key
) -> None:
    answer = await client.post("/api/scripts", json=script_of("Draft", FAILS), headers=owner | key())
    assert answer.status_code == 201
    draft = await shown(client, owner, answer.json()["id"])
    assert draft["error"]["line"] == 3
    assert "nothing" in draft["error"]["message"]
    assert draft["findings"]["state"] == "unchecked"


async def test_while_the_sandbox_is_away_scripts_are_kept_and_looked_at_later(
    client: httpx2.AsyncClient, runner: LocalRunner, owner: Headers, key: Key
) -> None:
    runner.away = True
    answer = await client.post("/api/scripts", json=script_of(), headers=owner | key())
    assert answer.status_code == 201
    unseen = await shown(client, owner, answer.json()["id"])
    assert (unseen["title"], unseen["findings"]["state"]) == ("", "unchecked")
    checked = await client.post("/api/scripts/check", json={"source": CROSS}, headers=owner)
    assert checked.status_code == 503
    assert checked.json()["advice"]
    runner.away = False
    path = f"/api/scripts/{answer.json()['id']}"
    again = await client.put(path, json={"source": CROSS, "version": 1}, headers=owner | key())
    assert again.status_code == 200
    seen = await shown(client, owner, answer.json()["id"])
    assert (seen["version"], seen["title"], seen["findings"]["state"]) == (1, "Cross", "clean")


async def test_examples_run_and_names_are_told(
    client: httpx2.AsyncClient, runner: LocalRunner, owner: Headers
) -> None:
    examples = (await client.get("/api/scripts/examples", headers=owner)).json()
    assert len(examples) >= 4
    for one in examples:
        assert one["name"]
        assert one["about"]
        found = await client.post("/api/scripts/check", json={"source": one["source"]}, headers=owner)
        assert found.json()["error"] is None, one["id"]
        assert found.json()["findings"]["state"] == "clean", one["id"]
    answer = await client.get("/api/scripts/reference", headers=owner)
    names = {one["name"]: one for one in answer.json()["names"]}
    assert {"bars.close", "input.int", "ta.rsi", "plot", "signal", "target"} <= names.keys()
    assert names["ta.rsi"]["signature"].startswith("ta.rsi(")
    assert "length=14" in names["ta.rsi"]["signature"]
