"""pycoingecko as we wrap it, against a local server that misbehaves and against the simulator."""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from holdfast.core.time import to_ms
from holdfast.indices import reviewed
from holdfast.indices.coingecko import BudgetSpent, CoinGecko, CoinGeckoError, MinuteBudget, retry_after
from holdfast.indices.intake import readings
from holdfast.indices.universe import CoinKind

KEY = "CG-super-secret-key"


class Unlimited:
    async def spend(self, *, reserve):
        pass


class Answering:
    """A server that gives the prepared answers and keeps what it was asked."""

    def __init__(self):
        self.answers = []
        self.requests = []

    async def handle(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else web.json_response([])
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return web.json_response([])
        return answer


@pytest.fixture
async def door():
    answering = Answering()
    app = web.Application()
    app.router.add_get("/{path:.*}", answering.handle)
    server = TestServer(app)
    await server.start_server()
    answering.client = CoinGecko(
        str(server.make_url("/api/v3/")), key=KEY, key_header="x-cg-demo-api-key", budget=Unlimited()
    )
    yield answering
    await server.close()


async def failure(door, answer):
    door.answers = [answer]
    with pytest.raises(CoinGeckoError) as caught:
        await door.client.markets()
    assert KEY not in str(caught.value)
    assert "http" not in str(caught.value)
    return caught.value


async def test_the_key_travels_in_the_header_only(door):
    door.answers = [web.json_response([{"id": "bitcoin"}])]
    assert await door.client.markets() == [{"id": "bitcoin"}]
    request = door.requests[0]
    assert request.headers["x-cg-demo-api-key"] == KEY
    assert KEY not in str(request.url)
    assert request.path == "/api/v3/coins/markets"
    assert request.query["per_page"] == "250"
    assert request.query["vs_currency"] == "usd"


@pytest.mark.parametrize(
    "body",
    [
        {"status": {"error_code": 429, "error_message": "slow down"}},
        {"error": {"status": {"error_code": 429, "error_message": "slow down"}}},
        {"error": "slow down"},
    ],
)
async def test_every_shape_of_error_keeps_status_and_waiting_time(door, body):
    error = await failure(door, web.json_response(body, status=429, headers={"Retry-After": "7"}))
    assert error.status == 429
    assert error.retry_after == 7
    assert "slow down" in str(error)
    assert error.code in (429, 0)


async def test_text_bodies_and_missing_waiting_times(door):
    error = await failure(door, web.Response(status=429, text="Throttled"))
    assert (error.status, error.retry_after) == (429, 60)
    error = await failure(door, web.Response(status=503, text="<html>maintenance</html>"))
    assert (error.status, error.retry_after) == (503, 30)
    assert len(door.requests) == 2, "nothing is repeated behind our back"


async def test_a_paid_call_and_a_wrong_key_keep_the_vendors_code(door):
    body = {"status": {"error_code": 10005, "error_message": "not in your plan"}}
    assert (await failure(door, web.json_response(body, status=401))).code == 10005


@pytest.mark.parametrize(
    "answer", [web.json_response({"coins": []}), web.json_response([]), web.Response(text="{")]
)
async def test_answers_that_are_no_list_of_coins(door, answer):
    await failure(door, answer)


async def test_nobody_there():
    client = CoinGecko("http://127.0.0.1:9/api/v3/", key=KEY, key_header="x-k", budget=Unlimited())
    with pytest.raises(CoinGeckoError, match="cannot be reached"):
        await client.markets()


async def test_charts_are_read_and_gaps_left_out(door):
    chart = {"prices": [[1000, 1.5], [2000, None]], "market_caps": [[1000, 3]], "total_volumes": []}
    door.answers = [web.json_response(chart)]
    prices, caps = await door.client.market_chart("bitcoin", 1)
    assert prices == [(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 1.5)]
    assert caps[0][1] == 3.0
    assert door.requests[0].path == "/api/v3/coins/bitcoin/market_chart"
    door.answers = [web.json_response({"prices": "no"})]
    with pytest.raises(CoinGeckoError, match="could not be read"):
        await door.client.market_chart("bitcoin", 1)


@pytest.mark.parametrize(
    ("header", "status", "seconds"),
    [
        ("30", 429, 30),
        (" 5 ", 503, 5),
        (None, 429, 60),
        (None, 500, 30),
        ("soon", 429, 60),
        ("99999", 429, 3600),
    ],
)
def test_waiting_times(header, status, seconds):
    assert retry_after(header, status) == seconds


class Hand:
    """A clock moved by hand."""

    def __init__(self):
        self.at = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)

    def now(self):
        return self.at


