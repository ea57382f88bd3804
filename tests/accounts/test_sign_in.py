"""Signing up, in and out over HTTP."""

import asyncio
from collections.abc import Callable

import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters
from fastapi import FastAPI
from httpx2 import AsyncClient, Response
from sqlalchemy import select, text
from tests.accounts.conftest import EMAIL, PASSWORD, ManualClock, bearer, sign_up_and_in

from holdfast.accounts.models import RefreshToken, SignIn
from holdfast.accounts.service import TWO_TABS_GRACE
from holdfast.accounts.tokens import token_hash
from holdfast.accounts.tools import build_tools
from holdfast.platform.database import Database

Browser = Callable[..., AsyncClient]
BODY = {"email": EMAIL, "password": PASSWORD}


def cookie_of(client: AsyncClient) -> str:
    value = client.cookies.get("hf_refresh")
    assert value
    return value


def told(answer: Response) -> tuple[int, dict[str, str], dict[str, object]]:
    """All that an answer tells, without the number every request gets."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    return answer.status_code, headers, body


async def refresh_with(client: AsyncClient, token: str) -> Response:
    client.cookies.clear()
    return await client.post("/api/auth/refresh", headers={"Cookie": f"hf_refresh={token}"})


async def test_a_new_user_signs_up_in_and_sees_herself(client: AsyncClient) -> None:
    headers = await sign_up_and_in(client)
    me = await client.get("/api/me", headers=headers)
    assert me.status_code == 200
    assert me.json()["email"] == EMAIL
    assert me.json()["is_demo"] is False


async def test_the_refresh_cookie_is_out_of_reach_of_scripts_and_other_sites(client: AsyncClient) -> None:
    await sign_up_and_in(client)
    answer = await client.post("/api/auth/sign-in", json=BODY)
    cookie = answer.headers["set-cookie"]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/api/auth", "max-age=2592000"} <= attributes
    assert "secure" not in attributes
    assert cookie_of(client) not in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_the_cookie_is_secure_behind_https(app: FastAPI, client: AsyncClient) -> None:
    app.state.settings.public_url = "https://holdfast.test"
    await client.post("/api/auth/sign-up", json=BODY)
    answer = await client.post("/api/auth/sign-in", json=BODY)
    assert "; secure" in answer.headers["set-cookie"].lower()


async def test_sign_up_says_the_same_for_known_and_unknown_addresses(
    client: AsyncClient, database: Database
) -> None:
    first = await client.post("/api/auth/sign-up", json=BODY)
    again = await client.post("/api/auth/sign-up", json=BODY | {"password": "another long password here"})
    assert (first.status_code, first.content) == (again.status_code, again.content) == (202, again.content)
    assert told(first) == told(again)
    async with database.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM users")) == 1
    kept = await client.post("/api/auth/sign-in", json=BODY)
    assert kept.status_code == 200, "the first password must still be the one that works"


async def test_sign_in_says_the_same_whatever_was_wrong(client: AsyncClient) -> None:
    await sign_up_and_in(client)
    wrong = await client.post("/api/auth/sign-in", json=BODY | {"password": "not the password"})
    nobody = await client.post("/api/auth/sign-in", json=BODY | {"email": "bob@example.com"})
    assert wrong.status_code == nobody.status_code == 401
    assert told(wrong) == told(nobody)
    assert "set-cookie" not in wrong.headers


async def test_unknown_addresses_cost_the_same_work_as_wrong_passwords(
    app: FastAPI, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same number of verifications, of hashes with the same parameters."""
    app.state.accounts = build_tools(app.state.settings, app.state.redis)
    await sign_up_and_in(client)
    costs: list[Parameters] = []
    verify = PasswordHasher.verify

    def counting(hasher: PasswordHasher, stored: str, password: str) -> bool:
        costs.append(extract_parameters(stored))
        return bool(verify(hasher, stored, password))

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    for email in (EMAIL, "bob@example.com"):
        await client.post("/api/auth/sign-in", json={"email": email, "password": "not the password"})
    known, unknown = costs
    assert known == unknown


async def test_the_address_is_not_case_sensitive(client: AsyncClient) -> None:
    await sign_up_and_in(client)
    answer = await client.post("/api/auth/sign-in", json=BODY | {"email": "  ADA@Example.COM "})
    assert answer.status_code == 200


WEAK = [
    ("short", "12"),
    ("password1234", "anybody would try"),
    ("PassWord!!!!2026", "anybody would try"),
    ("qwertyuiopas", "anybody would try"),
    ("123456789012", "anybody would try"),
    ("aaaaaaaaaaaabb", "repeats"),
    ("ada@example.com", "email address"),
]


