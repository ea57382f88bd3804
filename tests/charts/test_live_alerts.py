"""Alerts on the simulated venue's own stream, through the feed's ingest and Redis, at twenty times the speed:
whatever is killed, each level fires in turn from below and from above, and in every minute that passed it."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from sqlalchemy import select
from tests.app.test_live_candles import House, sim, there

from holdfast.charts import service
from holdfast.charts.models import AlertWatch, FiredAlert, PriceAlert
from holdfast.charts.schemas import NewAlert
from holdfast.charts.sources import open_candles, open_venues
from holdfast.charts.watch import AlertWatcher
from holdfast.core.timeframes import MINUTE, Timeframe
from holdfast.market.candles import store
from holdfast.market.candles.service import Asked
from holdfast.market.live.minutes import minutes_of
from holdfast.platform.background import cancel
from holdfast.platform.redis_client import open_redis

__all__ = ["sim", "there"]

SERIES = "binance:BTCUSDT"
OFF_GRID = Decimal("0.005")
"""Half a tick: no price ever stands at the level itself."""
PATIENCE = 100


@asynccontextmanager
async def watching(house, ingest):
    redis = open_redis(house.settings.redis_url)
    history = open_venues(house.settings, redis, house.clock)
    candles = open_candles(house.database, house.clock, history)
    watcher = AlertWatcher(house.database, redis, candles, house.clock, ingest.need)
    task = asyncio.create_task(watcher.run())
    try:
        yield candles
        assert not task.done(), task.exception()
    finally:
        await cancel([task])
        for venue in history.values():
            await venue.close()
        await redis.aclose()


async def rows(database, model):
    async with database.transaction() as session:
        return list(await session.scalars(select(model)))


async def until_watched(house, minute):
    """Until the series was looked at beyond this minute."""
    async with asyncio.timeout(PATIENCE):
        while not any(row.minute >= minute for row in await rows(house.database, AlertWatch)):
            await asyncio.sleep(0.1)


def minute_of(house):
    return int(house.clock.now().timestamp()) // MINUTE * MINUTE


async def arm(house, candles, user_id):
    page = await candles.page(await candles.find(*SERIES.split(":")), Asked(Timeframe.M1, 2))
    close = minutes_of(page.bars)[-1].close
    levels = [close + OFF_GRID + close.scaleb(-4).quantize(Decimal("0.01")) * step for step in range(-4, 5)]
    async with house.database.transaction() as session:
        for level in levels:
            wanted = NewAlert(series=SERIES, direction="either", price=level, repeat="every")
            await service.add_alert(session, user_id, wanted, now=house.clock.now())


@pytest.mark.timeout(300)
async def test_every_level_fires_in_turn_and_in_each_minute_that_passed_it(
    there, sim, database, redis, user_id
) -> None:
    house = House(there, database, sim)
    async with house.feed() as ingest:
        async with watching(house, ingest) as candles:
            await arm(house, candles, user_id)
            begun = minute_of(house) + MINUTE
            await until_watched(house, begun + 2 * MINUTE)
        halted = minute_of(house)
        async with asyncio.timeout(PATIENCE):
            while minute_of(house) < halted + 3 * MINUTE:
                await asyncio.sleep(0.1)
        async with watching(house, ingest), watching(house, ingest):
            await until_watched(house, halted + 4 * MINUTE)
            await redis.flushall()
            last = minute_of(house) + 2 * MINUTE
            await until_watched(house, last + MINUTE)
    alerts = await rows(database, PriceAlert)
    fired = sorted(await rows(database, FiredAlert), key=lambda row: row.at)
    async with database.transaction() as session:
        one = await store.series(session, *SERIES.split(":"))
        minutes = minutes_of(await store.read(session, one.id, begun, last))
    assert len(minutes) == (last - begun) // MINUTE
    passed = [
        (alert, minute) for alert in alerts for minute in minutes if minute.low < alert.price < minute.high
    ]
    assert passed, "nothing happened: the test proves nothing"
    for alert, minute in passed:
        assert any(_within(row, alert, minute.time) for row in fired), (alert.price, minute)
    for alert in alerts:
        turns = [row.direction for row in fired if row.alert_id == alert.id]
        assert all(one != other for one, other in pairwise(turns)), (alert.price, turns)
        assert not turns or turns[-1] == alert.side


def _within(row: FiredAlert, alert: PriceAlert, minute: int) -> bool:
    """Whenever it was looked at, a crossing is told with a moment of its minute."""
    begin = datetime.fromtimestamp(minute, UTC)
    return row.alert_id == alert.id and begin <= row.at <= begin + timedelta(seconds=MINUTE, milliseconds=1)
