"""A small market for runs without sockets: ten contracts with rules of every sort, cheap enough to build a
thousand times.

Every price, spread, depth and funding rate is a function of the seed and the time, so a run that is repeated
sees the same market at the same moments, and the clock may jump. ``jump`` moves a price from a moment on;
``volatility`` and ``depth`` say how wild and how thin it is. Times are milliseconds since the epoch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from holdfast.sim.bybit.ports import Candle
from holdfast.sim.instruments import LINEAR, SPOT, SimInstrument

STEP_MS: Final = 250
LEVELS: Final = 15
MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
_WAVES_MS: Final = tuple(1000 * 8**n for n in range(7))
"""Periods of the waves whose sum is a price's walk, from one second to three days."""
_MASK: Final = (1 << 64) - 1
_WALK, _SPREAD, _SIZE, _PREMIUM, _FUNDING, _GAP = range(1, 7)

Key = tuple[str, str]
Listing = tuple[str, str, int, float, str, str, int, str, str, str, int, int, float]

LISTINGS: Final[tuple[Listing, ...]] = (
    # symbol, coin, multiplier, price, tick, lot, least lots, least value, most at market, most at limit,
    # leverage, funding minutes (0: spot), USD on a level of the book
    ("BTCUSDT", "bitcoin", 1, 97_000, "0.1", "0.001", 1, "5", "119", "1190", 100, 480, 400_000),
    ("ETHUSDT", "ethereum", 1, 3_500, "0.01", "0.01", 1, "5", "724", "7240", 100, 480, 250_000),
    ("SOLUSDT", "solana", 1, 240, "0.01", "0.1", 1, "5", "8000", "80000", 75, 480, 60_000),
    ("XRPUSDT", "ripple", 1, 1.4, "0.0001", "0.1", 1, "5", "500000", "5000000", 75, 240, 40_000),
    ("BNBUSDT", "binancecoin", 1, 640, "0.1", "0.01", 1, "5", "400", "4000", 50, 480, 30_000),
    ("DOGEUSDT", "dogecoin", 1, 0.39, "0.00001", "1", 1, "5", "900000", "9000000", 75, 480, 20_000),
    ("ADAUSDT", "cardano", 1, 0.85, "0.0001", "1", 5, "5", "200000", "2000000", 50, 240, 9_000),
    ("1000PEPEUSDT", "pepe", 1000, 0.019, "0.0000001", "100", 1, "5", "4000000", "40000000", 50, 240, 6_000),
    ("AVAXUSDT", "avalanche-2", 1, 36, "0.001", "0.1", 10, "10", "300", "9000", 50, 480, 2_500),
    ("TRXUSDT", "tron", 1, 0.2, "0.00001", "1", 1, "5", "60000", "3000000", 25, 60, 1_500),
    ("BTCUSDT", "bitcoin", 1, 97_000, "0.01", "0.000001", 48, "5", "83", "83", 10, 0, 150_000),
    ("ETHUSDT", "ethereum", 1, 3_500, "0.01", "0.00001", 100, "5", "1300", "1300", 10, 0, 80_000),
)


@dataclass(frozen=True, slots=True)
class SmallBook:
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]
    sequence: int


