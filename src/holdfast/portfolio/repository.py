"""Every query on sleeves, plans and the ledger, save the paged histories (``history.py``)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Uuid,
    case,
    column,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.portfolio.ledger import QUOTE, Leg, Line, fold_sums
from holdfast.portfolio.models import Alteration, BalanceSnapshot, FeeRate, Halt, Plan, Posting, Sleeve

EXECUTIONS = table(
    "executions",
    column("id", Uuid()),
    column("plan_id", Uuid()),
    column("sleeve_id", Uuid()),
    column("kind"),
    column("created_at"),
)
"""The floor above owns these two; here they are only read."""
ORDERS = table("orders", column("sleeve_id", Uuid()), column("symbol"), column("state"))
UNDECIDED = ("sent", "unknown", "accepted", "partially_filled")

_HELD = Posting.asset == Posting.symbol
_IS_PAYMENT = Posting.kind.in_(("fee", "funding"))


async def lock_ledger(session: AsyncSession, connection_id: UUID) -> None:
    """Until this transaction ends, nobody else judges who holds what on this connection. Whoever needs
    rows of executions or positions as well takes this first."""
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


async def booked_funding(
    session: AsyncSession, connection_id: UUID, references: Sequence[str]
) -> set[tuple[str, str]]:
    """Which of these payments are in the ledger already, by reference and asset."""
    rows = await session.execute(
        select(Posting.reference, Posting.asset)
        .where(
            Posting.connection_id == connection_id,
            Posting.kind == "funding",
            Posting.reference.in_(references),
        )
        .distinct()
    )
    return set(rows.tuples())


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
    return (await lines_of_sleeves(session, [sleeve_id])).get(sleeve_id, [])


async def lines_of_sleeves(session: AsyncSession, sleeve_ids: Sequence[UUID]) -> dict[UUID, list[Line]]:
    """The postings of several sleeves: trades one by one in order, fees and funding as sums."""
    fields = (Posting.sleeve_id, Posting.kind, Posting.asset, Posting.symbol)
    owned = Posting.sleeve_id.in_(sleeve_ids)
    moves = await session.execute(
        select(*fields, Posting.amount, Posting.reference)
        .where(owned, ~_IS_PAYMENT)
        .order_by(Posting.at, Posting.id)
    )
    payments = await session.execute(
        select(*fields, func.sum(Posting.amount)).where(owned, _IS_PAYMENT).group_by(*fields)
    )
    lines: dict[UUID, list[Line]] = {}
    for sleeve_id, kind, asset, symbol, amount, reference in moves:
        lines.setdefault(sleeve_id, []).append(Line(kind, asset, symbol, amount, reference))
    for sleeve_id, kind, asset, symbol, amount in payments:
        lines.setdefault(sleeve_id, []).append(Line(kind, asset, symbol, amount, ""))
    return lines


async def legs_of_sleeves(session: AsyncSession, sleeve_ids: Sequence[UUID]) -> dict[UUID, dict[str, Leg]]:
    """The legs of several sleeves, as ``fold`` makes them of every posting. PostgreSQL adds up; single trades
    are read only for what is open."""
    sums = await _sums_of_sleeves(session, sleeve_ids)
    still_open = [
        (sleeve_id, line.symbol)
        for sleeve_id, lines in sums.items()
        for line in lines
        if line.kind == "trade" and line.asset == line.symbol and line.amount
    ]
    moves: dict[UUID, list[Line]] = {}
    if still_open:
        rows = await session.execute(
            select(
                Posting.sleeve_id,
                Posting.kind,
                Posting.asset,
                Posting.symbol,
                Posting.amount,
                Posting.reference,
            )
            .where(tuple_(Posting.sleeve_id, Posting.symbol).in_(still_open), ~_IS_PAYMENT)
            .order_by(Posting.at, Posting.id)
        )
        for sleeve_id, *line in rows:
            moves.setdefault(sleeve_id, []).append(Line(*line))
    return {sleeve_id: fold_sums(lines, moves.get(sleeve_id, [])) for sleeve_id, lines in sums.items()}


async def _sums_of_sleeves(session: AsyncSession, sleeve_ids: Sequence[UUID]) -> dict[UUID, list[Line]]:
    kind = case((_IS_PAYMENT, Posting.kind), else_=literal_column("'trade'")).label("sum_kind")
    fields = (Posting.sleeve_id, kind, Posting.asset, Posting.symbol)
    rows = await session.execute(
        select(*fields, func.sum(Posting.amount)).where(Posting.sleeve_id.in_(sleeve_ids)).group_by(*fields)
    )
    sums: dict[UUID, list[Line]] = {}
    for sleeve_id, kind_of_sum, asset, symbol, amount in rows:
        sums.setdefault(sleeve_id, []).append(Line(kind_of_sum, asset, symbol, amount, ""))
    return sums


async def ended_totals(
    session: AsyncSession, user_id: UUID, states: Collection[str]
) -> tuple[Decimal, Decimal, Decimal, list[UUID]]:
    """What the user's sleeves in ``states``, which are over, have come to in the quote coin: price P&L, fees
    and funding; and the sleeves among them that hold something all the same, which are not counted."""
    by_leg = (
        select(
            Posting.sleeve_id,
            func.coalesce(func.sum(Posting.amount).filter(_HELD), 0).label("quantity"),
            func.coalesce(func.sum(Posting.amount).filter(~_HELD, ~_IS_PAYMENT), 0).label("cash"),
            func.coalesce(func.sum(Posting.amount).filter(*_paid("fee")), 0).label("fees"),
            func.coalesce(func.sum(Posting.amount).filter(*_paid("funding")), 0).label("funding"),
        )
        .join(Sleeve, Sleeve.id == Posting.sleeve_id)
        .where(Sleeve.user_id == user_id, Sleeve.state.in_(states))
        .group_by(Posting.sleeve_id, Posting.symbol)
        .subquery()
    )
    by_sleeve = (
        select(
            by_leg.c.sleeve_id,
            func.sum(by_leg.c.cash).label("cash"),
            func.sum(by_leg.c.fees).label("fees"),
            func.sum(by_leg.c.funding).label("funding"),
            func.bool_or(by_leg.c.quantity != 0).label("holds"),
        )
        .group_by(by_leg.c.sleeve_id)
        .subquery()
    )
    flat = ~by_sleeve.c.holds
    row = (
        await session.execute(
            select(
                func.coalesce(func.sum(by_sleeve.c.cash).filter(flat), 0),
                func.coalesce(func.sum(-by_sleeve.c.fees).filter(flat), 0),
                func.coalesce(func.sum(by_sleeve.c.funding).filter(flat), 0),
                func.array_agg(by_sleeve.c.sleeve_id).filter(by_sleeve.c.holds),
            )
        )
    ).one()
    return row[0], row[1], row[2], list(row[3] or ())


def _paid(kind: str) -> tuple[ColumnElement[bool], ...]:
    return Posting.kind == kind, Posting.asset == QUOTE


async def connection_of(session: AsyncSession, user_id: UUID, connection_id: UUID) -> Connection | None:
    """One of the user's connections that is not deleted."""
    found: Connection | None = await session.scalar(
        select(Connection).where(
            Connection.id == connection_id, Connection.user_id == user_id, Connection.deleted_at.is_(None)
        )
    )
    return found


