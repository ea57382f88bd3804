"""Offline flattening: what it may close, what it does at a venue in trouble, and how the books get it."""

import asyncio
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from tests.execution.conftest import LEGS, NOW, Desk, instrument_row
from tests.execution.scripted_venue import Killed, ScriptedVenue
from tests.execution.test_incidents import shown

from holdfast.accounts.models import Connection
from holdfast.accounts.vault import Vault, VaultBroken, VenueCredentials, ensure_key_pair
from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus, Side
from holdfast.execution.emergency import books as emergency_books
from holdfast.execution.emergency import journal as emergency_journal
from holdfast.execution.emergency import offline as emergency
from holdfast.execution.emergency.journal import OVERLAP, Journal
from holdfast.execution.emergency.log import OrderLog, at_work
from holdfast.execution.emergency.plan import client_id, closings, owned_now, owner_of
from holdfast.execution.ids import client_id as ordinary_id
from holdfast.execution.ids import is_ours
from holdfast.execution.models import Execution, Order
from holdfast.execution.reconciliation import reconcile
from holdfast.execution.risk import stop_file
from holdfast.platform.settings import Settings
from holdfast.portfolio.booking import closable, holdings
from holdfast.portfolio.models import Alteration, Fill, Sleeve
from holdfast.venues.bybit.budget import LocalBudget
from holdfast.venues.protocol import FillReport, OrderReport, OrderRequest, OrderStatus, Placement

D = Decimal
SYMBOLS = [symbol for symbol, _, _ in LEGS]
A, B = UUID(int=1), UUID(int=2)


# --- the pure part ---------------------------------------------------------------------------------------


@given(st.uuids(), st.integers(0, 99), st.integers(0, 999))
def test_the_name_of_an_order_tells_its_owner(owner: UUID, leg: int, attempt: int):
    name = client_id(owner, leg, attempt)
    assert len(name) == 36
    assert is_ours(name)
    assert owner_of(name) == owner


def test_other_names_tell_nothing():
    for name in ("", "hf-", "manual", ordinary_id(A, "unwind", 1, 2), client_id(A, 0, 0) + "0"):
        assert owner_of(name) is None
    with pytest.raises(ValueError, match="too large"):
        client_id(A, 100, 0)


quantities = st.integers(-40, 40).map(lambda n: D(n) / 10)


@given(
    st.dictionaries(st.sampled_from([UUID(int=n) for n in range(1, 5)]), quantities.filter(bool)),
    quantities,
)
def test_no_more_is_closed_than_is_owned_and_shown(held: dict[UUID, Decimal], net: Decimal):
    orders, _ = closings({owner: {"X": quantity} for owner, quantity in held.items()}, {"X": net})
    total = sum(held.values(), D(0))
    for order in orders:
        assert order.side is Side.of(-held[order.owner]), "only what reduces the owner's holding"
        assert 0 < order.quantity <= abs(held[order.owner])
    traded = sum((order.side.sign * order.quantity for order in orders), D(0))
    after = net + traded
    assert abs(traded) <= abs(total)
    assert after * net >= 0, "the account never goes through zero"
    assert abs(after) <= abs(net)
    own = net - total
    if own * total >= 0 and net * total > 0:
        assert after == own, "what is left is the user's own, to the last lot"


def test_what_cannot_be_closed_is_said():
    _, said = closings({A: {"X": D(3)}, B: {"X": D(-1)}}, {"X": D(1)})
    assert "1 of one position offsets as much of another" in said["X"]
    assert "1 cannot be closed, because Bybit shows 1" in said["X"]


def fill(number: int, link_id: str, side: Side, quantity: str, symbol: str = "BTCUSDT") -> FillReport:
    return FillReport(
        f"f{number}",
        f"v{number}",
        link_id,
        symbol,
        side,
        "Trade",
        D(quantity),
        D(100),
        D(0),
        "USDT",
        False,
        NOW,
    )


def journal(**changes) -> Journal:
    base = Journal(
        connection_id=uuid4(),
        user_id=uuid4(),
        venue="bybit",
        environment="simulated",
        label="Test",
        sealed=b"sealed",
        written_at=NOW,
        read_until=NOW,
        seen=frozenset({"f1"}),
        owned={A: {"BTCUSDT": D(2)}},
        executions={UUID(int=7): A},
    )
    return replace(base, **changes)


