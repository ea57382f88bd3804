"""Another user's things are not there: on every verb, in every list, on every topic of the stream."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import select
from tests.app.test_hub import Page, page
from tests.execution.conftest import Desk, desk, desk_clock
from tests.execution.test_executor import opened

from holdfast.accounts.models import SignIn, User
from holdfast.accounts.tokens import Tokens, ensure_signing_key
from holdfast.accounts.vault import ensure_key_pair
from holdfast.charts.datasets.models import Dataset
from holdfast.execution.incidents.incidents import News, note
from holdfast.execution.incidents.models import Incident
from holdfast.market.candles.models import CandleImport
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings

__all__ = ["desk", "desk_clock"]

NOW = SystemClock().now()
PRIVATE = {
    "positions", "position", "execution", "orders", "connections", "incidents", "stops", "alerts",
    "strategies",
}  # fmt: skip
ROOMS = ("charts", "journal", "scripts", "backtests", "strategies")
"""Whose own tests ask as strangers."""
PUBLIC_IDS = ("{index_id}", "{indicator_id}", "{source}", "{article_id}")


async def access(database: Database, settings: Settings, user_id: UUID) -> dict[str, str]:
    sign_in, now = uuid4(), SystemClock().now()
    async with database.transaction() as session:
        session.add(
            SignIn(id=sign_in, user_id=user_id, user_agent="", ip="", created_at=now, last_used_at=now)
        )
    ensure_key_pair(settings.secrets_dir)
    tokens = Tokens(ensure_signing_key(settings.secrets_dir), access_lifetime=timedelta(minutes=10))
    return {"Authorization": f"Bearer {tokens.issue_access(user_id, sign_in, now=now)}"}


@pytest.fixture
async def owner(desk: Desk, settings: Settings) -> dict[str, str]:
    return await access(desk.database, settings, desk.user_id)


@pytest.fixture
async def stranger(desk: Desk, settings: Settings) -> dict[str, str]:
    user = User(id=uuid4(), is_demo=True, created_at=NOW)
    async with desk.database.transaction() as session:
        session.add(user)
    return await access(desk.database, settings, user.id)


def private_routes(app: FastAPI) -> list[tuple[str, str]]:
    """Every route with an id of something that has an owner. Those of charts, where users choose ids
    themselves, are judged with the charts, and some rooms judge their own."""
    return [
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if "{" in path
        and not any(name in path for name in PUBLIC_IDS)
        and not path.startswith(tuple(f"/api/{room}/" for room in ROOMS))
    ]


async def test_ids_of_others_are_nowhere_on_any_verb(
    app: FastAPI, client: httpx2.AsyncClient, desk: Desk, owner: dict[str, str], stranger: dict[str, str]
) -> None:
    execution = await opened(desk)
    mine = (await client.get("/api/orders", headers=owner)).json()["items"]
    ids = {
        "connection_id": desk.connection_id,
        "plan_id": execution.plan_id,
        "position_id": execution.sleeve_id,
        "execution_id": execution.id,
        "order_id": mine[0]["id"],
        "incident_id": await incident(desk),
        "import_id": await an_import(desk),
        "dataset_id": await a_dataset(desk),
    }
    flattening = (
        await client.post(
            "/api/flatten", json={"scope": "user"}, headers=owner | {"Idempotency-Key": uuid4().hex}
        )
    ).json()
    ids |= {"flatten_id": flattening["id"], "stop_id": flattening["stop_id"]}
    routes = private_routes(app)
    assert len(routes) >= 8
    for method, path in routes:
        url = path.format(**ids)
        body = (
            {}
            if path.endswith(("/limits", "/{dataset_id}"))
            else {"api_key": "a" * 18, "api_secret": "b" * 36}
        )
        headers = {"Idempotency-Key": "k"}
        answer = await client.request(
            method, url, headers=stranger | headers, json=body if method in ("POST", "PUT", "PATCH") else None
        )
        assert answer.status_code == 404, (method, path, answer.text)
        assert (await client.request(method, url, headers=headers)).status_code == 401, (method, path)
        if method == "GET":
            assert (await client.get(url, headers=owner)).status_code == 200, path


async def incident(desk: Desk, sleeve_id: UUID | None = None) -> UUID:
    """Something that happened to the desk's user."""
    news = News("adl", "alarm", "Deleveraged.", "The venue closed a part.", "BTCUSDT", sleeve_id)
    async with desk.database.transaction() as session:
        await note(
            session, news, user_id=desk.user_id, connection_id=desk.connection_id, reference="1", at=NOW
        )
    async with desk.database.sessions() as session:
        return (await session.scalars(select(Incident.id))).one()


