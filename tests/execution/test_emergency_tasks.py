"""What workers do around an offline flattening: write the journal, keep out, and wait for the books."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import select
from tests.execution.conftest import LEGS, Desk, opposite

from holdfast.core.instruments import Side
from holdfast.execution import tasks
from holdfast.execution.emergency import books as emergency_books
from holdfast.execution.emergency import journal as emergency_journal
from holdfast.execution.emergency.log import OrderLog, at_work
from holdfast.execution.executor import Executor
from holdfast.execution.incidents.models import Incident
from holdfast.execution.risk import stop_file
from holdfast.execution.risk.models import RiskMark, Stop
from holdfast.platform.tasks import RetryAt, RunAgainIn
from holdfast.portfolio.models import Sleeve
from holdfast.venues.protocol import KeyRefused, Unreachable

D = Decimal


@pytest.fixture
def worker(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    async def door(*_: object):
        return desk.venue

    class Patient(Executor):
        def __init__(self, work, execution_id, **_: object) -> None:
            super().__init__(work, execution_id, pause=desk.clock.sleep)

    monkeypatch.setattr(tasks, "open_door", door)
    monkeypatch.setattr(tasks, "Executor", Patient)
    return desk


def work_on(desk: Desk, kind: str, subject: object):
    desk.fence += 1
    return replace(
        desk.work, lease=replace(desk.work.lease, kind=kind, subject=str(subject), fence=desk.fence)
    )


async def reconcile(desk: Desk) -> None:
    with pytest.raises(RunAgainIn):
        await tasks.reconcile(work_on(desk, "execution.reconcile", desk.connection_id))


async def test_the_journal_follows_every_execution_and_reconciliation(worker: Desk):
    await reconcile(worker)
    (empty,), _ = emergency_journal.read_all(worker.work.settings)
    assert empty.owned == {}
    execution_id = await worker.confirm(await worker.plan())
    await tasks.run_execution(work_on(worker, "execution.run", execution_id))
    (full,), _ = emergency_journal.read_all(worker.work.settings)
    sleeve_id = (await worker.execution(execution_id)).sleeve_id
    assert full.owned == {sleeve_id: {symbol: side.sign * D(quantity) for symbol, side, quantity in LEGS}}
    assert full.executions == {execution_id: sleeve_id}
    worker.venue.trade_by_hand("BTCUSDT", Side.SELL, "0.6")
    await reconcile(worker)
    (less,), _ = emergency_journal.read_all(worker.work.settings)
    assert less.owned[sleeve_id]["BTCUSDT"] == 1, "what was closed by hand is not owned any more"


async def test_an_execution_waits_while_an_offline_flattening_is_at_work(worker: Desk):
    execution_id = await worker.confirm(await worker.plan())
    with at_work(worker.work.settings, alone=True), pytest.raises(RetryAt, match="flattened offline"):
        await tasks.run_execution(work_on(worker, "execution.run", execution_id))
    assert worker.venue.placed == []
    await tasks.run_execution(work_on(worker, "execution.run", execution_id))
    assert (await worker.execution(execution_id)).state == "complete"


async def test_no_execution_goes_on_before_the_books_have_what_was_done_offline(worker: Desk):
    await reconcile(worker)
    execution_id = await worker.confirm(await worker.plan())
    sleeve_id = (await worker.execution(execution_id)).sleeve_id
    log = OrderLog(worker.work.settings, worker.connection_id)
    entry = log.add(sleeve_id, "BTCUSDT", Side.SELL, D(1), D(99), now=worker.clock.now())
    worker.venue.down = True
    with pytest.raises(RetryAt, match="not in the books yet"):
        await tasks.run_execution(work_on(worker, "execution.run", execution_id))
    assert worker.venue.placed == []
    worker.venue.down = False
    with pytest.raises(RetryAt, match="not in the books yet"):
        await tasks.run_execution(work_on(worker, "execution.run", execution_id))
    entry.state = "ended"
    log.save()
    await tasks.run_execution(work_on(worker, "execution.run", execution_id))
    assert OrderLog(worker.work.settings, worker.connection_id).entries[0].booked
    assert (await worker.execution(execution_id)).finished_at is not None


async def test_while_the_key_is_refused_nothing_done_offline_counts_as_booked(worker: Desk):
    await reconcile(worker)
    OrderLog(worker.work.settings, worker.connection_id).add(
        uuid4(), "BTCUSDT", Side.SELL, D(1), D(99), now=worker.clock.now()
    )
    await worker.clock.sleep(300)
    answers = worker.venue.fills_since

    async def refused(_: object):
        raise KeyRefused("The key was revoked.", code="10003")

    for told, booked in ((refused, False), (answers, True)):
        worker.venue.fills_since = told  # type: ignore[method-assign]
        await reconcile(worker)
        assert OrderLog(worker.work.settings, worker.connection_id).entries[0].booked is booked


async def test_a_reconciliation_leaves_the_log_alone_while_an_offline_flattening_writes_it(worker: Desk):
    """It would put back what it had read: an order added meanwhile would be gone, and its name used twice."""
    await reconcile(worker)
    owner, now = uuid4(), worker.clock.now()
    by_hand = OrderLog(worker.work.settings, worker.connection_id)
    by_hand.add(owner, "BTCUSDT", Side.SELL, D(1), D(99), now=now).state = "ended"
    by_hand.save()
    with at_work(worker.work.settings, alone=True) as alone:
        assert alone
        await reconcile(worker)
        assert [one.booked for one in OrderLog(worker.work.settings, worker.connection_id).entries] == [False]
    await reconcile(worker)
    assert [one.booked for one in OrderLog(worker.work.settings, worker.connection_id).entries] == [True]


async def test_payments_that_cannot_be_read_keep_no_closing_waiting_for_what_was_done_offline(worker: Desk):
    """Trades say what was done offline; the log of payments is away."""
    await reconcile(worker)
    opened = await worker.confirm(await worker.plan())
    await tasks.run_execution(work_on(worker, "execution.run", opened))
    sleeve_id = (await worker.execution(opened)).sleeve_id
    log = OrderLog(worker.work.settings, worker.connection_id)
    log.add(sleeve_id, "BTCUSDT", Side.SELL, D(1), D(99), now=worker.clock.now()).state = "ended"
    log.save()

    async def silent(_: object):
        raise Unreachable("HTTP 502")

    worker.venue.funding_since = silent  # type: ignore[method-assign]
    plan = await worker.plan(kind="close", sleeve_id=sleeve_id, legs=opposite())
    closing = await worker.confirm(plan)
    await tasks.run_execution(work_on(worker, "execution.run", closing))
    assert (await worker.execution(closing)).state == "complete"


async def test_a_worker_makes_no_new_place_for_a_stop_that_is_out_of_sight(worker: Desk):
    """The disk goes with a stop on it that was never entered: an empty directory in its place would lift it.
    Closing goes on."""
    await reconcile(worker)
    opened = await worker.confirm(await worker.plan())
    await tasks.run_execution(work_on(worker, "execution.run", opened))
    execution_id = await worker.confirm(await worker.plan())
    sleeve_id = (await worker.execution(opened)).sleeve_id
    closing = await worker.plan(kind="close", sleeve_id=sleeve_id, legs=opposite())
    home = worker.work.settings.home
    home.rename(home.with_name("away"))
    await tasks.run_execution(work_on(worker, "execution.run", execution_id))
    await reconcile(worker)
    refused = await worker.execution(execution_id)
    assert refused.state == "unwound"
    assert "is gone" in refused.reason
    assert not home.exists()
    closed = await worker.confirm(closing)
    await tasks.run_execution(work_on(worker, "execution.run", closed))
    assert (await worker.execution(closed)).state == "complete"
    assert not any(worker.venue.net(symbol) for symbol, _, _ in LEGS)


@pytest.mark.parametrize("repaired", ["removed", "rewritten"])
async def test_a_log_that_cannot_be_read_is_told_until_it_can(worker: Desk, repaired: str):
    await reconcile(worker)
    execution_id = await worker.confirm(await worker.plan())
    path = emergency_journal.directory(worker.work.settings) / f"{worker.connection_id}.orders"
    path.write_bytes(b"half a lo")
    for _ in range(2):
        with pytest.raises(RetryAt, match="not in the books yet"):
            await tasks.run_execution(work_on(worker, "execution.run", execution_id))
        await reconcile(worker)
    assert worker.venue.placed == []
    (told,) = await alarms(worker)
    assert (told.kind, told.severity, told.blocks, told.settled_at) == ("flattened", "alarm", "trading", None)
    assert str(worker.work.settings.home) not in told.title + told.text, "where it is, is the operator's"
    elsewhere = worker.work.settings.model_copy(update={"home": worker.work.settings.home / "other"})
    await emergency_books.mark_booked(replace(worker.work, settings=elsewhere), worker.connection_id)
    assert [one.settled_at for one in await alarms(worker)] == [None], "another machine's log is another"
    path.unlink()
    if repaired == "rewritten":
        OrderLog(worker.work.settings, worker.connection_id).save()
    await reconcile(worker)
    assert all(one.settled_at for one in await alarms(worker))
    path.write_bytes(b"again")
    await reconcile(worker)
    assert [one.settled_at is None for one in await alarms(worker)] == [False, True]


async def alarms(desk: Desk) -> list[Incident]:
    async with desk.database.sessions() as session:
        return list(await session.scalars(select(Incident).order_by(Incident.at)))


async def test_a_reconciliation_enters_the_stop_file_and_keeps_the_marks(worker: Desk):
    execution_id = await worker.confirm(await worker.plan())
    await tasks.run_execution(work_on(worker, "execution.run", execution_id))
    stop_file.write(worker.work.settings, since=worker.clock.now(), by="operator", reason="drill")
    await reconcile(worker)
    async with worker.database.sessions() as session:
        assert (await session.scalars(select(Stop))).one().scope == "instance"
        marks = {mark.sleeve_id for mark in await session.scalars(select(RiskMark))}
        sleeve_id = (await session.scalars(select(Sleeve.id))).one()
    assert marks == {None, sleeve_id}
