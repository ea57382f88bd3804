import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.errors import NotFound
from holdfast.core.instruments import Side
from holdfast.platform.database import Database
from holdfast.portfolio import repository
from holdfast.portfolio.booking import (
    book_fill,
    book_funding,
    book_opening,
    closable,
    holdings,
    release_remainders,
    settle_alterations,
)
from holdfast.portfolio.ledger import fold
from holdfast.portfolio.models import Alteration, Fill, Posting
from holdfast.venues.protocol import FillReport, FundingReport, VenuePosition

from .people import NOW, add_connection, add_sleeve, add_user

D = Decimal

BTC = "BTCUSDT"
SECOND = timedelta(seconds=1)


@dataclass
class Desk:
    """One connection and what is booked on it."""

    session: AsyncSession
    user_id: UUID
    connection_id: UUID
    count: int = 0

    async def sleeve(self) -> UUID:
        return await add_sleeve(self.session, self.user_id, self.connection_id)

    def report(
        self, signed: str, price: str = "100", *, exec_type: str = "Trade", at: datetime | None = None
    ) -> FillReport:
        self.count += 1
        return FillReport(
            exec_id=f"e{self.count}",
            venue_order_id="v",
            client_id="",
            symbol=BTC,
            side=Side.of(D(signed)),
            exec_type=exec_type,
            quantity=abs(D(signed)),
            price=D(price),
            fee=D("0.06"),
            fee_asset="USDT",
            is_maker=False,
            executed_at=at or NOW + self.count * SECOND,
        )

    async def fill(
        self,
        signed: str,
        price: str = "100",
        *,
        by: UUID | None = None,
        exec_type: str = "Trade",
        at: datetime | None = None,
    ) -> FillReport:
        report = self.report(signed, price, exec_type=exec_type, at=at)
        order = (uuid4(), by) if by else None
        assert await book_fill(
            self.session, connection_id=self.connection_id, report=report, order=order, now=NOW
        )
        return report

    async def held(self) -> dict[UUID | None, D]:
        return {
            owner: quantity
            for (owner, _), quantity in (await holdings(self.session, self.connection_id)).items()
        }

    async def altered(self) -> dict[UUID, D]:
        return await repository.altered_of(self.session, self.connection_id, BTC, None)

    async def funding(
        self, amount: str, position: str, *, reference: str = "f1", at: datetime | None = None
    ) -> bool:
        report = FundingReport(
            reference=reference,
            symbol=BTC,
            amount=D(amount),
            asset="USDT",
            rate=D("0.0001"),
            position=D(position),
            at=at or NOW + timedelta(hours=1),
        )
        return await book_funding(self.session, connection_id=self.connection_id, report=report, now=NOW)

    async def funded(self) -> dict[UUID | None, D]:
        rows = await self.session.execute(
            select(Posting.sleeve_id, func.sum(Posting.amount))
            .where(Posting.kind == "funding", Posting.connection_id == self.connection_id)
            .group_by(Posting.sleeve_id)
        )
        return dict(rows.tuples().all())


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with database.transaction() as session:
        user_id = await add_user(session)
        yield Desk(session, user_id, await add_connection(session, user_id))


async def test_a_fill_of_ours_moves_its_sleeve_and_nothing_else(desk: Desk) -> None:
    sleeve = await desk.sleeve()
    await desk.fill("0.5", "100", by=sleeve)

    assert await desk.held() == {sleeve: D("0.5")}
    leg = fold(await repository.lines_of(desk.session, sleeve))[BTC]
    assert (leg.cash, leg.fees, leg.entry_price) == (D("-50"), {"USDT": D("0.06")}, 100)


async def test_a_fill_counts_once(desk: Desk) -> None:
    sleeve = await desk.sleeve()
    report = await desk.fill("0.5", by=sleeve)

    again = await book_fill(
        desk.session, connection_id=desk.connection_id, report=report, order=(uuid4(), sleeve), now=NOW
    )
    assert not again
    assert await desk.held() == {sleeve: D("0.5")}
    assert await desk.session.scalar(select(func.count()).select_from(Fill)) == 1


async def test_two_processes_booking_the_same_fill_book_it_once(database: Database) -> None:
    async with database.transaction() as session:
        user_id = await add_user(session)
        connection_id = await add_connection(session, user_id)
        report = Desk(session, user_id, connection_id).report("2")

    async def book() -> bool:
        async with database.transaction() as session:
            return await book_fill(session, connection_id=connection_id, report=report, order=None, now=NOW)

    assert sorted(await asyncio.gather(book(), book(), book())) == [False, False, True]
    async with database.transaction() as session:
        assert await holdings(session, connection_id) == {(None, BTC): D(2)}


