"""A back-test in the background: stopped when cancelled, begun again when its worker dies, done once."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from tests.backtest.conftest import SAW, Desk, Hand, Headers, Key, Worker, csv_of, wanted
from tests.scripts.local import LocalRunner

from holdfast.app import runner as job_runner
from holdfast.backtest import carrying, history, tasks
from holdfast.backtest.models import Backtest
from holdfast.core.bars import Bars, FloatBars
from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus
from holdfast.market import repository as instruments
from holdfast.market.candles import backfill, coverage, feeds, store
from holdfast.market.candles.gaps import Reason
from holdfast.market.candles.models import CandleBackfill
from holdfast.platform import jobs
from holdfast.platform.jobs import LeaseLost
from holdfast.platform.models import Job
from holdfast.platform.tasks import Work
from holdfast.scripts.language.output import Output
from holdfast.scripts.language.run import Task
from holdfast.scripts.running import Purpose

PATIENCE = 20.0


class Busy:
    """Runs ``free`` scripts, and no more; with the last of them most of the time of a check has passed."""

    def __init__(self, inner: LocalRunner, free: int, clock: Hand) -> None:
        self._inner, self._free, self._clock = inner, free, clock

    async def run(self, task: Task, bars: FloatBars, *, owner: str, purpose: Purpose) -> Output:
        if not self._free:
            await asyncio.Event().wait()
        self._free -= 1
        if not self._free:
            self._clock.ahead += carrying._LONGEST_CHECK - timedelta(seconds=1)
        return await self._inner.run(task, bars, owner=owner, purpose=purpose)


async def reached(worker: Worker, runs: int) -> None:
    """Wait until the script has been given to the runner so many times."""
    async with asyncio.timeout(PATIENCE):
        while len(worker.scripts.runs) < runs:
            await asyncio.sleep(0.01)


async def job_of(desk: Desk, backtest_id: str) -> Job:
    async with desk.database.transaction() as session:
        return (await session.scalars(select(Job).where(Job.subject == backtest_id))).one()


async def test_a_cancelled_one_stops(desk: Desk, owner: Headers, own: str, key: Key) -> None:
    desk.worker.scripts.held = asyncio.Event()
    asked = await desk.ask(owner, wanted(await desk.script(owner), own))
    running = asyncio.create_task(desk.worker.run())
    await reached(desk.worker, 1)
    seen = await desk.see(owner, asked["id"])
    assert (seen["state"], seen["progress"]["stage"]) == ("running", "script")
    path = f"/api/backtests/{asked['id']}/cancel"
    cancelled = await desk.client.post(path, headers=owner | key())
    assert cancelled.json()["state"] == "cancelled"
    async with asyncio.timeout(PATIENCE):
        await running
    assert not desk.worker.scripts.held.is_set()
    assert len(desk.worker.scripts.runs) == 1
    seen = await desk.see(owner, asked["id"])
    assert (seen["state"], seen["figures"]) == ("cancelled", None)
    assert (await job_of(desk, asked["id"])).finished_at is not None
    again = await desk.client.post(path, headers=owner | key())
    assert again.json()["finished_at"] == seen["finished_at"]


async def test_one_cancelled_before_its_turn_never_runs(
    desk: Desk, owner: Headers, own: str, key: Key
) -> None:
    asked = await desk.ask(owner, wanted(await desk.script(owner), own))
    await desk.client.post(f"/api/backtests/{asked['id']}/cancel", headers=owner | key())
    await desk.worker.run()
    assert (await desk.see(owner, asked["id"]))["state"] == "cancelled"
    assert desk.worker.scripts.runs == []


async def test_one_that_is_deleted_while_it_runs_leaves_nothing(
    desk: Desk, owner: Headers, own: str, key: Key
) -> None:
    desk.worker.scripts.held = asyncio.Event()
    asked = await desk.ask(owner, wanted(await desk.script(owner), own))
    running = asyncio.create_task(desk.worker.run())
    await reached(desk.worker, 1)
    await desk.client.delete(f"/api/backtests/{asked['id']}", headers=owner | key())
    desk.worker.scripts.held.set()
    await running
    async with desk.database.transaction() as session:
        assert (await session.scalars(select(Backtest))).all() == []
    assert (await job_of(desk, asked["id"])).finished_at is not None


async def test_a_killed_workers_run_begins_again_and_only_the_second_tells(
    desk: Desk, owner: Headers, own: str, worker: Worker, settings: Any, redis: Any
) -> None:
    """The first worker is frozen in the middle until its lease is over, and then goes on."""
    asked = await desk.ask(owner, wanted(await desk.script(owner), own))
    (job_id,) = await worker.due()
    async with desk.database.transaction() as session:
        lease = await jobs.claim(session, job_id, now=worker.clock.now())
    assert lease is not None
    frozen = Worker(desk.database, redis, settings)
    frozen.scripts.held = asyncio.Event()
    services = {tasks.RUNNER: frozen.scripts}
    first = asyncio.create_task(
        tasks.run_backtest(Work(lease, desk.database, redis, settings, worker.clock, services))
    )
    await reached(frozen, 1)
    await worker.run()
    assert (await desk.see(owner, asked["id"]))["state"] == "running"
    worker.clock.ahead = timedelta(seconds=60)
    await worker.run()
    done = await desk.see(owner, asked["id"])
    assert (done["state"], done["progress"]["stage"]) == ("done", "done")
    async with desk.database.transaction() as session:
        await session.execute(update(Backtest).values(state="running", figures=None))
    frozen.scripts.held.set()
    with pytest.raises(LeaseLost):
        await first
    async with desk.database.transaction() as session:
        assert (await session.scalars(select(Backtest))).one().figures is None


async def test_what_takes_down_its_worker_again_and_again_is_given_up(
    desk: Desk, owner: Headers, own: str, worker: Worker
) -> None:
    asked = await desk.ask(owner, wanted(await desk.script(owner), own))
    async with desk.database.transaction() as session:
        await session.execute(update(Job).values(attempts=tasks.MOST_ATTEMPTS))
    await worker.run()
    told = await desk.see(owner, asked["id"])
    assert (told["state"], told["error"]["kind"]) == ("failed", "worker")


async def test_it_waits_for_the_sandbox(desk: Desk, owner: Headers, own: str, worker: Worker) -> None:
    worker.scripts.away = True
    asked = await desk.ask(owner, wanted(await desk.script(owner), own))
    await worker.run()
    assert (await desk.see(owner, asked["id"]))["state"] == "running"
    worker.scripts.away, worker.clock.ahead = False, timedelta(seconds=10)
    await worker.run()
    assert (await desk.see(owner, asked["id"]))["state"] == "done"
    worker.scripts.away = True
    asked = await desk.ask(owner, wanted(await desk.script(owner), own))
    await worker.run()
    worker.clock.ahead = timedelta(minutes=20)
    await worker.run()
    told = await desk.see(owner, asked["id"])
    assert (told["state"], told["error"]["kind"]) == ("failed", "worker")
    assert "sandbox" in told["error"]["message"]


async def test_a_run_that_takes_too_long_is_given_up(
    desk: Desk, owner: Headers, own: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "LONGEST_GO_SECONDS", 0.5)
    monkeypatch.setattr(job_runner, "LONGEST_RUN_SECONDS", 50.0)
    worker.scripts.held = asyncio.Event()
    asked = await desk.ask(owner, wanted(await desk.script(owner), own))
    await worker.run()
    told = await desk.see(owner, asked["id"])
    assert (told["state"], told["error"] and told["error"]["kind"]) == ("failed", "worker")
    assert "too long" in told["error"]["message"]
    assert (await job_of(desk, asked["id"])).finished_at is not None


async def test_a_check_that_waits_is_cut_short(desk: Desk, owner: Headers, own: str, worker: Worker) -> None:
    """The script itself has run; the runs of its check find the sandbox full."""
    worker.use(tasks.RUNNER, Busy(worker.scripts, free=2, clock=worker.clock))
    told = await desk.done(owner, wanted(await desk.script(owner), own))
    assert told["state"] == "done"
    assert "2 of 12 runs were made" in " ".join(one["message"] for one in told["warnings"])


async def test_users_take_turns(
    desk: Desk, owner: Headers, stranger: Headers, own: str, worker: Worker
) -> None:
    mine = await desk.script(owner)
    first, second = [(await desk.ask(owner, wanted(mine, own)))["id"] for _ in range(2)]
    theirs = (await desk.dataset(stranger, csv_of(SAW), name="Theirs"))["series"]
    other = (await desk.ask(stranger, wanted(await desk.script(stranger), theirs)))["id"]
    await worker.run()
    assert (await desk.see(owner, first))["state"] == "done"
    assert (await desk.see(owner, second))["state"] == "queued"
    assert (await desk.see(stranger, other))["state"] == "done"
    worker.clock.ahead = timedelta(seconds=5)
    await worker.run()
    assert (await desk.see(owner, second))["state"] == "done"


async def test_nobody_waits_for_who_cannot_run(
    desk: Desk, owner: Headers, stranger: Headers, own: str, worker: Worker
) -> None:
    """Another user's turn is long due, but two of theirs run; and a third has lost its job."""
    theirs = (await desk.dataset(stranger, csv_of(SAW), name="Theirs"))["series"]
    script = await desk.script(stranger)
    asked = [(await desk.ask(stranger, wanted(script, theirs)))["id"] for _ in range(3)]
    late = worker.clock.now() + timedelta(1)
    async with desk.database.transaction() as session:
        running = [UUID(one) for one in asked[:2]]
        began = worker.clock.now() - timedelta(hours=2)
        await session.execute(
            update(Backtest).where(Backtest.id.in_(running)).values(state="running", started_at=began)
        )
        await session.execute(update(Job).where(Job.subject.in_(asked)).values(run_at=late))
    body = wanted(await desk.script(owner), own)
    assert (await desk.done(owner, body))["state"] == "done"
    assert (await desk.done(owner, body))["state"] == "done"
    async with desk.database.transaction() as session:
        await session.execute(update(Backtest).where(Backtest.id.in_(running)).values(state="done"))
        await session.execute(update(Job).where(Job.subject == asked[2]).values(finished_at=late))
    assert (await desk.done(owner, body))["state"] == "done"


