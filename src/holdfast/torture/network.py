"""The way from pybit to the simulated venue and back, in virtual time and without threads.

pybit and ``requests`` are synchronous and unmodified: each call runs in a greenlet of its own, which stands
still while the request travels.
"""

import math
import random
from collections import Counter, deque
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from greenlet import getcurrent, greenlet
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.exceptions import ConnectionError as Disconnected
from requests.exceptions import ReadTimeout
from requests.structures import CaseInsensitiveDict

from holdfast.sim.bybit.http import RawAnswer, RawRequest
from holdfast.sim.bybit.journey import journey
from holdfast.sim.bybit.limits import Verdict
from holdfast.sim.bybit.venue import Venue
from holdfast.sim.faults import Faults
from holdfast.torture.loop import NEUTRAL, Process, ProcessDied, VirtualLoop, current, inside
from holdfast.torture.rates import Lessons
from holdfast.venues.bybit.transport import THREADS, Road

OK: Final = 200
KEY_HEADER: Final = "X-BAPI-API-KEY"
LAGGING: Final = frozenset({"/v5/position/list", "/v5/account/wallet-balance"})
HERE: Final = "10.0.0.1"
"""The address all processes of the installation leave by."""


class Network:
    """Carries requests to the venue. ``sent`` counts what left, by path."""

    def __init__(self, loop: VirtualLoop, venue: Venue, faults: Faults, seed: int) -> None:
        self._loop = loop
        self._venue = venue
        self._faults = faults
        self._dice = random.Random(f"{seed}:network")  # noqa: S311  not a secret
        self.sent: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        """What the venue itself refused for its rate limits, by endpoint; neither injected refusals count nor
        those of a limit that nobody could know."""
        self._asks_from = HERE
        self._count_refusals()
        self.reads_lag = 0.0
        """For how many seconds the same question about positions or the wallet is answered as before."""
        self._answers: dict[tuple[str, str, str], tuple[float, RawAnswer]] = {}
        self.note: Callable[[str, str], None] = lambda _what, _where: None
        self.on_leave: list[Callable[[Process, RawRequest], None]] = []
        """Told of each request that has left, and whose it was."""

    def road(self, address: str = HERE, *, exempt: bool = False) -> Road:
        """A way for one client. ``exempt``: no fault of the dial strikes on it (the user's own browser)."""
        return Road(_Threads(self._loop), _Adapter(self, address, exempt))

    def leave(
        self, request: RawRequest, arrived: Callable[[RawAnswer | None], None], *, exempt: bool
    ) -> None:
        """Send ``request`` off; whatever becomes of its sender, it is on its way."""
        self.sent[request.path] += 1
        faults = Faults() if exempt else self._faults
        steps = journey(self._venue, faults, request)
        self._loop.call_later(self._hop(), self._step, steps, arrived, request, context=NEUTRAL)

    def _step(
        self,
        steps: Generator[float, None, RawAnswer | None],
        arrived: Callable[[RawAnswer | None], None],
        request: RawRequest,
    ) -> None:
        self._asks_from = request.address
        try:
            wait = next(steps)
        except StopIteration as end:
            answer: RawAnswer | None = self._as_lately(request, end.value)
            self.note(f"{request.method} {request.path}", _said(answer))
            self._loop.call_later(self._hop(), arrived, answer, context=NEUTRAL)
            return
        self._loop.call_later(wait, self._step, steps, arrived, request, context=NEUTRAL)

    def _as_lately(self, request: RawRequest, answer: RawAnswer | None) -> RawAnswer | None:
        """The venue's readers may be behind its engine."""
        if request.path not in LAGGING or answer is None or answer.status != OK:
            return answer
        question = (request.path, request.query, request.headers.get(KEY_HEADER, ""))
        at, known = self._answers.get(question, (-math.inf, answer))
        if self._loop.time() - at <= self.reads_lag:
            return known
        self._answers[question] = (self._loop.time(), answer)
        return answer

    def _count_refusals(self) -> None:
        take, allows = self._venue.buckets.take, self._venue.addresses.allows
        lessons = Lessons()

        def counting_take(uid: str, endpoint: str, category: str, limit: int, *args: Any) -> Verdict:
            units = args[1] if len(args) > 1 else 1
            if self._asks_from != HERE:  # the venue's own pages have limits of their own
                return Verdict(units, limit, limit, args[0])
            verdict = take(uid, endpoint, category, limit, *args)
            known = lessons.is_known(uid, endpoint, category, limit, self._loop.time())
            if verdict.granted < units and known:
                self.note("too fast", f"{endpoint} beyond {limit} a second")
                self.refused[endpoint] += units - verdict.granted
            return verdict

        def counting_allows(address: str, now_ms: int) -> bool:
            allowed = allows(address, now_ms)
            if not allowed:
                self.refused["address"] += 1
            return allowed

        self._venue.buckets.take = counting_take  # type: ignore[assignment, method-assign]
        self._venue.addresses.allows = counting_allows  # type: ignore[method-assign]

    def _hop(self) -> float:
        return self._dice.uniform(0.004, 0.03)


