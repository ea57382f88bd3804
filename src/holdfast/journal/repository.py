"""Every query on entries, their tags, fills and pictures. What the ledger knows is in ``books``."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, defer

from holdfast.journal.books import FillKey
from holdfast.journal.models import JournalEntry, JournalFill, JournalImage, JournalTag

Place = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class Filters:
    """``symbol`` is a whole series or the part behind the colon; ``start`` is included, ``end`` is not. Every
    word of ``text`` has to be found."""

    symbol: str = ""
    tag: str = ""
    setup: str = ""
    text: str = ""
    start: datetime | None = None
    end: datetime | None = None
    position: UUID | None = None


# --- entries ------------------------------------------------------------------------------------------------


async def entry_of(
    session: AsyncSession, user_id: UUID, entry_id: UUID, *, deleted: bool = False, lock: bool = False
) -> JournalEntry | None:
    """``deleted``: also if it was deleted. ``lock``: to be changed by nobody else."""
    query = select(JournalEntry).where(JournalEntry.id == entry_id, JournalEntry.user_id == user_id)
    if not deleted:
        query = query.where(JournalEntry.deleted_at.is_(None))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found: JournalEntry | None = await session.scalar(query)
    return found


async def entries(
    session: AsyncSession, user_id: UUID, filters: Filters, *, before: Place | None, limit: int
) -> Sequence[JournalEntry]:
    """Newest first."""
    query = _filtered(user_id, filters).order_by(JournalEntry.happened_at.desc(), JournalEntry.id.desc())
    if before is not None:
        mark = tuple_(literal(before[0]), literal(before[1]))
        query = query.where(tuple_(JournalEntry.happened_at, JournalEntry.id) < mark)
    return (await session.scalars(query.limit(limit))).all()


async def traded(session: AsyncSession, user_id: UUID, filters: Filters) -> Sequence[JournalEntry]:
    """All entries with a trade, oldest first, without their titles and texts: there may be thousands."""
    unread = (defer(JournalEntry.title, raiseload=True), defer(JournalEntry.text, raiseload=True))
    query = _filtered(user_id, filters).where(JournalEntry.trade != "none").options(*unread)
    return (await session.scalars(query.order_by(JournalEntry.happened_at, JournalEntry.id))).all()


async def on_series(
    session: AsyncSession, user_id: UUID, series: str, start: datetime, until: datetime, limit: int
) -> list[JournalEntry]:
    """In [start, until), oldest first; the newest ``limit`` of them, without their texts."""
    rows = await session.scalars(
        _own(user_id)
        .where(
            JournalEntry.series == series,
            JournalEntry.happened_at >= start,
            JournalEntry.happened_at < until,
        )
        .options(defer(JournalEntry.text, raiseload=True))
        .order_by(JournalEntry.happened_at.desc(), JournalEntry.id.desc())
        .limit(limit)
    )
    return list(rows)[::-1]


async def count(session: AsyncSession, user_id: UUID) -> int:
    """Deleted ones that can still be brought back are counted too."""
    counted = await session.scalar(
        select(func.count()).select_from(JournalEntry).where(JournalEntry.user_id == user_id)
    )
    return counted or 0


async def forget_deleted(session: AsyncSession, before: datetime, *, user_id: UUID | None = None) -> None:
    """For good, with everything that belongs to them."""
    gone = delete(JournalEntry).where(JournalEntry.deleted_at < before)
    await session.execute(gone if user_id is None else gone.where(JournalEntry.user_id == user_id))


def _own(user_id: UUID) -> Select[tuple[JournalEntry]]:
    return select(JournalEntry).where(JournalEntry.user_id == user_id, JournalEntry.deleted_at.is_(None))


def _filtered(user_id: UUID, filters: Filters) -> Select[tuple[JournalEntry]]:
    query = _own(user_id)
    if filters.symbol:
        series, wanted = func.lower(JournalEntry.series), filters.symbol.lower()
        query = query.where(or_(series == wanted, func.split_part(series, ":", 2) == wanted))
    if filters.tag:
        query = query.where(_has_tag(JournalTag.tag == filters.tag))
    if filters.setup:
        query = query.where(func.lower(JournalEntry.setup) == filters.setup.lower())
    if filters.start is not None:
        query = query.where(JournalEntry.happened_at >= filters.start)
    if filters.end is not None:
        query = query.where(JournalEntry.happened_at < filters.end)
    if filters.position is not None:
        query = query.where(JournalEntry.sleeve_id == filters.position)
    return query.where(*(_holds(word) for word in dict.fromkeys(filters.text.split())))


def _holds(word: str) -> ColumnElement[bool]:
    return or_(
        *(
            written.icontains(word, autoescape=True)
            for written in (JournalEntry.title, JournalEntry.text, JournalEntry.setup, JournalEntry.series)
        ),
        _has_tag(JournalTag.tag.icontains(word, autoescape=True)),
    )


def _has_tag(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(JournalTag.tag).where(JournalTag.entry_id == JournalEntry.id, condition).exists()


# --- tags and other labels ----------------------------------------------------------------------------------


async def tags(session: AsyncSession, entry_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    rows = await session.execute(
        select(JournalTag.entry_id, JournalTag.tag)
        .where(JournalTag.entry_id.in_(entry_ids))
        .order_by(JournalTag.tag)
    )
    found: dict[UUID, list[str]] = defaultdict(list)
    for entry_id, tag in rows:
        found[entry_id].append(tag)
    return found


async def set_tags(session: AsyncSession, entry_id: UUID, names: Sequence[str]) -> None:
    await session.execute(delete(JournalTag).where(JournalTag.entry_id == entry_id))
    if names:
        await session.execute(insert(JournalTag), [{"entry_id": entry_id, "tag": name} for name in names])


async def used_tags(session: AsyncSession, user_id: UUID, limit: int) -> list[tuple[str, int]]:
    """Most used first."""
    rows = await session.execute(
        select(JournalTag.tag, func.count().label("entries"))
        .join(JournalEntry, JournalEntry.id == JournalTag.entry_id)
        .where(JournalEntry.user_id == user_id, JournalEntry.deleted_at.is_(None))
        .group_by(JournalTag.tag)
        .order_by(func.count().desc(), JournalTag.tag)
        .limit(limit)
    )
    return [(name, entries) for name, entries in rows]


async def used_setups(session: AsyncSession, user_id: UUID, limit: int) -> list[tuple[str, int]]:
    return await _used(session, user_id, JournalEntry.setup, limit)


async def used_series(session: AsyncSession, user_id: UUID, limit: int) -> list[tuple[str, int]]:
    return await _used(session, user_id, JournalEntry.series, limit)


async def _used(
    session: AsyncSession, user_id: UUID, what: InstrumentedAttribute[str], limit: int
) -> list[tuple[str, int]]:
    rows = await session.execute(
        select(what, func.count())
        .where(JournalEntry.user_id == user_id, JournalEntry.deleted_at.is_(None), what != "")
        .group_by(what)
        .order_by(func.count().desc(), what)
        .limit(limit)
    )
    return [(name, entries) for name, entries in rows]


# --- fills --------------------------------------------------------------------------------------------------


async def fill_keys(session: AsyncSession, entry_ids: Collection[UUID]) -> dict[UUID, list[FillKey]]:
    rows = await session.execute(
        select(JournalFill.entry_id, JournalFill.connection_id, JournalFill.exec_id)
        .where(JournalFill.entry_id.in_(entry_ids))
        .order_by(JournalFill.exec_id)
    )
    found: dict[UUID, list[FillKey]] = defaultdict(list)
    for entry_id, connection_id, exec_id in rows:
        found[entry_id].append((connection_id, exec_id))
    return found


async def set_fills(session: AsyncSession, entry_id: UUID, keys: Collection[FillKey]) -> None:
    await session.execute(delete(JournalFill).where(JournalFill.entry_id == entry_id))
    if keys:
        await session.execute(
            insert(JournalFill),
            [
                {"entry_id": entry_id, "connection_id": connection_id, "exec_id": exec_id}
                for connection_id, exec_id in keys
            ],
        )


# --- pictures -----------------------------------------------------------------------------------------------


async def image_of(session: AsyncSession, user_id: UUID, image_id: UUID) -> JournalImage | None:
    """Without its content. Pictures of deleted entries are gone as these are."""
    found: JournalImage | None = await session.scalar(
        select(JournalImage)
        .outerjoin(JournalEntry, JournalEntry.id == JournalImage.entry_id)
        .where(
            JournalImage.id == image_id,
            JournalImage.user_id == user_id,
            JournalEntry.deleted_at.is_(None),
        )
    )
    return found


async def content_of(session: AsyncSession, image_id: UUID) -> bytes:
    content = await session.scalar(select(JournalImage.content).where(JournalImage.id == image_id))
    assert content is not None
    return content


async def images(session: AsyncSession, entry_ids: Collection[UUID]) -> dict[UUID, list[JournalImage]]:
    """In the order they are shown, without their content."""
    rows = await session.scalars(
        select(JournalImage)
        .where(JournalImage.entry_id.in_(entry_ids))
        .order_by(JournalImage.place, JournalImage.id)
    )
    found: dict[UUID, list[JournalImage]] = defaultdict(list)
    for image in rows:
        if image.entry_id is not None:
            found[image.entry_id].append(image)
    return found


async def attachable(
    session: AsyncSession, user_id: UUID, entry_id: UUID, image_ids: Collection[UUID]
) -> dict[UUID, JournalImage]:
    """Those of these pictures that are the user's and belong to this entry or to none."""
    rows = await session.scalars(
        select(JournalImage)
        .where(
            JournalImage.id.in_(image_ids),
            JournalImage.user_id == user_id,
            or_(JournalImage.entry_id.is_(None), JournalImage.entry_id == entry_id),
        )
        .with_for_update()
    )
    return {image.id: image for image in rows}


