"""A small market for venues without sockets: contracts with rules of several sorts, cheap to build.

Every price, spread, depth and funding rate is a function of the seed and the time alone, so a run that is
repeated sees the same market at the same moments, and the clock may jump. Times are milliseconds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from holdfast.sim.instruments import LINEAR, SimInstrument

STEP_MS: Final = 250
LEVELS: Final = 15
MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
WAVES_MS: Final = tuple(1000 * 8**n for n in range(7))
"""Periods of the waves whose sum is a price's walk, from one second to three days."""
VOLATILITY: Final = 0.04
"""About the share a price moves in a day."""
_MASK: Final = (1 << 64) - 1
_WALK, _SPREAD, _SIZE, _FUNDING, _GAP = range(1, 6)

Key = tuple[str, str]
Listing = tuple[str, int, float, str, str, int, str, str, str, int, int, float]

LISTINGS: Final[tuple[Listing, ...]] = (
    # symbol, multiplier, price, tick, lot, least lots, least value, most at market, most at limit, leverage,
    # funding minutes, USD on a level of the book
    ("BTCUSDT", 1, 97_000, "0.1", "0.001", 1, "5", "119", "1190", 100, 480, 400_000),
    ("ETHUSDT", 1, 3_500, "0.01", "0.01", 1, "5", "724", "7240", 100, 480, 250_000),
    ("XRPUSDT", 1, 1.4, "0.0001", "0.1", 1, "5", "500000", "5000000", 75, 240, 40_000),
    ("1000PEPEUSDT", 1000, 0.019, "0.0000001", "100", 1, "5", "4000000", "40000000", 50, 240, 6_000),
    ("AVAXUSDT", 1, 36, "0.001", "0.1", 10, "10", "300", "9000", 50, 480, 2_500),
    ("TRXUSDT", 1, 0.2, "0.00001", "1", 1, "5", "60000", "3000000", 25, 60, 1_500),
)


@dataclass(frozen=True, slots=True)
class SmallBook:
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]
    sequence: int


