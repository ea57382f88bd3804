"""Every query on news."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.indices.models import AssetAlias
from holdfast.indices.repository import coins
from holdfast.news.intake import Article
from holdfast.news.models import NewsArticle, NewsMention, NewsSource
from holdfast.news.naming import AssetBook
from holdfast.news.sentiment import BOUND, Basis, Mood
from holdfast.platform.cache import touch

NEWS: Final = "news"
"""What kept lists of them are tagged with."""

_LEAST_MATCH: Final = 1e-9
LONGEST_WAIT: Final = timedelta(days=1, minutes=1)


@dataclass(frozen=True, slots=True)
class Scored:
    """An article with the sentiment of what was asked for, and who says so."""

    article: NewsArticle
    sentiment: float | None
    basis: Basis


async def asset_book(session: AsyncSession) -> AssetBook:
    """Every coin of the last polls, with present and former tickers."""
    former = await session.execute(
        select(AssetAlias.asset_id, AssetAlias.ticker).where(AssetAlias.valid_to.is_not(None))
    )
    return AssetBook(await coins(session), [(row.asset_id, row.ticker) for row in former])


async def source(session: AsyncSession, name: str) -> NewsSource | None:
    return await session.get(NewsSource, name)


async def take_turn(
    session: AsyncSession, name: str, *, now: datetime, interval: timedelta, per_day: int
) -> timedelta | None:
    """Count a call before it is made.

    Returns:
        None if it may be made now, else how long to wait.
    """
    today = now.astimezone(UTC).date()
    blank = insert(NewsSource).values(name=name, day=today, calls=0, next_at=now, problem="")
    await session.execute(blank.on_conflict_do_nothing())
    row = await session.get_one(NewsSource, name, with_for_update=True, populate_existing=True)
    if row.day != today:
        row.day, row.calls = today, 0
    if now < row.next_at <= now + LONGEST_WAIT:
        return row.next_at - now
    if row.calls >= per_day:
        row.next_at = next_day(now)
        await touch(session, NEWS)
        return row.next_at - now
    row.calls += 1
    row.next_at = now + interval
    await touch(session, NEWS)
    return None


async def note(session: AsyncSession, name: str, *, problem: str, at: datetime, next_at: datetime) -> None:
    """How the call ended; ``problem`` "" is a good answer."""
    row = await session.get_one(NewsSource, name, with_for_update=True, populate_existing=True)
    row.problem, row.next_at = problem, next_at
    if not problem:
        row.answered_at = at
    await touch(session, NEWS)


def next_day(now: datetime) -> datetime:
    """Midnight UTC after ``now``."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)


async def save(session: AsyncSession, source: str, found: Sequence[Article], known_at: datetime) -> int:
    """Add what has not been seen yet; what is known stands as it was first seen. Returns how many are new."""
    if not found:
        return 0
    stands_for = await _stands_for(session, {one.similar_to for one in found if one.similar_to})
    rows = [_row(one, source, known_at, stands_for) for one in found]
    added = await session.scalars(
        insert(NewsArticle).on_conflict_do_nothing().returning(NewsArticle.id), rows
    )
    new = set(added)
    mentions = [
        {
            "article_id": article.id,
            "asset_id": one.asset_id,
            "symbol": one.symbol,
            "match_score": one.match,
            "sentiment": one.sentiment,
            "highlight": one.highlight,
        }
        for article in found
        if article.id in new
        for one in article.mentions
    ]
    if mentions:
        await session.execute(insert(NewsMention).on_conflict_do_nothing(), mentions)
    if new:
        await touch(session, NEWS)
    return len(new)


