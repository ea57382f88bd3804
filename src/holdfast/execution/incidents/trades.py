"""Trades that did not come from Holdfast, and trades of ours that came too late."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.instruments import Side
from holdfast.execution import intake, repository
from holdfast.execution.incidents import attention, incidents, words
from holdfast.execution.incidents.models import Incident
from holdfast.execution.incidents.words import Told
from holdfast.execution.models import Execution, Order
from holdfast.portfolio.booking import FORCED, closable, settle_alterations
from holdfast.portfolio.models import Alteration, Fill, Sleeve
from holdfast.portfolio.positions import CLOSED_STATES, index_name
from holdfast.venues.protocol import FillReport

SETTLED_WITH_THE_POSITION: Final = ("manual_trade", "adl", "delivery", "late_fill")


async def take_own_fill(
    session: AsyncSession,
    connection: Connection,
    order: Order,
    fill: FillReport,
    *,
    now: datetime,
    source: str,
) -> bool:
    """Book a fill of ours that its executor had not asked for. Returns whether it was new."""
    if not await intake.take_fill(session, order, fill, now=now, source=source):
        return False
    execution = await session.get_one(Execution, order.execution_id)
    if execution.finished_at is not None:
        sleeve = await session.get_one(Sleeve, order.sleeve_id)
        news = words.late_fill(order.symbol, fill.quantity, sleeve.id, index_name(sleeve.index_id))
        await _note(session, connection, news, f"late:{fill.exec_id}", fill.executed_at)
    return True


async def note_strangers(
    session: AsyncSession, connection: Connection, fills: Sequence[FillReport], *, now: datetime
) -> None:
    """Tell of newly booked ``fills`` that are not ours: one incident for each order of theirs and position it
    met. Positions that the venue has emptied are closed."""
    groups: dict[tuple[str, str], FillReport] = {}
    for fill in fills:
        groups.setdefault((fill.exec_type, fill.venue_order_id or fill.exec_id), fill)
    if not groups:
        return
    await session.flush()
    emptied = await close_emptied(session, connection.id, now=now)
    for (exec_type, name), first in groups.items():
        booked = await _fills_of_order(session, connection.id, first)
        parts = await _parts(session, connection.id, [fill.exec_id for fill in booked])
        told = _told(exec_type, booked)
        if not parts:
            settled = None if exec_type == "BustTrade" else first.executed_at
            await _note(session, connection, words.trade(told), f"trade:{name}", first.executed_at, settled)
        else:
            await incidents.retract(session, connection.id, f"trade:{name}")
        for sleeve_id, part in parts.items():
            sleeve = await session.get_one(Sleeve, sleeve_id)
            met = Told(
                exec_type,
                told.symbol,
                told.side,
                told.quantity,
                told.price,
                index_name(sleeve.index_id),
                sleeve_id,
                part,
                sleeve_id in emptied,
            )
            await _note(session, connection, words.trade(met), f"trade:{name}:{sleeve_id}", first.executed_at)


async def close_emptied(session: AsyncSession, connection_id: UUID, *, now: datetime) -> set[UUID]:
    """Close the positions of a connection that the venue has left with nothing: nobody is at work on them,
    and there is nothing to trade."""
    forced = exists().where(
        Alteration.sleeve_id == Sleeve.id,
        Fill.connection_id == connection_id,
        Fill.exec_id == Alteration.exec_id,
        Fill.exec_type.in_(FORCED),
    )
    at_work = exists().where(Execution.sleeve_id == Sleeve.id, Execution.finished_at.is_(None))
    touched = await session.scalars(
        select(Sleeve)
        .where(
            Sleeve.connection_id == connection_id,
            Sleeve.state.in_(("active", "needs_attention")),
            forced,
            ~at_work,
        )
        .with_for_update(of=Sleeve)
    )
    emptied = set()
    for sleeve in touched:
        if await closable(session, sleeve.id):
            continue
        await settle_alterations(session, sleeve_id=sleeve.id, now=now)
        await repository.set_sleeve_state(session, sleeve.id, state="closed", closed_at=now)
        emptied.add(sleeve.id)
    return emptied


async def settle_passed(session: AsyncSession, connection_id: UUID, *, now: datetime) -> bool:
    """What met a position is over once the position is, or has been rebalanced since; its need of attention,
    once there is none. Returns whether anything changed."""
    rebalanced = exists().where(
        Execution.sleeve_id == Incident.sleeve_id,
        Execution.kind == "rebalance",
        Execution.state.in_(("complete", "complete_with_residual")),
        Execution.created_at > Incident.at,
    )
    passed = await session.scalars(
        select(Incident)
        .join(Sleeve, Sleeve.id == Incident.sleeve_id)
        .where(
            Incident.connection_id == connection_id,
            Incident.settled_at.is_(None),
            or_(
                Incident.kind.in_(SETTLED_WITH_THE_POSITION) & (Sleeve.state.in_(CLOSED_STATES) | rebalanced),
                (Incident.kind == attention.KIND) & Sleeve.state.in_((*CLOSED_STATES, "active")),
            ),
        )
    )
    found = list(passed)
    for incident in found:
        incident.settled_at = now
    await session.flush()
    return bool(found)


async def _fills_of_order(session: AsyncSession, connection_id: UUID, first: FillReport) -> Sequence[Fill]:
    query = select(Fill).where(
        Fill.connection_id == connection_id, Fill.exec_type == first.exec_type, Fill.symbol == first.symbol
    )
    if first.venue_order_id:
        query = query.where(Fill.venue_order_id == first.venue_order_id)
    else:
        query = query.where(Fill.exec_id == first.exec_id)
    return (await session.scalars(query)).all()


async def _parts(session: AsyncSession, connection_id: UUID, exec_ids: Sequence[str]) -> dict[UUID, Decimal]:
    """What these executions took from whose leg."""
    rows = await session.execute(
        select(Alteration.sleeve_id, func.sum(Alteration.quantity))
        .join(Sleeve, Sleeve.id == Alteration.sleeve_id)
        .where(Sleeve.connection_id == connection_id, Alteration.exec_id.in_(exec_ids))
        .group_by(Alteration.sleeve_id)
    )
    return dict(rows.tuples().all())


def _told(exec_type: str, booked: Sequence[Fill]) -> Told:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for fill in booked:
        sums["quantity"] += fill.quantity
        sums["value"] += fill.quantity * fill.price
    first = booked[0]
    return Told(
        exec_type,
        first.symbol,
        Side(first.side),
        sums["quantity"],
        sums["value"] / sums["quantity"] if sums["quantity"] else first.price,
    )


async def _note(
    session: AsyncSession,
    connection: Connection,
    news: incidents.News,
    reference: str,
    at: datetime,
    settled_at: datetime | None = None,
) -> None:
    await incidents.note(
        session,
        news,
        user_id=connection.user_id,
        connection_id=connection.id,
        reference=reference,
        at=at,
        settled_at=settled_at,
    )