async def test_the_same_venue_id_on_another_connection_is_another_fill(desk: Desk) -> None:
    other = await add_connection(desk.session, desk.user_id)
    report = await desk.fill("1")

    assert await book_fill(desk.session, connection_id=other, report=report, order=None, now=NOW)


async def test_a_manual_fill_is_manual_and_marks_what_it_ate(desk: Desk) -> None:
    sleeve = await desk.sleeve()
    await desk.fill("5", by=sleeve)
    await desk.fill("-2", "110")

    assert await desk.held() == {sleeve: 5, None: -2}
    assert await desk.altered() == {sleeve: -2}
    assert await closable(desk.session, sleeve) == {BTC: 3}


async def test_manual_fills_go_on_eating_and_never_beyond_the_sleeve(desk: Desk) -> None:
    sleeve = await desk.sleeve()
    await desk.fill("5", by=sleeve)
    for _ in range(4):
        await desk.fill("-2")

    assert await desk.held() == {sleeve: 5, None: -8}
    assert await desk.altered() == {sleeve: -5}
    assert await closable(desk.session, sleeve) == {}


async def test_what_the_user_bought_back_by_hand_is_his_to_sell(desk: Desk) -> None:
    sleeve = await desk.sleeve()
    await desk.fill("5", by=sleeve)
    await desk.fill("-2")
    await desk.fill("1")
    await desk.fill("-1")

    assert await desk.altered() == {sleeve: -2}


async def test_the_users_own_short_is_not_an_alteration(desk: Desk) -> None:
    await desk.fill("-2")
    sleeve = await desk.sleeve()
    await desk.fill("5", by=sleeve)

    assert await desk.altered() == {}
    assert await closable(desk.session, sleeve) == {BTC: 5}


async def test_a_manual_fill_read_late_does_not_count_against_a_later_sleeve(desk: Desk) -> None:
    sleeve = await desk.sleeve()
    await desk.fill("5", by=sleeve, at=NOW + 10 * SECOND)
    await desk.fill("-2", at=NOW + 5 * SECOND)

    assert await desk.held() == {sleeve: 5, None: -2}
    assert await desk.altered() == {}


async def test_closing_moves_the_altered_part_at_the_price_it_was_sold_at(desk: Desk) -> None:
    sleeve = await desk.sleeve()
    await desk.fill("5", "100", by=sleeve)
    await desk.fill("-2", "110")
    await desk.fill("-3", "120", by=sleeve)

    assert await settle_alterations(desk.session, sleeve_id=sleeve, now=NOW + timedelta(minutes=1)) == {
        BTC: -2
    }
    assert await desk.held() == {}
    legs = fold(await repository.lines_of(desk.session, sleeve))
    assert legs[BTC].realised == 3 * 20 + 2 * 10
    assert await desk.altered() == {}
    assert await settle_alterations(desk.session, sleeve_id=sleeve, now=NOW + timedelta(minutes=2)) == {}


async def test_an_alteration_of_what_is_no_longer_there_moves_nothing(desk: Desk) -> None:
    sleeve = await desk.sleeve()
    await desk.fill("5", by=sleeve)
    await desk.fill("-2")
    await desk.fill("-4", by=sleeve)

    assert await settle_alterations(desk.session, sleeve_id=sleeve, now=NOW) == {BTC: -1}
    assert await desk.held() == {None: -1}


async def test_a_forced_fill_is_shared_out_and_shown_as_altered(desk: Desk) -> None:
    large, small = await desk.sleeve(), await desk.sleeve()
    await desk.fill("0.003", by=large)
    await desk.fill("0.002", by=small)
    await desk.fill("0.001")
    await desk.fill("-0.002", "90", exec_type="AdlTrade")

    assert await desk.held() == {large: D("0.002"), small: D("0.001"), None: D("0.001")}
    rows = (await desk.session.scalars(select(Alteration).order_by(Alteration.quantity))).all()
    assert [(row.quantity, row.settled_at is not None) for row in rows] == [(D("-0.001"), True)] * 2
    fees = await desk.session.scalar(
        select(func.sum(Posting.amount)).where(Posting.kind == "fee", Posting.reference == "e4")
    )
    assert fees == D("-0.06")


async def test_a_delisting_leaves_everybody_flat_also_with_opposite_holders(desk: Desk) -> None:
    long, short = await desk.sleeve(), await desk.sleeve()
    await desk.fill("3", by=long)
    await desk.fill("-1", by=short)
    await desk.fill("2")
    await desk.fill("-4", exec_type="Delivery")

    assert await desk.held() == {}


