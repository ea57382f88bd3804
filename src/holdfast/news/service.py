"""Use cases: a page of news, marks for a chart, how the source is doing."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.errors import InvalidInput, NotFound
from holdfast.indices import repository as index_repository
from holdfast.indices import reviewed
from holdfast.indices.candles import SOURCE as INDEX_SOURCE
from holdfast.indices.catalogue import definition_of
from holdfast.news import repository
from holdfast.news.marketaux import NAME
from holdfast.news.models import NewsArticle, NewsMention, NewsSource
from holdfast.news.naming import AssetBook
from holdfast.news.repository import Scored
from holdfast.news.schemas import FeedState, FeedView, MentionView, NewsMark, NewsPage, NewsView, SimilarView
from holdfast.news.sentiment import Mood, mood_of
from holdfast.news.tasks import interval_of
from holdfast.platform.paging import decode_cursor, encode_cursor
from holdfast.platform.settings import Settings

SOURCE: Final = "Marketaux"
SOURCE_URL: Final = "https://www.marketaux.com/"
OWN_SOURCE: Final = "own"
MOST_MARKS: Final = 500
STALE_AFTER: Final = timedelta(hours=1)
BOOK_LIFE: Final = timedelta(seconds=60)

_DETAILS: Final = {
    FeedState.OK: "",
    FeedState.WAITING: "News have not been read yet; the first ones come within a minute.",
    FeedState.NO_TOKEN: (
        "News come from Marketaux and need a token: get a free one at https://www.marketaux.com/, set "
        "HOLDFAST_MARKETAUX_TOKEN and restart Holdfast."
    ),
    FeedState.TOKEN_REFUSED: (
        "Marketaux refuses the token: correct HOLDFAST_MARKETAUX_TOKEN and restart Holdfast."
    ),
    FeedState.QUOTA: "Marketaux's calls of today are used up; news go on after midnight UTC.",
    FeedState.UNREACHABLE: "Marketaux does not answer; it is tried again by itself.",
    FeedState.STALE: "There has been no answer from Marketaux for a while; what is shown may be old.",
}


class Books:
    """The asset book of an API process, read again when it is a minute old."""

    def __init__(self) -> None:
        self._book: AssetBook | None = None
        self._read_at = datetime.min.replace(tzinfo=UTC)

    async def get(self, session: AsyncSession, now: datetime) -> AssetBook:
        if self._book is None or not self._read_at <= now < self._read_at + BOOK_LIFE:
            self._book, self._read_at = await repository.asset_book(session), now
        return self._book


async def page(
    session: AsyncSession,
    settings: Settings,
    book: AssetBook,
    now: datetime,
    *,
    symbol: str,
    series: str,
    mood: Mood | None,
    before: str | None,
    limit: int,
) -> NewsPage:
    """The newest articles, of a coin or of what a chart shows if either is given.

    Raises:
        InvalidInput: nobody knows this coin, or the cursor or the series cannot be read.
        NotFound: there is no such index.
    """
    assets = await _assets(session, book, symbol, series)
    found = await repository.latest(
        session, assets=assets, mood=mood, before=_cursor(before), limit=limit + 1
    )
    shown = found[:limit]
    last = shown[-1].article if len(found) > limit else None
    return NewsPage(
        items=await _views(session, book, shown),
        next_before=encode_cursor(last.published_at, last.id) if last else None,
        feed=feed_view(await repository.source(session, NAME), settings, now),
    )


async def one(session: AsyncSession, book: AssetBook, article_id: UUID) -> NewsView:
    """One article.

    Raises:
        NotFound: nobody knows it.
    """
    found = await repository.scored(session, article_id)
    if found is None:
        raise NotFound("There is no such article.", advice="GET /api/news lists what there is.")
    return (await _views(session, book, [found]))[0]


async def marks(
    session: AsyncSession, book: AssetBook, series: str, start: datetime, until: datetime
) -> list[NewsMark]:
    """What became known of a series in [start, until), oldest first; the newest ``MOST_MARKS`` of it.

    Raises:
        InvalidInput: the series cannot be read.
        NotFound: there is no such index.
    """
    assets = await assets_of_series(session, book, series)
    found = await repository.known_between(session, assets, start, until, MOST_MARKS)
    return [
        NewsMark(
            id=one.article.id,
            time=int(one.article.known_at.timestamp()),
            published_at=one.article.published_at,
            title=one.article.title,
            url=one.article.url,
            publisher=one.article.publisher,
            mood=mood_of(one.sentiment),
            sentiment=one.sentiment,
            basis=one.basis,
        )
        for one in found
    ]


def feed_view(source: NewsSource | None, settings: Settings, now: datetime) -> FeedView:
    state = _state(source, settings, now)
    return FeedView(
        source=SOURCE,
        source_url=SOURCE_URL,
        state=state,
        detail=_DETAILS[state],
        answered_at=source.answered_at if source else None,
        next_at=source.next_at if source and state is not FeedState.NO_TOKEN else None,
    )


def _state(source: NewsSource | None, settings: Settings, now: datetime) -> FeedState:
    if not settings.news_token:
        return FeedState.NO_TOKEN
    if source is None:
        return FeedState.WAITING
    if source.problem:
        return FeedState(source.problem)
    if source.answered_at is None:
        return FeedState.WAITING
    patience = max(STALE_AFTER, 3 * interval_of(settings))
    return FeedState.STALE if now > source.answered_at + patience else FeedState.OK


async def assets_of_series(session: AsyncSession, book: AssetBook, series: str) -> list[str]:
    """The coins a chart is about: of an index its members, of an own dataset none."""
    source, _, symbol = series.partition(":")
    if not source or not symbol:
        raise InvalidInput(
            f"{series!r} is no series.", advice="Write it as source:symbol, for example bybit:BTCUSDT."
        )
    if source == OWN_SOURCE:
        return []
    if source == INDEX_SOURCE:
        definition_of(symbol)
        composition = (await index_repository.current_compositions(session)).get(symbol)
        return [member.asset_id for member in composition.members] if composition else []
    for asset_id, listing in reviewed.listings().items():
        if source == "bybit" and listing.symbol == symbol:
            return [asset_id]
    coin = book.of_symbol(symbol)
    return [coin.asset_id] if coin else []


async def _assets(session: AsyncSession, book: AssetBook, symbol: str, series: str) -> list[str] | None:
    """None: of anything."""
    if series:
        return await assets_of_series(session, book, series)
    if not symbol.strip():
        return None
    coin = book.of_symbol(symbol.strip())
    if coin is None:
        raise InvalidInput(
            f"No coin is known as {symbol.strip()!r}.", advice="Give a ticker such as BTC, or a coin's name."
        )
    return [coin.asset_id]


def _cursor(before: str | None) -> tuple[datetime, UUID] | None:
    decoded = decode_cursor(before)
    if decoded is None:
        return None
    try:
        return decoded[0], UUID(decoded[1])
    except ValueError:
        raise InvalidInput(
            "This page cursor cannot be read.", advice="Start again from the first page."
        ) from None


async def _views(session: AsyncSession, book: AssetBook, found: Sequence[Scored]) -> list[NewsView]:
    ids = [one.article.id for one in found]
    named: dict[UUID, list[NewsMention]] = defaultdict(list)
    for mention in await repository.mentions(session, ids):
        named[mention.article_id].append(mention)
    stood_for: dict[UUID | None, list[NewsArticle]] = defaultdict(list)
    for other in await repository.similar(session, ids):
        stood_for[other.similar_to].append(other)
    return [
        NewsView(
            id=one.article.id,
            title=one.article.title,
            description=one.article.description,
            url=one.article.url,
            publisher=one.article.publisher,
            language=one.article.language,
            published_at=one.article.published_at,
            known_at=one.article.known_at,
            mood=mood_of(one.sentiment),
            sentiment=one.sentiment,
            basis=one.basis,
            mentions=[_mention(book, mention) for mention in named[one.article.id]],
            similar=[
                SimilarView(title=other.title, url=other.url, publisher=other.publisher)
                for other in stood_for[one.article.id]
            ],
        )
        for one in found
    ]


def _mention(book: AssetBook, mention: NewsMention) -> MentionView:
    coin = book.coins.get(mention.asset_id)
    return MentionView(
        asset_id=mention.asset_id,
        ticker=coin.ticker if coin else mention.asset_id.upper(),
        name=coin.name if coin else mention.asset_id,
        mood=mood_of(mention.sentiment),
        sentiment=mention.sentiment,
        highlight=mention.highlight,
    )
