"""News for the stream: the newest stories as they become known, to everybody."""

from typing import Final
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.news.models import NewsArticle
from holdfast.news.schemas import NewsTick, StoryView

log = structlog.get_logger(__name__)

TOPIC: Final = "news"
CHANNEL: Final = "news"
"""Of Redis: whoever is told something there asks the database what is new."""
EVERY: Final = 15.0
"""Also without a message: Redis may have lost it."""
MOST: Final = 20


async def tell(redis: Redis) -> None:
    """Say that there are new stories. They are stored: what is lost here is found at the next look."""
    try:
        await redis.publish(CHANNEL, b"new")
    except (RedisError, OSError) as error:
        log.warning("new stories could not be announced", error=type(error).__name__)


async def snapshot(session: AsyncSession, _user: UUID | None, _key: str) -> NewsTick:
    """The stories that became known last, the latest first; those that another stands for are left out."""
    rows = await session.scalars(
        select(NewsArticle)
        .where(NewsArticle.similar_to.is_(None))
        .order_by(NewsArticle.known_at.desc(), NewsArticle.id.desc())
        .limit(MOST)
    )
    return NewsTick(stories=[StoryView.model_validate(row) for row in rows])
