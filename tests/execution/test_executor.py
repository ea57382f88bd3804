"""The executor at a venue that loses, refuses and half-fills: the books always equal the venue's."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select
from tests.execution.conftest import LEGS, Desk, opposite, quote_of
from tests.execution.scripted_venue import Killed

from holdfast.core.errors import Conflict, Unavailable
from holdfast.core.instruments import Side
from holdfast.execution.models import Order, OrderEvent
from holdfast.execution.risk import gate
from holdfast.execution.service import MarketMoved
from holdfast.portfolio.booking import holdings
from holdfast.portfolio.models import Fill, Posting, Sleeve

WHOLE = {symbol: side.sign * Decimal(quantity) for symbol, side, quantity in LEGS}


async def books(desk: Desk) -> dict[str, Decimal]:
    async with desk.database.sessions() as session:
        held = await holdings(session, desk.connection_id)
    total: dict[str, Decimal] = {}
    for (sleeve, symbol), quantity in held.items():
        if sleeve is not None:
            total[symbol] = total.get(symbol, Decimal(0)) + quantity
    return {symbol: quantity for symbol, quantity in total.items() if quantity}


async def sleeve_of(desk: Desk, execution) -> Sleeve:
    async with desk.database.sessions() as session:
        return await session.get_one(Sleeve, execution.sleeve_id)


async def orders(desk: Desk) -> list[Order]:
    async with desk.database.sessions() as session:
        return list(await session.scalars(select(Order).order_by(Order.leg, Order.attempt)))


def venue_net(desk: Desk) -> dict[str, Decimal]:
    nets = {symbol: desk.venue.net(symbol) for symbol, _, _ in LEGS}
    return {symbol: quantity for symbol, quantity in nets.items() if quantity}


async def opened(desk: Desk):
    return await desk.run(await desk.confirm(await desk.plan()))


async def test_every_leg_filled_is_complete(desk: Desk):
    execution = await opened(desk)
    assert execution.state == "complete"
    assert await books(desk) == WHOLE == venue_net(desk)
    assert (await sleeve_of(desk, execution)).state == "active"


async def test_a_previewed_residual_is_said(desk: Desk):
    execution = await desk.run(await desk.confirm(await desk.plan(skip=True)))
    assert execution.state == "complete_with_residual"
    assert set(await books(desk)) == {"BTCUSDT", "ETHUSDT"}


async def test_the_row_is_committed_before_the_venue_hears_of_it(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    seen: list[set[str]] = []
    place = desk.venue.place

    async def looking(requests):
        seen.append({order.client_id for order in await orders(desk) if order.state == "sent"})
        assert {request.client_id for request in requests} <= seen[-1]
        return await place(requests)

    monkeypatch.setattr(desk.venue, "place", looking)
    await opened(desk)
    assert len(seen) == 1


async def test_a_lost_answer_is_asked_for_and_never_sent_again(desk: Desk):
    desk.venue.script = {symbol: ["lost_answer"] for symbol, _, _ in LEGS}
    execution = await opened(desk)
    assert execution.state == "complete"
    assert len(desk.venue.placed) == len(LEGS)
    assert await books(desk) == WHOLE == venue_net(desk)


async def test_a_lost_request_is_sent_again_under_the_same_id_once_the_venue_does_not_know_it(desk: Desk):
    desk.venue.script = {"ETHUSDT": ["lost_request"]}
    execution = await opened(desk)
    assert execution.state == "complete"
    twice = [request.client_id for request in desk.venue.placed if request.symbol == "ETHUSDT"]
    assert len(twice) == 2
    assert len(set(twice)) == 1
    assert await books(desk) == WHOLE == venue_net(desk)


async def test_unknown_stays_unknown_while_the_venue_is_silent_and_is_resolved_when_it_speaks(desk: Desk):
    execution_id = await desk.confirm(await desk.plan())
    desk.venue.script = {"XRPUSDT": ["lost_answer"]}
    desk.venue.down_after_placing = True
    execution = await desk.run(execution_id, rounds=3)
    assert execution.state == "needs_attention"
    assert "XRPUSDT" in execution.reason
    assert [o.state for o in await orders(desk) if o.symbol == "XRPUSDT"] == ["unknown"]
    assert (await sleeve_of(desk, execution)).state == "needs_attention"
    desk.venue.down = False
    execution = await desk.run(execution_id)
    assert execution.state == "complete"
    assert (await sleeve_of(desk, execution)).state == "active"
    assert await books(desk) == WHOLE == venue_net(desk)


async def test_a_denial_is_as_old_as_its_question(desk: Desk):
    """ETHUSDT is denied at once, before the venue tells it; XRPUSDT's answer, which is waited for, takes
    longer than a request may be on its way."""
    execution_id = await desk.confirm(await desk.plan())
    desk.venue.script = {"ETHUSDT": ["lost_answer"], "XRPUSDT": ["lost_answer"]}
    find, asked = desk.venue.find_order, []

    async def late(symbol: str, name: str):
        asked.append(symbol)
        if asked.count(symbol) > 1 or symbol not in desk.venue.script:
            return await find(symbol, name)
        if symbol == "ETHUSDT":
            return None
        await desk.clock.sleep(8)
        return await find(symbol, name)

    desk.venue.find_order = late  # type: ignore[method-assign]
    assert (await desk.run(execution_id)).state == "complete"
    assert {"ETHUSDT", "XRPUSDT"} <= set(asked)
    assert [request.symbol for request in desk.venue.placed].count("ETHUSDT") == 1
    assert await books(desk) == WHOLE == venue_net(desk)


async def test_a_refused_leg_takes_everything_back(desk: Desk):
    desk.venue.script = {"XRPUSDT": ["reject:110007"]}
    execution = await opened(desk)
    assert execution.state == "unwound"
    assert "XRPUSDT was refused" in execution.reason
    assert await books(desk) == {} == venue_net(desk)
    assert (await sleeve_of(desk, execution)).state == "unwound"


async def test_a_leg_nobody_sells_is_tried_again_then_everything_is_taken_back(desk: Desk):
    desk.venue.script = {"ETHUSDT": ["none"] * 9}
    execution = await opened(desk)
    assert execution.state == "unwound"
    assert len([r for r in desk.venue.placed if r.symbol == "ETHUSDT"]) == 5
    assert venue_net(desk) == {}


async def test_a_half_filled_leg_is_completed_with_what_is_missing(desk: Desk):
    desk.venue.script = {"BTCUSDT": ["half", "fill"]}
    execution = await opened(desk)
    assert execution.state == "complete"
    assert [r.quantity for r in desk.venue.placed if r.symbol == "BTCUSDT"] == [
        Decimal("1.6"),
        Decimal("0.8"),
    ]
    assert await books(desk) == WHOLE


async def test_a_rate_limit_delays_and_nothing_else(desk: Desk):
    desk.venue.script = {"ETHUSDT": ["limited", "limited"]}
    execution = await opened(desk)
    assert execution.state == "complete"
    assert await books(desk) == WHOLE == venue_net(desk)


async def test_too_little_money_trades_nothing(desk: Desk):
    desk.venue.available = Decimal(100)
    execution = await opened(desk)
    assert execution.state == "unwound"
    assert "100 USDT available" in execution.reason
    assert desk.venue.placed == []
    assert {order.state for order in await orders(desk)} == {"cancelled"}


async def test_a_plan_that_could_not_start_in_time_is_not_started(desk: Desk):
    execution_id = await desk.confirm(await desk.plan())
    await desk.clock.sleep(120)
    execution = await desk.run(execution_id)
    assert execution.state == "unwound"
    assert desk.venue.placed == []


@pytest.mark.parametrize("kind", ["open", "rebalance", "close"])
async def test_a_plan_whose_last_look_took_too_long_is_not_started_unless_it_closes(desk: Desk, kind: str):
    first = await opened(desk) if kind != "open" else None
    legs = {"rebalance": (("BTCUSDT", Side.BUY, "0.6"),), "close": opposite()}.get(kind, LEGS)
    plan = await desk.plan(
        kind=kind,
        sleeve_id=first.sleeve_id if first else None,
        legs=legs,
        held=WHOLE if kind == "rebalance" else None,
    )
    execution_id, sent = await desk.confirm(plan), len(desk.venue.placed)
    balance = desk.venue.balance

    async def slow():
        desk.venue.balance = balance  # type: ignore[method-assign]
        desk.clock.moment += timedelta(seconds=61)
        for symbol, _, _ in LEGS:
            gate.quotes_of(desk.work).put(replace(quote_of(symbol), at=desk.clock.now()))
        return await balance()

    desk.venue.balance = slow  # type: ignore[method-assign]
    execution = await desk.run(execution_id)
    if kind == "close":
        assert execution.state == "complete"
        return
    assert "could not be started within a minute" in execution.reason
    assert len(desk.venue.placed) == sent


async def test_closing_reverses_exactly_what_the_sleeve_opened(desk: Desk):
    desk.venue.manual = {"BTCUSDT": Decimal(7)}
    first = await opened(desk)
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite())
    execution = await desk.run(await desk.confirm(plan))
    assert execution.state == "complete"
    assert await books(desk) == {}
    assert venue_net(desk) == {"BTCUSDT": Decimal(7)}
    assert (await sleeve_of(desk, execution)).state == "closed"


async def test_closing_is_reduce_only_where_it_reduces_the_account(desk: Desk):
    first = await opened(desk)
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite())
    await desk.run(await desk.confirm(plan))
    closing = [request for request in desk.venue.placed if request.client_id.split("-")[-1].startswith("c")]
    assert [request.reduce_only for request in closing] == [True] * 3


async def test_a_leg_closed_by_hand_after_the_preview_stops_the_close(desk: Desk):
    first = await opened(desk)
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite())
    desk.venue.trade_by_hand("BTCUSDT", Side.SELL, "1.6")
    execution = await desk.run(await desk.confirm(plan))
    assert execution.state == "unwound"
    assert "BTCUSDT was changed outside Holdfast" in execution.reason
    assert venue_net(desk) == {"ETHUSDT": Decimal("-0.8"), "XRPUSDT": Decimal("-0.4")}
    assert (await sleeve_of(desk, execution)).state == "active"


async def test_a_closing_the_market_does_not_take_is_shown_not_hidden(desk: Desk):
    first = await opened(desk)
    desk.venue.script = {"ETHUSDT": ["none"] * 9}
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite())
    execution = await desk.run(await desk.confirm(plan))
    assert execution.state == "needs_attention"
    assert "only in part" in execution.reason
    assert await books(desk) == {"ETHUSDT": Decimal("-0.8")} == venue_net(desk)


async def test_a_plan_is_carried_out_once(desk: Desk):
    plan = await desk.plan()
    await desk.confirm(plan)
    with pytest.raises(Conflict):
        await desk.confirm(plan)


async def test_a_market_that_moved_asks_for_a_new_preview(desk: Desk):
    dear = ((symbol, side, "1.0") for symbol, side, _ in LEGS)
    plan = await desk.plan(legs=tuple(dear))
    plan.body["legs"][0]["limit_price"] = "99"
    async with desk.database.transaction() as session:
        await session.merge(plan)
    with pytest.raises(MarketMoved, match="BTCUSDT"):
        await desk.confirm(plan)


async def test_without_a_live_price_a_preview_waits_to_be_confirmed_again(desk: Desk):
    plan = await desk.plan()
    with pytest.raises(Unavailable, match="no live price of BTCUSDT, ETHUSDT, XRPUSDT"):
        await desk.confirm(plan, quote_of=lambda _: None)
    await desk.confirm(plan)


@pytest.mark.parametrize("kill_after", [False, True])
@pytest.mark.parametrize("story", ["fills", "lost", "refused"])
async def test_killed_at_every_call_of_the_venue_it_comes_to_the_same_end(
    desk: Desk, story: str, kill_after: bool
):
    """Every crash point between us and the venue, before and after its effect: no order twice, none lost."""
    script = {"fills": {}, "lost": {"ETHUSDT": ["lost_answer"]}, "refused": {"XRPUSDT": ["reject:110007"]}}[
        story
    ]
    for crash_point in range(60):
        desk.venue.script = {symbol: list(words) for symbol, words in script.items()}
        desk.venue.calls, desk.venue.kill_at, desk.venue.kill_after = 0, crash_point, kill_after
        execution_id = await desk.confirm(await desk.plan())
        try:
            await desk.run(execution_id)
        except Killed:
            desk.venue.kill_at = -1
            await desk.clock.sleep(16)
            execution = await desk.run(execution_id)
        else:
            assert crash_point > 5
            break
        assert execution.state in ("complete", "unwound")
        await _check(desk)
    else:
        raise AssertionError("the run never got through: more crash points than expected")


async def _check(desk: Desk) -> None:
    assert await books(desk) == venue_net(desk)
    async with desk.database.sessions() as session:
        booked = await session.scalar(select(func.count()).select_from(Fill))
        fees = await session.scalar(select(func.sum(Posting.amount)).where(Posting.kind == "fee"))
        impossible = await session.scalar(
            select(func.count())
            .select_from(OrderEvent)
            .where(OrderEvent.from_state == "filled", OrderEvent.to_state != "filled")
        )
    assert booked == len(desk.venue.fills)
    assert -(fees or 0) == sum(fill.fee for fill in desk.venue.fills)
    assert impossible == 0
