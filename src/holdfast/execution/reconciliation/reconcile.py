"""Start-up, reconnect and every minute: our books against the venue's.

The sum of all sleeves and the manual holding must be what the venue says. Where it is not, the instrument
halts and says why; it goes on by itself once the books agree again. What else the venue has done or become is
told as incidents (``incidents.py``).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.money import plain
from holdfast.execution import intake, repository
from holdfast.execution.emergency import books as emergency_books
from holdfast.execution.incidents import incidents, words
from holdfast.execution.incidents.account import (
    delistings,
    held_symbols,
    judged_kinds,
    venue_conditions,
)
from holdfast.execution.incidents.trades import note_strangers, settle_passed, take_own_fill
from holdfast.execution.progress import publish
from holdfast.execution.reconciliation.orders import mend_orders
from holdfast.execution.reconciliation.wallet import keep_balance, keep_fee_rates
from holdfast.platform.jobs import LeaseLost, enqueue
from holdfast.platform.tasks import RetryAt, Work
from holdfast.portfolio.booking import book_fill, book_funding, book_opening, holdings
from holdfast.portfolio.ledger import QUOTE
from holdfast.portfolio.models import Halt
from holdfast.portfolio.repository import booked_funding, lock_ledger
from holdfast.venues.protocol import (
    AccountInfo,
    Balance,
    FillReport,
    FundingReport,
    TradingVenue,
    VenueError,
    VenuePosition,
)

log = structlog.get_logger(__name__)

OVERLAP: Final = timedelta(minutes=2)
"""Read again a little of what was read: records may arrive late, and booking them twice changes nothing."""
LONG_OVERLAP: Final = timedelta(days=1)
"""The same, once the books and the venue disagree."""
FUNDING_OVERLAP: Final = timedelta(hours=1)
DAILY_OVERLAP: Final = timedelta(days=2)
"""The first reading of a day looks so far back, for records that came very late and moved no quantity."""
BEGINNINGS: Final = 5
"""How often to look for a moment without trades before trying again later."""
SECOND_LOOK: Final = 0.4
"""Seconds to wait before a difference, or the opening of the books, is believed: a trade may have fallen
between two reads."""
RECENT: Final = timedelta(seconds=90)
"""A reconciliation older than this is no ground to trade on."""
REMEMBERED: Final = timedelta(days=1)
"""Orders that were cancelled without a trade are forgotten by the venue after this long."""
OLDEST: Final = timedelta(days=729)
"""How far back the venue tells trades and payments."""

T = TypeVar("T")
Pause = Callable[[float], Awaitable[None]]
_STARTED: Final = "execution.started_at"


async def reconcile_connection(
    work: Work,
    door: TradingVenue,
    connection_id: UUID,
    *,
    fence: int | None = None,
    pause: Pause | None = None,
    holdings_only: bool = False,
) -> list[str]:
    """Bring the books of one connection up to date and compare them. The caller holds the connection's lock,
    under the number ``fence`` (by default, the number that stands at this moment). ``pause`` waits; by
    default as ``work`` does.

    Who holds what is known from trades and positions alone. Where the venue tells those and owes something
    else (resting orders, payments, the balance, the account's modes), that much is written down, the books
    stay doubtful, and nothing is opened on them. ``holdings_only``: that is enough, because the caller only
    closes.

    Returns:
        The symbols that are halted afterwards.

    Raises:
        Unreachable, KeyRefused, RateLimited: as the venue answers.
        LeaseLost: somebody else has taken the lock meanwhile; what was not written yet never will be.
    """
    run = _Reconciliation(work, door, connection_id, fence, pause or work.pause)
    halted = await run.run()
    if run.owed and not holdings_only:
        raise run.owed
    return halted


async def ensure_reconciled(
    work: Work,
    door: TradingVenue,
    connection_id: UUID,
    *,
    recent: timedelta = RECENT,
    fence: int | None = None,
    pause: Pause | None = None,
    holdings_only: bool = False,
) -> None:
    """Trade only on books that were compared lately, since this process began, and since anything may have
    been missed: otherwise reconcile now. Raises as ``reconcile_connection``."""
    now = work.clock.now()
    started: datetime = work.services.setdefault(_STARTED, now)
    async with work.database.sessions() as session:
        connection = await session.get_one(Connection, connection_id)
    looked = connection.reconciled_at
    if looked is None or looked < max(started, now - recent) or connection.unsure_since is not None:
        await reconcile_connection(
            work, door, connection_id, fence=fence, pause=pause, holdings_only=holdings_only
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """The account as the venue shows it, and where the books say otherwise, or did when last judged.
    ``asked``: our moment before the venue was asked; what happened after it may not be in the answer."""

    asked: datetime
    positions: list[VenuePosition]
    differences: dict[str, str]


@dataclass(slots=True)
class _Reconciliation:
    """One run. ``changed``: whether any incident has. ``owed``: the first error of a reading that does not
    tell who holds what; ``account`` and ``balance`` are ``None`` where theirs failed."""

    work: Work
    door: TradingVenue
    connection_id: UUID
    fence: int | None
    pause: Pause
    changed: bool = False
    owed: VenueError | None = None
    account: AccountInfo | None = None
    balance: Balance | None = None

    async def run(self) -> list[str]:
        began = self._now()
        async with self.work.database.sessions() as session:
            connection = await session.get_one(Connection, self.connection_id)
        self.fence = connection.fence if self.fence is None else self.fence
        if connection.begun_at is None:
            await self._begin()
        self.account, _ = await asyncio.gather(
            self._unless_owed(self.door.account_info()),
            self._unless_owed(mend_orders(self.work, self.door, self.connection_id, self._own)),
        )
        await self._read_history()
        seen = await self._look()
        if seen.differences:
            await self.pause(SECOND_LOOK)
            await self._read_history(overlap=LONG_OVERLAP)
            seen = await self._look()
        halted = await self._conclude(seen, began)
        await keep_fee_rates(self.work, self.door, self.connection_id)
        if self.changed:
            await publish(self.work, connection.user_id, "incidents", {"changed": True})
        return halted

    async def _unless_owed(self, reading: Awaitable[T]) -> T | None:
        """What ``reading`` says; ``None`` if the venue owes the answer, which is remembered."""
        try:
            return await reading
        except VenueError as error:
            self.owed = self.owed or error
            return None

    async def _own(self, session: AsyncSession) -> Connection:
        """The connection, held until the transaction ends, and still ours to write about.

        Raises:
            LeaseLost: somebody else has taken the connection's lock.
        """
        connection = await session.get_one(
            Connection, self.connection_id, with_for_update={"key_share": True}, populate_existing=True
        )
        if connection.fence != self.fence:
            raise LeaseLost(f"connection {self.connection_id} was taken over")
        return connection

    async def _begin(self) -> None:
        """What the account holds at the moment the connection begins is the user's own.

        Positions and fills are told by different machines of the venue, and either may lag. A fill around
        that moment would be booked on top of the positions that hold it already, or never, and no later
        reading would mend it: so nothing may have moved until a second look.
        """
        for _ in range(BEGINNINGS):
            moment = await self.door.server_time()
            first = await self.door.positions()
            await self.pause(SECOND_LOOK)
            positions = await self.door.positions()
            if _same(first, positions) and not await self.door.fills_since(moment):
                break
        else:
            raise RetryAt(5, "the account trades all the time; waiting for a quiet moment to begin the books")
        async with self.work.database.transaction() as session:
            connection = await self._own(session)
            await book_opening(session, connection_id=self.connection_id, positions=positions, now=moment)
            connection.begun_at = connection.fills_since = connection.funding_since = moment

    async def _read_history(self, *, overlap: timedelta = OVERLAP) -> None:
        async with self.work.database.sessions() as session:
            connection = await session.get_one(Connection, self.connection_id)
        moment = await self.door.server_time()
        begun = max(connection.begun_at or moment, moment - OLDEST)
        fills_since, funding_since = connection.fills_since or begun, connection.funding_since or begun
        read_fills = max(begun, _again_from(fills_since, overlap, moment))
        read_funding = max(begun, _again_from(funding_since, FUNDING_OVERLAP, moment))
        fills, funding, self.balance = await asyncio.gather(
            self.door.fills_since(read_fills),
            self._unless_owed(self.door.funding_since(read_funding)),
            self._unless_owed(self.door.balance()),
        )
        async with self.work.database.transaction() as session:
            connection = await self._own(session)
            await self._book_fills(session, connection, fills)
            if funding is not None:
                await self._book_funding(session, funding)
                connection.funding_since = moment
            if self.balance is not None:
                await keep_balance(session, self.connection_id, self.balance, now=self._now())
            await self._tell_of_absence(session, connection, moment)
            connection.fills_since = moment

    async def _book_funding(self, session: AsyncSession, funding: list[FundingReport]) -> None:
        names = [payment.reference for payment in funding]
        known = await booked_funding(session, self.connection_id, names)
        for payment in funding:
            if (payment.reference, payment.asset or QUOTE) not in known:
                await book_funding(session, connection_id=self.connection_id, report=payment, now=self._now())

    async def _book_fills(
        self, session: AsyncSession, connection: Connection, fills: list[FillReport]
    ) -> None:
        booked = await repository.booked_ids(session, connection.id, [fill.exec_id for fill in fills])
        new = [fill for fill in fills if fill.exec_id not in booked]
        if not new:
            return
        await lock_ledger(session, connection.id)
        flattened = await emergency_books.adopt(session, connection, new, now=self._now())
        strangers = []
        for fill in new:
            order = await intake.own_order(session, connection.id, fill.client_id)
            if order:
                self.changed |= await take_own_fill(
                    session, connection, order, fill, now=self._now(), source="reconciliation"
                )
            elif await book_fill(
                session, connection_id=connection.id, report=fill, order=None, now=self._now()
            ):
                strangers.append(fill)
        if flattened:
            self.changed = True
            await session.flush()
            await emergency_books.conclude(session, connection, flattened, now=self._now())
        if strangers:
            self.changed = True
            await note_strangers(session, connection, strangers, now=self._now())

    async def _tell_of_absence(self, session: AsyncSession, connection: Connection, moment: datetime) -> None:
        """Say what cannot be known any more after a long time away."""
        heard = connection.fills_since or moment
        if moment - heard <= REMEMBERED:
            return
        lost_before = moment - OLDEST if moment - heard > OLDEST else None
        self.changed |= await incidents.note(
            session,
            words.away(heard, moment, lost_before),
            user_id=connection.user_id,
            connection_id=connection.id,
            reference=f"{incidents.AWAY}{heard.isoformat()}",
            at=moment,
            settled_at=None if lost_before else moment,
        )

    async def _look(self) -> _Seen:
        asked = self._now()
        positions = await self.door.positions()
        async with self.work.database.sessions() as session:
            ours = await net_holdings(session, self.connection_id)
            doubtful = await repository.doubtful_symbols(session, self.connection_id)
            unjudged = doubtful - {position.symbol for position in positions if position.hedge_mode}
            standing = await repository.halts_of(session, self.connection_id, list(unjudged))
        return _Seen(asked, positions, compare(ours, positions, doubtful) | standing)

    async def _conclude(self, seen: _Seen, began: datetime) -> list[str]:
        """Halts and incidents as they are now, and the mark that the books were compared, or the doubt that
        they were not in full: all or nothing. Returns the halted symbols."""
        now = self._now()
        async with self.work.database.transaction() as session:
            connection = await self._own(session)
            hedged = {
                position.symbol: words.position_mode(position.symbol).text
                for position in seen.positions
                if position.hedge_mode
            }
            await _write_halts(session, self.connection_id, seen.differences | hedged, now=now)
            held = await held_symbols(session, self.connection_id)
            present = venue_conditions(
                connection,
                self.account,
                self.balance,
                seen.positions,
                held=held,
                differences=seen.differences,
            )
            present |= await delistings(session, held, now=now)
            judged = judged_kinds(self.account, self.balance)
            self.changed |= await incidents.hold(session, connection, judged, present, now=now)
            self.changed |= await settle_passed(session, self.connection_id, now=now)
            if self.account is not None:
                connection.margin_mode = connection.margin_mode or self.account.margin_mode
            if self.owed is not None:
                await repository.doubt_books(session, self.connection_id, now=now)
            else:
                self._mark_compared(connection, seen, began)
            downgraded = self.account is not None and not self.account.unified
            if downgraded or connection.state == "failing":
                await enqueue(session, "accounts.check_connection", str(self.connection_id), now=now)
        return sorted(seen.differences | hedged)

    def _mark_compared(self, connection: Connection, seen: _Seen, began: datetime) -> None:
        connection.reconciled_at = seen.asked
        if connection.unsure_since is not None and connection.unsure_since <= began:
            connection.unsure_since = None

    def _now(self) -> datetime:
        return self.work.clock.now()


def _again_from(since: datetime, overlap: timedelta, moment: datetime) -> datetime:
    """From where to read once more what was read until ``since``."""
    is_first_today = since.date() != moment.date()
    return since - max(overlap, DAILY_OVERLAP if is_first_today else timedelta(0))


def _same(first: list[VenuePosition], second: list[VenuePosition]) -> bool:
    """Whether nothing was traded between two looks. Values at the market's price move all the time."""
    looks = [
        sorted((position.symbol, position.quantity, position.entry_price) for position in look)
        for look in (first, second)
    ]
    return looks[0] == looks[1]


async def net_holdings(session: AsyncSession, connection_id: UUID) -> dict[str, Decimal]:
    """What the books say the account holds: all positions and the user's own, by symbol."""
    ours: dict[str, Decimal] = {}
    for (_, symbol), quantity in (await holdings(session, connection_id)).items():
        ours[symbol] = ours.get(symbol, Decimal(0)) + quantity
    return ours


def compare(ours: dict[str, Decimal], positions: list[VenuePosition], doubtful: set[str]) -> dict[str, str]:
    """Pure part of the comparison. An instrument with an order in doubt is not judged: the order is."""
    venues = {position.symbol: position.quantity for position in positions}
    return {
        symbol: (
            f"Bybit says the account holds {plain(venues.get(symbol, Decimal(0)))}, "
            f"Holdfast's books say {plain(ours.get(symbol, Decimal(0)))}."
        )
        for symbol in ours.keys() | venues.keys()
        if symbol not in doubtful and venues.get(symbol, Decimal(0)) != ours.get(symbol, Decimal(0))
    }


async def _write_halts(
    session: AsyncSession, connection_id: UUID, reasons: dict[str, str], *, now: datetime
) -> None:
    rows = await session.scalars(select(Halt).where(Halt.connection_id == connection_id))
    known: dict[str, Any] = {halt.symbol: halt for halt in rows}
    for symbol, reason in reasons.items():
        if symbol in known:
            known[symbol].reason = reason
            continue
        session.add(Halt(connection_id=connection_id, symbol=symbol, reason=reason, since=now))
        log.warning("instrument halted", connection=str(connection_id), symbol=symbol, reason=reason)
    healed = known.keys() - reasons.keys()
    if healed:
        await session.execute(
            delete(Halt).where(Halt.connection_id == connection_id, Halt.symbol.in_(healed))
        )
        log.info("instruments trade again", connection=str(connection_id), symbols=sorted(healed))
