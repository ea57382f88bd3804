"""The demo, and the check of keys, against the simulated venue over real HTTP."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from fastapi import FastAPI
from httpx2 import AsyncClient
from redis.asyncio import Redis
from sqlalchemy import text
from tests.accounts.conftest import bearer, sign_up_and_in

from holdfast.accounts import connections, tasks
from holdfast.accounts.doors import doors_of
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.settings import Mode, Settings
from holdfast.platform.tasks import RunAgainIn, Work
from holdfast.sim.server import create_app

TRADING = {"ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"]}
BOUND = {"ips": ["127.0.0.1"]}
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).isoformat()


@pytest.fixture
async def sim() -> AsyncIterator[TestServer]:
    server = TestServer(create_app(seed=3))
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
def settings(settings: Settings, sim: TestServer) -> Settings:
    settings.mode = Mode.DEMO
    assert sim.port is not None
    settings.sim_port = sim.port
    return settings


@pytest.fixture
async def work(database: Database, redis: Redis, settings: Settings) -> AsyncIterator[Work]:
    clock = SystemClock()
    made = Work(Lease(1, connections.CHECK_JOB, "", 1, 1, clock.now()), database, redis, settings, clock, {})
    yield made
    await doors_of(made).close()


async def checked(client: AsyncClient, headers: dict[str, str], work: Work) -> dict[str, Any]:
    """The user's only connection, after the worker has looked at its key."""
    (before,) = (await client.get("/api/connections", headers=headers)).json()
    with pytest.raises(RunAgainIn):
        await tasks.check_connection(replace(work, lease=replace(work.lease, subject=before["id"])))
    (after,) = (await client.get("/api/connections", headers=headers)).json()
    assert isinstance(after, dict)
    return after


async def open_account(sim: TestServer, **specification: Any) -> dict[str, str]:
    async with (
        ClientSession() as session,
        session.post(sim.make_url("/_sim/accounts"), json=specification) as answer,
    ):
        assert answer.status == 200, await answer.text()
        account: dict[str, str] = await answer.json()
        return account


async def truth(sim: TestServer, uid: str) -> dict[str, Any]:
    async with ClientSession() as session, session.get(sim.make_url(f"/_sim/accounts/{uid}/truth")) as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def test_a_visitor_is_one_click_from_a_funded_account(
    client: AsyncClient, work: Work, sim: TestServer
) -> None:
    answer = await client.post("/api/auth/demo")
    assert answer.status_code == 201
    assert answer.json()["user"]["is_demo"] is True
    assert answer.json()["user"]["email"] is None
    assert (await client.post("/api/auth/refresh")).status_code == 200
    headers = bearer(answer.json()["access_token"])
    connection = await checked(client, headers, work)
    assert (connection["label"], connection["environment"]) == ("Simulated Bybit", "simulated")
    assert (connection["state"], connection["state_reason"]) == ("active", "")
    assert {finding["level"] for finding in connection["checks"]} == {"ok"}
    assert "25000" in str((await truth(sim, connection["venue_uid"]))["balances"])


async def test_every_visitor_is_a_person_of_their_own(browser: Callable[..., AsyncClient]) -> None:
    one, other = browser(), browser()
    first, second = await one.post("/api/auth/demo"), await other.post("/api/auth/demo")
    assert first.json()["user"]["id"] != second.json()["user"]["id"]
    mine = (await one.get("/api/connections", headers=bearer(first.json()["access_token"]))).json()
    path = f"/api/connections/{mine[0]['id']}"
    assert (await other.get(path, headers=bearer(second.json()["access_token"]))).status_code == 404


async def test_there_is_no_demo_in_live_mode(app: FastAPI, client: AsyncClient) -> None:
    app.state.settings.mode = Mode.LIVE
    answer = await client.post("/api/auth/demo")
    assert answer.status_code == 403
    assert answer.json()["advice"]


async def test_a_silent_simulator_leaves_nothing_behind(
    app: FastAPI, client: AsyncClient, database: Database
) -> None:
    app.state.settings.sim_port = 1
    answer = await client.post("/api/auth/demo")
    assert answer.status_code == 503
    assert "set-cookie" not in answer.headers
    async with database.transaction() as session:
        for table in ("users", "connections", "sign_ins", "jobs"):
            assert await session.scalar(text(f"SELECT count(*) FROM {table}")) == 0


KEYS: list[tuple[dict[str, Any], str, str]] = [
    ({**BOUND}, "active", ""),
    ({}, "active", "any address"),
    ({**BOUND, "permissions": {**TRADING, "Wallet": ["Withdraw"]}}, "refused", "Withdraw"),
    ({**BOUND, "permissions": {**TRADING, "Wallet": ["AccountTransfer"]}}, "refused", "AccountTransfer"),
    ({**BOUND, "permissions": {**TRADING, "Teleport": ["Beam"]}}, "refused", "Teleport"),
    ({**BOUND, "permissions": {"ContractTrade": ["Order"]}}, "refused", "Position"),
    ({**BOUND, "permissions": {**TRADING, "Earn": ["Earn"]}}, "active", "Earn"),
    ({**BOUND, "read_only": True}, "watch_only", "read-only"),
    ({**BOUND, "expires": TOMORROW}, "active", "expires on"),
    ({**BOUND, "expires": YESTERDAY}, "refused", "expired"),
    ({**BOUND, "unified_status": 1}, "refused", "Unified"),
    ({**BOUND, "margin_mode": "PORTFOLIO_MARGIN"}, "refused", "portfolio"),
    ({**BOUND, "margin_mode": "ISOLATED_MARGIN"}, "active", "isolated"),
    ({**BOUND, "hedge_symbols": ["BTCUSDT"]}, "active", "BTCUSDT"),
    ({"ips": ["192.0.2.99"]}, "refused", "address"),
]
"""What the account and its key are like, the state that follows, and what is said."""


async def test_what_a_key_of_the_venue_may_do_decides_what_it_is_used_for(
    client: AsyncClient, work: Work, sim: TestServer
) -> None:
    headers = await sign_up_and_in(client)
    for number, (specification, state, said) in enumerate(KEYS):
        account = await open_account(sim, **specification)
        wanted = {"environment": "simulated", "label": "Mine"}
        wanted |= {name: account[name] for name in ("api_key", "api_secret")}
        once = headers | {"Idempotency-Key": str(number)}
        made = await client.post("/api/connections", json=wanted, headers=once)
        assert made.status_code == 201
        connection = await checked(client, headers, work)
        assert connection["state"] == state, (specification, connection["checks"])
        assert said in " ".join(finding["message"] for finding in connection["checks"]), specification
        assert bool(connection["state_reason"]) == (state == "refused")
        await client.delete(f"/api/connections/{connection['id']}", headers=headers)


async def test_a_wrong_secret_and_an_unknown_key_are_told_apart(
    client: AsyncClient, work: Work, sim: TestServer
) -> None:
    account = await open_account(sim, **BOUND)
    headers = await sign_up_and_in(client)
    secrets = ((account["api_key"], "x" * 36, "secret"), ("NobodyHasThisKey12", "x" * 36, "started anew"))
    for key, secret, said in secrets:
        wanted = {"environment": "simulated", "label": "Mine", "api_key": key, "api_secret": secret}
        made = await client.post("/api/connections", json=wanted, headers=headers | {"Idempotency-Key": key})
        connection = await checked(client, headers, work)
        assert connection["state"] == "refused"
        assert said in connection["state_reason"]
        await client.delete(f"/api/connections/{made.json()['id']}", headers=headers)
