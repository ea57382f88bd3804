"""Bars over HTTP. Reading is public, as the venues' own data is; own datasets only for their owner."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import TypeAdapter
from starlette.requests import HTTPConnection

from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import columns, listings
from holdfast.market.candles.schemas import SymbolView
from holdfast.market.candles.service import MOST_BARS, Asked, Candles, Page
from holdfast.market.candles.tags import tag_of
from holdfast.market.quotes import QuoteBoard
from holdfast.market.repository import SYMBOLS
from holdfast.platform.cache import Answer, CacheDep, Key, Made
from holdfast.platform.web import DatabaseDep

router = APIRouter(prefix="/api", tags=["candles"])

_LAST_SECOND: Final = 4_102_444_800
"""The beginning of the year 2100: nobody asks for bars beyond."""

SYMBOLS_SECONDS: Final = 5.0
"""The turnover in the list, and the order it makes, may be so old."""
PAGE_SECONDS: Final = 3600.0

_SYMBOLS: Final = TypeAdapter(list[SymbolView])

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


@router.get("/symbols", response_model=list[SymbolView])
async def symbols(
    request: Request,
    database: DatabaseDep,
    candles: CandlesDep,
    cache: CacheDep,
    viewer: ViewerDep,
    q: Annotated[str, Query(max_length=40)] = "",
    source: Annotated[str, Query(max_length=20)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """What a chart can show, best match first."""
    quotes: QuoteBoard = request.app.state.quotes

    def turnover(venue: str, symbol: str) -> Any:
        quote = quotes.get(symbol) if venue == "bybit" else None
        return quote.turnover_24h if quote else None

    def best(found: list[SymbolView]) -> list[SymbolView]:
        return listings.ranked([one for one in found if source in ("", one.source)], q, limit)

    async def everybodys() -> Made:
        async with database.transaction() as session:
            found = await listings.listed(session, candles.books, candles.readers, turnover, None)
        return Made(_SYMBOLS.dump_json(best(found)))

    key = Key("symbols", (q.strip().casefold(), source, limit))
    public = await cache.get(key, everybodys, seconds=SYMBOLS_SECONDS, tags=(SYMBOLS,))
    content = public.content
    if viewer is not None:
        shown = _SYMBOLS.validate_json(content)
        async with database.transaction() as session:
            own = await listings.own(session, candles.readers, viewer)
        content = _SYMBOLS.dump_json(best(shown + own)) if own else content
    return Response(content, media_type="application/json")


@router.get(
    "/candles/{source}/{symbol}",
    response_class=Response,
    responses={200: {"content": {columns.MEDIA_TYPE: {}}}, 304: {"description": "Not modified"}},
)
async def bars(
    request: Request,
    candles: CandlesDep,
    cache: CacheDep,
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

    async def page() -> Made:
        series = await candles.find(source, symbol, viewer)
        found = await candles.page(series, Asked(timeframe, limit, before, after), viewer=viewer)
        return Made(encoded(found), found.lasts)

    key = Key(
        "candles",
        (source, symbol, timeframe, before, after, limit, viewer is not None),
        owner_of(candles, source, viewer),
    )
    answer = await cache.get(key, page, seconds=PAGE_SECONDS, tags=(tag_of(source, symbol),))
    return columns_answer(request, answer)


def owner_of(candles: Candles, source: str, viewer: UUID | None) -> UUID | None:
    """Who alone may find kept answers about this source again: other rooms may show each viewer his own."""
    return viewer if source in candles.readers else None


def columns_answer(request: Request, answer: Answer) -> Response:
    """Binary columns; what is kept may be kept by the browser, too, which asks whether it still holds."""
    if not answer.kept:
        headers = {"Cache-Control": "no-store"}
        return Response(answer.content, media_type=columns.MEDIA_TYPE, headers=headers)
    tag = f'"{answer.mark}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(answer.content, media_type=columns.MEDIA_TYPE, headers=headers)


def encoded(page: Page) -> bytes:
    return columns.encode(header_of(page), columns.of_bars(page.bars))


def header_of(page: Page) -> dict[str, Any]:
    """What every answer with bars says about them. ``from`` and ``until``: the span that was looked at;
    ``known_until``: at the newest bars, the second up to which prices are known."""
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
        "known_until": page.known_until,
        "gaps": [{"from": gap.start, "until": gap.until, "reason": gap.reason.value} for gap in page.gaps],
        "backfill": {"done": done_of[0], "total": done_of[1]} if done_of else None,
    }
