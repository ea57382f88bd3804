"""Executions and orders over HTTP."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.access import UserDep
from holdfast.core.errors import InvalidInput
from holdfast.execution import repository, service, views
from holdfast.execution.models import Order
from holdfast.execution.schemas import (
    ExecutionView,
    NewExecution,
    OrderDetail,
    OrderState,
    OrderView,
    TraceView,
)
from holdfast.execution.trail import trace
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.database import Database
from holdfast.platform.exports import csv_response
from holdfast.platform.idempotency import IntentDep, run_once
from holdfast.platform.paging import (
    DEFAULT_LIMIT,
    CursorQuery,
    FromQuery,
    LimitQuery,
    SymbolQuery,
    ToQuery,
    decode_cursor,
    encode_cursor,
)
from holdfast.platform.schemas import Page
from holdfast.platform.web import DatabaseDep, NowDep, SessionDep, SettingsDep

router = APIRouter(prefix="/api", tags=["execution"])

EXPORT_PAGE = 500

ORDER_COLUMNS = (
    "time", "index", "symbol", "side", "role", "quantity", "limit_price", "filled_quantity", "average_price",
    "state", "reason", "client_id", "venue_order_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OrderFilters:
    """``start`` is included, ``end`` is not."""

    position: UUID | None
    symbol: str
    state: OrderState | None
    start: datetime | None
    end: datetime | None


def _filters(
    position: UUID | None = None,
    symbol: SymbolQuery = "",
    state: OrderState | None = None,
    start: FromQuery = None,
    end: ToQuery = None,
) -> OrderFilters:
    if start is not None and end is not None and start >= end:
        raise InvalidInput("from must be before to.", advice="Correct one of the two times.")
    return OrderFilters(position, symbol.upper(), state, start, end)


FiltersDep = Annotated[OrderFilters, Depends(_filters)]


@router.post("/executions", status_code=202, response_model=ExecutionView)
async def start_execution(
    request: Request,
    wanted: NewExecution,
    user: UserDep,
    session: SessionDep,
    settings: SettingsDep,
    now: NowDep,
    intent: IntentDep,
) -> JSONResponse:
    """Carry out a previewed plan. The same key always gets the same answer."""
    quotes: QuoteBoard = request.app.state.quotes

    async def effect() -> tuple[int, ExecutionView]:
        return 202, await service.start(
            session, user.id, wanted, settings=settings, quote_of=quotes.get, now=now
        )

    return await run_once(session, user.id, intent, wanted, effect)


@router.get("/executions")
async def list_executions(
    user: UserDep, session: SessionDep, cursor: CursorQuery = None, limit: LimitQuery = DEFAULT_LIMIT
) -> Page[ExecutionView]:
    """The user's executions, newest first."""
    before = _before(cursor)
    rows = await repository.executions_page(session, user.id, limit=limit + 1, before=before)
    items = [await views.execution_view(session, row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items=items, next_cursor=encode_cursor(items[-1].created_at, items[-1].id) if more else None)


@router.get("/executions/{execution_id}")
async def get_execution(execution_id: UUID, user: UserDep, session: SessionDep) -> ExecutionView:
    return await views.execution_view(
        session, await repository.users_execution(session, user.id, execution_id)
    )


@router.get("/executions/{execution_id}/trace")
async def get_trace(execution_id: UUID, user: UserDep, session: SessionDep) -> TraceView:
    """Everything that happened to an execution, oldest first, with durations."""
    return await trace.trace(session, user.id, execution_id)


@router.get("/orders")
async def list_orders(
    user: UserDep,
    session: SessionDep,
    filters: FiltersDep,
    cursor: CursorQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Page[OrderView]:
    """The user's orders, newest first."""
    rows = await _orders(session, user.id, filters, limit=limit + 1, before=_before(cursor))
    items = [views.order_view(order, index_id) for order, index_id in rows[:limit]]
    more = len(rows) > limit
    return Page(items=items, next_cursor=encode_cursor(items[-1].created_at, items[-1].id) if more else None)


@router.get("/orders.csv")
async def export_orders(
    user: UserDep, database: DatabaseDep, settings: SettingsDep, filters: FiltersDep
) -> StreamingResponse:
    """Every order the filters let through, as CSV."""
    rows = _export(database, user.id, filters)
    return csv_response("holdfast-orders.csv", ORDER_COLUMNS, rows, simulated=settings.simulated)


@router.get("/orders/{order_id}")
async def get_order(order_id: UUID, user: UserDep, session: SessionDep) -> OrderDetail:
    """One order with everything it has seen."""
    order, index_id = await repository.users_order(session, user.id, order_id)
    return views.order_detail(order, index_id, await repository.events_of(session, order_id))


async def _orders(
    session: AsyncSession,
    user_id: UUID,
    filters: OrderFilters,
    *,
    limit: int,
    before: tuple[datetime, UUID] | None,
) -> list[tuple[Order, str]]:
    return await repository.orders_page(
        session,
        user_id,
        limit=limit,
        before=before,
        position=filters.position,
        symbol=filters.symbol,
        state=filters.state or "",
        start=filters.start,
        end=filters.end,
    )


async def _export(
    database: Database, user_id: UUID, filters: OrderFilters
) -> AsyncIterator[Sequence[object]]:
    """Page after page, one short transaction each: a slow download holds no connection."""
    before: tuple[datetime, UUID] | None = None
    while True:
        async with database.sessions() as session:
            rows = await _orders(session, user_id, filters, limit=EXPORT_PAGE, before=before)
        if not rows:
            return
        for order, index_id in rows:
            yield _order_row(views.order_view(order, index_id))
        before = rows[-1][0].created_at, rows[-1][0].id


def _order_row(order: OrderView) -> Sequence[object]:
    return (
        order.created_at, order.index_name, order.symbol, order.side.value, order.role, order.quantity,
        order.limit_price, order.filled_quantity, order.average_price, order.state, order.reject_reason,
        order.client_id, order.venue_order_id,
    )  # fmt: skip


def _before(cursor: str | None) -> tuple[datetime, UUID] | None:
    found = decode_cursor(cursor)
    if found is None:
        return None
    try:
        return found[0], UUID(found[1])
    except ValueError as error:
        raise InvalidInput(
            "This page cursor cannot be read.", advice="Start again from the first page."
        ) from error
