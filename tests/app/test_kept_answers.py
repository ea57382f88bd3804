"""What the API keeps is never told to the wrong user, and never once it is not true any more."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx2
import numpy as np
import pytest
from tests.charts.conftest import add_user, sign_in
from tests.news.test_routes import article

from holdfast.app.api import create_app
from holdfast.charts.datasets import reading
from holdfast.core.bars import Bars
from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus
from holdfast.indices import repository as index_repository
from holdfast.market import repository as instruments
from holdfast.market.candles import backfill, columns, conflicts, coverage, repository, store
from holdfast.market.candles.gaps import Reason
from holdfast.news import repository as news_repository
from holdfast.platform import cache_redis
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.models import CacheTag
from holdfast.platform.settings import Settings

START = 1_700_006_400
"""14 November 2023, midnight UTC."""
NOW = datetime(2024, 6, 1, tzinfo=UTC)
QUERY = {"timeframe": "1m", "limit": 100, "before": START + 6000}
VALUES = {"series": "coinbase:BTCUSD", "length": 5, **QUERY}


def minutes(count: int, price: int, *, start: int = START) -> Bars:
    flat = np.full(count, price, dtype=np.int64)
    times = start + 60 * np.arange(count, dtype=np.int64)
    return Bars(times, flat, flat + 5, flat - 5, flat, flat, 2, 3)


IMPATIENT = cache_redis.PATIENCE


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a Redis that is well may be slow."""
    monkeypatch.setattr(cache_redis, "PATIENCE", 30.0)


@pytest.fixture
async def second(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """At the door of another API process of the same installation."""
    created = create_app(settings)
    async with created.router.lifespan_context(created):
        transport = httpx2.ASGITransport(created, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://holdfast.test") as opened:
            yield opened


@pytest.fixture
async def stored(database: Database) -> int:
    """A hundred minutes of an imported series."""
    async with database.transaction() as session:
        one = await store.series(session, "coinbase", "BTCUSD", price_decimals=2, volume_decimals=3)
        await store.write(session, one.id, minutes(100, 10_000), origin="test", now=NOW)
    return one.id


async def page(client: httpx2.AsyncClient, path: str = "coinbase/BTCUSD", **more: Any) -> httpx2.Response:
    answer = await client.get(f"/api/candles/{path}", params=QUERY, **more)
    assert answer.status_code == 200, answer.text
    return answer


async def closes(client: httpx2.AsyncClient) -> set[float]:
    _, found = columns.decode((await page(client)).content)
    return set(found["close"])


async def averages(client: httpx2.AsyncClient) -> set[float]:
    answer = await client.get("/api/indicators/sma/values", params=VALUES)
    assert answer.status_code == 200, answer.text
    _, found = columns.decode(answer.content)
    (plot,) = [name for name in found if name != "time"]
    return set(found[plot][~np.isnan(found[plot])])


async def kept(client: httpx2.AsyncClient, what: str) -> dict[str, int]:
    counts: dict[str, int] = (await client.get("/api/status")).json()["cache"]["kinds"].get(what, {})
    return counts


# --- found again --------------------------------------------------------------------------------------------


async def test_a_sealed_page_is_made_once_for_all_processes(
    client: httpx2.AsyncClient, second: httpx2.AsyncClient, stored: int
) -> None:
    answers = [await page(each) for each in (client, client, second, second)]
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["etag"] for answer in answers}) == 1
    assert await kept(client, "candles") == {"memory": 1, "redis": 0, "made": 1, "shared": 0}
    assert await kept(second, "candles") == {"memory": 1, "redis": 1, "made": 0, "shared": 0}


async def test_bars_of_the_present_are_not_kept(client: httpx2.AsyncClient, stored: int) -> None:
    answers = [await client.get("/api/candles/coinbase/BTCUSD", params={"limit": 5}) for _ in range(2)]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert (await kept(client, "candles"))["made"] == 2


# --- never stale --------------------------------------------------------------------------------------------


async def test_pages_and_indicators_follow_every_write(
    client: httpx2.AsyncClient, second: httpx2.AsyncClient, database: Database, stored: int
) -> None:
    """More bars, other numbers taken, a wider scale, a gap explained: at once, in both processes."""

    async def both(closes_now: set[float]) -> None:
        for each in (client, second, client):
            assert await closes(each) == closes_now
            assert len(await averages(each)) >= len(closes_now)

    await both({100.0})
    earlier = await page(client)
    async with database.transaction() as session:
        await store.write(session, stored, minutes(40, 20_000, start=START - 2400), origin="test", now=NOW)
    assert (await page(client)).headers["etag"] != earlier.headers["etag"], "there are older bars now"
    async with database.transaction() as session:
        await store.write(session, stored, minutes(3, 11_100, start=START + 600), origin="file", now=NOW)
    await both({100.0})
    async with database.transaction() as session:
        one = await repository.locked(session, stored)
        assert await conflicts.take_offered(session, one, "file") == 3
    await both({100.0, 111.0})
    async with database.transaction() as session:
        await store.hold(session, stored, 4, 3)
    header, _ = columns.decode((await page(second)).content)
    assert header["price_decimals"] == 4


