"""Charts get the venue's own bars, whatever is stored of them yet."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import numpy as np
import pytest
from sqlalchemy import func, select

from holdfast.core.resample import resample
from holdfast.core.timeframes import Timeframe
from holdfast.market import repository
from holdfast.market.candles import columns, feeds
from holdfast.market.candles.models import CandleRow
from holdfast.platform.clock import SystemClock
from holdfast.platform.tasks import Work
from holdfast.venues.binance.rest import BinancePublic
from holdfast.venues.bybit.public import BybitPublic

NAMES = ("time", "open", "high", "low", "close", "volume")


async def get(
    api: httpx2.AsyncClient, path: str = "bybit/BTCUSDT", **query: Any
) -> tuple[dict[str, Any], Any]:
    answer = await api.get(f"/api/candles/{path}", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == columns.MEDIA_TYPE
    return columns.decode(answer.content)


async def test_the_first_look_is_the_venues_own_bars(
    api: httpx2.AsyncClient, venue: BybitPublic, work: Work
) -> None:
    header, found = await get(api, timeframe="1m", limit=300)
    end = int(SystemClock().now().timestamp())
    expected = (await feeds.span(venue, "BTCUSDT", Timeframe.M1, end // 60 * 60 - 330 * 60, end)).as_floats()
    assert header["series"] == "bybit:BTCUSDT"
    assert header["count"] == 300
    assert header["forming"]
    assert header["more"]
    assert header["gaps"] == []
    both = np.isin(expected.time, found["time"][:-1])
    assert both.sum() == 299
    for name in NAMES[:5]:
        assert np.array_equal(found[name][:-1], getattr(expected, name)[both]), name
    assert np.allclose(found["volume"][:-1], expected.volume[both], rtol=1e-6)
    async with work.database.transaction() as session:
        stored = await session.scalar(select(func.count()).select_from(CandleRow))
    assert stored in (298, 299)


@pytest.mark.parametrize("timeframe", ["15m", "1h", "8h", "1d", "3d", "1w", "1M"])
async def test_wide_views_are_right_before_anything_is_stored(
    api: httpx2.AsyncClient, venue: BybitPublic, timeframe: str
) -> None:
    header, found = await get(api, timeframe=timeframe, limit=120)
    whole = Timeframe(timeframe)
    asked = feeds.offered("bybit", whole)
    begin = int(found["time"][0])
    expected = await feeds.span(venue, "BTCUSDT", asked, begin, int(found["time"][-1]))
    assert len(found["time"]) > 60
    floats = resample(expected, whole).as_floats()
    for name in NAMES[:5]:
        assert np.array_equal(found[name][:-1], getattr(floats, name)), name
    assert header["forming"]


async def test_pages_join_without_a_seam(api: httpx2.AsyncClient) -> None:
    header, newest = await get(api, timeframe="5m", limit=40)
    _, older = await get(api, timeframe="5m", limit=40, before=int(newest["time"][0]))
    assert older["time"][-1] == newest["time"][0] - 300
    assert header["from"] == newest["time"][0]
    _, again = await get(api, timeframe="5m", limit=80)
    joined = np.concatenate((older["time"], newest["time"]))
    common = np.isin(joined, again["time"])
    assert common.sum() >= 79
    _, tail = await get(api, timeframe="5m", limit=80, after=int(newest["time"][-3]))
    assert tail["time"][0] == newest["time"][-2]
    _, future = await get(api, timeframe="5m", after=int(SystemClock().now().timestamp()) + 900)
    assert len(future["time"]) == 0


async def test_a_sealed_page_is_not_sent_twice(api: httpx2.AsyncClient) -> None:
    before = int(datetime(2024, 3, 1, tzinfo=UTC).timestamp())
    query = {"timeframe": "1m", "limit": 500, "before": before}
    first = await api.get("/api/candles/bybit/ETHUSDT", params=query)
    header, found = columns.decode(first.content)
    assert header["count"] == 500
    assert found["time"][-1] == before - 60
    tag = first.headers["etag"]
    second = await api.get("/api/candles/bybit/ETHUSDT", params=query, headers={"if-none-match": tag})
    assert (second.status_code, second.content) == (304, b"")
    newest = await api.get("/api/candles/bybit/ETHUSDT")
    assert "etag" not in newest.headers


async def test_before_the_listing_there_is_nothing_and_it_is_said(api: httpx2.AsyncClient) -> None:
    header, found = await get(
        api, timeframe="1m", limit=500, before=int(datetime(2019, 1, 1, tzinfo=UTC).timestamp())
    )
    assert len(found["time"]) == 0
    assert header["more"] is False


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("bybit/NOSUCHCOIN", {}, 404),
        ("nowhere/BTCUSDT", {}, 404),
        ("own/0b7b0c34-6c0f-4f6e-9a5d-0d8f5a3d7a11", {}, 404),
        ("index/no-such", {}, 404),
        ("bybit/..%2f..%2fetc", {}, 422),
        ("bybit/BTC%00USDT", {}, 422),
        ("bybit/" + "A" * 400, {}, 422),
        ("bybit/BTCUSDT", {"timeframe": "7m"}, 422),
        ("bybit/BTCUSDT", {"timeframe": "1M", "limit": 2001}, 422),
        ("bybit/BTCUSDT", {"limit": 0}, 422),
        ("bybit/BTCUSDT", {"before": -1}, 422),
        ("bybit/BTCUSDT", {"before": 10**18}, 422),
        ("bybit/BTCUSDT", {"before": "tomorrow"}, 422),
    ],
)
async def test_what_makes_no_sense_is_refused(
    api: httpx2.AsyncClient, path: str, query: dict[str, Any], status: int
) -> None:
    answer = await api.get(f"/api/candles/{path}", params=query)
    assert answer.status_code in (status, 404) if "%2f" in path else answer.status_code == status
    assert answer.json()["advice"]


async def test_symbols_are_found_by_a_few_letters(api: httpx2.AsyncClient) -> None:
    found = (await api.get("/api/symbols", params={"q": "btc"})).json()
    names = [one["series"] for one in found]
    assert names[0] == "bybit:BTCUSDT"
    assert {"index:btc-d", "index:eth-btc"} <= set(names)
    exact = (await api.get("/api/symbols", params={"q": "ethusdt"})).json()
    assert exact[0]["series"] == "bybit:ETHUSDT"
    assert exact[0]["kind"] == "linear"
    only = (await api.get("/api/symbols", params={"source": "index"})).json()
    assert {one["source"] for one in only} == {"index"}
    assert (await api.get("/api/symbols", params={"q": "\u0000"})).status_code in (200, 422)
    assert (await api.get("/api/symbols", params={"limit": 10_000})).status_code == 422


async def test_binances_spot_is_charted_the_same_way(api: httpx2.AsyncClient, work: Work) -> None:
    venue = BinancePublic(work.settings.binance_url)
    try:
        async with work.database.transaction() as session:
            listed = await venue.instruments()
            await repository.save_seen(session, "binance", listed, work.clock.now())
        header, found = await get(api, "binance/BTCUSDT", timeframe="1m", limit=100)
        _, wide = await get(api, "binance/BTCUSDT", timeframe="3d", limit=200)
        start, until = int(found["time"][0]), int(found["time"][-1])
        theirs = (await feeds.span(venue, "BTCUSDT", Timeframe.M1, start, until)).as_floats()
        first = int(wide["time"][0])
        longer = (await feeds.span(venue, "BTCUSDT", Timeframe.D3, first, int(wide["time"][-1]))).as_floats()
    finally:
        await venue.close()
    assert header["series"] == "binance:BTCUSDT"
    for name in NAMES[:5]:
        assert np.array_equal(found[name][:-1], getattr(theirs, name)), name
        assert np.array_equal(wide[name][:-1], getattr(longer, name)), name
    names = [one["series"] for one in (await api.get("/api/symbols", params={"q": "btcusdt"})).json()]
    assert set(names[:2]) == {"binance:BTCUSDT", "bybit:BTCUSDT"}
