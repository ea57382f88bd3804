"""Articles, the coins they name, and how the source is doing."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base


class NewsArticle(Base):
    """An article as it was first seen; ``known_at`` is when that was, and never changes.

    ``sentiment`` (−1..1) is None where nobody gave one; ``basis`` says who did: marketaux | word_list | none.
    ``similar_to``: the article that tells the same and stands for this one in lists.
    """

    __tablename__ = "news_articles"
    __table_args__ = (
        Index("ix_news_articles_published_at", "published_at", "id"),
        Index("ix_news_articles_known_at", "known_at"),
        Index("ix_news_articles_similar_to", "similar_to"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str]
    title: Mapped[str]
    description: Mapped[str]
    url: Mapped[str]
    publisher: Mapped[str]
    language: Mapped[str]
    published_at: Mapped[datetime]
    known_at: Mapped[datetime]
    sentiment: Mapped[float | None]
    basis: Mapped[str]
    similar_to: Mapped[UUID | None] = mapped_column(ForeignKey("news_articles.id"))


class NewsMention(Base):
    """A coin that an article names. ``symbol`` as the source spells it; ``highlight`` is plain text."""

    __tablename__ = "news_mentions"
    __table_args__ = (Index("ix_news_mentions_asset_id", "asset_id"),)

    article_id: Mapped[UUID] = mapped_column(ForeignKey("news_articles.id"), primary_key=True)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.id"), primary_key=True)
    symbol: Mapped[str]
    match_score: Mapped[float]
    sentiment: Mapped[float | None]
    highlight: Mapped[str]


class NewsSource(Base):
    """How often a source was asked on the UTC day ``day``, and when it may be asked again.

    ``problem`` is a ``feed.Problem``, "" while the last answer was good.
    """

    __tablename__ = "news_sources"

    name: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date]
    calls: Mapped[int]
    next_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    problem: Mapped[str]
