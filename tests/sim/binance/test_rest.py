"""The calls of the simulated Binance: paging, parameters, refusals, weights and faults."""

import asyncio
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from tests.sim.conftest import NOON_MS

from holdfast.sim.binance import limits
from holdfast.sim.binance.limits import BAN_MS, DEAF_REQUESTS, Weights
from holdfast.sim.binance.routes import mount
from holdfast.sim.clock import SimClock
from holdfast.sim.market import Market
from holdfast.sim.paths import MINUTE_MS
from holdfast.sim.server import create_app
from holdfast.sim.world import World

Client = TestClient[web.Request, web.Application]
MINUTE = NOON_MS // MINUTE_MS * MINUTE_MS


async def ask(client: Client, path: str, **params: Any) -> Any:
    async with client.get(f"/binance/api/v3/{path}", params=params) as answer:
        body = await answer.json()
        assert answer.status == 200, body
        return body


async def refusal(client: Client, path: str, **params: Any) -> tuple[int, int]:
    async with client.get(f"/binance/api/v3/{path}", params=params) as answer:
        body = await answer.json()
        assert set(body) == {"code", "msg"}
        return answer.status, body["code"]


async def klines(client: Client, **params: Any) -> list[int]:
    rows = await ask(client, "klines", symbol="BTCUSDT", interval="1m", **params)
    assert all(len(row) == 12 and row[6] == row[0] + MINUTE_MS - 1 for row in rows)
    return [(row[0] - MINUTE) // MINUTE_MS for row in rows]


async def test_paging_of_candles(client: Client) -> None:
    """In minutes before the forming one, which is 0."""
    assert await klines(client, limit=3) == [-2, -1, 0]
    assert len(await klines(client)) == 500
    assert len(await klines(client, limit=5000)) == 1000
    start, end = MINUTE - 10 * MINUTE_MS, MINUTE - 5 * MINUTE_MS
    assert await klines(client, startTime=start, limit=3) == [-10, -9, -8]
    assert await klines(client, endTime=end, limit=3) == [-7, -6, -5]
    assert await klines(client, endTime=end - 1, limit=1) == [-6]
    assert await klines(client, startTime=start, endTime=end) == [-10, -9, -8, -7, -6, -5]
    assert await klines(client, startTime=start + 1, endTime=end - 1) == [-9, -8, -7, -6]
    assert await klines(client, startTime=start * 1000, endTime=end * 1000, limit=2) == [-10, -9]
    assert await klines(client, startTime=end, endTime=start) == []
    assert await klines(client, startTime=MINUTE + MINUTE_MS) == []


async def test_the_first_candle_is_the_listing(client: Client, world: World) -> None:
    rows = await ask(client, "klines", symbol="BTCUSDT", interval="1d", startTime=0, limit=1)
    assert rows[0][0] == world.market.instruments["spot", "BTCUSDT"].launch_ms


async def test_the_forming_candle_grows_and_then_stands_still(client: Client, still: SimClock) -> None:
    async def newest() -> list[Any]:
        rows: list[list[Any]] = await ask(client, "klines", symbol="BTCUSDT", interval="1m", limit=2)
        return rows[-1]

    seen = [await newest()]
    for _ in range(3):
        still.advance(9_000)
        seen.append(await newest())
    assert {row[0] for row in seen} == {MINUTE}
    assert [row[8] for row in seen] == sorted({row[8] for row in seen})
    still.advance(MINUTE_MS)
    rows = await ask(client, "klines", symbol="BTCUSDT", interval="1m", startTime=MINUTE, limit=1)
    still.advance(10 * MINUTE_MS)
    assert await ask(client, "klines", symbol="BTCUSDT", interval="1m", startTime=MINUTE, limit=1) == rows


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("klines", {"interval": "1m"}, -1102),
        ("klines", {"symbol": "BTCUSDT"}, -1102),
        ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        ("klines", {"symbol": "BTCUSDT", "interval": "1H"}, -1120),
        ("klines", {"symbol": "NOBODY", "interval": "1m"}, -1121),
        ("klines", {"symbol": "btcusdt", "interval": "1m"}, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "-1"}, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "0"}, -1130),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "startTime": "soon"}, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "colour": "red"}, -1104),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "timeZone": "8"}, -1020),
        ("aggTrades", {"symbol": "BTCUSDT", "fromId": "1", "startTime": "1"}, -1128),
        ("ticker/price", {"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}, -1128),
        ("ticker/price", {"symbols": "BTCUSDT"}, -1100),
        ("ticker/24hr", {"symbol": "BTCUSDT", "type": "SHORT"}, -1130),
    ],
)
async def test_refusals(client: Client, path: str, params: dict[str, str], code: int) -> None:
    assert await refusal(client, path, **params) == (400, code)


async def test_absurd_numbers_are_answered(client: Client) -> None:
    huge = "9" * 20
    assert await ask(client, "klines", symbol="BTCUSDT", interval="1M", startTime=huge) == []
    assert await ask(client, "aggTrades", symbol="BTCUSDT", fromId=huge) == []
    assert await ask(client, "historicalTrades", symbol="BTCUSDT", fromId=huge) == []
    first = await ask(client, "historicalTrades", symbol="BTCUSDT", fromId=0, limit=2)
    assert first[1]["id"] == first[0]["id"] + 1
    assert len(await ask(client, "klines", symbol="BTCUSDT", interval="1s", endTime=0, limit=5)) == 0


