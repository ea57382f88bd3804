"""What one visitor may ask of charts and their bars: bounded, told clearly, and nobody else's trouble."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import func, select
from tests.market.candles.conftest import api, sim, there, venue, work
from tests.market.candles.test_data_routes import sign_in

from holdfast.accounts.limits import Rate
from holdfast.app import moderation
from holdfast.market.candles import backfill
from holdfast.market.candles.models import CandleBackfill, CandleSeries
from holdfast.platform.tasks import Work

__all__ = ["api", "sim", "there", "venue", "work"]

BTC, ETH = "/api/candles/bybit/BTCUSDT", "/api/candles/bybit/ETHUSDT"
HOUR = timedelta(hours=1)


def app_of(client: httpx2.AsyncClient) -> Any:
    return client._transport.app  # type: ignore[attr-defined]


@pytest.fixture
async def elsewhere(api: httpx2.AsyncClient) -> Any:
    """Somebody of another network."""
    transport = httpx2.ASGITransport(app_of(api), client=("198.51.100.7", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://holdfast.test") as opened:
        yield opened


@pytest.fixture
def few_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(moderation.READS, False, Rate("charts:network", 3, HOUR))


@pytest.mark.usefixtures("few_reads")
@pytest.mark.parametrize(
    "path",
    [
        "/api/symbols?q=btc",
        f"{BTC}?limit=5",
        "/api/indicators",
        "/api/indicators/sma/values?series=bybit:BTCUSDT&limit=5",
        "/api/candles/bybit/NOSUCH",
    ],
)
async def test_a_stranger_who_asks_too_often_is_told_when_to_come_back(
    api: httpx2.AsyncClient, elsewhere: httpx2.AsyncClient, path: str
) -> None:
    answers = [await api.get(path, headers={"Authorization": "Bearer forged.token.x"}) for _ in range(4)]
    assert [answer.status_code == 429 for answer in answers] == [False, False, False, True]
    refused = answers[-1]
    assert 0 < int(refused.headers["Retry-After"]) <= 1200
    assert refused.json()["detail"] == "Too much was asked for from here."
    assert refused.json()["advice"].startswith("Try again in ")
    assert (await elsewhere.get(path)).status_code != 429
    user = await sign_in(api)
    assert (await api.get(path, headers=user)).status_code != 429, "users are counted by themselves"
    assert (await api.get("/api/indices")).status_code == 200, "only charts are closed"
    assert not moderation._answering


async def test_what_venues_are_asked_for_counts_and_what_is_stored_does_not(
    api: httpx2.AsyncClient, elsewhere: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(moderation.PAGES, False, Rate("venue:network", 1, HOUR))
    before = 1_709_251_200
    old = f"{BTC}?limit=1500&before={before}"
    assert (await api.get(old)).status_code == 200, "a page that was begun is finished"
    refused = await api.get(f"{ETH}?limit=1500&before={before}")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 1
    for _ in range(5):
        assert (await elsewhere.get(old)).status_code == 200, "stored: nobody is asked"
    assert (await elsewhere.get(f"{ETH}?limit=1500&before={before}")).status_code == 200
    assert (await elsewhere.get(old)).status_code == 429


async def test_new_users_of_one_network_are_not_new_people(
    api: httpx2.AsyncClient, elsewhere: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [await sign_in(api) for _ in range(4)]
    monkeypatch.setattr(moderation, "READS_OF_NETWORK", Rate("charts:shared", 3, HOUR))
    answers = [await api.get("/api/indicators", headers=user) for user in users]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 1200
    assert (await api.get("/api/indicators")).status_code == 429, "nor are strangers"
    assert (await elsewhere.get("/api/indicators", headers=users[0])).status_code == 200


async def test_what_venues_are_asked_for_counts_for_all_users_of_a_network(
    api: httpx2.AsyncClient, elsewhere: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [await sign_in(api) for _ in range(2)]
    monkeypatch.setattr(moderation, "PAGES_OF_NETWORK", Rate("venue:shared", 1, HOUR))
    old = "limit=1500&before=1709251200"
    assert (await api.get(f"{BTC}?{old}", headers=users[0])).status_code == 200
    assert (await api.get(f"{ETH}?{old}", headers=users[1])).status_code == 429
    assert (await elsewhere.get(f"{ETH}?{old}", headers=users[1])).status_code == 200


async def test_a_user_begins_so_many_fillings_and_no_more(
    api: httpx2.AsyncClient, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderation, "FILLS", Rate("fill:user", 1, HOUR))
    user = await sign_in(api)
    for path in (BTC, ETH, ETH):
        assert (await api.get(f"{path}?limit=5", headers=user)).status_code == 200
    assert await filling(work) == 1
    refused = await api.post("/api/data/backfills", json={"series": "bybit:SOLUSDT"}, headers=user)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "300"
    assert "Enough histories" in refused.json()["detail"]
    other = await sign_in(api)
    assert (await api.get(f"{ETH}?limit=5", headers=other)).status_code == 200
    assert await filling(work) == 2
    monkeypatch.setattr(moderation, "FILLS_OF_NETWORK", Rate("fill:network", 1, HOUR))
    third = await sign_in(api)
    assert (await api.get("/api/candles/bybit/SOLUSDT?limit=5", headers=third)).status_code == 200
    assert await filling(work) == 2, "new users of one network are not new people"


async def test_everybody_together_fills_so_many_series_and_no_more(
    api: httpx2.AsyncClient, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "MOST_UNDER_WAY", 0)
    user = await sign_in(api)
    assert (await api.get(f"{BTC}?limit=5", headers=user)).status_code == 200
    assert await filling(work) == 0
    asked = await api.post("/api/data/backfills", json={"series": "bybit:SOLUSDT"}, headers=user)
    assert asked.status_code == 429


async def filling(work: Work) -> int:
    async with work.database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(CandleBackfill)) or 0


async def test_nobody_has_more_than_a_few_questions_open(
    api: httpx2.AsyncClient, elsewhere: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderation, "AT_ONCE", 3)
    go_on, asking = asyncio.Event(), 0
    candles = app_of(api).state.candles
    find = candles.find

    async def slow(*arguments: Any) -> Any:
        nonlocal asking
        asking += 1
        await go_on.wait()
        return await find(*arguments)

    monkeypatch.setattr(candles, "find", slow)
    waiting = [asyncio.create_task(api.get(f"{BTC}?limit={5 + n}")) for n in range(3)]
    async with asyncio.timeout(60):
        while asking < 3:
            await asyncio.sleep(0.01)
    refused = [await api.get(f"{BTC}?limit=9") for _ in range(50)]
    assert {answer.status_code for answer in refused} == {429}
    assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
    assert asking == 3
    other = asyncio.create_task(elsewhere.get(f"{BTC}?limit=9"))
    go_on.set()
    assert [answer.status_code for answer in await asyncio.gather(*waiting, other)] == [200] * 4
    assert not moderation._answering


async def test_unknown_symbols_and_absurd_ranges_leave_nothing_behind(
    api: httpx2.AsyncClient, work: Work
) -> None:
    candles = app_of(api).state.candles
    for n in range(100):
        assert (await api.get(f"/api/candles/bybit/NOSUCH{n}")).status_code == 404
        assert (await api.get(f"/api/candles/venue{n}/BTCUSDT")).status_code == 404
        assert (await api.get(f"{BTC}?before={10**15 + n}")).status_code == 422
    async with work.database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(CandleSeries)) == 0
    assert not candles._supply._locks
    assert not candles._relay._kept
    assert not candles._relay._asking


async def test_running_scripts_costs_more_than_reading(
    api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox is away here: what was asked counts all the same."""
    user = await sign_in(api)
    monkeypatch.setitem(moderation.READS, True, Rate("charts:user", 60, HOUR))
    for path, body in (
        ("/api/scripts/check", {"source": "x"}),
        ("/api/scripts", {"name": "a", "source": "x"}),
        ("/api/strategies", {}),
    ):
        fresh = await sign_in(api)
        codes = [
            (await api.post(path, json=body, headers=fresh | {"Idempotency-Key": f"{path}{n}"})).status_code
            for n in range(4)
        ]
        assert [code == 429 for code in codes] == [False, False, False, True], (path, codes)
    equity = f"/api/strategies/{uuid4()}/equity"
    codes = [(await api.get(equity, headers=user)).status_code for _ in range(4)]
    assert codes == [404, 404, 404, 429]
    fresh = await sign_in(api)
    for path in ("/api/scripts", "/api/strategies"):
        assert (await api.get(path, headers=fresh)).status_code == 200
