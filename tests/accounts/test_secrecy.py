"""No secret comes out anywhere: markers go in, then logs, answers, Redis and every table are searched."""

import io
import logging
import sys
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer
from fastapi import FastAPI
from httpx2 import AsyncClient, Response
from redis.asyncio import Redis
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from tests.accounts.conftest import ManualClock, bearer

from holdfast.accounts import connections, tasks
from holdfast.accounts.doors import doors_of, open_door
from holdfast.platform.database import Base, Database
from holdfast.platform.jobs import Lease
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import RetryAt, RunAgainIn, Work
from holdfast.platform.telemetry import configure_logging

KEY = "MarkerKey9f3b7c1d5e"
SECRET = "MarkerSecret4a8e2c6f0b9d7351ace8"
PASSWORD = "marker passphrase nobody logs"
EMAIL = "ada@example.com"


@pytest.fixture
def log(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Everything any logger says, through the pipe the processes use, at its most talkative."""
    written = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    monkeypatch.setattr(sys, "stderr", written)
    configure_logging(settings.model_copy(update={"log_level": "DEBUG"}), "test")
    yield written
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def opened_files() -> Iterator[list[str]]:
    """The name of every file opened from here on."""
    names: list[str] = []
    listening = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if listening and event == "open":
            names.append(str(arguments[0]))

    sys.addaudithook(hook)
    yield names
    listening = False


@pytest.fixture
def work(database: Database, redis: Redis, settings: Settings, clock: ManualClock) -> Work:
    return Work(Lease(1, "", "", 1, 1, clock.now()), database, redis, settings, clock, {})


class EchoingVenue:
    """A venue that repeats in its answer what was sent to it, as Bybit does for a bad signature."""

    def __init__(self, code: int, status: int = 200) -> None:
        self.code = code
        self.status = status
        self.heard = ""

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/v5/market/time":
            now = {"timeSecond": "1772366400", "timeNano": "1772366400000000000"}
            return web.json_response({"retCode": 0, "retMsg": "", "result": now, "time": 1_772_366_400_000})
        self.heard += str(dict(request.headers))
        said = f"error sign! origin_string[{dict(request.headers)}] {SECRET}"
        body = {"retCode": self.code, "retMsg": said, "result": {}, "retExtInfo": {"said": said}, "time": 1}
        return web.json_response(body, status=self.status)


async def served(venue: EchoingVenue) -> TestServer:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", venue.answer)
    server = TestServer(app)
    await server.start_server()
    return server


async def run_check(work: Work, connection_id: str) -> Exception | None:
    lease = Lease(1, connections.CHECK_JOB, connection_id, 1, 1, work.clock.now())
    again = Work(lease, work.database, work.redis, work.settings, work.clock, {})
    try:
        await tasks.check_connection(again)
    except (RetryAt, RunAgainIn) as raised:
        return raised
    return None


async def everything_stored(database: Database) -> dict[str, bytes]:
    """Each table as bytes: text as UTF-8, binary columns as they are."""
    dump: dict[str, bytes] = {}
    async with database.transaction() as session:
        for table in Base.metadata.sorted_tables:
            rows = (await session.execute(select(table))).all()
            cells = (cell for row in rows for cell in row)
            dump[table.name] = b"\n".join(
                cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells
            )
    return dump


async def everything_cached(redis: Redis) -> bytes:
    keys = await redis.keys("*")
    values = [await redis.dump(key) for key in keys]
    return b"\n".join([*keys, *values])


async def test_secrets_go_in_and_never_come_out(
    app: FastAPI,
    browser: Callable[..., AsyncClient],
    database: Database,
    redis: Redis,
    settings: Settings,
    work: Work,
    log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    sent_cookies: list[str] = []

    async def overhear(response: Response) -> None:
        await response.aread()
        sent_cookies.append(response.headers.get("set-cookie", ""))
        kept = {name: value for name, value in response.headers.items() if name != "set-cookie"}
        said.append(f"{response.request.url} {kept} {response.text}")

    client = browser()
    client.event_hooks = {"response": [overhear]}
    published = redis.pubsub(ignore_subscribe_messages=True)
    await published.psubscribe("*")
    await published.get_message(timeout=30)

    account = {"email": EMAIL, "password": PASSWORD}
    for body in (account, {**account, "password": PASSWORD + " wrong"}, {"email": "x", "password": PASSWORD}):
        await client.post("/api/auth/sign-up", json=body)
        await client.post("/api/auth/sign-in", json=body)
    await client.post("/api/auth/sign-in", content=f'{{"email": "{EMAIL}", "password": "{PASSWORD}"')
    token = (await client.post("/api/auth/sign-in", json=account)).json()["access_token"]
    refresh_tokens = [client.cookies["hf_refresh"]]
    await client.post("/api/auth/refresh")
    refresh_tokens.append(client.cookies["hf_refresh"])

    wanted = {"environment": "live", "label": "Main", "api_key": KEY, "api_secret": SECRET}

    async def connect(name: str, **changes: object) -> Response:
        headers = bearer(token) | {"Idempotency-Key": name}
        return await client.post("/api/connections", json=wanted | changes, headers=headers)

    created = await connect("good")
    assert created.status_code == 201
    connection_id = created.json()["id"]
    for name, changes in (
        ("good", {"api_secret": SECRET + "2"}),
        ("label", {"label": " "}),
        ("extra", {"passphrase": SECRET}),
        ("type", {"api_secret": [SECRET]}),
        ("swapped", {"api_key": f"{SECRET} {KEY}", "api_secret": KEY}),
        ("long", {"api_secret": SECRET * 20}),
        ("environment", {"environment": SECRET}),
        ("simulated", {"environment": "simulated"}),
    ):
        assert (await connect(name, **changes)).status_code == 422, name

    async def accident(*_: object, **__: object) -> None:
        local_copy = (KEY, SECRET)
        raise RuntimeError(f"an accident with {len(local_copy)} secrets at hand")

    with monkeypatch.context() as patch:
        patch.setattr(connections, "add_connection", accident)
        assert (await connect("accident")).status_code == 500

    heard = ""
    for venue in (
        EchoingVenue(10004),
        EchoingVenue(10003),
        EchoingVenue(99_999),
        EchoingVenue(0, status=502),
    ):
        server = await served(venue)
        work.settings.__dict__["venue_url"] = str(server.make_url("")).rstrip("/")
        assert await run_check(work, connection_id) is not None
        heard += venue.heard
        await server.close()
    assert KEY in heard, "the venue itself must have been asked with the key"
    await run_check(work, connection_id)

    for method, path in (("GET", ""), ("POST", "/check"), ("DELETE", ""), ("GET", "")):
        await client.request(method, f"/api/connections/{connection_id}{path}", headers=bearer(token))

    messages = b""
    while message := await published.get_message(timeout=2):
        messages += message["data"]
    await published.aclose()
    assert connection_id.encode() in messages

    log_text = log.getvalue()
    private_key = (settings.secrets_dir / "vault.key").read_text().strip()
    signing_key = (settings.secrets_dir / "signing.key").read_bytes()
    places = {
        "log": log_text.encode(),
        "answers": "\n".join(said).encode(),
        "redis": await everything_cached(redis),
        "published": messages,
        **{f"table {name}": content for name, content in (await everything_stored(database)).items()},
    }
    assert b"an accident" in places["log"], "the log must have been listened to"
    assert str(UUID(connection_id)).encode() in places["table connections"]
    for secret in (KEY, SECRET, PASSWORD, private_key, *refresh_tokens):
        for place, content in places.items():
            assert secret.encode() not in content, f"{secret} is in the {place}"
    for place, content in places.items():
        assert signing_key not in content, place
        assert place == "answers" or token.encode() not in content, place


async def test_the_api_never_opens_the_private_key_and_the_worker_does(
    client: AsyncClient, work: Work, opened_files: list[str]
) -> None:
    account = {"email": EMAIL, "password": PASSWORD}
    await client.post("/api/auth/sign-up", json=account)
    headers = bearer((await client.post("/api/auth/sign-in", json=account)).json()["access_token"])
    wanted = {"environment": "live", "label": "Main", "api_key": KEY, "api_secret": SECRET}
    made = await client.post("/api/connections", json=wanted, headers=headers | {"Idempotency-Key": "one"})
    path = f"/api/connections/{made.json()['id']}"
    for method, suffix in (("GET", ""), ("POST", "/check")):
        assert (await client.request(method, path + suffix, headers=headers)).status_code < 300
    assert any(name.endswith("vault.pub") for name in opened_files), "the hook must hear"
    assert not any(name.endswith("vault.key") for name in opened_files)
    await open_door(work, UUID(made.json()["id"]))
    assert any(name.endswith("vault.key") for name in opened_files)
    await doors_of(work).close()


async def test_an_error_of_the_database_does_not_show_what_was_written(database: Database) -> None:
    with pytest.raises(DBAPIError) as error:
        async with database.transaction() as session:
            await session.execute(text("SELECT 1 / (:secret = '')::int"), {"secret": SECRET})
    assert SECRET not in str(error.value)


async def test_what_is_stored_of_a_living_connection_is_sealed(
    client: AsyncClient, database: Database
) -> None:
    account = {"email": EMAIL, "password": PASSWORD}
    await client.post("/api/auth/sign-up", json=account)
    token = (await client.post("/api/auth/sign-in", json=account)).json()["access_token"]
    wanted = {"environment": "live", "label": "Main", "api_key": KEY, "api_secret": SECRET}
    answer = await client.post(
        "/api/connections", json=wanted, headers=bearer(token) | {"Idempotency-Key": "one"}
    )
    assert answer.status_code == 201
    dump = await everything_stored(database)
    assert len(dump["connections"]) > 300, "the sealed box is there"
    for name, content in dump.items():
        for secret in (KEY, SECRET, PASSWORD):
            assert secret.encode() not in content, name
            assert secret.encode().hex().encode() not in content, name
