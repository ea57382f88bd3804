"""Our REST client at the simulated Binance: exact answers, and one of our exceptions for what goes wrong."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import aiohttp
import numpy as np
import pytest

from holdfast.core.instruments import InstrumentStatus
from holdfast.core.time import from_ms
from holdfast.core.timeframes import Timeframe, bucket_start
from holdfast.venues.binance.rest import BinancePublic
from holdfast.venues.protocol import RateLimited, Rejected, Unreachable

from .conftest import MORNING_MS, Sim

HOUR = timedelta(hours=1)
NOW = from_ms(MORNING_MS)


@pytest.fixture
async def venue(sim: Sim) -> AsyncIterator[BinancePublic]:
    opened = BinancePublic(sim.rest, jitter=lambda: 0.0)
    yield opened
    await opened.close()


async def test_time_and_pairs(sim: Sim, venue: BinancePublic) -> None:
    assert abs((await venue.server_time() - NOW).total_seconds()) < 30
    pairs = {one.symbol: one for one in await venue.instruments()}
    assert len(pairs) > 400
    btc, market = pairs["BTCUSDT"], sim.world.market.instruments["spot", "BTCUSDT"]
    assert (btc.tick, btc.lot, btc.min_notional) == (market.tick, market.lot, market.min_notional)
    assert {one.quote for one in pairs.values()} == {"USDT"}
    assert {one.status for one in pairs.values()} == {InstrumentStatus.TRADING, InstrumentStatus.CLOSED}
    assert not [one for one in pairs.values() if one.lot >= 1 and "E" in str(one.lot)]


@pytest.mark.parametrize("timeframe", list(Timeframe))
async def test_candles_of_every_timeframe_lie_on_the_grid(venue: BinancePublic, timeframe: Timeframe) -> None:
    seconds = timeframe.seconds or 31 * 86_400
    start = NOW - timedelta(seconds=20 * seconds)
    found = await venue.klines("ETHUSDT", timeframe, start, NOW, 1000)
    stamps = [int(one.open_time.timestamp()) for one in found]
    assert stamps == bucket_start(np.array(stamps), timeframe).tolist()
    assert stamps == sorted(set(stamps))
    assert all(start <= one.open_time < NOW for one in found)
    assert len(found) == 20
    assert all(after.open == before.close for before, after in pairwise(found))


async def test_the_end_is_not_included(venue: BinancePublic) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    found = await venue.klines("BTCUSDT", Timeframe.H1, start, start + 5 * HOUR, 1000)
    assert [one.open_time for one in found] == [start + hours * HOUR for hours in range(5)]


async def test_trades_are_found_by_id_and_by_time(venue: BinancePublic) -> None:
    newest = await venue.trades("BTCUSDT", limit=50)
    assert [one.id for one in newest] == list(range(newest[0].id, newest[0].id + 50))
    assert await venue.trades("BTCUSDT", from_id=newest[10].id, limit=5) == newest[10:15]
    orders = await venue.agg_trades("BTCUSDT", start=NOW - timedelta(minutes=2), limit=100)
    assert all(after.first_trade == before.last_trade + 1 for before, after in pairwise(orders))
    assert await venue.agg_trades("BTCUSDT", from_id=orders[7].id, limit=3) == orders[7:10]
    fills = await venue.trades("BTCUSDT", from_id=orders[0].first_trade, limit=2)
    assert sum(one.quantity for one in fills) == orders[0].quantity
    assert {one.price for one in fills} == {orders[0].price}


async def test_days_of_all_pairs(venue: BinancePublic) -> None:
    found = {one.symbol: one for one in await venue.day_tickers()}
    assert len(found) > 400
    assert all(one.low <= one.last <= one.high and one.turnover > 0 for one in found.values())


async def test_what_the_venue_refuses(venue: BinancePublic) -> None:
    with pytest.raises(Rejected, match="Invalid symbol") as refused:
        await venue.klines("NOBODY", Timeframe.M1, NOW - HOUR, NOW, 10)
    assert refused.value.code == "-1121"
    with pytest.raises(Rejected, match="Illegal characters"):
        await venue.depth("btc usdt")


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("drop_request", {}),
        ("drop_answer", {}),
        ("error_500_before", {"status": 502}),
        ("error_500_after", {"status": 504}),
        ("code_before", {"code": -1007}),
        ("maintenance", {"text_body": True}),
        ("rate_limit", {"retry_after_s": 0}),
    ],
)
async def test_a_passing_trouble_is_not_seen(
    sim: Sim, venue: BinancePublic, kind: str, more: dict[str, Any]
) -> None:
    sim.fail("binance.rest.klines", kind, count=2, **more)
    assert len(await venue.klines("BTCUSDT", Timeframe.M1, NOW - HOUR, NOW, 5)) == 5
    assert sim.hits() == 2


@pytest.mark.parametrize("kind", ["error_500_before", "drop_request", "maintenance"])
async def test_a_lasting_trouble_is_told(sim: Sim, venue: BinancePublic, kind: str) -> None:
    sim.fail("binance.rest.*", kind)
    with pytest.raises(Unreachable):
        await venue.server_time()
    assert sim.hits() >= 3


async def test_retry_after_holds_for_every_call(sim: Sim, venue: BinancePublic) -> None:
    sim.fail("binance.rest.time", "rate_limit", retry_after_s=40, count=1)
    before = datetime.now(UTC)
    with pytest.raises(RateLimited) as limited:
        await venue.server_time()
    assert timedelta(seconds=39) < limited.value.until - before < timedelta(seconds=60)
    with pytest.raises(RateLimited, match="Nothing was sent"):
        await venue.klines("BTCUSDT", Timeframe.M1, NOW - HOUR, NOW, 5)
    assert sim.hits() == 1


async def test_a_ban_is_heeded(sim: Sim) -> None:
    """Whoever goes on asking after a 429 is shut out; a client that is shut out asks no more."""
    venue = BinancePublic(sim.rest)
    seen: list[int] = []
    async with aiohttp.ClientSession() as session:
        while 418 not in seen:
            async with session.get(f"{sim.rest}/api/v3/ticker/24hr?symbols=[]") as answer:
                seen.append(answer.status)
                retry = answer.headers.get("Retry-After")
                used = int(answer.headers["X-MBX-USED-WEIGHT-1M"])
    assert set(seen) <= {400, 429, 418}
    assert used > 6000
    assert 0 < int(retry or 0) <= 120
    with pytest.raises(RateLimited) as limited:
        await venue.server_time()
    assert limited.value.code in ("-1003", "418")
    await venue.close()


async def test_a_half_open_answer_ends_with_patience(sim: Sim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.venues.binance.rest.CALL_SECONDS", 0.3)
    venue = BinancePublic(sim.rest)
    sim.fail("binance.rest.*", "half_open")
    with pytest.raises(Unreachable):
        async with asyncio.timeout(30):
            await venue.server_time()
    await venue.close()