def _said(answer: RawAnswer | None) -> str:
    return "dropped" if answer is None else f"{answer.status} {answer.body[:40]!r}"


class _Adapter(BaseAdapter):
    """Below ``requests``: in the place of sockets."""

    def __init__(self, network: Network, address: str, exempt: bool) -> None:
        super().__init__()
        self._network = network
        self._address = address
        self._exempt = exempt

    def send(  # type: ignore[override]  # as HTTPAdapter's
        self, request: PreparedRequest, timeout: tuple[float, float] | None = None, **_options: Any
    ) -> Response:
        call = getcurrent()
        assert isinstance(call, _Call)
        target = urlsplit(request.url or "")
        body = request.body or b""
        raw = RawRequest(
            method=request.method or "GET",
            path=target.path,
            query=target.query,
            headers={name: _text(value) for name, value in request.headers.items()},
            body=body.encode() if isinstance(body, str) else bytes(body),
            address=self._address,
        )
        answer = call.travel(self._network, raw, timeout[1] if timeout else None, exempt=self._exempt)
        if answer is None:
            raise Disconnected("Remote end closed connection without response", request=request)
        return _response(request, answer)

    def close(self) -> None:
        """There is nothing to close."""


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _response(request: PreparedRequest, answer: RawAnswer) -> Response:
    made = Response()
    made.status_code = answer.status
    made.headers = CaseInsensitiveDict(answer.headers)
    made.encoding = "utf-8"
    made.url = request.url or ""
    made.request = request
    made._content = answer.body
    return made


def _root() -> greenlet:
    """Where the loop runs."""
    found = getcurrent()
    while found.parent:
        found = found.parent
    return found


class _Call(greenlet):  # type: ignore[misc]  # greenlet brings no types
    """One call of pybit: where a real installation has a thread."""

    def __init__(self, loop: VirtualLoop, process: Process, run: Callable[[], None]) -> None:
        super().__init__(run, parent=_root())
        self._loop = loop
        self._process = process
        self._context = inside(process)
        self._settled = False

    def travel(
        self, network: Network, request: RawRequest, patience: float | None, *, exempt: bool
    ) -> RawAnswer | None:
        """The venue's answer, ``None`` if the connection broke.

        Raises:
            ReadTimeout: no answer for ``patience`` seconds; the request may still arrive.
        """
        self._process.effect()
        self._settled = False
        network.leave(request, self._arrived, exempt=exempt)
        for told in network.on_leave:
            told(self._process, request)
        if patience is not None:
            self._loop.call_later(patience, self._give_up, context=NEUTRAL)
        assert self.parent
        answer = self.parent.switch()
        self._process.effect()
        if isinstance(answer, ReadTimeout):
            raise answer
        return answer  # type: ignore[no-any-return]

    def _arrived(self, answer: RawAnswer | None) -> None:
        self._go_on(answer)

    def _give_up(self) -> None:
        self._go_on(ReadTimeout("Read timed out."))

    def _go_on(self, answer: RawAnswer | ReadTimeout | None) -> None:
        if not self._settled:
            self._settled = True
            self._loop.call_soon(self.switch, answer, context=self._context)


class _Threads(Executor):
    """A pool of calls that all live in the virtual loop."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._process = current()
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._running = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        self._waiting.append((future, lambda: fn(*args, **kwargs)))
        self._start_next()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        if cancel_futures:
            for future, _ in self._waiting:
                future.cancel()
            self._waiting.clear()

    def _start_next(self) -> None:
        while self._waiting and self._running < THREADS:
            future, call = self._waiting.popleft()
            if future.set_running_or_notify_cancel():
                self._running += 1
                started = _Call(self._loop, self._process, partial(self._run, future, call))
                self._loop.call_soon(started.switch, context=inside(self._process))

    def _run(self, future: "Future[Any]", call: Callable[[], Any]) -> None:
        try:
            future.set_result(call())
        except ProcessDied:
            pass
        except BaseException as error:
            future.set_exception(error)
        finally:
            self._running -= 1
            self._start_next()
