"""The WebSocket ``/api/stream``: one client's requests in, frames out."""

import asyncio
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from fastapi import APIRouter, WebSocket
from pydantic import RootModel
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.websockets import WebSocketDisconnect, WebSocketState

from holdfast.accounts.access import user_from_token
from holdfast.accounts.limits import network_of
from holdfast.accounts.repository import signed_in_user
from holdfast.app.clients import Client
from holdfast.app.hub import MAX_TOPICS, Hub, Refusal, quote_view
from holdfast.app.moderation import Visitor
from holdfast.app.wire import line_of
from holdfast.core.errors import NotSignedIn, TooManyRequests
from holdfast.core.time import Clock
from holdfast.indices.board import IndexBoard
from holdfast.indices.catalogue import DEFINITIONS
from holdfast.indices.schemas import LevelTick
from holdfast.market.live.board import KIND as CANDLES
from holdfast.market.quotes import QuoteBoard, encode
from holdfast.platform.background import together
from holdfast.platform.schemas import Schema

log = structlog.get_logger(__name__)
router = APIRouter()

FIRST_WORD_SECONDS: Final = 600.0
SEND_SECONDS: Final = 15.0
RECHECK_SECONDS: Final = 30.0
MAX_MESSAGE: Final = 16 * 1024
MAX_MESSAGES_A_SECOND: Final = 250
"""More than a page with all its topics ever says at once."""
MAX_REPLIES: Final = 1_000
MAX_CLIENTS: Final = 6_000
MAX_OF_A_NETWORK: Final = 1_000
"""So that nobody alone takes every place."""

GOODBYE_SECONDS: Final = 1.0

GOING_AWAY, NOT_TEXT, TOO_BIG, TRY_LATER = 1001, 1003, 1009, 1013
SIGNED_OUT, SILENT, TOO_MANY = 4401, 4408, 4429


