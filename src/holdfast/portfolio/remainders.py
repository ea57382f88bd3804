"""What a sleeve may still trade, and what is too small to be traded."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.money import plain
from holdfast.portfolio import repository
from holdfast.portfolio.booking import _Entry, _post
from holdfast.portfolio.ledger import unaltered
from holdfast.portfolio.models import Fill, Sleeve


async def closable(session: AsyncSession, sleeve_id: UUID) -> dict[str, Decimal]:
    """The signed quantities a close of this sleeve may trade: what it holds, less what was closed by hand."""
    altered: dict[str, Decimal] = {}
    for alteration in await repository.open_alterations_of(session, sleeve_id):
        altered[alteration.symbol] = altered.get(alteration.symbol, Decimal(0)) + alteration.quantity
    held = await repository.sleeve_quantities(session, sleeve_id)
    return {symbol: unaltered(quantity, altered.get(symbol, Decimal(0))) for symbol, quantity in held.items()}


async def release_remainders(
    session: AsyncSession, sleeve_id: UUID, *, reference: str, now: datetime
) -> list[str]:
    """Move what is left of an ended sleeve to the manual holding, at the price of its last fill, so that the
    books stay equal to the venue's.

    Returns:
        What was moved, in words ("0.001 BTCUSDT").
    """
    sleeve = await session.get_one(Sleeve, sleeve_id)
    await repository.lock_ledger(session, sleeve.connection_id)
    left = await repository.sleeve_quantities(session, sleeve_id)
    for symbol, quantity in left.items():
        price = await _last_price(session, sleeve_id, symbol)
        entry = _Entry(sleeve.connection_id, "adjustment", symbol, reference, now, now)
        await _post(session, entry.trade(sleeve_id, -quantity, price) + entry.trade(None, quantity, price))
    return [f"{plain(abs(quantity))} {symbol}" for symbol, quantity in left.items()]


async def _last_price(session: AsyncSession, sleeve_id: UUID, symbol: str) -> Decimal:
    latest = select(Fill.price).where(Fill.sleeve_id == sleeve_id, Fill.symbol == symbol)
    return await session.scalar(latest.order_by(Fill.executed_at.desc()).limit(1)) or Decimal(0)
