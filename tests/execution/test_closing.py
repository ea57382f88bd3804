"""What others close while we close: nothing is closed twice, nobody else's holding is touched."""

from decimal import Decimal
from itertools import pairwise

import pytest
from sqlalchemy import select, update
from tests.execution.conftest import LEGS, Desk, opposite
from tests.execution.test_executor import WHOLE, books, opened, orders, sleeve_of, venue_net
from tests.execution.test_reconcile import halts, manual, reconciled

from holdfast.core.instruments import Side
from holdfast.execution import preflight, repository
from holdfast.execution.decide import Act
from holdfast.execution.executor import Executor
from holdfast.execution.locks import connection_lock
from holdfast.execution.models import Execution
from holdfast.execution.risk import stops
from holdfast.execution.risk.schemas import NewStop
from holdfast.market.models import InstrumentRow
from holdfast.platform.tasks import RetryAt
from holdfast.portfolio.models import Alteration
from holdfast.portfolio.schemas import TacticView
from holdfast.venues.protocol import Unreachable

TWAP = TacticView(kind="twap", seconds=40, slices=4)
D = Decimal


def once(desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str, happens, *, after: bool = False) -> None:
    """Something happens at the first call of the venue's ``name``."""
    original, seen = getattr(desk.venue, name), []

    async def call(*args, **more):
        first = not seen
        seen.append(args)
        if first and not after:
            await happens()
        answer = await original(*args, **more)
        if first and after:
            await happens()
        return answer

    monkeypatch.setattr(desk.venue, name, call)


async def unwinds(desk: Desk, symbol: str) -> Decimal:
    taken = [o for o in await orders(desk) if (o.symbol, o.role) == (symbol, "unwind")]
    return sum((order.filled_quantity for order in taken), D(0))


async def altered(desk: Desk, symbol: str) -> Decimal:
    async with desk.database.sessions() as session:
        rows = await session.scalars(select(Alteration.quantity).where(Alteration.symbol == symbol))
    return sum((abs(quantity) for quantity in rows), D(0))


@pytest.mark.parametrize("own", ["0", "-5"])
@pytest.mark.parametrize(
    ("how", "closed"), [("AdlTrade", "0.8"), ("BustTrade", "0.3"), ("BustTrade", "0.8"), ("Trade", "0.3")]
)
async def test_what_was_closed_seconds_ago_is_not_taken_back_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, how: str, closed: str, own: str
):
    """The ledger has not read it yet, and on the side of the user's own holding reduce-only does not help."""
    desk.venue.manual = {"ETHUSDT": D(own)} if D(own) else {}
    await reconciled(desk)
    desk.venue.script = {"XRPUSDT": ["reject:110007"]}

    async def forced() -> None:
        await desk.clock.sleep(1)
        desk.venue.trade_by_hand("ETHUSDT", Side.BUY, closed, exec_type=how)
        await desk.clock.sleep(1)

    once(desk, monkeypatch, "book", forced)
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == "unwound", execution.reason
    assert await unwinds(desk, "ETHUSDT") == D("0.8") - await altered(desk, "ETHUSDT")
    assert await books(desk) == {}
    assert await reconciled(desk) == []
    assert venue_net(desk) == await manual(desk)


async def test_a_leg_whose_books_differ_waits_and_the_others_are_taken_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    desk.venue.script = {"XRPUSDT": ["reject:110007"]}

    async def odd() -> None:
        desk.venue.manual = {"ETHUSDT": D(5)}

    once(desk, monkeypatch, "book", odd)
    execution = await desk.run(await desk.confirm(await desk.plan()), rounds=4)
    assert execution.state == "needs_attention"
    assert "ETHUSDT: Bybit says" in execution.reason
    assert await books(desk) == {"ETHUSDT": D("-0.8")}
    assert await unwinds(desk, "BTCUSDT") == D("1.6")
    desk.venue.manual = {}
    execution = await desk.run(execution.id)
    assert execution.state == "unwound"
    assert await books(desk) == {} == venue_net(desk)


