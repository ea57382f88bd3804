"""Listening to Redis channels for as long as a process lives, whatever happens to Redis."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import UUID

import orjson
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from holdfast.platform.background import together

log = structlog.get_logger(__name__)

USER_PREFIX: Final = "user:"
"""What follows names whose pages are told."""
FIRST_DELAY = 0.2
LONGEST_DELAY = 5.0
SILENCE_SECONDS = 10.0


async def listen(
    redis: Redis,
    *,
    on_message: Callable[[str, bytes], None],
    on_connect: Callable[[], Awaitable[None]],
    channels: Sequence[str] = (),
    patterns: Sequence[str] = (),
) -> None:
    """Call ``on_message(channel, data)`` for every message, until cancelled.

    Pub/sub forgets what nobody heard, so ``on_connect`` runs after every (re)subscription and must read the
    present state from where it is kept.
    """
    await together(_listen(redis, on_message, on_connect, channels, patterns))


async def tell_changed(redis: Redis, user_id: UUID, *topics: str) -> None:
    """Say on a user's pages that what these topics tell is not what it was. A lost message loses nothing: the
    stream asks again by itself."""
    try:
        for topic in topics:
            content = orjson.dumps({"topic": topic, "data": {"changed": True}})
            await redis.publish(f"{USER_PREFIX}{user_id}", content)
    except (RedisError, OSError) as error:
        log.warning("a change could not be told", topics=topics, error=str(error))


async def _listen(
    redis: Redis,
    on_message: Callable[[str, bytes], None],
    on_connect: Callable[[], Awaitable[None]],
    channels: Sequence[str],
    patterns: Sequence[str],
) -> None:
    delay = FIRST_DELAY
    while True:
        try:
            async with redis.pubsub() as channel:
                if channels:
                    await channel.subscribe(*channels)
                if patterns:
                    await channel.psubscribe(*patterns)
                await on_connect()
                delay = FIRST_DELAY
                await _hear(channel, on_message)
        except (RedisError, OSError) as error:
            log.warning("redis subscription lost", channels=[*channels, *patterns], error=str(error))
        await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        delay = min(delay * 2, LONGEST_DELAY)


async def _hear(channel: PubSub, on_message: Callable[[str, bytes], None]) -> None:
    """Until the connection is lost. A silent one is pinged, because a half-open one never ends by itself."""
    pinged = False
    while True:
        message = await channel.get_message(timeout=SILENCE_SECONDS)
        if message is None:
            if pinged:
                raise ConnectionError("Redis does not answer a ping")
            await channel.ping()
            pinged = True
            continue
        pinged = False
        if message["type"] in ("message", "pmessage"):
            on_message(_text(message["channel"]), _bytes(message["data"]))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
