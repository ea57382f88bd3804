"""The journal over HTTP."""

import json
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AfterValidator
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.access import UserDep
from holdfast.core.errors import InvalidInput
from holdfast.core.time import from_seconds
from holdfast.journal import exports, service
from holdfast.journal.folds import Mark
from holdfast.journal.limits import count_write
from holdfast.journal.repository import Filters
from holdfast.journal.schemas import (
    ChangedEntry,
    EntryRef,
    EntryView,
    GroupBy,
    JournalMark,
    LabelsView,
    NewEntry,
    SeriesName,
    StatisticsView,
    TradeView,
    TradeWanted,
    tag_of,
)
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.database import Database
from holdfast.platform.exports import csv_response
from holdfast.platform.idempotency import REPLAYED_HEADER, IntentDep, remove_once, run_once
from holdfast.platform.paging import DEFAULT_LIMIT, CursorQuery, FromQuery, LimitQuery, SymbolQuery, ToQuery
from holdfast.platform.schemas import Page
from holdfast.platform.web import DatabaseDep, NowDep, SessionDep, SettingsDep

router = APIRouter(prefix="/api/journal", tags=["journal"])

_LAST_SECOND: Final = 4_102_444_800
_EXPORT_PAGE: Final = 200
_MOST_WORDS: Final = 8
"""Each is looked for in every text."""


def _words(text: str) -> str:
    if "\x00" in text:
        raise ValueError("this is no text")
    return text.strip()


def _few(text: str) -> str:
    if len(set(text.split())) > _MOST_WORDS:
        raise ValueError(f"search for at most {_MOST_WORDS} words")
    return text


TextQuery = Annotated[str, Query(max_length=200), AfterValidator(_words)]
SearchQuery = Annotated[TextQuery, AfterValidator(_few)]
TagQuery = Annotated[str, Query(max_length=200), AfterValidator(_words), AfterValidator(tag_of)]
SecondQuery = Annotated[int, Query(ge=0, le=_LAST_SECOND)]
Counted = Depends(count_write)


def mark_of(request: Request) -> Mark:
    quotes: QuoteBoard = request.app.state.quotes

    def mark(symbol: str) -> Decimal | None:
        quote = quotes.get(symbol)
        return quote.mark if quote else None

    return mark


def filters_of(
    symbol: SymbolQuery = "",
    tag: TagQuery = "",
    setup: TextQuery = "",
    q: SearchQuery = "",
    start: FromQuery = None,
    end: ToQuery = None,
    position: UUID | None = None,
) -> Filters:
    if start is not None and end is not None and start >= end:
        raise InvalidInput("from must be before to.", advice="Correct one of the two times.")
    return Filters(symbol.strip(), tag, setup, q, start, end, position)


MarkDep = Annotated[Mark, Depends(mark_of)]
FiltersDep = Annotated[Filters, Depends(filters_of)]


