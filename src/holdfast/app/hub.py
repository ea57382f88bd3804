"""The stream's middle: who wants which topic, and the newest frame of each on its way to them.

Every frame is the whole state of its topic, so the latest wins: a slow client skips frames, never falls
behind, and never holds anybody else up. A frame is encoded once and shared by everybody who gets it.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from holdfast.app.asking import Asker
from holdfast.app.clients import Channel, Client, Ticks
from holdfast.app.providers import Authorise, Provider, Snapshot, Snapshots, for_users
from holdfast.app.wire import Frame, Line
from holdfast.core.errors import HoldfastError
from holdfast.core.time import Clock, to_ms
from holdfast.market import quotes
from holdfast.platform.background import together
from holdfast.platform.database import Database
from holdfast.platform.pubsub import USER_PREFIX, listen

log = structlog.get_logger(__name__)

LEVELS_CHANNEL: Final = "levels"
BEAT_SECONDS: Final = 5.0
MAX_TOPICS: Final = 200
SIDE_BY_SIDE: Final = 4
"""So many topics of a kind that are asked for one by one are asked for at the same time."""
AT_ONCE: Final = 100
"""For so many users one question is asked."""
RETRY_SECONDS: Final = 5
MOST_AT_THE_DOOR: Final = 8
"""So many clients read the database at a time, that never every connection to it is theirs."""


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
        self._askers: dict[str, Asker] = {}
        self._audience: dict[Channel, set[Client]] = {}
        self._heard: dict[str, dict[UUID | None, set[Channel]]] = defaultdict(dict)
        """The channels that have an audience, by kind and user."""
        self._told_by: dict[str, list[str]] = defaultdict(list)
        """The kinds that are asked for again, too, when a topic of another kind has changed."""
        self._frames: dict[Channel, Frame] = {}
        """What was told last, where somebody listens."""
        self._carried: dict[str, tuple[Callable[[bytes], None], Callable[[], None]]] = {}
        self.clients: set[Client] = set()
        self.door = asyncio.Semaphore(MOST_AT_THE_DOOR)
        """For what is read for one client only: its sign-in, and what its private topics begin with."""
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
        self._add(prefix, Provider(authorise, snapshot, is_private, every, None))

    def register_for_users(
        self,
        prefix: str,
        snapshots: Snapshots,
        *,
        every: float,
        told_by: Iterable[str] = (),
        apart: float = 0.0,
    ) -> None:
        """Announce where the topic ``prefix`` of every signed-in user comes from: one question is asked for
        many of them, ``apart`` seconds after the last. Word of a change of the kinds ``told_by`` is word of
        this one, too."""
        self._add(prefix, for_users(snapshots, every), apart)
        for kind in told_by:
            self._told_by[kind].append(prefix)

    def _add(self, prefix: str, provider: Provider, apart: float = 0.0) -> None:
        self._providers[prefix] = provider
        self._askers[prefix] = Asker(
            partial(self._refresh, provider),
            at_once=AT_ONCE if provider.snapshots else 1,
            side_by_side=1 if provider.snapshots else SIDE_BY_SIDE,
            apart=apart,
        )

    def carry(self, name: str, take: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        """Give every message of the Redis channel to ``take``; ``lost`` is told when some were missed. Before
        ``run``."""
        self._carried[name] = take, lost

    def heard(self, prefix: str) -> list[str]:
        """The topics of this kind that somebody listens to."""
        return [channel.topic for channel in self._channels(prefix)]

    def is_heard(self, topic: str) -> bool:
        """Whether somebody listens to the public topic."""
        return Channel(None, topic) in self._audience

    def tell(self, topic: str, data: bytes) -> None:
        """The newest state of a public topic, as JSON, for everybody who listens."""
        self.publish(Channel(None, topic), _frame(topic, data.decode()))

    def ask(self, topic: str) -> None:
        """Have the snapshot of a public topic made again and told."""
        channel = Channel(None, topic)
        self._askers[channel.kind].ask([channel])

    def longest_wait(self) -> float:
        """Seconds for which the topic that waits longest has waited to be asked for."""
        now = asyncio.get_running_loop().time()
        return max((now - one.oldest for one in self._askers.values() if one.oldest is not None), default=0.0)

    async def run(self) -> None:
        """Relay Redis, ask the providers, and beat, until cancelled."""
        polls = [self._poll(name, p.every) for name, p in self._providers.items() if p.every is not None]
        askers = [asker.run() for asker in self._askers.values()]
        await together(self._relay(), self._beat(), self._ticks.run(), *polls, *askers)

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
        return await self._join(client, Channel(client.user_id if is_private else None, topic), provider)

    async def _join(self, client: Client, channel: Channel, provider: Provider) -> Refusal | None:
        """Judge, and begin with a snapshot. Whatever is wrong with one topic ends neither the connection nor
        its other topics, except that the database does not answer."""
        topic = channel.topic
        try:
            async with self._door_of(channel), self.database.transaction() as session:
                if not await provider.authorise(session, client.user_id, channel.key):
                    return Refusal(f"There is no topic {topic!r}.")
                self._listen(client, channel)
                state = await provider.snapshot(session, client.user_id, channel.key)
        except HoldfastError as error:
            self.unsubscribe(client, [topic])
            detail = f"{topic!r} cannot be heard: {error.detail} {error.advice}".rstrip()
            return Refusal(detail, error.extra.get("retry_after"))
        except (SQLAlchemyError, OSError, TimeoutError):
            raise
        except Exception:
            log.exception("topic could not be begun", topic=topic)
            self.unsubscribe(client, [topic])
            return Refusal(f"{topic!r} cannot be heard at the moment.", RETRY_SECONDS)
        if state is not None and client.channels.get(topic) == channel and topic == client.joining:
            self._begin(client, channel, _frame(topic, state.model_dump_json()), provider)
        return None

    def _door_of(self, channel: Channel) -> AbstractAsyncContextManager[None]:
        """What is public is told from memory, or waits for a venue."""
        return nullcontext() if channel.user_id is None else self.door

    def _listen(self, client: Client, channel: Channel) -> None:
        client.channels[channel.topic] = channel
        client.joining = channel.topic
        self._audience.setdefault(channel, set()).add(client)
        self._heard[channel.kind].setdefault(channel.user_id, set()).add(channel)

    def _begin(self, client: Client, channel: Channel, frame: Frame, provider: Provider) -> None:
        """A snapshot. Of a topic that is asked for it may be news for others who listen, too."""
        if provider.every is None or self._frames.get(channel) == frame:
            client.offer(channel.topic, frame)
        else:
            self.publish(channel, frame)

    def unsubscribe(self, client: Client, topics: Iterable[str]) -> None:
        for topic in topics:
            channel = client.channels.pop(topic, None)
            client.pending.pop(topic, None)
            if channel is None:
                continue
            self._audience[channel].discard(client)
            if not self._audience[channel]:
                self._forget(channel)

    def _forget(self, channel: Channel) -> None:
        """Nobody listens any more."""
        del self._audience[channel]
        self._frames.pop(channel, None)
        of_kind = self._heard[channel.kind]
        of_kind[channel.user_id].discard(channel)
        if not of_kind[channel.user_id]:
            del of_kind[channel.user_id]

    def leave(self, client: Client) -> None:
        if client not in self.clients:
            return
        self.unsubscribe(client, list(client.channels))
        self.clients.discard(client)
        self.networks -= Counter((client.network,))
        self._ticks.forget(client)

    def publish(self, channel: Channel, frame: Frame) -> None:
        clients = self._audience.get(channel)
        if not clients:
            return
        self._frames[channel] = frame
        for client in clients:
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
        for kind in self._told_by.get(channel.kind, ()):
            self._ask_of(user_id, kind)
        provider = self._providers.get(channel.kind)
        if provider is not None and provider.every is not None:
            self._ask_of(user_id, channel.kind)
        elif channel in self._audience:
            self.publish(channel, _frame(channel.topic, _json(message["data"])))

    def _ask_of(self, user_id: UUID, kind: str) -> None:
        self._askers[kind].ask(self._heard[kind].get(user_id, ()))

    async def _after_silence(self) -> None:
        """Whatever was missed while Redis was away is read again."""
        for _, lost in self._carried.values():
            lost()
        for kind, asker in self._askers.items():
            asker.ask(self._channels(kind))

    def _channels(self, kind: str) -> list[Channel]:
        """Those of the kind that somebody listens to."""
        return [channel for channels in self._heard[kind].values() for channel in channels]

    async def _poll(self, prefix: str, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            self._askers[prefix].ask(self._channels(prefix))

    async def _refresh(self, provider: Provider, channels: Sequence[Channel]) -> None:
        heard = [channel for channel in channels if channel in self._audience]
        if not heard:
            return
        async with self.database.transaction() as session:
            states = await provider.states(session, heard)
        for channel, state in states:
            if state is None:
                continue
            frame = _frame(channel.topic, state.model_dump_json())
            if self._frames.get(channel) != frame:
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