def test_fills_after_the_journal_count_and_those_in_it_do_not():
    stranger = UUID(int=8)
    fills = [
        fill(1, ordinary_id(UUID(int=7), "open", 0, 0), Side.BUY, "2"),
        fill(2, ordinary_id(UUID(int=7), "open", 0, 1), Side.BUY, "0.5"),
        fill(3, client_id(A, 0, 0), Side.SELL, "1"),
        fill(4, ordinary_id(stranger, "open", 0, 0), Side.SELL, "3"),
        fill(5, "", Side.SELL, "9"),
    ]
    assert owned_now(journal(), fills) == {A: {"BTCUSDT": D("1.5")}, stranger: {"BTCUSDT": D(-3)}}


def test_a_journal_reads_back_as_it_was_written():
    one = journal(read_until=None)
    assert emergency_journal.decode(emergency_journal.encode(one)) == one
    assert emergency_journal.decode(emergency_journal.encode(journal())).read_until == NOW
    for broken in (b"", b"{}", b"[]", b'{"format": 9}'):
        with pytest.raises((ValueError, KeyError, TypeError)):
            emergency_journal.decode(broken)


# --- with a venue in trouble -----------------------------------------------------------------------------


class EmergencyVenue(ScriptedVenue):
    """The scripted venue as an emergency meets it: reduce-only orders never pass zero."""

    async def instruments(self, _kind: InstrumentKind) -> list[Instrument]:
        self._die(self._ask())
        return [instrument(symbol) for symbol in SYMBOLS]

    async def open_orders(self) -> list[OrderReport]:
        self._die(self._ask())
        return list(self.resting)

    async def close(self) -> None:
        return

    def _place(self, request):
        assert request.reduce_only, "an emergency order only reduces"
        net = self.net(request.symbol)
        assert net * request.side.sign < 0, "there is something to reduce"
        assert request.quantity <= abs(net)
        return super()._place(request)


def instrument(symbol: str) -> Instrument:
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


@pytest.fixture
async def alarm(desk: Desk) -> Desk:
    """A desk with one open position and its journal written; then the database is not asked any more."""
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == "complete"
    desk.venue.__class__ = EmergencyVenue
    await keep(desk)
    await desk.clock.sleep(60)
    return desk


async def keep(desk: Desk) -> None:
    await emergency_journal.keep(desk.work, desk.connection_id)


async def flatten(
    desk: Desk, only: UUID | None = None, is_over: Callable[[], bool] = lambda: False
) -> emergency.Outcome:
    journals, problems = emergency_journal.read_all(desk.work.settings)
    assert problems == []
    (one,) = journals
    return await emergency.flatten_connection(
        one,
        desk.work.settings,
        desk.clock,
        say=lambda _: None,
        open_venue=lambda _: desk.venue,
        only=only,
        pause=desk.clock.sleep,
        is_over=is_over,
    )


async def come_back(desk: Desk) -> list[str]:
    """The database is back, and a worker reconciles."""
    desk.venue.__class__ = ScriptedVenue
    halted = await reconcile.reconcile_connection(
        desk.work, desk.venue, desk.connection_id, pause=desk.clock.sleep
    )
    await emergency_books.mark_booked(desk.work, desk.connection_id)
    return halted


def nets(desk: Desk) -> dict[str, Decimal]:
    return {symbol: desk.venue.net(symbol) for symbol in SYMBOLS if desk.venue.net(symbol)}


async def owned(desk: Desk) -> dict[str, Decimal]:
    async with desk.database.sessions() as session:
        held = await holdings(session, desk.connection_id)
    return {symbol: quantity for (sleeve, symbol), quantity in held.items() if sleeve}


async def the_sleeve(desk: Desk) -> Sleeve:
    async with desk.database.sessions() as session:
        return (await session.scalars(select(Sleeve))).one()


async def test_everything_owned_is_closed_and_the_books_get_it_exactly(alarm: Desk):
    outcome = await flatten(alarm)
    assert outcome.failed == []
    assert len(outcome.done) == len(LEGS)
    assert nets(alarm) == {}
    assert await come_back(alarm) == [], "sleeves and the venue agree: nothing halts"
    assert await owned(alarm) == {}
    assert (await the_sleeve(alarm)).state == "closed"
    async with alarm.database.sessions() as session:
        assert list(await session.scalars(select(Alteration))) == [], "not adopted as trades by hand"
        closing = (await session.scalars(select(Execution).where(Execution.kind == "close"))).one()
        orders = list(await session.scalars(select(Order).where(Order.execution_id == closing.id)))
        fills = list(await session.scalars(select(Fill).where(Fill.order_id.in_([o.id for o in orders]))))
    assert closing.state == "complete"
    assert "The operator flattened everything offline" in closing.reason
    assert {(order.symbol, order.state) for order in orders} == {(symbol, "filled") for symbol in SYMBOLS}
    assert len(fills) == len(LEGS)
    assert not OrderLog(alarm.work.settings, alarm.connection_id).unbooked