async def forget_images(session: AsyncSession, entry_id: UUID, *, but: Collection[UUID]) -> None:
    """Those of an entry that it does not show any more."""
    await session.execute(
        delete(JournalImage).where(JournalImage.entry_id == entry_id, JournalImage.id.not_in(but))
    )


async def forget_unused_images(
    session: AsyncSession, before: datetime, *, user_id: UUID | None = None
) -> None:
    """Those that were sent before this moment and that no entry shows."""
    gone = delete(JournalImage).where(and_(JournalImage.entry_id.is_(None), JournalImage.created_at < before))
    await session.execute(gone if user_id is None else gone.where(JournalImage.user_id == user_id))


async def forget_unused_image(session: AsyncSession, user_id: UUID, image_id: UUID) -> bool:
    """Whether it was there and no entry showed it, at the moment it was to go."""
    gone = await session.scalar(
        delete(JournalImage)
        .where(
            JournalImage.id == image_id,
            JournalImage.user_id == user_id,
            JournalImage.entry_id.is_(None),
        )
        .returning(JournalImage.id)
    )
    return gone is not None


async def image_usage(session: AsyncSession, user_id: UUID) -> tuple[int, int]:
    """How many pictures this user keeps, and their bytes."""
    row = (
        await session.execute(
            select(func.count(), func.coalesce(func.sum(JournalImage.size), 0)).where(
                JournalImage.user_id == user_id
            )
        )
    ).one()
    return int(row[0]), int(row[1])