@router.get("/entries")
async def entries(
    user: UserDep,
    session: SessionDep,
    filters: FiltersDep,
    mark: MarkDep,
    cursor: CursorQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Page[EntryView]:
    """Your entries, newest first. ``q`` searches titles, texts, setups, symbols and tags."""
    return await service.page(session, user.id, filters, mark, cursor=cursor, limit=limit)


@router.get("/entries.csv", response_class=StreamingResponse, responses={200: {"content": {"text/csv": {}}}})
async def export(
    user: UserDep, database: DatabaseDep, settings: SettingsDep, filters: FiltersDep, mark: MarkDep
) -> StreamingResponse:
    """Every entry the filters let through, with its trade, as CSV."""
    return csv_response(
        "holdfast-journal.csv",
        exports.COLUMNS,
        _rows(database, user.id, filters, mark),
        simulated=settings.simulated,
    )


async def _rows(
    database: Database, user_id: UUID, filters: Filters, mark: Mark
) -> AsyncIterator[Sequence[object]]:
    """Page after page, one short transaction each: a slow download holds no connection."""
    cursor: str | None = None
    while True:
        async with database.transaction() as session:
            found = await service.page(session, user_id, filters, mark, cursor=cursor, limit=_EXPORT_PAGE)
        for entry in found.items:
            yield exports.row(entry)
        cursor = found.next_cursor
        if cursor is None:
            return


@router.post("/entries", status_code=201, response_model=EntryView, dependencies=[Counted])
async def add(
    wanted: NewEntry, user: UserDep, session: SessionDep, mark: MarkDep, now: NowDep, intent: IntentDep
) -> JSONResponse:
    """Write an entry. What it says of a position or of fills is asked of the ledger, now and whenever it is
    read."""

    async def effect() -> tuple[int, EntryRef]:
        return 201, await service.add(session, user.id, wanted, now=now)

    done = await run_once(session, user.id, intent, wanted, effect)
    return await _as_it_is(session, user.id, done, mark)


@router.get("/entries/{entry_id}")
async def entry(entry_id: UUID, user: UserDep, session: SessionDep, mark: MarkDep) -> EntryView:
    return await service.one(session, user.id, entry_id, mark)


@router.put("/entries/{entry_id}", response_model=EntryView, dependencies=[Counted])
async def change(
    entry_id: UUID,
    wanted: ChangedEntry,
    user: UserDep,
    session: SessionDep,
    mark: MarkDep,
    now: NowDep,
    intent: IntentDep,
) -> JSONResponse:
    """Write an entry anew. 409 with ``current`` if it was changed since it was read."""

    async def effect() -> tuple[int, EntryRef]:
        return 200, await service.change(session, user.id, entry_id, wanted, mark, now=now)

    done = await run_once(session, user.id, intent, wanted, effect)
    return await _as_it_is(session, user.id, done, mark)


async def _as_it_is(session: AsyncSession, user_id: UUID, done: JSONResponse, mark: Mark) -> JSONResponse:
    """The entry that was written, also where the request is a repeat: what is stored of the first answer says
    only which one. Raises ``NotFound``: it was deleted meanwhile."""
    written = UUID(json.loads(bytes(done.body))["id"])
    entry = await service.one(session, user_id, written, mark)
    replayed = {name: value for name, value in done.headers.items() if name == REPLAYED_HEADER.lower()}
    return JSONResponse(entry.model_dump(mode="json"), done.status_code, headers=replayed)


@router.delete("/entries/{entry_id}", status_code=204, dependencies=[Counted])
async def remove(
    entry_id: UUID, user: UserDep, session: SessionDep, now: NowDep, intent: IntentDep
) -> Response:
    """Delete an entry. For a day it can be brought back, then it is gone with its pictures."""
    return await remove_once(
        session, user.id, intent, lambda: service.remove(session, user.id, entry_id, now=now)
    )


@router.post("/entries/{entry_id}/restore", dependencies=[Counted])
async def restore(entry_id: UUID, user: UserDep, session: SessionDep, mark: MarkDep) -> EntryView:
    """Bring a deleted entry back. Doing it twice does nothing more."""
    return await service.restore(session, user.id, entry_id, mark)


@router.post("/trades")
async def look_up(wanted: TradeWanted, user: UserDep, session: SessionDep, mark: MarkDep) -> TradeView:
    """What the ledger says of a trade, before an entry tells of it. Writes nothing."""
    return await service.trade_of(session, user.id, wanted.trade, mark)


@router.get("/statistics")
async def statistics(
    user: UserDep, session: SessionDep, filters: FiltersDep, mark: MarkDep, by: GroupBy = "tag"
) -> StatisticsView:
    """Figures of the closed trades that the filters let through, altogether and by ``by``."""
    return await service.statistics(session, user.id, filters, by, mark)


@router.get("/labels")
async def labels(user: UserDep, session: SessionDep) -> LabelsView:
    """The tags, setups and series you have used, most used first."""
    return await service.labels(session, user.id)


@router.get("/marks")
async def marks(
    user: UserDep,
    session: SessionDep,
    series: Annotated[SeriesName, Query(min_length=3)],
    start: Annotated[int, Query(alias="from", ge=0, le=_LAST_SECOND)],
    until: SecondQuery,
) -> list[JournalMark]:
    """Your entries on a series in [from, until), both UTC seconds, oldest first: marks for its chart."""
    first, last = map(from_seconds, (start, until))
    return await service.marks(session, user.id, series, first, last)
