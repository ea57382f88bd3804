"""A market that says what the test tells it, so that fills, margins and payments can be computed by hand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.venue import Venue, VenueSettings
from holdfast.sim.instruments import SimInstrument

D = Decimal
START_MS = 1_800_000_000_000


class ManualClock:
    def __init__(self, now_ms: int = START_MS) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms


def instrument(symbol: str, category: str = "linear", **changes: Any) -> SimInstrument:
    values: dict[str, Any] = {
        "symbol": symbol, "category": category, "base": symbol.removesuffix("USDT"), "quote": "USDT",
        "settle": "USDT" if category == "linear" else "", "coin_id": symbol.removesuffix("USDT").lower(),
        "multiplier": 1, "tick": D("0.1"), "lot": D("0.001"), "min_qty": D("0.001"), "min_notional": D(5),
        "max_market_qty": D(100), "max_limit_qty": D(1000), "max_leverage": D(100),
        "funding_interval_minutes": 480 if category == "linear" else 0, "status": "Trading", "launch_ms": 0,
        "delivery_ms": 0, "contract_type": "LinearPerpetual" if category == "linear" else "", "symbol_id": 1,
        "symbol_type": "",
    }  # fmt: skip
    return SimInstrument(**(values | changes))


@dataclass
class ScriptedBook:
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]
    sequence: int = 1


@dataclass
class ScriptedMarket:
    """Ten levels of 1.000 each, one tick apart, around 1000.0 unless a test says otherwise."""

    instruments: dict[tuple[str, str], SimInstrument] = field(default_factory=dict)
    books: dict[tuple[str, str], ScriptedBook] = field(default_factory=dict)
    marks: dict[str, Decimal] = field(default_factory=dict)
    rates: dict[str, Decimal] = field(default_factory=dict)

    def add(self, one: SimInstrument, bid: str = "999.9", ask: str = "1000.1", size: str = "1") -> None:
        self.instruments[one.category, one.symbol] = one
        self.quote(one.symbol, bid, ask, size, category=one.category)

    def quote(self, symbol: str, bid: str, ask: str, size: str = "1", *, category: str = "linear") -> None:
        tick = self.instruments[category, symbol].tick
        self.books[category, symbol] = ScriptedBook(
            [(D(bid) - n * tick, D(size)) for n in range(10)],
            [(D(ask) + n * tick, D(size)) for n in range(10)],
        )
        self.marks[symbol] = (D(bid) + D(ask)) / 2

    def index_price(self, coin_id: str, at_ms: int) -> float:
        return float(self.marks[f"{coin_id.upper()}USDT"])

    def mark_price(self, category: str, symbol: str, at_ms: int | None = None) -> Decimal:
        return self.marks[symbol]

    def last_price(self, category: str, symbol: str, at_ms: int | None = None) -> Decimal:
        return self.marks[symbol]

    def book(self, category: str, symbol: str, depth: int, at_ms: int | None = None) -> ScriptedBook:
        whole = self.books[category, symbol]
        return ScriptedBook(whole.bids[:depth], whole.asks[:depth], whole.sequence)

    def funding_rate(self, symbol: str, at_ms: int) -> Decimal:
        return self.rates.get(symbol, D("0.0001"))

    def candles(self, *_: Any) -> list[Any]:
        return []

    def public_trades(self, *_: Any) -> list[Any]:
        return []

    def ticker(self, category: str, symbol: str) -> dict[str, str]:
        return {"symbol": symbol, "lastPrice": str(self.marks[symbol])}

    def tickers(self, category: str) -> list[dict[str, str]]:
        return [self.ticker(category, symbol) for kind, symbol in self.instruments if kind == category]


class Exchange:
    """A venue on a scripted market whose delayed actions happen when the test says so."""

    def __init__(self, state: Path | None = None) -> None:
        self.clock = ManualClock()
        self.market = ScriptedMarket()
        for symbol in ("BTCUSDT", "ETHUSDT"):
            self.market.add(instrument(symbol))
        self.market.add(
            instrument("XRPUSDT", "spot", tick=D("0.001"), lot=D("0.01"), min_qty=D("0.01")),
            "1.999",
            "2.001",
            "500",
        )
        self._waiting: list[Callable[[], None]] = []
        self.venue = Venue(
            self.market, self.clock, self.clock, seed=7,
            later=lambda _seconds, action: self._waiting.append(action), settings=VenueSettings(state=state),
        )  # fmt: skip

    def account(self, **spec: Any) -> Account:
        return self.venue.accounts.create({"balances": {"USDT": "10000"}, "default_leverage": "1", **spec})

    def place(self, account: Account, *, settle: bool = True, **body: Any) -> Any:
        """Send an order and, unless told otherwise, let the engine work it off; returns the order."""
        request = {
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "orderType": "Market",
            "qty": "1",
            **body,
        }
        order = self.venue.intake.place(account, request, self.clock.ms)
        self.venue.submit(account, order)
        if settle:
            self.run()
        return order

    def run(self) -> None:
        while self._waiting:
            self._waiting.pop(0)()

    def pass_time(self, ms: int) -> None:
        self.clock.ms += ms
        self.venue.tick()
        self.run()
