"""Every query on back-tests."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import String, cast, delete, func, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from holdfast.backtest.models import Backtest, BacktestPart
from holdfast.platform.models import Job
from holdfast.scripts.models import Script

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
UNDER_WAY: Final = (QUEUED, RUNNING)
EQUITY, TRADES = "equity", "trades"


async def backtests(
    session: AsyncSession,
    user_id: UUID,
    *,
    script_id: UUID | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Backtest]:
    """Newest first."""
    query = select(Backtest).where(Backtest.user_id == user_id)
    if script_id is not None:
        query = query.where(Backtest.script_id == script_id)
    if before is not None:
        query = query.where(tuple_(Backtest.created_at, Backtest.id) < before)
    rows = await session.scalars(query.order_by(Backtest.created_at.desc(), Backtest.id.desc()).limit(limit))
    return list(rows)


async def backtest_of(
    session: AsyncSession, user_id: UUID, backtest_id: UUID, *, lock: bool = False
) -> Backtest | None:
    query = select(Backtest).where(Backtest.id == backtest_id, Backtest.user_id == user_id)
    if lock:
        query = query.with_for_update()
    found: Backtest | None = await session.scalar(query.execution_options(populate_existing=True))
    return found


async def count(session: AsyncSession, user_id: UUID, states: Sequence[str] = ()) -> int:
    query = select(func.count()).select_from(Backtest).where(Backtest.user_id == user_id)
    if states:
        query = query.where(Backtest.state.in_(states))
    return int(await session.scalar(query) or 0)


async def others_turn(session: AsyncSession, user_id: UUID, job: str, most: int) -> bool:
    """Whether one of somebody else is queued who began one less recently than this user, and of whom fewer
    than ``most`` run."""
    began = await session.scalar(select(func.max(Backtest.started_at)).where(Backtest.user_id == user_id))
    if began is None:
        return False
    queued, every = aliased(Backtest), aliased(Backtest)
    theirs = select(func.max(every.started_at)).where(every.user_id == queued.user_id).scalar_subquery()
    running = (
        select(func.count()).where(every.user_id == queued.user_id, every.state == RUNNING).scalar_subquery()
    )
    found = await session.scalar(
        select(queued.id)
        .join(Job, Job.subject == cast(queued.id, String))
        .where(
            Job.kind == job,
            Job.finished_at.is_(None),
            queued.user_id != user_id,
            queued.state == QUEUED,
            or_(theirs.is_(None), theirs < began),
            running < most,
        )
        .limit(1)
    )
    return found is not None


async def deleted_scripts(session: AsyncSession, scripts: Sequence[UUID]) -> set[UUID]:
    rows = await session.scalars(
        select(Script.id).where(Script.id.in_(scripts), Script.deleted_at.is_not(None))
    )
    return set(rows)


async def script_name(session: AsyncSession, script_id: UUID) -> str:
    return (await session.get_one(Script, script_id)).name


async def note(session: AsyncSession, backtest_id: UUID, **values: Any) -> bool:
    """Write how far a running one is; whether it still runs: nobody has cancelled or deleted it."""
    done = await session.execute(
        update(Backtest)
        .where(Backtest.id == backtest_id, Backtest.state == RUNNING)
        .values(**values)
        .returning(Backtest.id)
        .execution_options(synchronize_session=False)
    )
    return done.one_or_none() is not None


# --- what came out ------------------------------------------------------------------------------------------


async def put_parts(session: AsyncSession, backtest_id: UUID, kind: str, contents: Sequence[bytes]) -> None:
    """In the place of those there are."""
    await session.execute(
        delete(BacktestPart).where(BacktestPart.backtest_id == backtest_id, BacktestPart.kind == kind)
    )
    rows = [
        {"backtest_id": backtest_id, "kind": kind, "part": number, "content": content}
        for number, content in enumerate(contents)
    ]
    if rows:
        await session.execute(insert(BacktestPart), rows)


async def parts(session: AsyncSession, backtest_id: UUID, kind: str, first: int, last: int) -> list[bytes]:
    rows = await session.scalars(
        select(BacktestPart.content)
        .where(
            BacktestPart.backtest_id == backtest_id,
            BacktestPart.kind == kind,
            BacktestPart.part.between(first, last),
        )
        .order_by(BacktestPart.part)
    )
    return list(rows)
