"""The same words of the venue, shuffled and repeated, leave the same rows: order, fills and ledger."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

from sqlalchemy import func, select
from tests.execution.conftest import NOW, Desk

from holdfast.core.instruments import Side
from holdfast.execution import intake
from holdfast.execution.drafts import new_order
from holdfast.execution.models import Execution, Order, OrderEvent
from holdfast.execution.orders import OrderEvent as OrderEvents
from holdfast.execution.plans import legs_of
from holdfast.execution.repository import plan_of, record
from holdfast.portfolio.models import Fill, Posting
from holdfast.venues.protocol import (
    FillReport,
    OrderReport,
    OrderStatus,
    OutcomeUnknown,
    Placement,
    RateLimited,
)

Word = OrderReport | FillReport | Placement


async def an_order(desk: Desk, state: str = "sent") -> Order:
    """The first order of a new execution, as it stands after it was sent."""
    execution_id = await desk.confirm(await desk.plan())
    async with desk.database.transaction() as session:
        order = (
            await session.scalars(select(Order).where(Order.execution_id == execution_id, Order.leg == 0))
        ).one()
        order.state, order.sent_at = state, desk.clock.now()
    return order


def said(order: Order, status: OrderStatus, filled: str, average: str | None = None) -> OrderReport:
    return OrderReport(
        order.client_id,
        "v-1",
        order.symbol,
        Side(order.side),
        status,
        order.quantity,
        Decimal(filled),
        None if average is None else Decimal(average),
        "",
        NOW,
    )


def traded(order: Order, number: int, quantity: str, price: str, **more: object) -> FillReport:
    made = FillReport(
        f"{order.client_id}-e{number}",
        "v-1",
        order.client_id,
        order.symbol,
        Side(order.side),
        "Trade",
        Decimal(quantity),
        Decimal(price),
        Decimal("0.0123"),
        "USDT",
        False,
        NOW + timedelta(milliseconds=number),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def story(order: Order, cancelled: bool) -> list[Word]:
    """Two fills, then a cancel that lost (two "filled") or won its race."""
    words: list[Word] = [
        Placement(order.client_id, "v-1"),
        said(order, OrderStatus.OPEN, "0"),
        traded(order, 1, "0.5", "100.1"),
        said(order, OrderStatus.OPEN, "0.5", "100.1"),
        traded(order, 2, "0.6", "100.2"),
    ]
    if cancelled:
        return [*words, said(order, OrderStatus.CANCELLED, "1.1", "100.1545")]
    rest = traded(order, 3, "0.5", "100.3", extra_fees=(("EURT", Decimal("0.02")),))
    return [*words, rest, *[said(order, OrderStatus.FILLED, "1.6", "100.2")] * 2]


async def tell(desk: Desk, order: Order, words: list[Word]) -> None:
    for word in words:
        async with desk.database.transaction() as session:
            held = await intake.own_order(session, desk.connection_id, order.client_id)
            assert held is not None
            match word:
                case OrderReport():
                    await intake.take_report(session, held, word, now=desk.clock.now())
                case FillReport():
                    await intake.take_fill(session, held, word, now=desk.clock.now())
                case Placement():
                    await intake.take_placement(session, held, word, now=desk.clock.now())


async def rows(desk: Desk, order: Order) -> tuple[object, ...]:
    async with desk.database.sessions() as session:
        now = await session.get_one(Order, order.id)
        fills = await session.scalars(select(Fill).where(Fill.order_id == order.id).order_by(Fill.exec_id))
        postings = await session.scalars(
            select(Posting).where(Posting.sleeve_id == order.sleeve_id).order_by(Posting.reference)
        )
        return (
            (now.state, now.filled_quantity, now.average_price, now.venue_order_id, now.reject_reason),
            [(f.exec_id.rpartition("-")[2], f.quantity, f.price, f.fee) for f in fills],
            sorted((p.kind, p.asset, p.amount, p.at, p.reference.rpartition("-")[2]) for p in postings),
        )


async def test_every_order_of_arrival_leaves_the_same_books(desk: Desk) -> None:
    random = Random(3)
    for cancelled in (False, True):
        first = await an_order(desk)
        await tell(desk, first, story(first, cancelled))
        expected = await rows(desk, first)
        for _ in range(12):
            order = await an_order(desk, random.choice(["sent", "unknown"]))
            words = story(order, cancelled)
            words += random.choices(words, k=4)
            random.shuffle(words)
            await tell(desk, order, words)
            assert await rows(desk, order) == expected


async def test_several_tellers_at_once_leave_the_same_books(desk: Desk) -> None:
    first = await an_order(desk)
    await tell(desk, first, story(first, cancelled=False))
    order = await an_order(desk)
    words = story(order, cancelled=False)
    await asyncio.gather(tell(desk, order, words), tell(desk, order, words[::-1]), tell(desk, order, words))
    assert await rows(desk, order) == await rows(desk, first)


async def test_fees_in_further_coins_are_booked(desk: Desk) -> None:
    order = await an_order(desk)
    await tell(desk, order, story(order, cancelled=False))
    async with desk.database.sessions() as session:
        fees = await session.execute(
            select(Posting.asset, func.sum(Posting.amount))
            .where(Posting.sleeve_id == order.sleeve_id, Posting.kind == "fee")
            .group_by(Posting.asset)
        )
        assert dict(fees.tuples().all()) == {"USDT": Decimal("-0.0369"), "EURT": Decimal("-0.02")}


async def test_transport_errors_leave_an_unknown_order_unknown(desk: Desk) -> None:
    order = await an_order(desk, "unknown")
    silence: list[Word] = [Placement(order.client_id, error=OutcomeUnknown("timeout"))] * 5
    await tell(desk, order, silence)
    async with desk.database.sessions() as session:
        assert (await session.get_one(Order, order.id)).state == "unknown"


async def test_an_order_that_may_have_been_sent_once_stays_one_when_its_next_sending_is_withheld(
    desk: Desk,
) -> None:
    """Whoever gives it up has to cancel it first, and its id keeps its price."""
    order = await an_order(desk)
    withheld = Placement(order.client_id, error=RateLimited("no room", until=NOW))
    for lost_before in (False, True):
        async with desk.database.transaction() as session:
            held = await intake.own_order(session, order.connection_id, order.client_id)
            assert held is not None
            if lost_before:
                lost = Placement(order.client_id, error=OutcomeUnknown("silence"))
                await intake.take_placement(session, held, lost, now=NOW)
                assert await intake.take_not_known(session, held, now=NOW)
                record(session, held, OrderEvents.SEND, now=NOW)
                held.sent_at = NOW
            await intake.take_placement(session, held, withheld, now=NOW)
            assert (held.state, held.sent_at is not None) == ("planned", lost_before)
            record(session, held, OrderEvents.SEND, now=NOW)
            held.sent_at = NOW


async def test_what_is_not_ours_has_no_order(desk: Desk) -> None:
    async with desk.database.transaction() as session:
        assert await intake.own_order(session, desk.connection_id, "web-1") is None
        assert await intake.own_order(session, desk.connection_id, "hf-somebody-elses") is None


async def test_a_repeated_fill_does_not_reopen_what_has_ended_and_a_new_one_does(desk: Desk) -> None:
    order = await an_order(desk)
    words = story(order, cancelled=True)
    await tell(desk, order, words)
    async with desk.database.transaction() as session:
        execution = await session.get_one(Execution, order.execution_id)
        execution.state, execution.finished_at = "unwound", desk.clock.now()
    await tell(desk, order, words)
    assert (await desk.execution(order.execution_id)).state == "unwound"
    await tell(desk, order, [traded(order, 3, "0.5", "100.3")])
    assert (await desk.execution(order.execution_id)).state == "needs_attention"
    async with desk.database.sessions() as session:
        told = await session.scalar(
            select(func.count()).select_from(OrderEvent).where(OrderEvent.order_id == order.id)
        )
    assert told == 5


async def test_no_timer_leads_out_of_unknown(desk: Desk) -> None:
    order = await an_order(desk, "unknown")
    desk.venue.down = True
    for _ in range(3):
        execution = await desk.run(order.execution_id, rounds=2)
        assert execution.state == "needs_attention"
        await desk.clock.sleep(timedelta(days=10).total_seconds())
    async with desk.database.sessions() as session:
        assert (await session.get_one(Order, order.id)).state == "unknown"
    assert desk.venue.placed == []


async def test_an_order_is_cut_down_to_what_a_late_fill_leaves_of_its_leg(desk: Desk) -> None:
    order = await an_order(desk, "planned")
    async with desk.database.transaction() as session:
        waiting = await session.get_one(Order, order.id)
        waiting.sent_at = None
        execution = await session.get_one(Execution, order.execution_id)
        earlier = new_order(
            execution,
            next(leg for leg in legs_of(await plan_of(session, execution)) if leg.index == 0),
            role="open",
            attempt=1,
            side=Side(order.side),
            quantity=order.quantity,
            limit_price=order.limit_price,
            reduce_only=False,
            now=desk.clock.now(),
        )
        earlier.state, earlier.sent_at = "cancelled", desk.clock.now()
        session.add(earlier)
    await tell(desk, earlier, [traded(earlier, 1, "1.0", "100.1")])
    desk.venue.fills.append(traded(earlier, 1, "1.0", "100.1"))
    ended = await desk.run(order.execution_id)
    assert ended.state == "complete"
    assert [r.quantity for r in desk.venue.placed if r.symbol == order.symbol] == [Decimal("0.6")]