async def test_a_rebalance_that_was_under_way_is_not_said_to_be_at_its_weights(alarm: Desk):
    """Everything was flattened offline before its first order: what that sold is nothing that a leg has had,
    and it may be of no leg at all."""
    held = {symbol: D(quantity) * side.sign for symbol, side, quantity in LEGS}
    legs = (("BTCUSDT", Side.BUY, "0.2"),)
    plan = await alarm.plan(kind="rebalance", sleeve_id=(await the_sleeve(alarm)).id, legs=legs, held=held)
    execution_id = await alarm.confirm(plan)
    assert (await flatten(alarm)).failed == []
    assert await come_back(alarm) == []
    execution = await alarm.run(execution_id)
    assert (execution.state, execution.finished_at is None) == ("needs_attention", False)
    assert "rebalanced only in part" in execution.reason
    assert nets(alarm) == {} == await owned(alarm)


async def test_twice_closes_nothing_twice(alarm: Desk):
    await flatten(alarm)
    placed = len(alarm.venue.placed)
    again = await flatten(alarm)
    assert (again.done, again.failed) == ([], [])
    assert len(alarm.venue.placed) == placed
    await come_back(alarm)
    await come_back(alarm)
    assert await owned(alarm) == {}


async def test_the_users_own_holding_beside_is_left_to_the_last_lot(alarm: Desk):
    alarm.venue.trade_by_hand("BTCUSDT", Side.BUY, "3")
    alarm.venue.trade_by_hand("ETHUSDT", Side.SELL, "0.5")
    assert (await flatten(alarm)).failed == []
    assert nets(alarm) == {"BTCUSDT": D(3), "ETHUSDT": D("-0.5")}
    assert await come_back(alarm) == []
    assert await owned(alarm) == {}


async def test_an_opposite_holding_of_the_users_own_is_never_opened_up(alarm: Desk):
    """Own short 1 beside our long 1.6: the account holds 0.6, and only that can be closed."""
    alarm.venue.trade_by_hand("BTCUSDT", Side.SELL, "1")
    outcome = await flatten(alarm)
    assert nets(alarm) == {}
    assert any("1 cannot be closed" in line for line in outcome.failed)
    assert await come_back(alarm) == []


@pytest.mark.parametrize("word", ["half", "none", "lost_answer", "lost_request", "limited", "reject:110007"])
async def test_whatever_becomes_of_the_first_order_all_is_closed_once(alarm: Desk, word: str):
    alarm.venue.script = {"ETHUSDT": [word], "BTCUSDT": [word]}
    assert (await flatten(alarm)).failed == []
    assert nets(alarm) == {}
    assert await come_back(alarm) == []
    assert await owned(alarm) == {}
    names = [request.client_id for request in alarm.venue.placed]
    assert len(set(names)) == len(names), "nothing is sent twice, not even what was turned away"


async def test_an_unknown_order_is_never_replaced_and_the_next_run_asks_first(alarm: Desk):
    find = alarm.venue.find_order
    placed_before = len(alarm.venue.placed)

    async def silent(symbol: str, name: str):
        if symbol == "ETHUSDT" and owner_of(name):
            raise emergency.Unreachable("no answer")
        return await find(symbol, name)

    alarm.venue.find_order = silent  # type: ignore[method-assign]
    alarm.venue.script = {"ETHUSDT": ["lost_answer"]}
    outcome = await flatten(alarm)
    assert any("has not told what became of order" in line for line in outcome.failed)
    alarm.venue.find_order = find  # type: ignore[method-assign]
    again = await flatten(alarm)
    assert again.failed == []
    eth = [r for r in alarm.venue.placed[placed_before:] if r.symbol == "ETHUSDT"]
    assert len(eth) == 1
    assert await come_back(alarm) == []


async def test_a_market_that_takes_nothing_is_named_with_what_is_left(alarm: Desk):
    alarm.venue.script = {"XRPUSDT": ["none"] * 50}
    outcome = await flatten(alarm)
    assert nets(alarm).keys() == {"XRPUSDT"}
    assert any("0.4 XRPUSDT of position" in line and "is still held" in line for line in outcome.failed)
    prices = [r.limit_price for r in alarm.venue.placed if r.symbol == "XRPUSDT" and owner_of(r.client_id)]
    assert prices == sorted(prices)
    assert prices[-1] > prices[0], "the price gives way"
    await come_back(alarm)
    sleeve = await the_sleeve(alarm)
    assert sleeve.state == "needs_attention"
    (told,) = [each for each in await shown(alarm) if each.kind == "needs_attention"]
    assert told.settled_at is None
    assert "XRPUSDT is still held" in told.text
    assert await owned(alarm) == {"XRPUSDT": D("-0.4")}