async def test_two_of_a_user_run_at_once(desk: Desk, owner: Headers, own: str, worker: Worker) -> None:
    script = await desk.script(owner)
    asked = [(await desk.ask(owner, wanted(script, own)))["id"] for _ in range(3)]
    async with desk.database.transaction() as session:
        running = [UUID(one) for one in asked[:2]]
        await session.execute(update(Backtest).where(Backtest.id.in_(running)).values(state="running"))
        await session.execute(
            update(Job).where(Job.subject.in_(asked[:2])).values(run_at=worker.clock.now() + timedelta(1))
        )
    await worker.run()
    assert (await desk.see(owner, asked[2]))["state"] == "queued"
    async with desk.database.transaction() as session:
        await session.execute(update(Backtest).where(Backtest.id == running[0]).values(state="done"))
    worker.clock.ahead = timedelta(seconds=20)
    await worker.run()
    assert (await desk.see(owner, asked[2]))["state"] == "done"


async def test_data_that_is_deleted_meanwhile_is_told(
    desk: Desk, owner: Headers, own: str, key: Key, worker: Worker
) -> None:
    asked = await desk.ask(owner, wanted(await desk.script(owner), own))
    await desk.client.delete(f"/api/datasets/{own.partition(':')[2]}", headers=owner | key())
    await worker.run()
    told = await desk.see(owner, asked["id"])
    assert (told["state"], told["error"]["kind"]) == ("failed", "data")


