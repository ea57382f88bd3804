"""The end of a sleeve: what it may still trade, what was closed by hand, and what is too small to trade."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.errors import NotFound
from holdfast.core.money import plain
from holdfast.portfolio import repository
from holdfast.portfolio.journal import Entry, post
from holdfast.portfolio.ledger import fold, unaltered
from holdfast.portfolio.models import Sleeve

_ZERO = Decimal(0)


async def closable(session: AsyncSession, sleeve_id: UUID) -> dict[str, Decimal]:
    """The signed quantities of a sleeve that are still its own to trade: without what was altered."""
    held = await repository.sleeve_quantities(session, sleeve_id)
    for alteration in await repository.open_alterations_of(session, sleeve_id):
        held[alteration.symbol] = unaltered(held.get(alteration.symbol, _ZERO), alteration.quantity)
    return {symbol: quantity for symbol, quantity in held.items() if quantity}


async def settle_alterations(session: AsyncSession, *, sleeve_id: UUID, now: datetime) -> dict[str, Decimal]:
    """Book the parts of a sleeve that were closed by hand: moved between it and the manual holding at the
    manual fill's price, as adjustments. Called when the sleeve is closed; safe to repeat.

    Returns:
        The signed quantity that was moved into the sleeve, by symbol.

    Raises:
        NotFound: there is no such sleeve.
    """
    sleeve = await _sleeve(session, sleeve_id)
    held = await repository.sleeve_quantities(session, sleeve_id)
    moved: dict[str, Decimal] = {}
    for alteration in await repository.open_alterations_of(session, sleeve_id):
        alteration.settled_at = now
        symbol, quantity = alteration.symbol, held.get(alteration.symbol, _ZERO)
        part = unaltered(quantity, alteration.quantity) - quantity
        if not part:
            continue
        held[symbol] = quantity + part
        moved[symbol] = moved.get(symbol, _ZERO) + part
        entry = Entry(sleeve.connection_id, "adjustment", symbol, f"alteration:{alteration.id}", now, now)
        lines = entry.trade(sleeve_id, part, alteration.price) + entry.trade(None, -part, alteration.price)
        await post(session, lines)
    await session.flush()
    return moved


async def release_remainders(
    session: AsyncSession, sleeve_id: UUID, *, reference: str, now: datetime
) -> list[str]:
    """Hand what a sleeve still holds over to the manual holding, at the price it was entered at, so that the
    sleeve ends flat and the hand-over itself makes no profit or loss. Safe to repeat.

    Returns:
        What changed hands, in words ("0.001 BTCUSDT").

    Raises:
        NotFound: there is no such sleeve.
    """
    sleeve = await _sleeve(session, sleeve_id)
    legs = fold(await repository.lines_of(session, sleeve_id))
    left = [leg for leg in legs.values() if leg.quantity]
    for leg in left:
        name = f"{reference}:{leg.symbol}"
        entry = Entry(sleeve.connection_id, "adjustment", leg.symbol, name, now, now)
        give = entry.move(sleeve_id, -leg.quantity, leg.cost)
        await post(session, give + entry.move(None, leg.quantity, -leg.cost))
    return [f"{plain(abs(leg.quantity))} {leg.symbol}" for leg in left]


async def _sleeve(session: AsyncSession, sleeve_id: UUID) -> Sleeve:
    sleeve = await session.get(Sleeve, sleeve_id)
    if sleeve is None:
        raise NotFound("There is no such position.")
    await repository.lock_ledger(session, sleeve.connection_id)
    return sleeve
