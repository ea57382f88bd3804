"""The end of a sleeve: what it may still trade, what was closed by hand, and what is too small to trade."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.errors import NotFound
from holdfast.core.money import plain
from holdfast.portfolio import repository
from holdfast.portfolio.journal import Entry, post
from holdfast.portfolio.ledger import fold, unaltered
from holdfast.portfolio.models import Alteration, Sleeve

_ZERO = Decimal(0)


async def closable(session: AsyncSession, sleeve_id: UUID) -> dict[str, Decimal]:
    """The signed quantities of a sleeve that are still its own to trade: without what was altered."""
    held = await repository.sleeve_quantities(session, sleeve_id)
    for alteration in await repository.open_alterations_of(session, sleeve_id):
        held[alteration.symbol] = unaltered(held.get(alteration.symbol, _ZERO), alteration.quantity)
    return {symbol: quantity for symbol, quantity in held.items() if quantity}


def by_hand_parts(
    held: Mapping[str, Decimal], alterations: Sequence[Alteration]
) -> list[tuple[Alteration, Decimal]]:
    """What each outstanding alteration takes out of ``held``, oldest first and never beyond flat."""
    left = dict(held)
    parts = []
    for alteration in alterations:
        quantity = left.get(alteration.symbol, _ZERO)
        part = unaltered(quantity, alteration.quantity) - quantity
        if part:
            left[alteration.symbol] = quantity + part
            parts.append((alteration, part))
    return parts


async def settle_alterations(session: AsyncSession, *, sleeve_id: UUID, now: datetime) -> dict[str, Decimal]:
    """Book the parts of a sleeve that were closed by hand: moved between it and the manual holding at the
    manual fill's price, as adjustments. Called when a close, a rebalance or an unwinding settles the sleeve;
    safe to repeat.

    Returns:
        The signed quantity that was moved into the sleeve, by symbol.

    Raises:
        NotFound: there is no such sleeve.
    """
    sleeve = await _sleeve(session, sleeve_id)
    held = await repository.sleeve_quantities(session, sleeve_id)
    alterations = await repository.open_alterations_of(session, sleeve_id)
    moved: dict[str, Decimal] = {}
    for alteration, part in by_hand_parts(held, alterations):
        symbol, price = alteration.symbol, alteration.price
        moved[symbol] = moved.get(symbol, _ZERO) + part
        entry = Entry(sleeve.connection_id, "adjustment", symbol, f"alteration:{alteration.id}", now, now)
        await post(session, entry.trade(sleeve_id, part, price) + entry.trade(None, -part, price))
    for alteration in alterations:
        alteration.settled_at = now
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
