"""Every query on scripts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer, load_only

from holdfast.scripts.models import Script, ScriptVersion


async def scripts(session: AsyncSession, user_id: UUID) -> list[tuple[Script, ScriptVersion]]:
    """Each with its newest version, whose source is not read; the one changed last comes first."""
    rows = await session.execute(
        select(Script, ScriptVersion)
        .join(
            ScriptVersion, (ScriptVersion.script_id == Script.id) & (ScriptVersion.number == Script.version)
        )
        .where(Script.user_id == user_id, Script.deleted_at.is_(None))
        .order_by(Script.updated_at.desc(), Script.id)
        .options(defer(ScriptVersion.source, raiseload=True))
    )
    return [(row[0], row[1]) for row in rows]


async def script(
    session: AsyncSession, user_id: UUID, script_id: UUID, *, lock: bool = False, deleted: bool = False
) -> Script | None:
    """This user's script; with ``deleted`` also if nobody finds it in a list any more."""
    query = select(Script).where(Script.id == script_id, Script.user_id == user_id)
    if not deleted:
        query = query.where(Script.deleted_at.is_(None))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found: Script | None = await session.scalar(query)
    return found


async def version(session: AsyncSession, script_id: UUID, number: int) -> ScriptVersion | None:
    return await session.get(ScriptVersion, (script_id, number))


async def versions(session: AsyncSession, script_id: UUID) -> Sequence[ScriptVersion]:
    """Newest first, with no more than a list of them tells."""
    rows = await session.scalars(
        select(ScriptVersion)
        .where(ScriptVersion.script_id == script_id)
        .order_by(ScriptVersion.number.desc())
        .options(
            load_only(ScriptVersion.title, ScriptVersion.sha256, ScriptVersion.created_at, raiseload=True)
        )
    )
    return rows.all()


async def count(session: AsyncSession, user_id: UUID) -> int:
    query = select(func.count()).where(Script.user_id == user_id, Script.deleted_at.is_(None))
    return int(await session.scalar(query) or 0)


async def stored_bytes(session: AsyncSession, user_id: UUID) -> int:
    """Of all sources of this user, those of deleted scripts included."""
    query = (
        select(func.coalesce(func.sum(func.octet_length(ScriptVersion.source)), 0))
        .join(Script, Script.id == ScriptVersion.script_id)
        .where(Script.user_id == user_id)
    )
    return int(await session.scalar(query) or 0)


async def forget(session: AsyncSession, script_id: UUID) -> bool:
    """Delete the script with all its versions; ``False`` if something refers to one of them."""
    try:
        async with session.begin_nested():
            await session.execute(delete(Script).where(Script.id == script_id))
    except IntegrityError:
        return False
    return True


async def forget_unneeded(session: AsyncSession, user_id: UUID) -> None:
    """Delete what of this user's deleted scripts nothing refers to any more."""
    query = select(Script.id).where(Script.user_id == user_id, Script.deleted_at.is_not(None))
    for script_id in (await session.scalars(query)).all():
        await forget(session, script_id)
