"""Indices over HTTP, through the whole API."""

from dataclasses import replace
from datetime import timedelta

import pytest

from holdfast.core.instruments import InstrumentKind
from holdfast.indices import repository
from holdfast.indices import tasks as indices
from holdfast.market import tasks as market
from holdfast.market.quotes import LiveQuote
from holdfast.platform.tasks import RunAgainIn


@pytest.fixture
async def prepared(work, app):
    """An API whose board knows the simulated market."""
    for job in (market.refresh_instruments, indices.poll_market_caps):
        with pytest.raises(RunAgainIn):
            await job(work)
    now = work.clock.now()
    for q in await market.public_venue(work).quotes(InstrumentKind.LINEAR):
        app.state.quotes.put(
            LiveQuote(
                q.symbol, q.bid, q.ask, q.last, q.mark, q.index, q.last, q.turnover_24h, q.funding_rate, now
            )
        )
    async with work.database.transaction() as session:
        await app.state.indices.refresh(session, now)
    return work


async def test_the_list_is_whole_even_before_anything_has_arrived(client):
    listed = (await client.get("/api/indices")).json()
    assert [index["id"] for index in listed] == ["btc-d", "eth-d", "eth-btc", "top-10"]
    assert all(index["level"] is None and index["stale_reason"] for index in listed)
    detail = await client.get("/api/indices/btc-d")
    assert detail.status_code == 200
    assert detail.json()["members"] == []
    assert detail.json()["minimum"] is None
    history = (await client.get("/api/indices/btc-d/history")).json()
    assert history["points"] == []
    assert history["note"]


async def test_the_list_and_the_detail_agree(prepared, client):
    listed = {index["id"]: index for index in (await client.get("/api/indices")).json()}
    detail = (await client.get("/api/indices/btc-d")).json()
    assert detail["stale_reason"] == ""
    assert detail["level"] == listed["btc-d"]["level"]
    assert detail["symbol"] == "BTC.D"
    assert detail["unit"] == "%"
    assert len(detail["members"]) == listed["btc-d"]["member_count"] == 11
    assert sum(member["share"] for member in detail["members"]) == pytest.approx(1)
    assert sum(member["weight"] for member in detail["members"]) == pytest.approx(0, abs=1e-9)
    assert detail["members"][0]["share"] * 100 == pytest.approx(detail["level"])
    assert float(detail["minimum"]["size"]) > 5
    assert "Bybit takes no" in detail["minimum"]["reason"]
    assert detail["attribution"] == "Data provided by CoinGecko"
    assert len(detail["methodology"]) > 4


@pytest.mark.parametrize("path", ["/api/indices/doge-d", "/api/indices/doge-d/history"])
async def test_an_unknown_index_is_not_found(client, path):
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "btc-d" in answer.json()["advice"]


async def test_an_unknown_range_is_refused(client):
    assert (await client.get("/api/indices/btc-d/history?range=5Y")).status_code == 422


async def test_history_is_thinned_and_says_what_is_rebuilt(prepared, client):
    backfill = replace(prepared, lease=replace(prepared.lease, subject="eth-btc"))
    await indices.backfill_history(backfill)
    now = prepared.clock.now()
    minutes = [(now - timedelta(minutes=n), 0.03) for n in range(240)]
    async with prepared.database.transaction() as session:
        await repository.save_levels(session, "eth-btc", minutes, repository.LIVE)
    for range_, least in (("1D", 200), ("1W", 100), ("1M", 200), ("3M", 200), ("1Y", 200)):
        history = (await client.get(f"/api/indices/eth-btc/history?range={range_}")).json()
        points = history["points"]
        assert least <= len(points) <= 500, range_
        moments = [point["at"] for point in points]
        assert moments == sorted(moments)
        assert "rebuilt from CoinGecko" in history["note"]
