"""Listening to Redis for a lifetime, through a proxy that can fall silent."""

import asyncio

import pytest
from redis.asyncio import Redis

from holdfast.platform import pubsub
from holdfast.platform.background import cancel
from holdfast.platform.redis_client import open_redis


class Proxy:
    """Passes bytes on to Redis, until it is told to swallow them."""

    def __init__(self, port):
        self._port = port
        self.open = asyncio.Event()
        self.open.set()
        self.connections = self.pings = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._tasks = set()
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await cancel(self._tasks)

    async def _serve(self, reader, writer):
        self.connections += 1
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._port)
        for one, other in ((reader, upstream_writer), (upstream_reader, writer)):
            self._tasks.add(asyncio.create_task(self._pass_on(one, other)))

    async def _pass_on(self, reader, writer):
        while data := await reader.read(65536):
            self.pings += data.count(b"PING")
            await self.open.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


@pytest.fixture
async def proxy(redis_server):
    async with Proxy(redis_server.port) as proxy:
        yield proxy


async def test_a_half_open_connection_is_noticed_and_made_again(proxy, redis, redis_url, monkeypatch):
    monkeypatch.setattr(pubsub, "SILENCE_SECONDS", 3.0)
    address = redis_url.rsplit(":", 1)
    through = Redis.from_url(f"{address[0]}:{proxy.port}/{address[1].partition('/')[2]}")
    heard, connected = [], []

    async def on_connect():
        connected.append(len(heard))

    listening = asyncio.create_task(
        pubsub.listen(
            through,
            channels=("news",),
            patterns=("user:*",),
            on_message=lambda channel, data: heard.append((channel, data)),
            on_connect=on_connect,
        )
    )

    async def until(condition):
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.01)

    try:
        await until(lambda: connected)
        await redis.publish("news", b"one")
        await redis.publish("user:7", b"two")
        await until(lambda: len(heard) == 2)
        assert heard == [("news", b"one"), ("user:7", b"two")]
        await until(lambda: proxy.pings >= 2)
        assert len(connected) == 1, "silence alone is no loss: pings are answered"
        before = proxy.connections
        proxy.open.clear()
        await until(lambda: proxy.connections > before)
        proxy.open.set()
        await until(lambda: len(connected) >= 2)
        await redis.publish("news", b"three")
        await until(lambda: ("news", b"three") in heard)
    finally:
        await cancel([listening])
        await through.aclose()


async def test_the_first_command_after_a_restart_of_redis_is_answered(redis_url, redis):
    ours = open_redis(redis_url)
    await asyncio.gather(*(ours.ping() for _ in range(3)))
    await redis.client_kill_filter(_type="normal", skipme=True)
    assert sorted(await asyncio.gather(*(ours.incr("counted") for _ in range(3)))) == [1, 2, 3]
    await ours.aclose()


class Swallowing:
    """A Redis whose connection takes the first cancellation for its own trouble, as redis-py's may."""

    def __init__(self):
        self.opened = 0

    def pubsub(self):
        return self

    async def __aenter__(self):
        self.opened += 1
        return self

    async def __aexit__(self, *_):
        return None

    async def subscribe(self, *_):
        return None

    async def get_message(self, **_):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self.opened == 1:
                raise ConnectionError from None
            raise


async def test_nothing_listens_on_after_a_cancellation_that_redis_swallowed():
    redis = Swallowing()
    connected = asyncio.Event()

    async def on_connect():
        connected.set()

    listening = asyncio.create_task(
        pubsub.listen(redis, channels=("news",), on_message=lambda *_: None, on_connect=on_connect)
    )
    await connected.wait()
    await asyncio.sleep(0)
    await cancel([listening])
    assert listening.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}
