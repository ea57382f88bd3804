"""Own data over HTTP."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.responses import Response as AnyResponse

from holdfast.accounts.access import UserDep
from holdfast.charts.datasets import forms, repository, service
from holdfast.charts.datasets.models import Dataset
from holdfast.charts.datasets.schemas import (
    DatasetChange,
    DatasetsView,
    DatasetView,
    SeriesName,
    SignalsView,
)
from holdfast.core.errors import NotSignedIn
from holdfast.core.timeframes import timeframe_of
from holdfast.market.candles import exporting
from holdfast.market.candles.readers import no_series, split_name
from holdfast.market.candles.repository import series_of
from holdfast.market.candles.routes import CandlesDep, SecondQuery, ViewerDep
from holdfast.platform.database import Database
from holdfast.platform.exports import csv_response
from holdfast.platform.idempotency import IntentDep, remove_once, run_once
from holdfast.platform.models import IdempotencyKey
from holdfast.platform.web import ClockDep, DatabaseDep, NowDep, SessionDep

router = APIRouter(prefix="/api", tags=["own data"])

_EVER: Final = 2**40
_SIGNAL_COLUMNS: Final = ("timestamp", "type", "price", "label", "color", "icon")
_PAGE: Final = 1000
_FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "kind": {"type": "string", "enum": ["bars", "signals"], "default": "bars"},
                        "name": {"type": "string", "maxLength": 80},
                        "series": {"type": "string"},
                        "timeframe": {"type": "string"},
                    },
                }
            }
        },
    }
}

receiving = forms.Receiving()


@router.get("/datasets")
async def datasets(user: UserDep, session: SessionDep) -> DatasetsView:
    """Your datasets, newest first, and how much you may keep."""
    return await service.overview(session, user.id)


@router.post("/datasets", status_code=202, response_model=DatasetView, openapi_extra=_FORM)
async def upload(
    request: Request,
    database: DatabaseDep,
    clock: ClockDep,
    viewer: ViewerDep,
    candles: CandlesDep,
    intent: IntentDep,
) -> JSONResponse:
    """Bring a file: bars (``timestamp,open,high,low,close,volume``) or signals
    (``timestamp,type,price,label,color,icon``), plain, gzip or zip. It is read in the background."""
    # No transaction is open while the file comes: that may take minutes.
    if viewer is None:
        raise NotSignedIn("This request carries no access token.", advice="Sign in first.")
    user_id = viewer
    async with database.transaction() as session:
        if await session.get(IdempotencyKey, (user_id, intent.key)) is None:
            await service.check_room(session, user_id)
    with receiving.one_of(user_id):
        wanted, file = await forms.read_form(request)
        try:
            if wanted.series is not None:
                await candles.find(*split_name(wanted.series), user_id)
            now = clock.now()
            async with database.transaction() as session:

                async def effect() -> tuple[int, DatasetView]:
                    return 202, await service.keep(session, user_id, wanted, forms.pieces_of(file), now=now)

                return await run_once(session, user_id, intent, wanted, effect)
        finally:
            await file.close()


@router.get("/datasets/{dataset_id}")
async def dataset(dataset_id: UUID, user: UserDep, session: SessionDep) -> DatasetView:
    """How far it is, and what is wrong with which rows."""
    return service.view(await service.owned(session, user.id, dataset_id))


@router.patch("/datasets/{dataset_id}", response_model=DatasetView)
async def change(
    dataset_id: UUID,
    wanted: DatasetChange,
    user: UserDep,
    session: SessionDep,
    candles: CandlesDep,
    now: NowDep,
    intent: IntentDep,
) -> JSONResponse:
    """Rename it, or attach its signals to another series."""
    await service.owned(session, user.id, dataset_id)
    if wanted.series is not None:
        await candles.find(*split_name(wanted.series), user.id)

    async def effect() -> tuple[int, DatasetView]:
        return 200, await service.change(session, user.id, dataset_id, wanted, now=now)

    return await run_once(session, user.id, intent, wanted, effect)


@router.delete("/datasets/{dataset_id}", status_code=204)
async def remove(dataset_id: UUID, user: UserDep, session: SessionDep, intent: IntentDep) -> Response:
    """Delete it with all its rows; with bars also what is drawn on them and the signals attached to them."""
    return await remove_once(session, user.id, intent, lambda: service.remove(session, user.id, dataset_id))


@router.get(
    "/datasets/{dataset_id}/file", response_class=Response, responses={200: {"content": {"text/csv": {}}}}
)
async def download(
    dataset_id: UUID, user: UserDep, session: SessionDep, database: DatabaseDep
) -> AnyResponse:
    """What is stored of it, as a CSV file that can be uploaded again."""
    row = await service.ready(session, user.id, dataset_id)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", row.name).strip("-.")[:60] or "dataset"
    if row.kind == "signals":
        return csv_response(f"{name}.csv", _SIGNAL_COLUMNS, _signals(database, row.id), simulated=False)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(_bars(database, row), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/signals")
async def signals(
    user: UserDep,
    session: SessionDep,
    candles: CandlesDep,
    series: Annotated[SeriesName, Query()],
    since: Annotated[SecondQuery, Query(alias="from")] = None,
    until: SecondQuery = None,
    limit: Annotated[int, Query(ge=1, le=service.MOST_MARKS)] = service.MOST_MARKS,
) -> SignalsView:
    """Your signals on a series in [``from``, ``until``), oldest first."""
    await candles.find(*split_name(series), user.id)
    end = _EVER if until is None else until
    return await service.signals(session, user.id, series, since or 0, end, limit)


async def _bars(database: Database, row: Dataset) -> AsyncIterator[bytes]:
    async with database.transaction() as session:
        one = await series_of(session, repository.SOURCE, str(row.id))
    timeframe = timeframe_of(row.step or 0)
    if one is None or timeframe is None:
        raise no_series(row.series)
    yield exporting.CSV_HEADER
    async for bars in exporting.stretches(database, one, timeframe, 0, _EVER):
        yield await asyncio.to_thread(exporting.csv_rows, bars)


async def _signals(database: Database, dataset_id: UUID) -> AsyncIterator[tuple[object, ...]]:
    async with database.transaction() as session:
        async for row in service.signal_rows(session, dataset_id, _PAGE):
            yield row.time, row.type, row.price, row.label, row.color, row.icon
