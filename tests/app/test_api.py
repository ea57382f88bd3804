"""The door itself: headers, problems, the built pages, health."""

import gzip
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from pydantic import ValidationError
from sqlalchemy import text

from holdfast.app import checks
from holdfast.app.api import create_app
from holdfast.app.cli import status as status_command
from holdfast.app.schemas import StreamLoad
from holdfast.app.streaming import create_hub
from holdfast.platform import jobs
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings

INDEX = (
    '<!doctype html><meta name="csp-nonce" content="__CSP_NONCE__" />'
    '<script type="module" src="/assets/a-1.js"></script>'
)


@pytest.fixture(autouse=True)
def _built_pages(settings: Settings) -> None:
    (settings.web_dist / "assets").mkdir(parents=True)
    (settings.web_dist / "index.html").write_text(INDEX)
    (settings.web_dist / "icon.svg").write_text("<svg/>")
    (settings.web_dist / "assets" / "a-1.js").write_text("export default 1;\n" * 500)
    (settings.web_dist.parent / "outside.txt").write_text("not for the web")


@asynccontextmanager
async def serving(created: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with created.router.lifespan_context(created):
        transport = httpx2.ASGITransport(created, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://holdfast.test") as opened:
            yield opened


def nonce_of_header(response: httpx2.Response) -> str:
    found = re.search(r"script-src 'self' 'nonce-([\w-]+)'", response.headers["content-security-policy"])
    assert found
    return found[1]


async def test_every_page_has_the_nonce_of_its_own_header(client: httpx2.AsyncClient) -> None:
    first, second = await client.get("/"), await client.get("/indices/btc-d")
    assert first.status_code == second.status_code == 200
    assert f'content="{nonce_of_header(first)}"' in first.text
    assert f'content="{nonce_of_header(second)}"' in second.text
    assert nonce_of_header(first) != nonce_of_header(second)
    assert first.headers["cache-control"] == "no-store"
    assert "unsafe-inline" not in first.headers["content-security-policy"]


async def test_assets_are_compressed_and_kept_for_ever(client: httpx2.AsyncClient) -> None:
    async with client.stream("GET", "/assets/a-1.js", headers={"accept-encoding": "gzip"}) as response:
        packed = b"".join([part async for part in response.aiter_raw()])
    assert response.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed).startswith(b"export default 1;")
    assert "immutable" in response.headers["cache-control"]


async def test_a_missing_asset_is_not_a_page(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/assets/gone-2.js")).status_code == 404


async def test_loose_files_are_served_and_nothing_above_them(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/icon.svg")).text == "<svg/>"
    for path in (
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "/assets/%2e%2e/%2e%2e/outside.txt",
    ):
        response = await client.get(path)
        assert "not for the web" not in response.text


async def test_an_unknown_route_is_a_problem(client: httpx2.AsyncClient) -> None:
    response = await client.get("/api/nothing", headers={"x-request-id": "from-the-proxy-1"})
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == response.json()["request_id"] == "from-the-proxy-1"
    assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert response.headers["cache-control"] == "no-store"


async def test_an_unusable_request_id_is_replaced(client: httpx2.AsyncClient) -> None:
    response = await client.get("/api/system", headers={"x-request-id": "a\tb c;<script>"})
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])


async def test_an_accident_is_a_problem_that_tells_no_insides(
    app: FastAPI, client: httpx2.AsyncClient
) -> None:
    async def explode() -> None:
        raise RuntimeError("the password is hunter2")

    app.router.routes.insert(0, APIRoute("/api/explode", explode))
    response = await client.get("/api/explode")
    assert response.status_code == 500
    assert response.json()["type"] == "/problems/internal-error"
    assert response.headers["x-request-id"] == response.json()["request_id"]
    assert "hunter2" not in response.text


async def test_a_huge_body_is_not_read(client: httpx2.AsyncClient, app: FastAPI) -> None:
    async def echo(request: Request) -> int:
        return len(await request.body())

    app.router.routes.insert(0, APIRoute("/api/echo", echo, methods=["POST"]))
    assert (await client.post("/api/echo", content=b"x" * 1000)).json() == 1000
    response = await client.post("/api/echo", content=b"x" * 300_000)
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


async def test_the_system_says_that_it_is_simulated(client: httpx2.AsyncClient) -> None:
    body = (await client.get("/api/system")).json()
    assert body["mode"] == "demo"
    assert body["simulated"] is True


async def test_readiness_follows_postgres(client: httpx2.AsyncClient, database: Database) -> None:
    assert (await client.get("/api/health/live")).status_code == 200
    assert (await client.get("/api/health/ready")).status_code == 503
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE alembic_version (version_num text)"))
    ready = await client.get("/api/health/ready")
    assert ready.status_code == 200
    assert ready.json()["checks"] == {"postgres": "ok", "redis": "ok"}


async def test_status_counts_the_jobs_of_each_queue(client: httpx2.AsyncClient, database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO jobs (kind, subject, run_at, created_at, fence, attempts, last_error) VALUES "
                "('execution.run', '1', now() - interval '1 minute', now(), 0, 0, ''),"
                "('execution.run', '2', now() + interval '1 minute', now(), 0, 3, 'the venue was away'),"
                "('charts.read_dataset', '1', now() - interval '1 minute', now(), 0, 0, '')"
            )
        )
    body = (await client.get("/api/status")).json()
    counts = {
        queue: (load["waiting"], load["overdue"], load["failing"]) for queue, load in body["queues"].items()
    }
    assert counts == {
        "orders": (1, 1, 1),
        "polling": (0, 0, 0),
        "history": (1, 0, 0),
        "backtests": (0, 0, 0),
        "strategies": (0, 0, 0),
    }
    assert 59 < body["queues"]["orders"]["oldest_waiting_seconds"] < 600
    assert body["feed_age_seconds"] is None


