"""Layouts, drawings and price alerts over HTTP; alerts are set in ``alert_routes``."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from holdfast.accounts.access import UserDep
from holdfast.accounts.announcing import announces
from holdfast.charts import repository, service
from holdfast.charts.schemas import (
    AlertView,
    DrawingsView,
    FiredAlertView,
    LayoutView,
    NewDrawings,
    NewLayout,
    SeriesName,
)
from holdfast.charts.watch import TOPIC
from holdfast.core.errors import InvalidInput
from holdfast.platform.idempotency import IntentDep, run_once
from holdfast.platform.paging import DEFAULT_LIMIT, CursorQuery, LimitQuery, decode_cursor, encode_cursor
from holdfast.platform.schemas import Page
from holdfast.platform.web import NowDep, SessionDep

router = APIRouter(prefix="/api/charts", tags=["charts"])

SeriesQuery = Annotated[SeriesName, Query()]


@router.get("/layouts")
async def layouts(user: UserDep, session: SessionDep) -> list[LayoutView]:
    """Your layouts, by name."""
    return await service.layouts(session, user.id)


@router.put("/layouts/{layout_id}", response_model=LayoutView)
async def put_layout(
    layout_id: UUID, wanted: NewLayout, user: UserDep, session: SessionDep, now: NowDep, intent: IntentDep
) -> JSONResponse:
    """Write a layout under an id of your choice. 409 with ``current`` if it was changed since it was read."""

    async def effect() -> tuple[int, LayoutView]:
        return 200, await service.put_layout(session, user.id, layout_id, wanted, now=now)

    return await run_once(session, user.id, intent, wanted, effect)


@router.delete("/layouts/{layout_id}", status_code=204)
async def delete_layout(layout_id: UUID, user: UserDep, session: SessionDep) -> None:
    await service.delete_layout(session, user.id, layout_id)


@router.get("/drawings")
async def drawings(user: UserDep, session: SessionDep, series: SeriesQuery) -> DrawingsView:
    """Your drawings on a series."""
    return await service.drawings(session, user.id, series)


@router.put("/drawings", response_model=DrawingsView)
async def put_drawings(
    wanted: NewDrawings,
    user: UserDep,
    session: SessionDep,
    now: NowDep,
    intent: IntentDep,
    series: SeriesQuery,
) -> JSONResponse:
    """Replace your drawings on a series. 409 with ``current`` if they were changed since they were read."""

    async def effect() -> tuple[int, DrawingsView]:
        return 200, await service.put_drawings(session, user.id, series, wanted, now=now)

    return await run_once(session, user.id, intent, wanted, effect)


@router.get("/alerts")
async def alerts(user: UserDep, session: SessionDep) -> list[AlertView]:
    """Your alerts, newest first."""
    return await service.alerts(session, user.id)


@router.delete("/alerts/{alert_id}", status_code=204, dependencies=announces(TOPIC))
async def delete_alert(alert_id: UUID, user: UserDep, session: SessionDep) -> None:
    await service.delete_alert(session, user.id, alert_id)


@router.get("/alerts/fired")
async def fired(
    user: UserDep, session: SessionDep, limit: LimitQuery = DEFAULT_LIMIT, cursor: CursorQuery = None
) -> Page[FiredAlertView]:
    """What fired, newest first."""
    behind = decode_cursor(cursor)
    try:
        after = (behind[0], UUID(behind[1])) if behind else None
    except ValueError:
        raise InvalidInput(
            "This page cursor cannot be read.", advice="Start again from the first page."
        ) from None
    rows = await repository.fired(session, user.id, limit + 1, after=after)
    shown = rows[:limit]
    more = encode_cursor(shown[-1].at, shown[-1].id) if len(rows) > limit else None
    return Page(items=[FiredAlertView.model_validate(row) for row in shown], next_cursor=more)
