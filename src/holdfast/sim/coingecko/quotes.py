"""What CoinGecko knows of every coin, refreshed once a minute as the real service does."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from holdfast.sim.coins import SimCoin
from holdfast.sim.market import Market
from holdfast.sim.noise import Floats, Noise
from holdfast.sim.paths import DAY_MS, MINUTE_MS, ORIGIN_MS

REFRESH_MS: Final = 60_000
CURRENCIES: Final = ("usd", "eur", "gbp", "jpy", "btc", "eth", "bnb", "xrp", "sol")
_FIAT: Final = {"usd": 1.0, "eur": 0.858, "gbp": 0.747, "jpy": 155.2}
_COINS_AS_CURRENCY: Final = {
    "btc": "bitcoin", "eth": "ethereum", "bnb": "binancecoin", "xrp": "ripple", "sol": "solana",
}  # fmt: skip
WINDOWS: Final = {"1h": 1, "24h": 24, "7d": 168, "14d": 336, "30d": 720, "200d": 4800, "1y": 8760}
"""Hours of the windows of ``price_change_percentage``."""
_LAG = 401


@dataclass(frozen=True, slots=True)
class Quote:
    """One coin at one minute, in USD. ``cap`` and ``rank`` None: unknown, or left out of the ranking."""

    coin: SimCoin
    price: float
    supply: float | None
    max_supply: float | None
    cap: float | None
    cap_day_ago: float | None
    rank: int | None
    volume: float
    volume_before: float
    high: float
    low: float
    day_ago: float
    updated_ms: int


class Quotes:
    """Minutes are counted from ``ORIGIN_MS``."""

    def __init__(self, market: Market, seed: int) -> None:
        self._market = market
        self._noise = Noise(seed)
        self.at = lru_cache(maxsize=8)(self._at)
        """All listed coins' quotes at a minute, by id, in order of market cap, the unknown ones last."""
        self.changes = lru_cache(maxsize=16)(self._changes)
        self.extremes = lru_cache(maxsize=2)(self._extremes)

    def minute(self) -> int:
        return (self._market.clock.now_ms() - ORIGIN_MS) // MINUTE_MS

    def listed(self, coin: SimCoin, at_ms: int) -> bool:
        return coin.on_coingecko and not (coin.leaves_ms and at_ms >= coin.leaves_ms)

    def rate(self, currency: str, at_ms: int) -> float:
        """Units of ``currency`` for one USD."""
        fiat = _FIAT.get(currency)
        return fiat if fiat else 1 / self._market.index_price(_COINS_AS_CURRENCY[currency], at_ms)

    def scale(self, coin: SimCoin, hour: int) -> float:
        return float(self._market.scale(coin.id, hour))

    def _at(self, minute: int) -> dict[str, Quote]:
        now_ms = ORIGIN_MS + minute * MINUTE_MS
        coins = self._market.coins.values()
        lags = (self._noise.uniform(_LAG, np.arange(len(coins)), minute) * REFRESH_MS).astype(int).tolist()
        found = [
            self._quote(coin, now_ms, lag)
            for coin, lag in zip(coins, lags, strict=True)
            if self.listed(coin, now_ms)
        ]
        found.sort(key=lambda quote: -(quote.cap or 0.0))
        ranked: dict[str, Quote] = {}
        rank = 0
        for quote in found:
            if quote.cap is not None and not quote.coin.parent:
                rank += 1
                quote = _with_rank(quote, rank)
            ranked[quote.coin.id] = quote
        return ranked

    def _quote(self, coin: SimCoin, now_ms: int, lag: int) -> Quote:
        """A frozen coin keeps the figures of the moment its feed died."""
        seen_ms = now_ms if coin.frozen_ms is None else min(now_ms, coin.frozen_ms)
        seen = (seen_ms - ORIGIN_MS) // MINUTE_MS
        day = self._market.statistics(seen_ms)
        column = self._market.column(coin.id)
        unit = self.scale(coin, seen // 60)
        price = self._market.index_price(coin.id, seen_ms)
        day_ago = float(np.exp(day.day_ago[column])) * self.scale(coin, seen // 60 - 24)
        factor = self._market.supply_factor(coin.id, seen_ms)
        supply = None if coin.supply is None else coin.supply * factor
        supply_before = (coin.supply or 0.0) * self._market.supply_factor(coin.id, seen_ms - DAY_MS)
        share = coin.daily_volume / self._market.tape.field.daily_value(column)
        return Quote(
            coin=coin,
            price=price,
            supply=supply,
            max_supply=None if coin.max_supply is None else coin.max_supply * factor,
            cap=None if supply is None else price * supply,
            cap_day_ago=None if supply is None else day_ago * supply_before,
            rank=None,
            volume=float(day.value[column]) * share,
            volume_before=float(day.value_before[column]) * share,
            high=max(float(np.exp(day.high[column])) * unit, price),
            low=min(float(np.exp(day.low[column])) * unit, price),
            day_ago=day_ago,
            updated_ms=seen_ms - lag,
        )

    def _changes(self, hours: int, minute: int) -> Floats:
        """Relative price changes of all paths over ``hours``, by column of the tape."""
        tape = self._market.tape
        then = tape.hours(minute // 60 - hours, 1, tape.field.every).open[0]
        now = tape.minutes(minute, 1, tape.field.every).open[0]
        changes: Floats = np.exp(now - then) - 1
        return changes

    def _extremes(self, day: int) -> tuple[Floats, Any, Floats, Any]:
        """Highest and lowest daily levels (log-prices) so far and their days, by column of the tape."""
        levels = self._market.tape.days(0, day + 1)
        return levels.max(axis=0), levels.argmax(axis=0), levels.min(axis=0), levels.argmin(axis=0)


def _with_rank(quote: Quote, rank: int) -> Quote:
    values = {name: getattr(quote, name) for name in Quote.__slots__}
    return Quote(**values | {"rank": rank})


def day_of(at_ms: int) -> int:
    return (at_ms - ORIGIN_MS) // DAY_MS
