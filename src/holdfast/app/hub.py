"""The stream's middle: who wants which topic, and the newest frame of each on its way to them.

Every frame is the whole state of its topic, so the latest wins: a slow client skips frames, never falls
behind, and never holds anybody else up. A frame is encoded once and shared by everybody who gets it.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from pydantic import BaseModel
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.app.clients import Channel, Client, Ticks
from holdfast.app.wire import Frame, Line
from holdfast.core.errors import HoldfastError
from holdfast.core.time import Clock, to_ms
from holdfast.market import quotes
from holdfast.platform.background import together
from holdfast.platform.database import Database
from holdfast.platform.pubsub import listen

log = structlog.get_logger(__name__)

LEVELS_CHANNEL: Final = "levels"
USER_PREFIX: Final = "user:"
BEAT_SECONDS: Final = 5.0
MAX_TOPICS: Final = 200
REFRESHERS: Final = 4

Authorise = Callable[[AsyncSession, UUID | None, str], Awaitable[bool]]
"""(session, user or None, key) → may this user hear the topic? ``key`` is what follows the colon."""

Snapshot = Callable[[AsyncSession, UUID | None, str], Awaitable[BaseModel | None]]
"""(session, user or None, key) → the whole present state of the topic, or None while there is none."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a kind of topic comes from. ``private``: whether a key is heard by its owner only. ``every``: ask
    again after this many seconds while somebody listens; None when updates are pushed."""

    authorise: Authorise
    snapshot: Snapshot
    private: Callable[[str], bool]
    every: float | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a topic is not heard. ``retry_after``: seconds until asking again is of use, if known."""

    detail: str
    retry_after: int | None = None


