"""The stored history over HTTP: what there is, what is missing, filling it and importing files.

For signed-in users: the application includes this router with the dependency that sets ``state.user_id``.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import ClientDisconnect, HTTPConnection

from holdfast.core.errors import InvalidInput, TooManyRequests
from holdfast.core.time import from_seconds
from holdfast.market.candles import backfill, coverage, feeds, overview, repository, toll, uploads
from holdfast.market.candles.importing import Target
from holdfast.market.candles.listings import RESERVED
from holdfast.market.candles.models import CandleBackfill, CandleImport, CandleSeries
from holdfast.market.candles.readers import no_series, split_name
from holdfast.market.candles.routes import CandlesDep
from holdfast.market.candles.schemas import (
    BackfillView,
    GapsView,
    GapView,
    ImportView,
    NewBackfill,
    SeriesView,
)
from holdfast.platform.paging import FromQuery, ToQuery, storable
from holdfast.platform.web import ClockDep, DatabaseDep, NowDep, SessionDep

router = APIRouter(prefix="/api/data", tags=["candles"])

MOST_GAPS: Final = 1000

NameQuery = Annotated[str, Query(max_length=80)]


def user_of(connection: HTTPConnection) -> UUID:
    user_id: UUID = connection.state.user_id
    return user_id


UserIdDep = Annotated[UUID, Depends(user_of)]


@router.get("/series")
async def series(session: SessionDep) -> list[SeriesView]:
    """Everything that is stored of venues and imports."""
    return await overview.series_views(session, leave_out=RESERVED)


@router.get("/gaps")
async def gaps(
    session: SessionDep, now: NowDep, series: NameQuery, since: FromQuery = None, until: ToQuery = None
) -> GapsView:
    """What is missing between ``from`` (or the first bar there is or is wanted) and ``to`` (or now), oldest
    first, with reasons."""
    one = await _stored(session, series)
    step = one.base_seconds
    first = await coverage.beginning(session, one) if since is None else int(since.timestamp())
    last = int(min(until, now).timestamp() if until else now.timestamp())
    if first is None:
        return GapsView(series=series, gaps=[], more=False)
    found = await coverage.gaps(session, one, max(first, 0) // step * step, last // step * step)
    shown = [
        GapView(
            start=from_seconds(gap.start),
            until=from_seconds(gap.until),
            bars=(gap.until - gap.start) // step,
            reason=gap.reason,
        )
        for gap in found[:MOST_GAPS]
    ]
    return GapsView(series=series, gaps=shown, more=len(found) > MOST_GAPS)


@router.post("/backfills", status_code=202)
async def start_backfill(
    database: DatabaseDep, candles: CandlesDep, now: NowDep, new: NewBackfill
) -> BackfillView:
    """Have a series filled from its venue, from now back to ``since``."""
    source, symbol = split_name(new.series)
    if source not in feeds.OPENERS:
        raise InvalidInput(
            f"{source} is no venue that can be asked for history.",
            advice=f"Choose a symbol of {', '.join(feeds.OPENERS)}.",
        )
    if new.since is not None and (new.since.tzinfo is None or not storable(new.since) or new.since >= now):
        raise InvalidInput("since is no time in the past.", advice="Write it as 2024-01-01T00:00:00Z.")
    found = await candles.find(source, symbol)
    assert found.store_id is not None
    begin = 0 if new.since is None else max(int(new.since.timestamp()), 0)
    async with database.transaction() as session:
        if not (await backfill.has_room(session) and await toll.may_fill()):
            raise TooManyRequests(
                "Enough histories are being filled, or were begun by you lately.",
                advice="Try again in some minutes; what is begun goes on by itself.",
                retry_after=300,
            )
        await backfill.want(session, found.store_id, begin, now=now)
        one = await session.get_one(CandleSeries, found.store_id)
        return overview.backfill_view(one, await session.get_one(CandleBackfill, one.id))


@router.get("/backfills")
async def backfills(session: SessionDep) -> list[BackfillView]:
    """Everything that is being filled, or was."""
    views = await overview.series_views(session, leave_out=RESERVED)
    return [view.backfill for view in views if view.backfill is not None]


@router.post(
    "/imports",
    status_code=202,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def start_import(
    request: Request,
    database: DatabaseDep,
    candles: CandlesDep,
    clock: ClockDep,
    user_id: UserIdDep,
    series: NameQuery,
    file_name: Annotated[str, Query(min_length=1, max_length=200, pattern=r"^[^/\\\x00-\x1f]+$")],
) -> ImportView:
    """Import a file of a venue's bars, sent as the body: CSV, gzip or zip; archives of Binance, Bybit or
    LEAN, or ``timestamp,open,high,low,close,volume``. It must be what the venue itself tells."""
    target = Target(*split_name(series))
    if target.source not in feeds.OPENERS:
        raise InvalidInput(
            f"{target.source} is no venue whose bars could be compared with your file.",
            advice="Bring it as your own data (/data), where only you see it; "
            "whoever runs Holdfast can import it for everybody with `holdfast data import`.",
        )
    await candles.find(target.source, target.symbol)
    made = await uploads.receive(database, clock, user_id, target, file_name, _body(request))
    async with database.transaction() as session:
        return _import_view(await session.get_one(CandleImport, made))


@router.get("/imports")
async def imports(
    session: SessionDep, user_id: UserIdDep, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> list[ImportView]:
    """Your imports, newest first."""
    return [_import_view(row) for row in await uploads.of_owner(session, user_id, limit)]


@router.get("/imports/{import_id}")
async def one_import(session: SessionDep, user_id: UserIdDep, import_id: UUID) -> ImportView:
    return _import_view(await uploads.owned(session, user_id, import_id))


@router.delete("/imports/{import_id}", status_code=204)
async def remove_import(database: DatabaseDep, user_id: UserIdDep, import_id: UUID) -> None:
    """Remove an import that waits, is checked or has failed. What is imported stays."""
    async with database.transaction() as session:
        await uploads.remove(session, user_id, import_id)


async def _stored(session: AsyncSession, name: str) -> CandleSeries:
    source, symbol = split_name(name)
    one = await repository.series_of(session, source, symbol)
    if one is None or source in RESERVED:
        raise no_series(name)
    return one


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect:
        raise InvalidInput("The upload was broken off.", advice="Send it again.") from None


def _import_view(row: CandleImport) -> ImportView:
    names = ImportView.model_fields.keys() - {"series"}
    return ImportView(series=f"{row.source}:{row.symbol}", **{name: getattr(row, name) for name in names})
