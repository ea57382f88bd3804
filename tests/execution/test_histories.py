"""One history of an account, told in many ways, leaves the same books.

Own fills, trades by hand, forced trades and payments are mixed at random. What the venue's lists say comes in
readings that are cut anywhere, each shuffled and with repetitions and an overlap; own fills are also told by
the account stream, early, twice and in any order. The measure is the same history read after each event.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from tests.execution.conftest import LEGS, NOW, Desk, connection_row
from tests.execution.scripted_venue import ScriptedVenue
from tests.execution.test_reconcile import reconciled

from holdfast.accounts.models import User
from holdfast.core.time import to_ms
from holdfast.execution import intake
from holdfast.execution.models import Order
from holdfast.execution.orders import OrderState
from holdfast.portfolio.models import Alteration, Posting
from holdfast.venues.bybit import parse
from holdfast.venues.bybit.fields import Row
from holdfast.venues.protocol import FillReport, FundingReport

SYMBOLS = ("BTCUSDT", "ETHUSDT")
SLEEVES = ("first", "second")
KINDS = ("own",) * 8 + ("Trade",) * 3 + ("AdlTrade", "AdlTrade", "BustTrade", "Funding", "Funding")
WAYS = 4
Books = tuple[list[object], list[object]]


@dataclass(frozen=True)
class Event:
    """What happened ``number`` seconds after the beginning. ``sleeve``: whose order was filled; "": nobody's
    here. A payment has no side."""

    number: int
    symbol: str
    kind: str
    signed: Decimal
    price: Decimal
    sleeve: str = ""

    @property
    def at(self) -> datetime:
        return NOW + timedelta(seconds=60 + self.number)

    def row(self, names: dict[tuple[str, str], str]) -> Row:
        """As the venue's lists have it."""
        stamp, side = str(to_ms(self.at)), "Buy" if self.signed > 0 else "Sell"
        if self.kind == "Funding":
            return {
                "type": "SETTLEMENT",
                "id": f"f{self.number}",
                "tradeId": "t",
                "symbol": self.symbol,
                "side": side,
                "currency": "USDT",
                "funding": str(self.price),
                "feeRate": "0.0001",
                "size": str(self.signed),
                "transactionTime": stamp,
            }
        return {
            "execId": f"e{self.number}",
            "orderId": f"v{self.number}",
            "orderLinkId": names.get((self.sleeve, self.symbol), ""),
            "symbol": self.symbol,
            "side": side,
            "execType": self.kind,
            "execQty": str(abs(self.signed)),
            "execPrice": str(self.price),
            "execFee": str(abs(self.signed) * self.price * Decimal("0.0005")),
            "feeCurrency": "USDT",
            "isMaker": False,
            "execTime": stamp,
        }


def story(dice: Random) -> list[Event]:
    """Two positions are opened in pieces while the user trades beside them, the venue takes and pays."""
    left = {
        (sleeve, symbol): side.sign * Decimal(quantity)
        for sleeve in SLEEVES
        for symbol, side, quantity in LEGS
        if symbol in SYMBOLS
    }
    net, events = dict.fromkeys(SYMBOLS, Decimal(0)), []
    for number, kind in enumerate(dice.sample(KINDS, len(KINDS))):
        symbol, price, sleeve = dice.choice(SYMBOLS), Decimal(dice.randint(900, 1100)) / 10, ""
        signed = Decimal(dice.choice((-1, 1)) * dice.randint(1, 9)) / 10
        if kind == "own":
            kind, sleeve = "Trade", dice.choice(SLEEVES)
            whole = left[sleeve, symbol]
            signed = min(abs(whole), Decimal(dice.randint(1, 8)) / 10).copy_sign(whole)
            left[sleeve, symbol] -= signed
        elif kind == "Funding":
            signed, price = net[symbol], price / 1000 * dice.choice((-1, 1))
        elif kind != "Trade":
            signed = -net[symbol] * Decimal(dice.randint(1, 10)) / 10
        if not signed:
            continue
        events.append(Event(number, symbol, kind, signed, price, sleeve))
        if kind != "Funding":
            net[symbol] += signed
    return events


