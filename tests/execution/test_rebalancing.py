"""A rebalance at a scripted venue: reduces first, is never taken back, and leaves the position active."""

from decimal import Decimal

import pytest
from tests.execution.conftest import Desk
from tests.execution.test_executor import WHOLE, books, opened, orders, sleeve_of, venue_net

from holdfast.core.errors import Conflict
from holdfast.core.instruments import Side
from holdfast.execution.reconciliation.reconcile import reconcile_connection
from holdfast.portfolio.schemas import TacticView

LESS_BTC_MORE_ETH = (("BTCUSDT", Side.SELL, "0.6"), ("ETHUSDT", Side.SELL, "0.4"))
THROUGH_ZERO = (("XRPUSDT", Side.BUY, "0.9"),)


async def rebalanced(desk: Desk, legs=LESS_BTC_MORE_ETH, *, script=None, held=None, **more):
    first = await opened(desk)
    desk.venue.script = script or {}
    desk.venue.placed.clear()
    plan = await desk.plan(
        kind="rebalance", sleeve_id=first.sleeve_id, legs=legs, held=WHOLE if held is None else held, **more
    )
    return await desk.run(await desk.confirm(plan))


async def test_it_reduces_then_adds_and_the_position_is_active_again(desk: Desk):
    desk.venue.manual = {"BTCUSDT": Decimal(3)}
    execution = await rebalanced(desk)
    assert (execution.state, execution.kind) == ("complete", "rebalance")
    assert [(r.symbol, r.reduce_only) for r in desk.venue.placed] == [("BTCUSDT", True), ("ETHUSDT", False)]
    assert await books(desk) == WHOLE | {"BTCUSDT": Decimal("1.0"), "ETHUSDT": Decimal("-1.2")}
    assert (await sleeve_of(desk, execution)).state == "active"
    assert {o.role for o in await orders(desk) if o.execution_id == execution.id} == {"rebalance"}


async def test_through_zero_is_one_order_that_is_not_reduce_only(desk: Desk):
    execution = await rebalanced(desk, THROUGH_ZERO)
    assert execution.state == "complete"
    assert [(r.quantity, r.reduce_only) for r in desk.venue.placed] == [(Decimal("0.9"), False)]
    assert (await books(desk))["XRPUSDT"] == Decimal("0.5")


async def test_reducing_is_not_reduce_only_where_the_account_is_the_other_way_round(desk: Desk):
    desk.venue.manual = {"BTCUSDT": Decimal(-5)}
    execution = await rebalanced(desk)
    assert execution.state == "complete"
    assert not any(r.reduce_only for r in desk.venue.placed)


async def test_when_reducing_fails_nothing_is_added_and_it_is_shown(desk: Desk):
    execution = await rebalanced(desk, script={"BTCUSDT": ["reject:110074"]})
    assert execution.state == "needs_attention"
    assert "only in part" in execution.reason
    assert "BTCUSDT was refused" in execution.reason
    assert [r.symbol for r in desk.venue.placed] == ["BTCUSDT"]
    assert await books(desk) == WHOLE == venue_net(desk)
    assert (await sleeve_of(desk, execution)).state == "needs_attention"


async def test_when_adding_fails_it_is_not_taken_back(desk: Desk):
    execution = await rebalanced(desk, script={"ETHUSDT": ["reject:110007"]})
    assert execution.state == "needs_attention"
    assert await books(desk) == WHOLE | {"BTCUSDT": Decimal("1.0")} == venue_net(desk)


async def test_it_can_be_tried_again_after_trouble(desk: Desk):
    execution = await rebalanced(desk, script={"ETHUSDT": ["reject:110007"]})
    held = await books(desk)
    plan = await desk.plan(
        kind="rebalance", sleeve_id=execution.sleeve_id, legs=LESS_BTC_MORE_ETH[1:], held=held
    )
    again = await desk.run(await desk.confirm(plan))
    assert again.state == "complete"
    assert (await sleeve_of(desk, again)).state == "active"


