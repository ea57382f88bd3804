"""Limits, stops and flattening over HTTP: shapes, refusals, idempotency, and whose they are."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import func, select
from tests.app.test_hub import page
from tests.app.test_strangers import Served, bearer, owner, served, stranger
from tests.execution.conftest import Desk, desk, desk_clock
from tests.execution.test_executor import opened

from holdfast.execution.risk import stop_file, stops
from holdfast.execution.risk.models import Flatten, Stop
from holdfast.platform.models import Job

__all__ = ["desk", "desk_clock", "owner", "served", "stranger"]

Headers = dict[str, str]


def key() -> Headers:
    return {"Idempotency-Key": uuid4().hex}


async def test_limits_are_shown_set_and_kept(client: httpx2.AsyncClient, desk: Desk, owner: Headers):
    before = (await client.get("/api/limits", headers=owner)).json()
    assert set(before) == {"user", "defaults", "effective", "usage"}
    assert set(before["user"].values()) == {None}
    assert before["effective"] == before["defaults"]
    assert all(before["defaults"].values()), "every limit has an end"
    wanted = {"daily_loss": "500", "drawdown": "0.1", "orders_per_minute": 30}
    same = key()
    for _ in range(2):
        answer = await client.put("/api/limits", json=wanted, headers=owner | same)
        assert answer.status_code == 200, answer.text
    assert answer.headers["Idempotent-Replayed"] == "true"
    after = (await client.get("/api/limits", headers=owner)).json()
    assert after["user"] | wanted == after["user"]
    assert after["effective"]["daily_loss"] == "500"
    assert after["effective"]["gross_notional"] == after["defaults"]["gross_notional"]
    cleared = await client.put("/api/limits", json={}, headers=owner | key())
    assert set(cleared.json()["user"].values()) == {None}
    assert desk.user_id


@pytest.mark.parametrize(
    "wanted",
    [
        {"daily_loss": "0"},
        {"daily_loss": "-1"},
        {"daily_loss": "NaN"},
        {"daily_loss": "1e400"},
        {"drawdown": "1.01"},
        {"price_band": "0"},
        {"orders_per_minute": 0},
        {"orders_per_minute": 1.5},
        {"order_notional": "0.001"},
        {"no_such_limit": "1"},
        {"gross_notional": "100000001"},
    ],
)
async def test_a_limit_that_makes_no_sense_is_refused(
    client: httpx2.AsyncClient, desk: Desk, owner: Headers, wanted: dict[str, object]
):
    answer = await client.put("/api/limits", json=wanted, headers=owner | key())
    assert answer.status_code == 422, answer.text
    assert answer.json()["advice"]
    assert set((await client.get("/api/limits", headers=owner)).json()["user"].values()) == {None}
    assert desk.user_id


async def test_a_positions_limits_are_its_own(client: httpx2.AsyncClient, desk: Desk, owner: Headers):
    execution = await opened(desk)
    path = f"/api/positions/{execution.sleeve_id}/limits"
    wanted = {"sleeve_notional": "1000"}
    made = (await client.put(path, json=wanted, headers=owner | key())).json()
    assert made["position"]["sleeve_notional"] == made["effective"]["sleeve_notional"] == "1000"
    assert made["user"]["sleeve_notional"] is None
    assert made["usage"]["gross_notional"] == made["usage"]["sleeve_notional"] != "0"
    assert (await client.get("/api/limits", headers=owner)).json()["user"]["sleeve_notional"] is None


async def test_every_change_needs_a_key(client: httpx2.AsyncClient, desk: Desk, owner: Headers):
    for method, path, body in (
        ("PUT", "/api/limits", {}),
        ("PUT", f"/api/positions/{uuid4()}/limits", {}),
        ("POST", "/api/stops", {"scope": "user"}),
        ("POST", "/api/flatten", {"scope": "user"}),
    ):
        answer = await client.request(method, path, json=body, headers=owner)
        assert answer.status_code == 400, (method, path)
    assert desk.user_id


async def test_a_stop_is_made_once_shown_and_lifted(client: httpx2.AsyncClient, desk: Desk, owner: Headers):
    same = key()
    first = await client.post("/api/stops", json={"scope": "user", "reason": "enough"}, headers=owner | same)
    again = await client.post("/api/stops", json={"scope": "user", "reason": "enough"}, headers=owner | same)
    other = await client.post("/api/stops", json={"scope": "user"}, headers=owner | key())
    assert first.status_code == 201
    assert first.json() == again.json()
    assert other.json()["id"] == first.json()["id"]
    listed = (await client.get("/api/stops", headers=owner)).json()
    assert [(one["scope"], one["reason"], one["position_id"]) for one in listed] == [("user", "enough", None)]
    plan = await desk.plan()
    refused = await client.post(
        "/api/executions", json={"plan_id": str(plan.id), "digest": plan.digest}, headers=owner | key()
    )
    assert refused.status_code in (409, 410)
    for _ in range(2):
        assert (await client.delete(f"/api/stops/{listed[0]['id']}", headers=owner)).status_code == 204
    assert (await client.get("/api/stops", headers=owner)).json() == []


@pytest.mark.parametrize("position", [False, True])
async def test_what_is_under_way_hears_of_a_stop_at_once(
    client: httpx2.AsyncClient, desk: Desk, owner: Headers, position: bool
):
    """However long it meant to wait for its next slice."""
    execution = await desk.execution(await desk.confirm(await desk.plan()))
    job = select(Job).where(Job.kind == "execution.run", Job.subject == str(execution.id))
    later = datetime.now(UTC) + timedelta(days=400)
    async with desk.database.transaction() as session:
        (await session.scalars(job)).one().run_at = later
    wanted = {"scope": "position", "position_id": str(execution.sleeve_id)} if position else {"scope": "user"}
    answer = await client.post("/api/stops", json=wanted, headers=owner | key())
    assert answer.status_code == 201
    async with desk.database.sessions() as session:
        assert (await session.scalars(job)).one().run_at < later


async def test_only_the_operator_stops_and_resumes_the_installation(
    client: httpx2.AsyncClient, desk: Desk, owner: Headers
):
    answer = await client.post("/api/stops", json={"scope": "instance"}, headers=owner | key())
    assert answer.status_code == 422
    stop_file.write(desk.work.settings, since=desk.clock.now(), by="root on db-prod-3", reason="drill")
    shown = (await client.get("/api/stops", headers=owner)).json()
    assert [(one["scope"], one["by"]) for one in shown] == [("instance", "the operator")]
    await stops.follow_file(desk.work)
    (row,) = (await client.get("/api/stops", headers=owner)).json()
    assert row["by"] == "the operator"
    assert (await client.delete(f"/api/stops/{row['id']}", headers=owner)).status_code == 403


@pytest.mark.parametrize("path", ["/api/stops", "/api/flatten"])
@pytest.mark.parametrize(
    "body", [{}, {"scope": "position"}, {"scope": "user", "position_id": str(uuid4())}, {"scope": "all"}]
)
async def test_a_scope_that_names_nothing_is_refused(
    client: httpx2.AsyncClient, desk: Desk, owner: Headers, path: str, body: dict[str, str]
):
    answer = await client.post(path, json=body, headers=owner | key())
    assert answer.status_code == 422, answer.text
    assert desk.user_id


async def test_others_positions_cannot_be_stopped_flattened_or_limited(
    client: httpx2.AsyncClient, desk: Desk, owner: Headers, stranger: Headers
):
    execution = await opened(desk)
    wanted = {"scope": "position", "position_id": str(execution.sleeve_id)}
    for path in ("/api/stops", "/api/flatten"):
        assert (await client.post(path, json=wanted, headers=stranger | key())).status_code == 404, path
    await client.post("/api/stops", json={"scope": "user"}, headers=owner | key())
    assert (await client.get("/api/stops", headers=stranger)).json() == []
    assert (await client.get("/api/limits", headers=stranger)).json()["usage"]["gross_notional"] == "0"
    async with desk.database.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Flatten)) == 0


async def test_flattening_stops_enqueues_and_is_one(client: httpx2.AsyncClient, desk: Desk, owner: Headers):
    execution = await opened(desk)
    first = await client.post("/api/flatten", json={"scope": "user"}, headers=owner | key())
    second = await client.post("/api/flatten", json={"scope": "user"}, headers=owner | key())
    assert first.status_code == second.status_code == 202
    body = first.json()
    assert body == second.json()
    assert (body["state"], body["scope"]) == ("running", "user")
    assert [one["position_id"] for one in body["positions"]] == [str(execution.sleeve_id)]
    assert (await client.get(f"/api/flatten/{body['id']}", headers=owner)).json() == body
    async with desk.database.sessions() as session:
        stop = (await session.scalars(select(Stop))).one()
        jobs = list(await session.scalars(select(Job.subject).where(Job.kind == "execution.flatten")))
    assert (str(stop.id), stop.scope) == (body["stop_id"], "user")
    assert jobs == [body["id"]]


async def test_the_topic_stops_says_when_something_changed(
    client: httpx2.AsyncClient, desk: Desk, owner: Headers, stranger: Headers, served: Served
):
    async with page(served, bearer(owner)) as mine, page(served, bearer(stranger)) as theirs:
        await mine.subscribed("stops")
        await theirs.subscribed("stops")
        await mine.hears(lambda m: m.get("topic") == "stops" and m["data"]["in_force"] == 0)
        await client.post("/api/stops", json={"scope": "user"}, headers=owner | key())
        await mine.hears(lambda m: m.get("topic") == "stops" and m["data"]["in_force"] == 1)
        assert all(data["in_force"] == 0 for data in theirs.data("stops"))
    assert desk.user_id


async def test_a_stop_leads_to_what_was_closed_under_it(
    client: httpx2.AsyncClient, desk: Desk, owner: Headers
):
    assert desk.user_id
    await client.post("/api/stops", json={"scope": "user"}, headers=owner | key())
    (alone,) = (await client.get("/api/stops", headers=owner)).json()
    assert alone["flatten_id"] is None
    started = await client.post("/api/flatten", json={"scope": "user"}, headers=owner | key())
    (stopped,) = (await client.get("/api/stops", headers=owner)).json()
    assert stopped["flatten_id"] == started.json()["id"]
