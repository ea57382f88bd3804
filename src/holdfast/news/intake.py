"""Marketaux's rows as our articles: sanitised, tied to assets, each with a mood. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from holdfast.news.naming import AssetBook
from holdfast.news.plaintext import plain_text, web_address
from holdfast.news.sentiment import Basis, estimated, weighted

MOST_ENTITIES: Final = 100
MOST_SIMILAR: Final = 20
AHEAD: Final = timedelta(days=1)
"""A publisher's clock may be off by this much; later stamps are not believed."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A coin in an article; ``match`` is the sum over its entities, ``sentiment`` their weighted mean."""

    asset_id: str
    symbol: str
    match: float
    sentiment: float | None
    highlight: str


@dataclass(frozen=True, slots=True)
class Article:
    id: UUID
    title: str
    description: str
    url: str
    publisher: str
    language: str
    published_at: datetime
    sentiment: float | None
    basis: Basis
    mentions: tuple[Mention, ...]
    similar_to: UUID | None = None


def articles(rows: Iterable[Mapping[str, Any]], book: AssetBook, now: datetime) -> list[Article]:
    """Every readable article once, those that stand for others before them. A row without uuid, title or a
    believable time is left out."""
    found: dict[UUID, Article] = {}
    groups = [(row, article) for row in rows if (article := _article(row, book, now)) is not None]
    for _, article in groups:
        found.setdefault(article.id, article)
    for row, article in groups:
        for other in _dicts(row.get("similar"))[:MOST_SIMILAR]:
            similar = _article(other, book, now, similar_to=article.id)
            if similar is not None:
                found.setdefault(similar.id, similar)
    return list(found.values())


def _article(
    row: Mapping[str, Any], book: AssetBook, now: datetime, similar_to: UUID | None = None
) -> Article | None:
    identity, title, published_at = _uuid(row.get("uuid")), plain_text(row.get("title"), 300), _moment(row)
    if identity is None or not title or published_at is None or published_at > now + AHEAD:
        return None
    description = plain_text(row.get("description"), 600) or plain_text(row.get("snippet"), 600)
    language = plain_text(row.get("language"), 10)
    mentions = _mentions(row, book)
    sentiment = weighted((one.match, one.sentiment) for one in mentions)
    basis = Basis.MARKETAUX
    if sentiment is None:
        sentiment = estimated(f"{title}. {description}", language)
        basis = Basis.NONE if sentiment is None else Basis.WORD_LIST
    return Article(
        id=identity,
        title=title,
        description=description,
        url=web_address(row.get("url")),
        publisher=plain_text(row.get("source"), 100),
        language=language,
        published_at=published_at,
        sentiment=sentiment,
        basis=basis,
        mentions=mentions,
        similar_to=similar_to,
    )


def _mentions(row: Mapping[str, Any], book: AssetBook) -> tuple[Mention, ...]:
    """One for each coin, however many entities mean it; the most certain first."""
    of_asset: dict[str, list[Mention]] = {}
    for entity in _dicts(row.get("entities"))[:MOST_ENTITIES]:
        symbol = plain_text(entity.get("symbol"), 40)
        coin = book.of_entity(symbol, plain_text(entity.get("name"), 100), str(entity.get("type", "")))
        if coin is None:
            continue
        one = Mention(
            coin.asset_id,
            symbol,
            max(_number(entity.get("match_score")) or 0.0, 0.0),
            _score(entity.get("sentiment_score")),
            _highlight(entity.get("highlights")),
        )
        of_asset.setdefault(coin.asset_id, []).append(one)
    return tuple(sorted(map(_merged, of_asset.values()), key=lambda one: -one.match))


def _merged(same: list[Mention]) -> Mention:
    best = max(same, key=lambda one: one.match)
    return Mention(
        best.asset_id,
        best.symbol,
        math.fsum(one.match for one in same),
        weighted((one.match, one.sentiment) for one in same),
        best.highlight,
    )


def _highlight(value: object) -> str:
    """What the text says about the coin; what stands in the title is known already."""
    found = _dicts(value)
    text = [one for one in found if one.get("highlighted_in") == "main_text"]
    return next((plain for one in text or found if (plain := plain_text(one.get("highlight"), 300))), "")


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return min(float(value), 1e9)


def _score(value: object) -> float | None:
    """A sentiment; one outside of −1..1 is none."""
    score = _number(value)
    return score if score is not None and -1 <= score <= 1 else None


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _moment(row: Mapping[str, Any]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(row["published_at"])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