async def test_weak_passwords_are_refused_with_advice(app: FastAPI, client: AsyncClient) -> None:
    for number, (password, said) in enumerate(WEAK):
        body = {"email": EMAIL, "password": password}
        app.state.clock.forward(hours=number)
        answer = await client.post("/api/auth/sign-up", json=body)
        assert answer.status_code == 422, password
        assert answer.headers["content-type"] == "application/problem+json"
        assert said in answer.json()["detail"], password
        assert answer.json()["advice"]
        assert password not in answer.text


async def test_refresh_rotates_the_cookie_and_the_access_token_works(client: AsyncClient) -> None:
    await sign_up_and_in(client)
    first = cookie_of(client)
    answer = await client.post("/api/auth/refresh")
    assert answer.status_code == 200
    assert cookie_of(client) != first
    me = await client.get("/api/me", headers=bearer(answer.json()["access_token"]))
    assert me.json()["email"] == EMAIL


async def test_only_the_hash_of_a_refresh_token_is_stored(client: AsyncClient, database: Database) -> None:
    await sign_up_and_in(client)
    async with database.transaction() as session:
        stored = (await session.scalars(select(RefreshToken.token_hash))).all()
    assert stored == [token_hash(cookie_of(client))]


async def test_a_used_token_presented_again_ends_the_family(
    browser: Browser, clock: ManualClock, database: Database
) -> None:
    owner, thief = browser(), browser(ip="203.0.113.9")
    await sign_up_and_in(owner)
    stolen = cookie_of(owner)
    access = (await owner.post("/api/auth/refresh")).json()["access_token"]
    clock.forward(seconds=TWO_TABS_GRACE.total_seconds() + 1)

    assert (await refresh_with(thief, stolen)).status_code == 401
    assert (await owner.post("/api/auth/refresh")).status_code == 401
    assert (await owner.get("/api/me", headers=bearer(access))).status_code == 401
    async with database.transaction() as session:
        reasons = (await session.scalars(select(SignIn.revoked_reason))).all()
    assert reasons == ["refresh token used twice"]


async def test_other_sign_ins_survive_the_theft_of_one(browser: Browser, clock: ManualClock) -> None:
    laptop, phone, thief = browser(), browser(), browser()
    await sign_up_and_in(laptop)
    await phone.post("/api/auth/sign-in", json=BODY)
    stolen = cookie_of(laptop)
    await laptop.post("/api/auth/refresh")
    clock.forward(minutes=1)
    await refresh_with(thief, stolen)
    assert (await phone.post("/api/auth/refresh")).status_code == 200


async def test_tabs_refreshing_at_once_end_with_one_cookie(browser: Browser, database: Database) -> None:
    tabs = [browser() for _ in range(6)]
    await sign_up_and_in(tabs[0])
    for _ in range(3):
        shared = cookie_of(tabs[0])
        answers = await asyncio.gather(*(refresh_with(each, shared) for each in tabs))
        assert [answer.status_code for answer in answers] == [200] * 6
        assert len({cookie_of(each) for each in tabs} - {shared}) == 1
        async with database.transaction() as session:
            unused = await session.scalar(text("SELECT count(*) FROM refresh_tokens WHERE used_at IS NULL"))
        assert unused == 1, "the family must not fork"


async def test_a_lost_answer_is_given_again_within_the_grace(client: AsyncClient, clock: ManualClock) -> None:
    await sign_up_and_in(client)
    before = cookie_of(client)
    await client.post("/api/auth/refresh")
    successor = cookie_of(client)
    clock.forward(seconds=5)
    assert (await refresh_with(client, before)).status_code == 200
    assert cookie_of(client) == successor


async def test_a_thief_inside_the_grace_is_caught_at_the_next_turn(
    browser: Browser, clock: ManualClock
) -> None:
    owner, thief = browser(), browser()
    await sign_up_and_in(owner)
    stolen = cookie_of(owner)
    await owner.post("/api/auth/refresh")
    assert (await refresh_with(thief, stolen)).status_code == 200
    clock.forward(minutes=9)
    assert (await thief.post("/api/auth/refresh")).status_code == 200
    clock.forward(minutes=1)
    assert (await owner.post("/api/auth/refresh")).status_code == 401
    assert (await thief.post("/api/auth/refresh")).status_code == 401


async def test_the_grandparent_of_the_living_token_is_never_forgiven(client: AsyncClient) -> None:
    await sign_up_and_in(client)
    grandparent = cookie_of(client)
    await client.post("/api/auth/refresh")
    await client.post("/api/auth/refresh")
    assert (await refresh_with(client, grandparent)).status_code == 401


async def test_refresh_with_nonsense_is_401(client: AsyncClient) -> None:
    for token in ("", "x", "A" * 43, "ä", "'; DROP TABLE users; --"):
        answer = await client.post("/api/auth/refresh", headers={"Cookie": f"hf_refresh={token}".encode()})
        assert answer.status_code == 401


