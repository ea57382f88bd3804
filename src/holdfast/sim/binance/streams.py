"""``/ws`` and ``/stream``: who listens to what, and one beat that sends what is new. It sleeps while nobody
is connected, and nothing is computed for a stream nobody listens to."""

import asyncio
import logging
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson
from aiohttp import web

from holdfast.sim.binance import requests
from holdfast.sim.binance.feeds import Feed, feed_of
from holdfast.sim.binance.rest import Desk
from holdfast.sim.binance.sockets import Patience, Socket
from holdfast.sim.bybit.lines import STREAM_FAULTS, Line
from holdfast.sim.bybit.sockets import CONNECT_FAULTS, refused
from holdfast.sim.bybit.venue import Later
from holdfast.sim.world import World

__all__ = ["Patience", "Streams"]

LOG: Final = logging.getLogger(__name__)
BEAT_S: Final = 0.1
PLACE: Final = "binance.stream"
VENUE: Final = "binance.venue"
CONNECTIONS_S: Final = 300.0
_ENDING: Final = 1001


@dataclass(frozen=True, slots=True)
class Push:
    """One event in both forms it may be sent in."""

    raw: bytes
    combined: bytes

    @classmethod
    def of(cls, stream: str, event: Any) -> "Push":
        raw = orjson.dumps(event)
        return cls(raw, b'{"stream":"%b","data":%b}' % (stream.encode(), raw))


@dataclass(slots=True, eq=False)
class Audience:
    """A stream and who listens to it; ``feed`` is ``None`` where nothing ever comes."""

    feed: Feed | None
    clients: dict["Client", None] = field(default_factory=dict)


class Client:
    """One connection with its subscriptions."""

    def __init__(self, streams: "Streams", socket: Socket, later: Later, *, combined: bool) -> None:
        self.socket = socket
        self.combined = combined
        self.names: dict[str, None] = {}
        self._streams = streams
        self.line: Line[Push] = Line(later, self._deliver, socket.cut)

    def _deliver(self, push: Push) -> None:
        self.socket.send(push.combined if self.combined else push.raw)

    def listens_to(self) -> list[str]:
        return list(self.names)

    def subscribe(self, names: list[str]) -> bool:
        if len(self.names | dict.fromkeys(names)) > self._streams.patience.most_streams:
            return False
        for name in names:
            if name not in self.names:
                self.names[name] = None
                self._streams.join(name, self)
        return True

    def unsubscribe(self, names: list[str]) -> None:
        for name in names:
            if name in self.names:
                del self.names[name]
                self._streams.leave(name, self)


class Streams:
    def __init__(self, world: World, desk: Desk, patience: Patience) -> None:
        self.patience = patience
        self._world = world
        self._desk = desk
        self._audiences: dict[str, Audience] = {}
        self._clients: dict[Client, None] = {}
        self._anybody = asyncio.Event()
        self._opened: defaultdict[str, deque[float]] = defaultdict(deque)

    @property
    def connections(self) -> int:
        return len(self._clients)

    @property
    def subscribed(self) -> list[str]:
        """The streams somebody listens to."""
        return list(self._audiences)

    def be(self, **changes: Any) -> None:
        """Another patience from now on, for connections that stand too."""
        self.patience = replace(self.patience, **changes)

    def shut_down(self) -> None:
        """Announce a restart to all who are connected, and close their connections a little later."""
        event = {"e": "serverShutdown", "E": self._world.clock.now_ms()}
        push = Push.of("!serverShutdown", event)
        for client in tuple(self._clients):
            client.line.carry(push, None)
            self._later(self.patience.shutdown_s, lambda socket=client.socket: socket.leave(_ENDING))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        rule = self._world.faults.take(f"{PLACE}.connect", *CONNECT_FAULTS)
        refusal = refused(rule)
        if refusal is not None:
            return refusal
        if self._too_many(request.remote or ""):
            return web.Response(status=429, text="Too many connections")
        combined = request.path.endswith("/stream")
        given = request.query.get("streams", "") if combined else request.match_info.get("names", "")
        response = web.WebSocketResponse(autoping=False, compress=False)
        await response.prepare(request)
        client = Client(self, Socket(response, request), self._later, combined=combined)
        client.line.is_dead = rule is not None
        await self._converse(client, [name for name in given.split("/") if name])
        return response

    async def run(self) -> None:
        while True:
            await self._anybody.wait()
            try:
                self._beat()
            except Exception:
                LOG.exception("The simulated streams go on after an error.")
            await asyncio.sleep(BEAT_S)

    async def close(self) -> None:
        await asyncio.gather(*(client.socket.close() for client in tuple(self._clients)))

    def join(self, name: str, client: Client) -> None:
        audience = self._audiences.get(name)
        if audience is None:
            feed = feed_of(name, self._desk, self._world.clock.now_ms())
            audience = self._audiences[name] = Audience(feed)
        audience.clients[client] = None

    def leave(self, name: str, client: Client) -> None:
        audience = self._audiences[name]
        del audience.clients[client]
        if not audience.clients:
            del self._audiences[name]

    async def _converse(self, client: Client, names: list[str]) -> None:
        self._clients[client] = None
        self._anybody.set()
        try:
            if not client.subscribe(names):
                client.socket.leave(1008, "Too many streams")
            while True:
                text = await client.socket.receive(self.patience, is_dead=client.line.is_dead)
                if text is None:
                    break
                if text and not client.line.is_dead:
                    client.socket.send(orjson.dumps(requests.answer(text, client)))
        finally:
            client.line.close()
            client.unsubscribe(client.listens_to())
            del self._clients[client]
            if not self._clients:
                self._anybody.clear()
            await client.socket.close()

    def _too_many(self, address: str) -> bool:
        now, opened = asyncio.get_running_loop().time(), self._opened[address]
        while opened and opened[0] <= now - CONNECTIONS_S:
            opened.popleft()
        opened.append(now)
        return len(opened) > self.patience.connections

    def _beat(self) -> None:
        """A fault at ``binance.stream.<name>`` strikes an event on its way to all who listen."""
        faults, now_ms = self._world.faults, self._world.clock.now_ms()
        if faults.take(VENUE, "restart") is not None:
            self.shut_down()
        for client in tuple(self._clients):
            client.socket.keep_up(self.patience, is_dead=client.line.is_dead)
        for name, audience in tuple(self._audiences.items()):
            for event in audience.feed.frames(now_ms) if audience.feed else ():
                rule = faults.take(f"{PLACE}.{name}", *STREAM_FAULTS)
                push = Push.of(name, event)
                for client in tuple(audience.clients):
                    client.line.carry(push, rule)

    @staticmethod
    def _later(seconds: float, action: Any) -> object:
        return asyncio.get_running_loop().call_later(seconds, action)