@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("how", ["BustTrade", "AdlTrade", "Trade"])
async def test_a_closing_does_not_close_what_others_have_closed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, how: str, read: bool
):
    first = await opened(desk)
    await desk.clock.sleep(1)
    desk.venue.placed.clear()
    desk.venue.script = {"BTCUSDT": ["half"]}

    async def forced() -> None:
        desk.venue.trade_by_hand("BTCUSDT", Side.SELL, "0.8", exec_type=how)
        if read:
            await reconciled(desk)

    once(desk, monkeypatch, "place", forced, after=True)
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite())
    closed = await desk.run(await desk.confirm(plan))
    assert [r.quantity for r in desk.venue.placed if r.symbol == "BTCUSDT"] == [D("1.6")]
    assert closed.state == "complete_with_residual"
    assert "BTCUSDT had been closed outside Holdfast" in closed.reason
    assert (await sleeve_of(desk, closed)).state == "closed"
    assert await books(desk) == {} == venue_net(desk) == await manual(desk)


async def test_a_closing_closes_what_is_left_when_others_took_a_part(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    first = await opened(desk)
    await desk.clock.sleep(1)
    desk.venue.placed.clear()
    desk.venue.script = {"BTCUSDT": ["half"]}

    async def forced() -> None:
        desk.venue.trade_by_hand("BTCUSDT", Side.SELL, "0.5", exec_type="BustTrade")

    once(desk, monkeypatch, "place", forced, after=True)
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite())
    closed = await desk.run(await desk.confirm(plan))
    assert [r.quantity for r in desk.venue.placed if r.symbol == "BTCUSDT"] == [D("1.6"), D("0.3")]
    assert (await sleeve_of(desk, closed)).state == "closed"
    assert await books(desk) == {} == venue_net(desk)


async def limited_at_first(desk: Desk) -> Execution:
    """A closing beside a holding of the user's own, all of whose first orders come back unsent."""
    desk.venue.manual = {"BTCUSDT": D(5)}
    first = await opened(desk)
    await desk.clock.sleep(1)
    desk.venue.placed.clear()
    desk.venue.script = {symbol: ["limited"] for symbol, _, _ in LEGS}
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite())
    return await desk.execution(await desk.confirm(plan))


async def test_what_was_closed_while_all_orders_came_back_unsent_is_not_closed_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    closing = await limited_at_first(desk)

    async def forced() -> None:
        desk.venue.trade_by_hand("BTCUSDT", Side.SELL, "3.3", exec_type="BustTrade")

    once(desk, monkeypatch, "place", forced, after=True)
    closing = await desk.run(closing.id)
    assert [r.quantity for r in desk.venue.placed if r.symbol == "BTCUSDT"] == [D("1.6"), D("0.8")]
    assert (await sleeve_of(desk, closing)).state == "closed"
    assert await books(desk) == {}
    assert await manual(desk) == {"BTCUSDT": D("2.5")} == venue_net(desk)


async def test_nothing_is_half_done_while_all_orders_came_back_unsent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    """The venue does not say how the account stands: the closing begins anew, and nobody is called."""
    closing = await limited_at_first(desk)
    positions, states = desk.venue.positions, []

    async def silent():
        monkeypatch.setattr(desk.venue, "positions", positions)
        states.append("asked")
        raise Unreachable("no route")

    async def no_answers() -> None:
        monkeypatch.setattr(desk.venue, "positions", silent)

    once(desk, monkeypatch, "place", no_answers, after=True)
    closing = await desk.run(closing.id, rounds=1)
    assert (states, closing.state) == (["asked"], "running")
    closing = await desk.run(closing.id)
    assert closing.state == "complete"
    assert await books(desk) == {}


async def test_a_resting_closing_larger_than_what_is_left_is_ended(desk: Desk):
    first = await opened(desk)
    desk.venue.placed.clear()
    passive = TacticView(kind="passive", seconds=30)
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite(), tactic=passive)
    execution = await desk.run(await desk.confirm(plan), rounds=1)
    desk.venue.trade_by_hand("BTCUSDT", Side.SELL, "1.6", exec_type="BustTrade")
    await reconciled(desk)
    closed = await desk.run(execution.id, rounds=40)
    assert len([r for r in desk.venue.placed if r.symbol == "BTCUSDT"]) == 1
    assert any("BTCUSDT" in o.symbol and o.client_id in desk.venue.cancelled for o in await orders(desk))
    assert (await sleeve_of(desk, closed)).state == "closed"
    assert await books(desk) == {} == venue_net(desk)