class Hub:
    """One per process with listeners. ``run`` must be running; ``app/stream.py`` serves the sockets."""

    def __init__(self, database: Database, redis: Redis, clock: Clock) -> None:
        self.database = database
        self.clock = clock
        self._redis = redis
        self._providers: dict[str, Provider] = {}
        self._audience: dict[Channel, set[Client]] = defaultdict(set)
        self._frames: dict[Channel, Frame] = {}
        self._carried: dict[str, tuple[Callable[[bytes], None], Callable[[], None]]] = {}
        self._dirty: asyncio.Queue[Channel] = asyncio.Queue()
        self._waiting: set[Channel] = set()
        self.clients: set[Client] = set()
        self.networks: Counter[str] = Counter()
        """How many of the clients are of one network."""
        self._ticks = Ticks()

    def welcome(self, line: Line | None, network: str = "") -> Client:
        """A new connection."""
        client = Client(self._ticks, line, network)
        self.clients.add(client)
        self.networks[network] += 1
        return client

    def register(
        self,
        prefix: str,
        authorise: Authorise,
        snapshot: Snapshot,
        *,
        private: bool | Callable[[str], bool] = True,
        every: float | None = None,
    ) -> None:
        """Announce where topics ``prefix`` and ``prefix:<key>`` come from."""
        is_private = private if callable(private) else (lambda _key: private)
        self._providers[prefix] = Provider(authorise, snapshot, is_private, every)

    def carry(self, name: str, take: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        """Give every message of the Redis channel to ``take``; ``lost`` is told when some were missed. Before
        ``run``."""
        self._carried[name] = take, lost

    def heard(self, prefix: str) -> list[str]:
        """The topics of this kind that somebody listens to."""
        return [channel.topic for channel in self._audience if channel.kind == prefix]

    def is_heard(self, topic: str) -> bool:
        """Whether somebody listens to the public topic."""
        return Channel(None, topic) in self._audience

    def tell(self, topic: str, data: bytes) -> None:
        """The newest state of a public topic, as JSON, for everybody who listens."""
        self.publish(Channel(None, topic), _frame(topic, data.decode()))

    def ask(self, topic: str) -> None:
        """Have the snapshot of a public topic made again and told."""
        self._ask(Channel(None, topic))

    async def run(self) -> None:
        """Relay Redis, ask the providers, and beat, until cancelled."""
        polls = [self._poll(name, p.every) for name, p in self._providers.items() if p.every is not None]
        refreshers = [self._refresh_forever() for _ in range(REFRESHERS)]
        await together(self._relay(), self._beat(), self._ticks.run(), *polls, *refreshers)

    async def subscribe(self, client: Client, topic: str) -> Refusal | None:
        """Start the topic with a snapshot. Returns what is wrong, if anything is."""
        kind, _, key = topic.partition(":")
        provider = self._providers.get(kind)
        if provider is None:
            return Refusal(f"There is no topic {topic!r}.")
        if topic in client.channels:
            return None
        if len(client.channels) >= MAX_TOPICS:
            return Refusal(f"At most {MAX_TOPICS} topics at a time: unsubscribe from some first.")
        is_private = provider.private(key)
        if is_private and client.user_id is None:
            return Refusal(f"Sign in to hear {topic!r}.")
        channel = Channel(client.user_id if is_private else None, topic)
        async with self.database.transaction() as session:
            try:
                if not await provider.authorise(session, client.user_id, key):
                    return Refusal(f"There is no topic {topic!r}.")
            except HoldfastError as error:
                detail = f"{topic!r} cannot be heard: {error.detail} {error.advice}".rstrip()
                return Refusal(detail, error.extra.get("retry_after"))
            client.channels[topic] = channel
            client.joining = topic
            self._audience[channel].add(client)
            state = await provider.snapshot(session, client.user_id, key)
        if state is not None and topic in client.channels and topic == client.joining:
            client.offer(topic, _frame(topic, state.model_dump_json()))
        return None

    def unsubscribe(self, client: Client, topics: Iterable[str]) -> None:
        for topic in topics:
            channel = client.channels.pop(topic, None)
            client.pending.pop(topic, None)
            if channel is None:
                continue
            self._audience[channel].discard(client)
            if not self._audience[channel]:
                del self._audience[channel]
                self._frames.pop(channel, None)

    def leave(self, client: Client) -> None:
        if client not in self.clients:
            return
        self.unsubscribe(client, list(client.channels))
        self.clients.discard(client)
        self.networks -= Counter((client.network,))
        self._ticks.forget(client)

    def publish(self, channel: Channel, frame: Frame) -> None:
        for client in self._audience.get(channel, ()):
            client.offer(channel.topic, frame)

    async def _relay(self) -> None:
        await listen(
            self._redis,
            channels=(quotes.CHANNEL, LEVELS_CHANNEL, *self._carried),
            patterns=(f"{USER_PREFIX}*",),
            on_message=self._on_message,
            on_connect=self._after_silence,
        )

    def _on_message(self, name: str, data: bytes) -> None:
        try:
            if name == quotes.CHANNEL:
                self._on_quotes(orjson.loads(data))
            elif name == LEVELS_CHANNEL:
                self._on_levels(orjson.loads(data))
            elif name in self._carried:
                self._carried[name][0](data)
            else:
                self._on_user(UUID(name.removeprefix(USER_PREFIX)), orjson.loads(data))
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
            log.warning("unreadable message dropped", channel=name)

    def _on_quotes(self, batch: dict[str, dict[str, Any]]) -> None:
        for symbol, fields in batch.items():
            channel = Channel(None, f"quotes:{symbol}")
            if channel in self._audience:
                self.publish(channel, _frame(channel.topic, _json(quote_view(symbol, fields))))

    def _on_levels(self, ticks: list[dict[str, Any]]) -> None:
        everything = Channel(None, "indices")
        if everything in self._audience:
            self.publish(everything, _frame(everything.topic, _json(ticks)))
        for tick in ticks:
            channel = Channel(None, f"index:{tick['index_id']}")
            if channel in self._audience:
                self.publish(channel, _frame(channel.topic, _json(tick)))

    def _on_user(self, user_id: UUID, message: dict[str, Any]) -> None:
        """A pushed state is passed on; where states are asked for, the message only says "ask now"."""
        channel = Channel(user_id, str(message["topic"]))
        for heard in [c for c in self._audience if c.user_id == user_id and c.kind == channel.kind]:
            provider = self._providers[heard.kind]
            if provider.every is not None:
                self._ask(heard)
            elif heard == channel:
                self.publish(heard, _frame(heard.topic, _json(message["data"])))

    async def _after_silence(self) -> None:
        """Whatever was missed while Redis was away is read again."""
        for _, lost in self._carried.values():
            lost()
        for channel in self._audience:
            self._ask(channel)

    def _ask(self, channel: Channel) -> None:
        if channel not in self._waiting:
            self._waiting.add(channel)
            self._dirty.put_nowait(channel)

    async def _poll(self, prefix: str, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            for channel in self._audience:
                if channel.kind == prefix:
                    self._ask(channel)

    async def _refresh_forever(self) -> None:
        """One of a few: a slow answer delays its own topic, not everybody's."""
        while True:
            channel = await self._dirty.get()
            self._waiting.discard(channel)
            try:
                await self._refresh(channel)
            except Exception:
                log.exception("topic could not be refreshed", topic=channel.topic)
                await asyncio.sleep(1.0)

    async def _refresh(self, channel: Channel) -> None:
        if channel not in self._audience:
            return
        provider = self._providers[channel.kind]
        async with self.database.transaction() as session:
            state = await provider.snapshot(session, channel.user_id, channel.key)
        if state is None or channel not in self._audience:
            return
        frame = _frame(channel.topic, state.model_dump_json())
        if self._frames.get(channel) != frame:
            self._frames[channel] = frame
            self.publish(channel, frame)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            frame = Frame.of_json({"op": "beat", "at": to_ms(self.clock.now())})
            for client in self.clients:
                client.offer("beat", frame)


def quote_view(symbol: str, fields: dict[str, Any]) -> dict[str, Any]:
    """A published quote as the page gets it: prices as strings, ``at`` in milliseconds."""
    return {
        "symbol": symbol,
        "bid": fields["b"],
        "ask": fields["a"],
        "last": fields["l"],
        "mark": fields["m"],
        "prev_24h": fields["p"],
        "funding_rate": fields["f"],
        "at": fields["at"],
    }


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _frame(topic: str, data: str) -> Frame:
    return Frame.of(f'{{"topic":{_json(topic)},"data":{data}}}')