async def test_while_the_venue_is_away_it_says_so_and_leaves_everything(alarm: Desk):
    alarm.venue.down = True
    outcome = await flatten(alarm)
    assert outcome.done == []
    assert any("was not closed" in line for line in outcome.failed)
    alarm.venue.down = False
    assert (await flatten(alarm)).failed == []


@pytest.mark.parametrize("after", [False, True])
async def test_killed_at_every_question_the_next_run_ends_flat(alarm: Desk, after: bool):
    venue = alarm.venue
    venue.kill_after = after
    for step in range(40):
        venue.kill_at = venue.calls + step
        try:
            await flatten(alarm)
        except (Killed, BaseExceptionGroup):
            continue
        break
    venue.kill_at = -1
    assert (await flatten(alarm)).failed == []
    assert nets(alarm) == {}
    assert await come_back(alarm) == []
    assert await owned(alarm) == {}


async def test_fills_the_list_does_not_show_yet_are_not_closed_again_out_of_the_users_own(alarm: Desk):
    alarm.venue.trade_by_hand("BTCUSDT", Side.BUY, "5")
    fills_since, moment = alarm.venue.fills_since, alarm.clock.now()

    async def late(since: datetime):
        recent = alarm.clock.now() - timedelta(seconds=20)
        return [one for one in await fills_since(since) if one.executed_at < max(moment, recent)]

    alarm.venue.fills_since = late  # type: ignore[method-assign]
    await flatten(alarm)
    assert nets(alarm) == {"BTCUSDT": D(5)}


async def test_orders_of_ours_that_rest_are_cancelled_first(alarm: Desk):
    ours = ordinary_id(uuid4(), "open", 0, 0)
    for name in (ours, "mine-by-hand"):
        alarm.venue.resting.append(
            OrderReport(name, "v", "BTCUSDT", Side.BUY, OrderStatus.OPEN, D(1), D(0), None, "", NOW)
        )
    outcome = await flatten(alarm)
    assert alarm.venue.cancelled == [ours]
    assert any("cancelled the resting order" in line for line in outcome.done)


async def test_an_opening_the_journal_did_not_know_is_closed_and_booked_to_its_position(desk: Desk):
    """PostgreSQL went away in the middle of an opening: one leg has traded, and the journal is older."""
    desk.venue.script = {"ETHUSDT": ["lost_request"], "XRPUSDT": ["lost_request"]}
    await reconcile.reconcile_connection(desk.work, desk.venue, desk.connection_id, pause=desk.clock.sleep)
    await keep(desk)
    execution_id = await desk.confirm(await desk.plan())
    place = desk.venue.place

    async def then_dead(requests):
        await place(requests)
        raise Killed

    desk.venue.place = then_dead  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await desk.run(execution_id, rounds=1)
    desk.venue.place = place  # type: ignore[method-assign]
    assert nets(desk) == {"BTCUSDT": D("1.6")}
    stop_file.write(desk.work.settings, since=NOW, by="operator", reason="")
    desk.venue.__class__ = EmergencyVenue
    await desk.clock.sleep(30)
    assert (await flatten(desk)).failed == []
    assert nets(desk) == {}
    assert await emergency_books.needs_books(desk.work, desk.connection_id)
    await come_back(desk)
    execution = await desk.run(execution_id)
    assert execution.state == "unwound"
    assert nets(desk) == {} == await owned(desk), "it is not taken back a second time"
    assert not await emergency_books.needs_books(desk.work, desk.connection_id)


@pytest.mark.parametrize("sent", [0, 1, 2])
async def test_nothing_more_is_sent_once_the_database_is_back(alarm: Desk, sent: int):
    """A worker of another machine may close the same from now on. What has left is followed to its end."""
    before = len(alarm.venue.placed)
    outcome = await flatten(alarm, is_over=lambda: len(alarm.venue.placed) - before >= sent)
    assert len(alarm.venue.placed) - before == sent
    assert len(outcome.done) == sent
    assert len(outcome.failed) == len(LEGS) - sent
    assert all("PostgreSQL is back" in line for line in outcome.failed)
    assert not any(entry.open for entry in OrderLog(alarm.work.settings, alarm.connection_id).entries)
    await come_back(alarm)
    assert (await owned(alarm)).keys() == nets(alarm).keys()


