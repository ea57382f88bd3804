"""Connections over HTTP: sealing, idempotency, ownership, deletion."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient, Response
from sqlalchemy import select, text
from tests.accounts.conftest import Holdings, sign_up_and_in

from holdfast.accounts.models import Connection
from holdfast.accounts.vault import OpenVault, VenueCredentials
from holdfast.platform.database import Database
from holdfast.platform.models import Job
from holdfast.platform.settings import Mode, Settings

WANTED = {
    "environment": "live",
    "label": "Main account",
    "api_key": "abcdefgh12345678XY",
    "api_secret": "secretsecretsecretsecretsecretsecret",
}


async def connect(client: AsyncClient, headers: dict[str, str], key: str = "k1", **changes: str) -> Response:
    return await client.post(
        "/api/connections", json=WANTED | changes, headers=headers | {"Idempotency-Key": key}
    )


async def test_a_new_connection_is_sealed_and_checked_by_a_worker(
    client: AsyncClient, database: Database, settings: Settings
) -> None:
    headers = await sign_up_and_in(client)
    answer = await connect(client, headers, label="  Main account ", api_key=f" {WANTED['api_key']}\n")
    assert answer.status_code == 201
    view = answer.json()
    assert (view["state"], view["label"], view["key_hint"]) == ("checking", "Main account", "…78XY")
    assert view == (await client.get(f"/api/connections/{view['id']}", headers=headers)).json()
    assert [view] == (await client.get("/api/connections", headers=headers)).json()
    async with database.transaction() as session:
        row = (await session.scalars(select(Connection))).one()
        jobs = [(job.kind, job.subject) for job in await session.scalars(select(Job))]
    assert jobs == [("accounts.check_connection", view["id"])]
    assert row.sealed is not None
    opened = OpenVault.from_directory(settings.secrets_dir).open(
        row.sealed, connection_id=row.id, user_id=row.user_id
    )
    assert opened == VenueCredentials(WANTED["api_key"], WANTED["api_secret"])


async def test_the_same_request_twice_has_one_effect(client: AsyncClient) -> None:
    headers = await sign_up_and_in(client)
    first, again = await connect(client, headers), await connect(client, headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert len((await client.get("/api/connections", headers=headers)).json()) == 1


@pytest.mark.parametrize("changed", ["label", "api_key", "api_secret"])
async def test_the_same_key_for_another_request_is_refused(client: AsyncClient, changed: str) -> None:
    headers = await sign_up_and_in(client)
    await connect(client, headers)
    answer = await connect(client, headers, **{changed: "somethingelse123"})
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["detail"]


async def test_without_an_idempotency_key_nothing_is_done(client: AsyncClient) -> None:
    headers = await sign_up_and_in(client)
    assert (await client.post("/api/connections", json=WANTED, headers=headers)).status_code == 400
    assert (await client.get("/api/connections", headers=headers)).json() == []


BAD_REQUESTS = [
    ({"label": "   "}, "blank"),
    ({"label": "a\u0000b"}, "cannot be shown"),
    ({"label": "x" * 61}, "label"),
    ({"api_key": "short"}, "api_key"),
    ({"api_key": "has spaces in it"}, "not a Bybit API key"),
    ({"api_key": "ключключключ"}, "not a Bybit API key"),
    ({"api_secret": "-----BEGIN PRIVATE KEY-----\nMIIEvQ"}, "not a Bybit API secret"),
    ({"api_secret": WANTED["api_key"]}, "same"),
    ({"environment": "simulated"}, "no simulated market"),
    ({"environment": "moon"}, "environment"),
    ({"venue": "mtgox"}, "venue"),
    ({"withdraw": "yes"}, "withdraw"),
]


async def test_malformed_requests_get_a_sentence_and_never_an_echo(client: AsyncClient) -> None:
    headers = await sign_up_and_in(client)
    for number, (changes, said) in enumerate(BAD_REQUESTS):
        answer = await connect(client, headers, key=f"bad {number}", **changes)
        assert answer.status_code == 422, changes
        assert said in answer.json()["detail"], changes
        assert answer.json()["advice"], changes
        assert WANTED["api_secret"] not in answer.text
        assert "PRIVATE" not in answer.text
    assert (await client.get("/api/connections", headers=headers)).json() == []


async def test_demo_mode_takes_no_real_keys(app: FastAPI, client: AsyncClient) -> None:
    headers = await sign_up_and_in(client)
    app.state.settings.mode = Mode.DEMO
    for environment in ("live", "testnet", "demo"):
        answer = await connect(client, headers, key=environment, environment=environment)
        assert answer.status_code == 422
        assert "HOLDFAST_MODE=live" in answer.json()["advice"]
    assert (await connect(client, headers, environment="simulated")).status_code == 201


async def test_another_users_connection_is_not_there_on_any_verb(
    browser: Callable[..., AsyncClient], database: Database
) -> None:
    owner, stranger = browser(), browser()
    path = f"/api/connections/{(await connect(owner, await sign_up_and_in(owner))).json()['id']}"
    nowhere = f"/api/connections/{uuid4()}"
    headers = await sign_up_and_in(stranger, email="eve@example.com")
    new_key = {name: WANTED[name] for name in ("api_key", "api_secret")}
    for method, suffix, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("POST", "/check", None),
        ("PUT", "/key", new_key),
    ):
        foreign = await stranger.request(method, path + suffix, headers=headers, json=body)
        missing = await stranger.request(method, nowhere + suffix, headers=headers, json=body)
        assert foreign.status_code == missing.status_code == 404
        own_words = {"instance": "", "request_id": ""}
        assert foreign.json() | own_words == missing.json() | own_words
    assert (await stranger.get("/api/connections", headers=headers)).json() == []
    async with database.transaction() as session:
        assert await session.scalar(text("SELECT state FROM connections")) == "checking"


async def test_one_users_idempotency_key_means_nothing_for_another(
    browser: Callable[..., AsyncClient],
) -> None:
    owner, stranger = browser(), browser()
    first = await connect(owner, await sign_up_and_in(owner))
    second = await connect(stranger, await sign_up_and_in(stranger, email="eve@example.com"))
    assert first.json()["id"] != second.json()["id"]


async def test_delete_destroys_the_secret_and_hides_the_connection(
    client: AsyncClient, database: Database
) -> None:
    headers = await sign_up_and_in(client)
    path = f"/api/connections/{(await connect(client, headers)).json()['id']}"
    assert (await client.delete(path, headers=headers)).status_code == 204
    for answer in (
        await client.get(path, headers=headers),
        await client.delete(path, headers=headers),
        await client.post(f"{path}/check", headers=headers),
    ):
        assert answer.status_code == 404
    assert (await client.get("/api/connections", headers=headers)).json() == []
    async with database.transaction() as session:
        row = (await session.scalars(select(Connection))).one()
    assert (row.sealed, row.state) == (None, "deleted")


async def test_delete_is_refused_while_positions_are_open(
    client: AsyncClient, database: Database, holdings: Holdings
) -> None:
    headers = await sign_up_and_in(client)
    connection_id = (await connect(client, headers)).json()["id"]
    holdings.open[UUID(connection_id)] = 2
    answer = await client.delete(f"/api/connections/{connection_id}", headers=headers)
    assert answer.status_code == 409
    assert "2 positions are still open" in answer.json()["detail"]
    async with database.transaction() as session:
        assert await session.scalar(text("SELECT sealed IS NOT NULL FROM connections"))


async def test_without_the_guard_nothing_is_deleted(app: FastAPI, client: AsyncClient) -> None:
    headers = await sign_up_and_in(client)
    path = f"/api/connections/{(await connect(client, headers)).json()['id']}"
    del app.state.holdings_guard
    assert (await client.delete(path, headers=headers)).status_code == 503
    assert (await client.get(path, headers=headers)).status_code == 200


async def test_check_again_asks_a_worker_and_shows_it(client: AsyncClient, database: Database) -> None:
    headers = await sign_up_and_in(client)
    path = f"/api/connections/{(await connect(client, headers)).json()['id']}"
    for before, shown in (("refused", "checking"), ("failing", "failing"), ("active", "active")):
        async with database.transaction() as session:
            await session.execute(text("UPDATE jobs SET finished_at = now()"))
            await session.execute(text("UPDATE connections SET state = :state"), {"state": before})
        assert (await client.post(f"{path}/check", headers=headers)).status_code == 202
        assert (await client.get(path, headers=headers)).json()["state"] == shown
        async with database.transaction() as session:
            assert await session.scalar(text("SELECT count(*) FROM jobs WHERE finished_at IS NULL")) == 1


async def test_a_key_can_be_replaced_and_the_old_one_is_gone(
    client: AsyncClient, database: Database, settings: Settings
) -> None:
    headers = await sign_up_and_in(client)
    connection_id = (await connect(client, headers)).json()["id"]
    async with database.transaction() as session:
        await session.execute(text("UPDATE connections SET state = 'failing', state_reason = 'expired'"))
    new_key = {"api_key": "nextkey12345678NEXT", "api_secret": "nextsecretnextsecret"}
    answer = await client.put(f"/api/connections/{connection_id}/key", json=new_key, headers=headers)
    assert answer.status_code == 200
    view = answer.json()
    assert (view["state"], view["state_reason"], view["key_hint"]) == ("checking", "", "…NEXT")
    async with database.transaction() as session:
        row = (await session.scalars(select(Connection))).one()
    assert row.sealed is not None
    opened = OpenVault.from_directory(settings.secrets_dir).open(
        row.sealed, connection_id=row.id, user_id=row.user_id
    )
    assert opened == VenueCredentials(**new_key)
    bad = await client.put(
        f"/api/connections/{connection_id}/key", json=new_key | {"api_key": "with space"}, headers=headers
    )
    assert bad.status_code == 422


async def test_the_number_of_connections_is_bounded(client: AsyncClient) -> None:
    headers = await sign_up_and_in(client)
    answers = [await connect(client, headers, key=f"k{n}") for n in range(21)]
    assert [answer.status_code for answer in answers] == [201] * 20 + [409]


async def test_an_installation_without_a_vault_says_so(client: AsyncClient, settings: Settings) -> None:
    headers = await sign_up_and_in(client)
    (settings.secrets_dir / "vault.pub").unlink()
    answer = await connect(client, headers)
    assert answer.status_code == 503
    assert "holdfast up" in answer.json()["advice"]
    assert (await client.get("/api/connections", headers=headers)).json() == []
