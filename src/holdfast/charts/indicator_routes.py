"""Indicators over HTTP: what there is, and values beside bars. Public, as the bars are."""

import functools
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter

from holdfast.charts.schemas import IndicatorView
from holdfast.charts.values import values
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import columns
from holdfast.market.candles.readers import split_name
from holdfast.market.candles.routes import (
    PAGE_SECONDS,
    CandlesDep,
    SecondQuery,
    ViewerDep,
    columns_answer,
    header_of,
    owner_of,
)
from holdfast.market.candles.service import MOST_BARS, Asked
from holdfast.market.candles.tags import tag_of
from holdfast.platform.cache import CacheDep, Key, Made
from holdfast.scripts import indicators
from holdfast.scripts.ta import REGISTRY

router = APIRouter(prefix="/api/indicators", tags=["indicators"])

_ABOUT_BARS: Final = frozenset({"series", "timeframe", "before", "limit"})


@router.get("", response_model=list[IndicatorView])
async def catalogue() -> Response:
    """Every indicator, its inputs and its plots."""
    return Response(_catalogue(), media_type="application/json")


@functools.cache
def _catalogue() -> bytes:
    """Encoded once: it never changes while the program runs."""
    views = [IndicatorView.model_validate(one) for one in REGISTRY.values()]
    return TypeAdapter(list[IndicatorView]).dump_json(views)


@router.get(
    "/{indicator_id}/values",
    response_class=Response,
    responses={200: {"content": {columns.MEDIA_TYPE: {}}}, 304: {"description": "Not modified"}},
)
async def indicator_values(
    request: Request,
    candles: CandlesDep,
    cache: CacheDep,
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
    source, symbol = split_name(series)

    async def beside_bars() -> Made:
        found = await candles.find(source, symbol, viewer)
        page = await candles.page(found, Asked(timeframe, limit, before), viewer=viewer)
        plots = await values(candles, found, indicator, inputs, page)
        content = columns.encode(
            {**header_of(page), "indicator": indicator.id, "inputs": inputs},
            [
                ("time", page.bars.time.astype(float)),
                *((plot.id, column) for plot, column in zip(indicator.plots, plots, strict=True)),
            ],
        )
        return Made(content, page.lasts)

    told = repr(sorted(inputs.items()))
    key = Key(
        "indicator values",
        (indicator.id, told, source, symbol, timeframe, before, limit, viewer is not None),
        owner_of(candles, source, viewer),
    )
    answer = await cache.get(key, beside_bars, seconds=PAGE_SECONDS, tags=(tag_of(source, symbol),))
    return columns_answer(request, answer)
