"""What a preview is made of: the account as the ledger knows it, and the market as the venue tells it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.errors import NotFound, Unavailable
from holdfast.core.instruments import Instrument, InstrumentStatus
from holdfast.indices.board import IndexBoard
from holdfast.market.instruments import InstrumentBook
from holdfast.platform.database import Database
from holdfast.portfolio import repository
from holdfast.portfolio.endings import by_hand_parts, closable
from holdfast.portfolio.models import BalanceSnapshot
from holdfast.portfolio.plan import Held
from holdfast.portfolio.positions import names_of
from holdfast.portfolio.sweep import MAKER_FEE, LegMarket
from holdfast.venues.protocol import PriceLimit, PublicVenue, Rejected, VenueError

BOOK_DEPTH: Final = 200
FRESH: Final = timedelta(seconds=15)
FIRST_READING_SECONDS: Final = 6.0
"""How long a preview waits for the books of a connection that was made a moment ago."""
_LOOK_EVERY_SECONDS: Final = 0.2
TAKER_FEE: Final = Decimal("0.00055")
"""Bybit's standard rate for linear contracts, used (and said) where the account's own is not known."""

Names = dict[str, tuple[str, str, str]]
"""Asset id, name and ticker by symbol."""


@dataclass(frozen=True, slots=True)
class World:
    """What a preview looks at outside the ledger."""

    indices: IndexBoard
    instruments: InstrumentBook
    venue: PublicVenue


@dataclass(frozen=True, slots=True)
class Account:
    """One connection as the ledger knows it: halt reasons, fee rates (taker, maker), whole positions and the
    user's own, by symbol."""

    connection: Connection
    balance: BalanceSnapshot | None
    halts: dict[str, str]
    fees: dict[str, tuple[Decimal, Decimal]]
    net: dict[str, Decimal]
    manual: dict[str, Decimal]

    @property
    def available(self) -> Decimal | None:
        return self.balance.available if self.balance else None

    @property
    def is_being_read(self) -> bool:
        """Whether its key works, or may, and its first balance is still to come."""
        return self.balance is None and self.connection.state in ("checking", "active")

    def wants_a_look(self, now: datetime) -> bool:
        """Whether the balance shown is old enough to be read again before the user confirms."""
        if self.connection.state != "active":
            return False
        return self.balance is None or now - self.balance.taken_at > FRESH


async def account_of(session: AsyncSession, user_id: UUID, connection_id: UUID) -> Account:
    connection = await repository.connection_of(session, user_id, connection_id)
    if connection is None:
        raise NotFound("There is no such connection.", advice="Choose one of your connections.")
    halts = await repository.halts_of(session, [connection_id])
    net: dict[str, Decimal] = {}
    manual: dict[str, Decimal] = {}
    for (sleeve_id, symbol), quantity in (await repository.quantities(session, connection_id)).items():
        net[symbol] = net.get(symbol, Decimal(0)) + quantity
        if sleeve_id is None:
            manual[symbol] = quantity
    return Account(
        connection=connection,
        balance=await repository.balance_of(session, connection_id),
        halts={symbol: reason for (_, symbol), reason in halts.items()},
        fees=await repository.fee_rates(session, connection_id),
        net=net,
        manual=manual,
    )


async def account_once_read(database: Database, user_id: UUID, connection_id: UUID) -> Account:
    """As ``account_of``; an account that is being read for the first time is waited for a little, so that
    nobody who has just connected it is sent away."""
    for _ in range(int(FIRST_READING_SECONDS / _LOOK_EVERY_SECONDS)):
        async with database.transaction() as session:
            account = await account_of(session, user_id, connection_id)
        if not account.is_being_read:
            return account
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
    return account


async def names_in(session: AsyncSession, sleeve_id: UUID) -> Names:
    plans = await repository.shaping_plans(session, [sleeve_id])
    return names_of(plans.get(sleeve_id, []))


async def held_in(session: AsyncSession, sleeve_id: UUID, account: Account, names: Names) -> list[Held]:
    left = await closable(session, sleeve_id)
    by_hand: dict[str, list[tuple[Decimal, Decimal]]] = {}
    alterations = await repository.open_alterations_of(session, sleeve_id)
    held = await repository.sleeve_quantities(session, sleeve_id)
    for alteration, part in by_hand_parts(held, alterations):
        by_hand.setdefault(alteration.symbol, []).append((part, alteration.price))
    return [
        Held(
            symbol=symbol,
            asset_id=names[symbol][0] if symbol in names else symbol,
            quantity=left.get(symbol, Decimal(0)),
            net=account.net.get(symbol, Decimal(0)),
            by_hand=tuple(by_hand.get(symbol, ())),
        )
        for symbol in {**left, **by_hand}
    ]


async def markets_of(world: World, symbols: Iterable[str], account: Account) -> dict[str, LegMarket]:
    """Order book, price band and status of every leg, asked for side by side."""
    markets = await asyncio.gather(*(_market(world, symbol, account) for symbol in symbols))
    return {market.instrument.symbol: market for market in markets if market is not None}


async def _market(world: World, symbol: str, account: Account) -> LegMarket | None:
    """``None`` if the venue does not list it. Raises ``Unavailable`` if the venue does not answer."""
    instrument = world.instruments.get(symbol)
    if instrument is None:
        return None
    halt = account.halts.get(symbol, "")
    taker, maker = account.fees.get(symbol, (TAKER_FEE, MAKER_FEE))
    if halt:
        return LegMarket(instrument, (), (), taker, trouble=f"trading is halted. {halt}")
    try:
        book, band, present = await asyncio.gather(
            world.venue.book(symbol, depth=BOOK_DEPTH),
            _price_band(world.venue, symbol),
            _as_it_is(world.venue, instrument),
        )
    except Rejected as error:
        return LegMarket(instrument, (), (), taker, trouble=f"the venue has no order book of it ({error})")
    except VenueError as error:
        raise Unavailable(
            f"Bybit does not answer at the moment ({error}). Nothing was traded.",
            advice="Try again in a few seconds.",
        ) from error
    return LegMarket(
        present,
        book.bids,
        book.asks,
        taker,
        highest_buy=band.highest_buy if band else None,
        lowest_sell=band.lowest_sell if band else None,
        maker=maker,
    )


async def _as_it_is(venue: PublicVenue, known: Instrument) -> Instrument:
    """A market may halt at any moment, and the list of instruments is read once an hour."""
    now = await venue.instrument(known.symbol)
    if now is None:
        return replace(known, status=InstrumentStatus.CLOSED)
    return replace(known, status=now.status, delivery_at=now.delivery_at)


async def _price_band(venue: PublicVenue, symbol: str) -> PriceLimit | None:
    """The band only narrows limit prices; without it the order itself finds out."""
    try:
        return await venue.price_limit(symbol)
    except VenueError:
        return None
