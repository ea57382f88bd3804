"""Every query on strategies."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Float, Row, and_, cast, delete, func, not_, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from holdfast.core.timeframes import DAY
from holdfast.scripts.models import Script
from holdfast.strategies.models import Strategy, StrategyBar, StrategyEvent, StrategyFill
from holdfast.strategies.states import FAILED, STOPPED


def _at_work() -> ColumnElement[bool]:
    """It needs the bars of its series. What has failed and holds nothing waits for its owner."""
    waits = and_(Strategy.state == FAILED, Strategy.book["lots"].astext == "0")
    return or_(and_(Strategy.state != STOPPED, not_(waits)), Strategy.closing_from.is_not(None))


async def of_user(session: AsyncSession, user_id: UUID) -> list[tuple[Strategy, Script]]:
    """Newest first, each with its script."""
    rows = await session.execute(
        select(Strategy, Script)
        .join(Script, Script.id == Strategy.script_id)
        .where(Strategy.user_id == user_id, Strategy.deleted_at.is_(None))
        .order_by(Strategy.created_at.desc(), Strategy.id.desc())
        .execution_options(populate_existing=True)
    )
    return [(row[0], row[1]) for row in rows]


async def of_users(session: AsyncSession, users: Collection[UUID]) -> list[Strategy]:
    """Those of many users, newest first."""
    rows = await session.scalars(
        select(Strategy)
        .where(Strategy.user_id.in_(users), Strategy.deleted_at.is_(None))
        .order_by(Strategy.created_at.desc(), Strategy.id.desc())
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def owned(
    session: AsyncSession, user_id: UUID, strategy_id: UUID, *, lock: bool = False
) -> Strategy | None:
    query = select(Strategy).where(
        Strategy.id == strategy_id, Strategy.user_id == user_id, Strategy.deleted_at.is_(None)
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found: Strategy | None = await session.scalar(query)
    return found


async def locked(session: AsyncSession, strategy_id: UUID) -> Strategy | None:
    """To be changed by nobody else until the end of the transaction."""
    return await session.get(Strategy, strategy_id, with_for_update=True, populate_existing=True)


async def counts(session: AsyncSession, user_id: UUID) -> tuple[int, int]:
    """How many this user has, and how many of them are not stopped."""
    row = (
        await session.execute(
            select(func.count(), func.count().filter(Strategy.state != STOPPED)).where(
                Strategy.user_id == user_id, Strategy.deleted_at.is_(None)
            )
        )
    ).one()
    return int(row[0]), int(row[1])


async def count_at_work(session: AsyncSession) -> int:
    """Of all users."""
    return int(await session.scalar(select(func.count()).select_from(Strategy).where(_at_work())) or 0)


async def at_work(session: AsyncSession) -> list[UUID]:
    return list(await session.scalars(select(Strategy.id).where(_at_work())))


async def followed_series(session: AsyncSession) -> set[str]:
    """Every series whose bars a strategy needs."""
    return set(await session.scalars(select(Strategy.series).where(_at_work()).distinct()))


_CURVE: Final = text(
    """SELECT time, close, quantity, equity FROM (
         SELECT time, close, quantity, equity, place, total,
                row_number() OVER (PARTITION BY stretch ORDER BY equity, time) AS low,
                row_number() OVER (PARTITION BY stretch ORDER BY equity DESC, time) AS high
           FROM (SELECT time, CAST(close AS float8) AS close, CAST(quantity AS float8) AS quantity,
                        CAST(equity AS float8) AS equity, row_number() OVER (ORDER BY time) AS place,
                        count(*) OVER () AS total,
                        ntile(CAST(:stretches AS int)) OVER (ORDER BY time) AS stretch
                   FROM strategy_bars WHERE strategy_id = :strategy_id) AS numbered) AS ranked
        WHERE total <= 2 * :stretches OR place IN (1, total) OR low = 1 OR high = 1
        ORDER BY time"""
)


async def curve(session: AsyncSession, strategy_id: UUID, most: int) -> list[Row[Any]]:
    """(time, close, quantity, equity) of every bar, oldest first; of more than ``most`` the first, the last,
    and the lowest and highest equity of every stretch."""
    found = await session.execute(_CURVE, {"strategy_id": strategy_id, "stretches": most // 2})
    return list(found.all())


async def next_to_thin(session: AsyncSession, until: str, border: int) -> tuple[UUID, int, int] | None:
    """A strategy with bars before ``border`` that are not thinned: its id, how far it is, and how far it may
    come: no bar before that will be added any more."""
    column: InstrumentedAttribute[int] = getattr(Strategy, until)
    known = func.least(border, Strategy.next_time - Strategy.next_time % DAY)
    query = select(Strategy.id, column, known).where(column < known).order_by(column).limit(1)
    row = (await session.execute(query)).first()
    return None if row is None else (row[0], row[1], row[2])


async def equity_of(session: AsyncSession, strategy_id: UUID, start: int, until: int) -> list[Row[Any]]:
    """(time, equity) of every bar of [``start``, ``until``), oldest first."""
    query = select(StrategyBar.time, cast(StrategyBar.equity, Float).label("equity")).where(
        *_between(strategy_id, start, until)
    )
    return list((await session.execute(query.order_by(StrategyBar.time))).all())


async def thin(session: AsyncSession, strategy_id: UUID, start: int, until: int, kept: Sequence[int]) -> None:
    """Delete all bars of [``start``, ``until``) but those at ``kept``."""
    between = _between(strategy_id, start, until)
    await session.execute(delete(StrategyBar).where(*between, StrategyBar.time.not_in(kept)))


async def mark_thinned(session: AsyncSession, strategy_id: UUID, column: str, until: int) -> None:
    await session.execute(update(Strategy).where(Strategy.id == strategy_id).values({column: until}))


def _between(strategy_id: UUID, start: int, until: int) -> tuple[ColumnElement[bool], ...]:
    return StrategyBar.strategy_id == strategy_id, StrategyBar.time >= start, StrategyBar.time < until


async def remove_some(session: AsyncSession, strategy_id: UUID, most: int) -> bool:
    """Delete ``most`` bars or fills of a strategy, or with the last of them itself. Whether more is left."""
    for model in (StrategyBar, StrategyFill):
        some = select(model.time).where(model.strategy_id == strategy_id).limit(most)
        gone = delete(model).where(model.strategy_id == strategy_id, model.time.in_(some))
        if (await session.execute(gone.returning(model.time))).first() is not None:
            return True
    await session.execute(
        delete(Strategy).where(Strategy.id == strategy_id, Strategy.deleted_at.is_not(None))
    )
    return False


async def forget_events(session: AsyncSession, strategy_id: UUID, most: int) -> None:
    """Keep only the newest ``most``."""
    newest = (
        select(StrategyEvent.number)
        .where(StrategyEvent.strategy_id == strategy_id)
        .order_by(StrategyEvent.number.desc())
        .offset(most)
        .limit(1)
        .scalar_subquery()
    )
    await session.execute(
        delete(StrategyEvent).where(StrategyEvent.strategy_id == strategy_id, StrategyEvent.number <= newest)
    )


async def events(
    session: AsyncSession, strategy_id: UUID, limit: int, before: int | None
) -> Sequence[StrategyEvent]:
    """Newest first."""
    query = select(StrategyEvent).where(StrategyEvent.strategy_id == strategy_id)
    if before is not None:
        query = query.where(StrategyEvent.number < before)
    return (await session.scalars(query.order_by(StrategyEvent.number.desc()).limit(limit))).all()


async def fills(
    session: AsyncSession, strategy_id: UUID, limit: int, before: int | None
) -> Sequence[StrategyFill]:
    """Newest first."""
    query = select(StrategyFill).where(StrategyFill.strategy_id == strategy_id)
    if before is not None:
        query = query.where(StrategyFill.time < before)
    return (await session.scalars(query.order_by(StrategyFill.time.desc()).limit(limit))).all()
