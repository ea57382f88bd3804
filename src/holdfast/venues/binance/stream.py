"""Binance's public streams: as many connections as the wanted streams need, each of which keeps itself alive.

A client of our own, because what was missed must be told: whoever listens fills it over REST. Source:
web-socket-streams.md of binance-spot-api-docs.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
import structlog

from holdfast.core.time import Clock, from_ms
from holdfast.platform.background import cancel
from holdfast.venues.binance.connection import MOST_BYTES, Connection, Patience, StreamLost
from holdfast.venues.binance.events import AggTrade, KlineUpdate, MarketEvent, Trade
from holdfast.venues.binance.progress import Heard, Progress

log = structlog.get_logger(__name__)

ON_THE_WAY: Final = timedelta(seconds=3)
"""By so much what was lost may be older than the last event that came: it was on its way, or by another
clock."""
HANG_UP_SECONDS: Final = 1.0
"""For the venue's part in closing a connection."""


@dataclass(frozen=True, slots=True)
class Listening:
    """These streams are live from ``at`` on; what was before must be read over REST."""

    streams: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Away:
    """These streams told nothing, or not everything, between the two moments; now they are live again. The
    same absence may be told twice: when a connection is replaced, and by a stream's own numbers."""

    streams: tuple[str, ...]
    since: datetime
    until: datetime
    reason: str


StreamEvent = MarketEvent | Listening | Away