async def test_an_order_that_waits_for_its_turn_is_given_up_once_the_database_is_back(alarm: Desk):
    alarm.venue.script = {symbol: ["limited"] * 5 for symbol in SYMBOLS}
    before = len(alarm.venue.placed)
    outcome = await flatten(alarm, is_over=lambda: len(alarm.venue.placed) - before >= len(LEGS))
    assert len(alarm.venue.placed) - before == len(LEGS)
    assert len(outcome.failed) == len(LEGS)
    assert nets(alarm).keys() == set(SYMBOLS)


def turn_away(
    desk: Desk, symbol: str, seconds: float, meanwhile: Callable[[], None] = lambda: None
) -> list[OrderRequest]:
    """The first order in ``symbol`` is turned away for so long. Returns what is asked for in it."""
    place, asked = desk.venue.place, []

    async def then_limited(requests):
        if requests[0].symbol != symbol:
            return await place(requests)
        asked.extend(requests)
        if len(asked) > 1:
            return await place(requests)
        meanwhile()
        until = desk.clock.now() + timedelta(seconds=seconds)
        return [Placement(requests[0].client_id, error=emergency.RateLimited("slow down", until=until))]

    desk.venue.place = then_limited  # type: ignore[method-assign]
    return asked


async def test_what_others_closed_while_an_order_waited_is_not_taken_from_the_users_own(alarm: Desk):
    """A worker of another machine closes our 1.6 while our order waits: the 5 left are the user's."""
    alarm.venue.trade_by_hand("BTCUSDT", Side.BUY, "5")
    (kept,), _ = emergency_journal.read_all(alarm.work.settings)
    name = ordinary_id(next(iter(kept.executions)), "unwind", 0, 0)

    def closed_by_a_worker() -> None:
        alarm.venue._fill(name, "v-worker", "BTCUSDT", Side.SELL, D("1.6"), D(100))

    asked = turn_away(alarm, "BTCUSDT", 30, closed_by_a_worker)
    assert (await flatten(alarm)).failed == []
    assert nets(alarm) == {"BTCUSDT": D(5)}
    assert len(asked) == 1


async def test_what_was_turned_away_is_decided_anew_with_the_price_of_then(alarm: Desk):
    def falls() -> None:
        alarm.venue.best["BTCUSDT"] = (D("89.9"), D("90.1"))

    asked = turn_away(alarm, "BTCUSDT", 30, falls)
    assert (await flatten(alarm)).failed == []
    assert [request.limit_price < 90 for request in asked] == [False, True]
    assert asked[0].client_id != asked[1].client_id
    assert nets(alarm) == {}


async def test_nothing_is_sent_after_a_wait_in_which_the_database_came_back(alarm: Desk):
    """Nor does the hand sit out the wait. A limit holds for the others of the account as well."""
    back_at = alarm.clock.now() + timedelta(seconds=10)
    asked = turn_away(alarm, "BTCUSDT", 60)
    outcome = await flatten(alarm, is_over=lambda: alarm.clock.now() >= back_at)
    assert len(asked) == 1
    assert alarm.clock.now() < back_at + timedelta(seconds=5)
    assert all("PostgreSQL is back" in line for line in outcome.failed)
    assert nets(alarm) == {symbol: D(quantity) * side.sign for symbol, side, quantity in LEGS}


async def test_a_wait_beyond_all_patience_is_given_up_and_said(alarm: Desk):
    began = alarm.clock.now()
    asked = turn_away(alarm, "BTCUSDT", 600)
    outcome = await flatten(alarm)
    assert alarm.clock.now() - began < 2 * emergency.PATIENCE
    assert len(asked) == 1, "nothing leaves while the limit stands"
    assert any("1.6 BTCUSDT" in line and "slow down" in line for line in outcome.failed)
    assert not any(entry.open for entry in OrderLog(alarm.work.settings, alarm.connection_id).entries)


async def test_waiting_for_a_turn_is_no_attempt(alarm: Desk):
    """Twice as often turned away as there are rounds, within the minute: it is closed, at its first price."""
    alarm.venue.script = {"BTCUSDT": ["limited"] * 2 * emergency.ROUNDS}
    before, began = len(alarm.venue.placed), alarm.clock.now()
    assert (await flatten(alarm)).failed == []
    assert nets(alarm) == {}
    assert len({r.limit_price for r in alarm.venue.placed[before:] if r.symbol == "BTCUSDT"}) == 1
    assert alarm.clock.now() - began < timedelta(seconds=90)


