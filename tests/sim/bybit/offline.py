"""A venue without sockets on a clock that moves only from one thing to do to the next."""

import heapq
import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.auth import sign
from holdfast.sim.bybit.http import RawAnswer, RawRequest
from holdfast.sim.bybit.journey import journey
from holdfast.sim.bybit.lines import PrivateLine
from holdfast.sim.bybit.venue import Venue, VenueSettings
from holdfast.sim.faults import Faults

from .scripted import START_MS, ManualClock
from .small_market import SmallMarket

BTC = {"category": "linear", "symbol": "BTCUSDT"}
ORDER = {**BTC, "side": "Buy", "orderType": "Market", "qty": "0.01"}
BEAT_MS = 500


@dataclass
class Sent:
    """One request: what came back and when (simulated ms after it was sent); ``lost`` without an answer."""

    began_ms: int
    answer: RawAnswer | None = None
    ended_ms: int | None = None

    @property
    def done(self) -> bool:
        return self.ended_ms is not None

    @property
    def lost(self) -> bool:
        return self.done and self.answer is None

    @property
    def took_ms(self) -> int:
        assert self.ended_ms is not None, "still under way"
        return self.ended_ms - self.began_ms

    @property
    def json(self) -> Any:
        assert self.answer is not None, "no answer came"
        return json.loads(self.answer.body)

    @property
    def code(self) -> int:
        """retCode, or minus the HTTP status when that is an error."""
        assert self.answer is not None, "no answer came"
        return self.json["retCode"] if self.answer.status == 200 else -self.answer.status


class Offline:
    def __init__(self, *rules: dict[str, Any], seed: int = 7) -> None:
        self.clock = ManualClock()
        self.market = SmallMarket(seed, self.clock.now_ms)
        self.faults = Faults(self.clock.now_ms)
        self.faults.replace(rules)
        self._waiting: list[tuple[int, int, Callable[[], object]]] = []
        self._count = 0
        self.venue = Venue(
            self.market, self.clock, self.clock, seed=seed, later=self.later, settings=VenueSettings(),
            faults=self.faults,
        )  # fmt: skip
        self._beat()

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        self._count += 1
        heapq.heappush(self._waiting, (self.clock.ms + round(seconds * 1000), self._count, action))

    def _beat(self) -> None:
        self.venue.tick()
        self.later(BEAT_MS / 1000, self._beat)

    def run(self, ms: int) -> None:
        """Let ``ms`` pass."""
        until = self.clock.ms + ms
        while self._waiting and self._waiting[0][0] <= until:
            at_ms, _, action = heapq.heappop(self._waiting)
            self.clock.ms = max(self.clock.ms, at_ms)
            action()
        self.clock.ms = until

    def account(self, **spec: Any) -> Account:
        return self.venue.accounts.create({"balances": {"USDT": "1000000"}, "default_leverage": "1", **spec})

    def send(self, account: Account, method: str, path: str, **params: Any) -> Sent:
        """Put a signed request on its way; ``run`` lets it travel."""
        stamp, query, body = str(self.clock.ms), "", b""
        if method == "GET":
            query = urlencode(params)
        else:
            body = json.dumps(params).encode()
        key = account.key
        payload = f"{stamp}{key.key}5000".encode() + (query.encode() or body)
        headers = {
            "X-BAPI-API-KEY": key.key, "X-BAPI-TIMESTAMP": stamp, "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": sign(key.secret, payload),
        }  # fmt: skip
        sent = Sent(self.clock.ms)
        self._step(journey(self.venue, self.faults, RawRequest(method, path, query, headers, body)), sent)
        return sent

    def _step(self, steps: Generator[float, None, RawAnswer | None], sent: Sent) -> None:
        try:
            pause_s = next(steps)
        except StopIteration as end:
            sent.answer, sent.ended_ms = end.value, self.clock.ms
        else:
            self.later(pause_s, lambda: self._step(steps, sent))

    def order(self, account: Account, **changes: Any) -> Sent:
        return self.send(account, "POST", "/v5/order/create", **{**ORDER, **changes})

    def read(self, account: Account, path: str, **params: Any) -> Any:
        """The rows of a read that no fault may touch."""
        sent = self.send(account, "GET", path, **params)
        self.run(0)
        assert sent.code == 0, sent.json
        return sent.json["result"]["list"]

    def listen(self, account: Account) -> "Ear":
        return Ear(self, account)


class Ear:
    """Hears an account's stream: ``heard`` is (simulated ms since the start, topic, rows)."""

    def __init__(self, offline: Offline, account: Account) -> None:
        self.heard: list[tuple[int, str, list[dict[str, Any]]]] = []
        self.cuts = 0
        self.line = PrivateLine(offline.venue, offline.faults, account, self._hear, self._lost)
        self._clock = offline.clock

    def _hear(self, topic: str, _category: str, rows: list[dict[str, Any]]) -> None:
        self.heard.append((self._clock.ms - START_MS, topic, rows))

    def _lost(self) -> None:
        self.cuts += 1

    def topics(self, *names: str) -> list[str]:
        return [topic for _, topic, _ in self.heard if topic in (names or (topic,))]