async def balance_of(session: AsyncSession, connection_id: UUID) -> BalanceSnapshot | None:
    return await session.get(BalanceSnapshot, connection_id, populate_existing=True)


async def fee_rates(session: AsyncSession, connection_id: UUID) -> dict[str, tuple[Decimal, Decimal]]:
    """What the account pays for taking and for resting, by symbol; empty until the venue has told."""
    rows = await session.execute(
        select(FeeRate.symbol, FeeRate.taker, FeeRate.maker).where(FeeRate.connection_id == connection_id)
    )
    return {symbol: (taker, maker) for symbol, taker, maker in rows}


async def balances(session: AsyncSession, user_id: UUID) -> Sequence[BalanceSnapshot]:
    """Of all the user's connections that are not deleted."""
    rows = await session.scalars(
        select(BalanceSnapshot)
        .join(Connection, Connection.id == BalanceSnapshot.connection_id)
        .where(Connection.user_id == user_id, Connection.deleted_at.is_(None))
    )
    return rows.all()


async def halts_of(session: AsyncSession, connection_ids: Sequence[UUID]) -> dict[tuple[UUID, str], str]:
    """Reasons by (connection, symbol)."""
    rows = await session.execute(
        select(Halt.connection_id, Halt.symbol, Halt.reason).where(Halt.connection_id.in_(connection_ids))
    )
    return {(connection_id, symbol): reason for connection_id, symbol, reason in rows}


async def sleeve_of(session: AsyncSession, user_id: UUID, sleeve_id: UUID) -> Sleeve | None:
    found: Sleeve | None = await session.scalar(
        select(Sleeve).where(Sleeve.id == sleeve_id, Sleeve.user_id == user_id)
    )
    return found


async def sleeves_of(
    session: AsyncSession,
    user_id: UUID,
    *,
    states: Collection[str] = (),
    sleeve_ids: Collection[UUID] | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int | None = None,
) -> Sequence[tuple[Sleeve, str]]:
    """The user's sleeves with the label of their connection, newest first: all, or as many as ``limit`` of
    those that come after the place ``before``."""
    query = (
        select(Sleeve, Connection.label)
        .join(Connection, Connection.id == Sleeve.connection_id)
        .where(Sleeve.user_id == user_id)
        .order_by(Sleeve.created_at.desc(), Sleeve.id.desc())
        .limit(limit)
    )
    if before:
        query = query.where(
            tuple_(Sleeve.created_at, Sleeve.id) < tuple_(literal(before[0]), literal(before[1]))
        )
    if states:
        query = query.where(Sleeve.state.in_(states))
    if sleeve_ids is not None:
        query = query.where(Sleeve.id.in_(sleeve_ids))
    return (await session.execute(query)).tuples().all()


