"""Each thing that can happen to an account from outside has its consequence: booked, told, and ended."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select, update
from tests.execution.conftest import Desk, opposite
from tests.execution.test_incidents import obstacle, seen, shown
from tests.execution.test_reconcile import halts, reconciled

from holdfast.accounts.models import Connection
from holdfast.core.instruments import Side
from holdfast.execution.incidents.schemas import IncidentView
from holdfast.execution.models import Execution
from holdfast.market.models import InstrumentRow
from holdfast.portfolio.booking import closable, holdings
from holdfast.portfolio.models import Sleeve
from holdfast.venues.protocol import AccountInfo, OrderReport, OrderStatus, Rejected


async def opened(desk: Desk) -> Execution:
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == "complete"
    await reconciled(desk)
    await desk.clock.sleep(5)
    return execution


async def closed(desk: Desk, sleeve_id: UUID, legs) -> Execution:
    plan = await desk.plan(kind="close", sleeve_id=sleeve_id, legs=legs)
    return await desk.run(await desk.confirm(plan))


async def the_only(desk: Desk, kind: str) -> IncidentView:
    (found,) = [view for view in await shown(desk) if view.kind == kind]
    return found


async def sleeve(desk: Desk, sleeve_id: UUID) -> Sleeve:
    async with desk.database.sessions() as session:
        return await session.get_one(Sleeve, sleeve_id)


async def own(desk: Desk, sleeve_id: UUID) -> dict[str, Decimal]:
    async with desk.database.sessions() as session:
        return await closable(session, sleeve_id)


async def opening(desk: Desk) -> Execution:
    return await desk.run(await desk.confirm(await desk.plan()))


async def test_a_trade_by_hand_beside_the_positions_is_told_and_over(desk: Desk):
    await opened(desk)
    desk.venue.trade_by_hand("ETHUSDT", Side.SELL, "0.3", order_id="m1")
    desk.venue.trade_by_hand("ETHUSDT", Side.SELL, "0.2", order_id="m1")
    for _ in range(3):
        assert await reconciled(desk) == []
    told = await the_only(desk, "manual_trade")
    assert (told.severity, told.position_id, told.settled_at is not None) == ("info", None, True)
    assert "0.5 ETHUSDT sold" in told.text


async def test_a_trade_by_hand_into_a_position_is_told_until_the_position_ends(desk: Desk):
    execution = await opened(desk)
    desk.venue.trade_by_hand("BTCUSDT", Side.SELL, "1.0")
    await reconciled(desk)
    told = await the_only(desk, "manual_trade")
    assert (told.position_id, told.severity, told.settled_at) == (execution.sleeve_id, "warning", None)
    assert "1 closed a part of Bitcoin dominance" in told.text
    rest = opposite((("BTCUSDT", Side.BUY, "0.6"), *DEFAULT[1:]))
    ended = await closed(desk, execution.sleeve_id, rest)
    assert ended.state in ("complete", "complete_with_residual"), ended.reason
    await reconciled(desk)
    assert (await the_only(desk, "manual_trade")).settled_at is not None


DEFAULT = (("BTCUSDT", Side.BUY, "1.6"), ("ETHUSDT", Side.SELL, "0.8"), ("XRPUSDT", Side.SELL, "0.4"))


async def test_a_deleveraging_is_shared_out_told_and_ends_with_being_seen(desk: Desk):
    execution = await opened(desk)
    desk.venue.trade_by_hand("ETHUSDT", Side.BUY, "0.5", exec_type="AdlTrade")
    for _ in range(2):
        assert await reconciled(desk) == []
    assert (await own(desk, execution.sleeve_id))["ETHUSDT"] == Decimal("-0.3")
    told = await the_only(desk, "adl")
    assert (told.severity, told.position_id, told.blocks) == ("alarm", execution.sleeve_id, "")
    await seen(desk, told.id)
    assert (await the_only(desk, "adl")).settled_at is not None


async def test_after_a_liquidation_nothing_is_opened_until_the_user_has_seen_it(desk: Desk):
    execution = await opened(desk)
    desk.venue.trade_by_hand("ETHUSDT", Side.BUY, "0.5", exec_type="BustTrade")
    await reconciled(desk)
    refused = await opening(desk)
    assert (refused.state, "liquidated" in refused.reason) == ("unwound", True)
    rest = (("BTCUSDT", Side.SELL, "1.6"), ("ETHUSDT", Side.BUY, "0.3"), ("XRPUSDT", Side.BUY, "0.4"))
    assert (await closed(desk, execution.sleeve_id, rest)).state == "complete", "closing stays possible"
    await seen(desk, (await the_only(desk, "liquidation")).id)
    assert (await opening(desk)).state == "complete"


async def test_more_of_a_liquidation_blocks_again_though_the_user_has_seen_its_beginning(desk: Desk):
    await opened(desk)
    desk.venue.trade_by_hand("ETHUSDT", Side.BUY, "0.5", exec_type="BustTrade", order_id="bust")
    await reconciled(desk)
    await seen(desk, (await the_only(desk, "liquidation")).id)
    assert (await the_only(desk, "liquidation")).settled_at is not None
    await reconciled(desk)
    assert (await the_only(desk, "liquidation")).settled_at is not None, (
        "the same, read again, is nothing new"
    )
    desk.venue.trade_by_hand("ETHUSDT", Side.BUY, "0.2", exec_type="BustTrade", order_id="bust")
    await reconciled(desk)
    told = await the_only(desk, "liquidation")
    assert (told.settled_at, told.seen_at) == (None, None)
    assert (await opening(desk)).state == "unwound"


async def test_a_liquidation_of_the_users_own_holding_blocks_too(desk: Desk):
    desk.venue.manual = {"BTCUSDT": Decimal(3)}
    await reconciled(desk)
    await desk.clock.sleep(5)
    desk.venue.trade_by_hand("BTCUSDT", Side.SELL, "3", exec_type="BustTrade")
    await reconciled(desk)
    told = await the_only(desk, "liquidation")
    assert (told.position_id, told.blocks, told.settled_at) == (None, "opening", None)


async def test_a_delivered_leg_is_booked_and_the_rest_stays(desk: Desk):
    execution = await opened(desk)
    desk.venue.trade_by_hand("XRPUSDT", Side.BUY, "0.4", price="90", exec_type="Delivery")
    await reconciled(desk)
    assert set(await own(desk, execution.sleeve_id)) == {"BTCUSDT", "ETHUSDT"}
    assert (await sleeve(desk, execution.sleeve_id)).state == "active"
    assert "at 90" in (await the_only(desk, "delivery")).text


async def test_a_position_the_venue_has_emptied_is_closed(desk: Desk):
    execution = await opened(desk)
    for symbol, side, quantity in opposite(DEFAULT):
        desk.venue.trade_by_hand(symbol, side, quantity, exec_type="Delivery")
    assert await reconciled(desk) == []
    row = await sleeve(desk, execution.sleeve_id)
    assert (row.state, row.closed_at is not None) == ("closed", True)
    told = [view for view in await shown(desk) if view.kind == "delivery"]
    assert len(told) == 3
    assert all("the position is closed" in view.text and view.settled_at for view in told)


async def test_an_announced_delisting_stops_openings_and_lets_closings_through(desk: Desk):
    execution = await opened(desk)
    async with desk.database.transaction() as session:
        at = desk.clock.now() + timedelta(days=5)
        await session.execute(
            update(InstrumentRow).where(InstrumentRow.symbol == "XRPUSDT").values(delivery_at=at)
        )
    await reconciled(desk)
    told = await the_only(desk, "delisting_announced")
    assert (told.severity, told.symbol) == ("warning", "XRPUSDT")
    assert "2026-11-26" in told.text
    desk.clock.moment += timedelta(days=4, hours=1)
    await reconciled(desk)
    assert (await the_only(desk, "delisting_announced")).severity == "alarm"
    assert "delisted" in (await opening(desk)).reason
    assert (await closed(desk, execution.sleeve_id, opposite(DEFAULT))).state == "complete"
    await reconciled(desk)
    assert (await the_only(desk, "delisting_announced")).settled_at is not None


async def test_hedge_mode_halts_the_symbol_until_it_is_put_back(desk: Desk):
    await opened(desk)
    desk.venue.hedged = {"BTCUSDT"}
    await reconciled(desk)
    assert "one-way" in (await halts(desk))["BTCUSDT"]
    assert (await the_only(desk, "position_mode")).blocks == "trading"
    assert (await opening(desk)).state == "unwound"
    desk.venue.hedged = set()
    await reconciled(desk)
    assert await halts(desk) == {}
    assert (await the_only(desk, "position_mode")).settled_at is not None


async def test_leverage_changed_by_hand_is_told_and_put_back_before_the_next_opening(desk: Desk):
    await opened(desk)
    desk.venue.leverage = {"BTCUSDT": Decimal(10), "XRPUSDT": Decimal(1)}
    await reconciled(desk)
    told = await the_only(desk, "leverage_changed")
    assert (told.symbol, told.severity, told.blocks) == ("BTCUSDT", "warning", "")
    assert (await opening(desk)).state == "complete"
    assert desk.venue.leverage["BTCUSDT"] == 1
    await reconciled(desk)
    assert (await the_only(desk, "leverage_changed")).settled_at is not None


async def test_no_memory_hides_leverage_or_hedge_mode_of_a_flat_symbol(desk: Desk):
    execution = await opened(desk)
    assert (await closed(desk, execution.sleeve_id, opposite(DEFAULT))).state == "complete"
    desk.venue.leverage, desk.venue.hedged = {"ETHUSDT": Decimal(25)}, {"XRPUSDT"}
    assert (await opening(desk)).state == "complete"
    assert (desk.venue.leverage["ETHUSDT"], desk.venue.hedged) == (1, set())


@pytest.mark.parametrize(
    ("mode", "blocks"), [("isolated", ""), ("portfolio", "opening"), ("quantum", "opening")]
)
async def test_another_margin_mode_is_told_until_it_is_put_back(desk: Desk, mode: str, blocks: str):
    execution = await opened(desk)
    desk.venue.account = AccountInfo(True, mode)
    await reconciled(desk)
    assert (await the_only(desk, "margin_mode")).blocks == blocks
    assert (await opening(desk)).state == ("unwound" if blocks else "complete")
    assert (await closed(desk, execution.sleeve_id, opposite(DEFAULT))).state == "complete"
    desk.venue.account = AccountInfo(True, "cross")
    await reconciled(desk)
    assert (await the_only(desk, "margin_mode")).settled_at is not None


async def test_an_account_that_begins_in_a_margin_mode_without_1x_opens_nothing(desk: Desk):
    desk.venue.account = AccountInfo(True, "portfolio")
    await reconciled(desk)
    told = await the_only(desk, "margin_mode")
    assert (told.blocks, "cross margin" in told.text) == ("opening", True)


async def test_an_account_that_begins_in_isolated_margin_is_not_nagged(desk: Desk):
    desk.venue.account = AccountInfo(True, "isolated")
    await reconciled(desk)
    await reconciled(desk)
    assert await shown(desk) == []


async def test_debt_stops_openings_until_it_is_repaid(desk: Desk):
    await opened(desk)
    desk.venue.borrowed = Decimal("12.34")
    await reconciled(desk)
    assert "12.34 USDT" in (await the_only(desk, "borrowed")).text
    assert "owes USDT" in (await opening(desk)).reason
    desk.venue.borrowed = Decimal(0)
    await reconciled(desk)
    assert (await opening(desk)).state == "complete"


async def test_books_that_differ_are_told_and_settle_when_they_heal(desk: Desk):
    await reconciled(desk)
    desk.venue.manual = {"XRPUSDT": Decimal(5)}
    await reconciled(desk)
    assert "holds 5" in (await the_only(desk, "books_differ")).text
    assert await obstacle(desk, "XRPUSDT", opening=False)
    desk.venue.manual = {}
    await reconciled(desk)
    assert (await the_only(desk, "books_differ")).settled_at is not None


async def test_a_fill_after_the_end_reopens_the_position_and_is_told(desk: Desk):
    execution = await opened(desk)
    assert (await closed(desk, execution.sleeve_id, opposite(DEFAULT))).state == "complete"
    known = desk.venue.fills[0]
    desk.venue.fills.append(
        replace(known, exec_id="late", quantity=Decimal("0.1"), executed_at=desk.clock.now())
    )
    for _ in range(2):
        await reconciled(desk)
    told = await the_only(desk, "late_fill")
    assert (told.position_id, told.severity) == (execution.sleeve_id, "alarm")
    assert (await sleeve(desk, execution.sleeve_id)).state == "needs_attention"


async def test_an_order_of_unknown_end_alarms_until_its_end_is_known(desk: Desk):
    execution_id = await desk.confirm(await desk.plan())
    desk.venue.script = {"XRPUSDT": ["lost_answer"]}
    desk.venue.down_after_placing = True
    execution = await desk.run(execution_id, rounds=3)
    told = await the_only(desk, "needs_attention")
    assert (told.position_id, told.severity, told.settled_at) == (execution.sleeve_id, "alarm", None)
    assert told.text == execution.reason
    assert "XRPUSDT" in told.text
    desk.venue.down = False
    assert (await desk.run(execution_id)).state == "complete"
    await reconciled(desk)
    assert (await the_only(desk, "needs_attention")).settled_at is not None


async def test_what_ended_half_done_alarms_until_the_position_is_closed(desk: Desk):
    first = await opened(desk)
    desk.venue.script = {"ETHUSDT": ["none"] * 9}
    stuck = await closed(desk, first.sleeve_id, opposite())
    assert stuck.state == "needs_attention"
    await reconciled(desk)
    told = await the_only(desk, "needs_attention")
    assert (told.text, told.settled_at, told.acknowledge) == (stuck.reason, None, False)
    desk.venue.script = {}
    left = [leg for leg in opposite() if leg[0] == "ETHUSDT"]
    assert (await closed(desk, first.sleeve_id, left)).state == "complete"
    await reconciled(desk)
    assert (await the_only(desk, "needs_attention")).settled_at is not None


async def test_a_closing_that_is_refused_takes_no_alarm_away_and_one_that_fails_again_is_news(desk: Desk):
    first = await opened(desk)
    desk.venue.script = {"ETHUSDT": ["none"] * 30}
    stuck = await closed(desk, first.sleeve_id, opposite())
    told = await the_only(desk, "needs_attention")
    await seen(desk, told.id)
    left = [leg for leg in opposite() if leg[0] == "ETHUSDT"]
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=left)
    refused = await desk.confirm(plan)
    await reconciled(desk)
    desk.venue.trade_by_hand("ETHUSDT", Side.BUY, "0.1")
    assert (await desk.run(refused)).state == "unwound"
    assert (await sleeve(desk, first.sleeve_id)).state == "needs_attention"
    await reconciled(desk)
    kept = await the_only(desk, "needs_attention")
    assert (kept.settled_at, kept.seen_at is None, kept.text) == (None, False, stuck.reason)
    again = await closed(desk, first.sleeve_id, (("ETHUSDT", Side.BUY, "0.7"),))
    assert again.state == "needs_attention"
    renewed = await the_only(desk, "needs_attention")
    assert (renewed.seen_at, renewed.text) == (None, again.reason)


def resting(client_id: str, desk: Desk) -> OrderReport:
    one = Decimal(1)
    return OrderReport(
        client_id, "v9", "BTCUSDT", Side.BUY, OrderStatus.OPEN, one, Decimal(0), None, "", desk.clock.now()
    )


async def test_orders_that_rest_for_nobody_are_cancelled_and_told(desk: Desk):
    await opened(desk)
    ended = next(iter(desk.venue.orders))
    desk.venue.orders[ended].status = OrderStatus.OPEN
    desk.venue.resting = [
        resting("hf-unknown-o0000", desk),
        resting(ended, desk),
        resting("mine-by-hand", desk),
    ]
    await reconciled(desk)
    assert desk.venue.cancelled == ["hf-unknown-o0000", ended], "an order of the user's own is left alone"
    told = [view for view in await shown(desk) if view.kind == "stray_order"]
    assert len(told) == 2
    assert all(view.settled_at for view in told)


async def test_what_a_stray_order_filled_before_its_cancel_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    """The list of open orders was read when it had filled nothing yet."""
    await opened(desk)
    name, stray = next((n, o) for n, o in desk.venue.orders.items() if o.request.symbol == "BTCUSDT")
    stray.status = OrderStatus.OPEN
    desk.venue.resting = [resting(name, desk)]

    async def after_a_fill(_symbol: str, client_id: str):
        desk.venue.fill_late(client_id, Decimal("0.2"))
        stray.status = OrderStatus.CANCELLED

    monkeypatch.setattr(desk.venue, "cancel", after_a_fill)
    await reconciled(desk)
    (told,) = [view for view in await shown(desk) if view.kind == "stray_order"]
    assert "It had filled 1.8, which was booked" in told.text


async def test_a_list_of_open_orders_that_is_late_warns_of_nothing(desk: Desk):
    await opened(desk)
    desk.venue.resting = [resting(next(iter(desk.venue.orders)), desk)]
    await reconciled(desk)
    assert desk.venue.cancelled == []
    assert await shown(desk) == []


async def test_a_stray_order_that_ends_before_its_cancel_was_not_cancelled(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    await opened(desk)
    desk.venue.resting = [resting("hf-unknown-o0000", desk)]

    async def too_late(*_: object):
        raise Rejected("order not exists or too late to cancel", code="110001")

    monkeypatch.setattr(desk.venue, "cancel", too_late)
    await reconciled(desk)
    assert await shown(desk) == []


async def test_a_resting_order_of_an_execution_under_way_is_left_alone(desk: Desk):
    await opened(desk)
    working = await desk.confirm(await desk.plan())
    async with desk.database.sessions() as session:
        from holdfast.execution.models import Order

        name = (await session.scalars(select(Order.client_id).where(Order.execution_id == working))).first()
    desk.venue.resting = [resting(str(name), desk)]
    await reconciled(desk)
    assert desk.venue.cancelled == []


async def test_a_long_absence_is_read_back_and_says_what_cannot_be_known(desk: Desk):
    await opened(desk)
    desk.clock.moment += timedelta(days=20)
    desk.venue.trade_by_hand("ETHUSDT", Side.SELL, "0.3")
    desk.clock.moment += timedelta(days=20)
    assert await reconciled(desk) == []
    assert await reconciled(desk) == []
    told = await the_only(desk, "stream_lost")
    assert (told.severity, told.settled_at is not None) == ("info", True)
    assert "2026-11-21" in told.text
    assert "2026-12-31" in told.text


async def test_nothing_of_all_this_moves_a_sleeve_it_did_not_meet(desk: Desk):
    execution = await opened(desk)
    before = await own(desk, execution.sleeve_id)
    desk.venue.trade_by_hand("DOGEUSDT", Side.BUY, "5", exec_type="AdlTrade")
    desk.venue.trade_by_hand("BTCUSDT", Side.BUY, "1")
    await reconciled(desk)
    assert await own(desk, execution.sleeve_id) == before
    async with desk.database.sessions() as session:
        held = await holdings(session, desk.connection_id)
        assert (await session.get_one(Connection, desk.connection_id)).reconciled_at == desk.clock.now()
    assert held[None, "BTCUSDT"] == 1