async def test_every_order_says_when_it_was_decided(alarm: Desk):
    """So that the door counts from then, however long it waits for its turn."""
    before = len(alarm.venue.placed)
    await flatten(alarm)
    entries = {entry.client_id: entry for entry in OrderLog(alarm.work.settings, alarm.connection_id).entries}
    sent = alarm.venue.placed[before:]
    assert len(sent) == len(LEGS)
    assert all(request.decided_at == entries[request.client_id].sent_at for request in sent)


async def test_what_others_close_between_two_rounds_is_not_closed_again(alarm: Desk):
    """The account is looked at after the pause, not before it."""
    alarm.venue.trade_by_hand("BTCUSDT", Side.BUY, "5")
    alarm.venue.script = {"BTCUSDT": ["none"]}
    (kept,), _ = emergency_journal.read_all(alarm.work.settings)
    name = ordinary_id(next(iter(kept.executions)), "unwind", 0, 0)
    sleep, find = alarm.clock.sleep, alarm.venue.find_order
    tried: list[str] = []

    async def find_and_note(symbol: str, link_id: str):
        tried.append(symbol)
        return await find(symbol, link_id)

    async def meanwhile(seconds: float) -> None:
        if "BTCUSDT" in tried and alarm.venue.net("BTCUSDT") > 5:
            alarm.venue._fill(name, "v-worker", "BTCUSDT", Side.SELL, D("1.6"), D(100))
        await sleep(seconds)

    alarm.venue.find_order, alarm.clock.sleep = find_and_note, meanwhile  # type: ignore[method-assign]
    await flatten(alarm)
    assert nets(alarm) == {"BTCUSDT": D(5)}


async def test_what_another_position_cannot_close_is_no_failure_of_the_one_asked_for(alarm: Desk):
    """Another position of the same connection owns something that the account does not show."""
    sleeve = await the_sleeve(alarm)
    (kept,), _ = emergency_journal.read_all(alarm.work.settings)
    other = replace(kept, owned={**kept.owned, A: {"SOLUSDT": D(3)}})
    emergency_journal.path_of(alarm.work.settings, kept.connection_id).write_bytes(
        emergency_journal.encode(other)
    )
    log = OrderLog(alarm.work.settings, alarm.connection_id)
    log.add(A, "SOLUSDT", Side.SELL, D(3), D(1), now=alarm.clock.now())
    assert (await flatten(alarm, only=sleeve.id)).failed == []
    assert nets(alarm) == {}
    everything = await flatten(alarm)
    assert any("SOLUSDT" in line for line in everything.failed)


async def test_one_position_only(alarm: Desk):
    sleeve = await the_sleeve(alarm)
    assert (await flatten(alarm, only=uuid4())).done == []
    assert nets(alarm).keys() == set(SYMBOLS)
    assert (await flatten(alarm, only=sleeve.id)).failed == []
    assert nets(alarm) == {}


# --- files -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser gives files away")
def test_what_the_superuser_makes_first_the_worker_can_use(settings: Settings):
    """Flattening offline before any worker ran here must not lock the worker out for good."""
    settings.home.mkdir(parents=True)
    worker = 65534
    os.chown(settings.home, worker, worker)
    with at_work(settings, alone=True) as alone:
        assert alone
    directory = emergency_journal.directory(settings)
    OrderLog(settings, A).save()
    for made in (directory, directory / "lock", directory / f"{A}.orders"):
        assert made.stat().st_uid == worker, made
    os.chown(directory, 0, 0)
    with at_work(settings, alone=False):
        assert directory.stat().st_uid == 0, "what was there already stays whose it is"


async def test_the_journal_is_the_owners_alone_and_goes_with_the_connection(alarm: Desk):
    path = emergency_journal.path_of(alarm.work.settings, alarm.connection_id)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (one,), _ = emergency_journal.read_all(alarm.work.settings)
    sleeve = await the_sleeve(alarm)
    async with alarm.database.sessions() as session:
        assert one.owned == {sleeve.id: await closable(session, sleeve.id)}
    async with alarm.database.transaction() as session:
        connection = await session.get_one(Connection, alarm.connection_id)
        connection.sealed, connection.deleted_at = None, NOW
    await keep(alarm)
    assert not path.exists()


async def test_without_a_database_the_old_journal_stays(alarm: Desk):
    path = emergency_journal.path_of(alarm.work.settings, alarm.connection_id)
    before = path.read_bytes()
    await alarm.database.close()

    class Gone:
        def sessions(self):
            raise OSError("connection refused")

    await emergency_journal.keep(replace(alarm.work, database=Gone()), alarm.connection_id)  # type: ignore[arg-type]
    assert path.read_bytes() == before


