"""The only writer of fills, postings and alterations.

Everything runs in the caller's transaction and may be repeated: unique keys make each venue record count
once. Whatever is not ours goes to the manual holding, so that sleeves + manual = venue always holds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.portfolio import repository
from holdfast.portfolio.endings import closable, release_remainders, settle_alterations
from holdfast.portfolio.journal import Entry, Owner, post
from holdfast.portfolio.ledger import QUOTE, eaten, grain, share_forced, share_out, unaltered
from holdfast.portfolio.models import Alteration, Fill, Posting
from holdfast.venues.protocol import FillReport, FundingReport, VenuePosition

__all__ = [
    "book_fill",
    "book_funding",
    "book_opening",
    "closable",
    "holdings",
    "release_remainders",
    "settle_alterations",
]

FORCED = frozenset({"AdlTrade", "BustTrade", "Delivery"})
"""Executions the venue imposes on the whole net position."""

_CASH_GRAIN = Decimal("1e-8")
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Standing:
    """Who held what in one symbol at one moment. ``sleeves`` are unaltered quantities; ``manual`` is the rest
    of the net position."""

    sleeves: dict[UUID, Decimal]
    manual: Decimal

    @property
    def net(self) -> Decimal:
        return sum(self.sleeves.values(), self.manual)


async def book_fill(
    session: AsyncSession,
    *,
    connection_id: UUID,
    report: FillReport,
    order: tuple[UUID, UUID] | None,
    now: datetime,
) -> bool:
    """Book one execution. ``order`` is ``(order_id, sleeve_id)``, or ``None`` for a trade that is not ours.

    A manual trade goes to the manual holding, a forced one is shared out to its holders; where it closed part
    of a sleeve's leg, an alteration says so. Pass fills in the order they were executed.

    Returns:
        ``False`` if this execution was already booked.
    """
    if order is None:
        await repository.lock_ledger(session, connection_id)
    if not await _insert_fill(session, connection_id, report, order, now):
        return False
    moved = report.side.sign * report.quantity
    if order is not None:
        await _post_trade(session, connection_id, report, [(order[1], moved)], now)
        return True
    standing = await _standing(session, connection_id, report.symbol, report.executed_at)
    if report.exec_type in FORCED:
        await _book_forced(session, connection_id, report, moved, standing, now)
    else:
        await _book_manual(session, connection_id, report, moved, standing, now)
    return True


async def book_funding(
    session: AsyncSession, *, connection_id: UUID, report: FundingReport, now: datetime
) -> bool:
    """Share a funding payment out to the sleeves that held the position when it was settled; the rest is the
    manual holding's.

    Returns:
        ``False`` if this payment was already booked.
    """
    await repository.lock_ledger(session, connection_id)
    asset = report.asset or QUOTE
    if await repository.is_funding_booked(session, connection_id, report.reference, asset):
        return False
    standing = await _standing(session, connection_id, report.symbol, report.at)
    whole = report.position or standing.net
    shares: dict[UUID, Decimal] = {}
    manual = report.amount
    if whole:
        unit = min(grain(report.amount), _CASH_GRAIN)
        shares, manual = share_out(report.amount, standing.sleeves, whole, unit)
    entry = Entry(connection_id, "funding", report.symbol, report.reference, report.at, now)
    owners: list[tuple[Owner, Decimal]] = [*shares.items(), (None, manual)]
    await post(session, [entry.line(owner, asset, amount) for owner, amount in owners if amount])
    return True


async def book_opening(
    session: AsyncSession, *, connection_id: UUID, positions: Sequence[VenuePosition], now: datetime
) -> None:
    """Write what the account already held when the connection began, as manual holdings. Safe to repeat."""
    for position in positions:
        entry = Entry(connection_id, "opening", position.symbol, f"opening:{position.symbol}", now, now)
        if position.quantity:
            lines = entry.trade(None, position.quantity, position.entry_price)
            await session.execute(insert(Posting).values(lines).on_conflict_do_nothing())


async def holdings(session: AsyncSession, connection_id: UUID) -> dict[tuple[UUID | None, str], Decimal]:
    """Signed quantities by (sleeve, symbol); sleeve ``None`` is the manual holding. No flat ones."""
    return await repository.quantities(session, connection_id)


async def _insert_fill(
    session: AsyncSession,
    connection_id: UUID,
    report: FillReport,
    order: tuple[UUID, UUID] | None,
    now: datetime,
) -> bool:
    order_id, sleeve_id = order or (None, None)
    inserted = await session.scalar(
        insert(Fill)
        .values(
            connection_id=connection_id,
            exec_id=report.exec_id,
            order_id=order_id,
            sleeve_id=sleeve_id,
            venue_order_id=report.venue_order_id,
            client_id=report.client_id,
            symbol=report.symbol,
            side=report.side.value,
            exec_type=report.exec_type,
            quantity=report.quantity,
            price=report.price,
            fee=report.fee,
            fee_asset=report.fee_asset or QUOTE,
            is_maker=report.is_maker,
            executed_at=report.executed_at,
            booked_at=now,
        )
        .on_conflict_do_nothing(index_elements=[Fill.connection_id, Fill.exec_id])
        .returning(Fill.exec_id)
    )
    return inserted is not None


async def _book_forced(
    session: AsyncSession,
    connection_id: UUID,
    report: FillReport,
    moved: Decimal,
    standing: _Standing,
    now: datetime,
) -> None:
    """The sleeves' shares are in the ledger at once, so their alterations are settled from the start."""
    shares, manual = share_forced(moved, standing.sleeves, standing.manual)
    for sleeve_id, share in shares.items():
        _alter(session, sleeve_id, report, share, settled_at=report.executed_at)
    await _post_trade(session, connection_id, report, [*shares.items(), (None, manual)], now)


