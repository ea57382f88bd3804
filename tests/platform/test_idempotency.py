"""Which requests are the same request."""

from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from starlette.requests import Request

from holdfast.platform.idempotency import intent_of

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def route(target: str) -> str:
    """As a server takes it from the first line of a request."""
    path, _, query = target.partition("?")
    scope = {"type": "http", "method": "PUT", "path": unquote(path), "query_string": query.encode()}
    return intent_of(Request(scope | {"headers": []}), NOW, "key").route


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/api/drawings?series=bybit:BTC", "/api/drawings?series=bybit%3ABTC"),
        ("/api/drawings?series=bybit%3aBTC", "/api/drawings?series=bybit%3ABTC"),
        ("/api/notes?name=a+b", "/api/notes?name=a%20b"),
        ("/api/notes?a=1&b=2", "/api/notes?b=2&a=1"),
        ("/api/notes/a%3Ab", "/api/notes/a:b"),
        ("/api/notes", "/api/notes?"),
    ],
)
def test_another_spelling_is_the_same_request(one: str, other: str) -> None:
    assert route(one) == route(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/api/notes?a=1", "/api/notes?a=2"),
        ("/api/notes?a=1&a=2", "/api/notes?a=2&a=1"),
        ("/api/notes?a=1%26b=2", "/api/notes?a=1&b=2"),
        ("/api/notes?a=", "/api/notes"),
        ("/api/notes/a%3Fb=1", "/api/notes/a?b=1"),
        ("/api/notes/a%3Fb", "/api/notes/a%253Fb"),
        ("/api/notes/A", "/api/notes/a"),
    ],
)
def test_what_the_route_sees_differently_is_another_request(one: str, other: str) -> None:
    assert route(one) != route(other)


def test_usual_requests_are_known_as_they_always_were() -> None:
    """Their keys are kept for a week: over an upgrade a repeat must still be one."""
    layout = "/api/charts/layouts/1b4e28ba-2fa1-11d2-883f-0016d3cca427"
    assert route(layout) == f"PUT {layout}"
    drawings = "/api/charts/drawings?series=bybit%3ABTCUSDT"
    assert route(drawings) == f"PUT {drawings}"
