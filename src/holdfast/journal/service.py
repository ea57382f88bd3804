"""What users do with their journal: write, look, change, delete, bring back, count up."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.repository import lock_user
from holdfast.core.errors import Conflict, InvalidInput, NotFound
from holdfast.core.identity import new_id
from holdfast.journal import books, figures, folds, repository, trades
from holdfast.journal.books import FillKey
from holdfast.journal.figures import Told
from holdfast.journal.folds import Mark
from holdfast.journal.models import JournalEntry
from holdfast.journal.names import names_of
from holdfast.journal.repository import Filters
from holdfast.journal.schemas import (
    ChangedEntry,
    EntryRef,
    EntryView,
    FillsTrade,
    GroupBy,
    HandTrade,
    ImageView,
    JournalMark,
    LabelsView,
    LabelView,
    NewEntry,
    PositionTrade,
    StatisticsView,
    TradeView,
    TradeWish,
)
from holdfast.platform.paging import decode_cursor, encode_cursor
from holdfast.platform.schemas import Page
from holdfast.portfolio.repository import sleeve_of

MOST_ENTRIES: Final = 5000
MOST_MARKS: Final = 500
MOST_LABELS: Final = 200
KEPT_AFTER_DELETION: Final = timedelta(days=1)
"""How long a deleted entry can be brought back."""


# --- looking ------------------------------------------------------------------------------------------------


async def page(
    session: AsyncSession, user_id: UUID, filters: Filters, mark: Mark, *, cursor: str | None, limit: int
) -> Page[EntryView]:
    """Newest first.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    rows = await repository.entries(session, user_id, filters, before=_place(cursor), limit=limit + 1)
    shown = rows[:limit]
    more = encode_cursor(shown[-1].happened_at, shown[-1].id) if len(rows) > limit else None
    return Page(items=await views(session, user_id, shown, mark), next_cursor=more)


async def one(session: AsyncSession, user_id: UUID, entry_id: UUID, mark: Mark) -> EntryView:
    """Raises ``NotFound``, also for somebody else's and for a deleted one."""
    row = await repository.entry_of(session, user_id, entry_id)
    if row is None:
        raise _no_entry()
    return (await views(session, user_id, [row], mark))[0]


