"""Bars over HTTP. Reading is public, as the venues' own data is; own datasets only for their owner."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.requests import HTTPConnection

from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import columns, listings
from holdfast.market.candles.schemas import SymbolView
from holdfast.market.candles.service import MOST_BARS, Asked, Candles, Page
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.web import SessionDep

router = APIRouter(prefix="/api", tags=["candles"])

_LAST_SECOND: Final = 4_102_444_800
"""The beginning of the year 2100: nobody asks for bars beyond."""

Viewer = Callable[[HTTPConnection], Awaitable[UUID | None]]


def candles_of(connection: HTTPConnection) -> Candles:
    candles: Candles = connection.app.state.candles
    return candles


async def viewer_of(connection: HTTPConnection) -> UUID | None:
    """The signed-in user, if there is one. The application says how to tell, as ``app.state.viewer``."""
    if "authorization" not in connection.headers:
        return None
    look: Viewer = connection.app.state.viewer
    return await look(connection)


CandlesDep = Annotated[Candles, Depends(candles_of)]
ViewerDep = Annotated[UUID | None, Depends(viewer_of)]
SourcePath = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,20}$")]
SymbolPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
SecondQuery = Annotated[int | None, Query(ge=0, le=_LAST_SECOND)]


@router.get("/symbols")
async def symbols(
    request: Request,
    session: SessionDep,
    candles: CandlesDep,
    viewer: ViewerDep,
    q: Annotated[str, Query(max_length=40)] = "",
    source: Annotated[str, Query(max_length=20)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[SymbolView]:
    """What a chart can show, best match first."""
    quotes: QuoteBoard = request.app.state.quotes

    def turnover(venue: str, symbol: str) -> Any:
        quote = quotes.get(symbol) if venue == "bybit" else None
        return quote.turnover_24h if quote else None

    found = await listings.listed(session, candles.books, candles.readers, turnover, viewer)
    return listings.ranked([one for one in found if source in ("", one.source)], q, limit)


@router.get(
    "/candles/{source}/{symbol}",
    response_class=Response,
    responses={200: {"content": {columns.MEDIA_TYPE: {}}}, 304: {"description": "Not modified"}},
)
async def bars(
    request: Request,
    candles: CandlesDep,
    viewer: ViewerDep,
    source: SourcePath,
    symbol: SymbolPath,
    timeframe: Timeframe = Timeframe.M1,
    before: SecondQuery = None,
    after: SecondQuery = None,
    limit: Annotated[int, Query(ge=1, le=MOST_BARS)] = 500,
) -> Response:
    """Bars as binary columns, oldest first: the last ``limit`` that open before ``before``, or the first that
    open after ``after``. Without either the last one is still forming."""
    series = await candles.find(source, symbol, viewer)
    page = await candles.page(series, Asked(timeframe, limit, before, after), viewer=viewer)
    headers = {"Cache-Control": "no-store"}
    if page.sealed:
        tag = _tag(page, limit)
        headers = {"Cache-Control": "private, no-cache", "ETag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
    return Response(encoded(page), media_type=columns.MEDIA_TYPE, headers=headers)


def encoded(page: Page) -> bytes:
    return columns.encode(header_of(page), columns.of_bars(page.bars))


def header_of(page: Page) -> dict[str, Any]:
    """What every answer with bars says about them. ``from`` and ``until``: the span that was looked at."""
    done_of = page.backfill
    return {
        "series": page.series.name,
        "timeframe": page.timeframe.value,
        "count": len(page.bars),
        "price_decimals": page.bars.price_decimals,
        "volume_decimals": page.bars.volume_decimals,
        "from": page.start,
        "until": page.until,
        "more": page.more,
        "forming": page.forming,
        "gaps": [{"from": gap.start, "until": gap.until, "reason": gap.reason.value} for gap in page.gaps],
        "backfill": {"done": done_of[0], "total": done_of[1]} if done_of else None,
    }


def _tag(page: Page, limit: int) -> str:
    parts = (
        page.series.name, page.series.revision, page.timeframe, page.start, page.until, limit, page.backfill,
        len(page.gaps), page.more,
    )  # fmt: skip
    return f'"{hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"'
