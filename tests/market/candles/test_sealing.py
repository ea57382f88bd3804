"""Sealing days beside others who write the same series."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from tests.market.candles.made import DAY, START, walk

from holdfast.market.candles import backfill, store, tasks
from holdfast.market.candles.models import CandleBackfill, CandleSeries
from holdfast.market.candles.tags import tag_of
from holdfast.platform.cache import touch
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import RunAgainIn, Work

WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
NOW = datetime.fromtimestamp(START + 30 * DAY, UTC)


@pytest.fixture
def work(database: Database, settings: Settings) -> Work:
    clock = SystemClock()
    lease = Lease(1, tasks.SEAL, "", 1, 1, clock.now() + timedelta(minutes=1))
    return Work(lease, database, None, settings, clock, {})  # type: ignore[arg-type]


async def pinned_series(database: Database) -> int:
    """With two days that are due to be sealed, and a filling that was done."""
    async with database.transaction() as session:
        one = await store.series(session, "bybit", "BTCUSDT")
        one.pinned = True
        await store.write(session, one.id, walk(2 * 1440), origin="test")
        await backfill.want(session, one.id, START, now=NOW)
    await backfill.mark(database, one.id, backfill.DONE, "", NOW)
    return one.id


async def test_a_filling_can_be_wanted_while_days_are_sealed(database: Database, work: Work) -> None:
    """Whoever wants one locks it first and touches the tag of the series last."""
    series_id = await pinned_series(database)
    async with database.transaction() as session:
        await session.get_one(CandleBackfill, series_id, with_for_update=True)
        sealing = asyncio.create_task(tasks.seal_candles(work))
        async with asyncio.timeout(60):
            while not sealing.done() and not await session.scalar(WAITING):
                await asyncio.sleep(0.01)
        async with asyncio.timeout(30):
            await touch(session, tag_of("bybit", "BTCUSDT"))
    with pytest.raises(RunAgainIn):
        await sealing
    async with database.transaction() as session:
        assert (await session.get_one(CandleBackfill, series_id)).state == backfill.WAITING
        assert (await session.get_one(CandleSeries, series_id)).pinned
        assert await store.seal(session, series_id, START // DAY + 2) == 0, "sealed already"