async def views(
    session: AsyncSession, user_id: UUID, rows: Sequence[JournalEntry], mark: Mark
) -> list[EntryView]:
    ids = [row.id for row in rows]
    tags, images = await repository.tags(session, ids), await repository.images(session, ids)
    told = await _trades(session, user_id, rows, mark)
    return [
        EntryView(
            id=row.id,
            version=row.version,
            title=row.title,
            text=row.text,
            series=row.series,
            happened_at=row.happened_at,
            mood=row.mood or None,
            rating=row.rating,
            setup=row.setup,
            tags=tags.get(row.id, []),
            trade=told.get(row.id),
            images=[ImageView.model_validate(image) for image in images.get(row.id, [])],
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in rows
    ]


async def marks(
    session: AsyncSession, user_id: UUID, series: str, start: datetime, until: datetime
) -> list[JournalMark]:
    rows = await repository.on_series(session, user_id, series, start, until, MOST_MARKS)
    return [
        JournalMark(
            id=row.id,
            time=int(row.happened_at.timestamp()),
            title=row.title,
            mood=row.mood or None,
            has_trade=row.trade != "none",
        )
        for row in rows
    ]


async def labels(session: AsyncSession, user_id: UUID) -> LabelsView:
    found = [
        [LabelView(name=name, entries=entries) for name, entries in await used(session, user_id, MOST_LABELS)]
        for used in (repository.used_tags, repository.used_setups, repository.used_series)
    ]
    return LabelsView(tags=found[0], setups=found[1], series=found[2])


async def statistics(
    session: AsyncSession, user_id: UUID, filters: Filters, by: GroupBy, mark: Mark
) -> StatisticsView:
    rows = await repository.traded(session, user_id, filters)
    tags = await repository.tags(session, [row.id for row in rows])
    sleeves = {row.sleeve_id for row in rows if row.sleeve_id is not None}
    positions = await trades.outcomes_of_positions(session, user_id, sleeves)
    others = await _trades(session, user_id, [row for row in rows if row.sleeve_id is None], mark)
    told = []
    for row in rows:
        trade = others.get(row.id)
        outcome = folds.outcome_of(trade) if trade else row.sleeve_id and positions.get(row.sleeve_id)
        if outcome:
            identity = frozenset(trade.fills) if trade and trade.fills else row.sleeve_id or row.id
            told.append(Told(identity, outcome, row.setup, row.mood, tuple(tags.get(row.id, ()))))
    return figures.statistics(told, by)


async def trade_of(session: AsyncSession, user_id: UUID, wish: TradeWish, mark: Mark) -> TradeView:
    """What the ledger says of a trade before an entry tells of it. Raises as ``add``."""
    row = JournalEntry(series="")
    keys = await _tie(session, user_id, row, wish)
    if isinstance(wish, HandTrade):
        return folds.by_hand(row, "")
    if isinstance(wish, PositionTrade):
        return (await trades.of_positions(session, user_id, [wish.position_id], mark))[wish.position_id]
    return (await trades.of_fills(session, {"": keys}, mark))[""]


async def _trades(
    session: AsyncSession, user_id: UUID, rows: Sequence[JournalEntry], mark: Mark
) -> dict[UUID, TradeView]:
    """By entry."""
    sleeves = {row.id: row.sleeve_id for row in rows if row.sleeve_id is not None}
    positions = await trades.of_positions(session, user_id, set(sleeves.values()), mark)
    of_fills = [row.id for row in rows if row.trade == "fills"]
    keys = await repository.fill_keys(session, of_fills) if of_fills else {}
    hand = [row for row in rows if row.trade == "hand"]
    called = await names_of(session, user_id, {row.series for row in hand})
    return {
        **{entry_id: positions[sleeve] for entry_id, sleeve in sleeves.items() if sleeve in positions},
        **await trades.of_fills(session, keys, mark),
        **{row.id: folds.by_hand(row, called[row.series]) for row in hand},
    }


# --- writing ------------------------------------------------------------------------------------------------


async def add(session: AsyncSession, user_id: UUID, wanted: NewEntry, *, now: datetime) -> EntryRef:
    """Write an entry.

    Raises:
        Conflict: the user keeps as many as they may.
        NotFound: the position, the fills or a picture are not this user's.
        InvalidInput: the fills make no trade.
    """
    await lock_user(session, user_id)
    await _check_room(session, user_id, now)
    row = JournalEntry(id=new_id(), user_id=user_id, version=1, created_at=now, updated_at=now)
    keys = await _write(session, user_id, row, wanted)
    session.add(row)
    await session.flush()
    await _write_parts(session, user_id, row, wanted, keys)
    return EntryRef(id=row.id, version=row.version)


async def change(
    session: AsyncSession,
    user_id: UUID,
    entry_id: UUID,
    wanted: ChangedEntry,
    mark: Mark,
    *,
    now: datetime,
) -> EntryRef:
    """Write an entry anew. Pictures that it does not name any more are deleted.

    Raises:
        NotFound: it, or something it names, is not this user's.
        Conflict: it was changed since it was read; ``current`` is what it is now.
        InvalidInput: the fills make no trade.
    """
    row = await repository.entry_of(session, user_id, entry_id, lock=True)
    if row is None:
        raise _no_entry()
    if row.version != wanted.version:
        current = (await views(session, user_id, [row], mark))[0]
        raise Conflict(
            "This entry was changed elsewhere since you read it.",
            advice="Look at what it is now, and save yours again if it is to replace it.",
            current=current.model_dump(mode="json"),
        )
    keys = await _write(session, user_id, row, wanted)
    row.version, row.updated_at = row.version + 1, now
    await _write_parts(session, user_id, row, wanted, keys)
    await session.flush()
    return EntryRef(id=row.id, version=row.version)


async def remove(session: AsyncSession, user_id: UUID, entry_id: UUID, *, now: datetime) -> None:
    """It can be brought back for a day. Raises ``NotFound``."""
    row = await repository.entry_of(session, user_id, entry_id, lock=True)
    if row is None:
        raise _no_entry()
    row.deleted_at = now


async def restore(session: AsyncSession, user_id: UUID, entry_id: UUID, mark: Mark) -> EntryView:
    """Bring a deleted entry back. Raises ``NotFound``: it is gone for good, or never was."""
    row = await repository.entry_of(session, user_id, entry_id, deleted=True, lock=True)
    if row is None:
        raise _no_entry()
    row.deleted_at = None
    await session.flush()
    return (await views(session, user_id, [row], mark))[0]


async def _write(session: AsyncSession, user_id: UUID, row: JournalEntry, wanted: NewEntry) -> list[FillKey]:
    row.title, row.text, row.series = wanted.title, wanted.text, wanted.series
    row.happened_at, row.setup = wanted.happened_at, wanted.setup
    row.mood, row.rating = wanted.mood or "", wanted.rating
    return await _tie(session, user_id, row, wanted.trade)


async def _tie(
    session: AsyncSession, user_id: UUID, row: JournalEntry, wish: TradeWish | None
) -> list[FillKey]:
    """Write into the row which trade it tells of; the fills to be written beside it."""
    hand = wish if isinstance(wish, HandTrade) else None
    row.trade = wish.kind if wish else "none"
    row.sleeve_id = wish.position_id if isinstance(wish, PositionTrade) else None
    for name in ("direction", "quantity", "entry_price", "entry_at", "exit_price", "exit_at", "fees"):
        setattr(row, name, getattr(hand, name) if hand else None)
    if row.sleeve_id is not None and await sleeve_of(session, user_id, row.sleeve_id) is None:
        raise NotFound("There is no such position.", advice="See the list of your positions.")
    return await _own_fills(session, user_id, wish) if isinstance(wish, FillsTrade) else []


async def _own_fills(session: AsyncSession, user_id: UUID, wish: FillsTrade) -> list[FillKey]:
    exec_ids = sorted(set(wish.fills))
    connection_id = await books.connection_with(session, user_id, exec_ids)
    if connection_id is None:
        raise NotFound(
            "These are not all fills of yours on one account.",
            advice="Choose them from your fills; those of two accounts make two trades.",
        )
    keys = [(connection_id, exec_id) for exec_id in exec_ids]
    found = await books.fills(session, keys)
    folds.of_fills([fill for fill, _ in found.values()], "", [], {}, _unpriced)
    return keys


async def _write_parts(
    session: AsyncSession, user_id: UUID, row: JournalEntry, wanted: NewEntry, keys: list[FillKey]
) -> None:
    await repository.set_tags(session, row.id, wanted.tags)
    await repository.set_fills(session, row.id, keys)
    await repository.forget_images(session, row.id, but=wanted.images)
    found = await repository.attachable(session, user_id, row.id, wanted.images)
    for place, image_id in enumerate(wanted.images):
        image = found.get(image_id)
        if image is None:
            raise NotFound("One of the pictures is not there any more.", advice="Send it again.")
        image.entry_id, image.place = row.id, place
    await session.flush()


async def _check_room(session: AsyncSession, user_id: UUID, now: datetime) -> None:
    if await repository.count(session, user_id) < MOST_ENTRIES:
        return
    await repository.forget_deleted(session, now, user_id=user_id)
    if await repository.count(session, user_id) >= MOST_ENTRIES:
        raise Conflict(
            f"You keep {MOST_ENTRIES} entries, which is the most.", advice="Export and delete old ones first."
        )


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    decoded = decode_cursor(cursor)
    if decoded is None:
        return None
    try:
        return decoded[0].astimezone(UTC), UUID(decoded[1])
    except ValueError:
        raise InvalidInput(
            "This page cursor cannot be read.", advice="Start again from the first page."
        ) from None


def _unpriced(_: str) -> None:
    return None


def _no_entry() -> NotFound:
    return NotFound("There is no such entry.", advice="GET /api/journal/entries lists yours.")
