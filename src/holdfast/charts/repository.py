"""Every query on what users keep on charts."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, any_, cast, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.charts.models import ChartDrawings, ChartLayout, FiredAlert, PriceAlert

# --- layouts and drawings -----------------------------------------------------------------------------------


async def layouts(session: AsyncSession, user_id: UUID) -> list[ChartLayout]:
    rows = await session.scalars(
        select(ChartLayout).where(ChartLayout.user_id == user_id).order_by(ChartLayout.name, ChartLayout.id)
    )
    return list(rows)


async def no_default(session: AsyncSession, user_id: UUID) -> None:
    await session.execute(
        update(ChartLayout)
        .where(ChartLayout.user_id == user_id, ChartLayout.is_default)
        .values(is_default=False)
    )


async def drawn_series(session: AsyncSession, user_id: UUID) -> int:
    return await _count(session, select(func.count()).where(ChartDrawings.user_id == user_id))


# --- alerts -------------------------------------------------------------------------------------------------


async def alerts(session: AsyncSession, *users: UUID) -> list[PriceAlert]:
    """Those of the users, newest first."""
    rows = await session.scalars(
        select(PriceAlert)
        .where(PriceAlert.user_id.in_(users))
        .order_by(PriceAlert.created_at.desc(), PriceAlert.id.desc())
    )
    return list(rows)


async def alert_of(session: AsyncSession, user_id: UUID, alert_id: UUID) -> PriceAlert | None:
    """The alert, to be changed by nobody else, if it is this user's."""
    found: PriceAlert | None = await session.scalar(
        select(PriceAlert).where(PriceAlert.id == alert_id, PriceAlert.user_id == user_id).with_for_update()
    )
    return found


async def fired(
    session: AsyncSession, user_id: UUID, limit: int, *, after: tuple[datetime, UUID] | None = None
) -> list[FiredAlert]:
    """Newest first; those behind ``after``."""
    query = select(FiredAlert).where(FiredAlert.user_id == user_id)
    if after is not None:
        query = query.where(tuple_(FiredAlert.at, FiredAlert.id) < after)
    rows = await session.scalars(query.order_by(FiredAlert.at.desc(), FiredAlert.id.desc()).limit(limit))
    return list(rows)


async def noted_last(session: AsyncSession, users: Collection[UUID], limit: int) -> list[FiredAlert]:
    """The ``limit`` of each of the users that were noted last, newest first by their moments."""
    place = func.row_number().over(partition_by=FiredAlert.user_id, order_by=FiredAlert.number.desc())
    last = select(FiredAlert.id, place.label("place")).where(FiredAlert.user_id.in_(users)).subquery()
    rows = await session.scalars(
        select(FiredAlert).join(last, last.c.id == FiredAlert.id).where(last.c.place <= limit)
    )
    return sorted(rows, key=lambda row: (row.at, row.id), reverse=True)


async def forget_fired(session: AsyncSession, users: Collection[UUID], most: int) -> None:
    """Keep only the ``most`` that were noted last of each of these users."""
    place = func.row_number().over(partition_by=FiredAlert.user_id, order_by=FiredAlert.number.desc())
    theirs = FiredAlert.user_id == any_(cast(list(users), ARRAY(Uuid)))
    fired = select(FiredAlert.id, place.label("place")).where(theirs).subquery()
    oldest = select(fired.c.id).where(fired.c.place > most)
    await session.execute(delete(FiredAlert).where(FiredAlert.id.in_(oldest)))


async def _count(session: AsyncSession, query: Select[tuple[int]]) -> int:
    return int(await session.scalar(query) or 0)