async def an_import(desk: Desk) -> UUID:
    """A file that the desk's user sent."""
    row = CandleImport(
        id=uuid4(), owner_id=desk.user_id, source="lean", symbol="COIN", file_name="coin.csv", size=1,
        sha256="", state="done", created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    async with desk.database.transaction() as session:
        session.add(row)
    return row.id


async def a_dataset(desk: Desk) -> UUID:
    """A file of signals that the desk's user brought."""
    row = Dataset(
        id=uuid4(), user_id=desk.user_id, kind="signals", name="Mine", series="index:btc-d",
        file_name="s.csv", size=1, state="ready", created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    async with desk.database.transaction() as session:
        session.add(row)
    return row.id


async def test_lists_and_exports_hold_nothing_of_others(
    client: httpx2.AsyncClient, desk: Desk, owner: dict[str, str], stranger: dict[str, str]
) -> None:
    execution = await opened(desk)
    await incident(desk, execution.sleeve_id)
    for path in ("positions", "executions", "orders", "fills", "payments", "connections", "incidents"):
        for query in ("", f"?position={execution.sleeve_id}"):
            theirs = (await client.get(f"/api/{path}{query}", headers=stranger)).json()
            found = theirs["items"] if isinstance(theirs, dict) else theirs
            assert found == [], path
        owned = (await client.get(f"/api/{path}", headers=owner)).json()
        assert owned["items"] if isinstance(owned, dict) else owned, path
    assert (await client.get("/api/overview", headers=stranger)).json()["positions"] == []
    for path in ("orders.csv", "fills.csv", "payments.csv"):
        lines = (await client.get(f"/api/{path}", headers=stranger)).text.splitlines()
        assert len(lines) == 2, path
        assert len((await client.get(f"/api/{path}", headers=owner)).text.splitlines()) > 2, path


async def test_previews_and_executions_of_others_cannot_be_used(
    client: httpx2.AsyncClient, desk: Desk, owner: dict[str, str], stranger: dict[str, str]
) -> None:
    execution = await opened(desk)
    plan = await desk.plan()
    wanted = {"plan_id": str(plan.id), "digest": plan.digest}
    answer = await client.post("/api/executions", json=wanted, headers=stranger | {"Idempotency-Key": "x"})
    assert answer.status_code == 404
    for preview in (
        {"kind": "close", "position_id": str(execution.sleeve_id)},
        {
            "kind": "open",
            "connection_id": str(desk.connection_id),
            "index_id": "btc-d",
            "direction": "long",
            "size": "1000",
        },
    ):
        assert (await client.post("/api/previews", json=preview, headers=stranger)).status_code == 404


async def test_one_key_of_two_users_is_two_intents_and_a_refusal_leaves_the_key_free(
    client: httpx2.AsyncClient, desk: Desk, owner: dict[str, str], stranger: dict[str, str]
) -> None:
    body = {"label": "Mine", "environment": "simulated", "api_key": "a" * 18, "api_secret": "b" * 36}
    bad = body | {"label": " "}
    key = {"Idempotency-Key": "the-same"}
    assert (await client.post("/api/connections", json=bad, headers=owner | key)).status_code == 422
    first = await client.post("/api/connections", json=body, headers=owner | key)
    assert first.status_code == 201, first.text
    again = await client.post("/api/connections", json=body, headers=owner | key)
    assert again.json() == first.json()
    other = await client.post("/api/connections", json=body, headers=stranger | key)
    assert other.status_code == 201
    assert other.json()["id"] != first.json()["id"]
    changed = await client.post("/api/connections", json=body | {"api_secret": "c" * 36}, headers=owner | key)
    assert changed.status_code == 422


async def test_every_private_topic_is_judged_here(app: FastAPI) -> None:
    providers = app.state.hub._providers
    assert {name for name, provider in providers.items() if provider.private("")} == PRIVATE


@dataclass
class Served:
    """An application on a real port."""

    url: str


@pytest.fixture
async def served(app: FastAPI) -> AsyncIterator[Served]:
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    yield Served(f"ws://127.0.0.1:{port}/api/stream")
    running.should_exit = running.force_exit = True
    await task


async def test_no_topic_tells_a_stranger_anything(
    client: httpx2.AsyncClient,
    desk: Desk,
    owner: dict[str, str],
    stranger: dict[str, str],
    served: Served,
) -> None:
    execution = await opened(desk)
    keyed = [f"position:{execution.sleeve_id}", f"execution:{execution.id}"]
    own = ["positions", "orders", "connections", "incidents", "stops", "alerts"]
    await incident(desk)
    alert = {"series": "index:btc-d", "direction": "above", "price": "57.5"}
    made = await client.post("/api/charts/alerts", json=alert, headers=owner | {"Idempotency-Key": "a"})
    assert made.status_code == 201
    async with (
        page(served, bearer(owner)) as mine,
        page(served, bearer(stranger)) as theirs,
        page(served) as visitor,
    ):
        await mine.subscribed(*keyed, *own)
        for topic in keyed + own:
            await mine.hears(lambda m, topic=topic: m.get("topic") == topic)
        for topic in keyed:
            await refused(theirs, topic)
        for topic in keyed + own:
            await refused(visitor, topic)
        await theirs.subscribed(*own)
        await theirs.hears(lambda m: m.get("topic") == "positions")
        await theirs.hears(lambda m: m.get("topic") == "connections")
        await theirs.hears(lambda m: m.get("topic") == "incidents")
        await theirs.hears(lambda m: m.get("topic") == "alerts")
        await theirs.hears(lambda m: m.get("topic") == "orders")
        assert theirs.data("orders")[0] == {"orders": [], "fills": []}
        assert mine.data("orders")[0]["fills"]
        assert theirs.data("alerts")[0] == {"alerts": [], "fired": []}
        assert mine.data("alerts")[0]["alerts"]
        assert theirs.data("incidents")[0]["open"] == 0
        assert mine.data("incidents")[0]["open"] == 1
        assert theirs.data("positions")[0]["positions"] == []
        assert theirs.data("connections")[0] == []
        assert mine.data("positions")[0]["positions"]
        assert mine.data("connections")[0]


async def refused(nosy: Page, topic: str) -> None:
    await nosy.say(op="subscribe", topics=[topic])
    await nosy.hears(lambda m: m.get("op") == "error" and repr(topic) in m["detail"])
    assert nosy.data(topic) == []


def bearer(headers: dict[str, str]) -> str:
    return headers["Authorization"].removeprefix("Bearer ")
