"""Listening to the requests that are made to a venue, for those who must be able to explain them later.

Whoever calls a venue inside ``recording`` hears of every request made there, in tasks started there too, and
of no other's on the same client. Only what is named here is told: never a header, a body or a key.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from holdfast.core.time import Clock
from holdfast.venues.protocol import OutcomeUnknown, RateLimited, Unreachable, VenueError

Outcome = Literal["ok", "refused", "limited", "silent", "held back", "cut off"]
"""``silent``: no clear answer. ``held back``: it never left. ``cut off``: we stopped waiting for it."""


@dataclass(frozen=True, slots=True)
class OrderNote:
    """What a request says of one order. ``code``: the venue's own for this order, in a batch."""

    symbol: str
    client_id: str
    side: str = ""
    quantity: str = ""
    price: str = ""
    form: str = ""
    reduce_only: bool = False
    code: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it.

    ``at``: when it left. ``waited``: seconds before that, for its turn. ``took``: seconds until the answer.
    ``rows``: how many the answer held, if it was a list. ``text``: an error in words, without secrets.
    """

    method: str
    writes: bool
    at: datetime
    attempt: int
    waited: float
    took: float
    outcome: Outcome
    code: str
    text: str
    rows: int | None
    symbol: str
    orders: tuple[OrderNote, ...]


Listener = Callable[[Exchange], None]
_listener: ContextVar[Listener | None] = ContextVar("holdfast_venue_listener", default=None)


@contextmanager
def recording(listener: Listener) -> Iterator[None]:
    """Tell ``listener`` of every request made inside."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


class Watch:
    """One request on its way."""

    def __init__(
        self,
        clock: Clock,
        method: str,
        query: Mapping[str, Any],
        *,
        writes: bool,
        attempt: int,
        waited: float,
    ) -> None:
        self._clock = clock
        self._method = method
        self._query = query
        self._writes = writes
        self._attempt = attempt
        self._waited = waited
        self._loop = asyncio.get_running_loop()
        self._asked = self._loop.time()
        self._at = clock.now()
        self._left: float | None = None
        self._took = 0.0
        self._outcome: Outcome = "ok"
        self._code = self._text = ""
        self._body: Mapping[str, Any] = {}

    def leaves(self) -> None:
        """It goes on the wire now."""
        self._left = self._loop.time()
        self._at = self._clock.now()
        self._waited += self._left - self._asked

    def comes_back(self, body: Mapping[str, Any] | None = None) -> None:
        """An answer, or the certainty that there is none, is here."""
        self._took = self._loop.time() - (self._left or self._asked)
        self._body = body or {}

    def failed(self, error: VenueError) -> None:
        self._code, self._text = error.code, str(error)
        if self._left is None:
            self._outcome = "held back"
        elif isinstance(error, RateLimited):
            self._outcome = "limited"
        else:
            self._outcome = "silent" if isinstance(error, Unreachable | OutcomeUnknown) else "refused"

    def cut_off(self) -> None:
        self._outcome = "cut off"
        self.comes_back()

    def exchange(self) -> Exchange:
        return Exchange(
            method=self._method,
            writes=self._writes,
            at=self._at,
            attempt=self._attempt,
            waited=self._waited,
            took=self._took,
            outcome=self._outcome,
            code=self._code,
            text=self._text,
            rows=_rows(self._body),
            symbol=str(self._query.get("symbol") or ""),
            orders=_orders(self._query, self._body),
        )


class _Nobody(Watch):
    """Nobody listens: nothing is looked at."""

    def __init__(self) -> None:
        pass

    def leaves(self) -> None:
        pass

    def comes_back(self, body: Mapping[str, Any] | None = None) -> None:
        pass


_NOBODY: Final = _Nobody()


@contextmanager
def watched(
    clock: Clock,
    method: str,
    query: Mapping[str, Any],
    *,
    writes: bool,
    attempt: int = 1,
    waited: float = 0.0,
) -> Iterator[Watch]:
    """Watch one request from here to its end. ``waited``: seconds it has spent waiting before."""
    listener = _listener.get()
    if listener is None:
        yield _NOBODY
        return
    watch = Watch(clock, method, query, writes=writes, attempt=attempt, waited=waited)
    try:
        yield watch
    except VenueError as error:
        watch.failed(error)
        raise
    except BaseException:
        watch.cut_off()
        raise
    finally:
        listener(watch.exchange())


def _rows(body: Mapping[str, Any]) -> int | None:
    result = body.get("result")
    rows = result.get("list") if isinstance(result, Mapping) else None
    return len(rows) if isinstance(rows, list) else None


def _orders(query: Mapping[str, Any], body: Mapping[str, Any]) -> tuple[OrderNote, ...]:
    batch = query.get("request")
    if isinstance(batch, list):
        codes = _codes(body)
        return tuple(_order(item, codes[at] if at < len(codes) else "") for at, item in enumerate(batch))
    return (_order(query, ""),) if query.get("orderLinkId") else ()


def _codes(body: Mapping[str, Any]) -> list[str]:
    """A batch's verdicts, one per order. A code is a number; anything else is not repeated."""
    extra = body.get("retExtInfo")
    verdicts = extra.get("list") if isinstance(extra, Mapping) else None
    if not isinstance(verdicts, list):
        return []
    told = [str(verdict.get("code", "")) if isinstance(verdict, Mapping) else "" for verdict in verdicts]
    return [code if code.lstrip("-").isdigit() else "unreadable" for code in told]


def _order(query: Mapping[str, Any], code: str) -> OrderNote:
    return OrderNote(
        symbol=str(query.get("symbol") or ""),
        client_id=str(query.get("orderLinkId") or ""),
        side=str(query.get("side") or "").lower(),
        quantity=str(query.get("qty") or ""),
        price=str(query.get("price") or ""),
        form=" ".join(str(query[name]) for name in ("orderType", "timeInForce") if query.get(name)),
        reduce_only=bool(query.get("reduceOnly")),
        code=code,
    )
