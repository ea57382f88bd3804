"""News over HTTP: pages, filters, marks, and what is said about the source."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from tests.news.conftest import NOON

from holdfast.news import repository
from holdfast.news.intake import Article, Mention
from holdfast.news.marketaux import NAME
from holdfast.news.schemas import FeedState
from holdfast.news.sentiment import Basis
from holdfast.news.service import feed_view
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings

KNOWN = NOON + timedelta(minutes=7)


def article(number: int, sentiment: float | None, basis: str, *mentions: Mention, **changed: Any) -> Article:
    fields = {
        "id": UUID(int=number),
        "title": f"Article {number}",
        "description": "",
        "url": f"https://news.example/{number}",
        "publisher": "news.example",
        "language": "en",
        "published_at": NOON - timedelta(minutes=number),
        "sentiment": sentiment,
        "basis": Basis(basis),
        "mentions": mentions,
    }
    return Article(**fields | changed)


def named(asset_id: str, sentiment: float | None, match: float = 10.0) -> Mention:
    return Mention(asset_id, asset_id, match, sentiment, f"about {asset_id}")


@pytest.fixture
async def filled(database: Database, known_coins: None) -> None:
    found = [
        article(1, 0.1, "marketaux", named("bitcoin", 0.6, 30), named("ethereum", -0.4, 20)),
        article(2, 0.0, "marketaux", named("bitcoin", 0.0)),
        article(3, -0.5, "word_list", named("bitcoin", None)),
        article(4, None, "none"),
        article(5, 0.7, "marketaux", named("ethereum", 0.7), named("bitcoin", None)),
        article(6, 0.6, "marketaux", named("bitcoin", 0.6), similar_to=UUID(int=1)),
    ]
    async with database.transaction() as session:
        assert await repository.save(session, NAME, found, KNOWN) == 6
        assert await repository.save(session, NAME, found, KNOWN + timedelta(hours=1)) == 0


def numbers(body: Any) -> list[int]:
    return [UUID(item["id"]).int for item in body["items"]]


@pytest.mark.usefixtures("filled")
async def test_everything_newest_first_with_similar_ones_under_their_own(client: httpx2.AsyncClient) -> None:
    body = (await client.get("/api/news")).json()
    assert numbers(body) == [1, 2, 3, 4, 5]
    first = body["items"][0]
    assert [one["url"] for one in first["similar"]] == ["https://news.example/6"]
    assert [(m["ticker"], m["mood"]) for m in first["mentions"]] == [("BTC", "positive"), ("ETH", "negative")]
    assert datetime.fromisoformat(first["known_at"]) == KNOWN
    assert [(one["mood"], one["basis"]) for one in body["items"]] == [
        ("positive", "marketaux"),
        ("neutral", "marketaux"),
        ("negative", "word_list"),
        ("unknown", "none"),
        ("positive", "marketaux"),
    ]
    assert body["next_before"] is None
    assert (body["feed"]["source"], body["feed"]["state"]) == ("Marketaux", "waiting")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("symbol=BTC", [1, 2, 3, 5]),
        ("symbol=btcusdt&mood=positive", [1]),
        ("symbol=bitcoin&mood=neutral", [2]),
        ("symbol=BTC&mood=negative", [3]),
        ("symbol=BTC&mood=unknown", [5]),
        ("symbol=Ethereum&mood=negative", [1]),
        ("series=bybit:ETHUSDT", [1, 5]),
        ("series=binance:ETHBTC", [1, 5]),
        ("series=own:8f14e45f-ceea-467f-a0e6-5b9a1c2d3e4f", []),
        ("series=index:btc-d", []),
        ("mood=unknown", [4]),
        ("mood=positive", [1, 5]),
        ("symbol=SOL", []),
    ],
)
async def test_filters(client: httpx2.AsyncClient, query: str, found: list[int]) -> None:
    answer = await client.get(f"/api/news?{query}")
    assert answer.status_code == 200, answer.text
    assert numbers(answer.json()) == found


@pytest.mark.usefixtures("filled")
async def test_the_mood_of_a_coin_is_its_own(client: httpx2.AsyncClient) -> None:
    body = (await client.get("/api/news?symbol=ETH")).json()
    assert [(one["sentiment"], one["mood"]) for one in body["items"]] == [
        (pytest.approx(-0.4), "negative"),
        (pytest.approx(0.7), "positive"),
    ]
    of_bitcoin = (await client.get("/api/news?symbol=BTC")).json()["items"][-1]
    assert (of_bitcoin["mood"], of_bitcoin["basis"]) == ("unknown", "none")


@pytest.mark.usefixtures("filled")
async def test_pages_join_without_a_gap(client: httpx2.AsyncClient) -> None:
    seen: list[int] = []
    before = ""
    for _ in range(3):
        body = (
            await client.get("/api/news", params={"limit": 2, **({"before": before} if before else {})})
        ).json()
        seen += numbers(body)
        before = body["next_before"]
    assert seen == [1, 2, 3, 4, 5]
    assert before is None


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    "query",
    [
        "symbol=NOSUCHCOIN",
        "symbol=%00",
        "series=BTCUSDT",
        "mood=happy",
        "before=junk",
        "before=WyIyMDI2LTExLTIwVDEyOjAwOjAwKzAwOjAwIiwieCJd",
        "limit=0",
        "limit=101",
    ],
)
async def test_what_cannot_be_read_is_refused(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.get(f"/api/news?{query}")
    assert answer.status_code == 422
    assert answer.json()["advice"]


async def test_an_unknown_index_is_not_there(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/api/news?series=index:nothing")).status_code == 404


@pytest.mark.usefixtures("filled")
async def test_marks_stand_where_it_became_known(client: httpx2.AsyncClient) -> None:
    second = int(KNOWN.timestamp())

    async def marks(start: int, until: int, series: str = "bybit:BTCUSDT") -> list[Any]:
        query = {"series": series, "from": start, "until": until}
        return list((await client.get("/api/news/marks", params=query)).json())

    found = await marks(second, second + 1)
    assert {UUID(one["id"]).int for one in found} == {1, 2, 3, 5}
    assert {one["time"] for one in found} == {second}
    assert await marks(second - 3_600, second) == []
    assert await marks(second + 1, second + 3_600) == []
    assert [UUID(one["id"]).int for one in await marks(0, second + 1, "bybit:ETHUSDT")] == [1, 5]
    refused = await client.get("/api/news/marks?series=bybit:BTCUSDT&from=-1&until=5")
    assert refused.status_code == 422


async def test_the_source_says_how_it_is_doing(database: Database, settings: Settings) -> None:
    live = Settings(mode="live")
    assert feed_view(None, live, NOON).state is FeedState.NO_TOKEN
    assert "HOLDFAST_MARKETAUX_TOKEN" in feed_view(None, live, NOON).detail
    assert feed_view(None, settings, NOON).state is FeedState.WAITING
    turn = {"interval": timedelta(minutes=1), "per_day": 100}
    async with database.transaction() as session:
        assert await repository.take_turn(session, NAME, now=NOON, **turn) is None
        await repository.note(session, NAME, problem="", at=NOON, next_at=NOON)
        row = await repository.source(session, NAME)
        states = [feed_view(row, settings, NOON + timedelta(hours=hours)).state for hours in (0, 2)]
        assert states == [FeedState.OK, FeedState.STALE]
        await repository.note(session, NAME, problem="quota", at=NOON, next_at=NOON)
        row = await repository.source(session, NAME)
        assert feed_view(row, settings, NOON).state is FeedState.QUOTA
        assert feed_view(row, live, NOON).next_at is None


async def test_a_page_without_any_news_says_why(app: FastAPI, client: httpx2.AsyncClient) -> None:
    body = (await client.get("/api/news")).json()
    assert body["items"] == []
    assert body["feed"]["detail"]


@pytest.mark.usefixtures("filled")
async def test_one_article_is_found_by_its_id(client: httpx2.AsyncClient) -> None:
    found = (await client.get(f"/api/news/{UUID(int=6)}")).json()
    assert (found["title"], found["sentiment"], found["basis"]) == ("Article 6", 0.6, "marketaux")
    assert [one["ticker"] for one in found["mentions"]] == ["BTC"]
    assert (await client.get(f"/api/news/{UUID(int=99)}")).status_code == 404
    assert (await client.get("/api/news/nonsense")).status_code == 422
