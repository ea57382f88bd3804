"""One part of the venue does not answer. Closing needs trades and positions, and waits for nothing else."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import delete, select
from tests.execution.conftest import Desk, opposite
from tests.execution.test_flatten import Hand, hand, nets, opened, owned
from tests.execution.test_incidents import shown
from tests.execution.test_reconcile import halts, reconciled
from tests.execution.test_trusted_books import connection

from holdfast.core.instruments import Side
from holdfast.execution.reconciliation.reconcile import ensure_reconciled
from holdfast.portfolio.booking import closable
from holdfast.portfolio.models import FeeRate, Posting
from holdfast.venues.protocol import AccountInfo, FundingReport, KeyRefused, Unreachable, VenueError

__all__ = ["hand"]

BESIDE = ("account_info", "open_orders", "funding_since", "balance")
"""What a reconciliation reads and who only closes does not need."""
SILENT = Unreachable("HTTP 502")
FORBIDDEN = KeyRefused("permission denied", code="10005")


def fails(desk: Desk, name: str, error: VenueError = SILENT) -> None:
    async def failing(*_: object) -> None:
        raise error

    setattr(desk.venue, name, failing)


def mend(desk: Desk, name: str) -> None:
    delattr(desk.venue, name)


async def closing(desk: Desk, sleeve_id: UUID) -> UUID:
    plan = await desk.plan(kind="close", sleeve_id=sleeve_id, legs=opposite())
    return await desk.confirm(plan)


@pytest.mark.parametrize("name", BESIDE)
async def test_a_position_is_closed_without_what_closing_does_not_need(desk: Desk, name: str):
    first = await opened(desk)
    fails(desk, name)
    began = desk.clock.now()
    execution = await desk.run(await closing(desk, first.sleeve_id))
    assert execution.state == "complete", execution.reason
    assert nets(desk) == {} == await owned(desk)
    assert desk.clock.now() - began < timedelta(seconds=5)


@pytest.mark.parametrize("name", BESIDE)
async def test_flattening_needs_it_as_little(hand: Hand, name: str):
    await opened(hand.desk)
    fails(hand.desk, name, FORBIDDEN)
    ended = await hand.work((await hand.press()).id)
    assert ended.state == "done", ended
    assert nets(hand.desk) == {} == await owned(hand.desk)


@pytest.mark.parametrize("name", BESIDE)
async def test_nothing_is_opened_meanwhile_and_the_next_look_sets_it_right(desk: Desk, name: str):
    await opened(desk)
    await desk.clock.sleep(600)
    fails(desk, name)
    before = (await connection(desk)).reconciled_at
    with pytest.raises(Unreachable):
        await ensure_reconciled(desk.work, desk.venue, desk.connection_id)
    after = await connection(desk)
    assert after.reconciled_at == before, "it was not compared in full"
    assert after.unsure_since is not None
    execution_id = await desk.confirm(await desk.plan())
    execution = await desk.run(execution_id, rounds=3)
    assert (execution.state, execution.reason) == (
        "pending",
        "The account could not be looked at yet: HTTP 502",
    )
    mend(desk, name)
    execution = await desk.run(execution_id)
    assert execution.state == "complete", execution.reason
    assert (await connection(desk)).unsure_since is None


@pytest.mark.parametrize("name", ["positions", "fills_since", "server_time"])
async def test_without_trades_or_positions_nothing_is_closed_and_the_reason_is_told(desk: Desk, name: str):
    first = await opened(desk)
    held = nets(desk)
    fails(desk, name)
    execution_id = await closing(desk, first.sleeve_id)
    execution = await desk.run(execution_id, rounds=3)
    assert execution.reason == "The account could not be looked at yet: HTTP 502"
    execution = await desk.run(execution_id, rounds=60)
    assert execution.state == "unwound"
    assert "could not be started within a minute" in execution.reason
    assert execution.reason.endswith("The last try: The account could not be looked at yet: HTTP 502")
    assert nets(desk) == held


async def test_a_waiting_flattening_says_what_it_waits_for_and_goes_on(hand: Hand):
    desk = hand.desk
    await opened(desk)
    fails(desk, "fills_since")
    begun = await hand.press()
    assert all(one.text for one in begun.positions)
    until = desk.clock.now() + timedelta(minutes=10)
    while desk.clock.now() < until:
        assert not await hand.round(begun.id), "it waits for a venue that is silent"
        (position,) = (await hand.look(begun.id)).positions
        assert position.text, "never without a word"
    told = [await hand.look(begun.id)]
    while "HTTP 502" not in told[-1].positions[0].text:
        await hand.round(begun.id)
        told.append(await hand.look(begun.id))
        assert len(told) < 10
    mend(desk, "fills_since")
    assert (await hand.work(begun.id)).state == "done"
    assert nets(desk) == {}


@pytest.mark.parametrize("name", BESIDE)
async def test_what_was_traded_by_hand_is_booked_and_books_that_differ_still_halt(desk: Desk, name: str):
    first = await opened(desk)
    fails(desk, name)
    desk.venue.trade_by_hand("BTCUSDT", Side.SELL, "1.0")
    desk.venue.manual = {"ETHUSDT": Decimal("0.3")}
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite())
    execution = await desk.run(await desk.confirm(plan))
    assert "Trading is halted. ETHUSDT" in execution.reason
    assert list(await halts(desk)) == ["ETHUSDT"]
    async with desk.database.sessions() as session:
        assert (await closable(session, first.sleeve_id))["BTCUSDT"] == Decimal("0.6")


async def test_fees_are_for_estimates_and_stop_nothing(desk: Desk):
    async with desk.database.transaction() as session:
        await session.execute(delete(FeeRate))
    for error in (SILENT, FORBIDDEN):
        fails(desk, "fee_rates", error)
        first = await opened(desk)
        execution = await desk.run(await closing(desk, first.sleeve_id))
        assert execution.state == "complete", execution.reason
    assert (await connection(desk)).unsure_since is None


@pytest.mark.parametrize(("name", "kind"), [("account_info", "margin_mode"), ("balance", "borrowed")])
async def test_what_the_venue_did_not_tell_settles_no_incident(desk: Desk, name: str, kind: str):
    await reconciled(desk)
    desk.venue.account, desk.venue.borrowed = AccountInfo(True, "portfolio"), Decimal(5)
    await reconciled(desk)
    told = [view for view in await shown(desk) if view.kind == kind]
    assert [view.settled_at for view in told] == [None]
    fails(desk, name)
    with pytest.raises(Unreachable):
        await reconciled(desk)
    assert [view for view in await shown(desk) if view.kind == kind] == told


async def test_payments_that_could_not_be_read_are_booked_when_they_can(desk: Desk):
    """Also one that is told late, by the first reading of the day that succeeds."""
    await opened(desk)
    desk.clock.moment += timedelta(hours=8)
    paid_at = desk.clock.now()
    desk.clock.moment += timedelta(hours=3)
    await reconciled(desk)
    desk.clock.moment += timedelta(hours=3)
    fails(desk, "funding_since")
    for _ in range(2):
        with pytest.raises(Unreachable):
            await reconciled(desk)
    amount = Decimal("0.3")
    desk.venue.funding = [FundingReport("f1", "BTCUSDT", amount, "USDT", Decimal(0), Decimal("1.6"), paid_at)]
    mend(desk, "funding_since")
    await reconciled(desk)
    async with desk.database.sessions() as session:
        paid = await session.scalars(select(Posting.amount).where(Posting.kind == "funding"))
        assert sum(paid) == amount
