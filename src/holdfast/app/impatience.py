"""A server that does not wait for those who never finish asking, nor gives every socket to one network."""

import asyncio
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Any, ClassVar, Final

import orjson
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from holdfast.accounts.limits import network_of
from holdfast.app.middleware import LARGER_BODIES
from holdfast.market.candles.uploads import LONGEST_SECONDS

HEADERS_SECONDS: Final = 20.0
REST_SECONDS: Final = 30.0
"""For the rest of a body whose request is answered already: a browser may send all of it before it reads. For
each next piece of an upload's, and ``LONGEST_SECONDS`` for all of that."""
REFUSED_SECONDS: Final = 1.0
"""For the request of one who is refused: closed before it was read, the refusal might never be."""

_REFUSAL: Final = orjson.dumps(
    {
        "type": "/problems/too-many-requests",
        "title": "Too many connections.",
        "status": 429,
        "detail": "Too many connections are open from this network.",
        "advice": "Close some, or try again in a moment.",
        "retry_after": 5,
    }
)
_REFUSED: Final = (
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/problem+json\r\nRetry-After: 5\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(_REFUSAL), _REFUSAL)
)


class Places:
    """How many sockets each network has; at most ``most``, or any number if that is 0."""

    def __init__(self, most: int, exempt: Callable[[str], bool] = lambda _host: False) -> None:
        self.taken: Counter[str] = Counter()
        self._most = most
        self._exempt = exempt

    def take(self, host: str) -> bool:
        """Whether there was one left. Whoever took one gives it back."""
        network = network_of(host)
        if self._most and self.taken[network] >= self._most and not self._exempt(host):
            return False
        self.taken[network] += 1
        return True

    def give_back(self, host: str) -> None:
        network = network_of(host)
        self.taken[network] -= 1
        if not self.taken[network]:
            del self.taken[network]


def exempt_from(trusted: str) -> Callable[[str], bool]:
    """Whose sockets are not counted: this machine's, and those of proxies that are believed whom they speak
    for (as uvicorn's ``FORWARDED_ALLOW_IPS`` names them), because many people come through one of them."""
    proxies = ProxyHeadersMiddleware(_nobody, trusted_hosts=trusted).trusted_hosts

    def exempt(host: str) -> bool:
        return not host or host in proxies or _is_loopback(host)

    return exempt


async def _nobody(_scope: Any, _receive: Any, _send: Any) -> None:
    """An application that is only there to have its proxies told."""


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


class ImpatientProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, which also closes connections whose request has no complete head within
    ``HEADERS_SECONDS``, or whose body does not end after it was answered. uvicorn itself would keep them for
    good, and each is an open file. While a body is awaited, ``app/middleware.py`` sees to it.

    WebSockets give their place back: the stream counts them by itself."""

    places: ClassVar[Places] = Places(0)
    _deadline: asyncio.TimerHandle | None = None
    _host: str | None = None
    """Of the place that was taken; without one nothing is read."""
    _is_body_due: bool = False
    _rest_until: float | None = None
    """When the rest of an answered request's body has to be here, by the loop's clock."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        host = self.client[0] if self.client else ""
        if self.places.take(host):
            self._host = host
            self._begin_waiting(HEADERS_SECONDS)
        else:
            transport.write(_REFUSED)
            self._begin_waiting(REFUSED_SECONDS)

    def data_received(self, data: bytes) -> None:
        if self._host is None:
            self.transport.close()
        else:
            super().data_received(data)

    def on_message_begin(self) -> None:
        self._begin_waiting(HEADERS_SECONDS)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._end_waiting()
        self._is_body_due = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._rest_until is not None:
            self._wait_for_rest(self._rest_until)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._end_waiting()
        self._is_body_due = False
        self._rest_until = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_body_due and self.cycle.response_complete:
            longest = LONGEST_SECONDS if self.scope["path"] in LARGER_BODIES else REST_SECONDS
            self._rest_until = self.loop.time() + longest
            self._wait_for_rest(self._rest_until)

    def handle_websocket_upgrade(self) -> None:
        self._give_place_back()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_waiting()
        self._give_place_back()
        super().connection_lost(exc)

    def _give_place_back(self) -> None:
        if self._host is not None:
            self.places.give_back(self._host)
            self._host = None

    def _wait_for_rest(self, until: float) -> None:
        self._begin_waiting(min(REST_SECONDS, until - self.loop.time()))

    def _begin_waiting(self, seconds: float) -> None:
        self._end_waiting()
        self._deadline = self.loop.call_later(seconds, self.transport.close)

    def _end_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def impatient(places: Places) -> type[ImpatientProtocol]:
    """The protocol for a server whose sockets are counted there."""
    return type("ImpatientProtocol", (ImpatientProtocol,), {"places": places})
