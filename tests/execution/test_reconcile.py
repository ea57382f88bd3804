"""Our books against the venue's: adopted, compared, halted, healed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from uuid import uuid4

import pytest
from sqlalchemy import select
from tests.execution.conftest import Desk
from tests.execution.test_executor import opened
from tests.execution.test_statements import counted

from holdfast.accounts.models import Connection
from holdfast.core.instruments import Side
from holdfast.execution.reconciliation.reconcile import (
    BEGINNINGS,
    SECOND_LOOK,
    compare,
    reconcile_connection,
)
from holdfast.platform.tasks import RetryAt
from holdfast.portfolio.booking import holdings
from holdfast.portfolio.models import Alteration, BalanceSnapshot, Fill, Halt, Posting
from holdfast.portfolio.repository import fee_rates
from holdfast.venues.protocol import FillReport, FundingReport


async def reconciled(desk: Desk) -> list[str]:
    return await reconcile_connection(desk.work, desk.venue, desk.connection_id)


async def manual(desk: Desk) -> dict[str, Decimal]:
    async with desk.database.sessions() as session:
        held = await holdings(session, desk.connection_id)
    return {symbol: quantity for (sleeve, symbol), quantity in held.items() if sleeve is None}


async def halts(desk: Desk) -> dict[str, str]:
    async with desk.database.sessions() as session:
        return {halt.symbol: halt.reason for halt in await session.scalars(select(Halt))}


async def test_what_the_account_held_before_is_the_users_own(desk: Desk):
    desk.venue.manual = {"BTCUSDT": Decimal(3), "DOGEUSDT": Decimal(-50)}
    assert await reconciled(desk) == []
    assert await manual(desk) == desk.venue.manual


async def test_trades_made_before_the_beginning_are_not_counted_twice(desk: Desk):
    desk.venue.trade_by_hand("BTCUSDT", Side.BUY, "2")
    await desk.clock.sleep(1)
    for _ in range(3):
        assert await reconciled(desk) == []
        await desk.clock.sleep(60)
    assert await manual(desk) == {"BTCUSDT": Decimal(2)}


async def begun_beside(desk: Desk, late: str) -> None:
    """A trade just before the books begin; the venue's ``late`` tells it only at the second look."""
    told = {"positions": True, "fills": True, late: False}
    positions, fills_since, server_time = desk.venue.positions, desk.venue.fills_since, desk.venue.server_time
    traded = []

    async def time():
        moment = await server_time()
        if not traded:
            traded.append(moment)
            desk.venue.trade_by_hand("BTCUSDT", Side.BUY, "2")
            if late == "positions":
                desk.venue.fills[-1] = replace(
                    desk.venue.fills[-1], executed_at=moment - timedelta(milliseconds=5)
                )
        return moment

    async def pause(seconds: float) -> None:
        told.update(positions=True, fills=True)
        await desk.clock.sleep(seconds)

    async def held():
        return await positions() if told["positions"] else []

    async def fills(since):
        return await fills_since(since) if told["fills"] else []

    desk.venue.server_time = time  # type: ignore[method-assign]
    desk.venue.positions = held  # type: ignore[method-assign]
    desk.venue.fills_since = fills  # type: ignore[method-assign]
    assert await reconcile_connection(desk.work, desk.venue, desk.connection_id, pause=pause) == []
    told.update(positions=True, fills=True)
    assert await reconciled(desk) == []
    assert await manual(desk) == {"BTCUSDT": Decimal(2)}


@pytest.mark.parametrize("late", ["positions", "fills"])
async def test_books_do_not_begin_between_a_trade_and_its_news(desk: Desk, late: str):
    await begun_beside(desk, late)


async def test_books_begin_at_once_though_prices_move(desk: Desk):
    desk.venue.manual = {"BTCUSDT": Decimal(3)}
    positions, marks = desk.venue.positions, count(100)

    async def moving():
        return [replace(held, mark_price=Decimal(next(marks))) for held in await positions()]

    desk.venue.positions = moving  # type: ignore[method-assign]
    waited = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    assert await reconcile_connection(desk.work, desk.venue, desk.connection_id, pause=pause) == []
    assert waited == [SECOND_LOOK]


async def test_an_account_that_trades_all_the_time_begins_later(desk: Desk):
    async def pause(seconds: float) -> None:
        desk.venue.trade_by_hand("BTCUSDT", Side.BUY, "1")

    with pytest.raises(RetryAt):
        await reconcile_connection(desk.work, desk.venue, desk.connection_id, pause=pause)
    assert await manual(desk) == {}
    assert await reconciled(desk) == []
    assert await manual(desk) == {"BTCUSDT": Decimal(BEGINNINGS)}


async def test_books_count_as_compared_when_the_venue_was_asked(desk: Desk):
    """Not when the answer was written down: the process may have been frozen in between."""
    await reconciled(desk)
    asked = []
    positions = desk.venue.positions

    async def frozen():
        asked.append(desk.clock.now())
        held = await positions()
        desk.clock.moment += timedelta(hours=2)
        return held

    desk.venue.positions = frozen  # type: ignore[method-assign]
    await reconciled(desk)
    async with desk.database.sessions() as session:
        connection = await session.get_one(Connection, desk.connection_id)
    assert [connection.reconciled_at] == asked


async def test_a_trade_by_hand_is_adopted_once(desk: Desk):
    await reconciled(desk)
    await desk.clock.sleep(5)
    desk.venue.trade_by_hand("ETHUSDT", Side.SELL, "0.3")
    for _ in range(3):
        assert await reconciled(desk) == []
    assert await manual(desk) == {"ETHUSDT": Decimal("-0.3")}


