"""The public streams of both categories: subscriptions, and one loop that pushes what changed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from aiohttp import web

from holdfast.sim.bybit.feeds import Feed, Frame, feed_of
from holdfast.sim.bybit.lines import STREAM_FAULTS, Line
from holdfast.sim.bybit.sockets import CONNECT_FAULTS, Socket, refused
from holdfast.sim.bybit.venue import OpenStream, Venue
from holdfast.sim.faults import Faults

FAST_S: Final = 0.1
SLOW_S: Final = 0.25
MANY_FEEDS: Final = 40
MOST_SPOT_ARGS: Final = 10
MOST_CHARACTERS: Final = 21_000
HEARTBEAT_S: Final = 20


@dataclass(slots=True, eq=False)
class Audience:
    """A feed and who listens to it."""

    feed: Feed
    sockets: dict[Socket, None] = field(default_factory=dict)


class PublicStreams:
    """Nothing is computed for a topic nobody subscribed to."""

    def __init__(self, venue: Venue, faults: Faults) -> None:
        self._venue = venue
        self._faults = faults
        self._audiences: dict[tuple[str, str], Audience] = {}
        self._wanted = asyncio.Event()
        self._open: dict[Socket, Line[bytes]] = {}

    def handler(self, category: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            rule = self._faults.take(f"bybit.public.{category}.connect", *CONNECT_FAULTS)
            refusal = refused(rule)
            if refusal is not None:
                return refusal
            response = web.WebSocketResponse(heartbeat=HEARTBEAT_S)
            await response.prepare(request)
            socket = Socket(response, request, self._venue.ids.uuid())
            await self._serve(socket, category, is_dead=rule is not None)
            return response

        return handle

    async def run(self) -> None:
        """Push changes, at 10 Hz while few topics are wanted, at 4 Hz when many are; sleep while none is."""
        while True:
            await self._wanted.wait()
            self._push_changes()
            await asyncio.sleep(FAST_S if len(self._audiences) <= MANY_FEEDS else SLOW_S)

    async def close(self) -> None:
        for socket in tuple(self._open):
            await socket.close()

    async def _serve(self, socket: Socket, category: str, *, is_dead: bool) -> None:
        line: Line[bytes] = Line(self._venue.later, socket.send_bytes, socket.cut)
        line.is_dead = is_dead
        self._open[socket] = line
        stream = OpenStream("", line.cut)
        self._venue.streams.append(stream)
        topics: set[str] = set()
        try:
            while (message := await socket.receive()) is not None:
                self._take_in(socket, category, topics, message)
        finally:
            line.close()
            del self._open[socket]
            self._venue.streams.remove(stream)
            for topic in topics:
                self._leave(socket, category, topic)
            await socket.close()

    def _take_in(self, socket: Socket, category: str, topics: set[str], message: dict[str, Any]) -> None:
        operation = message.get("op")
        args = message.get("args")
        names = [str(name) for name in args] if isinstance(args, list) else []
        if operation == "ping":
            if self._faults.take(f"bybit.public.{category}.pong", "drop_answer") is None:
                self._answer(socket, message, "pong", success=True, named=category == "linear")
        elif operation == "subscribe":
            self._subscribe(socket, category, topics, names, message)
        elif operation == "unsubscribe":
            for name in topics.intersection(names):
                topics.discard(name)
                self._leave(socket, category, name)
            self._answer(socket, message, "", success=True)
        else:
            self._answer(socket, message, f"error:request params error,op:{operation}", success=False)

    def _subscribe(
        self, socket: Socket, category: str, topics: set[str], names: list[str], message: dict[str, Any]
    ) -> None:
        problem = self._problem(category, topics, names)
        if problem:
            self._answer(socket, message, problem, success=False)
            return
        self._answer(socket, message, "subscribe" if category == "spot" else "", success=True)
        now_ms = self._venue.clock.now_ms()
        for name in names:
            audience = self._audiences[category, name]
            audience.sockets[socket] = None
            topics.add(name)
            for frame in audience.feed.snapshot(now_ms):
                self._open[socket].carry(orjson.dumps(frame), None)
        self._wanted.set()

    def _problem(self, category: str, topics: set[str], names: list[str]) -> str:
        """Why these topics cannot be had, "" if they can; their feeds then exist."""
        if not names:
            return "error:request params error"
        if category == "spot" and len(names) > MOST_SPOT_ARGS:
            return f"args size >{MOST_SPOT_ARGS}"
        if sum(map(len, topics.union(names))) > MOST_CHARACTERS:
            return "args too long"
        missing: dict[tuple[str, str], Audience] = {}
        for name in names:
            if (category, name) in self._audiences:
                continue
            feed = feed_of(name, category, self._venue)
            if feed is None:
                return f"error:handler not found,topic:{name}"
            missing[category, name] = Audience(feed)
        self._audiences |= missing
        return ""

    def _leave(self, socket: Socket, category: str, topic: str) -> None:
        audience = self._audiences.get((category, topic))
        if audience is None:
            return
        audience.sockets.pop(socket, None)
        if not audience.sockets:
            del self._audiences[category, topic]
        if not self._audiences:
            self._wanted.clear()

    def _answer(
        self, socket: Socket, message: dict[str, Any], text: str, *, success: bool, named: bool = True
    ) -> None:
        if self._open[socket].is_dead:
            return
        frame: Frame = {
            "success": success,
            "ret_msg": text,
            "conn_id": socket.conn_id,
            "op": message.get("op", ""),
        }
        if named or message.get("req_id"):
            frame["req_id"] = message.get("req_id", "")
        socket.send(frame)

    def _push_changes(self) -> None:
        """A fault at ``bybit.public.<category>.<topic>`` strikes a frame on its way to all who listen."""
        now_ms = self._venue.clock.now_ms()
        for (category, topic), audience in tuple(self._audiences.items()):
            for frame in audience.feed.changes(now_ms):
                rule = self._faults.take(f"bybit.public.{category}.{topic}", *STREAM_FAULTS)
                encoded = orjson.dumps(frame)
                for socket in tuple(audience.sockets):
                    self._open[socket].carry(encoded, rule)
