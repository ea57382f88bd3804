"""Listening goes on whatever happens to Redis, and ends when it is told to."""

import asyncio

import pytest
from redis.asyncio import Redis

from holdfast.platform.background import cancel
from holdfast.platform.pubsub import listen


async def _nothing() -> None:
    return


@pytest.mark.parametrize("moment", [0, 0.0005, 0.001, 0.002, 0.003, 0.02])
async def test_it_ends_at_any_moment(redis: Redis, moment: float) -> None:
    for _ in range(5):
        listening = asyncio.create_task(
            listen(redis, channels=("c",), on_message=lambda *_: None, on_connect=_nothing)
        )
        await asyncio.sleep(moment)
        listening.cancel()
        done, _ = await asyncio.wait({listening}, timeout=3)
        assert done
        await redis.connection_pool.disconnect()


async def test_it_hears_again_after_the_connection_was_lost(redis: Redis) -> None:
    heard: list[tuple[str, bytes]] = []
    connected = asyncio.Semaphore(0)

    async def on_connect() -> None:
        connected.release()

    listening = asyncio.create_task(
        listen(redis, channels=("c",), on_message=lambda *m: heard.append(m), on_connect=on_connect)
    )
    await asyncio.wait_for(connected.acquire(), 5)
    await redis.client_kill_filter(_type="pubsub")
    await asyncio.wait_for(connected.acquire(), 5)
    await redis.publish("c", b"after")
    for _ in range(100):
        if heard:
            break
        await asyncio.sleep(0.02)
    await cancel([listening])
    assert heard == [("c", b"after")]