async def _stands_for(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Of articles that are themselves similar to a known one: which."""
    rows = await session.execute(
        select(NewsArticle.id, NewsArticle.similar_to).where(
            NewsArticle.id.in_(ids), NewsArticle.similar_to.is_not(None)
        )
    )
    return {row.id: row.similar_to for row in rows}


def _row(one: Article, source: str, known_at: datetime, stands_for: dict[UUID, UUID]) -> dict[str, Any]:
    main = stands_for.get(one.similar_to, one.similar_to) if one.similar_to else None
    return {
        "id": one.id,
        "source": source,
        "title": one.title,
        "description": one.description,
        "url": one.url,
        "publisher": one.publisher,
        "language": one.language,
        "published_at": one.published_at,
        "known_at": known_at,
        "sentiment": one.sentiment,
        "basis": one.basis.value,
        "similar_to": main if main != one.id else None,
    }


async def latest(
    session: AsyncSession,
    *,
    assets: Collection[str] | None,
    mood: Mood | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Scored]:
    """The newest articles by their publishers' time; of ``assets`` (None: of anything), behind ``before``."""
    query, score = _scored(assets)
    if mood is not None:
        query = query.where(_is(score, mood))
    if before is not None:
        query = query.where(
            tuple_(NewsArticle.published_at, NewsArticle.id) < tuple_(literal(before[0]), literal(before[1]))
        )
    query = query.order_by(NewsArticle.published_at.desc(), NewsArticle.id.desc()).limit(limit)
    return await _read(session, query)


async def known_between(
    session: AsyncSession, assets: Collection[str], start: datetime, until: datetime, limit: int
) -> list[Scored]:
    """The newest of what became known in [start, until), oldest first."""
    query, _ = _scored(assets)
    query = query.where(NewsArticle.known_at >= start, NewsArticle.known_at < until)
    query = query.order_by(NewsArticle.known_at.desc(), NewsArticle.id.desc()).limit(limit)
    return (await _read(session, query))[::-1]


async def scored(session: AsyncSession, article_id: UUID) -> Scored | None:
    """One article with the sentiment of the whole, also if another stands for it in lists."""
    row = await session.get(NewsArticle, article_id)
    return Scored(row, row.sentiment, Basis(row.basis)) if row else None


async def _read(session: AsyncSession, query: Select[Any]) -> list[Scored]:
    rows = await session.execute(query)
    return [Scored(article, sentiment, Basis(basis)) for article, sentiment, basis in rows.tuples()]


def _scored(assets: Collection[str] | None) -> tuple[Select[Any], ColumnElement[Any]]:
    """Articles that stand for themselves, with their sentiment: of the whole article, or of ``assets`` alone
    where the source gives sentiments of coins."""
    mains = NewsArticle.similar_to.is_(None)
    if assets is None:
        whole = type_coerce(NewsArticle.sentiment, Float)
        return select(NewsArticle, whole.label("score"), NewsArticle.basis).where(mains), whole
    of_these = and_(NewsMention.article_id == NewsArticle.id, NewsMention.asset_id.in_(assets))
    weight = func.greatest(NewsMention.match_score, _LEAST_MATCH)
    own = (
        select(func.sum(NewsMention.sentiment * weight) / func.sum(weight))
        .where(of_these, NewsMention.sentiment.is_not(None))
        .scalar_subquery()
    )
    by_source = NewsArticle.basis == Basis.MARKETAUX.value
    score = case((by_source, own), else_=NewsArticle.sentiment)
    basis = case((and_(by_source, own.is_(None)), Basis.NONE.value), else_=NewsArticle.basis)
    query = select(NewsArticle, score.label("score"), basis.label("said_by"))
    return query.where(mains, exists().where(of_these)), score


def _is(score: ColumnElement[Any], mood: Mood) -> ColumnElement[bool]:
    return {
        Mood.POSITIVE: score >= BOUND,
        Mood.NEGATIVE: score <= -BOUND,
        Mood.NEUTRAL: and_(score > -BOUND, score < BOUND),
        Mood.UNKNOWN: score.is_(None),
    }[mood]


async def mentions(session: AsyncSession, articles: Collection[UUID]) -> list[NewsMention]:
    """The coins these articles name, the most certain first."""
    rows = await session.scalars(
        select(NewsMention)
        .where(NewsMention.article_id.in_(articles))
        .order_by(NewsMention.match_score.desc(), NewsMention.asset_id)
    )
    return list(rows)


async def similar(session: AsyncSession, articles: Collection[UUID]) -> list[NewsArticle]:
    """What these articles stand for, the earliest first."""
    rows = await session.scalars(
        select(NewsArticle)
        .where(NewsArticle.similar_to.in_(articles))
        .order_by(NewsArticle.published_at, NewsArticle.id)
    )
    return list(rows)
