"""However a history is cut into readings, and however often it is read, it makes the same incidents."""

from dataclasses import replace
from decimal import Decimal
from random import Random
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from tests.execution.conftest import NOW, Desk, connection_row
from tests.execution.scripted_venue import ScriptedVenue
from tests.execution.test_reconcile import reconciled

from holdfast.core.instruments import Side
from holdfast.execution.incidents.models import Incident
from holdfast.portfolio.booking import book_fill
from holdfast.portfolio.models import Alteration, Sleeve
from holdfast.venues.protocol import FillReport

Told = tuple[str, str, str, str, bool, bool]


async def a_desk(desk: Desk) -> Desk:
    """The same user at another account, with one position of Holdfast's in it."""
    other = replace(desk, venue=ScriptedVenue(desk.clock), connection_id=uuid4())
    async with desk.database.transaction() as session:
        session.add(connection_row(other.connection_id, desk.user_id))
    await reconciled(other)
    await desk.clock.sleep(5)
    sleeve_id = uuid4()
    async with desk.database.transaction() as session:
        session.add(a_sleeve(sleeve_id, other))
        await session.flush()
        for number, (symbol, side) in enumerate((("BTCUSDT", Side.BUY), ("ETHUSDT", Side.SELL))):
            fill = FillReport(
                f"own{number}", f"o{number}", f"hf-x{number}", symbol, side, "Trade", Decimal(2),
                Decimal(100), Decimal(0), "USDT", False, desk.clock.now(),
            )  # fmt: skip
            other.venue.fills.append(fill)
            owner = (uuid4(), sleeve_id)
            await book_fill(
                session, connection_id=other.connection_id, report=fill, order=owner, now=desk.clock.now()
            )
    await desk.clock.sleep(5)
    return other


def a_sleeve(sleeve_id: UUID, desk: Desk) -> Sleeve:
    return Sleeve(
        id=sleeve_id,
        user_id=desk.user_id,
        connection_id=desk.connection_id,
        index_id="eth-btc",
        index_version="1",
        direction="long",
        size=Decimal(400),
        entry_level=1.0,
        state="active",
        created_at=NOW,
    )


def history(seed: int) -> list[tuple[str, Side, str, str, str]]:
    """Trades of a few orders, by hand and forced, some beside the position and some into it."""
    random = Random(seed)
    orders = []
    for number in range(4):
        kind = random.choice(["Trade", "Trade", "AdlTrade", "BustTrade", "Delivery"])
        symbol = random.choice(["BTCUSDT", "ETHUSDT", "XRPUSDT"])
        closing = Side.SELL if symbol == "BTCUSDT" else Side.BUY
        side = closing if kind != "Trade" else random.choice([Side.BUY, Side.SELL])
        orders.append((symbol, side, kind, f"m{number}"))
    found = []
    for symbol, side, kind, name in orders:
        found += [
            (symbol, side, f"0.{random.randint(1, 6)}", kind, name) for _ in range(random.randint(1, 3))
        ]
    if random.random() < 0.5:
        random.shuffle(found)
    return found


async def told(desk: Desk) -> list[Told]:
    async with desk.database.sessions() as session:
        rows = await session.scalars(select(Incident).where(Incident.connection_id == desk.connection_id))
        return sorted(
            (row.kind, row.reference.rpartition(str(row.sleeve_id or "-"))[0] or row.reference, row.title,
             row.text, row.settled_at is not None, row.sleeve_id is not None)
            for row in rows
        )  # fmt: skip


async def altered(desk: Desk) -> Decimal:
    async with desk.database.sessions() as session:
        rows = await session.scalars(
            select(Alteration).join(Sleeve).where(Sleeve.connection_id == desk.connection_id)
        )
        return sum((abs(row.quantity) for row in rows), Decimal(0))


async def test_an_order_that_first_sells_ones_own_and_then_the_positions_is_told_once(desk: Desk):
    at_once, bit_by_bit = await a_desk(desk), await a_desk(desk)
    for side, quantity, name in ((Side.BUY, "0.5", "m0"), (Side.SELL, "0.3", "m1"), (Side.SELL, "0.4", "m1")):
        for each in (at_once, bit_by_bit):
            each.venue.trade_by_hand("BTCUSDT", side, quantity, order_id=name)
        await desk.clock.sleep(1)
        await reconciled(bit_by_bit)
    await reconciled(at_once)
    assert await told(at_once) == await told(bit_by_bit)
    assert await altered(bit_by_bit) == Decimal("0.2")
    assert [one[5] for one in await told(bit_by_bit)] == [False, True]


@pytest.mark.parametrize("seed", range(6))
async def test_one_reading_or_many_make_the_same_incidents(desk: Desk, seed: int):
    at_once, bit_by_bit = await a_desk(desk), await a_desk(desk)
    random = Random(seed)
    for symbol, side, quantity, kind, name in history(seed):
        for each in (at_once, bit_by_bit):
            each.venue.trade_by_hand(symbol, side, quantity, exec_type=kind, order_id=name)
        await desk.clock.sleep(1)
        for _ in range(random.randint(0, 2)):
            await reconciled(bit_by_bit)
    for each in (at_once, bit_by_bit):
        for _ in range(2):
            assert await reconciled(each) == []
    assert await altered(at_once) == await altered(bit_by_bit)
    assert await told(at_once) == await told(bit_by_bit)
