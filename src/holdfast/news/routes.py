"""News over HTTP. Reading is public: they are the same for everybody."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from starlette.requests import HTTPConnection

from holdfast.core.time import from_seconds
from holdfast.news import service
from holdfast.news.repository import NEWS
from holdfast.news.schemas import NewsMark, NewsPage, NewsView
from holdfast.news.sentiment import Mood
from holdfast.news.service import Books
from holdfast.platform.cache import CacheDep, Key, Made
from holdfast.platform.paging import CursorQuery, SymbolQuery
from holdfast.platform.web import DatabaseDep, NowDep, SessionDep, SettingsDep

router = APIRouter(prefix="/api/news", tags=["news"])

PAGE_SECONDS: Final = 30.0
"""So late it is said, at most, that the source has fallen silent, or that a coin has another name."""
_LAST_SECOND: Final = 4_102_444_800
SecondQuery = Annotated[int, Query(ge=0, le=_LAST_SECOND)]
SeriesQuery = Annotated[str, Query(pattern=r"^([a-z0-9-]{1,20}:[A-Za-z0-9._-]{1,40})?$")]


def books_of(connection: HTTPConnection) -> Books:
    """Made at the first use, then kept on ``app.state.news_books``."""
    state = connection.app.state
    if not hasattr(state, "news_books"):
        state.news_books = Books()
    books: Books = state.news_books
    return books


BooksDep = Annotated[Books, Depends(books_of)]


@router.get("", response_model=NewsPage)
async def news(
    database: DatabaseDep,
    cache: CacheDep,
    settings: SettingsDep,
    books: BooksDep,
    now: NowDep,
    symbol: SymbolQuery = "",
    series: SeriesQuery = "",
    mood: Mood | None = None,
    before: CursorQuery = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 30,
) -> Response:
    """The newest articles, by coin (``symbol``) or by what a chart shows (``series``), and by mood."""

    async def page() -> Made:
        async with database.transaction() as session:
            book = await books.get(session, now)
            found = await service.page(
                session, settings, book, now,
                symbol=symbol, series=series, mood=mood, before=before, limit=limit,
            )  # fmt: skip
        return Made(found.model_dump_json().encode())

    key = Key("news", (symbol, series, mood, before, limit))
    answer = await cache.get(key, page, seconds=PAGE_SECONDS, tags=(NEWS,))
    return Response(answer.content, media_type="application/json")


@router.get("/marks")
async def news_marks(
    session: SessionDep,
    books: BooksDep,
    now: NowDep,
    series: SeriesQuery,
    start: Annotated[int, Query(alias="from", ge=0, le=_LAST_SECOND)],
    until: SecondQuery,
) -> list[NewsMark]:
    """What became known of a series in [from, until), both UTC seconds: marks for its chart."""
    book = await books.get(session, now)
    first, last = map(from_seconds, (start, until))
    return await service.marks(session, book, series, first, last)


@router.get("/{article_id}")
async def article(article_id: UUID, session: SessionDep, books: BooksDep, now: NowDep) -> NewsView:
    """One article, whatever is written since."""
    return await service.one(session, await books.get(session, now), article_id)