class BinanceStream:
    """``want`` says which streams (``btcusdt@kline_1m``), ``run`` lives until cancelled, and ``hear`` gets
    every event once and in order, with what was missed in between. An exception of ``hear`` ends ``run``.
    ``pulse``: a stream that is never quiet, heard on every connection to know that it lives."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        hear: Callable[[StreamEvent], None],
        *,
        patience: Patience | None = None,
        pulse: str = "",
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._url = url
        self._clock = clock
        self._hear = hear
        self._jitter = jitter
        self._patience = patience or Patience()
        self._pulse = pulse
        self._room = self._patience.most_streams - bool(pulse)
        self._lanes: list[_Lane] = []
        self._more_lanes = asyncio.Event()

    @property
    def connections(self) -> int:
        """How many connections carry the wanted streams."""
        return sum(bool(lane.wanted) for lane in self._lanes)

    def want(self, streams: Iterable[str]) -> None:
        """From now on these, and no others. A stream that stays wanted stays where it is."""
        wanted = set(streams)
        missing = sorted(wanted.difference(*(lane.wanted for lane in self._lanes)))
        for lane in self._lanes:
            kept = lane.wanted & wanted
            room = self._room - len(kept)
            lane.want(kept | set(missing[:room]))
            missing = missing[room:]
        while missing:
            lane = _Lane(self._url, self._clock, self._hear, self._patience, self._pulse, self._jitter)
            lane.want(set(missing[: self._room]))
            missing = missing[self._room :]
            self._lanes.append(lane)
            self._more_lanes.set()

    async def run(self) -> None:
        running: dict[asyncio.Task[None], _Lane] = {}
        async with aiohttp.ClientSession() as session:
            more = asyncio.create_task(self._more_lanes.wait())
            try:
                while True:
                    self._more_lanes.clear()
                    for lane in self._lanes[len(running) :]:
                        running[asyncio.create_task(lane.run(session))] = lane
                    if more.done():
                        more = asyncio.create_task(self._more_lanes.wait())
                    done, _ = await asyncio.wait({more, *running}, return_when=asyncio.FIRST_COMPLETED)
                    for task in done - {more}:
                        task.result()
            finally:
                await cancel([more, *running])


class _Lane:
    """The streams of one connection, whichever carries them at the moment."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        hear: Callable[[StreamEvent], None],
        patience: Patience,
        pulse: str,
        jitter: Callable[[], float],
    ) -> None:
        self._url = url
        self._clock = clock
        self._hear = hear
        self._patience = patience
        self._pulse = pulse
        self._jitter = jitter
        self.wanted: set[str] = set()
        self._wish_changed = asyncio.Event()
        self._current: Connection | None = None
        self._progress: defaultdict[str, Progress] = defaultdict(Progress)
        self._told: dict[str, datetime] = {}
        self._live: set[str] = set()
        self._away: dict[str, tuple[datetime, str]] = {}
        self._delay = patience.first_delay

    def want(self, names: set[str]) -> None:
        if names == self.wanted:
            return
        self.wanted = names
        for key in [key for key in self._progress if key.partition("/")[0] not in names]:
            del self._progress[key]
        self._told = {name: at for name, at in self._told.items() if name in names}
        self._away = {name: loss for name, loss in self._away.items() if name in names}
        self._live &= names
        self._wish_changed.set()

    async def run(self, session: aiohttp.ClientSession) -> None:
        try:
            while True:
                await self._turn(session)
        finally:
            if self._current is not None:
                await self._current.close()

    async def _turn(self, session: aiohttp.ClientSession) -> None:
        """Do what is next: connect, follow the wish, take over, or notice a loss."""
        current = self._current
        if current is None:
            if not self.wanted:
                await self._wish()
                return
            self._current = await self._connected(session)
            return
        if current.over.done():
            await self._lose(current)
            return
        if not self.wanted:
            self._current = None
            await current.close()
            return
        current.want(self.wanted)
        if current.stale.is_set():
            await self._take_over(session, current)
            return
        await _first_of(current.over, self._wish(), current.stale.wait())

    async def _wish(self) -> None:
        await self._wish_changed.wait()
        self._wish_changed.clear()

    async def _connected(self, session: aiohttp.ClientSession) -> Connection | None:
        """A connection on which everything wanted was confirmed, or ``None`` and some rest."""
        fresh: Connection | None = None
        try:
            fresh = await self._open(session)
            await self._establish(fresh)
            return fresh
        except (aiohttp.ClientError, OSError, TimeoutError, StreamLost) as error:
            log.warning("market stream cannot be had", error=str(error) or type(error).__name__)
        except BaseException:
            if fresh is not None:
                await fresh.close()
            raise
        if fresh is not None:
            await self._lose(fresh)
        else:
            await self._rest()
        return None

    async def _open(self, session: aiohttp.ClientSession) -> Connection:
        async with asyncio.timeout(self._patience.connect):
            socket = await session.ws_connect(
                self._url,
                compress=0,
                max_msg_size=MOST_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=HANG_UP_SECONDS),
            )
        life = self._patience.life * (1 - 0.02 * self._jitter())
        return Connection(
            socket,
            self._clock,
            self._patience,
            life=life,
            hear=self._take,
            confirmed=self._confirmed,
            pulse=self._pulse,
        )

    async def _establish(self, fresh: Connection) -> None:
        if not self.wanted:
            return
        fresh.want(self.wanted)
        await _first_of(fresh.over, fresh.established.wait())
        if fresh.over.done():
            fresh.over.result()

    async def _take_over(self, session: aiohttp.ClientSession, old: Connection) -> None:
        """The new connection is complete before the old one is closed; what both tell is told once."""
        fresh = await self._connected(session)
        self._current = fresh or self._current
        if self._current is not old:
            await old.close()

    async def _lose(self, lost: Connection) -> None:
        """Remember since when what was live is not, and rest before the next try."""
        reason = _reason(lost)
        if self._current in (lost, None):
            self._current = None
            self._mark_away(lost, reason)
        await lost.close()
        log.warning("market stream lost", reason=reason, streams=len(self.wanted))
        if lost.age > self._patience.longest_delay:
            self._delay = self._patience.first_delay
        await self._rest()

    def _mark_away(self, lost: Connection, reason: str) -> None:
        for name in self._live:
            self._away.setdefault(name, (lost.heard_at - ON_THE_WAY, reason))
        self._live.clear()

    async def _rest(self) -> None:
        await asyncio.sleep(self._delay * (1 + self._jitter()) / 2)
        self._delay = min(self._delay * 2, self._patience.longest_delay)

    # -- what comes in --------------------------------------------------------------------------------------

    def _confirmed(self, names: list[str]) -> None:
        if self._current is not None and self._current.over.done():
            self._mark_away(self._current, _reason(self._current))
            self._current = None
        now = self._clock.now()
        losses: defaultdict[tuple[datetime, str], list[str]] = defaultdict(list)
        for name in names:
            loss = self._away.pop(name, None)
            if loss is not None:
                losses[loss].append(name)
        for (since, reason), streams in losses.items():
            self._hear(Away(tuple(streams), since, now, reason))
        returned = {name for streams in losses.values() for name in streams}
        new = [name for name in names if name not in self._live and name not in returned]
        self._live.update(name for name in names if name in self.wanted)
        if new:
            self._hear(Listening(tuple(new), now))

    def _take(self, name: str, event: MarketEvent) -> None:
        if name not in self.wanted:
            return
        heard = self._judge(name, event)
        if heard is Heard.KNOWN:
            return
        before, self._told[name] = self._told.get(name), _happened(event, self._clock.now())
        if heard is Heard.JUMP and before is not None:
            self._hear(Away((name,), before, self._told[name], "events are missing"))
        self._hear(event)

    def _judge(self, name: str, event: MarketEvent) -> Heard:
        """In a stream of all pairs each pair makes its own way."""
        key = name if not name.startswith("!") else f"{name}/{event.symbol}"
        return self._progress[key].hear(event)


def _happened(event: MarketEvent, now: datetime) -> datetime:
    match event:
        case Trade() | AggTrade() | KlineUpdate():
            return from_ms(event.at_ms)
        case _:
            return now


def _reason(lost: Connection) -> str:
    """Why a connection ended. What is not the connection's own trouble is raised."""
    if not lost.over.done() or lost.over.cancelled():
        return "closed"
    error = lost.over.exception()
    if error is not None and not isinstance(error, StreamLost):
        raise error
    return str(error)


async def _first_of(task: asyncio.Task[None], *others: Coroutine[Any, Any, object]) -> None:
    """Wait until the task, which is left alone, or one of the others ends."""
    waiting = [asyncio.ensure_future(one) for one in others]
    try:
        await asyncio.wait([task, *waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel(waiting)
