"""A small market for the simulated venue: twelve contracts of every shape, and prices from one seed.

Cheap on purpose: a run asks for hundreds of books, and it is the execution that is tortured, not the market.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from holdfast.core.money import plain
from holdfast.sim.bybit.ports import Candle, Level, Trade
from holdfast.sim.instruments import SimInstrument

STEP_MS: Final = 1_000
LEVELS: Final = 12
_SHAPES: Final = (
    # base, price, tick, lot, least quantity, least value, funding minutes, value at the touch, leverage
    ("BTC", "91000", "0.1", "0.001", "0.001", "5", 480, 40_000, 100),
    ("ETH", "3050", "0.01", "0.01", "0.01", "5", 480, 25_000, 100),
    ("SOL", "142", "0.01", "0.1", "0.1", "5", 480, 9_000, 75),
    ("XRP", "2.21", "0.0001", "0.1", "0.1", "5", 240, 9_000, 75),
    ("DOGE", "0.1523", "0.00001", "1", "1", "5", 240, 6_000, 50),
    ("ADA", "0.441", "0.0001", "1", "1", "5", 240, 4_000, 50),
    ("LINK", "13.2", "0.001", "0.1", "0.1", "5", 240, 2_500, 50),
    ("LTC", "88.1", "0.01", "0.1", "0.1", "5", 240, 1_500, 50),
    ("BCH", "521", "0.1", "0.01", "0.01", "5", 240, 900, 50),
    ("1000PEPE", "0.00512", "0.0000001", "100", "100", "5", 60, 700, 25),
    ("HYPE", "33.4", "0.001", "0.01", "0.01", "5", 60, 500, 25),
    ("TAO", "301", "0.01", "0.001", "0.001", "5", 60, 300, 25),
)
SYMBOLS: Final = tuple(f"{shape[0]}USDT" for shape in _SHAPES)


@dataclass(frozen=True, slots=True)
class SmallBook:
    bids: list[Level]
    asks: list[Level]
    sequence: int


class SmallMarket:
    """Answers what ``sim.bybit.ports.Market`` asks. ``now_ms`` is the venue's clock.

    ``wild`` is how far prices walk in one step, in parts of the price.
    """

    def __init__(self, seed: int, now_ms: Any, *, wild: float) -> None:
        self._seed = seed
        self._now_ms = now_ms
        self._wild = wild
        self._start = now_ms() // STEP_MS
        self._dice = {symbol: random.Random(f"{seed}:{symbol}") for symbol in SYMBOLS}  # noqa: S311
        self._ticks: dict[str, list[int]] = {}
        self._jumps: dict[str, list[tuple[int, float]]] = {symbol: [] for symbol in SYMBOLS}
        self._listed = {one.symbol: one for one in (_instrument(n, s) for n, s in enumerate(_SHAPES))}
        self._depth = {f"{shape[0]}USDT": shape[7] for shape in _SHAPES}
        for shape in _SHAPES:
            symbol = f"{shape[0]}USDT"
            self._ticks[symbol] = [int(Decimal(shape[1]) / self._listed[symbol].tick)]
        self._books = lru_cache(maxsize=256)(self._book)
        self._show()

    def _show(self) -> None:
        self._instruments = {("linear", one.symbol): one for one in self._listed.values()}

    @property
    def instruments(self) -> Mapping[tuple[str, str], SimInstrument]:
        return self._instruments

    def set_status(self, symbol: str, status: str, *, delivery_ms: int = 0) -> None:
        """Trading, Delivering or Closed; ``delivery_ms`` tells of the end of a contract."""
        self._listed[symbol] = replace(self._listed[symbol], status=status, delivery_ms=delivery_ms)
        self._show()

    def jump(self, symbol: str, factor: float) -> None:
        """From the next step on the price is ``factor`` times what it would have been."""
        self._jumps[symbol].append((self._step(None) + 1, factor))
        self._books.cache_clear()

    def index_price(self, coin_id: str, at_ms: int | None = None) -> float:
        return float(self.last_price("linear", f"{coin_id.upper()}USDT", at_ms))

    def mark_price(self, category: str, symbol: str, at_ms: int | None = None) -> Decimal:
        return self.last_price(category, symbol, at_ms)

    def last_price(self, _category: str, symbol: str, at_ms: int | None = None) -> Decimal:
        return self._tick(symbol, self._step(at_ms)) * self._listed[symbol].tick

    def book(self, _category: str, symbol: str, depth: int, at_ms: int | None = None) -> SmallBook:
        whole = self._books(symbol, self._step(at_ms))
        return SmallBook(whole.bids[:depth], whole.asks[:depth], whole.sequence)

    def candles(self, *_: Any) -> Sequence[Candle]:
        return []

    def public_trades(self, *_: Any, **__: Any) -> Sequence[Trade]:
        return []

    def ticker(self, category: str, symbol: str) -> dict[str, str]:
        book, last = self.book(category, symbol, 1), plain(self.last_price(category, symbol))
        now_ms, interval = self._now_ms(), self._listed[symbol].funding_interval_minutes * 60_000
        return {
            "symbol": symbol, "lastPrice": last, "indexPrice": last, "markPrice": last,
            "prevPrice24h": last, "price24hPcnt": "0", "highPrice24h": last, "lowPrice24h": last,
            "prevPrice1h": last, "openInterest": "1000", "openInterestValue": "1000",
            "turnover24h": "1000000", "volume24h": "1000",
            "fundingRate": plain(self.funding_rate(symbol, now_ms + 1)),
            "nextFundingTime": str((now_ms // interval + 1) * interval),
            "fundingIntervalHour": str(interval // 3_600_000), "fundingCap": "0.00375",
            "bid1Price": plain(book.bids[0][0]), "bid1Size": plain(book.bids[0][1]),
            "ask1Price": plain(book.asks[0][0]), "ask1Size": plain(book.asks[0][1]),
        }  # fmt: skip

    def tickers(self, category: str) -> list[dict[str, str]]:
        return [self.ticker(category, one.symbol) for one in self._listed.values() if one.status == "Trading"]

    def funding_rate(self, symbol: str, at_ms: int) -> Decimal:
        dice = random.Random(f"{self._seed}:{symbol}:{at_ms // 3_600_000}")  # noqa: S311
        return Decimal(dice.randint(-37_500, 37_500)).scaleb(-7)

    def _step(self, at_ms: int | None) -> int:
        return int((self._now_ms() if at_ms is None else at_ms) // STEP_MS - self._start)

    def _tick(self, symbol: str, step: int) -> int:
        walk = self._ticks[symbol]
        while len(walk) <= step:
            moved = self._dice[symbol].gauss(0, self._wild) * walk[-1]
            walk.append(max(walk[-1] + round(moved), 10))
        jumped = float(walk[max(step, 0)])
        for since, factor in self._jumps[symbol]:
            jumped *= factor if step >= since else 1
        return max(round(jumped), 10)

    def _book(self, symbol: str, step: int) -> SmallBook:
        one, middle = self._listed[symbol], self._tick(symbol, step)
        dice = random.Random(f"{self._seed}:{symbol}:{step}:book")  # noqa: S311
        apart = max(1, middle // 20_000)
        sides: list[list[Level]] = []
        for direction in (-1, 1):
            at, levels = middle + direction * max(1, apart // 2), []
            for rank in range(LEVELS):
                value = self._depth[symbol] * dice.uniform(0.2, 1.8) * (1 + rank / 3)
                lots = max(int(value / float(at * one.tick * one.lot)), 1)
                levels.append((at * one.tick, lots * one.lot))
                at += direction * max(1, round(apart * dice.uniform(0.5, 2)))
            sides.append([level for level in levels if level[0] > 0])
        return SmallBook(sides[0], sides[1], step)


def _instrument(number: int, shape: tuple[Any, ...]) -> SimInstrument:
    base, price, tick, lot, least, value, funding, _, leverage = shape
    return SimInstrument(
        symbol=f"{base}USDT", category="linear", base=base, quote="USDT", settle="USDT",
        coin_id=base.lower(), multiplier=1000 if base.startswith("1000") else 1, tick=Decimal(tick),
        lot=Decimal(lot), min_qty=Decimal(least), min_notional=Decimal(value),
        max_market_qty=Decimal(50_000) / Decimal(price) // Decimal(lot) * Decimal(lot),
        max_limit_qty=Decimal(200_000) / Decimal(price) // Decimal(lot) * Decimal(lot),
        max_leverage=Decimal(leverage), funding_interval_minutes=funding, status="Trading",
        launch_ms=0, delivery_ms=0, contract_type="LinearPerpetual", symbol_id=number + 1, symbol_type="",
    )  # fmt: skip