@dataclass
class Account(ScriptedVenue):
    """Tells its lists in no order, and some rows twice."""

    dice: Random = field(default_factory=Random)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    happened: list[Event] = field(default_factory=list)

    def _rows(self, since: datetime) -> list[Row]:
        rows = [event.row(self.names) for event in self.happened if event.at >= since]
        rows += self.dice.choices(rows, k=3) if rows else []
        self.dice.shuffle(rows)
        return rows

    async def fills_since(self, since: datetime) -> list[FillReport]:
        return parse.fills(row for row in self._rows(since) if "execId" in row)

    async def funding_since(self, since: datetime) -> list[FundingReport]:
        return parse.funding(row for row in self._rows(since) if "tradeId" in row)

    def net(self, symbol: str) -> Decimal:
        moves = (event for event in self.happened if event.symbol == symbol and event.kind != "Funding")
        return sum((event.signed for event in moves), Decimal(0))

    async def positions(self):
        return [self._position(symbol) for symbol in SYMBOLS if self.net(symbol)]


async def moved_in(desk: Desk, dice: Random) -> tuple[Desk, Account]:
    """Another user with an account of their own, on which two openings are under way."""
    venue, user_id, connection_id = Account(desk.clock, dice=dice), uuid4(), uuid4()
    desk.clock.moment = NOW
    async with desk.database.transaction() as session:
        session.add(User(id=user_id, is_demo=True, created_at=NOW))
        await session.flush()
        session.add(connection_row(connection_id, user_id))
    own = replace(desk, venue=venue, user_id=user_id, connection_id=connection_id)
    assert await reconciled(own) == []
    for sleeve in SLEEVES:
        execution_id = await own.confirm(await own.plan())
        async with own.database.transaction() as session:
            for order in await session.scalars(select(Order).where(Order.execution_id == execution_id)):
                order.state, order.sent_at = OrderState.ACCEPTED, NOW
                venue.names[sleeve, order.symbol] = order.client_id
    return own, venue


async def hear(desk: Desk, venue: Account, events: Sequence[Event]) -> None:
    """The account stream tells of own fills."""
    for event in events:
        (fill,) = parse.fills([event.row(venue.names)])
        async with desk.database.transaction() as session:
            order = await intake.own_order(session, desk.connection_id, fill.client_id)
            assert order is not None
            await intake.take_fill(session, order, fill, now=desk.clock.now(), source="stream")


async def books(desk: Desk, venue: Account) -> Books:
    async with desk.database.sessions() as session:
        orders = await session.scalars(select(Order).where(Order.connection_id == desk.connection_id))
        named = {client_id: sleeve for (sleeve, _), client_id in venue.names.items()}
        whose: dict[UUID | None, str] = {order.sleeve_id: named[order.client_id] for order in orders}
        postings = await session.scalars(select(Posting).where(Posting.connection_id == desk.connection_id))
        altered = await session.scalars(select(Alteration).where(Alteration.sleeve_id.in_(whose)))
        return (
            sorted(
                (whose.get(p.sleeve_id, ""), p.reference, p.kind, p.asset, p.amount, p.at) for p in postings
            ),
            sorted((whose[a.sleeve_id], a.exec_id, a.symbol, a.quantity, a.price, a.at) for a in altered),
        )


async def told(desk: Desk, events: Sequence[Event], dice: Random, *, whole: bool) -> Books:
    """``whole``: read after each event, and nothing comes over the stream."""
    own, venue = await moved_in(desk, dice)
    for event in events:
        venue.happened.append(event)
        own.clock.moment = event.at + timedelta(milliseconds=100)
        heard = [one for one in venue.happened if one.sleeve and not whole and dice.random() < 0.15]
        await hear(own, venue, dice.sample(heard, len(heard)))
        if whole or event is events[-1] or dice.random() < 0.25:
            assert await reconciled(own) == []
    return await books(own, venue)


@pytest.mark.parametrize("seed", range(4))
async def test_every_way_of_telling_a_history_leaves_the_same_books(desk: Desk, seed: int) -> None:
    dice = Random(seed)
    events = story(dice)
    expected = await told(desk, events, dice, whole=True)
    for _ in range(WAYS):
        assert await told(desk, events, dice, whole=False) == expected