async def test_the_doctor_names_a_queue_whose_worker_is_gone(settings: Settings, database: Database) -> None:
    async with database.transaction() as session:
        for kind, minutes in (("execution.run", 5), ("charts.read_dataset", 5)):
            await jobs.enqueue(session, kind, "1", now=datetime.now(UTC) - timedelta(minutes=minutes))
        await session.execute(text("CREATE TABLE alembic_version (version_num text)"))
    findings = {finding.check: finding for finding in await checks.examine(settings)}
    assert findings["queue history"].state is checks.State.OK
    late = findings["queue orders"]
    assert (late.state, late.found) == (checks.State.WARNING, "1 overdue, the oldest for 5 min")
    assert "a worker of this queue runs" in late.advice
    assert "--queues orders" in late.advice


@pytest.fixture
async def from_another_version(database: Database) -> None:
    """Jobs that only a later or an earlier Holdfast can do; one of that kind was done by it."""
    now = datetime.now(UTC)
    async with database.transaction() as session:
        for subject in ("1", "2", "3"):
            await jobs.enqueue(session, "execution.of_tomorrow", subject, now=now)
        await jobs.enqueue(session, "news.of_old", "1", now=now, run_at=now + timedelta(hours=1))
        await jobs.enqueue(session, "news.poll", "1", now=now)
        await session.execute(text("UPDATE jobs SET finished_at = now() WHERE subject = '3'"))
        await session.execute(text("CREATE TABLE alembic_version (version_num text)"))


@pytest.mark.usefixtures("from_another_version")
async def test_status_counts_the_jobs_that_this_version_does_not_know(client: httpx2.AsyncClient) -> None:
    body = (await client.get("/api/status")).json()
    assert body["unknown_jobs"] == {"execution.of_tomorrow": 2, "news.of_old": 1}
    assert body["queues"]["orders"]["waiting"] == 0


@pytest.mark.usefixtures("from_another_version")
async def test_the_doctor_says_what_to_do_with_jobs_of_another_version(settings: Settings) -> None:
    findings = {finding.check: finding for finding in await checks.examine(settings)}
    unknown = findings["unknown jobs"]
    assert unknown.state is checks.State.WARNING
    assert unknown.found == "3 of another version: execution.of_tomorrow, news.of_old"
    assert "Start the version that asked for them" in unknown.advice


@pytest.mark.usefixtures("from_another_version")
async def test_holdfast_status_names_jobs_of_another_version(
    client: httpx2.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    work = (await client.get("/api/status")).json()
    status_command._show({"running": True, "processes": [], "work": work, "url": "http://h"})
    said = " ".join(capsys.readouterr().out.split())
    assert "unknown to this version: 2 execution.of_tomorrow, 1 news.of_old (see `holdfast doctor`)" in said


async def test_it_starts_while_redis_is_away(settings: Settings, tmp_path: Path) -> None:
    app = create_app(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://holdfast.test") as client:
            assert (await client.get("/api/status")).status_code == 200
            assert (await client.get("/api/health/ready")).json()["checks"]["redis"] == "ConnectionError"


async def test_an_unbuilt_web_app_says_what_to_do(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"web_dist": settings.home / "nothing"}))
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://holdfast.test") as client:
            response = await client.get("/")
    assert response.status_code == 503
    assert "make up" in response.text


@pytest.mark.parametrize(
    ("hub", "stream_url", "host", "told", "allowed"),
    [
        (False, "", "holdfast.test:8420", "/api/stream", ""),
        (
            True,
            "",
            "holdfast.test:8420",
            "ws://holdfast.test:8422/api/stream",
            " ws://holdfast.test:8422/api/stream",
        ),
        (True, "", "10.0.0.7", "ws://10.0.0.7:8422/api/stream", " ws://10.0.0.7:8422/api/stream"),
        (True, "", "x; script-src *", "/api/stream", ""),
        (True, "", "[::1]:8420", "/api/stream", ""),
        (True, "/api/stream", "holdfast.test", "/api/stream", ""),
        (
            False,
            "wss://live.test/api/stream",
            "a",
            "wss://live.test/api/stream",
            " wss://live.test/api/stream",
        ),
    ],
)
async def test_pages_are_told_where_the_stream_is_and_may_go_nowhere_else(
    settings: Settings, hub: bool, stream_url: str, host: str, told: str, allowed: str
) -> None:
    created = create_app(settings.model_copy(update={"hub": hub, "stream_url": stream_url}))
    async with serving(created) as client:
        assert (await client.get("/api/system", headers={"Host": host})).json()["stream_url"] == told
        policy = (await client.get("/", headers={"Host": host})).headers["Content-Security-Policy"]
        assert f"connect-src 'self'{allowed};" in policy
        load = (await client.get("/api/status")).json()["stream"]
        assert (load is None) == (hub or bool(stream_url)), "one process has the stream"


@pytest.mark.parametrize(
    "address", ["http://x/api", "wss://a b/", "wss://x/;script-src *", "api/stream", "ws://x"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="write it as wss://"):
        Settings(stream_url=address)


async def test_a_hub_serves_the_stream_and_nothing_else(settings: Settings) -> None:
    async with serving(create_hub(settings)) as client:
        assert (await client.get("/api/health/ready")).json()["checks"]["redis"] == "ok"
        load = (await client.get("/api/status")).json()["stream"]
        assert load.keys() == StreamLoad.model_fields.keys()
        assert set(load.values()) == {0}
        for path in ("/", "/api/candles/bybit/BTCUSDT", "/api/me", "/api/openapi.json"):
            answer = await client.get(path)
            assert answer.status_code == 404
            assert answer.headers["Content-Type"] == "application/problem+json"
