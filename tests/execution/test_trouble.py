"""What goes wrong around an execution: it is shown, nothing is lost, and it goes on by itself."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, func, select, update
from tests.execution.conftest import LEGS, Desk, opposite
from tests.execution.test_executor import books, opened, orders, sleeve_of, venue_net

from holdfast.accounts.models import Connection
from holdfast.core.errors import Conflict, NotFound
from holdfast.core.instruments import Side
from holdfast.execution import asking, tasks
from holdfast.execution import executor as executor_module
from holdfast.execution.models import Execution, Order, OrderEvent
from holdfast.execution.reconciliation.reconcile import reconcile_connection
from holdfast.market.models import InstrumentRow
from holdfast.platform.tasks import RetryAt
from holdfast.portfolio.booking import holdings
from holdfast.venues.protocol import KeyRefused, Placement, RateLimited, Rejected


async def closing_plan(desk: Desk, execution: Execution):
    return await desk.plan(kind="close", sleeve_id=execution.sleeve_id, legs=opposite())


@pytest.mark.parametrize("error", [KeyRefused("revoked", code="10003"), Rejected("nobody there")])
async def test_an_unwinding_that_cannot_go_on_is_shown_and_goes_on_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    desk.venue.script = {"XRPUSDT": ["reject:110007"]}
    execution_id = await desk.confirm(await desk.plan())

    async def refused(*_: object, **__: object):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(desk.venue, "book", refused)
        execution = await desk.run(execution_id, rounds=3)
        assert execution.state == "needs_attention"
        assert str(error) in execution.reason
        assert (await sleeve_of(desk, execution)).state == "needs_attention"
        assert set(await books(desk)) == {"BTCUSDT", "ETHUSDT"}
        with pytest.raises(Conflict, match="being changed"):
            await desk.confirm(await closing_plan(desk, execution))
    execution = await desk.run(execution_id)
    assert execution.state == "unwound"
    assert await books(desk) == {} == venue_net(desk)
    assert (await sleeve_of(desk, execution)).state == "unwound"


async def test_a_long_rate_limit_before_the_first_order_lets_the_plan_lapse(desk: Desk):
    limit_all(desk, timedelta(minutes=10))
    execution = await opened(desk)
    assert execution.state == "unwound"
    assert "within a minute" in execution.reason
    assert await books(desk) == {}
    assert len(desk.venue.placed) <= 40


async def test_a_long_rate_limit_in_the_middle_is_shown_and_leaves_no_storm_of_events(desk: Desk):
    execution_id = await desk.confirm(await desk.plan())
    limit_all(desk, timedelta(minutes=10), only="XRPUSDT")
    execution = await desk.run(execution_id, rounds=10)
    assert execution.state == "needs_attention"
    assert "slow down" in execution.reason
    assert set(await books(desk)) == {"BTCUSDT", "ETHUSDT"}
    async with desk.database.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(OrderEvent)) < 60
    await desk.clock.sleep(600)
    execution = await desk.run(execution_id)
    assert execution.state == "complete"
    assert (await sleeve_of(desk, execution)).state == "active"


def limit_all(desk: Desk, lasting: timedelta, only: str = "") -> None:
    until = desk.clock.now() + lasting
    place = desk.venue.place

    async def limited(requests):
        now = desk.clock.now()
        answers = []
        for request in requests:
            if now < until and request.symbol in (only or request.symbol):
                desk.venue.placed.append(request)
                answers.append(Placement(request.client_id, error=RateLimited("slow down", until=until)))
            else:
                answers += await place([request])
        return answers

    desk.venue.place = limited  # type: ignore[method-assign]


async def test_a_close_is_not_started_when_the_last_look_finds_the_books_wrong(desk: Desk):
    first = await opened(desk)
    plan = await closing_plan(desk, first)
    desk.venue.manual = {"BTCUSDT": Decimal("-1.6")}
    before = len(desk.venue.placed)
    execution = await desk.run(await desk.confirm(plan))
    assert len(desk.venue.placed) == before
    assert execution.state == "unwound"
    assert "halted" in execution.reason
    assert (await sleeve_of(desk, execution)).state == "active"


async def test_a_close_that_was_not_started_hides_no_earlier_trouble(desk: Desk):
    first = await opened(desk)
    desk.venue.script = {"BTCUSDT": ["reject:110074"]}
    stuck = await desk.run(await desk.confirm(await closing_plan(desk, first)))
    assert (await sleeve_of(desk, stuck)).state == "needs_attention"
    for _ in range(2):
        execution_id = await desk.confirm(await closing_plan(desk, first))
        await desk.clock.sleep(120)
        late = await desk.run(execution_id)
        assert late.state == "unwound"
        assert (await sleeve_of(desk, late)).state == "needs_attention"


async def test_nothing_starts_on_a_connection_that_was_deleted(desk: Desk):
    plan = await desk.plan()
    await change_connection(desk, deleted_at=desk.clock.now(), state="deleted", sealed=None)
    with pytest.raises(NotFound):
        await desk.confirm(plan)


async def test_nothing_starts_on_a_connection_that_does_not_trade(desk: Desk):
    plan = await desk.plan()
    await change_connection(desk, state="watch_only")
    with pytest.raises(Conflict, match="cannot trade"):
        await desk.confirm(plan)


async def change_connection(desk: Desk, **values: object) -> None:
    async with desk.database.transaction() as session:
        await session.execute(update(Connection).where(Connection.id == desk.connection_id).values(**values))


async def test_a_key_that_cannot_be_opened_ends_what_has_not_begun(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    execution_id = await desk.confirm(await desk.plan())

    async def shut(*_: object):
        raise KeyRefused("the key is damaged")

    monkeypatch.setattr(executor_module, "open_door", shut)
    execution = await desk.run(execution_id)
    assert execution.state == "unwound"
    assert "the key is damaged" in execution.reason
    assert (await sleeve_of(desk, execution)).state == "unwound"


async def test_unknown_trading_rules_end_what_has_not_begun(desk: Desk):
    execution_id = await desk.confirm(await desk.plan())
    async with desk.database.transaction() as session:
        await session.execute(delete(InstrumentRow).where(InstrumentRow.symbol == "XRPUSDT"))
    execution = await desk.run(execution_id)
    assert execution.state == "unwound"
    assert "XRPUSDT" in execution.reason
    assert desk.venue.placed == []


async def test_an_accident_of_ours_is_shown_when_it_comes_again(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    execution_id = await desk.confirm(await desk.plan())

    async def accident(*_: object, **__: object):
        raise ZeroDivisionError

    monkeypatch.setattr(executor_module.Executor, "_advance", accident)
    for attempt in (1, 2):
        lease = replace(desk.work.lease, subject=str(execution_id), fence=attempt, attempts=attempt)
        with pytest.raises(ZeroDivisionError):
            await tasks.run_execution(replace(desk.work, lease=lease))
        shown = await desk.execution(execution_id)
        assert (shown.state == "needs_attention") == (attempt > 1)
        await desk.clock.sleep(10)
    assert (await sleeve_of(desk, shown)).state == "needs_attention"


async def test_a_new_holder_waits_before_it_believes_that_an_order_is_not_there(desk: Desk):
    """The holder before may have had it waiting for the rate budget, and sent it in its last moment."""
    execution_id = await desk.confirm(await desk.plan())
    desk.venue.script = {"XRPUSDT": ["lost_request"]}
    place = desk.venue.place
    sent_at = []

    async def noting(requests):
        sent_at.append(desk.clock.now())
        return await place(requests)

    desk.venue.place = noting  # type: ignore[method-assign]
    desk.venue.down = False
    await desk.run(execution_id, rounds=0)
    taken_over = desk.clock.now()
    async with desk.database.transaction() as session:
        await session.execute(update(Execution).where(Execution.id == execution_id).values(state="running"))
        for order in await orders_in(session):
            order.sent_at, order.state = taken_over - timedelta(seconds=30), "sent"
    execution = await desk.run(execution_id)
    assert execution.state == "complete"
    assert sent_at[0] - taken_over >= asking.IN_FLIGHT


async def orders_in(session):
    return list(await session.scalars(select(Order)))


async def test_a_fill_that_comes_after_the_end_needs_attention(desk: Desk):
    desk.venue.script = {"XRPUSDT": ["reject:110007"], "ETHUSDT": ["none"] * 9}
    execution = await opened(desk)
    assert execution.state == "unwound"
    late = next(order for order in await orders(desk) if order.symbol == "ETHUSDT")
    await desk.clock.sleep(1)
    desk.venue.fill_late(late.client_id, Decimal("0.8"))
    await reconcile_connection(desk.work, desk.venue, desk.connection_id)
    async with desk.database.sessions() as session:
        held = await holdings(session, desk.connection_id)
    assert held == {(execution.sleeve_id, "ETHUSDT"): Decimal("-0.8")}
    assert (await sleeve_of(desk, execution)).state == "needs_attention"
    assert (await desk.execution(execution.id)).state == "needs_attention"


async def test_what_a_late_fill_left_can_be_closed(desk: Desk):
    await test_a_fill_that_comes_after_the_end_needs_attention(desk)
    found = (await orders(desk))[0]
    execution = await desk.execution(found.execution_id)
    desk.venue.script = {}
    plan = await desk.plan(
        kind="close", sleeve_id=execution.sleeve_id, legs=(("ETHUSDT", LEGS[1][1].opposite, "0.8"),)
    )
    closed = await desk.run(await desk.confirm(plan))
    assert closed.state == "complete"
    assert venue_net(desk) == {} == await books(desk)


async def test_a_fill_told_while_it_is_closed_is_no_remainder_to_let_go_of(desk: Desk):
    first = await opened(desk)
    entry = next(o for o in await orders(desk) if o.symbol == "BTCUSDT")
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite())
    place = desk.venue.place

    async def surprised(requests):
        desk.venue.fill_late(entry.client_id, Decimal("0.5"))
        await reconcile_connection(desk.work, desk.venue, desk.connection_id)
        return await place(requests)

    desk.venue.place = surprised  # type: ignore[method-assign]
    closed = await desk.run(await desk.confirm(plan))
    assert venue_net(desk) == {"BTCUSDT": Decimal("0.5")} == await books(desk)
    assert "BTCUSDT is still held" in closed.reason
    assert (await sleeve_of(desk, closed)).state == "needs_attention"


async def test_a_preview_made_before_the_position_changed_is_not_carried_out(desk: Desk):
    """A remainder would be left: the preview knows nothing of what was added since."""
    first = await opened(desk)
    old = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite())
    more = (("BTCUSDT", Side.BUY, "0.5"),)
    held = {symbol: side.sign * Decimal(quantity) for symbol, side, quantity in LEGS}
    added = await desk.plan(kind="rebalance", sleeve_id=first.sleeve_id, legs=more, held=held)
    await desk.clock.sleep(1)
    assert (await desk.run(await desk.confirm(added))).state == "complete"
    with pytest.raises(Conflict, match="changed after the preview"):
        await desk.confirm(old)
    assert (await books(desk))["BTCUSDT"] == Decimal("2.1")


async def test_patience_with_the_venue_begins_anew_once_somebody_has_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    """What the account stream told while one answer was owed is no reason to alarm about the next one."""
    execution_id = await desk.confirm(await desk.plan())
    executor = executor_module.Executor(desk.work, execution_id, pause=desk.clock.sleep)
    owing = await orders(desk)
    told = False

    async def hears(*_: object) -> bool:
        return told

    monkeypatch.setattr(executor, "_hears_of", hears)
    await executor._wait(owing)
    await desk.clock.sleep(19)
    told = True
    await executor._wait(owing)
    await desk.clock.sleep(2)
    await executor._wait(owing)
    assert (await desk.execution(execution_id)).state == "pending"
    told = False
    await executor._wait(owing)
    await desk.clock.sleep(21)
    with pytest.raises(RetryAt):
        await executor._wait(owing)
