"""Flattening closes what positions own, says what it could not, and never touches what is the user's own."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import delete, select, text, update
from tests.execution.conftest import LEGS, NOW, Desk, instrument_row, opposite
from tests.execution.scripted_venue import Killed

from holdfast.accounts.models import Connection, User
from holdfast.core.errors import NotFound
from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus, Side
from holdfast.execution import repository
from holdfast.execution.models import Execution, Order
from holdfast.execution.risk import flatten, stops
from holdfast.execution.risk.models import FlattenPosition
from holdfast.execution.risk.schemas import FlattenView, NewFlatten
from holdfast.execution.risk.stops import Stopped
from holdfast.market.models import InstrumentRow
from holdfast.platform.models import Job
from holdfast.platform.tasks import RetryAt
from holdfast.portfolio.booking import holdings
from holdfast.portfolio.models import Halt, Plan, Sleeve
from holdfast.venues.protocol import KeyRefused

D = Decimal
SYMBOLS = [symbol for symbol, _, _ in LEGS]


@dataclass
class Hand:
    """Whoever presses the switch, and the worker that hears of it."""

    desk: Desk

    async def press(self, position_id: UUID | None = None, user_id: UUID | None = None) -> FlattenView:
        wanted = NewFlatten(scope="position" if position_id else "user", position_id=position_id)
        async with self.desk.database.transaction() as session:
            return await flatten.start(
                session, user_id or self.desk.user_id, wanted, by="you", now=self.desk.clock.now()
            )

    async def look(self, flatten_id: UUID) -> FlattenView:
        async with self.desk.database.sessions() as session:
            return await flatten.users_flatten(session, self.desk.user_id, flatten_id)

    async def work(self, flatten_id: UUID, rounds: int = 60) -> FlattenView:
        """What workers do: the flattening's own rounds and the executions it starts, side by side."""
        for _ in range(rounds):
            if await self.round(flatten_id):
                break
        return await self.look(flatten_id)

    async def round(self, flatten_id: UUID) -> bool:
        desk = self.desk
        lease = replace(desk.work.lease, kind=flatten.JOB, subject=str(flatten_id))
        try:
            await flatten.run(replace(desk.work, lease=lease))
        except RetryAt as later:
            await desk.clock.sleep(later.seconds)
        else:
            return True
        async with desk.database.sessions() as session:
            ids = list(await session.scalars(select(Execution.id).where(Execution.finished_at.is_(None))))
        for execution_id in ids:
            await desk.run(execution_id, rounds=1)
        return False


