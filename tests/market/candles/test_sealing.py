"""Sealing days beside others who write the same series."""

import asyncio
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.market.candles.made import DAY, START, walk

from holdfast.core.bars import Bars, DoesNotFit
from holdfast.market.candles import backfill, overview, repository, store, tasks
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


async def days_with_rows(database: Database, symbol: str) -> list[int]:
    async with database.transaction() as session:
        one = await store.series(session, "lab", symbol)
        return await repository.days_of_rows(session, one.id, 2**31 - 1)


async def hold_large_volumes(database: Database, symbol: str, volume: int) -> int:
    """Twenty minutes of one hour; the series' id."""
    bars = walk(20)
    loud = Bars(*bars.columns[:5], np.full(20, volume, np.int64), bars.price_decimals, 0)
    async with database.transaction() as session:
        one = await store.series(session, "lab", symbol)
        await store.write(session, one.id, loud, origin="test")
    return one.id


async def test_hours_that_cannot_be_summed_are_left_out_of_a_chunk(database: Database, work: Work) -> None:
    series_id = await hold_large_volumes(database, "AAA", 4 * 10**17)
    await hold_large_volumes(database, "ZZZ", 1)
    with pytest.raises(RunAgainIn):
        await tasks.seal_candles(work)
    assert await days_with_rows(database, "AAA") == await days_with_rows(database, "ZZZ") == []
    async with database.transaction() as session:
        assert len(await store.read(session, series_id, START, START + DAY)) == 20
        with pytest.raises(DoesNotFit):
            await store.read_hours(session, series_id, START, START + DAY)
        one = await store.series(session, "lab", "AAA")
    verified = [found async for found in overview.verify(database, one)]
    assert [found.faults for found in verified if found.faults] == []


async def test_a_series_that_cannot_be_sealed_costs_no_other(
    database: Database, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = await hold_large_volumes(database, "AAA", 1)
    await hold_large_volumes(database, "ZZZ", 1)
    seal = store.seal

    async def failing(session: AsyncSession, series_id: int, before_day: int) -> int:
        if series_id == broken:
            raise DoesNotFit("too large")
        return await seal(session, series_id, before_day)

    monkeypatch.setattr(store, "seal", failing)
    with pytest.raises(RunAgainIn):
        await tasks.seal_candles(work)
    assert await days_with_rows(database, "AAA") == [START // DAY]
    assert await days_with_rows(database, "ZZZ") == []


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