async def test_a_snapshot_is_the_book_of_its_update(client: Client, still: SimClock) -> None:
    book = await ask(client, "depth", symbol="ETHUSDT", limit=5)
    assert [len(book["bids"]), len(book["asks"])] == [5, 5]
    assert await ask(client, "depth", symbol="ETHUSDT", limit=5) == book
    best = await ask(client, "ticker/bookTicker", symbol="ETHUSDT")
    assert [best["bidPrice"], best["bidQty"]] == book["bids"][0]
    assert [best["askPrice"], best["askQty"]] == book["asks"][0]
    still.advance(1000)
    later = await ask(client, "depth", symbol="ETHUSDT", limit=5000)
    assert later["lastUpdateId"] > book["lastUpdateId"]
    assert len(later["bids"]) == 200


async def test_tickers(client: Client) -> None:
    everybody = await ask(client, "ticker/24hr", type="MINI")
    assert len(everybody) > 400
    one = await ask(client, "ticker/24hr", symbol="BTCUSDT")
    assert float(one["lowPrice"]) <= float(one["weightedAvgPrice"]) <= float(one["highPrice"])
    named = await ask(client, "ticker/price", symbols='["BTCUSDT","ETHUSDT"]')
    assert [row["symbol"] for row in named] == ["BTCUSDT", "ETHUSDT"]
    average = await ask(client, "avgPrice", symbol="BTCUSDT")
    assert float(one["lowPrice"]) <= float(average["price"]) <= float(one["highPrice"])


async def test_weights_are_counted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MINUTE_MS", 10**15)  # so that none ends meanwhile

    async def used(path: str, **params: Any) -> int:
        async with client.get(f"/binance/api/v3/{path}", params=params) as answer:
            return int(answer.headers["X-MBX-USED-WEIGHT-1M"])

    spent = [
        await used("ping"), await used("klines", symbol="BTCUSDT", interval="1m"),
        await used("depth", symbol="BTCUSDT"), await used("depth", symbol="BTCUSDT", limit=5000),
        await used("exchangeInfo"), await used("ticker/24hr"), await used("klines"),
    ]  # fmt: skip
    steps = [after - before for before, after in pairwise(spent)]
    assert steps == [2, 5, 250, 20, 80, 2]


def test_who_goes_on_asking_is_shut_out() -> None:
    now = [0]
    weights = Weights(lambda: now[0], limit=100)
    assert weights.take("a", 100).status == 200
    assert [weights.take("a", 1).status for _ in range(DEAF_REQUESTS + 1)] == [429] * DEAF_REQUESTS + [418]
    assert weights.take("b", 1).status == 200
    now[0] = BAN_MS - 1
    assert weights.take("a", 1).status == 418
    now[0] = BAN_MS
    assert weights.take("a", 1).status == 200
    now[0] = 5 * 60_000 + 45_000
    weights.take("a", 101)
    assert weights.take("a", 1).retry_after_s == 15


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ({"kind": "rate_limit", "retry_after_s": 7}, 429),
        ({"kind": "ip_limit"}, 403),
        ({"kind": "maintenance"}, 503),
        ({"kind": "error_500_before", "status": 502}, 502),
        ({"kind": "error_500_after", "status": 504}, 504),
        ({"kind": "code_before", "code": -1121}, 400),
    ],
)
async def test_faults_with_an_answer(client: Client, world: World, rule: dict[str, Any], status: int) -> None:
    world.faults.replace([{"where": "binance.rest.time", "count": 1, **rule}])
    async with client.get("/binance/api/v3/time") as answer:
        assert answer.status == status
        assert answer.headers.get("Retry-After") == ("7" if status == 429 else None)
    assert await ask(client, "time") == {"serverTime": NOON_MS}


@pytest.mark.parametrize("kind", ["drop_request", "drop_answer", "half_open", "half_open_after"])
async def test_faults_without_an_answer(client: Client, world: World, kind: str) -> None:
    world.faults.replace([{"where": "binance.rest.*", "kind": kind}])
    with pytest.raises((aiohttp.ClientError, TimeoutError)):
        async with asyncio.timeout(1), client.get("/binance/api/v3/ping"):
            pass


async def test_it_stands_beside_the_other_doors() -> None:
    """CoinGecko has the root's ``/api/v3``, with a ping of its own."""
    async with TestClient(TestServer(create_app(11))) as client:
        assert await ask(client, "ping") == {}
        async with client.get("/api/v3/ping") as answer:
            assert "gecko_says" in await answer.json()
        async with client.get("/v5/market/time") as answer:
            assert (await answer.json())["retCode"] == 0


async def test_the_same_seed_and_moment_give_the_same_bytes(client: Client) -> None:
    calls = (
        "klines?symbol=ETHUSDT&interval=4h", "depth?symbol=ETHUSDT&limit=50", "aggTrades?symbol=ETHUSDT",
        "exchangeInfo", "ticker/24hr?symbol=ETHUSDT", "ticker/bookTicker",
    )  # fmt: skip
    clock = SimClock(NOON_MS, source_ns=lambda: 0)
    app = web.Application()
    mount(app, World(11, clock, Market(11, clock)))
    async with TestClient(TestServer(app)) as another:
        for call in calls:
            told = []
            for one in (client, another):
                async with one.get(f"/binance/api/v3/{call}") as answer:
                    told.append(await answer.read())
            assert told[0] == told[1]
            assert len(told[0]) > 50


async def test_the_clock_of_the_venue_may_be_wrong(client: Client, world: World) -> None:
    world.faults.replace([{"where": "binance.rest.time", "kind": "clock_skew", "skew_ms": -9000}])
    assert await ask(client, "time") == {"serverTime": NOON_MS - 9000}
