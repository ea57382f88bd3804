"""One connection to Binance's combined streams, from its first subscription to its loss."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import aiohttp
import orjson
import structlog

from holdfast.core.time import Clock
from holdfast.platform.background import cancel, together
from holdfast.venues.binance import parse
from holdfast.venues.binance.events import MarketEvent, Shutdown
from holdfast.venues.bybit.fields import Malformed

log = structlog.get_logger(__name__)

CHUNK: Final = 100
_ASK: Final = "LIST_SUBSCRIPTIONS"
_RHYTHM: Final = 20
"""Events from which the rhythm of a connection is known."""
_PAUSES: Final = 5
"""A silence of so many times its longest pause is none of its own."""
MOST_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. ``silence``: without any event the venue is asked what we listen to, for pairs may be quiet,
    and every ``audit`` anyway; ``longest_silence``: the connection is given up all the same, and sooner (down
    to ``silence``) if it used to tell more; ``pulse``: the same where a stream that is never quiet was heard
    on it; ``answer``: for the answer to a request; ``life``: after which another connection takes
    over, ahead of the venue's 24 hours; ``request``: between two requests (five messages a second are the
    limit, and pongs count); ``look``: between two looks at all this. ``most_streams`` of one connection."""

    connect: float = 10.0
    silence: float = 10.0
    longest_silence: float = 90.0
    pulse: float = 20.0
    audit: float = 60.0
    answer: float = 10.0
    life: float = 23.5 * 3600
    request: float = 0.26
    look: float = 0.5
    first_delay: float = 0.5
    longest_delay: float = 30.0
    most_streams: int = 1024


class StreamLost(Exception):
    """The connection is of no more use."""


@dataclass(slots=True)
class _Request:
    method: str
    names: list[str]
    sent_at: float = field(default=0.0)


