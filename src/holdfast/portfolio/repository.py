"""Every query of the ledger that writes depend on."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.portfolio.ledger import Line
from holdfast.portfolio.models import Alteration, Posting, Sleeve

_HELD = Posting.asset == Posting.symbol


async def lock_ledger(session: AsyncSession, connection_id: UUID) -> None:
    """Until this transaction ends, nobody else judges who holds what on this connection."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"ledger:{connection_id}"}
    )


async def quantities(session: AsyncSession, connection_id: UUID) -> dict[tuple[UUID | None, str], Decimal]:
    """Signed quantities by (sleeve, symbol), without flat ones."""
    total = func.sum(Posting.amount)
    rows = await session.execute(
        select(Posting.sleeve_id, Posting.symbol, total)
        .where(Posting.connection_id == connection_id, _HELD)
        .group_by(Posting.sleeve_id, Posting.symbol)
        .having(total != 0)
    )
    return {(sleeve_id, symbol): quantity for sleeve_id, symbol, quantity in rows}


async def quantities_of(
    session: AsyncSession, connection_id: UUID, symbol: str, at: datetime | None
) -> dict[UUID | None, Decimal]:
    """Signed quantities of one symbol by sleeve, at a moment or (``None``) now."""
    query = (
        select(Posting.sleeve_id, func.sum(Posting.amount))
        .where(Posting.connection_id == connection_id, Posting.symbol == symbol, _HELD)
        .group_by(Posting.sleeve_id)
    )
    if at is not None:
        query = query.where(Posting.at <= at)
    return {sleeve_id: quantity for sleeve_id, quantity in await session.execute(query) if quantity}


async def altered_of(
    session: AsyncSession, connection_id: UUID, symbol: str, at: datetime | None
) -> dict[UUID, Decimal]:
    """Outstanding alterations of one symbol by sleeve, at a moment or (``None``) now."""
    query = (
        select(Alteration.sleeve_id, func.sum(Alteration.quantity))
        .join(Sleeve, Sleeve.id == Alteration.sleeve_id)
        .where(Sleeve.connection_id == connection_id, Alteration.symbol == symbol)
        .group_by(Alteration.sleeve_id)
    )
    if at is None:
        query = query.where(Alteration.settled_at.is_(None))
    else:
        query = query.where(
            Alteration.at <= at, or_(Alteration.settled_at.is_(None), Alteration.settled_at > at)
        )
    rows = await session.execute(query)
    return dict(rows.tuples().all())


async def sleeve_quantities(session: AsyncSession, sleeve_id: UUID) -> dict[str, Decimal]:
    """Signed quantities of one sleeve by symbol, without flat ones."""
    rows = await session.execute(
        select(Posting.symbol, func.sum(Posting.amount))
        .where(Posting.sleeve_id == sleeve_id, _HELD)
        .group_by(Posting.symbol)
    )
    return {symbol: quantity for symbol, quantity in rows if quantity}


async def open_alterations_of(session: AsyncSession, sleeve_id: UUID) -> Sequence[Alteration]:
    """What a close of this sleeve has to book by hand, oldest first."""
    rows = await session.scalars(
        select(Alteration)
        .where(Alteration.sleeve_id == sleeve_id, Alteration.settled_at.is_(None))
        .order_by(Alteration.at, Alteration.id)
    )
    return rows.all()


async def is_funding_booked(session: AsyncSession, connection_id: UUID, reference: str, asset: str) -> bool:
    found = await session.scalar(
        select(Posting.id)
        .where(
            Posting.connection_id == connection_id,
            Posting.kind == "funding",
            Posting.reference == reference,
            Posting.asset == asset,
        )
        .limit(1)
    )
    return found is not None


async def lines_of(session: AsyncSession, sleeve_id: UUID) -> list[Line]:
    """Every posting of a sleeve, in the order things happened."""
    rows = await session.execute(
        select(Posting.kind, Posting.asset, Posting.symbol, Posting.amount, Posting.reference)
        .where(Posting.sleeve_id == sleeve_id)
        .order_by(Posting.at, Posting.id)
    )
    return [Line(*row) for row in rows]