async def test_the_wallet_is_kept(desk: Desk):
    desk.venue.available = Decimal(4321)
    await reconciled(desk)
    async with desk.database.sessions() as session:
        snapshot = await session.get_one(BalanceSnapshot, desk.connection_id)
    assert snapshot.available == 4321


async def test_the_accounts_own_fees_are_kept_and_read_once_a_day(desk: Desk):
    await reconciled(desk)
    desk.venue.fee_rate = Decimal("0.0002")
    await reconciled(desk)
    assert await taker_fee(desk) == Decimal("0.00055")
    await desk.clock.sleep(90_000)
    await reconciled(desk)
    assert await taker_fee(desk) == Decimal("0.0002")


async def taker_fee(desk: Desk) -> Decimal:
    async with desk.database.sessions() as session:
        taker, _ = (await fee_rates(session, desk.connection_id))["BTCUSDT"]
        return taker


async def test_books_that_disagree_halt_the_instrument_and_heal_by_themselves(desk: Desk):
    await reconciled(desk)
    desk.venue.manual = {"XRPUSDT": Decimal(5)}
    assert await reconciled(desk) == ["XRPUSDT"]
    assert "holds 5" in (await halts(desk))["XRPUSDT"]
    assert "books say 0" in (await halts(desk))["XRPUSDT"]
    desk.venue.manual = {}
    assert await reconciled(desk) == []
    assert await halts(desk) == {}


async def test_a_halted_leg_stops_an_opening_before_its_first_order(desk: Desk):
    await reconciled(desk)
    desk.venue.manual = {"XRPUSDT": Decimal(5)}
    await reconciled(desk)
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == "unwound"
    assert "Trading is halted" in execution.reason
    assert desk.venue.placed == []


async def test_a_leg_closed_by_hand_is_noticed(desk: Desk):
    execution = await desk.run(await desk.confirm(await desk.plan()))
    await desk.clock.sleep(5)
    desk.venue.trade_by_hand("BTCUSDT", Side.SELL, "1.0")
    assert await reconciled(desk) == []
    async with desk.database.sessions() as session:
        altered = (await session.scalars(select(Alteration))).one()
    assert (altered.sleeve_id, altered.symbol, altered.quantity) == (
        execution.sleeve_id,
        "BTCUSDT",
        Decimal(-1),
    )


async def test_a_fill_of_ours_that_the_executor_never_saw_is_booked_to_its_order(desk: Desk):
    execution = await desk.run(await desk.confirm(await desk.plan()))
    known = desk.venue.fills[0]
    async with desk.database.transaction() as session:
        fill = await session.get_one(Fill, (desk.connection_id, known.exec_id))
    desk.venue.fills.append(late(known, desk))
    await reconciled(desk)
    async with desk.database.sessions() as session:
        held = await holdings(session, desk.connection_id)
    assert held[execution.sleeve_id, known.symbol] == known.side.sign * (fill.quantity + Decimal("0.1"))


def late(known: FillReport, desk: Desk) -> FillReport:
    return replace(
        known, exec_id=f"late-{uuid4().hex}", quantity=Decimal("0.1"), executed_at=desk.clock.now()
    )


def test_an_instrument_with_an_order_in_doubt_is_not_judged():
    assert compare({"BTCUSDT": Decimal(1)}, [], {"BTCUSDT"}) == {}
    assert compare({"BTCUSDT": Decimal(1)}, [], set()) != {}


async def test_reading_goes_on_from_where_it_was(desk: Desk):
    await reconciled(desk)
    asked = []
    fills_since = desk.venue.fills_since

    async def looking(since):
        asked.append(since)
        return await fills_since(since)

    desk.venue.fills_since = looking  # type: ignore[method-assign]
    await desk.clock.sleep(600)
    await reconciled(desk)
    assert desk.clock.now() - asked[-1] > timedelta(minutes=9)
    await desk.clock.sleep(60)
    await reconciled(desk)
    assert desk.clock.now() - asked[-1] < timedelta(minutes=4)


async def test_records_that_come_very_late_are_looked_for_before_the_books_are_called_wrong(desk: Desk):
    await reconciled(desk)
    await desk.clock.sleep(60)
    desk.venue.trade_by_hand("XRPUSDT", Side.BUY, "2")
    (hidden,) = desk.venue.fills
    told = desk.venue.fills_since
    hidden_until = desk.clock.now() + timedelta(minutes=10)

    async def late_told(since):
        return [fill for fill in await told(since) if fill != hidden or desk.clock.now() > hidden_until]

    desk.venue.fills_since = late_told  # type: ignore[method-assign]
    for _ in range(2):
        assert await reconciled(desk) == ["XRPUSDT"]
        await desk.clock.sleep(301)
    assert await reconciled(desk) == []


async def test_payments_that_are_booked_cost_no_statements_when_they_are_read_again(desk: Desk):
    await opened(desk)
    counts, cent = [], Decimal("0.01")
    for payments in (1, 30):
        desk.venue.funding = [
            FundingReport(f"f{n}", "BTCUSDT", cent, "USDT", Decimal(0), Decimal("1.6"), desk.clock.now())
            for n in range(payments)
        ]
        await reconciled(desk)
        with counted(desk) as statements:
            await reconciled(desk)
        counts.append(len(statements))
    assert counts[0] == counts[1]
    async with desk.database.sessions() as session:
        booked = await session.scalars(select(Posting.amount).where(Posting.kind == "funding"))
    assert sum(booked) == Decimal("0.3")