async def test_reduce_only_is_judged_again_when_other_positions_have_moved(desk: Desk):
    first = await opened(desk)
    desk.venue.placed.clear()
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite(), tactic=TWAP, slices=4)
    closing = await desk.run(await desk.confirm(plan), rounds=1)
    other = await desk.run(await desk.confirm(await desk.plan(legs=(("BTCUSDT", Side.SELL, "1.0"),))))
    assert other.state == "complete"
    desk.venue.placed.clear()
    closing = await desk.run(closing.id)
    assert closing.state == "complete"
    sold = [(r.quantity, r.reduce_only) for r in desk.venue.placed if r.symbol == "BTCUSDT"]
    assert sold == [(D("0.4"), False)] * 3
    assert await books(desk) == {"BTCUSDT": D(-1)} == venue_net(desk)


async def test_prices_give_way_only_when_the_market_did_not_take_an_order(desk: Desk):
    async with desk.database.transaction() as session:
        await session.execute(update(InstrumentRow).values(max_limit_quantity=D("0.5")))
    desk.venue.script = {"XRPUSDT": ["none"] * 5}
    execution = await opened(desk)
    assert execution.state == "unwound"
    taken = [o.limit_price for o in await orders(desk) if (o.symbol, o.role) == ("BTCUSDT", "unwind")]
    assert len(taken) == 4
    assert len(set(taken)) == 1


