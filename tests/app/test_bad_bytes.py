"""Input nobody sends in good faith: it gets a problem that says what to do, never an accident."""

from collections.abc import Iterator
from itertools import product
from urllib.parse import quote

import httpx2
import pytest
from tests.app.test_strangers import access, owner
from tests.execution.conftest import Desk, desk, desk_clock

from holdfast.platform.paging import encode_cursor

__all__ = ["access", "desk", "desk_clock", "owner"]

LISTS = ("orders", "fills", "payments", "executions")
FILTERED = ("orders", "fills", "payments", "orders.csv", "fills.csv", "payments.csv")


class Moment:
    """A moment only a forger would write into a cursor."""

    def __init__(self, text: str) -> None:
        self.text = text

    def isoformat(self) -> str:
        return self.text


def cursors() -> Iterator[str]:
    moments = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-21T12:00:00+00:00")
    rows = (
        "",
        "\x00",
        "9" * 18,
        "9" * 40,
        "٣",
        "-1",
        "a/b",
        f"{'0' * 32}/\x00",
        "00000000-0000-0000-0000-000000000000",
    )
    for moment, row in product(moments, rows):
        yield encode_cursor(Moment(moment), row)  # type: ignore[arg-type]
    yield from ("%", "é", "W10", "e30", "bnVsbA", "WzEsMl0", "W251bGwsIngiXQ", "W1tdLCAieCJd", "A" * 300)


@pytest.mark.parametrize("path", LISTS)
async def test_forged_cursors(
    client: httpx2.AsyncClient, desk: Desk, owner: dict[str, str], path: str
) -> None:
    for cursor in cursors():
        answer = await client.get(f"/api/{path}", params={"cursor": cursor}, headers=owner)
        assert answer.status_code in (200, 422), (cursor, answer.text)


@pytest.mark.parametrize("path", FILTERED)
async def test_filters(client: httpx2.AsyncClient, desk: Desk, owner: dict[str, str], path: str) -> None:
    for query in (
        "from=2026-11-21T12:00:00",
        "from=0001-01-01T00:00:00%2B14:00",
        "to=9999-12-31T23:59:59-14:00",
        "from=-1",
        "from=1e400",
        "from=NaN",
        "symbol=%00",
        "symbol=" + quote("'; drop table orders; --"),
        "symbol=%F0%9F%98%80",
        "position=x",
        "limit=-1",
        "limit=0",
        "limit=99999999999999999999",
        "limit=NaN",
    ):
        answer = await client.get(f"/api/{path}?{query}", headers=owner)
        assert answer.status_code in (200, 422), (query, answer.text)


@pytest.mark.parametrize(
    "path", ["/%00", "/api/%00", "/assets/%00", "/api/orders/%00", "/..%2f..%2fetc/passwd"]
)
async def test_paths(client: httpx2.AsyncClient, owner: dict[str, str], path: str) -> None:
    assert (await client.get(path, headers=owner)).status_code in (200, 404, 422, 503)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b'"\\ud800"', b'{"plan_id": "\\ud800", "digest": "x"}', b"\xff", b"NaN",
     b'{"plan_id": "00000000-0000-0000-0000-000000000000", "digest": "\\ud800"}',
     b'{"plan_id": "00000000-0000-0000-0000-000000000000", "digest": "\\u0000"}', b"[" * 100_000],
)  # fmt: skip
async def test_bodies(client: httpx2.AsyncClient, desk: Desk, owner: dict[str, str], body: bytes) -> None:
    headers = owner | {"Idempotency-Key": "k", "Content-Type": "application/json"}
    for path in ("/api/executions", "/api/previews", "/api/connections", "/api/auth/sign-in"):
        answer = await client.post(path, content=body, headers=headers)
        assert 400 <= answer.status_code < 500, (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_idempotency_keys(client: httpx2.AsyncClient, desk: Desk, owner: dict[str, str]) -> None:
    body = {"label": "Mine", "environment": "simulated", "api_key": "a" * 18, "api_secret": "b" * 36}
    for key in ("", " ", "x" * 201):
        answer = await client.post("/api/connections", json=body, headers=owner | {"Idempotency-Key": key})
        assert answer.status_code in (400, 422), key


async def test_answers_are_never_kept_by_anybody(client: httpx2.AsyncClient, owner: dict[str, str]) -> None:
    for path in ("/api/me", "/api/orders", "/api/orders.csv", "/api/nothing", "/api/orders?limit=-1"):
        answer = await client.get(path, headers=owner)
        assert answer.headers["cache-control"] == "no-store", path
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
