"""Orders that rest, are followed and crossed, or come in slices, from rows and at a scripted venue."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from tests.execution.conftest import LEGS, Desk, opposite
from tests.execution.scripted_venue import Killed
from tests.execution.test_executor import WHOLE, books, orders, sleeve_of, venue_net

from holdfast.core.instruments import Side
from holdfast.execution.risk import flatten, stops
from holdfast.execution.risk.schemas import NewFlatten, NewStop
from holdfast.execution.views import execution_view
from holdfast.portfolio.models import Halt, Posting
from holdfast.portfolio.schemas import TacticView
from holdfast.venues.protocol import OrderStatus, OrderStyle

PASSIVE = TacticView(kind="passive", seconds=30)
TWAP = TacticView(kind="twap", seconds=40, slices=4)
MARKET = TacticView(kind="market")


async def begun(desk: Desk, tactic: TacticView, *, rounds: int = 1, **more: Any):
    execution_id = await desk.confirm(await desk.plan(tactic=tactic, **more))
    return await desk.run(execution_id, rounds=rounds)


def open_orders(desk: Desk) -> list[str]:
    return [name for name, order in desk.venue.orders.items() if order.status is OrderStatus.OPEN]


async def test_a_market_order_says_how_far_it_may_go(desk: Desk):
    execution = await begun(desk, MARKET)
    assert execution.state == "complete"
    assert {(r.style, r.slippage) for r in desk.venue.placed} == {(OrderStyle.MARKET, Decimal("0.005"))}


async def test_resting_orders_stand_at_the_best_price_and_the_job_is_given_back(desk: Desk):
    execution = await begun(desk, PASSIVE)
    assert execution.state == "running"
    assert {(r.symbol, r.limit_price, r.style) for r in desk.venue.placed} == {
        (symbol, Decimal("99.9") if side is Side.BUY else Decimal("100.1"), OrderStyle.POST_ONLY)
        for symbol, side, _ in LEGS
    }
    for name in open_orders(desk):
        desk.venue.trade_resting(name, desk.venue.orders[name].request.quantity)
    execution = await desk.run(execution.id)
    assert execution.state == "complete"
    assert len(desk.venue.placed) == 3
    assert await books(desk) == WHOLE == venue_net(desk)


async def test_a_resting_order_is_cancelled_and_follows_the_market(desk: Desk):
    execution = await begun(desk, PASSIVE)
    desk.venue.best["BTCUSDT"] = (Decimal("100.2"), Decimal("100.4"))
    desk.venue.race = Decimal("0.3")
    execution = await desk.run(execution.id, rounds=4)
    moved = [r for r in desk.venue.placed if r.symbol == "BTCUSDT"]
    assert [(r.quantity, r.limit_price) for r in moved] == [
        (Decimal("1.6"), Decimal("99.9")),
        (Decimal("1.3"), Decimal("100.2")),
    ]
    assert len(open_orders(desk)) == 3


async def test_nobody_is_followed_beyond_the_previewed_limit(desk: Desk):
    execution = await begun(desk, PASSIVE)
    desk.venue.best["BTCUSDT"] = (Decimal(103), Decimal("103.2"))
    await desk.run(execution.id, rounds=6)
    assert [r.limit_price for r in desk.venue.placed if r.symbol == "BTCUSDT"] == [
        Decimal("99.9"),
        Decimal("100.5"),
    ]


async def test_at_the_deadline_everything_is_taken(desk: Desk):
    execution = await begun(desk, PASSIVE, rounds=40)
    assert execution.state == "complete"
    assert open_orders(desk) == []
    taken = [r for r in desk.venue.placed if r.style is OrderStyle.IOC]
    assert {r.symbol: r.quantity for r in taken} == {symbol: Decimal(q) for symbol, _, q in LEGS}
    assert {r.limit_price for r in taken} == {Decimal("100.5"), Decimal("99.5")}
    assert await books(desk) == WHOLE == venue_net(desk)


async def test_a_refused_leg_ends_what_rests_and_takes_everything_back(desk: Desk):
    desk.venue.script = {"XRPUSDT": ["reject:110007"]}
    desk.venue.race = Decimal("0.2")
    execution = await begun(desk, PASSIVE, rounds=20)
    assert execution.state == "unwound"
    assert open_orders(desk) == []
    assert await books(desk) == {} == venue_net(desk)


async def test_a_stop_ends_what_rests_and_takes_everything_back(desk: Desk):
    execution = await begun(desk, PASSIVE, slices=1)
    (name, *_) = open_orders(desk)
    desk.venue.trade_resting(name, Decimal("0.5"))
    async with desk.database.transaction() as session:
        await stops.stop(session, desk.user_id, NewStop(scope="user"), by="user", now=desk.clock.now())
    execution = await desk.run(execution.id)
    assert execution.state == "unwound"
    assert "stopped" in execution.reason
    assert open_orders(desk) == []
    assert await books(desk) == {} == venue_net(desk)


async def test_slices_come_one_by_one_and_between_them_the_job_is_given_back(desk: Desk):
    began = desk.clock.now()
    execution = await begun(desk, TWAP, slices=4)
    assert execution.state == "running"
    assert [r.quantity for r in desk.venue.placed if r.symbol == "BTCUSDT"] == [Decimal("0.4")]
    execution = await desk.run(execution.id)
    assert execution.state == "complete"
    assert [r.quantity for r in desk.venue.placed if r.symbol == "BTCUSDT"] == [Decimal("0.4")] * 4
    assert (desk.clock.now() - began).total_seconds() >= 30
    assert await books(desk) == WHOLE == venue_net(desk)
    assert (await sleeve_of(desk, execution)).state == "active"


async def test_a_slice_that_is_half_filled_is_made_up_for(desk: Desk):
    desk.venue.script = {"BTCUSDT": ["half"]}
    execution = await begun(desk, TWAP, rounds=40, slices=4)
    assert execution.state == "complete"
    sent = [r.quantity for r in desk.venue.placed if r.symbol == "BTCUSDT"]
    assert sent[0] == Decimal("0.4")
    assert len(sent) <= 5
    assert await books(desk) == WHOLE == venue_net(desk)


async def test_a_stop_between_slices_takes_everything_back_at_once(desk: Desk):
    execution = await begun(desk, TWAP, slices=4)
    async with desk.database.transaction() as session:
        await stops.stop(session, desk.user_id, NewStop(scope="user"), by="user", now=desk.clock.now())
    execution = await desk.run(execution.id)
    assert execution.state == "unwound"
    assert len([r for r in desk.venue.placed if not r.client_id.split("-")[-1].startswith("u")]) == 3
    assert await books(desk) == {} == venue_net(desk)


@pytest.mark.parametrize("kill_after", [False, True])
@pytest.mark.parametrize("tactic", [PASSIVE, TWAP])
async def test_killed_anywhere_it_goes_on_from_its_rows(desk: Desk, tactic: TacticView, kill_after: bool):
    for crash_point in range(3, 60, 4):
        desk.venue.race = Decimal("0.1")
        desk.venue.calls, desk.venue.kill_at, desk.venue.kill_after = 0, crash_point, kill_after
        execution_id = await desk.confirm(await desk.plan(tactic=tactic, slices=2))
        try:
            execution = await desk.run(execution_id, rounds=60)
        except Killed:
            desk.venue.kill_at = -1
            await desk.clock.sleep(16)
            execution = await desk.run(execution_id, rounds=60)
        assert execution.state == "complete", execution.reason
        assert open_orders(desk) == []
        assert await books(desk) == venue_net(desk)
        mine = [o for o in await orders(desk) if o.execution_id == execution_id]
        for symbol, _, quantity in LEGS:
            assert sum(o.filled_quantity for o in mine if o.symbol == symbol) == Decimal(quantity)


async def stop_all(desk: Desk) -> None:
    async with desk.database.transaction() as session:
        await stops.stop(session, desk.user_id, NewStop(scope="user"), by="user", now=desk.clock.now())


async def slow_change(desk: Desk, kind: str, tactic: TacticView):
    """A position whose closing, or rebalancing, has begun and takes its time."""
    first = await desk.run(await desk.confirm(await desk.plan()))
    held = WHOLE if kind == "rebalance" else None
    plan = await desk.plan(
        kind=kind, sleeve_id=first.sleeve_id, legs=opposite(), held=held, tactic=tactic, slices=4
    )
    return await desk.run(await desk.confirm(plan), rounds=1)


async def slow_rebalance(desk: Desk, tactic: TacticView):
    """The beginning of less BTC and more ETH."""
    first = await desk.run(await desk.confirm(await desk.plan()))
    legs = (("BTCUSDT", Side.SELL, "0.8"), ("ETHUSDT", Side.SELL, "0.4"))
    more = {"kind": "rebalance", "sleeve_id": first.sleeve_id, "legs": legs, "held": WHOLE}
    return await begun(desk, tactic, slices=4, **more)


@pytest.mark.parametrize(("tactic", "added"), [(PASSIVE, "0"), (TWAP, "0.1")])
async def test_a_stop_takes_back_what_a_slow_rebalance_adds_and_lets_go_on_what_reduces(
    desk: Desk, tactic: TacticView, added: str
):
    execution = await slow_rebalance(desk, tactic)
    await stop_all(desk)
    execution = await desk.run(execution.id, rounds=60)
    assert execution.state == "needs_attention"
    assert "ETHUSDT was refused" in execution.reason
    assert "stopped" in execution.reason
    assert open_orders(desk) == []
    less, more = Decimal("0.8"), Decimal("-0.8") - Decimal(added)
    assert await books(desk) == WHOLE | {"BTCUSDT": less, "ETHUSDT": more} == venue_net(desk)
    assert (await sleeve_of(desk, execution)).state == "needs_attention"


async def test_what_reduces_slowly_makes_way_when_everything_is_closed_at_once(desk: Desk):
    execution = await slow_rebalance(desk, TWAP)
    async with desk.database.transaction() as session:
        await flatten.start(session, desk.user_id, NewFlatten(scope="user"), by="you", now=desk.clock.now())
    execution = await desk.run(execution.id, rounds=3)
    assert execution.finished_at is not None
    assert "makes way" in execution.reason
    assert (await books(desk))["BTCUSDT"] == Decimal("1.2"), "the slice that was due went, no more"


@pytest.mark.parametrize("tactic", [PASSIVE, TWAP])
async def test_a_stop_does_not_keep_a_slow_closing_from_going_on(desk: Desk, tactic: TacticView):
    execution = await slow_change(desk, "close", tactic)
    await stop_all(desk)
    execution = await desk.run(execution.id, rounds=60)
    assert execution.state == "complete"
    assert await books(desk) == {} == venue_net(desk)


@pytest.mark.parametrize("tactic", [PASSIVE, TWAP])
@pytest.mark.parametrize("kind", ["close", "rebalance"])
async def test_a_flattening_does_not_wait_for_what_takes_its_time(desk: Desk, kind: str, tactic: TacticView):
    execution = await slow_change(desk, kind, tactic)
    async with desk.database.transaction() as session:
        await flatten.start(session, desk.user_id, NewFlatten(scope="user"), by="user", now=desk.clock.now())
    began = desk.clock.now()
    execution = await desk.run(execution.id)
    assert execution.state == "needs_attention"
    assert open_orders(desk) == []
    assert (desk.clock.now() - began).total_seconds() < 10


async def test_fees_in_the_bought_coin_are_booked_in_it_and_change_nothing_else(desk: Desk):
    fill = desk.venue._fill

    def in_base(name, order_id, symbol, side, quantity, price):
        fill(name, order_id, symbol, side, quantity, price)
        taken = desk.venue.fills[-1]
        desk.venue.fills[-1] = replace(taken, fee=quantity / 1000, fee_asset=symbol.removesuffix("USDT"))

    desk.venue._fill = in_base
    execution = await begun(desk, TWAP, rounds=40, slices=4)
    assert execution.state == "complete"
    assert await books(desk) == WHOLE == venue_net(desk)
    async with desk.database.sessions() as session:
        paid = await session.execute(
            select(Posting.asset, func.sum(Posting.amount))
            .where(Posting.sleeve_id == execution.sleeve_id, Posting.kind == "fee")
            .group_by(Posting.asset)
        )
        shown = await execution_view(session, execution)
    assert dict(paid.tuples().all()) == {
        symbol.removesuffix("USDT"): -abs(quantity) / 1000 for symbol, quantity in WHOLE.items()
    }
    assert shown.fees == 0


async def test_a_halt_between_slices_makes_the_rest_wait_and_is_shown(desk: Desk):
    execution = await begun(desk, TWAP, slices=4)
    halt = Halt(
        connection_id=desk.connection_id, symbol="ETHUSDT", reason="the books differ.", since=desk.clock.now()
    )
    async with desk.database.transaction() as session:
        session.add(halt)
    sent = len(desk.venue.placed)
    execution = await desk.run(execution.id, rounds=6)
    assert execution.state == "needs_attention"
    assert "ETHUSDT is halted" in execution.reason
    assert len(desk.venue.placed) == sent
    async with desk.database.transaction() as session:
        await session.execute(delete(Halt))
    execution = await desk.run(execution.id, rounds=60)
    assert execution.state == "complete"
    assert await books(desk) == WHOLE == venue_net(desk)


async def test_a_stop_is_heard_during_a_halt(desk: Desk):
    execution = await begun(desk, TWAP, slices=4)
    async with desk.database.transaction() as session:
        session.add(
            Halt(connection_id=desk.connection_id, symbol="ETHUSDT", reason="why", since=desk.clock.now())
        )
    await stop_all(desk)
    execution = await desk.run(execution.id)
    assert execution.state == "unwound"
    assert await books(desk) == {} == venue_net(desk)
