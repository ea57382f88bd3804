"""News on the stream: told as they become known, to everybody, also when Redis loses the message."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
import uvicorn
from fastapi import FastAPI
from redis.asyncio import Redis
from tests.app.pages import CLOCK, Page, page

from holdfast.app import stream as streams
from holdfast.app.hub import Hub
from holdfast.app.topics import register_news
from holdfast.app.wire import StreamProtocol
from holdfast.news import live
from holdfast.news.models import NewsArticle
from holdfast.platform.background import cancel
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings


@pytest.fixture
async def server(settings: Settings, database: Database, redis: Redis) -> AsyncIterator[SimpleNamespace]:
    app = FastAPI()
    hub = Hub(database, redis, CLOCK)
    app.state.hub = hub
    register_news(hub)
    app.include_router(streams.router)
    running = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="error", lifespan="off", ws=StreamProtocol)
    )
    tasks = [asyncio.create_task(hub.run()), asyncio.create_task(running.serve())]
    while not running.started or not await redis.pubsub_numpat():
        await asyncio.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    yield SimpleNamespace(url=f"ws://127.0.0.1:{port}/api/stream", hub=hub)
    running.should_exit = running.force_exit = True
    await cancel(tasks)


async def became_known(database: Database, at: datetime, *, similar_to: UUID | None = None) -> UUID:
    row = NewsArticle(
        id=uuid4(), source="marketaux", title="Bitcoin rallies", description="", url="", publisher="p",
        language="en", published_at=at - timedelta(hours=1), known_at=at, sentiment=None, basis="none",
        similar_to=similar_to,
    )  # fmt: skip
    async with database.transaction() as session:
        session.add(row)
    return row.id


def told(visitor: Page) -> list[str]:
    frames = visitor.data("news")
    return [story["id"] for story in frames[-1]["stories"]] if frames else []


async def until(condition: object) -> None:
    async with asyncio.timeout(60):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.02)


async def test_stories_are_told_to_everybody_as_they_become_known(
    server: SimpleNamespace, database: Database, redis: Redis
) -> None:
    now = CLOCK.now()
    first = await became_known(database, now)
    async with page(server) as one, page(server) as other:
        for visitor in (one, other):
            await visitor.subscribed("news")
            await until(lambda visitor=visitor: told(visitor) == [str(first)])
        second = await became_known(database, now + timedelta(seconds=1))
        await became_known(database, now + timedelta(seconds=2), similar_to=second)
        await live.tell(redis)
        for visitor in (one, other):
            await until(lambda visitor=visitor: told(visitor) == [str(second), str(first)])
        await one.say(op="subscribe", topics=["news:btc"])
        refused = await one.hears(lambda m: m.get("op") == "error")
        assert "There is no topic 'news:btc'" in refused["detail"]


async def test_a_story_whose_message_was_lost_is_told_all_the_same(
    server: SimpleNamespace, database: Database, redis: Redis
) -> None:
    async with page(server) as visitor:
        await visitor.subscribed("news")
        story = await became_known(database, CLOCK.now())
        await redis.client_kill_filter(_type="pubsub")
        await until(lambda: told(visitor) == [str(story)])


async def test_a_burst_is_bounded_and_shows_that_there_is_more(
    server: SimpleNamespace, database: Database, redis: Redis
) -> None:
    now = CLOCK.now()
    async with page(server) as visitor:
        known = str(await became_known(database, now))
        await visitor.subscribed("news")
        await until(lambda: told(visitor) == [known])
        for second in range(live.MOST + 5):
            latest = await became_known(database, now + timedelta(seconds=1 + second))
        await live.tell(redis)
        await until(lambda: told(visitor)[:1] == [str(latest)])
        assert len(told(visitor)) == live.MOST
        assert known not in told(visitor), "no joint: a page asks for all"


async def test_an_announcement_that_cannot_be_made_fails_nothing() -> None:
    away = Redis.from_url("redis://127.0.0.1:1/0")
    await live.tell(away)
    await away.aclose()