async def test_what_the_venues_minimums_leave_out_is_a_residual(desk: Desk):
    execution = await rebalanced(desk, script={"BTCUSDT": ["half"]}, skip=True)
    assert execution.state == "complete_with_residual"
    assert await books(desk) == WHOLE | {"BTCUSDT": Decimal("1.0")}
    assert (await sleeve_of(desk, execution)).state == "active"


async def test_a_change_by_hand_after_the_preview_stops_it(desk: Desk):
    first = await opened(desk)
    plan = await desk.plan(kind="rebalance", sleeve_id=first.sleeve_id, legs=LESS_BTC_MORE_ETH, held=WHOLE)
    await desk.clock.sleep(1)
    desk.venue.trade_by_hand("BTCUSDT", Side.SELL, "0.5")
    before = len(desk.venue.placed)
    execution = await desk.run(await desk.confirm(plan))
    assert execution.state == "unwound"
    assert "changed outside Holdfast" in execution.reason
    assert len(desk.venue.placed) == before
    assert (await sleeve_of(desk, execution)).state == "active"


async def test_what_was_closed_by_hand_is_booked_and_bought_back(desk: Desk):
    first = await opened(desk)
    await desk.clock.sleep(1)
    desk.venue.trade_by_hand("BTCUSDT", Side.SELL, "1.6")
    await reconcile_connection(desk.work, desk.venue, desk.connection_id)
    plan = await desk.plan(
        kind="rebalance",
        sleeve_id=first.sleeve_id,
        legs=(("BTCUSDT", Side.BUY, "1.6"),),
        held=WHOLE | {"BTCUSDT": Decimal(0)},
    )
    execution = await desk.run(await desk.confirm(plan))
    assert execution.state == "complete"
    assert await books(desk) == WHOLE == venue_net(desk)


async def test_nothing_else_is_done_with_the_position_meanwhile(desk: Desk):
    first = await opened(desk)
    plan = await desk.plan(kind="rebalance", sleeve_id=first.sleeve_id, legs=LESS_BTC_MORE_ETH, held=WHOLE)
    execution_id = await desk.confirm(plan)
    assert (await sleeve_of(desk, first)).state == "rebalancing"
    other = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=LESS_BTC_MORE_ETH[:1])
    with pytest.raises(Conflict, match="being changed"):
        await desk.confirm(other)
    assert (await desk.run(execution_id)).state == "complete"


async def test_in_slices_reducing_and_adding_go_side_by_side(desk: Desk):
    tactic = TacticView(kind="twap", seconds=20, slices=2)
    execution = await rebalanced(desk, tactic=tactic, slices=2)
    assert execution.state == "complete"
    assert [r.symbol for r in desk.venue.placed][:2] == ["BTCUSDT", "ETHUSDT"]
    assert [r.quantity for r in desk.venue.placed] == [Decimal("0.3"), Decimal("0.2")] * 2
    assert [r.reduce_only for r in desk.venue.placed] == [True, False] * 2


@pytest.mark.parametrize("how", ["BustTrade", "Trade"])
async def test_a_position_that_others_empty_meanwhile_is_closed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, how: str
):
    place = desk.venue.place
    first = await opened(desk)

    async def then_gone(requests):
        answers = await place(requests)
        await desk.clock.sleep(1)
        for symbol, quantity in (await books(desk)).items():
            left = quantity - (Decimal("0.6") if symbol == "BTCUSDT" else 0)
            side = Side.SELL if left > 0 else Side.BUY
            desk.venue.trade_by_hand(symbol, side, str(abs(left)), exec_type=how)
        await reconcile_connection(desk.work, desk.venue, desk.connection_id)
        return answers

    monkeypatch.setattr(desk.venue, "place", then_gone)
    plan = await desk.plan(
        kind="rebalance", sleeve_id=first.sleeve_id, legs=LESS_BTC_MORE_ETH[:1], held=WHOLE
    )
    execution = await desk.run(await desk.confirm(plan))
    assert execution.finished_at
    sleeve = await sleeve_of(desk, execution)
    assert (sleeve.state, sleeve.closed_at) == ("closed", execution.finished_at)
    assert "the position is closed" in execution.reason
    assert await books(desk) == {} == venue_net(desk)