# --- a venue's history --------------------------------------------------------------------------------------


async def venue_series(desk: Desk, worker: Worker, minutes: int, missing: int) -> tuple[int, int]:
    """The id of a venue's series with the newest ``minutes`` stored and ``missing`` more listed before them,
    and the opening of the oldest stored."""
    stop = feeds.settled_before(worker.clock.now(), 60)
    first = stop - 60 * minutes
    rows = Bars.of_decimals(
        [(first + 60 * i, o, max(o, c), min(o, c), c, 1) for i, (o, c) in enumerate(_pairs(minutes))]
    )
    async with desk.database.transaction() as session:
        one = await store.series(session, "bybit", "BTCUSDT", price_decimals=2, volume_decimals=3)
        await store.write(session, one.id, rows, origin="test")
        await coverage.explain(session, one.id, 0, first - 60 * missing, Reason.NOT_LISTED)
        return one.id, first


def middle_of(first: int) -> int:
    """The first whole five minutes of the second half of 300 minutes."""
    return -(-(first + 150 * 60) // 300) * 300


def _pairs(count: int) -> list[tuple[int, int]]:
    opens = (SAW * (count // len(SAW) + 1))[: count + 1]
    return list(pairwise(opens))


async def test_a_venues_history_is_fetched_first(desk: Desk, owner: Headers, worker: Worker) -> None:
    series_id, first = await venue_series(desk, worker, 300, 600)
    body = wanted(await desk.script(owner), "bybit:BTCUSDT", timeframe="5m", since=_iso(first - 600 * 60))
    asked = await desk.ask(owner, body)
    await worker.run()
    told = await desk.see(owner, asked["id"])
    assert (told["state"], told["progress"]["stage"]) == ("running", "history")
    async with desk.database.transaction() as session:
        row = await session.get_one(CandleBackfill, series_id)
        assert row.wanted_from <= first - 600 * 60
        assert await session.scalar(select(Job.id).where(Job.kind == backfill.JOB)) is not None
        row.done, row.total = 1_000, 1_051_200
    worker.clock.ahead = timedelta(seconds=5)
    await worker.run()
    told = await desk.see(owner, asked["id"])
    progress = told["progress"]
    assert (progress["stage"], progress["total"] - progress["done"]) == ("history", 600)
    assert progress["total"] in range(896, 901)
    async with desk.database.transaction() as session:
        await session.execute(update(CandleBackfill).values(state="failed"))
    worker.clock.ahead = timedelta(minutes=15)
    worker.scripts.away = True
    await worker.run()
    assert (await desk.see(owner, asked["id"]))["state"] == "running"
    worker.clock.ahead, worker.scripts.away = timedelta(minutes=15, seconds=10), False
    await worker.run()
    told = await desk.see(owner, asked["id"])
    assert told["state"] == "done"
    assert told["took"] < 60
    assert told["warnings"][0]["kind"] == "gaps"
    assert "There are bars only from" in told["warnings"][0]["message"]


async def test_no_more_warm_up_is_fetched_than_is_worth_waiting_for(
    desk: Desk, owner: Headers, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "LONGEST_WARMUP", 200 * 60)
    series_id, first = await venue_series(desk, worker, 300, 6000)
    since = middle_of(first)
    body = wanted(await desk.script(owner), "bybit:BTCUSDT", timeframe="5m", since=_iso(since))
    asked = await desk.ask(owner, body)
    await worker.run()
    async with desk.database.transaction() as session:
        assert (await session.get_one(CandleBackfill, series_id)).wanted_from == since - 200 * 60
        await session.execute(update(CandleBackfill).values(state="failed"))
    worker.clock.ahead = timedelta(seconds=5)
    await worker.run()
    told = await desk.see(owner, asked["id"])
    assert told["state"] == "done"
    (warning,) = [one for one in told["warnings"] if one["kind"] == "warm-up"]
    seen = worker.scripts.lengths[0] - told["bars"]
    assert seen in (30, 31)
    assert warning["message"] == f"The script saw {seen} bars before the first that is traded, not 1,000."
    assert "open its chart" in warning["detail"]


@pytest.mark.parametrize(("missing", "told"), [(6000, True), (0, False)])
async def test_a_warm_up_that_is_stored_is_used_in_full(
    desk: Desk,
    owner: Headers,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    missing: int,
    told: bool,
) -> None:
    """It is whole where the venue lists nothing before it."""
    monkeypatch.setattr(history, "LONGEST_WARMUP", 10 * 60)
    _, first = await venue_series(desk, worker, 300, missing)
    body = wanted(await desk.script(owner), "bybit:BTCUSDT", timeframe="5m", since=_iso(middle_of(first)))
    done = await desk.done(owner, body)
    assert done["state"] == "done"
    assert worker.scripts.lengths[0] - done["bars"] in (29, 30, 31)
    assert ("warm-up" in {one["kind"] for one in done["warnings"]}) is told


async def test_a_venues_grid_is_kept(desk: Desk, owner: Headers, worker: Worker) -> None:
    """Bars of this venue have a known instrument: its coin, its lots."""
    _, first = await venue_series(desk, worker, 400, 0)
    listed: dict[str, Any] = dict.fromkeys(("max_market_quantity", "max_limit_quantity"), 1000)
    one = Instrument(
        "BTCUSDT", InstrumentKind.LINEAR, "BTC", "USDT", tick=_d("0.5"), lot=_d("0.01"),
        min_quantity=_d("0.02"), min_notional=_d("5"), status=InstrumentStatus.TRADING, **listed,
    )  # fmt: skip
    async with desk.database.transaction() as session:
        await instruments.save_seen(session, "bybit", [one], worker.clock.now())
    body = wanted(await desk.script(owner), "bybit:BTCUSDT", timeframe="1m", since=_iso(first))
    told = await desk.done(owner, body)
    assert (told["state"], told["quote"], told["bars"]) == ("done", "USDT", 400), told
    page = (await desk.client.get(f"/api/backtests/{told['id']}/trades", headers=owner)).json()
    assert page["items"]
    assert all(_d(one["quantity"]) % _d("0.01") == 0 for one in page["items"])


def _d(text: str) -> Decimal:
    return Decimal(text)


def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()
