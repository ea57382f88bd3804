"""Strategies on paper over HTTP."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from holdfast.accounts.access import UserDep
from holdfast.accounts.announcing import announces
from holdfast.core.errors import InvalidInput
from holdfast.market.candles import columns
from holdfast.market.candles.readers import split_name
from holdfast.market.candles.routes import CandlesDep
from holdfast.platform.idempotency import IntentDep, remove_once, run_once
from holdfast.platform.paging import DEFAULT_LIMIT, CursorQuery, LimitQuery
from holdfast.platform.schemas import Page
from holdfast.platform.web import NowDep, SessionDep, SettingsDep
from holdfast.strategies import curve, repository, service
from holdfast.strategies.live import TOPIC
from holdfast.strategies.schemas import (
    NewStrategy,
    StrategyEventView,
    StrategyFillView,
    StrategyName,
    StrategyView,
)
from holdfast.strategies.views import event_view, fill_view

router = APIRouter(prefix="/api/strategies", tags=["strategies"])

PointsQuery = Annotated[int, Query(ge=8, le=20_000)]
ANNOUNCED: Final = announces(TOPIC)


@router.get("")
async def strategies(user: UserDep, session: SessionDep) -> list[StrategyView]:
    """Your strategies on paper, newest first."""
    return await service.listed(session, user.id)


@router.post("", status_code=201, response_model=StrategyView, dependencies=ANNOUNCED)
async def start(
    wanted: NewStrategy,
    user: UserDep,
    session: SessionDep,
    candles: CandlesDep,
    settings: SettingsDep,
    now: NowDep,
    intent: IntentDep,
) -> JSONResponse:
    """Run a script on closed bars, on paper: nothing is sent to any venue."""
    series = await candles.find(*split_name(wanted.series), user.id)

    async def effect() -> tuple[int, StrategyView]:
        most = settings.limit_strategies
        return 201, await service.start(session, user.id, wanted, series, most=most, now=now)

    return await run_once(session, user.id, intent, wanted, effect)


@router.get("/{strategy_id}")
async def strategy(strategy_id: UUID, user: UserDep, session: SessionDep) -> StrategyView:
    return await service.show(session, user.id, strategy_id)


@router.patch("/{strategy_id}", response_model=StrategyView, dependencies=ANNOUNCED)
async def rename(
    strategy_id: UUID,
    wanted: StrategyName,
    user: UserDep,
    session: SessionDep,
    now: NowDep,
    intent: IntentDep,
) -> JSONResponse:
    """Give it another name."""

    async def effect() -> tuple[int, StrategyView]:
        return 200, await service.rename(session, user.id, strategy_id, wanted.name, now=now)

    return await run_once(session, user.id, intent, wanted, effect)


@router.post("/{strategy_id}/pause", response_model=StrategyView, dependencies=ANNOUNCED)
async def pause(
    strategy_id: UUID, user: UserDep, session: SessionDep, now: NowDep, intent: IntentDep
) -> JSONResponse:
    """Hold the position and trade no more. 409 if it does not run."""
    return await _once(
        session, user.id, intent, lambda: service.pause(session, user.id, strategy_id, now=now)
    )


@router.post("/{strategy_id}/resume", response_model=StrategyView, dependencies=ANNOUNCED)
async def resume(
    strategy_id: UUID,
    user: UserDep,
    session: SessionDep,
    settings: SettingsDep,
    now: NowDep,
    intent: IntentDep,
) -> JSONResponse:
    """Go on with the bar that forms now. 409 if it runs or is stopped."""
    most = settings.limit_strategies
    return await _once(
        session, user.id, intent, lambda: service.resume(session, user.id, strategy_id, most=most, now=now)
    )


@router.post("/{strategy_id}/stop", response_model=StrategyView, dependencies=ANNOUNCED)
async def stop(
    strategy_id: UUID, user: UserDep, session: SessionDep, now: NowDep, intent: IntentDep
) -> JSONResponse:
    """End it for good. What it holds on paper is closed at the open of the next minute."""
    return await _once(session, user.id, intent, lambda: service.stop(session, user.id, strategy_id, now=now))


@router.delete("/{strategy_id}", status_code=204, dependencies=ANNOUNCED)
async def remove(
    strategy_id: UUID, user: UserDep, session: SessionDep, now: NowDep, intent: IntentDep
) -> Response:
    """Delete a stopped strategy with everything that came of it."""
    return await remove_once(
        session, user.id, intent, lambda: service.remove(session, user.id, strategy_id, now=now)
    )


@router.get("/{strategy_id}/events")
async def events(
    strategy_id: UUID,
    user: UserDep,
    session: SessionDep,
    limit: LimitQuery = DEFAULT_LIMIT,
    cursor: CursorQuery = None,
) -> Page[StrategyEventView]:
    """What happened to it, newest first."""
    await service.owned(session, user.id, strategy_id)
    rows = await repository.events(session, strategy_id, limit + 1, _behind(cursor))
    more = str(rows[limit - 1].number) if len(rows) > limit else None
    return Page(items=[event_view(row) for row in rows[:limit]], next_cursor=more)


@router.get("/{strategy_id}/fills")
async def fills(
    strategy_id: UUID,
    user: UserDep,
    session: SessionDep,
    limit: LimitQuery = DEFAULT_LIMIT,
    cursor: CursorQuery = None,
) -> Page[StrategyFillView]:
    """Its trades on paper, newest first."""
    await service.owned(session, user.id, strategy_id)
    rows = await repository.fills(session, strategy_id, limit + 1, _behind(cursor))
    more = str(rows[limit - 1].time) if len(rows) > limit else None
    return Page(items=[fill_view(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/{strategy_id}/equity",
    response_class=Response,
    responses={200: {"content": {columns.MEDIA_TYPE: {}}}},
)
async def equity(
    strategy_id: UUID, user: UserDep, session: SessionDep, points: PointsQuery = 2000
) -> Response:
    """Binary columns at the closes of its bars: ``time``, ``equity``, ``hold`` (bought at the open of the
    second bar and held, as in a back-test), ``drawdown``, ``weight``; thinned to ``points`` so that extremes
    stay."""
    row = await service.owned(session, user.id, strategy_id)
    content = await curve.encoded(session, row, points)
    return Response(content, media_type=columns.MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def _behind(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise InvalidInput("This page cursor cannot be read.", advice="Start again from the first page.")
    return int(cursor)


async def _once(
    session: SessionDep, user_id: UUID, intent: IntentDep, change: Callable[[], Awaitable[StrategyView]]
) -> JSONResponse:
    async def effect() -> tuple[int, StrategyView]:
        return 200, await change()

    return await run_once(session, user_id, intent, None, effect)
