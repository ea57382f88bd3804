"""Previews, positions and the ledger's histories over HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.access import UserDep
from holdfast.core.errors import InvalidInput
from holdfast.platform.database import Database
from holdfast.platform.exports import csv_response
from holdfast.platform.paging import DEFAULT_LIMIT, CursorQuery, FromQuery, LimitQuery, SymbolQuery, ToQuery
from holdfast.platform.schemas import Page
from holdfast.platform.web import DatabaseDep, NowDep, SessionDep, SettingsDep
from holdfast.portfolio import history, positions, repository, service
from holdfast.portfolio.history import Filters, PaymentKind
from holdfast.portfolio.positions import Prices
from holdfast.portfolio.previews import World, make_preview
from holdfast.portfolio.schemas import (
    FillView,
    Overview,
    PaymentView,
    PlanView,
    PositionDetail,
    PositionSummary,
    PreviewRequest,
)

router = APIRouter(prefix="/api", tags=["portfolio"])

EXPORT_PAGE = 500
Item = TypeVar("Item")


def world_of(request: Request) -> World:
    state = request.app.state
    return World(indices=state.indices, instruments=state.instruments, venue=state.venue)


def prices_of(request: Request, now: NowDep) -> Prices:
    return Prices(request.app.state.quotes, request.app.state.indices, now)


def filters_of(
    position: UUID | None = None,
    symbol: SymbolQuery = "",
    start: FromQuery = None,
    end: ToQuery = None,
) -> Filters:
    if start is not None and end is not None and start >= end:
        raise InvalidInput("from must be before to.", advice="Correct one of the two times.")
    return Filters(position, symbol, start, end)


WorldDep = Annotated[World, Depends(world_of)]
PricesDep = Annotated[Prices, Depends(prices_of)]
FiltersDep = Annotated[Filters, Depends(filters_of)]


@router.post("/previews", status_code=201)
async def create_preview(
    request: Request,
    wanted: PreviewRequest,
    user: UserDep,
    database: DatabaseDep,
    world: WorldDep,
    settings: SettingsDep,
    now: NowDep,
) -> PlanView:
    """The exact orders that would open or close a position, kept for a short while. Trades nothing."""
    return await make_preview(
        database,
        user.id,
        wanted,
        world=world,
        settings=settings,
        now=now,
        judge=request.app.state.plan_judge,
    )


@router.get("/previews/{plan_id}")
async def get_preview(plan_id: UUID, user: UserDep, session: SessionDep) -> PlanView:
    return await service.shown_plan(session, user.id, plan_id)


@router.get("/positions")
async def list_positions(
    user: UserDep,
    session: SessionDep,
    prices: PricesDep,
    state: Literal["open", "closed"] | None = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Page[PositionSummary]:
    """The user's positions, newest first."""
    states = {"open": positions.OPEN_STATES, "closed": positions.CLOSED_STATES}.get(state or "", ())
    return await history.positions_page(session, user.id, states, prices, cursor=cursor, limit=limit)


@router.get("/positions/{position_id}")
async def get_position(
    position_id: UUID, user: UserDep, session: SessionDep, prices: PricesDep
) -> PositionDetail:
    books = await positions.load(session, user.id, position_id=position_id)
    return positions.detail(positions.the_only(books), prices)


@router.get("/overview")
async def get_overview(user: UserDep, session: SessionDep, prices: PricesDep) -> Overview:
    books, ended = await positions.load_overview(session, user.id)
    return positions.overview(books, ended, await repository.balances(session, user.id), prices)


@router.get("/fills")
async def list_fills(
    user: UserDep,
    session: SessionDep,
    filters: FiltersDep,
    cursor: CursorQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Page[FillView]:
    """Every execution on the user's accounts since they were connected, newest first."""
    return await history.fills_page(session, user.id, filters, cursor=cursor, limit=limit)


@router.get("/payments")
async def list_payments(
    user: UserDep,
    session: SessionDep,
    filters: FiltersDep,
    kind: PaymentKind | None = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Page[PaymentView]:
    """Fees and funding, newest first."""
    return await history.payments_page(session, user.id, filters, kind=kind, cursor=cursor, limit=limit)


@router.get("/fills.csv")
async def export_fills(
    user: UserDep, database: DatabaseDep, settings: SettingsDep, filters: FiltersDep
) -> StreamingResponse:
    """Every fill the filters let through, as CSV."""

    async def page(session: AsyncSession, cursor: str | None) -> Page[FillView]:
        return await history.fills_page(session, user.id, filters, cursor=cursor, limit=EXPORT_PAGE)

    rows = _all_rows(database, page, history.fill_row)
    return csv_response("holdfast-fills.csv", history.FILL_COLUMNS, rows, simulated=settings.simulated)


@router.get("/payments.csv")
async def export_payments(
    user: UserDep,
    database: DatabaseDep,
    settings: SettingsDep,
    filters: FiltersDep,
    kind: PaymentKind | None = None,
) -> StreamingResponse:
    """Every payment the filters let through, as CSV."""

    async def page(session: AsyncSession, cursor: str | None) -> Page[PaymentView]:
        return await history.payments_page(
            session, user.id, filters, kind=kind, cursor=cursor, limit=EXPORT_PAGE
        )

    rows = _all_rows(database, page, history.payment_row)
    return csv_response("holdfast-payments.csv", history.PAYMENT_COLUMNS, rows, simulated=settings.simulated)


async def _all_rows(
    database: Database,
    page: Callable[[AsyncSession, str | None], Awaitable[Page[Item]]],
    row: Callable[[Item], Sequence[Any]],
) -> AsyncIterator[Sequence[Any]]:
    """Page after page, one short transaction each: a slow download holds no connection."""
    cursor: str | None = None
    while True:
        async with database.transaction() as session:
            found = await page(session, cursor)
        for item in found.items:
            yield row(item)
        cursor = found.next_cursor
        if cursor is None:
            return
