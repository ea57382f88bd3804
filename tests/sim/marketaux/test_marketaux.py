"""The simulated Marketaux keeps the contract: shapes, filters, quota, and all that a reader has to expect."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from tests.sim.conftest import NOON_MS

from holdfast.sim.clock import SimClock
from holdfast.sim.marketaux import Plan
from holdfast.sim.marketaux.searching import matcher
from holdfast.sim.server import create_app
from holdfast.sim.world import WORLD

TOKEN = "a-token-of-nobody"
HOUR_MS = 3_600_000


class Door:
    def __init__(self, server: TestServer, http: ClientSession) -> None:
        self._server, self._http = server, http
        self.world = server.app[WORLD]
        self.said = ""

    async def get(self, path: str = "news/all", token: str = TOKEN, **query: str) -> tuple[int, Any]:
        url = self._server.make_url(f"/marketaux/v1/{path}")
        async with self._http.get(url, params={"api_token": token, **query}) as answer:
            self.said = await answer.text()
            self.headers = answer.headers
            return answer.status, json.loads(self.said)

    async def rows(self, **query: str) -> list[dict[str, Any]]:
        status, body = await self.get(**query)
        assert status == 200, body
        return list(body["data"])


@pytest.fixture
def clock() -> SimClock:
    return SimClock(NOON_MS, source_ns=lambda: 0)


async def opened(clock: SimClock, plan: Plan) -> AsyncIterator[Door]:
    server = TestServer(create_app(11, clock=clock, news_plan=plan))
    await server.start_server()
    async with ClientSession() as http:
        yield Door(server, http)
    await server.close()


@pytest.fixture
async def door(clock: SimClock) -> AsyncIterator[Door]:
    async for one in opened(clock, Plan(articles=100, per_minute=1_000)):
        yield one


@pytest.fixture
async def free(clock: SimClock) -> AsyncIterator[Door]:
    async for one in opened(clock, Plan(articles=3, per_day=100, per_minute=200)):
        yield one


def names_of(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: names_of(item) for name, item in value.items()}
    return [names_of(value[0])] if isinstance(value, list) and value else None


async def test_an_article_has_the_fields_of_the_contract(door: Door) -> None:
    shared = Path(os.environ.get("HOLDFAST_SHARED", Path(__file__).parents[4] / "shared"))
    sample = shared / "reference/contract_samples/marketaux/v1_news_all__200__assembled.json"
    if not sample.exists():
        pytest.skip("the contract's example is not on this machine")
    status, body = await door.get(entity_types="cryptocurrency", limit="1")
    assert status == 200
    body["data"][0]["similar"] = []
    assert names_of(body) == names_of(json.loads(sample.read_text()))


async def test_everything_a_reader_must_live_with_is_there(door: Door) -> None:
    rows = [row for page in "1234567" for row in await door.rows(page=page)]
    entities = [entity for row in rows for entity in row["entities"]]
    coins = [entity for entity in entities if entity["type"] == "cryptocurrency"]
    scores = [entity["sentiment_score"] for entity in coins]
    assert None in scores
    assert 0.0 in scores
    assert any(not row["entities"] for row in rows)
    assert any(row["similar"] for row in rows)
    assert any(entity["type"] == "equity" for entity in entities)
    highlights = [highlight["highlight"] for entity in coins for highlight in entity["highlights"]]
    assert any("<em>" in text for text in highlights)
    assert any("<script>" in text or "onerror" in text for text in highlights)
    spellings = {entity["symbol"] for entity in coins if entity["name"] == "Bitcoin"}
    assert spellings == {"CC:BTC", "BTC", "BTCUSD"}
    times = [row["published_at"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert len({row["uuid"] for row in rows}) == len(rows)


async def test_filters_do_what_they_say(door: Door, clock: SimClock) -> None:
    def symbols(rows: list[dict[str, Any]]) -> set[str]:
        return {entity["symbol"] for row in rows for entity in row["entities"]}

    assert symbols(await door.rows(symbols="CC:BTC", filter_entities="true")) == {"CC:BTC"}
    good = await door.rows(sentiment_gte="0.5", filter_entities="true")
    assert good
    assert all(e["sentiment_score"] >= 0.5 for row in good for e in row["entities"])
    assert all(row["entities"] for row in await door.rows(must_have_entities="true"))
    grouped, apart = await door.get(limit="1"), await door.get(limit="1", group_similar="false")
    assert apart[1]["meta"]["found"] > grouped[1]["meta"]["found"]
    (domain,) = {row["source"] for row in await door.rows(domains="coinwire.example")}
    assert domain == "coinwire.example"
    assert await door.rows(published_after="2026-11-20T13") == []
    assert {row["published_at"][:10] for row in await door.rows(published_on="2026-11-18")} == {"2026-11-18"}
    found = await door.rows(search='bitcoin + (rallies | "trades sideways") -ether*')
    assert found
    assert all(row["relevance_score"] > 0 for row in found)
    assert all("Bitcoin" in row["title"] and "Ether" not in row["title"] for row in found)


async def test_news_appear_as_time_goes_by_and_stay_the_same(door: Door, clock: SimClock) -> None:
    before = await door.rows(limit="5")
    clock.advance(HOUR_MS)
    after = await door.rows(limit="20")
    assert before[0] in after
    assert after[0]["published_at"] > before[0]["published_at"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"published_before": "yesterday"}, "published_before"),
        ({"limit": "0"}, "limit"),
        ({"page": "²"}, "page"),
        ({"page": "900000"}, "page"),
        ({"sentiment_gte": "nan"}, "sentiment_gte"),
        ({"search": "(bitcoin"}, "search"),
        ({"sort": "relevance_score"}, "sort"),
        ({"sort_order": "asc"}, "sort_order"),
        ({"group_similar": "perhaps"}, "group_similar"),
    ],
)
async def test_what_cannot_be_read_is_refused_by_name(door: Door, query: dict[str, str], named: str) -> None:
    status, body = await door.get(**query)
    assert (status, body["error"]["code"]) == (400, "malformed_parameters")
    assert named in body["error"]["message"]


async def test_the_quota_ends_at_midnight(free: Door, clock: SimClock) -> None:
    for _ in range(100):
        assert len(await free.rows()) == 3
    status, body = await free.get()
    assert (status, body["error"]["code"]) == (402, "usage_limit_reached")
    assert free.headers["X-UsageLimit-Limit"] == "100"
    assert len(await free.rows(token="of-somebody-else")) == 3
    clock.advance(11 * HOUR_MS)
    assert (await free.get())[0] == 402
    clock.advance(HOUR_MS)
    assert (await free.get())[0] == 200


async def test_too_many_in_a_minute_wait_for_sixty_seconds(clock: SimClock) -> None:
    async for door in opened(clock, Plan(per_minute=2)):
        assert [(await door.get())[0] for _ in range(3)] == [200, 200, 429]
        assert json.loads(door.said)["error"]["code"] == "rate_limit_reached"
        clock.advance(59_000)
        assert (await door.get())[0] == 429
        clock.advance(1_000)
        assert (await door.get())[0] == 200


async def test_the_token_is_wanted_and_never_told(door: Door) -> None:
    assert (await door.get(token=""))[0] == 401
    secret = "kept-for-oneself"
    for path in ("news/all", "news/nothing", "entity/stats/intraday", "entity/search", "news/uuid/0"):
        await door.get(path, token=secret)
        assert secret not in door.said + str(door.headers)
    await door.get(token="<b>no token</b>")
    assert "no token" not in door.said


async def test_the_other_calls(door: Door) -> None:
    assert (await door.get("entity/type/list"))[1]["data"][-1] == "cryptocurrency"
    assert (await door.get("entity/search", search="bitcoin"))[1]["data"][0]["symbol"] == "CC:BTC"
    assert (await door.get("entity/stats/intraday"))[1]["error"]["code"] == "endpoint_access_restricted"
    assert (await door.get("news/of/mars"))[1]["error"]["code"] == "invalid_api_endpoint"
    assert (await door.get("news/uuid/none"))[1]["error"]["code"] == "resource_not_found"
    main = next(row for row in await door.rows() if row["similar"])
    status, similar = await door.get(f"news/similar/{main['uuid']}")
    assert (status, [row["uuid"] for row in similar["data"]]) == (200, [s["uuid"] for s in main["similar"]])
    assert (await door.get(f"news/uuid/{main['uuid']}"))[1] == main


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "rate_limit"}, 429, "rate_limit_reached"),
        ({"kind": "error_500_before"}, 500, "server_error"),
        ({"kind": "error_500_after"}, 500, "server_error"),
        ({"kind": "maintenance"}, 503, "maintenance_mode"),
    ],
)
async def test_the_fault_dial(door: Door, fault: dict[str, Any], status: int, code: str) -> None:
    door.world.faults.replace([{"where": "marketaux.news.all", "count": 1, **fault}])
    said = await door.get()
    assert (said[0], said[1]["error"]["code"]) == (status, code)
    assert (await door.get())[0] == 200


@pytest.mark.parametrize(
    ("query", "text", "fits"),
    [
        ("bitcoin", "Bitcoin rallies", True),
        ("bit", "Bitcoin rallies", False),
        ("bit*", "Bitcoin rallies", True),
        ("bitcoin -rallies", "Bitcoin rallies", False),
        ("ether | bitcoin", "Bitcoin rallies", True),
        ('"bitcoin rallies"', "rallies bitcoin", False),
        ("(ether | bitcoin) + sinks", "Bitcoin rallies", False),
        (r"C\+\+", "written in C++", True),
    ],
)
def test_the_query_language(query: str, text: str, fits: bool) -> None:
    assert matcher(query)(text) is fits


@pytest.mark.parametrize("query", ["(", ")", "a |", "-", "(" * 30 + "a" + ")" * 30, "a" * 501])
def test_queries_that_cannot_be_read(query: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        matcher(query)