class Connection:
    """``hear`` gets every event with its stream's name, ``confirmed`` the streams that are live from now.

    ``pulse`` names a stream that is never quiet, or "". It is heard beside what is wanted, so that silence
    means a dead connection however seldom the wanted pairs are traded."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        clock: Clock,
        patience: Patience,
        *,
        life: float,
        hear: Callable[[str, MarketEvent], None],
        confirmed: Callable[[list[str]], None],
        pulse: str = "",
    ) -> None:
        self._socket = socket
        self._clock = clock
        self._patience = patience
        self._hear = hear
        self._confirmed = confirmed
        self._loop = asyncio.get_running_loop()
        self._pulse = pulse
        self._has_pulse = False
        self._wanted: set[str] = set()
        self._names: set[str] = set()
        self._queue: deque[_Request] = deque()
        self._asked: dict[int, _Request] = {}
        self._refused: set[str] = set()
        self._requests = self._events = 0
        self._pause = 0.0
        self._something_to_say = asyncio.Event()
        self._born = self._heard = self._looked = self._loop.time()
        self._life = life
        self.heard_at: datetime = clock.now()
        self.established = asyncio.Event()
        """Every stream wanted so far was confirmed (or refused)."""
        self.stale = asyncio.Event()
        """Another connection should take over: the venue will close this one."""
        self.over: asyncio.Task[None] = self._loop.create_task(self._live())

    @property
    def age(self) -> float:
        return self._loop.time() - self._born

    def want(self, names: Iterable[str]) -> None:
        """Subscribe and unsubscribe until exactly ``names`` come in."""
        wanted = set(names)
        heard = wanted | {self._pulse} - {""} if wanted else wanted
        self._ask("UNSUBSCRIBE", sorted(self._names - heard))
        self._ask("SUBSCRIBE", sorted(heard - self._names))
        is_live_already = self._has_pulse and self._pulse in wanted - self._wanted
        self._wanted, self._names = wanted, heard
        if is_live_already:
            self._confirmed([self._pulse])

    async def close(self) -> None:
        """Hang up; nothing is heard any more once this returns."""
        await cancel([self.over])
        if not self.over.cancelled():
            self.over.exception()  # seen: asyncio need not complain
        await self._socket.close()

    def _ask(self, method: str, names: list[str]) -> None:
        for start in range(0, len(names), CHUNK):
            self._queue.append(_Request(method, names[start : start + CHUNK]))
            self._something_to_say.set()
            self.established.clear()

    async def _live(self) -> None:
        """Raises:
        StreamLost: always, in the end.
        """
        try:
            await together(self._listen(), self._talk(), self._watch())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise StreamLost(str(error) or type(error).__name__) from None

    async def _listen(self) -> None:
        async for frame in self._socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                continue
            try:
                self._take(orjson.loads(frame.data))
            except (Malformed, orjson.JSONDecodeError) as error:
                log.warning("unreadable market message dropped", error=str(error), message=frame.data[:200])
        raise StreamLost(f"closed by the venue ({self._socket.close_code})")

    def _take(self, message: Any) -> None:
        if not isinstance(message, dict):
            raise Malformed("a frame is no object")
        if "stream" not in message:
            self._answered(message)
            return
        name = str(message["stream"])
        for event in parse.events(name, message.get("data")):
            if isinstance(event, Shutdown):
                log.info("the venue announces a restart")
                self.stale.set()
                continue
            self._notice()
            self._has_pulse = self._has_pulse or name == self._pulse
            self._hear(name, event)

    def _notice(self) -> None:
        now = self._loop.time()
        if self._events:
            self._pause = max(self._pause, now - self._heard)
        self._heard, self.heard_at = now, self._clock.now()
        self._events += 1

    def _tolerated(self) -> float:
        """Seconds without an event after which this connection is given up."""
        if self._has_pulse:
            return self._patience.pulse
        least, most = self._patience.silence, self._patience.longest_silence
        return min(max(_PAUSES * self._pause, least), most) if self._events >= _RHYTHM else most

    def _answered(self, message: dict[str, Any]) -> None:
        """A refused group is asked for one by one, so that one bad stream costs nobody else."""
        number = message.get("id")
        request = self._asked.pop(number, None) if isinstance(number, int) else None
        refusal = message.get("error") or (message if "code" in message else None)
        if request is None:
            if refusal is not None:
                log.warning("a request was refused", refusal=str(refusal)[:300])
            return
        if refusal is None:
            self._granted(request, message.get("result"))
        elif len(request.names) > 1:
            self._queue.extend(_Request(request.method, [name]) for name in request.names)
            self._something_to_say.set()
        else:
            self._refused.update(request.names)
            log.warning("a stream was refused", stream=request.names[:1], refusal=str(refusal)[:300])
        if not self._asked and not self._queue:
            self.established.set()

    def _granted(self, request: _Request, result: Any) -> None:
        if request.method == "SUBSCRIBE":
            self._confirmed([name for name in request.names if name in self._wanted])
        elif request.method == _ASK and not self._asked and not self._queue:
            known = set(map(str, result)) if isinstance(result, list) else set()
            forgotten = self._names - self._refused - known
            if forgotten:
                raise StreamLost(f"the venue has forgotten {len(forgotten)} streams")

    async def _talk(self) -> None:
        """Requests, no more of them a second than the venue takes."""
        while True:
            await self._something_to_say.wait()
            while self._queue:
                request = self._queue.popleft()
                self._requests += 1
                request.sent_at = self._loop.time()
                self._asked[self._requests] = request
                frame: dict[str, Any] = {"method": request.method, "id": self._requests}
                if request.names:
                    frame["params"] = request.names
                await self._socket.send_str(orjson.dumps(frame).decode())
                await asyncio.sleep(self._patience.request)
            self._something_to_say.clear()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._patience.look)
            now = self._loop.time()
            silence = now - self._heard if self._names else 0.0
            if silence > self._tolerated():
                raise StreamLost(f"no event for {silence:.0f} s")
            unseen = now - self._looked
            if unseen > self._patience.audit or min(silence, unseen) > self._patience.silence:
                self._looked = now
                self._queue.append(_Request(_ASK, []))
                self._something_to_say.set()
            if any(now - request.sent_at > self._patience.answer for request in self._asked.values()):
                raise StreamLost(f"no answer to a request within {self._patience.answer:g} s")
            if self.age > self._life:
                self.stale.set()
