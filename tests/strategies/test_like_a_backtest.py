"""On paper and in a back-test over the same bars the same is traded, to the last unit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from redis.asyncio import Redis
from sqlalchemy import select
from tests.scripts.local import CROSS
from tests.strategies.world import LISTED, START, Told, World

from holdfast.backtest import service as backtests
from holdfast.backtest.engine import run
from holdfast.backtest.models import Backtest
from holdfast.backtest.outcome import outcome
from holdfast.backtest.schemas import NewBacktest
from holdfast.backtest.tasks import RUNNER, run_backtest
from holdfast.core.timeframes import MINUTE, Timeframe
from holdfast.market.candles import columns
from holdfast.platform import jobs
from holdfast.platform.models import Job
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Work
from holdfast.strategies import books, curve

FRAMES = (Timeframe.M1, Timeframe.M3, Timeframe.M5, Timeframe.M15)
TARGETS = (1.0, 0.5, 0.25, 0.0, -0.5, -1.0, float("nan"), float("nan"), 7.0, float("inf"))


@pytest.mark.parametrize("seed", range(8))
async def test_any_targets_at_any_looks_trade_as_the_engine_does_at_once(world: World, seed: int) -> None:
    random = np.random.default_rng(seed)
    timeframe = FRAMES[seed % len(FRAMES)]
    step, bars = timeframe.seconds or 0, 20
    said = {START + i * step: TARGETS[random.integers(len(TARGETS))] for i in range(-5, bars + 1)}
    world.runner = Told(lambda time: said.get(time, 0.0))
    minutes = bars * step // MINUTE
    world.venue.missing = {START + int(i) * MINUTE for i in random.integers(1, minutes, minutes // 6)}
    terms = {"fee_rate": Decimal("0.0007"), "slippage": Decimal("0.0003"), "allow_short": bool(seed % 2)}
    one = await world.start(timeframe=timeframe, capital=Decimal(777), **terms)
    looks = sorted(random.integers(0, (bars + 1) * step, bars // 2).tolist())
    for second in [*looks, (bars + 1) * step + 23]:
        await world.glance(second, one)
    await check(world, one, timeframe, said)


async def check(world: World, one: UUID, timeframe: Timeframe, said: dict[int, float]) -> None:
    row, found = await world.row(one), await world.bars(one)
    terms = books.terms_of(row.terms)
    series = await world.candles.find("bybit", "COIN")
    stored = await world.candles.stored(series, timeframe, row.since, row.next_time)
    bars = stored.at_scale(terms.price_decimals, stored.volume_decimals)
    targets = np.array([said[int(time)] for time in bars.time])
    result = run(bars, targets, terms)
    assert [bar.time for bar in found] == bars.time.tolist()
    fills = [(fill.time, fill.quantity, fill.price, fill.fee) for fill in await world.fills(one)]
    assert fills == [
        (int(bars.time[at]), terms.quantity(fill.lots), terms.price(fill.price), terms.money(fill.fee))
        for at, fill in zip(result.at.tolist(), result.fills, strict=True)
    ]
    assert len(fills) > 3
    assert books.book_of(row.book) == result.book
    assert [float(bar.equity) for bar in found] == pytest.approx(result.equity.tolist(), rel=1e-12)
    async with world.database.transaction() as session:
        _, shown = columns.decode(await curve.encoded(session, row, curve.MOST_READ))
    for name, values in outcome(bars, targets, terms).curves.items():
        assert shown[name].tolist() == pytest.approx(values.tolist(), rel=1e-12, abs=1e-12), name


async def test_a_script_on_paper_and_its_back_test_agree(
    world: World, redis: Redis, settings: Settings
) -> None:
    """Through both jobs, over hours of minutes with holes in them, looked at now and then."""
    world.venue.missing = {START + i * MINUTE for i in (17, 18, 91, 200)} | {LISTED + 2500 * MINUTE}
    one = await world.start(CROSS, inputs={"fast": 3, "slow": 9})
    for minute in (1, 2, 3, 40, 41, 120, 121, 250, 300):
        await world.at(minute * MINUTE + 3, one)
    row, bars, fills = await world.row(one), await world.bars(one), await world.fills(one)
    assert len(fills) > 20
    since = datetime.fromtimestamp(START, UTC)
    wanted = NewBacktest.model_validate(
        {
            "source": {"kind": "script", "script_id": row.script_id, "version": 1},
            "inputs": row.inputs,
            "series": row.series,
            "timeframe": "1m",
            "since": since,
            "until": since + timedelta(minutes=len(bars) + 4),
        }
    )
    done = await back_tested(world, wanted, redis, settings)
    assert done.state == "done", done.error
    assert done.figures is not None
    assert Decimal(done.figures["equity"]) == bars[-1].equity
    assert Decimal(done.figures["fees"]) == sum(fill.fee for fill in fills)
    assert done.figures["trades"] == len(fills) // 2


async def back_tested(world: World, wanted: NewBacktest, redis: Redis, settings: Settings) -> Any:
    series = await world.candles.find("bybit", "COIN")
    async with world.database.transaction() as session:
        made = await backtests.submit(session, world.user_id, wanted, series, "USDT", now=world.clock.now())
        job_id = await session.scalar(select(Job.id).where(Job.subject == str(made.id)))
        assert job_id is not None
        lease = await jobs.claim(session, job_id, now=world.clock.now())
    assert lease is not None
    work = Work(lease, world.database, redis, settings, world.clock, {RUNNER: world.runner})
    await run_backtest(work)
    async with world.database.transaction() as session:
        return await session.get_one(Backtest, made.id)