class Closed(Exception):
    """The conversation ends, with this WebSocket code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@router.websocket("/api/stream")
async def stream(websocket: WebSocket) -> None:
    hub: Hub = websocket.app.state.hub
    await websocket.accept()
    network = network_of(websocket.client.host if websocket.client else "")
    if len(hub.clients) >= MAX_CLIENTS or hub.networks[network] >= MAX_OF_A_NETWORK:
        await _close(websocket, Closed(TRY_LATER, "too many connections: try again in a moment"))
        return
    client = hub.welcome(line_of(websocket), network)
    try:
        client.reply(op="ready")
        await _converse(websocket, hub, client)
    except Closed as end:
        hub.leave(client)
        await _close(websocket, end)
    except SQLAlchemyError:
        hub.leave(client)
        await _close(websocket, Closed(TRY_LATER, "the database does not answer: try again in a moment"))
    except (WebSocketDisconnect, TimeoutError, RuntimeError, OSError):
        hub.leave(client)
        await _close(websocket, Closed(GOING_AWAY, ""))
    finally:
        hub.leave(client)


async def _close(websocket: WebSocket, end: Closed) -> None:
    """Say goodbye, if the other side still takes anything."""
    if websocket.application_state is not WebSocketState.CONNECTED:
        return
    with suppress(RuntimeError, OSError, TimeoutError, WebSocketDisconnect):
        await asyncio.wait_for(websocket.close(end.code, end.reason), GOODBYE_SECONDS)


async def _converse(websocket: WebSocket, hub: Hub, client: Client) -> None:
    """Reads, writes and rechecks side by side; the first to end ends the others."""
    works = [_read(websocket, hub, client), _watch(hub, client)]
    if client.line is None:
        works.append(_write(websocket, client))
    await together(*works)


async def _read(websocket: WebSocket, hub: Hub, client: Client) -> None:
    try:
        async with asyncio.timeout(FIRST_WORD_SECONDS):
            text = await _next_text(websocket)
    except TimeoutError:
        raise Closed(SILENT, "nothing was asked for") from None
    loop = asyncio.get_running_loop()
    window, count = loop.time(), 0
    while True:
        now = loop.time()
        if now - window >= 1.0:
            window, count = now, 0
        count += 1
        if count > MAX_MESSAGES_A_SECOND or len(client.replies) > MAX_REPLIES:
            raise Closed(TOO_MANY, "too many messages")
        if len(text) > MAX_MESSAGE:
            raise Closed(TOO_BIG, "message too big")
        await _answer(websocket, hub, client, text)
        text = await _next_text(websocket)


async def _next_text(websocket: WebSocket) -> str:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", GOING_AWAY))
    text = message.get("text")
    if not isinstance(text, str):
        raise Closed(NOT_TEXT, "send text")
    return text


async def _answer(websocket: WebSocket, hub: Hub, client: Client, text: str) -> None:
    try:
        message = orjson.loads(text)
        op = message["op"]
    except (ValueError, KeyError, TypeError):
        client.reply(op="error", detail='Send JSON objects with "op": auth, subscribe, unsubscribe or ping.')
        return
    if op == "ping":
        client.reply(op="pong")
    elif op == "auth":
        await _sign_in(websocket, hub, client, message.get("token"))
    elif op == "subscribe":
        await _subscribe(websocket, hub, client, message.get("topics"))
    elif op == "unsubscribe":
        hub.unsubscribe(client, _topics(client, message.get("topics")))
    else:
        client.reply(op="error", detail=f"There is no operation {op!r}.")


async def _sign_in(websocket: WebSocket, hub: Hub, client: Client, token: Any) -> None:
    """Also taken later, with a newer token of the same user. A bad token leaves the public topics."""
    try:
        if not isinstance(token, str):
            raise NotSignedIn("The token is missing.")
        async with hub.door, hub.database.transaction() as session:
            caller = await user_from_token(websocket, session, token)
    except NotSignedIn as refused:
        client.reply(op="error", code=refused.code, detail=refused.detail)
        return
    if client.user_id not in (None, caller.user.id):
        raise Closed(SIGNED_OUT, "open a new connection for another user")
    client.user_id, client.sign_in_id = caller.user.id, caller.sign_in_id
    client.reply(op="authenticated")


async def _subscribe(websocket: WebSocket, hub: Hub, client: Client, topics: Any) -> None:
    accepted = []
    for topic in _topics(client, topics):
        refusal = await _beyond_limits(websocket, client, topic) or await hub.subscribe(client, topic)
        if refusal is None:
            accepted.append(topic)
        else:
            when = {} if refusal.retry_after is None else {"retry_after": refusal.retry_after}
            client.reply(op="error", about=topic, detail=refusal.detail, **when)
    client.reply(op="subscribed", topics=accepted)


async def _beyond_limits(websocket: WebSocket, client: Client, topic: str) -> Refusal | None:
    """What is wrong with hearing one more topic of bars, if anything is."""
    if not topic.startswith(f"{CANDLES}:") or topic in client.channels:
        return None
    try:
        await Visitor.of(websocket, client.user_id).may_hear()
    except TooManyRequests as error:
        detail = f"{topic!r} cannot be heard now: {error.detail} {error.advice}"
        return Refusal(detail, error.extra.get("retry_after"))
    return None


def _topics(client: Client, topics: Any) -> list[str]:
    if not isinstance(topics, list) or not all(
        isinstance(topic, str) and len(topic) <= 100 for topic in topics
    ):
        client.reply(op="error", detail='"topics" must be a list of names.')
        return []
    return list(dict.fromkeys(topics))[: MAX_TOPICS + 1]


async def _write(websocket: WebSocket, client: Client) -> None:
    """Under a server that gives no line."""
    clock = asyncio.get_running_loop().time
    while True:
        await client.wake.wait()
        client.stalled_since = clock()
        for frame in client.take():
            await websocket.send_text(frame.text)
        client.stalled_since = None


async def _watch(hub: Hub, client: Client) -> None:
    """A client that takes nothing for ``SEND_SECONDS`` is let go; it will come back by itself. Signing out
    elsewhere ends the stream, too."""
    clock = asyncio.get_running_loop().time
    checked = clock()
    while True:
        await asyncio.sleep(min(SEND_SECONDS / 4, RECHECK_SECONDS))
        now = clock()
        if client.stalled_since is not None and now - client.stalled_since > SEND_SECONDS:
            raise TimeoutError
        if client.user_id is None or client.sign_in_id is None or now - checked < RECHECK_SECONDS:
            continue
        checked = now
        try:
            async with hub.door, hub.database.transaction() as session:
                user = await signed_in_user(session, client.user_id, client.sign_in_id)
        except (SQLAlchemyError, OSError):
            continue
        if user is None:
            raise Closed(SIGNED_OUT, "this sign-in has ended")


def register_public(hub: Hub, board: IndexBoard, quotes: QuoteBoard, clock: Clock) -> None:
    """Announce the topics that need no sign-in: ``indices``, ``index:<id>``, ``quotes:<symbol>``. Which
    symbols there are nobody can say before the first quotes are read: until then any may be waited for."""

    async def anybody(*_: object) -> bool:
        return True

    async def known_index(_session: AsyncSession, _user: UUID | None, key: str) -> bool:
        return key in DEFINITIONS

    async def known_symbol(_session: AsyncSession, _user: UUID | None, key: str) -> bool:
        return quotes.get(key) is not None or quotes.is_empty

    async def levels(*_: object) -> Levels:
        now = clock.now()
        return Levels([board.level(index_id, now) for index_id in DEFINITIONS])

    async def level(_session: AsyncSession, _user: UUID | None, key: str) -> LevelTick:
        return board.level(key, clock.now())

    async def quote(_session: AsyncSession, _user: UUID | None, key: str) -> QuoteView | None:
        known = quotes.get(key)
        return QuoteView(**quote_view(key, encode(known))) if known else None

    def read_again() -> None:
        for topic in hub.heard("quotes"):
            hub.ask(topic)

    quotes.on_load = read_again
    hub.register("indices", anybody, levels, private=False)
    hub.register("index", known_index, level, private=False)
    hub.register("quotes", known_symbol, quote, private=False)


class Levels(RootModel[list[LevelTick]]):
    """Pushed on ``indices``."""


class QuoteView(Schema):
    """Pushed on ``quotes:<symbol>``: prices as plain strings, ``at`` in milliseconds."""

    symbol: str
    bid: str
    ask: str
    last: str
    mark: str
    prev_24h: str
    funding_rate: str
    at: int