class SmallMarket:
    """Answers what ``sim.bybit.ports.Market`` asks, for linear contracts. ``now_ms`` reads the clock."""

    def __init__(self, seed: int, now_ms: Callable[[], int]) -> None:
        self._seed = _mixed(seed & _MASK)
        self._now_ms = now_ms
        self._listings = {one[0]: (number, one) for number, one in enumerate(LISTINGS, 1)}
        self.instruments = {
            (LINEAR, symbol): _instrument(one, number) for symbol, (number, one) in self._listings.items()
        }
        self._jumps: dict[str, list[tuple[int, float]]] = {}
        self._books: dict[tuple[str, int], SmallBook] = {}

    def jump(self, symbol: str, at_ms: int, factor: float) -> None:
        """From ``at_ms`` on the coin behind ``symbol`` is worth ``factor`` times what it would have been."""
        self._jumps.setdefault(symbol, []).append((at_ms, factor))
        self._books.clear()

    def index_price(self, coin_id: str, at_ms: int) -> float:
        """USD for one coin; its id is its symbol."""
        number, one = self._listings[coin_id]
        step_ms = at_ms // STEP_MS * STEP_MS
        level = sum(
            VOLATILITY * math.sqrt(period / DAY_MS) * self._wave(number * 16 + wave, step_ms / period)
            for wave, period in enumerate(WAVES_MS)
        )
        factor = math.prod(factor for moment, factor in self._jumps.get(coin_id, ()) if at_ms >= moment)
        return one[2] / one[1] * math.exp(level) * factor

    def _wave(self, stream: int, place: float) -> float:
        """A smooth random line through one value in [-1, 1] per period."""
        before = math.floor(place)
        share = place - before
        left, right = (self._noise(_WALK, stream, before + n) * 2 - 1 for n in (0, 1))
        return left + (right - left) * share * share * (3 - 2 * share)

    def _noise(self, kind: int, stream: int, place: int) -> float:
        """Uniform in [0, 1), of the seed and the arguments alone."""
        word = _mixed(self._seed ^ _mixed(kind << 32 | stream) ^ _mixed(place & _MASK))
        return word / (_MASK + 1)

    def _mid(self, symbol: str, at_ms: int) -> float:
        """Where the book stands: the index and a premium of some basis points."""
        number, one = self._listings[symbol]
        premium = 0.0004 * self._wave(number * 16 + 15, at_ms / 600_000)
        return self.index_price(symbol, at_ms) * one[1] * (1 + premium)

    def mark_price(self, _category: str, symbol: str, at_ms: int | None = None) -> Decimal:
        """The mean of index and book, on the tick grid."""
        at_ms = self._now_ms() if at_ms is None else at_ms
        index = self.index_price(symbol, at_ms) * self._listings[symbol][1][1]
        tick = self.instruments[LINEAR, symbol].tick
        return max(1, round((index + self._mid(symbol, at_ms)) / 2 / float(tick))) * tick

    def last_price(self, _category: str, symbol: str, at_ms: int | None = None) -> Decimal:
        at_ms = self._now_ms() if at_ms is None else at_ms
        book = self._whole_book(symbol, at_ms)
        bought = self._noise(_SIZE, self._listings[symbol][0], at_ms // STEP_MS)
        return book.asks[0][0] if bought < 0.5 else book.bids[0][0]

    def book(self, _category: str, symbol: str, depth: int, at_ms: int | None = None) -> SmallBook:
        whole = self._whole_book(symbol, self._now_ms() if at_ms is None else at_ms)
        return SmallBook(whole.bids[:depth], whole.asks[:depth], whole.sequence)

    def _whole_book(self, symbol: str, at_ms: int) -> SmallBook:
        step = at_ms // STEP_MS
        found = self._books.get((symbol, step))
        if found is None:
            found = self._books[symbol, step] = self._made_book(symbol, step)
            if len(self._books) > 1000:
                self._books.clear()
        return found

    def _made_book(self, symbol: str, step: int) -> SmallBook:
        """The thinner a contract, the wider its spread."""
        number, listing = self._listings[symbol]
        one, per_level = self.instruments[LINEAR, symbol], listing[11]
        mid = self._mid(symbol, step * STEP_MS)
        spread = mid * (0.00002 + 2 / (per_level**0.9 + 1000))
        spread *= 0.5 + 2 * self._noise(_SPREAD, number, step // 4) ** 3
        bid = max(2, int((mid - spread / 2) / float(one.tick)))
        ask = max(bid + 1, math.ceil((mid + spread / 2) / float(one.tick)))
        gap = max(1, int(spread / float(one.tick)))
        sides: list[list[tuple[Decimal, Decimal]]] = []
        for direction, best in ((-1, bid), (1, ask)):
            levels, tick = [], best
            for rank in range(LEVELS):
                place = (step // 2) * LEVELS * 2 + rank * 2 + (direction > 0)
                value = per_level * (0.2 + 2.4 * self._noise(_SIZE, number, place) ** 2)
                lots = int(value / (mid * float(one.lot)))
                levels.append((tick * one.tick, max(lots * one.lot, one.min_qty)))
                tick += direction * (1 + int(gap * self._noise(_GAP, number, place)))
            sides.append([level for level in levels if level[0] > 0])
        return SmallBook(sides[0], sides[1], step)

    def funding_rate(self, symbol: str, at_ms: int) -> Decimal:
        """The rate of the period that ends at or after ``at_ms``: mostly 0.01 %, at times steep, of either
        sign."""
        number, one = self._listings[symbol]
        noise = self._noise(_FUNDING, number, -(-at_ms // (one[10] * MINUTE_MS)))
        return Decimal(f"{0.0001 + 0.003 * (noise * 2 - 1) ** 3:.8f}")

    def candles(self, *_: Any) -> list[Any]:
        return []

    def public_trades(self, *_: Any) -> list[Any]:
        return []

    def ticker(self, category: str, symbol: str) -> dict[str, str]:
        """The members a test reads."""
        (bid, bid_size), (ask, ask_size) = (
            side[0] for side in (self.book(LINEAR, symbol, 1).bids, self.book(LINEAR, symbol, 1).asks)
        )
        return {
            "symbol": symbol,
            "lastPrice": f"{self.last_price(category, symbol):f}",
            "markPrice": f"{self.mark_price(category, symbol):f}",
            "bid1Price": f"{bid:f}",
            "bid1Size": f"{bid_size:f}",
            "ask1Price": f"{ask:f}",
            "ask1Size": f"{ask_size:f}",
        }

    def tickers(self, category: str) -> list[dict[str, str]]:
        return [self.ticker(category, symbol) for symbol in self._listings]


def _instrument(listing: Listing, number: int) -> SimInstrument:
    symbol, multiplier, _, tick, lot, least, value, market, limit, leverage, minutes, _ = listing
    return SimInstrument(
        symbol=symbol, category=LINEAR, base=symbol.removesuffix("USDT"), quote="USDT", settle="USDT",
        coin_id=symbol, multiplier=multiplier, tick=Decimal(tick), lot=Decimal(lot),
        min_qty=least * Decimal(lot), min_notional=Decimal(value), max_market_qty=Decimal(market),
        max_limit_qty=Decimal(limit), max_leverage=Decimal(leverage), funding_interval_minutes=minutes,
        status="Trading", launch_ms=0, delivery_ms=0, contract_type="LinearPerpetual", symbol_id=number,
        symbol_type="",
    )  # fmt: skip


def _mixed(word: int) -> int:
    """SplitMix64's finaliser: every bit of the answer depends on every bit of ``word``."""
    word = (word + 0x9E3779B97F4A7C15) & _MASK
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
    return word ^ (word >> 31)
