"""Back-tests over HTTP."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse

from holdfast.accounts.access import UserDep
from holdfast.backtest import packing, reading, service
from holdfast.backtest.schemas import BacktestTrade, BacktestView, NewBacktest
from holdfast.market.candles import columns
from holdfast.market.candles.readers import split_name
from holdfast.market.candles.routes import CandlesDep
from holdfast.platform.exports import csv_response
from holdfast.platform.idempotency import IntentDep, remove_once, run_once
from holdfast.platform.paging import DEFAULT_LIMIT, CursorQuery, LimitQuery
from holdfast.platform.schemas import Page
from holdfast.platform.web import DatabaseDep, NowDep, SessionDep, SettingsDep

router = APIRouter(prefix="/api/backtests", tags=["back-tests"])

_POINTS: Final = 2000


@router.post("", status_code=202, response_model=BacktestView)
async def submit(
    wanted: NewBacktest,
    user: UserDep,
    session: SessionDep,
    candles: CandlesDep,
    now: NowDep,
    intent: IntentDep,
) -> JSONResponse:
    """Have a script or signals of your own run over past bars, in the background."""
    series = await candles.find(*split_name(wanted.series), user.id)

    async def effect() -> tuple[int, BacktestView]:
        service.check_times(wanted, series, now)
        quote = await reading.quote_of(session, series)
        return 202, await service.submit(session, user.id, wanted, series, quote, now=now)

    return await run_once(session, user.id, intent, wanted, effect)


@router.get("")
async def backtests(
    user: UserDep,
    session: SessionDep,
    script_id: UUID | None = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Page[BacktestView]:
    """Your back-tests, newest first; with ``script_id`` those of one script."""
    return await service.page(session, user.id, script_id=script_id, cursor=cursor, limit=limit)


@router.get("/{backtest_id}")
async def backtest(backtest_id: UUID, user: UserDep, session: SessionDep) -> BacktestView:
    """How far it is, or what came out."""
    return await service.view(session, await service.owned(session, user.id, backtest_id))


@router.get(
    "/{backtest_id}/equity",
    response_class=Response,
    responses={200: {"content": {columns.MEDIA_TYPE: {}}}},
)
async def equity(
    backtest_id: UUID,
    user: UserDep,
    session: SessionDep,
    points: Annotated[int, Query(ge=50, le=packing.MOST_POINTS)] = _POINTS,
) -> Response:
    """Binary columns ``time`` (UTC seconds of each bar's opening), ``equity`` and ``hold`` (of buying and
    holding) at its close, ``drawdown`` (a share, zero or below) and ``weight``: at most ``points`` bars,
    among them the extremes."""
    content = await service.equity(session, user.id, backtest_id, points)
    return Response(content, media_type=columns.MEDIA_TYPE, headers={"Cache-Control": "no-store"})


@router.get("/{backtest_id}/trades")
async def trades(
    backtest_id: UUID,
    user: UserDep,
    session: SessionDep,
    cursor: CursorQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Page[BacktestTrade]:
    """Its round trips, oldest first."""
    return await service.trades(session, user.id, backtest_id, cursor=cursor, limit=limit)


@router.get(
    "/{backtest_id}/trades.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}}},
)
async def trades_file(
    backtest_id: UUID, user: UserDep, session: SessionDep, database: DatabaseDep, settings: SettingsDep
) -> StreamingResponse:
    """Its round trips as CSV."""
    row = await service.finished(session, user.id, backtest_id)
    return csv_response(
        f"holdfast-backtest-{row.created_at:%Y%m%d-%H%M%S}.csv",
        tuple(BacktestTrade.model_fields),
        service.trade_rows(database, row),
        simulated=settings.simulated,
    )


@router.post("/{backtest_id}/cancel", response_model=BacktestView)
async def cancel(
    backtest_id: UUID, user: UserDep, session: SessionDep, now: NowDep, intent: IntentDep
) -> JSONResponse:
    """Stop it. One that is over stays as it is."""

    async def effect() -> tuple[int, BacktestView]:
        return 200, await service.cancel(session, user.id, backtest_id, now=now)

    return await run_once(session, user.id, intent, None, effect)


@router.delete("/{backtest_id}", status_code=204)
async def remove(backtest_id: UUID, user: UserDep, session: SessionDep, intent: IntentDep) -> Response:
    """Delete it with all that came out of it."""
    return await remove_once(session, user.id, intent, lambda: service.remove(session, user.id, backtest_id))
