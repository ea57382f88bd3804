"""Public streams of Bybit's linear category, tickers and klines: each one connection that keeps itself alive.

Source: Bybit V5, websocket/connect, websocket/public/ticker and websocket/public/kline. A client of our own,
because pybit's socket thread can die without anybody noticing.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import aiohttp
import orjson
import structlog

from holdfast.core.time import Clock
from holdfast.market.klines import Kline, KlineReader
from holdfast.market.quotes import LiveQuote
from holdfast.market.tickers import TickerMerge
from holdfast.platform.background import together

log = structlog.get_logger(__name__)

CHUNK: Final = 50


@dataclass(frozen=True, slots=True)
class TickerPatience:
    """Seconds. ``silence``: without any news the connection is given up; ``deaf``: without any word at all,
    an answer to a ping included; ``symbol_silence``: a symbol is subscribed anew, which brings a snapshot;
    ``latest``: how late messages may come; ``look``: between two looks at what is silent."""

    ping: float = 20.0
    connect: float = 10.0
    silence: float = 10.0
    deaf: float = 40.0
    symbol_silence: float = 30.0
    latest: float = 8.0
    look: float = 1.0
    first_delay: float = 0.5
    longest_delay: float = 20.0


class StreamLost(Exception):
    """The connection is of no more use."""


KLINE_PATIENCE: Final = TickerPatience(ping=5.0, deaf=12.0, silence=65.0, symbol_silence=75.0)
"""Klines may come once a minute only: a dead connection shows by the missing answer to a ping."""


class Reader(Protocol):
    """What one connection tells, put together. Each connection has a new one."""

    topic: str
    """What stands before the symbol."""

    def apply(self, message: dict[str, Any], received: datetime) -> str | None:
        """Take in one message; its symbol, or ``None`` if it is of no use."""
        ...

    def at(self, symbol: str) -> datetime:
        """When what is known of the symbol was true, on our clock."""
        ...

    def forget(self, symbol: str) -> None: ...


class PublicStream:
    """``want`` says which symbols; ``run`` lives until cancelled."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        jitter: Callable[[], float] = random.random,
        patience: TickerPatience | None = None,
    ) -> None:
        self._url = url
        self._clock = clock
        self._jitter = jitter
        self.patience = patience or TickerPatience()
        self._wanted: set[str] = set()
        self._wanted_changed = asyncio.Event()

    def begin(self) -> Reader:
        """A reader for a new connection."""
        raise NotImplementedError

    def want(self, symbols: Iterable[str]) -> None:
        wanted = set(symbols)
        if wanted != self._wanted:
            self._wanted = wanted
            self._wanted_changed.set()

    async def run(self) -> None:
        """Connect, and connect again with jitter whenever the connection is lost or falls silent."""
        first, longest = self.patience.first_delay, self.patience.longest_delay
        delay = first
        async with aiohttp.ClientSession() as session:
            while True:
                await self._wait_until_wanted()
                began = asyncio.get_running_loop().time()
                try:
                    await self._connection(session)
                except (aiohttp.ClientError, OSError, TimeoutError, StreamLost) as error:
                    reason = str(error) or type(error).__name__
                    log.warning("stream lost", stream=type(self).__name__, reason=reason)
                if asyncio.get_running_loop().time() - began > longest:
                    delay = first
                await asyncio.sleep(delay * (1 + self._jitter()) / 2)
                delay = min(delay * 2, longest)

    async def _wait_until_wanted(self) -> None:
        while not self._wanted:
            await self._wanted_changed.wait()
            self._wanted_changed.clear()

    async def _connection(self, session: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(self.patience.connect):
            socket = await session.ws_connect(self._url, compress=0, max_msg_size=4 * 1024 * 1024)
        try:
            await _Conversation(socket, self.begin(), self._clock, self).run()
        finally:
            await socket.close()

    @property
    def wanted(self) -> frozenset[str]:
        return frozenset(self._wanted)

    async def wanted_changed(self) -> None:
        await self._wanted_changed.wait()
        self._wanted_changed.clear()


class TickerStream(PublicStream):
    """``drain`` gives the quotes that changed."""

    _merge: TickerMerge | None = None

    def begin(self) -> TickerMerge:
        self._merge = TickerMerge()
        return self._merge

    def drain(self) -> list[LiveQuote]:
        return self._merge.drain() if self._merge else []


class KlineStream(PublicStream):
    """``hear`` gets every candle of a minute as it is told."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        hear: Callable[[Kline], None],
        *,
        patience: TickerPatience = KLINE_PATIENCE,
    ) -> None:
        super().__init__(url, clock, patience=patience)
        self._hear = hear

    def begin(self) -> KlineReader:
        return KlineReader(self._hear)


class _Conversation:
    """One connection from its first subscription to its loss."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        reader: Reader,
        clock: Clock,
        stream: PublicStream,
    ) -> None:
        self._socket = socket
        self._reader = reader
        self._clock = clock
        self._stream = stream
        self._patience = stream.patience
        self._loop = asyncio.get_running_loop()
        self._subscribed: set[str] = set()
        self._heard: dict[str, float] = {}
        self._heard_any = self._spoken = self._loop.time()
        self._asked: dict[str, list[str]] = {}
        self._requests = 0

    async def run(self) -> None:
        await together(self._listen(), self._ping(), self._watch(), self._follow())

    async def _listen(self) -> None:
        async for frame in self._socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                continue
            self._spoken = self._loop.time()
            try:
                await self._take(orjson.loads(frame.data))
            except (ValueError, KeyError, TypeError, AttributeError):
                log.warning("unreadable message dropped", message=str(frame.data)[:200])
        raise StreamLost(f"closed by the venue ({self._socket.close_code})")

    async def _take(self, message: dict[str, Any]) -> None:
        if message.get("op") == "subscribe":
            await self._acknowledged(message)
        elif str(message.get("topic", "")).startswith(self._reader.topic):
            received = self._clock.now()
            symbol = self._reader.apply(message, received)
            self._heard_any = self._loop.time()
            if symbol is None:
                return
            self._heard[symbol] = self._heard_any
            if received - self._reader.at(symbol) > timedelta(seconds=self._patience.latest):
                raise StreamLost(f"messages come more than {self._patience.latest:.0f} s late")

    async def _acknowledged(self, message: dict[str, Any]) -> None:
        """A refused group is asked for one by one, so that one bad symbol costs nobody else."""
        symbols = self._asked.pop(str(message.get("req_id", "")), [])
        if message.get("success"):
            return
        if len(symbols) == 1:
            log.warning(
                "topic refused", topic=self._reader.topic, symbol=symbols[0], reason=message.get("ret_msg")
            )
            return
        for symbol in symbols:
            await self._request("subscribe", [symbol])

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._patience.ping)
            await self._socket.send_str('{"op":"ping"}')

    async def _watch(self) -> None:
        """A connection without data is given up; a silent symbol is subscribed anew."""
        while True:
            await asyncio.sleep(self._patience.look)
            now = self._loop.time()
            if now - self._heard_any > self._patience.silence:
                raise StreamLost(f"no news for {self._patience.silence:g} s")
            if now - self._spoken > self._patience.deaf:
                raise StreamLost(f"not a word for {self._patience.deaf:g} s")
            silent = [s for s, heard in self._heard.items() if now - heard > self._patience.symbol_silence]
            if silent:
                log.info(
                    "silent topics subscribed anew",
                    topic=self._reader.topic,
                    symbols=silent[:5],
                    count=len(silent),
                )
                await self._change("unsubscribe", silent)
                await self._change("subscribe", silent)

    async def _follow(self) -> None:
        """Keep the subscriptions like the wish."""
        while True:
            wanted = self._stream.wanted
            await self._change("unsubscribe", sorted(self._subscribed - wanted))
            await self._change("subscribe", sorted(wanted - self._subscribed))
            await self._stream.wanted_changed()

    async def _change(self, op: str, symbols: list[str]) -> None:
        for start in range(0, len(symbols), CHUNK):
            await self._request(op, symbols[start : start + CHUNK])
        for symbol in symbols:
            if op == "subscribe":
                self._subscribed.add(symbol)
                self._heard[symbol] = self._loop.time()
            else:
                self._subscribed.discard(symbol)
                self._heard.pop(symbol, None)
                self._reader.forget(symbol)

    async def _request(self, op: str, symbols: list[str]) -> None:
        self._requests += 1
        name = f"{op}-{self._requests}"
        if op == "subscribe":
            self._asked[name] = symbols
        topics = [f"{self._reader.topic}{symbol}" for symbol in symbols]
        await self._socket.send_str(orjson.dumps({"req_id": name, "op": op, "args": topics}).decode())
