"""News over HTTP."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from holdfast.news.sentiment import Basis, Mood
from holdfast.platform.schemas import Schema


class FeedState(StrEnum):
    """How the source of news is doing. ``waiting``: it has not been asked yet; ``stale``: the last good
    answer is old."""

    OK = "ok"
    WAITING = "waiting"
    NO_TOKEN = "no_token"  # noqa: S105 - a state, no token
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a state, no token
    QUOTA = "quota"
    UNREACHABLE = "unreachable"
    STALE = "stale"


class FeedView(Schema):
    """Where the news are from. ``detail`` says what to do where something is to be done."""

    source: str
    source_url: str
    state: FeedState
    detail: str
    answered_at: datetime | None
    next_at: datetime | None


class MentionView(Schema):
    """A coin an article names, with the source's own sentiment of it."""

    asset_id: str
    ticker: str
    name: str
    mood: Mood
    sentiment: float | None
    highlight: str


class SimilarView(Schema):
    title: str
    url: str
    publisher: str


class NewsView(Schema):
    """An article. ``url`` is "" where the source gave no address one may follow. ``known_at``: when it was
    first seen here. With a filter by coin, mood and sentiment are those of that coin."""

    id: UUID
    title: str
    description: str
    url: str
    publisher: str
    language: str
    published_at: datetime
    known_at: datetime
    mood: Mood
    sentiment: float | None
    basis: Basis
    mentions: list[MentionView]
    similar: list[SimilarView]


class NewsPage(Schema):
    """``next_before`` is opaque; None on the last page."""

    items: list[NewsView]
    next_before: str | None
    feed: FeedView


class StoryView(Schema):
    """What the stream tells of an article; the rest is in ``GET /api/news``."""

    id: UUID
    title: str
    publisher: str
    published_at: datetime
    known_at: datetime


class NewsTick(Schema):
    """Pushed on ``news``: the stories that became known last, the latest first. If none of them was in the
    frame before, there may be more between: ``GET /api/news`` has all."""

    stories: list[StoryView]


class NewsMark(Schema):
    """An article on a chart: ``time`` is when it became known here, in UTC seconds."""

    id: UUID
    time: int
    published_at: datetime
    title: str
    url: str
    publisher: str
    mood: Mood
    sentiment: float | None
    basis: Basis