async def spend(budget, calls, reserve=0):
    for _ in range(calls):
        await budget.spend(reserve=reserve)


async def test_the_budget_is_shared_and_starts_anew_every_minute(redis):
    clock = Hand()
    one, other = MinuteBudget(redis, clock, 5), MinuteBudget(redis, clock, 5)
    await spend(one, 3)
    await spend(other, 2)
    with pytest.raises(BudgetSpent) as caught:
        await spend(other, 1)
    assert 30 <= caught.value.retry_after <= 31
    clock.at += timedelta(seconds=30)
    await spend(one, 5)


async def test_some_calls_are_kept_for_the_poll(redis):
    budget = MinuteBudget(redis, Hand(), 5)
    await spend(budget, 3, reserve=2)
    for _ in range(5):
        with pytest.raises(BudgetSpent):
            await spend(budget, 1, reserve=2)
    await spend(budget, 2)
    with pytest.raises(BudgetSpent):
        await spend(budget, 1)


async def test_without_redis_each_process_counts_for_itself():
    from redis.asyncio import Redis

    budget = MinuteBudget(Redis.from_url("redis://127.0.0.1:9"), Hand(), 3)
    await spend(budget, 3)
    with pytest.raises(BudgetSpent):
        await spend(budget, 1)


async def test_the_simulator_answers_what_we_ask():
    from holdfast.sim.server import create_app

    server = TestServer(create_app(seed=3))
    await server.start_server()
    try:
        client = CoinGecko(str(server.make_url("/api/v3/")), key="", key_header="x", budget=Unlimited())
        coins = await client.markets()
        assert len(coins) == 250
        assert coins[0]["id"] == "bitcoin"
        prices, caps = await client.market_chart("bitcoin", 1)
        assert len(prices) > 200
        assert len(caps) == len(prices)
    finally:
        await server.close()


SHARED = Path(os.environ.get("HOLDFAST_SHARED", Path(__file__).parents[2] / ".." / "shared"))
SAMPLES = SHARED / "reference" / "contract_samples" / "coingecko"


def sample(name):
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"the contract samples are not here: {path}")
    return json.loads(path.read_text())


async def test_the_documented_list_of_coins_is_read(door):
    door.answers = [web.json_response(sample("coins_markets__200__example.json"))]
    now = datetime(2026, 5, 18, 12, 50, tzinfo=UTC)
    bitcoin = readings(await door.client.markets(), reviewed.assets(), now)[0]
    assert (bitcoin.asset_id, bitcoin.ticker, bitcoin.kind) == ("bitcoin", "BTC", CoinKind.COIN)
    assert (bitcoin.rank, bitcoin.price, bitcoin.supply) == (1, 77671, 20030493)
    assert bitcoin.market_cap == 1555886872303
    assert bitcoin.source_at == datetime(2026, 5, 18, 12, 49, 21, 599000, tzinfo=UTC)


@pytest.mark.parametrize("name", ["coins_id_market_chart", "coins_id_market_chart_range"])
async def test_the_documented_charts_are_read(door, name):
    chart = sample(f"{name}__200__example.json")
    door.answers = [web.json_response(chart)]
    prices, caps = await door.client.market_chart("bitcoin", 1)
    assert [value for _, value in prices] == [value for _, value in chart["prices"]]
    assert [to_ms(at) for at, _ in caps] == [ms for ms, _ in chart["market_caps"]]
