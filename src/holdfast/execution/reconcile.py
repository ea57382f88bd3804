"""Start-up, reconnect and every minute: our books against the venue's.

The sum of all sleeves and the manual holding must be what the venue says. Where it is not, the instrument
halts and says why; it goes on by itself once the books agree again.
"""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.money import plain
from holdfast.execution import intake, repository
from holdfast.platform.tasks import RetryAt, Work
from holdfast.portfolio.booking import book_fill, book_funding, book_opening, holdings
from holdfast.portfolio.models import BalanceSnapshot, FeeRate, Halt
from holdfast.venues.protocol import Balance, FillReport, Rejected, TradingVenue, VenuePosition

log = structlog.get_logger(__name__)

OVERLAP = timedelta(minutes=2)
"""Read again a little of what was read: records may arrive late, and booking them twice changes nothing."""
LONG_OVERLAP = timedelta(days=1)
"""The same, once the books and the venue disagree."""
FUNDING_OVERLAP = timedelta(hours=1)
FEES_LAST = timedelta(days=1)
BEGINNINGS = 5
"""How often to look for a moment without trades before trying again later."""
SECOND_LOOK = 0.4
"""Seconds to wait before a difference is believed: a trade may have fallen between two reads."""


async def reconcile_connection(work: Work, door: TradingVenue, connection_id: UUID) -> list[str]:
    """Bring the books of one connection up to date and compare them. The caller holds the connection's lock.

    Returns:
        The symbols that are halted afterwards.

    Raises:
        Unreachable, KeyRefused, RateLimited: as the venue answers; nothing is half done.
    """
    async with work.database.sessions() as session:
        begun_at = (await session.get_one(Connection, connection_id)).begun_at
    if begun_at is None:
        await _begin(work, door, connection_id)
    await _read_history(work, door, connection_id)
    differences = await _differences(work, door, connection_id)
    if differences:
        await asyncio.sleep(SECOND_LOOK)
        await _read_history(work, door, connection_id, overlap=LONG_OVERLAP)
        differences = await _differences(work, door, connection_id)
    await _write_halts(work, connection_id, differences)
    await _keep_fee_rates(work, door, connection_id)
    return sorted(differences)


async def _begin(work: Work, door: TradingVenue, connection_id: UUID) -> None:
    """What the account holds at the moment the connection begins is the user's own."""
    for _ in range(BEGINNINGS):
        moment = await door.server_time()
        positions = await door.positions()
        if not await door.fills_since(moment):
            break
    else:
        raise RetryAt(5, "the account trades all the time; waiting for a quiet moment to begin the books")
    async with work.database.transaction() as session:
        connection = await session.get_one(Connection, connection_id, with_for_update=True)
        await book_opening(session, connection_id=connection_id, positions=positions, now=moment)
        connection.begun_at = connection.fills_since = connection.funding_since = moment


async def _read_history(
    work: Work, door: TradingVenue, connection_id: UUID, *, overlap: timedelta = OVERLAP
) -> None:
    async with work.database.sessions() as session:
        connection = await session.get_one(Connection, connection_id)
    begun = connection.begun_at or work.clock.now()
    read_fills = max(begun, (connection.fills_since or begun) - overlap)
    read_funding = max(begun, (connection.funding_since or begun) - FUNDING_OVERLAP)
    moment = await door.server_time()
    fills, funding, balance = await asyncio.gather(
        door.fills_since(read_fills), door.funding_since(read_funding), door.balance()
    )
    async with work.database.transaction() as session:
        connection = await session.get_one(Connection, connection_id, with_for_update=True)
        booked = await repository.booked_ids(session, connection_id, [fill.exec_id for fill in fills])
        for fill in fills:
            if fill.exec_id not in booked:
                await _take_in(session, connection, fill, now=work.clock.now())
        for payment in funding:
            await book_funding(session, connection_id=connection_id, report=payment, now=work.clock.now())
        await _keep_balance(session, connection_id, balance, now=work.clock.now())
        connection.fills_since = connection.funding_since = moment
        connection.reconciled_at = work.clock.now()