async def test_a_backfill_that_begins_is_told_at_once(
    client: httpx2.AsyncClient, second: httpx2.AsyncClient, database: Database
) -> None:
    async def told() -> list[dict[str, int] | None]:
        pages = [await page(each, "binance/BTCUSDT") for each in (client, second)]
        return [columns.decode(one.content)[0]["backfill"] for one in pages]

    async with database.transaction() as session:
        one = await store.series(session, "binance", "BTCUSDT", price_decimals=2, volume_decimals=3)
        await store.write(session, one.id, minutes(100, 10_000), origin="test", now=NOW)
    assert await told() == await told() == [None, None]
    assert (await kept(client, "candles"))["made"] == 1
    async with database.transaction() as session:
        await backfill.want(session, one.id, START, now=NOW)
    assert await told() == [{"done": 0, "total": 0}] * 2


async def test_bars_that_fill_the_space_after_the_last_ones_are_seen(
    client: httpx2.AsyncClient, database: Database
) -> None:
    """Written as rows, newer than any before, and yet on days whose pages are kept."""
    async with database.transaction() as session:
        one = await store.series(session, "kraken", "BTCUSD", price_decimals=2, volume_decimals=3)
        await store.write(session, one.id, minutes(10, 10_000), origin="test")
    first, _ = columns.decode((await page(client, "kraken/BTCUSD")).content)
    async with database.transaction() as session:
        await store.write(session, one.id, minutes(10, 10_000, start=START + 1200), origin="test")
    then, _ = columns.decode((await page(client, "kraken/BTCUSD")).content)
    assert (first["count"], then["count"]) == (10, 20)
    assert then["gaps"] == [{"from": START + 600, "until": START + 1200, "reason": "not_fetched"}]
    async with database.transaction() as session:
        await repository.locked(session, one.id)
        await coverage.explain(session, one.id, START + 600, START + 1200, Reason.NO_TRADES)
    told, _ = columns.decode((await page(client, "kraken/BTCUSD")).content)
    assert [gap["reason"] for gap in told["gaps"]] == ["no_trades"]


async def test_a_live_bar_leaves_the_pages_of_the_past_alone(
    client: httpx2.AsyncClient, database: Database, stored: int
) -> None:
    now = SystemClock().now()
    today = int(now.timestamp()) // 60 * 60 - 600
    async with database.transaction() as session:
        await store.write(session, stored, minutes(2, 10_000, start=today), origin="stream", now=now)
    await page(client)
    for more in (120, 180):
        async with database.transaction() as session:
            await store.write(session, stored, minutes(1, 9_000, start=today + more), origin="s", now=now)
        await page(client)
    assert (await kept(client, "candles"))["made"] == 1


async def test_new_instruments_and_imports_are_listed_at_once(
    client: httpx2.AsyncClient, second: httpx2.AsyncClient, database: Database
) -> None:
    async def listed(each: httpx2.AsyncClient) -> set[str]:
        return {one["series"] for one in (await each.get("/api/symbols?q=zzz")).json()}

    assert await listed(client) == await listed(second) == set()
    coin = Instrument(
        symbol="ZZZUSDT", kind=InstrumentKind.LINEAR, base="ZZZ", quote="USDT",
        status=InstrumentStatus.TRADING, tick=Decimal("0.01"), lot=Decimal("0.1"),
        min_quantity=Decimal("0.1"), min_notional=Decimal(5),
        max_limit_quantity=Decimal(1000), max_market_quantity=Decimal(100),
    )  # fmt: skip
    async with database.transaction() as session:
        await instruments.save_seen(session, "bybit", [coin], SystemClock().now())
    assert await listed(client) == await listed(second) == {"bybit:ZZZUSDT"}
    async with database.transaction() as session:
        await store.series(session, "coinbase", "ZZZUSD")
    assert await listed(client) == await listed(second) == {"bybit:ZZZUSDT", "coinbase:ZZZUSD"}


