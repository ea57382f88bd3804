"""Pages at the stream, for tests: a real socket that remembers what it heard."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from holdfast.accounts.models import SignIn
from holdfast.accounts.tokens import Tokens, ensure_signing_key
from holdfast.platform.clock import SystemClock

CLOCK = SystemClock()


async def token_for(server, user, *, age=timedelta()):
    sign_in_id = uuid4()
    now = CLOCK.now()
    async with server.database.transaction() as session:
        session.add(
            SignIn(id=sign_in_id, user_id=user.id, user_agent="", ip="", created_at=now, last_used_at=now)
        )
    tokens = Tokens(ensure_signing_key(server.settings.secrets_dir), access_lifetime=timedelta(minutes=10))
    return tokens.issue_access(user.id, sign_in_id, now=now - age), sign_in_id


class Page:
    """A client that keeps everything it hears."""

    def __init__(self, socket):
        self.socket = socket
        self.heard = []
        self._task = asyncio.create_task(self._listen())

    async def _listen(self):
        with suppress(ConnectionClosed):
            async for text in self.socket:
                self.heard.append(json.loads(text))

    async def say(self, **message):
        await self.socket.send(orjson.dumps(message).decode())

    async def hears(self, condition, seconds=30.0):
        """The first heard message for which ``condition`` holds."""
        async with asyncio.timeout(seconds):
            while True:
                for message in self.heard:
                    if condition(message):
                        return message
                await asyncio.sleep(0.01)

    async def subscribed(self, *topics):
        await self.say(op="subscribe", topics=list(topics))
        await self.hears(lambda m: m.get("op") == "subscribed" and set(topics) <= set(m["topics"]))

    def data(self, topic):
        return [m["data"] for m in self.heard if m.get("topic") == topic]

    async def close(self):
        await self.socket.close()
        await self._task


@asynccontextmanager
async def page(server, token=None):
    async with connect(server.url, compression=None) as socket:
        opened = Page(socket)
        await opened.hears(lambda m: m == {"op": "ready"})
        if token:
            await opened.say(op="auth", token=token)
            await opened.hears(lambda m: m.get("op") == "authenticated")
        try:
            yield opened
        finally:
            await opened.close()