async def test_nothing_is_sent_once_somebody_else_has_the_connections_lock(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    """Cut off from PostgreSQL the lock is gone, while the lease of the job lives on."""
    execution_id = await desk.confirm(await desk.plan())
    check = preflight.check

    async def slow(*args):
        said = await check(*args)
        async with connection_lock(desk.database, desk.connection_id) as number:
            assert number
        return said

    monkeypatch.setattr(preflight, "check", slow)
    async with connection_lock(desk.database, desk.connection_id) as number:
        pass
    with pytest.raises(RetryAt, match="taken the connection's lock"):
        await Executor(desk.work, execution_id, lock=number, pause=desk.clock.sleep).run()
    assert desk.venue.placed == []
    assert {order.state for order in await orders(desk)} == {"planned"}


async def test_books_are_not_said_to_differ_while_fills_are_awaited(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    """The venue tells the order's end before its trades."""

    async def none(*_: object):
        return []

    execution_id = await desk.confirm(await desk.plan())
    with monkeypatch.context() as patch:
        patch.setattr(desk.venue, "fills_of", none)
        patch.setattr(desk.venue, "fills_since", none)
        await desk.run(execution_id, rounds=2)
        assert await reconciled(desk) == []
        assert await halts(desk) == {}
    assert (await desk.run(execution_id)).state == "complete"
    assert await books(desk) == WHOLE


async def test_an_order_that_may_have_been_sent_is_cancelled_when_the_gate_forbids_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    desk.venue.script = {"XRPUSDT": ["lost_request"]}

    async def stopped() -> None:
        async with desk.database.transaction() as session:
            await stops.stop(session, desk.user_id, NewStop(scope="user"), by="you", now=desk.clock.now())

    once(desk, monkeypatch, "place", stopped, after=True)
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == "unwound"
    (forbidden,) = [o for o in await orders(desk) if o.symbol == "XRPUSDT"]
    assert forbidden.state == "rejected"
    assert forbidden.client_id in desk.venue.cancelled


async def begun_closing(desk: Desk):
    """Half of BTCUSDT is closed; then its books and the account's differ for good."""
    first = await opened(desk)
    desk.venue.script = {"BTCUSDT": ["half"]}

    async def odd() -> None:
        desk.venue.manual = {"BTCUSDT": D(5)}

    place, seen = desk.venue.place, []

    async def then_odd(requests):
        answers = await place(requests)
        if not seen:
            seen.append(True)
            await odd()
        return answers

    desk.venue.place = then_odd  # type: ignore[method-assign]
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite())
    return await desk.run(await desk.confirm(plan), rounds=2)


async def test_a_closing_whose_books_differ_for_good_ends_and_says_so(desk: Desk):
    execution = await begun_closing(desk)
    begun = desk.clock.now()
    assert execution.finished_at is None
    for _ in range(40):
        execution = await desk.run(execution.id, rounds=1)
        if execution.finished_at:
            break
    waited = (desk.clock.now() - begun).total_seconds()
    assert execution.finished_at
    assert 120 < waited < 240
    assert execution.state == "needs_attention" == (await sleeve_of(desk, execution)).state
    assert "BTCUSDT was left as it is: its books have differed from the account" in execution.reason
    assert "Bybit says the account holds" in execution.reason
    assert "closed only in part" in execution.reason
    assert set(await books(desk)) == {"BTCUSDT"}, "the others were closed"


async def test_a_closing_whose_books_agree_again_in_time_is_carried_through(desk: Desk):
    execution = await begun_closing(desk)
    await desk.run(execution.id, rounds=5)
    desk.venue.manual = {}
    closed = await desk.run(execution.id)
    assert (closed.state, await books(desk)) == ("complete", {})


async def test_the_time_that_books_differ_for_counts_while_nobody_looks(desk: Desk):
    execution = await begun_closing(desk)
    await desk.clock.sleep(181)
    execution = await desk.run(execution.id, rounds=2)
    assert execution.finished_at
    assert "closed only in part" in execution.reason


async def test_books_that_differ_are_looked_at_less_and_less_often(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    looks = []
    execution = await begun_closing(desk)
    positions = desk.venue.positions

    async def looked():
        looks.append(desk.clock.now())
        return await positions()

    monkeypatch.setattr(desk.venue, "positions", looked)
    await desk.run(execution.id)
    rounds = [looks[0]] + [b for a, b in pairwise(looks) if (b - a).total_seconds() > 4]
    gaps = [(b - a).total_seconds() for a, b in pairwise(rounds)]
    assert len(rounds) <= 12
    assert max(gaps) >= 29


async def test_taking_back_where_books_differ_for_good_ends_after_five_minutes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    desk.venue.script = {"XRPUSDT": ["reject:110007"]}

    async def odd() -> None:
        desk.venue.manual = {"ETHUSDT": D(5)}

    once(desk, monkeypatch, "book", odd)
    begun = desk.clock.now()
    execution = await desk.run(await desk.confirm(await desk.plan()), rounds=60)
    assert execution.finished_at
    assert 300 < (execution.finished_at - begun).total_seconds() < 400
    assert execution.state == "needs_attention" == (await sleeve_of(desk, execution)).state
    assert "ETHUSDT was left as it is" in execution.reason
    assert "Bybit says the account holds" in execution.reason
    assert await books(desk) == {"ETHUSDT": D("-0.8")}, "the others were taken back"


async def test_a_fill_told_while_it_is_decided_cancels_no_good_resting_closing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    """The account stream books it between the reading of the orders and that of the ledger."""
    first = await opened(desk)
    passive = TacticView(kind="passive", seconds=60)
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite(), tactic=passive)
    execution = await desk.run(await desk.confirm(plan), rounds=1)
    (resting,) = [o for o in await orders(desk) if (o.symbol, o.role) == ("BTCUSDT", "close")]
    assert resting.state == "accepted"
    decide, orders_of, armed, decided = Executor._decide, repository.orders_of, [], []

    async def then_filled(session, execution_id):
        rows = await orders_of(session, execution_id)
        if armed:
            armed.clear()
            desk.venue.fill_late(resting.client_id, D("0.5"))
            await reconciled(desk)
        return rows

    async def watched(self: Executor):
        if not decided:
            armed.append(True)
        decided.append(await decide(self))
        return decided[-1]

    monkeypatch.setattr(repository, "orders_of", then_filled)
    monkeypatch.setattr(Executor, "_decide", watched)
    await desk.run(execution.id, rounds=1)
    assert not armed
    assert decided[0][0].act is Act.WAIT
