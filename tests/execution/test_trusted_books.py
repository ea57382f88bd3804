"""Who may write to the books, and when they may be traded on."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select, text
from tests.execution.conftest import LEGS, Desk
from tests.execution.scripted_venue import Killed
from tests.execution.test_incidents import seen, shown
from tests.execution.test_reconcile import halts, reconciled

from holdfast.accounts.models import Connection
from holdfast.core.instruments import Side
from holdfast.execution import asking, repository, tasks
from holdfast.execution.answers import Answer, ask_about
from holdfast.execution.incidents.incidents import hold
from holdfast.execution.incidents.schemas import IncidentView
from holdfast.execution.locks import connection_lock
from holdfast.execution.models import Execution, Order
from holdfast.execution.reconciliation import reconcile
from holdfast.execution.reconciliation.reconcile import SECOND_LOOK, ensure_reconciled, reconcile_connection
from holdfast.platform.jobs import LeaseLost
from holdfast.platform.models import Job
from holdfast.platform.tasks import RetryAt, RunAgainIn
from holdfast.portfolio.models import Posting
from holdfast.venues.protocol import FundingReport, OrderStatus, Unreachable


async def connection(desk: Desk) -> Connection:
    async with desk.database.sessions() as session:
        return await session.get_one(Connection, desk.connection_id)


async def postings(desk: Desk) -> int:
    async with desk.database.sessions() as session:
        return len((await session.scalars(select(Posting))).all())


async def test_every_holder_of_the_lock_has_a_larger_number(desk: Desk):
    numbers = []
    for _ in range(3):
        async with connection_lock(desk.database, desk.connection_id) as fence:
            numbers.append(fence)
            async with connection_lock(desk.database, desk.connection_id) as second:
                assert second == 0
    assert numbers == sorted(set(numbers))
    assert numbers[0] > 0


async def test_a_reconciler_that_lost_its_lock_writes_nothing_more(desk: Desk):
    """It was cut off from PostgreSQL while it read, somebody else took over, and it wakes with old news."""
    await reconciled(desk)
    before = await connection(desk)
    desk.venue.manual = {"XRPUSDT": Decimal(5)}
    desk.venue.trade_by_hand("BTCUSDT", Side.BUY, "1")

    async def taken_over(_: float) -> None:
        """During its second look the lock is lost, and another holder sets everything right."""
        desk.venue.manual = {}
        async with connection_lock(desk.database, desk.connection_id) as fence:
            await reconcile_connection(desk.work, desk.venue, desk.connection_id, fence=fence)
        desk.venue.manual = {"ETHUSDT": Decimal(7)}

    with pytest.raises(LeaseLost):
        await reconcile_connection(
            desk.work, desk.venue, desk.connection_id, fence=before.fence, pause=taken_over
        )
    assert await halts(desk) == {}, "its differences are of the past"
    assert [view.kind for view in await shown(desk)] == ["manual_trade"]


async def test_an_old_number_writes_not_even_the_first_fill(desk: Desk):
    await reconciled(desk)
    old = (await connection(desk)).fence
    async with connection_lock(desk.database, desk.connection_id):
        pass
    desk.venue.trade_by_hand("BTCUSDT", Side.BUY, "1")
    with pytest.raises(LeaseLost):
        await reconcile_connection(desk.work, desk.venue, desk.connection_id, fence=old)
    assert await postings(desk) == 0


async def test_the_second_look_waits_on_the_clock_it_is_given(desk: Desk):
    await reconciled(desk)
    desk.venue.manual = {"XRPUSDT": Decimal(5)}
    waited = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)
        desk.venue.manual = {}

    found = await reconcile_connection(desk.work, desk.venue, desk.connection_id, pause=pause)
    assert (found, waited) == ([], [SECOND_LOOK])
    assert await shown(desk) == []


async def looked_at(desk: Desk) -> bool:
    """Whether books were compared before they were trusted."""
    calls = desk.venue.calls
    await ensure_reconciled(desk.work, desk.venue, desk.connection_id)
    return desk.venue.calls > calls


async def test_books_are_trusted_while_they_are_fresh_and_nothing_was_missed(desk: Desk):
    assert await looked_at(desk), "never compared"
    assert not await looked_at(desk)
    await desk.clock.sleep(91)
    assert await looked_at(desk), "too long ago"
    async with desk.database.transaction() as session:
        await repository.doubt_books(session, desk.connection_id, now=desk.clock.now())
    assert await looked_at(desk), "a stream was away"
    assert not await looked_at(desk)


async def test_a_new_process_compares_before_it_trades(desk: Desk):
    await reconciled(desk)
    await desk.clock.sleep(1)
    desk.work.services.clear()
    assert await looked_at(desk)
    assert not await looked_at(desk)


@pytest.mark.parametrize("doubted", [False, True])
async def test_doubt_that_arises_while_the_books_are_read_stays(desk: Desk, doubted: bool):
    """Even if that reading was to clear an earlier one."""
    await reconciled(desk)
    if doubted:
        async with desk.database.transaction() as session:
            await repository.doubt_books(session, desk.connection_id, now=desk.clock.now())
    await desk.clock.sleep(1)
    positions = desk.venue.positions

    async def meanwhile():
        await desk.clock.sleep(1)
        async with desk.database.transaction() as session:
            await repository.doubt_books(session, desk.connection_id, now=desk.clock.now())
        return await positions()

    desk.venue.positions = meanwhile  # type: ignore[method-assign]
    await reconciled(desk)
    assert (await connection(desk)).unsure_since is not None


async def test_a_halt_stays_while_an_order_keeps_its_instrument_from_being_judged(desk: Desk):
    execution_id = await desk.confirm(await desk.plan())
    await reconciled(desk)
    desk.venue.manual = {"BTCUSDT": Decimal(5)}
    assert await reconciled(desk) == ["BTCUSDT"]
    told = await shown(desk)
    async with desk.database.transaction() as session:
        for order in await session.scalars(select(Order).where(Order.execution_id == execution_id)):
            order.state = "unknown"
    assert await reconciled(desk) == ["BTCUSDT"]
    assert list(await halts(desk)) == ["BTCUSDT"]
    assert await shown(desk) == told
    desk.venue.manual = {}
    async with desk.database.transaction() as session:
        for order in await session.scalars(select(Order).where(Order.execution_id == execution_id)):
            order.state = "rejected"
    assert await reconciled(desk) == []


async def test_an_opening_on_doubtful_books_reconciles_first(desk: Desk):
    await reconciled(desk)
    desk.venue.trade_by_hand("DOGEUSDT", Side.BUY, "5")
    async with desk.database.transaction() as session:
        await repository.doubt_books(session, desk.connection_id, now=desk.clock.now())
    await desk.run(await desk.confirm(await desk.plan()))
    assert [view.symbol for view in await shown(desk)] == ["DOGEUSDT"]


async def run_reconcile(desk: Desk) -> str:
    lease = replace(desk.work.lease, kind="execution.reconcile", subject=str(desk.connection_id))
    try:
        await tasks.reconcile(replace(desk.work, lease=lease))
    except RunAgainIn:
        return "again"
    except RetryAt:
        return "retry"
    return "done"


@pytest.fixture
def at_work(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    async def door(*_: object):
        return desk.venue

    monkeypatch.setattr(tasks, "open_door", door)
    return desk


async def test_a_venue_that_was_away_leaves_doubt(at_work: Desk):
    assert await run_reconcile(at_work) == "again"
    at_work.venue.down = True
    assert await run_reconcile(at_work) == "retry"
    assert (await connection(at_work)).unsure_since is not None
    at_work.venue.down = False
    assert await run_reconcile(at_work) == "again"
    assert (await connection(at_work)).unsure_since is None


async def test_many_connections_leave_half_of_the_address_to_trading(
    at_work: Desk, monkeypatch: pytest.MonkeyPatch
):
    async def pause() -> float:
        lease = replace(at_work.work.lease, kind="execution.reconcile", subject=str(at_work.connection_id))
        with pytest.raises(RunAgainIn) as again:
            await tasks.reconcile(replace(at_work.work, lease=lease))
        return again.value.seconds

    assert await pause() == tasks.RECONCILE_EVERY
    monkeypatch.setattr(tasks, "REQUESTS", 10_000)
    assert await pause() == 10_000 / tasks.REQUESTS_A_SECOND


async def test_a_reconciler_that_was_taken_over_comes_again(at_work: Desk, monkeypatch: pytest.MonkeyPatch):
    async def taken_over(*_: object, **__: object) -> None:
        raise LeaseLost("taken over")

    monkeypatch.setattr(tasks, "reconcile_connection", taken_over)
    assert await run_reconcile(at_work) == "retry"


async def test_an_execution_that_nobody_carries_on_is_given_a_job(at_work: Desk):
    execution_id = await at_work.confirm(await at_work.plan())
    async with at_work.database.transaction() as session:
        await session.execute(text("UPDATE jobs SET finished_at = now()"))
        (await session.get_one(Execution, execution_id)).fence = 7
    await run_reconcile(at_work)
    async with at_work.database.sessions() as session:
        jobs = await session.scalars(select(Job).where(Job.finished_at.is_(None)))
        [job] = [job for job in jobs if (job.kind, job.subject) == ("execution.run", str(execution_id))]
        assert job.fence == 7, "its holder comes after the last one that wrote to the execution"


async def test_an_execution_that_goes_on_after_a_restart_is_preceded_by_a_comparison(
    at_work: Desk, monkeypatch: pytest.MonkeyPatch
):
    """Killed in the middle: the next worker compares the books before it goes on."""
    await reconciled(at_work)
    execution_id = await at_work.confirm(await at_work.plan())
    async with at_work.database.transaction() as session:
        row = await session.get_one(Execution, execution_id)
        row.started_at = at_work.clock.now()
    at_work.venue.trade_by_hand("DOGEUSDT", Side.BUY, "5")
    at_work.work.services.clear()
    await at_work.clock.sleep(1)
    known_when_it_went_on = []

    async def goes_on(*_: object) -> None:
        known_when_it_went_on.extend(view.symbol for view in await shown(at_work))

    monkeypatch.setattr(tasks, "_carry_out", goes_on)
    lease = replace(at_work.work.lease, subject=str(execution_id), fence=1)
    await tasks.run_execution(replace(at_work.work, lease=lease))
    assert known_when_it_went_on == ["DOGEUSDT"]


async def test_what_stood_against_a_deleted_connection_is_over(at_work: Desk):
    at_work.venue.borrowed = Decimal(5)
    await run_reconcile(at_work)
    async with at_work.database.transaction() as session:
        row = await session.get_one(Connection, at_work.connection_id)
        row.deleted_at = at_work.clock.now()
    assert await run_reconcile(at_work) == "done"
    found: list[IncidentView] = await shown(at_work)
    assert [view.settled_at is not None for view in found] == [True]


async def test_what_is_older_than_the_venue_remembers_is_said(desk: Desk):
    await reconciled(desk)
    desk.clock.moment += timedelta(days=900)
    asked = []
    fills_since = desk.venue.fills_since

    async def looking(since):
        asked.append(since)
        return await fills_since(since)

    desk.venue.fills_since = looking  # type: ignore[method-assign]
    await reconciled(desk)
    assert desk.clock.now() - asked[0] < reconcile.OLDEST + timedelta(minutes=1)
    (told,) = await shown(desk)
    assert (told.kind, told.severity, told.settled_at) == ("stream_lost", "alarm", None)
    assert "two years" in told.text
    async with desk.database.transaction() as session:
        row = await session.get_one(Connection, desk.connection_id, with_for_update=True)
        await hold(session, row, ["stream_lost"], {}, now=desk.clock.now())
    assert (await shown(desk))[0].settled_at is None, "a stream that is heard again brings nothing back"
    await seen(desk, told.id)
    assert (await shown(desk))[0].settled_at is not None


@pytest.mark.parametrize("state", ["sent", "unknown", "accepted"])
async def test_an_order_the_venue_has_forgotten_is_over_and_not_sent_again(desk: Desk, state: str):
    """Holdfast was away for two days; the order had ended without a trade, and nobody remembers it."""
    desk.venue.script = {symbol: ["lost_request"] for symbol, _, _ in LEGS}
    execution_id = await desk.confirm(await desk.plan())
    async with desk.database.transaction() as session:
        (await session.get_one(Execution, execution_id)).started_at = desk.clock.now()
        for order in await session.scalars(select(Order).where(Order.execution_id == execution_id)):
            order.state, order.sent_at, order.venue_order_id = state, desk.clock.now(), "v1"
    desk.clock.moment += timedelta(hours=26)
    async with desk.database.sessions() as session:
        orders = list(await session.scalars(select(Order).where(Order.execution_id == execution_id)))
    answers = [await ask_about(desk.venue, order, desk.clock.now()) for order in orders]
    assert {answer.report.status for answer in answers if answer.report} == {OrderStatus.CANCELLED}
    desk.clock.moment -= timedelta(hours=2)
    assert await ask_about(desk.venue, orders[0], desk.clock.now()) == Answer(), "it may still be told"
    desk.clock.moment += timedelta(hours=2)
    ended = await desk.run(execution_id)
    assert ended.finished_at is not None, ended.reason
    assert not {order.client_id for order in orders} & {sent.client_id for sent in desk.venue.placed}


async def filled_and_killed(desk: Desk) -> UUID:
    """An opening whose worker died when the venue had filled everything and nobody had heard of it."""
    execution_id = await desk.confirm(await desk.plan())
    place = desk.venue.place

    async def then_die(requests):
        await place(requests)
        raise Killed

    desk.venue.place = then_die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await desk.run(execution_id)
    desk.venue.place = place  # type: ignore[method-assign]
    return execution_id


@pytest.mark.parametrize("ended_known", [True, False])
async def test_an_order_that_filled_more_than_a_week_ago_is_not_bought_again(
    desk: Desk, ended_known: bool, monkeypatch: pytest.MonkeyPatch
):
    """Where no time is named the venue tells a week; the books could not be brought up to date first."""
    monkeypatch.setattr(asking, "PATIENCE", timedelta(seconds=1))
    execution_id = await filled_and_killed(desk)
    desk.clock.moment += timedelta(days=8)
    if not ended_known:

        async def not_found(*_: object) -> None:
            return None

        desk.venue.find_order_since = not_found  # type: ignore[method-assign]
    execution = await desk.run(execution_id, rounds=1)
    assert {symbol: desk.venue.net(symbol) for symbol, _, _ in LEGS} == {
        symbol: side.sign * Decimal(quantity) for symbol, side, quantity in LEGS
    }
    assert execution.state == ("complete" if ended_known else "needs_attention")
    await reconciled(desk)
    assert (await desk.run(execution_id)).state == "complete"
    assert len(desk.venue.placed) == len(LEGS)


async def test_with_an_order_in_doubt_nothing_goes_on_before_the_books_are_compared(at_work: Desk):
    execution_id = await filled_and_killed(at_work)
    at_work.clock.moment += timedelta(days=8)
    fills_since = at_work.venue.fills_since

    async def silent(_: object) -> None:
        raise Unreachable("HTTP 502")

    async def go_on() -> None:
        at_work.fence += 1
        lease = replace(at_work.work.lease, subject=str(execution_id), fence=at_work.fence)
        await tasks.run_execution(replace(at_work.work, lease=lease))

    at_work.venue.fills_since = silent  # type: ignore[method-assign]
    at_work.work.services.clear()
    calls = at_work.venue.placed.copy()
    with pytest.raises(RetryAt, match=r"not known, and the books .* HTTP 502"):
        await go_on()
    waiting = await at_work.execution(execution_id)
    assert waiting.state == "needs_attention"
    assert "HTTP 502" in waiting.reason
    at_work.venue.fills_since = fills_since  # type: ignore[method-assign]
    await go_on()
    assert (await at_work.execution(execution_id)).state == "complete"
    assert at_work.venue.placed == calls


async def test_a_payment_that_is_told_hours_late_is_booked_the_next_day_once(desk: Desk):
    await reconciled(desk)
    await desk.clock.sleep(60)
    late = FundingReport(
        "SETTLEMENT:1:1", "BTCUSDT", Decimal("0.3"), "USDT", Decimal("0.0001"), Decimal(1), desk.clock.now()
    )
    for hours in (4, 4):
        desk.clock.moment += timedelta(hours=hours)
        await reconciled(desk)
    desk.venue.funding = [late]
    await reconciled(desk)
    assert await postings(desk) == 0, "nobody looks so far back every minute"
    for _ in range(3):
        desk.clock.moment += timedelta(hours=5)
        await reconciled(desk)
    assert await postings(desk) == 1
