"""What the ledger knows of trades: every query on sleeves, fills and postings that the journal needs.

Each takes all trades of a page at once. Nothing here writes.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, TableValuedAlias, Text, Uuid, and_, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from holdfast.accounts.models import Connection
from holdfast.portfolio.ledger import QUOTE
from holdfast.portfolio.models import Fill, Posting

FillKey = tuple[UUID, str]
"""Connection and execution id."""
Owner = tuple[UUID, UUID | None, str]
"""Connection, sleeve (None: the user's own holding) and symbol."""

_MOVES = ("trade", "opening", "adjustment")


@dataclass(frozen=True, slots=True)
class Side:
    """What was bought, or what was sold, of one symbol in one sleeve. ``value`` in the quote coin."""

    bought: bool
    quantity: Decimal
    value: Decimal
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """What a sleeve came to, after fees and funding, and when it was first and last traded. While it
    ``holds`` something, ``pnl`` is what was paid for that, too."""

    pnl: Decimal
    first_at: datetime | None
    last_at: datetime | None
    holds: bool


@dataclass(frozen=True, slots=True)
class Payment:
    """Funding of ``amount`` at a moment when the whole holding was ``held``."""

    at: datetime
    amount: Decimal
    held: Decimal


async def sides_of(session: AsyncSession, sleeve_ids: Collection[UUID]) -> dict[UUID, dict[str, list[Side]]]:
    """By sleeve and symbol, the side that came first in front."""
    contract, value = aliased(Posting), aliased(Posting)
    bought = contract.amount > 0
    rows = await session.execute(
        select(
            contract.sleeve_id,
            contract.symbol,
            bought,
            func.sum(func.abs(contract.amount)),
            func.sum(func.abs(value.amount)),
            func.min(contract.at).label("first_at"),
            func.max(contract.at),
        )
        .join(value, _value_of(contract, value))
        .where(
            contract.sleeve_id.in_(sleeve_ids),
            contract.asset == contract.symbol,
            contract.kind.in_(_MOVES),
            contract.amount != 0,
        )
        .group_by(contract.sleeve_id, contract.symbol, bought)
        .order_by("first_at", func.min(contract.id))
    )
    found: dict[UUID, dict[str, list[Side]]] = defaultdict(dict)
    for sleeve_id, symbol, *side in rows:
        found[sleeve_id].setdefault(symbol, []).append(Side(*side))
    return found


def _value_of(contract: type[Posting], value: type[Posting]) -> ColumnElement[bool]:
    """A trade is two lines with one reference."""
    return and_(
        value.connection_id == contract.connection_id,
        value.kind == contract.kind,
        value.reference == contract.reference,
        value.sleeve_id == contract.sleeve_id,
        value.symbol == contract.symbol,
        value.asset == QUOTE,
    )


async def outcomes_of(session: AsyncSession, sleeve_ids: Collection[UUID]) -> dict[UUID, Ended]:
    """Of those in which anything happened. PostgreSQL adds up: this is for thousands of them at once."""
    held, paid = Posting.asset == Posting.symbol, Posting.kind.in_(("fee", "funding"))
    by_leg = (
        select(
            Posting.sleeve_id,
            func.sum(Posting.amount).filter(held).label("quantity"),
            func.sum(Posting.amount).filter(~held, Posting.asset == QUOTE).label("pnl"),
            func.min(Posting.at).filter(~paid).label("first_at"),
            func.max(Posting.at).filter(~paid).label("last_at"),
        )
        .where(Posting.sleeve_id.in_(sleeve_ids))
        .group_by(Posting.sleeve_id, Posting.symbol)
        .subquery()
    )
    rows = await session.execute(
        select(
            by_leg.c.sleeve_id,
            func.coalesce(func.sum(by_leg.c.pnl), 0),
            func.min(by_leg.c.first_at),
            func.max(by_leg.c.last_at),
            func.bool_or(func.coalesce(by_leg.c.quantity, 0) != 0),
        ).group_by(by_leg.c.sleeve_id)
    )
    return {sleeve_id: Ended(*ended) for sleeve_id, *ended in rows}


async def connection_with(session: AsyncSession, user_id: UUID, exec_ids: Sequence[str]) -> UUID | None:
    """The account of this user on which all of these executions happened."""
    found: UUID | None = await session.scalar(
        select(Fill.connection_id)
        .join(Connection, Connection.id == Fill.connection_id)
        .where(Connection.user_id == user_id, Fill.exec_id.in_(exec_ids))
        .group_by(Fill.connection_id, Connection.created_at)
        .having(func.count() == len(set(exec_ids)))
        .order_by(Connection.created_at.desc())
        .limit(1)
    )
    return found


async def fills(session: AsyncSession, keys: Collection[FillKey]) -> dict[FillKey, tuple[Fill, str]]:
    """With the venue they happened at."""
    wanted = _wanted(keys)
    rows = await session.execute(
        select(Fill, Connection.venue)
        .join(wanted, and_(wanted.c.connection_id == Fill.connection_id, wanted.c.exec_id == Fill.exec_id))
        .join(Connection, Connection.id == Fill.connection_id)
    )
    return {(fill.connection_id, fill.exec_id): (fill, venue) for fill, venue in rows}


async def fees(session: AsyncSession, keys: Collection[FillKey]) -> dict[FillKey, dict[str, Decimal]]:
    """Positive when paid, by coin, whoever of the user's holdings bore them."""
    wanted = _wanted(keys)
    rows = await session.execute(
        select(Posting.connection_id, Posting.reference, Posting.asset, func.sum(-Posting.amount))
        .join(
            wanted,
            and_(wanted.c.connection_id == Posting.connection_id, wanted.c.exec_id == Posting.reference),
        )
        .where(Posting.kind == "fee")
        .group_by(Posting.connection_id, Posting.reference, Posting.asset)
    )
    found: dict[FillKey, dict[str, Decimal]] = defaultdict(dict)
    for connection_id, exec_id, asset, amount in rows:
        found[connection_id, exec_id][asset] = amount
    return found


async def payments(
    session: AsyncSession, owners: Collection[Owner], *, since: datetime
) -> Mapping[Owner, list[Payment]]:
    """The funding that each of these holdings paid or received from ``since`` on, oldest first, and what it
    held then."""
    found: dict[Owner, list[Payment]] = defaultdict(list)
    if not owners:
        return found
    holding = (Posting.connection_id, Posting.sleeve_id, Posting.symbol)
    moved = Posting.amount
    lines = (
        select(
            *holding,
            Posting.id,
            Posting.at,
            Posting.kind,
            Posting.amount,
            func.coalesce(
                func.sum(moved)
                .filter(Posting.asset == Posting.symbol)
                .over(partition_by=holding, order_by=Posting.at),
                0,
            ).label("held"),
        )
        .where(
            Posting.connection_id.in_({connection_id for connection_id, _, _ in owners}),
            Posting.symbol.in_({symbol for _, _, symbol in owners}),
            (Posting.asset == Posting.symbol) | ((Posting.kind == "funding") & (Posting.asset == QUOTE)),
        )
        .subquery()
    )
    rows = await session.execute(
        select(
            lines.c.connection_id, lines.c.sleeve_id, lines.c.symbol, lines.c.at, lines.c.amount, lines.c.held
        )
        .where(lines.c.kind == "funding", lines.c.at >= since)
        .order_by(lines.c.at, lines.c.id)
    )
    wanted = set(owners)
    for connection_id, sleeve_id, symbol, at, amount, held in rows:
        owner = (connection_id, sleeve_id, symbol)
        if owner in wanted:
            found[owner].append(Payment(at, amount, held))
    return found


def _wanted(keys: Collection[FillKey]) -> TableValuedAlias:
    """The keys as a table: two parameters, however many there are."""
    connections = literal([connection_id for connection_id, _ in keys], ARRAY(Uuid()))
    exec_ids = literal([exec_id for _, exec_id in keys], ARRAY(Text()))
    columns = (column("connection_id", Uuid()), column("exec_id", Text()))
    return func.unnest(connections, exec_ids).table_valued(*columns, name="wanted").render_derived()