async def test_news_and_levels_are_there_as_soon_as_they_are_written(
    client: httpx2.AsyncClient, second: httpx2.AsyncClient, database: Database
) -> None:
    async def points(each: httpx2.AsyncClient) -> int:
        return len((await each.get("/api/indices/btc-d/history?range=1D")).json()["points"])

    async def answered(each: httpx2.AsyncClient) -> str | None:
        found: str | None = (await each.get("/api/news")).json()["feed"]["answered_at"]
        return found

    now = SystemClock().now()
    assert await points(client) == await points(second) == 0
    assert await answered(client) is await answered(second) is None
    async with database.transaction() as session:
        level = [(now - timedelta(hours=1), 55.5)]
        await index_repository.save_levels(session, "btc-d", level, index_repository.LIVE)
        await news_repository.take_turn(
            session, "marketaux", now=now, interval=timedelta(minutes=15), per_day=100
        )
        await news_repository.note(
            session, "marketaux", problem="", at=now, next_at=now + timedelta(minutes=15)
        )
    assert await points(client) == await points(second) == 1
    assert await answered(client) == await answered(second) is not None


async def test_a_story_is_told_as_soon_as_it_is_saved(
    client: httpx2.AsyncClient, second: httpx2.AsyncClient, database: Database
) -> None:
    async def titles(each: httpx2.AsyncClient) -> list[str]:
        return [one["title"] for one in (await each.get("/api/news")).json()["items"]]

    now = SystemClock().now()
    assert await titles(client) == await titles(second) == []
    async with database.transaction() as session:
        await news_repository.save(session, "marketaux", [article(1, None, "none", published_at=now)], now)
    assert await titles(client) == await titles(second) == ["Article 1"]


# --- nobody else's ------------------------------------------------------------------------------------------


async def test_own_bars_are_kept_for_their_owner_only_and_end_with_the_dataset(
    client: httpx2.AsyncClient, second: httpx2.AsyncClient, database: Database, settings: Settings
) -> None:
    alice, eve = [await sign_in(database, settings, await add_user(database)) for _ in range(2)]
    rows = "".join(f"{START + 60 * i},100,101,99,100,1\n" for i in range(100))
    sent = await client.post(
        "/api/datasets",
        headers=alice | {"Idempotency-Key": uuid4().hex},
        files={"file": ("mine.csv", b"timestamp,open,high,low,close,volume\n" + rows.encode())},
        data={"name": "Secret sauce"},
    )
    assert sent.status_code == 202, sent.text
    dataset = sent.json()["id"]
    assert (await client.get(f"/api/candles/own/{dataset}", headers=alice)).status_code == 404
    await reading.carry_out(database, SystemClock(), UUID(dataset))

    paths = [f"/api/candles/own/{dataset}", "/api/indicators/sma/values"]
    asked = [QUERY, QUERY | {"series": f"own:{dataset}", "length": 5}]
    for each in (client, second):
        for path, query in zip(paths, asked, strict=True):
            for _ in range(2):
                answer = await each.get(path, params=query, headers=alice)
                assert answer.status_code == 200, answer.text
                tag = {"If-None-Match": answer.headers["etag"]}
                forged = {"Authorization": alice["Authorization"][:-4] + "AAAA"}
                for other in (eve, {}, forged, eve | tag, tag):
                    refused = await each.get(path, params=query, headers=other)
                    assert refused.status_code == 404, refused.text
        assert [one["name"] for one in await symbols(each, alice)] == ["Secret sauce"]
        assert await symbols(each, eve) == await symbols(each, {}) == []
    assert (await kept(second, "candles"))["redis"] == 1

    async def stamped() -> bool:
        async with database.transaction() as session:
            return await session.get(CacheTag, f"series:own:{dataset}") is not None

    assert await stamped()
    gone = await second.delete(f"/api/datasets/{dataset}", headers=alice | {"Idempotency-Key": uuid4().hex})
    assert gone.status_code == 204, gone.text
    for each in (client, second):
        for path, query in zip(paths, asked, strict=True):
            assert (await each.get(path, params=query, headers=alice)).status_code == 404
        assert await symbols(each, alice) == []
    assert not await stamped(), "nothing is left behind of what is gone"


async def symbols(client: httpx2.AsyncClient, headers: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/api/symbols?q=secret", headers=headers)).json()
    return found


# --- Redis hangs --------------------------------------------------------------------------------------------


async def test_the_api_answers_and_says_so_while_redis_takes_connections_and_tells_nothing(
    settings: Settings, stored: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_redis, "REST_SECONDS", 600.0)
    monkeypatch.setattr(cache_redis, "PATIENCE", IMPATIENT)

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    created = create_app(settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{port}/0"}))
    async with created.router.lifespan_context(created):
        transport = httpx2.ASGITransport(created)
        async with (
            asyncio.timeout(45),
            httpx2.AsyncClient(transport=transport, base_url="http://holdfast.test") as client,
        ):
            first, second = await page(client), await page(client)
            assert first.content == second.content
            told = (await client.get("/api/status")).json()
    server.close()
    assert told["feed_age_seconds"] is None
    assert told["cache"]["without_redis"]
    assert told["cache"]["kinds"]["candles"] == {"memory": 1, "redis": 0, "made": 1, "shared": 0}