def test_a_journal_that_cannot_be_read_is_named_and_stops_no_other(settings):
    directory = emergency_journal.directory(settings)
    directory.mkdir(parents=True)
    (directory / f"{uuid4()}.json").write_bytes(b"half a")
    (directory / f"{uuid4()}.json").write_bytes(emergency_journal.encode(journal()))
    journals, problems = emergency_journal.read_all(settings)
    assert len(journals) == len(problems) == 1
    assert "cannot be read" in problems[0]


def test_the_key_is_opened_from_the_vault_of_this_machine(settings, desk_clock):
    ensure_key_pair(settings.secrets_dir)
    one = journal()
    sealed = Vault.from_directory(settings.secrets_dir).seal(
        VenueCredentials("key-key-key", "secret-secret"), connection_id=one.connection_id, user_id=one.user_id
    )
    opener = emergency.venue_opener(settings, desk_clock)
    venue = opener(replace(one, sealed=sealed))
    asyncio.run(venue.close())
    with pytest.raises(VaultBroken):
        opener(replace(one, sealed=sealed, connection_id=uuid4()))


def test_all_connections_share_one_budget_because_they_leave_by_one_address(
    settings, desk_clock, monkeypatch: pytest.MonkeyPatch
):
    given = []
    monkeypatch.setattr(
        emergency.registry, "trading_venue", lambda *_, budget, **__: given.append(budget) or object()
    )
    ensure_key_pair(settings.secrets_dir)
    opener = emergency.venue_opener(settings, desk_clock)
    for one in (journal(), replace(journal(), connection_id=uuid4())):
        sealed = Vault.from_directory(settings.secrets_dir).seal(
            VenueCredentials("key-key-key", "secret-secret"),
            connection_id=one.connection_id,
            user_id=one.user_id,
        )
        opener(replace(one, sealed=sealed))
    assert given[0] is given[1]
    assert isinstance(given[0], LocalBudget)


@pytest.mark.parametrize("broken", [b"null", b"[]", b"{}", b'{"format": 1, "orders": [{}]}', b"\xff", b""])
async def test_a_log_that_cannot_be_read_stops_its_own_connection_and_no_other(alarm: Desk, broken: bytes):
    """Without its log it is not known what was sent: nothing is, and that is said."""
    (emergency_journal.directory(alarm.work.settings) / f"{alarm.connection_id}.orders").write_bytes(broken)
    before = len(alarm.venue.placed)
    outcome = await flatten(alarm)
    assert any("cannot be read" in line for line in outcome.failed)
    assert len(alarm.venue.placed) == before
    assert await emergency_books.needs_books(alarm.work, alarm.connection_id)


async def test_a_number_in_the_log_that_is_none_is_a_log_that_cannot_be_read(alarm: Desk):
    log = OrderLog(alarm.work.settings, alarm.connection_id)
    log.add(A, "BTCUSDT", Side.SELL, D(1), D(1), now=NOW)
    path = emergency_journal.directory(alarm.work.settings) / f"{alarm.connection_id}.orders"
    path.write_bytes(path.read_bytes().replace(b'"quantity":"1"', b'"quantity":"one"'))
    assert any("cannot be read" in line for line in (await flatten(alarm)).failed)


async def test_an_accident_with_one_key_is_said_and_raised_to_nobody(alarm: Desk):
    def broken(_: emergency_journal.Journal):
        raise PermissionError(13, "Permission denied")

    journals, _ = emergency_journal.read_all(alarm.work.settings)
    outcome = await emergency.flatten_connection(
        journals[0], alarm.work.settings, alarm.clock, say=print, open_venue=broken, pause=alarm.clock.sleep
    )
    assert any("Permission denied" in line for line in outcome.failed)


async def test_an_order_that_waited_for_its_turn_is_not_given_up_while_it_may_be_on_its_way(alarm: Desk):
    """It leaves ten seconds after it was written down, its answer is lost, and it arrives two seconds later:
    asked at once, the venue does not know it yet."""
    venue, clock = alarm.venue, alarm.clock
    place, find = venue.place, venue.find_order
    late: list[OrderRequest] = []
    arrives = {}

    async def slow(requests):
        if requests[0].symbol == "ETHUSDT" and not arrives:
            await clock.sleep(10)
            late.extend(requests)
            arrives["at"] = clock.now() + timedelta(seconds=2)
            return [Placement(requests[0].client_id, error=emergency.OutcomeUnknown("connection lost"))]
        return await place(requests)

    async def find_late(symbol: str, name: str):
        if late and clock.now() >= arrives["at"]:
            await place([late.pop()])
        return await find(symbol, name)

    venue.place, venue.find_order = slow, find_late  # type: ignore[method-assign]
    assert (await flatten(alarm)).failed == []
    assert nets(alarm) == {}
    closings = [r for r in venue.placed if r.symbol == "ETHUSDT" and owner_of(r.client_id)]
    assert len(closings) == 1
    assert not late, "nothing was sent in its place"