async def test_refresh_tokens_expire(client: AsyncClient, clock: ManualClock) -> None:
    await sign_up_and_in(client)
    kept = cookie_of(client)
    clock.forward(days=30)
    assert (await refresh_with(client, kept)).status_code == 401


async def test_access_tokens_expire_after_ten_minutes(client: AsyncClient, clock: ManualClock) -> None:
    headers = await sign_up_and_in(client)
    clock.forward(minutes=9, seconds=59)
    assert (await client.get("/api/me", headers=headers)).status_code == 200
    clock.forward(seconds=1)
    assert (await client.get("/api/me", headers=headers)).status_code == 401


async def test_sign_out_ends_this_device_only(browser: Browser) -> None:
    laptop, phone = browser(), browser()
    on_laptop = await sign_up_and_in(laptop)
    on_phone = bearer((await phone.post("/api/auth/sign-in", json=BODY)).json()["access_token"])
    kept = cookie_of(laptop)
    assert (await laptop.post("/api/auth/sign-out")).status_code == 204
    assert "hf_refresh" not in laptop.cookies
    assert (await refresh_with(laptop, kept)).status_code == 401
    assert (await laptop.get("/api/me", headers=on_laptop)).status_code == 401
    assert (await phone.get("/api/me", headers=on_phone)).status_code == 200
    assert (await laptop.post("/api/auth/sign-out")).status_code == 204


async def test_sign_out_everywhere_ends_every_device_at_once(browser: Browser) -> None:
    laptop, phone = browser(), browser()
    on_laptop = await sign_up_and_in(laptop)
    on_phone = bearer((await phone.post("/api/auth/sign-in", json=BODY)).json()["access_token"])
    assert (await laptop.post("/api/auth/sign-out-everywhere", headers=on_laptop)).status_code == 204
    for device, headers in ((laptop, on_laptop), (phone, on_phone)):
        assert (await device.get("/api/me", headers=headers)).status_code == 401
    assert (await phone.post("/api/auth/refresh")).status_code == 401


async def test_the_list_of_sign_ins_shows_living_ones_and_which_is_this(browser: Browser) -> None:
    laptop, phone, gone, stranger = browser(), browser(ip="198.51.100.7"), browser(), browser()
    headers = await sign_up_and_in(laptop)
    await phone.post("/api/auth/sign-in", json=BODY, headers={"User-Agent": "phone"})
    await gone.post("/api/auth/sign-in", json=BODY)
    await gone.post("/api/auth/sign-out")
    await sign_up_and_in(stranger, email="eve@example.com")
    listed = (await laptop.get("/api/auth/sign-ins", headers=headers)).json()
    assert sorted((each["ip"], each["current"]) for each in listed) == [
        ("192.0.2.1", True),
        ("198.51.100.7", False),
    ]
    assert {each["user_agent"] for each in listed} >= {"phone"}


async def test_other_sites_cannot_use_the_cookie(browser: Browser) -> None:
    client = browser()
    await sign_up_and_in(client)
    del client.headers["Sec-Fetch-Site"]
    foreign = [{"Sec-Fetch-Site": site} for site in ("cross-site", "same-site", "none", "")]
    foreign += [
        {"Origin": origin} for origin in ("https://evil.example", "null", "http://holdfast.test.evil")
    ]
    for path in ("refresh", "sign-out", "sign-in", "sign-up", "demo"):
        for headers in foreign:
            answer = await client.post(f"/api/auth/{path}", json=BODY, headers=headers)
            assert answer.status_code == 403, (path, headers)
            assert "set-cookie" not in answer.headers


async def test_own_origin_and_clients_that_are_no_browsers_are_served(client: AsyncClient) -> None:
    await sign_up_and_in(client)
    del client.headers["Sec-Fetch-Site"]
    assert (await client.post("/api/auth/refresh")).status_code == 200
    own = {"Origin": "http://holdfast.test"}
    assert (await client.post("/api/auth/refresh", headers=own)).status_code == 200


async def test_without_a_good_access_token_nothing_is_served(client: AsyncClient) -> None:
    for header in (None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer ü"):
        headers = {} if header is None else {"Authorization": header.encode()}
        for path in ("/api/me", "/api/auth/sign-ins", "/api/connections"):
            answer = await client.get(path, headers=headers)
            assert answer.status_code == 401, (header, path)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["advice"]


async def test_an_old_password_hash_is_renewed_at_sign_in(client: AsyncClient, database: Database) -> None:
    await client.post("/api/auth/sign-up", json=BODY)
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    async with database.transaction() as session:
        await session.execute(text("UPDATE users SET password_hash = :weak"), {"weak": weak})
    assert (await client.post("/api/auth/sign-in", json=BODY)).status_code == 200
    async with database.transaction() as session:
        stored = await session.scalar(text("SELECT password_hash FROM users"))
    assert stored != weak
    assert stored.startswith("$argon2id$")
    assert (await client.post("/api/auth/sign-in", json=BODY)).status_code == 200
