"""Limits, stops and flattening over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from holdfast.accounts.access import UserDep
from holdfast.execution.risk import flatten, stops
from holdfast.execution.risk import service as risk_service
from holdfast.execution.risk.schemas import (
    FlattenView,
    Limits,
    LimitsView,
    NewFlatten,
    NewStop,
    PositionLimitsView,
    StopView,
)
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.idempotency import IntentDep, run_once
from holdfast.platform.pubsub import tell_changed
from holdfast.platform.web import DatabaseDep, NowDep, SessionDep, SettingsDep

router = APIRouter(prefix="/api", tags=["risk"])


def _quotes(request: Request) -> QuoteBoard:
    board: QuoteBoard = request.app.state.quotes
    return board


QuotesDep = Annotated[QuoteBoard, Depends(_quotes)]


@router.get("/limits")
async def get_limits(
    user: UserDep, session: SessionDep, settings: SettingsDep, quotes: QuotesDep, now: NowDep
) -> LimitsView:
    """How far new risk may go, over all positions, and how much of it is used."""
    return await risk_service.users_limits(session, user.id, settings=settings, quote_of=quotes.get, now=now)


@router.put("/limits", response_model=LimitsView)
async def put_limits(
    wanted: Limits,
    user: UserDep,
    session: SessionDep,
    settings: SettingsDep,
    quotes: QuotesDep,
    now: NowDep,
    intent: IntentDep,
) -> JSONResponse:
    """Replace the user's own limits; what is left out has none of its own."""

    async def effect() -> tuple[int, LimitsView]:
        await risk_service.set_limits(session, user.id, None, wanted, settings=settings, now=now)
        return 200, await risk_service.users_limits(
            session, user.id, settings=settings, quote_of=quotes.get, now=now
        )

    return await run_once(session, user.id, intent, wanted, effect)


@router.get("/positions/{position_id}/limits")
async def get_position_limits(
    position_id: UUID,
    user: UserDep,
    session: SessionDep,
    settings: SettingsDep,
    quotes: QuotesDep,
    now: NowDep,
) -> PositionLimitsView:
    """The limits of one position, in addition to those over all of them."""
    sleeve = await stops.own_sleeve(session, user.id, position_id)
    return await risk_service.positions_limits(
        session, sleeve, settings=settings, quote_of=quotes.get, now=now
    )


@router.put("/positions/{position_id}/limits", response_model=PositionLimitsView)
async def put_position_limits(
    position_id: UUID,
    wanted: Limits,
    user: UserDep,
    session: SessionDep,
    settings: SettingsDep,
    quotes: QuotesDep,
    now: NowDep,
    intent: IntentDep,
) -> JSONResponse:
    """Replace the limits of one position."""

    async def effect() -> tuple[int, PositionLimitsView]:
        sleeve = await stops.own_sleeve(session, user.id, position_id)
        await risk_service.set_limits(session, user.id, sleeve, wanted, settings=settings, now=now)
        return 200, await risk_service.positions_limits(
            session, sleeve, settings=settings, quote_of=quotes.get, now=now
        )

    return await run_once(session, user.id, intent, wanted, effect)


@router.get("/stops")
async def list_stops(
    user: UserDep, session: SessionDep, settings: SettingsDep, now: NowDep
) -> list[StopView]:
    """Everything that keeps this user from opening something new, the oldest first."""
    return await stops.list_for(session, settings, user.id, now=now)


@router.post("/stops", status_code=201, response_model=StopView)
async def create_stop(
    request: Request, wanted: NewStop, user: UserDep, database: DatabaseDep, now: NowDep, intent: IntentDep
) -> JSONResponse:
    """Stop new risk, from this moment on. Closing goes on, and what is half open is taken back."""
    async with database.transaction() as session:

        async def effect() -> tuple[int, StopView]:
            return 201, stops.view(await stops.stop(session, user.id, wanted, by=stops.BY_THE_USER, now=now))

        answer = await run_once(session, user.id, intent, wanted, effect)
    async with database.transaction() as session:
        await stops.hurry(session, user.id, wanted.position_id, now=now)
    await tell_changed(request.app.state.redis, user.id, "stops", "incidents")
    return answer


@router.delete("/stops/{stop_id}", status_code=204)
async def lift_stop(
    request: Request, stop_id: UUID, user: UserDep, database: DatabaseDep, now: NowDep
) -> None:
    """Allow new risk again. Safe to repeat."""
    async with database.transaction() as session:
        await stops.lift(session, user.id, stop_id, by=stops.BY_THE_USER, now=now)
    await tell_changed(request.app.state.redis, user.id, "stops", "incidents")


@router.post("/flatten", status_code=202, response_model=FlattenView)
async def create_flatten(
    request: Request, wanted: NewFlatten, user: UserDep, database: DatabaseDep, now: NowDep, intent: IntentDep
) -> JSONResponse:
    """Close everything that the user's positions own, and stop new risk. What they hold themselves is never
    touched. While one is running, asking again finds it."""
    async with database.transaction() as session:

        async def effect() -> tuple[int, FlattenView]:
            return 202, await flatten.start(session, user.id, wanted, by=stops.BY_THE_USER, now=now)

        answer = await run_once(session, user.id, intent, wanted, effect)
    await tell_changed(request.app.state.redis, user.id, "stops", "incidents")
    return answer


@router.get("/flatten/{flatten_id}")
async def get_flatten(flatten_id: UUID, user: UserDep, session: SessionDep) -> FlattenView:
    """How far it is, position by position."""
    return await flatten.users_flatten(session, user.id, flatten_id)