@pytest.fixture
def hand(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Hand:
    async def door(*_: object):
        return desk.venue

    async def instrument(symbol: str) -> Instrument:
        row = instrument_row(symbol)
        return Instrument(
            symbol=symbol,
            kind=InstrumentKind.LINEAR,
            base=row.base,
            quote=row.quote,
            tick=row.tick,
            lot=row.lot,
            min_quantity=row.min_quantity,
            min_notional=row.min_notional,
            max_market_quantity=row.max_market_quantity,
            max_limit_quantity=row.max_limit_quantity,
            status=InstrumentStatus.TRADING,
        )

    monkeypatch.setattr(flatten, "open_door", door)
    desk.venue.instrument = instrument  # type: ignore[attr-defined]
    return Hand(desk)


async def opened(desk: Desk):
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == "complete"
    return execution


async def sleeves(desk: Desk) -> dict[UUID, str]:
    async with desk.database.sessions() as session:
        return {sleeve.id: sleeve.state for sleeve in await session.scalars(select(Sleeve))}


async def owned(desk: Desk) -> dict[str, Decimal]:
    async with desk.database.sessions() as session:
        held = await holdings(session, desk.connection_id)
    return {symbol: quantity for (sleeve, symbol), quantity in held.items() if sleeve}


def nets(desk: Desk) -> dict[str, Decimal]:
    return {symbol: desk.venue.net(symbol) for symbol in SYMBOLS if desk.venue.net(symbol)}


async def test_everything_is_closed_and_nothing_new_is_opened(hand: Hand):
    desk = hand.desk
    first, second = await opened(desk), await opened(desk)
    begun = await hand.press()
    assert begun.state == "running"
    ended = await hand.work(begun.id)
    assert ended.state == "done"
    assert {one.position_id for one in ended.positions} == {first.sleeve_id, second.sleeve_id}
    assert all(one.execution_id and one.text for one in ended.positions)
    assert nets(desk) == {} == await owned(desk)
    assert set((await sleeves(desk)).values()) == {"closed"}
    with pytest.raises(Stopped):
        await desk.confirm(await desk.plan())


async def test_a_leg_larger_than_one_order_may_be_is_closed_in_parts(hand: Hand):
    desk = hand.desk
    await opened(desk)
    desk.venue.placed.clear()
    async with desk.database.transaction() as session:
        await session.execute(update(InstrumentRow).values(max_limit_quantity=D("0.5")))
    assert (await hand.work((await hand.press()).id)).state == "done"
    assert nets(desk) == {} == await owned(desk)
    assert max(request.quantity for request in desk.venue.placed) == D("0.5")


async def test_one_position_alone(hand: Hand):
    desk = hand.desk
    first, second = await opened(desk), await opened(desk)
    ended = await hand.work((await hand.press(first.sleeve_id)).id)
    assert ended.state == "done"
    assert await sleeves(desk) == {first.sleeve_id: "closed", second.sleeve_id: "active"}
    assert nets(desk) == {symbol: side.sign * D(quantity) for symbol, side, quantity in LEGS}
    assert (await desk.run(await desk.confirm(await desk.plan()))).state == "complete", "others trade on"


async def test_what_the_user_holds_beside_is_never_touched(hand: Hand):
    desk = hand.desk
    await opened(desk)
    desk.venue.trade_by_hand("BTCUSDT", Side.BUY, "3")
    desk.venue.trade_by_hand("ETHUSDT", Side.BUY, "2")
    ended = await hand.work((await hand.press()).id)
    assert ended.state == "done"
    assert nets(desk)["BTCUSDT"] == 3
    assert await owned(desk) == {}
    manual = nets(desk)
    again = await hand.work((await hand.press()).id)
    assert again.state == "done"
    assert nets(desk) == manual


async def test_asking_twice_does_nothing_twice(hand: Hand):
    desk = hand.desk
    await opened(desk)
    first, second = await hand.press(), await hand.press()
    assert first.id == second.id
    await hand.work(first.id)
    placed = len(desk.venue.placed)
    assert await hand.round(first.id), "a round after the end does nothing"
    after = await hand.press()
    assert after.id != first.id
    assert (await hand.work(after.id)).state == "done"
    assert len(desk.venue.placed) == placed
    async with desk.database.sessions() as session:
        assert len(list(await session.scalars(select(Job).where(Job.kind == flatten.JOB)))) >= 1


async def test_a_closing_that_takes_its_time_makes_way_for_a_quick_one(hand: Hand):
    """In slices over an hour, confirmed by the user; then the switch."""
    desk = hand.desk
    execution = await opened(desk)
    plan = await desk.plan(kind="close", sleeve_id=execution.sleeve_id, legs=opposite())
    async with desk.database.transaction() as session:
        row = await session.get_one(Plan, plan.id)
        legs = [{**leg, "slices": 4} for leg in row.body["legs"]]
        tactic = {"kind": "twap", "seconds": 3600, "slices": 4, "note": ""}
        row.body = {**row.body, "legs": legs, "tactic": tactic}
    closing_id = await desk.confirm(plan)
    await desk.run(closing_id, rounds=1)
    assert (await desk.execution(closing_id)).finished_at is None
    before = desk.clock.now()
    ended = await hand.work((await hand.press()).id, rounds=100)
    assert ended.state == "done"
    assert "makes way" in (await desk.execution(closing_id)).reason
    assert (desk.clock.now() - before).total_seconds() < 180
    assert nets(desk) == {} == await owned(desk)


async def test_an_opening_under_way_is_taken_back_first(hand: Hand):
    desk = hand.desk
    desk.venue.script = {"XRPUSDT": ["half"]}
    execution_id = await desk.confirm(await desk.plan())
    place = desk.venue.place
    begun: list[FlattenView] = []

    async def then_press(requests):
        answers = await place(requests)
        if not begun:
            begun.append(await hand.press())
        return answers

    desk.venue.place = then_press  # type: ignore[method-assign]
    await desk.run(execution_id, rounds=1)
    ended = await hand.work(begun[0].id)
    assert ended.state == "done"
    assert (await desk.execution(execution_id)).state == "unwound"
    assert nets(desk) == {} == await owned(desk)


async def test_a_halted_leg_is_left_and_named_and_the_rest_is_closed(hand: Hand):
    """The venue holds something in ETHUSDT that nobody told of: its books differ, so it halts."""
    desk = hand.desk
    execution = await opened(desk)
    desk.venue.manual["ETHUSDT"] = D("0.3")
    async with desk.database.transaction() as session:
        session.add(
            Halt(connection_id=desk.connection_id, symbol="ETHUSDT", reason="Books differ.", since=NOW)
        )
    ended = await hand.work((await hand.press()).id, rounds=200)
    assert ended.state == "partly"
    (position,) = ended.positions
    assert "ETHUSDT cannot be closed: trading is halted." in position.text
    assert set(nets(desk)) == {"ETHUSDT"}
    assert await owned(desk) == {"ETHUSDT": D("-0.8")}, "it is not let go of with the remainders"
    assert await sleeves(desk) == {execution.sleeve_id: "needs_attention"}
    desk.venue.manual.clear()
    await _heal(desk)
    assert (await hand.work((await hand.press()).id)).state == "done"
    assert nets(desk) == {} == await owned(desk)


async def test_a_closing_under_way_whose_books_never_agree_ends_partly_and_the_stop_can_be_lifted(hand: Hand):
    """It is half done when something happens at the venue that nobody ever tells of."""
    desk = hand.desk
    execution = await opened(desk)
    desk.venue.script = {"ETHUSDT": ["half"]}
    place = desk.venue.place

    async def then_odd(requests):
        answers = await place(requests)
        desk.venue.manual = {"ETHUSDT": D("0.3")}
        return answers

    desk.venue.place = then_odd  # type: ignore[method-assign]
    plan = await desk.plan(kind="close", sleeve_id=execution.sleeve_id, legs=opposite())
    await desk.run(await desk.confirm(plan), rounds=1)
    begun = await hand.press()
    at = desk.clock.now()
    ended = await hand.work(begun.id, rounds=600)
    assert ended.state == "partly"
    assert desk.clock.now() - at < timedelta(minutes=6)
    (position,) = ended.positions
    assert "ETHUSDT cannot be closed" in position.text
    assert "Bybit says the account holds" in position.text
    assert await sleeves(desk) == {execution.sleeve_id: "needs_attention"}
    assert set(await owned(desk)) == {"ETHUSDT"}
    async with desk.database.transaction() as session:
        await stops.lift(session, desk.user_id, begun.stop_id, by="you", now=desk.clock.now())
    async with desk.database.sessions() as session:
        assert await stops.in_force(session, desk.user_id) == []


async def test_a_halt_that_is_lifted_within_a_minute_leaves_nothing(hand: Hand):
    desk = hand.desk
    await opened(desk)
    desk.venue.manual["ETHUSDT"] = D("0.3")
    async with desk.database.transaction() as session:
        session.add(
            Halt(connection_id=desk.connection_id, symbol="ETHUSDT", reason="Books differ.", since=NOW)
        )
    begun = await hand.press()
    until = desk.clock.now() + timedelta(seconds=62)
    while desk.clock.now() < until:
        assert not await hand.round(begun.id)
    (position,) = (await hand.look(begun.id)).positions
    assert "ETHUSDT cannot be closed" in position.text
    assert set(nets(desk)) == {"ETHUSDT"}
    desk.venue.manual.clear()
    await _heal(desk)
    assert (await hand.work(begun.id)).state == "done"
    assert nets(desk) == {} == await owned(desk)


async def test_a_connection_that_works_again_within_a_minute_is_closed_in(hand: Hand):
    desk = hand.desk
    await opened(desk)

    async def is_(state: str) -> None:
        async with desk.database.transaction() as session:
            connection = await session.get_one(Connection, desk.connection_id)
            connection.state, connection.state_reason = state, "The key was refused."

    await is_("failing")
    begun = await hand.press()
    until = desk.clock.now() + timedelta(seconds=62)
    while desk.clock.now() < until:
        assert not await hand.round(begun.id)
    (position,) = (await hand.look(begun.id)).positions
    assert (position.state, position.execution_id) == ("waiting", None)
    assert "cannot trade at the moment: The key was refused." in position.text
    await is_("active")
    assert (await hand.work(begun.id)).state == "done"
    assert nets(desk) == {}


async def _heal(desk: Desk) -> None:
    async with desk.database.transaction() as session:
        await session.execute(delete(Halt))


async def test_while_the_venue_is_silent_it_waits_and_then_goes_on(hand: Hand):
    desk = hand.desk
    await opened(desk)
    begun = await hand.press()
    desk.venue.down = True
    waiting = await hand.work(begun.id, rounds=5)
    assert waiting.state == "running"
    assert "Bybit does not answer" in waiting.positions[0].text
    desk.venue.down = False
    assert (await hand.work(begun.id)).state == "done"
    assert nets(desk) == {}


async def test_a_market_that_takes_nothing_ends_partly_with_the_reason(hand: Hand):
    desk = hand.desk
    await opened(desk)
    begun = await hand.press()
    desk.venue.script = {"ETHUSDT": ["none"] * 200}
    ended = await hand.work(begun.id, rounds=200)
    assert ended.state == "partly"
    assert "ETHUSDT" in ended.positions[0].text
    assert nets(desk).keys() == {"ETHUSDT"}
    limits = [r.limit_price for r in desk.venue.placed if r.symbol == "ETHUSDT" and r.side is Side.BUY]
    assert max(limits) > limits[0], "every attempt gives way a little more"
    desk.venue.script = {}
    assert (await hand.work((await hand.press()).id)).state == "done"
    assert nets(desk) == {}


async def test_a_refused_key_ends_partly(hand: Hand, monkeypatch: pytest.MonkeyPatch):
    desk = hand.desk
    await opened(desk)

    async def refused(*_: object):
        raise KeyRefused("API key is invalid.", code="10003")

    monkeypatch.setattr(flatten, "open_door", refused)
    ended = await hand.work((await hand.press()).id)
    assert ended.state == "partly"
    assert "does not accept this connection's key" in ended.positions[0].text
    assert nets(desk).keys() == set(SYMBOLS)


@pytest.mark.parametrize("after", [False, True])
async def test_killed_at_every_question_to_the_venue_it_still_ends_flat(hand: Hand, after: bool):
    desk = hand.desk
    await opened(desk)
    begun = await hand.press()
    desk.venue.kill_after = after
    start = desk.venue.calls
    for step in range(60):
        desk.venue.kill_at = start + step
        try:
            if (await hand.work(begun.id, rounds=20)).state != "running":
                break
        except Killed:
            desk.venue.kill_at = -1
            start = desk.venue.calls - step
    desk.venue.kill_at = -1
    assert (await hand.work(begun.id)).state == "done"
    assert nets(desk) == {} == await owned(desk)
    names = [request.client_id for request in desk.venue.placed]
    assert len({*names}) <= len(names)


async def test_it_works_while_redis_is_away(hand: Hand):
    desk = hand.desk
    nowhere = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    desk.work = replace(desk.work, redis=nowhere)
    await opened(desk)
    assert (await hand.work((await hand.press()).id)).state == "done"
    assert nets(desk) == {}
    await nowhere.aclose()


async def test_anothers_position_and_flattening_are_nowhere(hand: Hand):
    desk = hand.desk
    execution = await opened(desk)
    begun = await hand.press()
    stranger = uuid4()
    async with desk.database.transaction() as session:
        session.add(User(id=stranger, is_demo=True, created_at=NOW))
    with pytest.raises(NotFound):
        await hand.press(execution.sleeve_id, stranger)
    async with desk.database.sessions() as session:
        with pytest.raises(NotFound):
            await flatten.users_flatten(session, stranger, begun.id)
    theirs = await hand.press(user_id=stranger)
    assert theirs.positions == []


async def test_two_workers_at_one_flattening_start_one_closing(hand: Hand):
    desk = hand.desk
    await opened(desk)
    begun = await hand.press()
    lease = replace(desk.work.lease, kind=flatten.JOB, subject=str(begun.id))
    rounds = (flatten.run(replace(desk.work, lease=lease)) for _ in range(3))
    await asyncio.gather(*rounds, return_exceptions=True)
    async with desk.database.sessions() as session:
        closings = list(await session.scalars(select(Execution).where(Execution.kind == "close")))
    assert len(closings) == 1
    assert (await hand.work(begun.id)).state == "done"
    assert nets(desk) == {}


async def test_a_flattening_holds_no_position_while_it_waits_for_an_execution(hand: Hand):
    """The execution's worker has its row and wants the position's: each would wait for the other."""
    desk = hand.desk
    execution_id = await desk.confirm(await desk.plan())
    begun = await hand.press()
    async with desk.database.transaction() as session:
        execution = await repository.fence_off(session, execution_id, 1)
        flattening = asyncio.create_task(hand.round(begun.id))
        await waiting_for_a_lock(desk)
        await repository.set_sleeve_state(session, execution.sleeve_id, state="needs_attention")
    assert await flattening is False
    (position,) = (await hand.look(begun.id)).positions
    assert position.execution_id == execution_id


async def waiting_for_a_lock(desk: Desk) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(500):
        async with desk.database.sessions() as session:
            if await session.scalar(waiting):
                return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody waits")


SIGNED = ("account_info", "positions", "fills_since", "funding_since", "open_orders", "balance", "fee_rates")


def refused_for(desk: Desk, seconds: float) -> None:
    """The key is refused at every question that needs one; nobody has looked at the connection yet."""
    until = desk.clock.now() + timedelta(seconds=seconds)

    def guarded(ask):
        async def asking(*what):
            if desk.clock.now() < until:
                raise KeyRefused("The address is not on the key's list.", code="10010")
            return await ask(*what)

        return asking

    for name in SIGNED:
        setattr(desk.venue, name, guarded(getattr(desk.venue, name)))


async def test_a_key_that_is_refused_for_half_a_minute_is_waited_for(hand: Hand):
    desk = hand.desk
    await opened(desk)
    placed, began = len(desk.venue.placed), desk.clock.now()
    refused_for(desk, 30)
    begun = await hand.press()
    while desk.clock.now() - began < timedelta(seconds=29):
        assert not await hand.round(begun.id)
        assert len(desk.venue.placed) == placed
    (position,) = (await hand.look(begun.id)).positions
    assert "does not accept this key" in position.text
    assert (await hand.work(begun.id)).state == "done"
    assert nets(desk) == {} == await owned(desk)
    assert desk.clock.now() - began < timedelta(seconds=45)


async def test_a_key_that_stays_refused_ends_partly_after_75_seconds(hand: Hand):
    desk = hand.desk
    await opened(desk)
    began = desk.clock.now()
    refused_for(desk, 3600)
    ended = await hand.work((await hand.press()).id, rounds=200)
    assert ended.state == "partly"
    assert timedelta(seconds=75) <= desk.clock.now() - began < timedelta(seconds=120)
    assert "does not accept this key" in ended.positions[0].text
    assert nets(desk).keys() == set(SYMBOLS)


async def test_only_what_was_sent_counts_as_an_attempt(hand: Hand):
    """Refusals before the first order leave all attempts, and the widening of prices, to the market."""
    desk = hand.desk
    await opened(desk)
    refused_for(desk, 20)
    begun = await hand.press()
    desk.venue.script = {"ETHUSDT": ["none"] * 200}
    ended = await hand.work(begun.id, rounds=200)
    assert ended.state == "partly"
    async with desk.database.sessions() as session:
        sold = select(Order.execution_id).where(Order.sent_at.is_not(None)).distinct()
        closings = select(Execution).where(Execution.kind == "close", Execution.id.in_(sold))
        assert len((await session.scalars(closings)).all()) == flatten.MAX_ATTEMPTS
    assert "ETHUSDT" in ended.positions[0].text
    assert "key" not in ended.positions[0].text, "what was true before is not the reason now"


async def test_a_worker_that_stood_still_puts_nothing_old_back(hand: Hand):
    """It has looked at a position, others have ended the flattening, and it wakes."""
    desk = hand.desk
    await opened(desk)
    begun = await hand.press()
    seen = await rows_of(desk, begun.id)
    ended = await hand.work(begun.id)
    assert ended.state == "done"
    await flatten._say(desk.work, seen[0], state="waiting", text="Bybit does not answer", attempts=0)
    await flatten._step(desk.work, seen[0], begun.created_at)
    assert await flatten._finish_if_over(desk.work, begun.id) == set()
    assert await hand.look(begun.id) == ended


async def test_a_worker_that_stood_still_starts_no_second_closing(hand: Hand):
    desk = hand.desk
    await opened(desk)
    desk.venue.script = {"ETHUSDT": ["none"] * 200}
    begun = await hand.press()
    seen = await rows_of(desk, begun.id)
    await hand.round(begun.id)
    for _ in range(20):
        before = await executions(desk)
        if not [one for one in before if one.finished_at is None]:
            break
        await desk.run(before[-1].id, rounds=1)
    (now,) = await rows_of(desk, begun.id)
    await flatten._step(desk.work, seen[0], begun.created_at)
    assert [one.id for one in await executions(desk)] == [one.id for one in before]
    (then,) = await rows_of(desk, begun.id)
    assert (then.state, then.attempts, then.execution_id) == (now.state, now.attempts, now.execution_id)


async def rows_of(desk: Desk, flatten_id: UUID) -> list[FlattenPosition]:
    async with desk.database.sessions() as session:
        return await flatten._positions(session, flatten_id)


async def executions(desk: Desk) -> list[Execution]:
    async with desk.database.sessions() as session:
        return list(await session.scalars(select(Execution).order_by(Execution.created_at)))
