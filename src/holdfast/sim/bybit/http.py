"""One REST request inside the venue: address limit, signature, rate limit, handler, envelope."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from holdfast.sim.bybit import auth, limits
from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.envelope import JSON_TYPE, Refusal, envelope, is_whole
from holdfast.sim.bybit.limits import Verdict
from holdfast.sim.bybit.venue import Venue

ACCESS_TOO_FREQUENT: Final = "access too frequent"
RATE_TEXT: Final = "Too many visits. Exceeded the API Rate Limit."


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as it arrives. ``query`` is the raw text after the question mark, ``address`` the peer's."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    address: str = "127.0.0.1"

    @property
    def payload(self) -> bytes:
        """What the signature covers."""
        return self.body if self.method == "POST" else self.query.encode()


@dataclass(frozen=True, slots=True)
class RawAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def text_answer(status: int, text: str) -> RawAnswer:
    return RawAnswer(status, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())


def json_answer(body: bytes, headers: Mapping[str, str] | None = None) -> RawAnswer:
    return RawAnswer(200, {"Content-Type": JSON_TYPE, **(headers or {})}, body)


@dataclass(slots=True)
class Call:
    """One request on its way. ``params`` is the query of a GET or the JSON body of a POST; ``lag_ms`` is how
    far reads of orders and fills are behind, ``skew_ms`` how wrong the clock is that the client is shown."""

    venue: Venue
    params: dict[str, Any]
    now_ms: int
    lag_ms: int = 0
    skew_ms: int = 0
    ext: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    signer: Account | None = None

    @property
    def account(self) -> Account:
        if self.signer is None:
            raise Refusal(10003, "API key is invalid.")
        return self.signer

    @property
    def category(self) -> str:
        return "spot" if self.params.get("category") == "spot" else "linear"

    @property
    def seen_ms(self) -> int:
        """The moment as of which orders and fills are read."""
        lag_ms = max(self.lag_ms, self.account.spec.behaviour.realtime_lag_ms)
        return self.venue.clock.now_ms() - lag_ms

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """Raises:
        Refusal: 10001, not an integer within the bounds.
        """
        given = self.params.get(name)
        if given is None or given == "":
            return default
        text = str(given)
        if not is_whole(text) or not least <= int(text) <= most:
            raise Refusal(10001, f"params error: {name} must be between {least} and {most}")
        return int(text)

    def text(self, name: str) -> str:
        return str(self.params.get(name) or "")

    def take(self, endpoint: str, units: int = 1) -> Verdict:
        """Use the account's bucket of ``endpoint`` and show its state in the headers."""
        given = self.account.spec.rate_limits.get(endpoint)
        limit = limits.default_limit(endpoint, self.category) if given is None else given
        verdict = self.venue.buckets.take(
            self.account.uid, endpoint, self.category, limit, self.venue.wall.now_ms(), units
        )
        self.headers |= verdict.headers
        return verdict


Result = dict[str, Any]
Handler = Callable[[Call], Result]


@dataclass(frozen=True, slots=True)
class Route:
    """``name`` is what limits and faults call it. A batch takes its rate units itself."""

    method: str
    path: str
    name: str
    handler: Handler
    signed: bool = False
    batch: bool = False


def respond(
    venue: Venue, route: Route, request: RawRequest, *, skew_ms: int = 0, lag_ms: int = 0
) -> RawAnswer:
    """The venue's answer. ``skew_ms`` moves the clock by which it is signed and stamped, not the engine's."""
    now_ms = venue.clock.now_ms()
    if not venue.addresses.allows(request.address, venue.wall.now_ms()):
        return text_answer(403, ACCESS_TOO_FREQUENT)
    call = Call(venue, {}, now_ms, lag_ms, skew_ms)
    try:
        if route.signed:
            call.signer = auth.authenticate(
                {name.upper(): value for name, value in request.headers.items()},
                request.payload,
                account_of=venue.accounts.of_key,
                clocks_ms=tuple(clock + skew_ms for clock in venue.clocks_ms()),
                address=request.address,
            )
        call.params = parse_body(request.body) if route.method == "POST" else parse_query(request.payload)
        if route.signed and not route.batch and not call.take(route.name).granted:
            raise Refusal(10006, RATE_TEXT)
        result = route.handler(call)
        content = envelope(result, now_ms + skew_ms, ext=call.ext)
    except Refusal as refusal:
        content = envelope({}, now_ms + skew_ms, code=refusal.code, message=refusal.message)
    return json_answer(content, call.headers)


def parse_query(raw: bytes) -> dict[str, Any]:
    return dict(parse_qsl(raw.decode(), keep_blank_values=True))


def parse_body(raw: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError:
        raise Refusal(10001, "params error: the body is not JSON") from None
    if not isinstance(parsed, dict):
        raise Refusal(10001, "params error: the body must be a JSON object")
    return parsed
