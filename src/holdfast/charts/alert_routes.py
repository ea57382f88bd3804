"""Setting price alerts over HTTP: a venue is asked where the price is, so it is moderated, and no transaction
is open meanwhile."""

import asyncio
from decimal import Decimal
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from holdfast.charts import service
from holdfast.charts.schemas import AlertView, NewAlert
from holdfast.charts.watch import TOPIC
from holdfast.core.errors import Unavailable
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles.data_routes import UserIdDep
from holdfast.market.candles.readers import split_name
from holdfast.market.candles.routes import CandlesDep
from holdfast.market.candles.service import Asked, Candles
from holdfast.market.live.minutes import minutes_of
from holdfast.platform.idempotency import IntentDep, run_once
from holdfast.platform.pubsub import tell_changed
from holdfast.platform.web import DatabaseDep, NowDep

router = APIRouter(prefix="/api/charts/alerts", tags=["charts"])


_PRICE_SECONDS: Final = 2.0


@router.post("", status_code=201, response_model=AlertView)
async def add_alert(
    request: Request,
    wanted: NewAlert,
    user_id: UserIdDep,
    database: DatabaseDep,
    candles: CandlesDep,
    now: NowDep,
    intent: IntentDep,
) -> JSONResponse:
    """Be told when a price reaches a level from now on."""
    price = await _price_of(candles, wanted.series, user_id)
    async with database.transaction() as session:

        async def effect() -> tuple[int, AlertView]:
            return 201, await service.add_alert(session, user_id, wanted, now=now, price=price)

        answer = await run_once(session, user_id, intent, wanted, effect)
    await tell_changed(request.app.state.redis, user_id, TOPIC)
    return answer


@router.put("/{alert_id}", response_model=AlertView)
async def change_alert(
    request: Request,
    alert_id: UUID,
    wanted: NewAlert,
    user_id: UserIdDep,
    database: DatabaseDep,
    candles: CandlesDep,
    now: NowDep,
    intent: IntentDep,
) -> JSONResponse:
    """Replace an alert, pause it or arm it again. It is watched anew from now on."""
    price = await _price_of(candles, wanted.series, user_id)
    async with database.transaction() as session:

        async def effect() -> tuple[int, AlertView]:
            return 200, await service.change_alert(session, user_id, alert_id, wanted, now=now, price=price)

        answer = await run_once(session, user_id, intent, wanted, effect)
    await tell_changed(request.app.state.redis, user_id, TOPIC)
    return answer


async def _price_of(candles: Candles, name: str, user_id: UUID) -> Decimal | None:
    """The newest price of the last two minutes, if it can be had soon.

    Raises:
        InvalidInput: nothing new comes in there.
        NotFound: there is no such series.
    """
    source, symbol = split_name(name)
    service.check_watchable(source)
    series = await candles.find(source, symbol, user_id)
    try:
        async with asyncio.timeout(_PRICE_SECONDS):
            page = await candles.page(series, Asked(Timeframe.M1, 2))
    except (TimeoutError, Unavailable):
        return None
    minutes = minutes_of(page.bars)
    return minutes[-1].close if minutes else None