async def _take_in(session: AsyncSession, connection: Connection, fill: FillReport, *, now: datetime) -> None:
    order = await intake.own_order(session, connection.id, fill.client_id)
    if order:
        await intake.take_fill(session, order, fill, now=now, source="reconciliation")
    elif await book_fill(session, connection_id=connection.id, report=fill, order=None, now=now):
        log.info("a trade outside Holdfast was adopted", connection=str(connection.id), symbol=fill.symbol)


async def _keep_balance(
    session: AsyncSession, connection_id: UUID, balance: Balance, *, now: datetime
) -> None:
    values = {
        "equity": balance.equity,
        "available": balance.available,
        "wallet": balance.wallet,
        "initial_margin": balance.initial_margin,
        "maintenance_rate": balance.maintenance_rate,
        "taken_at": now,
    }
    row = insert(BalanceSnapshot).values(connection_id=connection_id, **values)
    await session.execute(
        row.on_conflict_do_update(index_elements=[BalanceSnapshot.connection_id], set_=values)
    )


async def _keep_fee_rates(work: Work, door: TradingVenue, connection_id: UUID) -> None:
    """Once a day. A venue that does not tell (Bybit's demo trading) leaves the standard rate in place."""
    now = work.clock.now()
    async with work.database.sessions() as session:
        seen_at = await session.scalar(
            select(func.max(FeeRate.seen_at)).where(FeeRate.connection_id == connection_id)
        )
    if seen_at and now - seen_at < FEES_LAST:
        return
    try:
        rates = await door.fee_rates()
    except Rejected as error:
        log.info("the venue does not tell its fees", connection=str(connection_id), reason=str(error))
        return
    if not rates:
        return
    async with work.database.transaction() as session:
        await session.execute(delete(FeeRate).where(FeeRate.connection_id == connection_id))
        session.add_all(
            FeeRate(
                connection_id=connection_id,
                symbol=rate.symbol,
                taker=rate.taker,
                maker=rate.maker,
                seen_at=now,
            )
            for rate in rates.values()
        )


async def _differences(work: Work, door: TradingVenue, connection_id: UUID) -> dict[str, str]:
    """Symbols in which our books and the venue's disagree, each with the reason in words."""
    positions = await door.positions()
    async with work.database.sessions() as session:
        held = await holdings(session, connection_id)
        doubtful = {order.symbol for order in await repository.orders_in_doubt(session, connection_id)}
    ours: dict[str, Decimal] = {}
    for (_, symbol), quantity in held.items():
        ours[symbol] = ours.get(symbol, Decimal(0)) + quantity
    return compare(ours, positions, doubtful)


def compare(ours: dict[str, Decimal], positions: list[VenuePosition], doubtful: set[str]) -> dict[str, str]:
    """Pure part of the comparison. An instrument with an order in doubt is not judged: the order is."""
    venues = {position.symbol: position.quantity for position in positions}
    reasons = {
        symbol: (
            f"Bybit says the account holds {plain(venues.get(symbol, Decimal(0)))}, "
            f"Holdfast's books say {plain(ours.get(symbol, Decimal(0)))}."
        )
        for symbol in ours.keys() | venues.keys()
        if symbol not in doubtful and venues.get(symbol, Decimal(0)) != ours.get(symbol, Decimal(0))
    }
    hedged = {position.symbol for position in positions if position.hedge_mode}
    return reasons | dict.fromkeys(
        hedged, "The symbol is in hedge mode at Bybit; Holdfast trades one-way only."
    )


async def _write_halts(work: Work, connection_id: UUID, differences: dict[str, str]) -> None:
    async with work.database.transaction() as session:
        rows = await session.scalars(select(Halt).where(Halt.connection_id == connection_id))
        known = {halt.symbol: halt for halt in rows}
        for symbol, reason in differences.items():
            if symbol in known:
                known[symbol].reason = reason
                continue
            session.add(
                Halt(connection_id=connection_id, symbol=symbol, reason=reason, since=work.clock.now())
            )
            log.warning("instrument halted", connection=str(connection_id), symbol=symbol, reason=reason)
        healed = known.keys() - differences.keys()
        if healed:
            await session.execute(
                delete(Halt).where(Halt.connection_id == connection_id, Halt.symbol.in_(healed))
            )
            log.info("instruments trade again", connection=str(connection_id), symbols=sorted(healed))