async def test_a_denial_right_after_the_run_before_was_killed_is_not_believed(alarm: Desk):
    """It was written down long ago, left in the last moment of the run before, and arrives only now."""
    venue, clock = alarm.venue, alarm.clock
    place, find = venue.place, venue.find_order
    on_its_way: list[OrderRequest] = []

    async def then_killed(requests):
        if requests[0].symbol != "ETHUSDT":
            return await place(requests)
        await clock.sleep(10)
        on_its_way.extend(requests)
        raise Killed

    venue.place = then_killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await flatten(alarm)
    venue.place = place  # type: ignore[method-assign]
    arrives = clock.now() + timedelta(seconds=2)

    async def find_late(symbol: str, name: str):
        if on_its_way and clock.now() >= arrives:
            await place([on_its_way.pop()])
        return await find(symbol, name)

    venue.find_order = find_late  # type: ignore[method-assign]
    assert (await flatten(alarm)).failed == []
    assert nets(alarm) == {}
    closings = [r for r in venue.placed if r.symbol == "ETHUSDT" and owner_of(r.client_id)]
    assert len(closings) == 1
    assert not on_its_way, "nothing was sent in its place"


async def test_an_order_is_not_in_the_books_for_certain_until_fills_that_late_were_read(alarm: Desk):
    """Time that passes after the fills were read, in the reconciliation or since, makes nothing certain."""
    log = OrderLog(alarm.work.settings, alarm.connection_id)
    log.add((await the_sleeve(alarm)).id, "BTCUSDT", Side.SELL, D("1.6"), D(90), now=alarm.clock.now())
    await come_back(alarm)
    await alarm.clock.sleep(90)
    await emergency_books.mark_booked(alarm.work, alarm.connection_id)
    assert await emergency_books.needs_books(alarm.work, alarm.connection_id)
    await come_back(alarm)
    assert not await emergency_books.needs_books(alarm.work, alarm.connection_id)


async def test_a_denial_that_was_long_on_its_way_is_not_believed(alarm: Desk):
    """The venue does not tell a closing yet when it is asked, and says so eight seconds later."""
    venue, clock = alarm.venue, alarm.clock
    place, find = venue.place, venue.find_order
    lost: list[str] = []

    async def then_lost(requests):
        answers = await place(requests)
        if requests[0].symbol != "ETHUSDT" or lost:
            return answers
        return [Placement(requests[0].client_id, error=emergency.OutcomeUnknown("connection lost"))]

    async def find_slowly(symbol: str, name: str):
        if symbol == "ETHUSDT" and name not in lost:
            lost.append(name)
            await clock.sleep(8)
            return None
        return await find(symbol, name)

    venue.place, venue.find_order = then_lost, find_slowly  # type: ignore[method-assign]
    outcome = await flatten(alarm)
    assert outcome.failed == []
    assert any(lost[0] in line for line in outcome.done), "what it traded is known"


def test_no_name_is_used_twice_even_after_a_restart(settings):
    connection, names = uuid4(), []
    for _ in range(3):
        log = OrderLog(settings, connection)
        for owner in (A, B):
            for symbol in ("ETHUSDT", "BTCUSDT", "ETHUSDT"):
                names.append(log.add(owner, symbol, Side.SELL, D(1), D(1), now=NOW).client_id)
    assert len(set(names)) == len(names) == 18
    entries = OrderLog(settings, connection).entries
    assert [entry.client_id for entry in entries] == names
    assert entries[0].sent_at == NOW


def test_a_worker_and_an_offline_flattening_exclude_each_other(settings):
    with at_work(settings, alone=False) as one, at_work(settings, alone=False) as two:
        assert one
        assert two
        with at_work(settings, alone=True) as alone:
            assert not alone
    with at_work(settings, alone=True) as alone, at_work(settings, alone=False) as worker:
        assert alone
        assert not worker


def test_the_overlap_covers_what_reconciliation_reads_again():
    assert reconcile.OVERLAP < OVERLAP