async def _book_manual(
    session: AsyncSession,
    connection_id: UUID,
    report: FillReport,
    moved: Decimal,
    standing: _Standing,
    now: datetime,
) -> None:
    """Alterations are judged by who held what when the trade happened, and never exceed what is left now:
    a fill that is read late must not count against a sleeve opened after it."""
    present = await _standing(session, connection_id, report.symbol, None)
    for sleeve_id, part in eaten(moved, standing.sleeves, standing.manual).items():
        left = present.sleeves.get(sleeve_id, _ZERO)
        still_there = part - unaltered(part, left)
        if still_there:
            _alter(session, sleeve_id, report, still_there, settled_at=None)
    await _post_trade(session, connection_id, report, [(None, moved)], now)


async def _standing(
    session: AsyncSession, connection_id: UUID, symbol: str, at: datetime | None
) -> _Standing:
    quantities = await repository.quantities_of(session, connection_id, symbol, at)
    altered = await repository.altered_of(session, connection_id, symbol, at)
    sleeves = {
        sleeve_id: unaltered(quantity, altered.get(sleeve_id, _ZERO))
        for sleeve_id, quantity in quantities.items()
        if sleeve_id is not None
    }
    return _Standing(sleeves, sum(quantities.values(), _ZERO) - sum(sleeves.values(), _ZERO))


async def _post_trade(
    session: AsyncSession,
    connection_id: UUID,
    report: FillReport,
    owners: Iterable[tuple[Owner, Decimal]],
    now: datetime,
) -> None:
    """The contract, its value and every fee (each in its own asset) for everybody who took part."""
    parts: dict[Owner, Decimal] = {owner: quantity for owner, quantity in owners if quantity}
    entry = Entry(connection_id, "trade", report.symbol, report.exec_id, report.executed_at, now)
    lines = [line for owner, quantity in parts.items() for line in entry.trade(owner, quantity, report.price)]
    for asset, fee in ((report.fee_asset or QUOTE, report.fee), *report.extra_fees):
        fees, _ = share_out(fee, parts, sum(parts.values(), _ZERO), min(grain(fee), _CASH_GRAIN))
        lines += [entry.line(owner, asset, -share, kind="fee") for owner, share in fees.items() if share]
    await post(session, lines)


def _alter(
    session: AsyncSession,
    sleeve_id: UUID,
    report: FillReport,
    quantity: Decimal,
    *,
    settled_at: datetime | None,
) -> None:
    session.add(
        Alteration(
            sleeve_id=sleeve_id,
            symbol=report.symbol,
            exec_id=report.exec_id,
            quantity=quantity,
            price=report.price,
            at=report.executed_at,
            settled_at=settled_at,
        )
    )