class SmallMarket:
    """Answers ``ports.Market``. ``now_ms`` reads the clock; ``volatility`` is about the share a price moves
    in a day, ``depth`` multiplies what stands in the books."""

    def __init__(
        self, seed: int, now_ms: Callable[[], int], *, volatility: float = 0.04, depth: float = 1.0
    ) -> None:
        self.depth = depth
        self._seed = _mixed(seed & _MASK)
        self._now_ms = now_ms
        self._amplitudes = _amplitudes(volatility)
        self._listings = {_key(one): one for one in LISTINGS}
        self._listed = {key: _instrument(one, n) for n, (key, one) in enumerate(self._listings.items(), 1)}
        self._streams = {coin: n for n, coin in enumerate(dict.fromkeys(one[1] for one in LISTINGS), 1)}
        self._ends: dict[Key, int] = {}
        self._jumps: dict[str, list[tuple[int, float]]] = {}
        self._coin_prices: dict[tuple[str, int], float] = {}
        self._books: dict[tuple[Key, int], SmallBook] = {}

    @property
    def instruments(self) -> dict[Key, SimInstrument]:
        """What is listed, with the status of this moment."""
        for key, end_ms in self._ends.items():
            if self._now_ms() >= end_ms and self._listed[key].status == "Trading":
                self._listed[key] = replace(self._listed[key], status="Delivering")
        return self._listed

    def set_status(self, symbol: str, status: str, category: str = LINEAR) -> None:
        """Force a status: Trading, PreLaunch, Delivering or Closed."""
        key = (category, symbol)
        self._ends.pop(key, None)
        end_ms = self._now_ms() if status in ("Delivering", "Closed") else 0
        self._listed[key] = replace(self._listed[key], status=status, delivery_ms=end_ms)

    def delist(self, symbol: str, at_ms: int, category: str = LINEAR) -> None:
        """Announce that ``symbol`` ends at ``at_ms``."""
        key = (category, symbol)
        self._ends[key] = at_ms
        self._listed[key] = replace(self._listed[key], delivery_ms=at_ms)

    def jump(self, symbol: str, at_ms: int, factor: float, category: str = LINEAR) -> None:
        """From ``at_ms`` on the coin behind ``symbol`` is worth ``factor`` times what it would have been."""
        coin = self._listed[category, symbol].coin_id
        self._jumps.setdefault(coin, []).append((at_ms, factor))
        self._forget()

    def set_price_shock(self, symbol: str, factor: float, category: str = LINEAR) -> None:
        self.jump(symbol, self._now_ms(), factor, category)

    # -- prices ---------------------------------------------------------------------------------------------

    def index_price(self, coin_id: str, at_ms: int) -> float:
        """USD for one coin."""
        step = at_ms // STEP_MS
        found = self._coin_prices.get((coin_id, step))
        if found is None:
            found = self._coin_prices[coin_id, step] = self._walked(coin_id, step * STEP_MS)
            self._keep_small()
        return found

    def _walked(self, coin_id: str, at_ms: int) -> float:
        start = next(one for one in LISTINGS if one[1] == coin_id)
        stream = self._streams[coin_id]
        level = sum(
            amplitude * self._wave(stream, number, at_ms / period)
            for number, (period, amplitude) in enumerate(zip(_WAVES_MS, self._amplitudes, strict=True))
        )
        factor = math.prod(factor for moment, factor in self._jumps.get(coin_id, ()) if at_ms >= moment)
        return start[3] / start[2] * math.exp(level) * factor

    def _wave(self, stream: int, number: int, place: float) -> float:
        """A smooth random line through one value in [-1, 1] per period."""
        before = math.floor(place)
        share = place - before
        left, right = (self._noise(_WALK, stream * 16 + number, before + n) * 2 - 1 for n in (0, 1))
        return left + (right - left) * share * share * (3 - 2 * share)

    def _noise(self, kind: int, stream: int, place: int) -> float:
        """Uniform in [0, 1), of the seed and the arguments alone."""
        word = _mixed(self._seed ^ _mixed(kind << 32 | stream) ^ _mixed(place & _MASK))
        return word / (_MASK + 1)

    def _mid(self, one: SimInstrument, at_ms: int) -> float:
        """Where the book stands: the index and a premium of some basis points."""
        if one.category == SPOT:
            return self.index_price(one.coin_id, at_ms)
        stream = self._streams[one.coin_id]
        premium = 0.0004 * self._wave(stream, 15, at_ms / 600_000)
        return self.index_price(one.coin_id, at_ms) * one.multiplier * (1 + premium)

    def mark_price(self, category: str, symbol: str, at_ms: int | None = None) -> Decimal:
        """The mean of index and book, on the tick grid."""
        at_ms = self._now_ms() if at_ms is None else at_ms
        one = self._listed[category, symbol]
        index = self.index_price(one.coin_id, at_ms) * one.multiplier
        return _ticks((index + self._mid(one, at_ms)) / 2, one.tick)

    def last_price(self, category: str, symbol: str, at_ms: int | None = None) -> Decimal:
        at_ms = self._now_ms() if at_ms is None else at_ms
        book = self._whole_book((category, symbol), at_ms)
        bought = self._noise(_SIZE, self._streams[self._listed[category, symbol].coin_id], at_ms // STEP_MS)
        return book.asks[0][0] if bought < 0.5 else book.bids[0][0]

    def book(self, category: str, symbol: str, depth: int, at_ms: int | None = None) -> SmallBook:
        whole = self._whole_book((category, symbol), self._now_ms() if at_ms is None else at_ms)
        return SmallBook(whole.bids[:depth], whole.asks[:depth], whole.sequence)

    def _whole_book(self, key: Key, at_ms: int) -> SmallBook:
        step = at_ms // STEP_MS
        found = self._books.get((key, step))
        if found is None:
            found = self._books[key, step] = self._made_book(key, step)
            self._keep_small()
        return found

    def _made_book(self, key: Key, step: int) -> SmallBook:
        """The thinner a contract, the wider its spread."""
        one, per_level = self._listed[key], self._listings[key][12] * self.depth
        stream = self._streams[one.coin_id] * 2 + (one.category == SPOT)
        mid = self._mid(one, step * STEP_MS)
        spread = mid * (0.00002 + 2 / (self._listings[key][12] ** 0.9 + 1000))
        spread *= 0.5 + 2 * self._noise(_SPREAD, stream, step // 4) ** 3
        bid = max(2, int((mid - spread / 2) / float(one.tick)))
        ask = max(bid + 1, math.ceil((mid + spread / 2) / float(one.tick)))
        gap = max(1, int(spread / float(one.tick)))
        least = one.min_qty / one.lot
        sides: list[list[tuple[Decimal, Decimal]]] = []
        for direction, best in ((-1, bid), (1, ask)):
            levels, tick = [], best
            for number in range(LEVELS):
                place = (step // 2) * LEVELS * 2 + number * 2 + (direction > 0)
                noise = self._noise(_SIZE, stream, place)
                lots = int(per_level * (0.2 + 2.4 * noise * noise) / (mid * float(one.lot)))
                levels.append((tick * one.tick, max(Decimal(lots), least) * one.lot))
                tick += direction * (1 + int(gap * self._noise(_GAP, stream, place)))
                if tick <= 0:
                    break
            sides.append(levels)
        return SmallBook(sides[0], sides[1], step)

    def _keep_small(self) -> None:
        if len(self._books) > 4096 or len(self._coin_prices) > 16_384:
            self._forget()

    def _forget(self) -> None:
        self._books.clear()
        self._coin_prices.clear()

    # -- what the other routes show -------------------------------------------------------------------------

    def funding_rate(self, symbol: str, at_ms: int) -> Decimal:
        """The rate of the period that ends at or after ``at_ms``: mostly 0.01 %, now and then steep, and of
        either sign."""
        one = self._listed[LINEAR, symbol]
        period = -(-at_ms // (one.funding_interval_minutes * MINUTE_MS))
        noise = self._noise(_FUNDING, self._streams[one.coin_id], period)
        return Decimal(f"{0.0001 + 0.003 * (noise * 2 - 1) ** 3:.8f}")

    def candles(
        self, category: str, symbol: str, interval_ms: int, start_ms: int, end_ms: int
    ) -> list[Candle]:
        one = self._listed[category, symbol]
        interval_ms = 30 * DAY_MS if interval_ms <= 0 else interval_ms
        rows: list[Candle] = []
        for opened in range(start_ms // interval_ms * interval_ms, end_ms + 1, interval_ms):
            points = [
                _ticks(self._mid(one, min(opened + part * interval_ms // 4, self._now_ms())), one.tick)
                for part in range(5)
            ]
            volume = Decimal(int(self._listings[category, symbol][12] * 20 / float(points[0])))
            turnover = volume * points[0]
            rows.append((opened, points[0], max(points), min(points), points[-1], volume, turnover))
        return rows

    def public_trades(self, _category: str, _symbol: str, _since_ms: int) -> list[Any]:
        """Nobody's trades are told here."""
        return []

    def ticker(self, category: str, symbol: str) -> dict[str, str]:
        """One row, with the fields of ``market/tickers``."""
        now_ms, one = self._now_ms(), self._listed[category, symbol]
        book, last = self._whole_book((category, symbol), now_ms), self.last_price(category, symbol)
        ago = _ticks(self._mid(one, now_ms - DAY_MS), one.tick)
        turnover = self._listings[category, symbol][12] * 2000
        row = {
            "symbol": symbol,
            "lastPrice": f"{last:f}",
            "prevPrice24h": f"{ago:f}",
            "price24hPcnt": f"{last / ago - 1:.6f}",
            "highPrice24h": f"{max(last, ago):f}",
            "lowPrice24h": f"{min(last, ago):f}",
            "turnover24h": f"{turnover:.4f}",
            "volume24h": f"{_ticks(turnover / float(last), one.lot):f}",
            "bid1Price": f"{book.bids[0][0]:f}",
            "bid1Size": f"{book.bids[0][1]:f}",
            "ask1Price": f"{book.asks[0][0]:f}",
            "ask1Size": f"{book.asks[0][1]:f}",
        }
        index = self.index_price(one.coin_id, now_ms) * one.multiplier
        if category == SPOT:
            return row | {"usdIndexPrice": f"{index:.10f}"}
        period_ms = one.funding_interval_minutes * MINUTE_MS
        interest = f"{_ticks(turnover / 3 / float(last), one.lot):f}"
        return row | {
            "indexPrice": f"{_ticks(index, one.tick):f}",
            "markPrice": f"{self.mark_price(LINEAR, symbol):f}",
            "prevPrice1h": f"{_ticks(self._mid(one, now_ms - 60 * MINUTE_MS), one.tick):f}",
            "openInterest": interest,
            "openInterestValue": f"{turnover / 3:.4f}",
            "singleOpenInterest": interest,
            "singleOpenInterestValue": f"{turnover / 3:.4f}",
            "fundingRate": f"{self.funding_rate(symbol, now_ms + 1):f}",
            "nextFundingTime": str((now_ms // period_ms + 1) * period_ms),
            "fundingIntervalHour": str(one.funding_interval_minutes // 60),
            "fundingCap": "0.00375",
        }

    def tickers(self, category: str) -> list[dict[str, str]]:
        return [
            self.ticker(kind, symbol)
            for (kind, symbol), one in self.instruments.items()
            if kind == category and one.status == "Trading"
        ]


def _key(listing: Listing) -> Key:
    return (LINEAR if listing[11] else SPOT, listing[0])


def _instrument(listing: Listing, number: int) -> SimInstrument:
    symbol, coin, multiplier, _, tick, lot, least, value, market, limit, leverage, minutes, _ = listing
    return SimInstrument(
        symbol=symbol,
        category=LINEAR if minutes else SPOT,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        settle="USDT" if minutes else "",
        coin_id=coin,
        multiplier=multiplier,
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_qty=least * Decimal(lot),
        min_notional=Decimal(value),
        max_market_qty=Decimal(market),
        max_limit_qty=Decimal(limit),
        max_leverage=Decimal(leverage),
        funding_interval_minutes=minutes,
        status="Trading",
        launch_ms=0,
        delivery_ms=0,
        contract_type="LinearPerpetual" if minutes else "",
        symbol_id=number,
        symbol_type="",
    )


def _amplitudes(volatility: float) -> list[float]:
    """A wave's share grows with the root of its period, as a random walk's distance does."""
    return [volatility * math.sqrt(period / DAY_MS) for period in _WAVES_MS]


def _ticks(value: float, tick: Decimal) -> Decimal:
    return max(1, round(value / float(tick))) * tick


def _mixed(word: int) -> int:
    """SplitMix64's finaliser: every bit of the answer depends on every bit of ``word``."""
    word = (word + 0x9E3779B97F4A7C15) & _MASK
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
    return word ^ (word >> 31)