async def sleeves_of_users(
    session: AsyncSession, users: Collection[UUID], states: Collection[str]
) -> Sequence[tuple[Sleeve, str]]:
    """The sleeves of many users in ``states`` with the label of their connection, newest first."""
    query = (
        select(Sleeve, Connection.label)
        .join(Connection, Connection.id == Sleeve.connection_id)
        .where(Sleeve.user_id.in_(users), Sleeve.state.in_(states))
        .order_by(Sleeve.created_at.desc(), Sleeve.id.desc())
    )
    return (await session.execute(query)).tuples().all()


_TRADED = text(
    """
    SELECT DISTINCT traded.asset FROM sleeves, LATERAL (
        WITH RECURSIVE step AS (
            SELECT min(asset) AS asset FROM postings WHERE sleeve_id = sleeves.id
            UNION ALL
            SELECT (SELECT min(asset) FROM postings WHERE sleeve_id = sleeves.id AND asset > step.asset)
            FROM step WHERE step.asset IS NOT NULL
        )
        SELECT asset FROM step WHERE asset IS NOT NULL
    ) AS traded
    WHERE sleeves.state <> ALL (:over)
    """
)
"""From one asset of a sleeve to the next in the index: its postings are many, its assets few."""


async def traded_assets(session: AsyncSession, over: Collection[str]) -> set[str]:
    """Everything that sleeves have traded which are in none of the states ``over``: contracts by their
    symbols, and coins."""
    return set(await session.scalars(_TRADED, {"over": list(over)}))


async def count_sleeves(session: AsyncSession, connection_id: UUID, states: Collection[str]) -> int:
    counted = await session.scalar(
        select(func.count())
        .select_from(Sleeve)
        .where(Sleeve.connection_id == connection_id, Sleeve.state.in_(states))
    )
    return counted or 0


async def alterations_of(session: AsyncSession, sleeve_ids: Sequence[UUID]) -> Sequence[Alteration]:
    """Settled ones included, oldest first."""
    rows = await session.scalars(
        select(Alteration).where(Alteration.sleeve_id.in_(sleeve_ids)).order_by(Alteration.at, Alteration.id)
    )
    return rows.all()


async def latest_executions(session: AsyncSession, sleeve_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The newest execution of each sleeve."""
    rows = await session.execute(
        select(EXECUTIONS.c.sleeve_id, EXECUTIONS.c.id)
        .where(EXECUTIONS.c.sleeve_id.in_(sleeve_ids))
        .order_by(EXECUTIONS.c.created_at)
    )
    return dict(rows.tuples().all())


async def shaping_plans(session: AsyncSession, sleeve_ids: Sequence[UUID]) -> dict[UUID, list[Plan]]:
    """The plans each sleeve was opened and rebalanced with, oldest first."""
    rows = await session.execute(
        select(EXECUTIONS.c.sleeve_id, Plan)
        .join(Plan, Plan.id == EXECUTIONS.c.plan_id)
        .where(EXECUTIONS.c.sleeve_id.in_(sleeve_ids), EXECUTIONS.c.kind.in_(("open", "rebalance")))
        .order_by(EXECUTIONS.c.created_at)
    )
    plans: dict[UUID, list[Plan]] = {}
    for sleeve_id, plan in rows.tuples():
        plans.setdefault(sleeve_id, []).append(plan)
    return plans


async def undecided_orders(session: AsyncSession, sleeve_id: UUID) -> list[str]:
    """Symbols in which an order of this sleeve is still under way or its outcome is unknown."""
    rows = await session.scalars(
        select(ORDERS.c.symbol)
        .where(ORDERS.c.sleeve_id == sleeve_id, ORDERS.c.state.in_(UNDECIDED))
        .distinct()
    )
    return sorted(rows.all())


async def plan_of(
    session: AsyncSession, user_id: UUID, plan_id: UUID, *, for_update: bool = False
) -> Plan | None:
    query = select(Plan).where(Plan.id == plan_id, Plan.user_id == user_id)
    found: Plan | None = await session.scalar(query.with_for_update() if for_update else query)
    return found


async def forget_unused_plans(session: AsyncSession, user_id: UUID, *, expired_before: datetime) -> None:
    """Delete the user's long expired previews that nobody carried out."""
    used = select(EXECUTIONS.c.plan_id).where(EXECUTIONS.c.plan_id == Plan.id).exists()
    await session.execute(
        delete(Plan).where(Plan.user_id == user_id, Plan.expires_at < expired_before, ~used)
    )


async def is_plan_used(session: AsyncSession, plan_id: UUID) -> bool:
    used = await session.scalar(select(EXECUTIONS.c.id).where(EXECUTIONS.c.plan_id == plan_id))
    return used is not None
