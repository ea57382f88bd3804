"""The way of one request to the venue and back, with everything the fault dial does to it on the way.

Nothing here waits or knows a socket: a journey says how long to wait and ends in an answer. Whoever drives it
decides what waiting means; with the same seeds, the same clock and the same requests it says the same bytes.
"""

from collections.abc import Generator
from typing import Final

from holdfast.sim.bybit import account_routes, market_routes, trade_routes
from holdfast.sim.bybit.codes import CODES, UNKNOWN_OUTCOME
from holdfast.sim.bybit.envelope import envelope
from holdfast.sim.bybit.http import (
    ACCESS_TOO_FREQUENT,
    RATE_TEXT,
    RawAnswer,
    RawRequest,
    Route,
    json_answer,
    respond,
    text_answer,
)
from holdfast.sim.bybit.venue import Venue
from holdfast.sim.fault_kinds import FaultKind
from holdfast.sim.faults import FaultRule, Faults

ROUTES: Final = (*market_routes.ROUTES, *trade_routes.ROUTES, *account_routes.ROUTES)
FOR_EVER_S: Final = 86_400.0
"""How long a half-open connection stays open at most."""
DEFAULT_PAUSE_S: Final = 1
_TABLE: Final = {(route.method, route.path): route for route in ROUTES}
_BEFORE: Final[tuple[FaultKind, ...]] = (
    "drop_request", "half_open", "ip_limit", "maintenance", "rate_limit", "error_500_before", "code_before",
)  # fmt: skip
_BEFORE_STATUS: Final = tuple(kind for kind in _BEFORE if kind != "maintenance")
_AFTER: Final[tuple[FaultKind, ...]] = ("drop_answer", "half_open_after", "error_500_after", "code_after")

Journey = Generator[float, None, RawAnswer | None]
"""Yields seconds to wait, returns the answer, or ``None`` when the connection is dropped."""


def journey(venue: Venue, faults: Faults, request: RawRequest) -> Journey:
    """Drive it to its end even if the client has gone away: what was sent is still on its way."""
    route = _TABLE.get((request.method, request.path))
    if route is None:
        return text_answer(404, "Not Found")
    return (yield from _Trip(venue, faults, request, route).run())


class _Trip:
    """Faults in the order in which a request meets them: on the way there, at the door, on the way back."""

    def __init__(self, venue: Venue, faults: Faults, request: RawRequest, route: Route) -> None:
        self._venue = venue
        self._faults = faults
        self._request = request
        self._route = route
        self._place = f"bybit.{route.name}"
        self._uid = _uid_of(venue, request) if not faults.is_quiet else ""

    def run(self) -> Journey:
        late = self._take("delay")
        if late is not None:
            yield late.delay_ms / 1000
        held = self._take("reorder")
        if held is not None:
            yield from self._faults.hold(held)
        tells_of_it = self._route.name == market_routes.STATUS_ROUTE
        refused = self._take(*(_BEFORE_STATUS if tells_of_it else _BEFORE))
        if refused is not None:
            return (yield from self._turned_away(refused))
        answer = yield from self._deliver()
        self._faults.passed(self._place, self._uid)
        slow = self._take("delay_answer")
        if slow is not None:
            yield slow.delay_ms / 1000
        lost = self._take(*_AFTER)
        return answer if lost is None else (yield from self._lost(lost))

    def _take(self, *kinds: FaultKind) -> FaultRule | None:
        return self._faults.take(self._place, *kinds, uid=self._uid)

    def _deliver(self) -> Generator[float, None, RawAnswer]:
        twice = self._take("duplicate")
        answer = self._respond()
        if twice is None:
            return answer
        if twice.answer == "second":
            yield twice.delay_ms / 1000
            return self._respond()
        self._venue.later(twice.delay_ms / 1000, self._respond)
        return answer

    def _respond(self) -> RawAnswer:
        skew, stale = self._take("clock_skew"), self._take("stale")
        return respond(
            self._venue,
            self._route,
            self._request,
            skew_ms=0 if skew is None else skew.skew_ms,
            lag_ms=0 if stale is None else stale.delay_ms,
        )

    def _turned_away(self, rule: FaultRule) -> Journey:
        """Nothing was done."""
        if rule.kind == "drop_request":
            return None
        if rule.kind == "half_open":
            yield FOR_EVER_S
            return None
        if rule.kind == "ip_limit":
            return text_answer(403, ACCESS_TOO_FREQUENT)
        if rule.kind == "rate_limit":
            return self._rate_limited(rule)
        if rule.kind == "maintenance" and rule.code is None:
            return text_answer(503, "Service Temporarily Unavailable")
        return self._failed(rule)

    def _lost(self, rule: FaultRule) -> Journey:
        """It was done, but the client does not learn it."""
        if rule.kind == "drop_answer":
            return None
        if rule.kind == "half_open_after":
            yield FOR_EVER_S
            return None
        return self._failed(rule)

    def _failed(self, rule: FaultRule) -> RawAnswer:
        if rule.kind in ("error_500_before", "error_500_after"):
            return text_answer(rule.status, "Internal System Error.")
        code = rule.code or UNKNOWN_OUTCOME
        return json_answer(envelope({}, self._venue.clock.now_ms(), code=code, message=CODES[code]))

    def _rate_limited(self, rule: FaultRule) -> RawAnswer:
        pause_s = DEFAULT_PAUSE_S if rule.retry_after_s is None else rule.retry_after_s
        headers = {
            "X-Bapi-Limit": "10",
            "X-Bapi-Limit-Status": "0",
            "X-Bapi-Limit-Reset-Timestamp": str(self._venue.wall.now_ms() + pause_s * 1000),
        }
        body = envelope({}, self._venue.clock.now_ms(), code=10006, message=RATE_TEXT)
        return json_answer(body, headers)


def _uid_of(venue: Venue, request: RawRequest) -> str:
    for name, value in request.headers.items():
        if name.upper() == "X-BAPI-API-KEY":
            account = venue.accounts.of_key(value)
            return "" if account is None else account.uid
    return ""
