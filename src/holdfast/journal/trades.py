"""Trades as the ledger has them now.

Nothing of them is stored with the entries: funding, adjustments and late executions reach the ledger after a
position is closed, and what was copied then would be wrong for ever. All trades of a page cost a fixed number
of queries.
"""

import asyncio
from collections.abc import Collection, Mapping
from decimal import localcontext
from typing import TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.journal import books, folds
from holdfast.journal.books import FillKey
from holdfast.journal.figures import Outcome
from holdfast.journal.folds import Mark
from holdfast.journal.schemas import TradeView
from holdfast.portfolio import repository as ledger
from holdfast.portfolio.ledger import EXACT
from holdfast.portfolio.models import Alteration
from holdfast.portfolio.positions import CLOSED_STATES

Key = TypeVar("Key")


async def of_positions(
    session: AsyncSession, user_id: UUID, sleeve_ids: Collection[UUID], mark: Mark
) -> dict[UUID, TradeView]:
    """By sleeve; those that are not this user's are left out."""
    if not sleeve_ids:
        return {}
    rows = await ledger.sleeves_of(session, user_id, sleeve_ids=sleeve_ids)
    ids = [sleeve.id for sleeve, _ in rows]
    # Sides first: a leg that is booked between the two has no side yet, but every side has its leg.
    sides = await books.sides_of(session, ids)
    legs = await ledger.legs_of_sleeves(session, ids)
    outstanding: dict[UUID, list[Alteration]] = {}
    for alteration in await ledger.alterations_of(session, ids):
        if alteration.settled_at is None:
            outstanding.setdefault(alteration.sleeve_id, []).append(alteration)
    with localcontext(EXACT):
        return {
            sleeve.id: folds.of_position(
                sleeve,
                legs.get(sleeve.id, {}),
                sides.get(sleeve.id, {}),
                outstanding.get(sleeve.id, []),
                mark,
            )
            for sleeve, _ in rows
        }


async def outcomes_of_positions(
    session: AsyncSession, user_id: UUID, sleeve_ids: Collection[UUID]
) -> dict[UUID, Outcome]:
    """By sleeve, as ``of_positions`` would tell it, for thousands at once. Those that are not over have no
    result; those that were over before anything was traded are left out."""
    if not sleeve_ids:
        return {}
    rows = [sleeve for sleeve, _ in await ledger.sleeves_of(session, user_id, sleeve_ids=sleeve_ids)]
    over = [sleeve.id for sleeve in rows if sleeve.state in CLOSED_STATES]
    ended = await books.outcomes_of(session, over)
    return {
        sleeve.id: folds.outcome_of_position(sleeve, ended.get(sleeve.id))
        for sleeve in rows
        if sleeve.id in ended or sleeve.state not in CLOSED_STATES
    }


async def of_fills(
    session: AsyncSession, wanted: Mapping[Key, Collection[FillKey]], mark: Mark
) -> dict[Key, TradeView]:
    """Trades that are made of single fills. The same fills are folded once, whoever names them, and others
    get their turn in between."""
    keys = {key for each in wanted.values() for key in each}
    if not keys:
        return {}
    found = await books.fills(session, keys)
    fees = await books.fees(session, keys)
    if not found:
        return {}
    owners = {folds.owner_of(fill) for fill, _ in found.values()}
    first_at = min(fill.executed_at for fill, _ in found.values())
    payments = await books.payments(session, owners, since=first_at)
    chosen = {name: frozenset(found.keys() & set(each)) for name, each in wanted.items()}
    folded: dict[frozenset[FillKey], TradeView] = {}
    for same in set(chosen.values()) - {frozenset()}:
        known = [found[key] for key in same]
        own_fees = [fees.get(key, {}) for key in same]
        folded[same] = folds.of_fills([fill for fill, _ in known], known[0][1], own_fees, payments, mark)
        await asyncio.sleep(0)
    return {name: folded[same] for name, same in chosen.items() if same}
