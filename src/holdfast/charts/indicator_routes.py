"""Indicators over HTTP: what there is, and values beside bars. Public, as the bars are."""

import hashlib
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from holdfast.charts.schemas import IndicatorView
from holdfast.charts.values import values
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import columns
from holdfast.market.candles.readers import split_name
from holdfast.market.candles.routes import CandlesDep, SecondQuery, ViewerDep, header_of
from holdfast.market.candles.service import MOST_BARS, Asked
from holdfast.scripts import indicators
from holdfast.scripts.ta import REGISTRY

router = APIRouter(prefix="/api/indicators", tags=["indicators"])

_ABOUT_BARS: Final = frozenset({"series", "timeframe", "before", "limit"})


@router.get("")
async def catalogue() -> list[IndicatorView]:
    """Every indicator, its inputs and its plots."""
    return [IndicatorView.model_validate(one) for one in REGISTRY.values()]


@router.get(
    "/{indicator_id}/values",
    response_class=Response,
    responses={200: {"content": {columns.MEDIA_TYPE: {}}}, 304: {"description": "Not modified"}},
)
async def indicator_values(
    request: Request,
    candles: CandlesDep,
    viewer: ViewerDep,
    indicator_id: str,
    series: Annotated[str, Query(max_length=80)],
    timeframe: Timeframe = Timeframe.M1,
    before: SecondQuery = None,
    limit: Annotated[int, Query(ge=1, le=MOST_BARS)] = 500,
) -> Response:
    """Binary columns beside the bars that ``GET /api/candles`` gives for the same span: ``time``, and one
    column of f64 a plot, NaN where it has no value. Every other parameter is an input of the indicator."""
    indicator = indicators.find(indicator_id)
    asked = {name: text for name, text in request.query_params.items() if name not in _ABOUT_BARS}
    inputs = indicators.read_inputs(indicator, asked)
    found = await candles.find(*split_name(series), viewer)
    page = await candles.page(found, Asked(timeframe, limit, before), viewer=viewer)
    plots = await values(candles, found, indicator, inputs, page)
    content = columns.encode(
        {**header_of(page), "indicator": indicator.id, "inputs": inputs},
        [
            ("time", page.bars.time.astype(float)),
            *((plot.id, column) for plot, column in zip(indicator.plots, plots, strict=True)),
        ],
    )
    headers = {"Cache-Control": "no-store"}
    if page.sealed:
        tag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
        headers = {"Cache-Control": "private, no-cache", "ETag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
    return Response(content, media_type=columns.MEDIA_TYPE, headers=headers)