async def test_a_delisting_after_a_part_was_sold_by_hand(desk: Desk) -> None:
    """The venue closes the 3 that are left; the 2 sold by hand remain to be booked at their own price."""
    sleeve = await desk.sleeve()
    await desk.fill("5", "100", by=sleeve)
    await desk.fill("-2", "110")
    await desk.fill("-3", "50", exec_type="Delivery")

    assert await closable(desk.session, sleeve) == {}
    await settle_alterations(desk.session, sleeve_id=sleeve, now=NOW + timedelta(minutes=1))
    assert await desk.held() == {}
    assert fold(await repository.lines_of(desk.session, sleeve))[BTC].realised == 2 * 10 - 3 * 50


async def test_funding_is_shared_by_who_held_it_at_the_time(desk: Desk) -> None:
    early, late = await desk.sleeve(), await desk.sleeve()
    await desk.fill("3", by=early, at=NOW)
    await desk.fill("1", at=NOW)
    await desk.fill("9", by=late, at=NOW + timedelta(hours=2))

    assert await desk.funding("-0.00000010", "4", at=NOW + timedelta(hours=1))
    assert await desk.funded() == {
        early: D("-0.00000007"),
        None: D("-0.00000003"),
    } or await desk.funded() == {
        early: D("-0.00000008"),
        None: D("-0.00000002"),
    }
    assert sum((await desk.funded()).values()) == D("-0.00000010")


async def test_funding_counts_once_and_opposite_holders_pay_each_other(desk: Desk) -> None:
    sleeve = await desk.sleeve()
    await desk.fill("-2")
    await desk.fill("5", by=sleeve)

    assert await desk.funding("-0.3", "3")
    assert not await desk.funding("-0.3", "3")
    assert await desk.funded() == {sleeve: D("-0.5"), None: D("0.2")}


async def test_funding_after_a_part_was_sold_by_hand_belongs_to_what_was_left(desk: Desk) -> None:
    sleeve = await desk.sleeve()
    await desk.fill("5", by=sleeve)
    await desk.fill("-2")
    await desk.funding("-0.3", "3")

    assert await desk.funded() == {sleeve: D("-0.3")}


async def test_funding_goes_by_the_size_the_venue_paid_on(desk: Desk) -> None:
    """Half of what the venue paid on is not in our books yet: it cannot be the sleeve's."""
    sleeve = await desk.sleeve()
    await desk.fill("3", by=sleeve)
    await desk.funding("-0.6", "6")

    assert await desk.funded() == {sleeve: D("-0.3"), None: D("-0.3")}


async def test_funding_of_a_position_nobody_here_holds_is_manual(desk: Desk) -> None:
    await desk.funding("0.3", "0")

    assert await desk.funded() == {None: D("0.3")}


async def test_the_opening_is_written_once(desk: Desk) -> None:
    found = [
        VenuePosition("BTCUSDT", D("-0.5"), D(100), D(90), D(5), D(1), None, False),
        VenuePosition("ETHUSDT", D(2), D(10), D(9), D(-2), D(1), None, False),
    ]
    for _ in range(2):
        await book_opening(desk.session, connection_id=desk.connection_id, positions=found, now=NOW)

    assert await holdings(desk.session, desk.connection_id) == {
        (None, "BTCUSDT"): D("-0.5"),
        (None, "ETHUSDT"): 2,
    }
    cash = await desk.session.scalar(select(func.sum(Posting.amount)).where(Posting.asset == "USDT"))
    assert cash == 50 - 20


async def test_remainders_of_several_symbols_go_to_the_user_without_profit_or_loss(desk: Desk) -> None:
    sleeve = await desk.sleeve()
    await desk.fill("5", "100", by=sleeve)
    await desk.fill("-4", "120", by=sleeve)
    other = replace(desk.report("-3", "7"), symbol="XUSDT")
    await book_fill(
        desk.session, connection_id=desk.connection_id, report=other, order=(uuid4(), sleeve), now=NOW
    )

    for expected in (["1 BTCUSDT", "3 XUSDT"], []):
        moved = await release_remainders(desk.session, sleeve, reference="close:1", now=NOW + 60 * SECOND)
        assert moved == expected
    legs = fold(await repository.lines_of(desk.session, sleeve))
    assert (legs[BTC].quantity, legs[BTC].realised) == (0, 80)
    assert (legs["XUSDT"].quantity, legs["XUSDT"].realised) == (0, 0)
    assert await holdings(desk.session, desk.connection_id) == {(None, BTC): 1, (None, "XUSDT"): -3}


async def test_a_sleeve_that_does_not_exist(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await settle_alterations(desk.session, sleeve_id=uuid4(), now=NOW)
    with pytest.raises(NotFound):
        await release_remainders(desk.session, uuid4(), reference="x", now=NOW)
