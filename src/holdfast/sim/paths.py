"""Log-prices of every coin at every moment, reachable at random.

A day's closing levels are a mean-reverting walk (so prices stay near their level for years). Inside a day the
path is refined three times by Brownian bridges: day → hour → minute → half second. Each finer path is folded
into the high and low that the coarser level drew from the exact law of a bridge's extremes (Karatzas and
Shreve, 4.3.40), so a candle of any length is known without walking through it.

Returns are correlated through one market factor and one factor per sector, their variance follows the hour of
the day, the weekend and a persistent regime, and their tails are fat.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from holdfast.sim.coins import SECTORS, SimCoin, day_ms
from holdfast.sim.noise import Floats, Ints, Noise

ORIGIN_MS: Final = day_ms(2020, 1, 1)
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
MINUTE_MS: Final = 60_000
STEP_MS: Final = 500
STEPS: Final = MINUTE_MS // STEP_MS
"""Steps in a minute. The last one already shows the next minute's opening price, so that the close of a
candle is the open of the next."""

MARKET_VOL: Final = 0.019
SECTOR_VOL: Final = 0.010
_MARKET_PULL: Final = 1 / 120
_OWN_PULL: Final = 1 / 45
_PEG_PULL: Final = 0.5
_TAIL: Final = 0.3
_GROWTH_DAYS: Final = 400

_DAY, _HOUR, _MINUTE, _STEP, _HIGH, _LOW, _REGIME, _VOLUME, _SHARE = range(1, 10)
_HOUR_OF_DAY: Final = 1 + 0.55 * np.cos(2 * np.pi * (np.arange(24) - 15) / 24)


@dataclass(frozen=True, slots=True)
class Bars:
    """Arrays [time, coin] of log-prices: what happened between two edges of a grid."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


class PriceField:
    """The fundamental log-price of coins that have no parent, on grids counted from ``ORIGIN_MS``."""

    def __init__(self, seed: int, coins: Sequence[SimCoin]) -> None:
        self._noise = Noise(seed)
        self._level = np.log([coin.price for coin in coins])
        self._own_vol = np.array([coin.daily_vol for coin in coins])
        self._loads = np.zeros((1 + len(SECTORS), len(coins)))
        self._loads[0] = [coin.beta * MARKET_VOL for coin in coins]
        for column, coin in enumerate(coins):
            if coin.beta and coin.sector != "major":
                self._loads[1 + SECTORS.index(coin.sector), column] = SECTOR_VOL
        self._variance = (self._loads**2).sum(axis=0) + self._own_vol**2
        self._pull = np.array([_PEG_PULL if coin.pegged else _OWN_PULL for coin in coins])
        self._volume = np.array([coin.daily_volume for coin in coins])
        self._streams = np.arange(len(coins)) + len(self._loads)
        self.every: Ints = np.arange(len(coins))
        self._days = self._level[None, :]
        self._state = np.zeros(len(self._loads) + len(coins))
        self._all_minutes = lru_cache(maxsize=8)(self._minutes_of_hour)
        self._all_hours = lru_cache(maxsize=8)(self._hours_of_day)

    # -- the grids ------------------------------------------------------------------------------------------

    def hours(self, first: int, count: int, coins: Ints) -> Bars:
        """Bars of ``count`` hours from hour ``first``."""
        day, skip = divmod(first, 24)
        days = -(-(first + count) // 24) - day
        if days == 1 and coins is self.every:
            return _cut(self._all_hours(day), skip, count)
        return _cut(self._refine_days(day, days, coins), skip, count)

    def minutes(self, first: int, count: int, coins: Ints) -> Bars:
        """Bars of ``count`` minutes from minute ``first``."""
        hour, skip = divmod(first, 60)
        hours = -(-(first + count) // 60) - hour
        if hours == 1 and coins is self.every:
            return _cut(self._all_minutes(hour), skip, count)
        return _cut(self._refine_hours(hour, hours, coins), skip, count)

    def steps(self, minute: int, coins: Ints) -> Floats:
        """The path [step, coin] through one minute."""
        bar = self.minutes(minute, 1, coins)
        index = minute * STEPS + np.arange(STEPS - 1)[None, :]
        weights = np.full((1, STEPS - 1), 1 / (STEPS - 1))
        variance = self.hour_variance(minute // 60, 1) * self._minute_shares(minute // 60, 1)[:, minute % 60]
        path = self._bridge(_STEP, index, weights, variance, bar.open, bar.close, coins)
        return _fold(path[0], bar.low, bar.high)

    def _hours_of_day(self, day: int) -> Bars:
        return self._refine_days(day, 1, self.every)

    def _minutes_of_hour(self, hour: int) -> Bars:
        return self._refine_hours(hour, 1, self.every)

    def _refine_days(self, day: int, days: int, coins: Ints) -> Bars:
        levels = self._daily(day + days)[day : day + days + 1, coins]
        variance = self.hour_variance(day * 24, days * 24)
        by_day = variance.reshape(days, 24)
        index = (np.arange(days * 24) + day * 24).reshape(days, 24)
        total = by_day.sum(axis=1)
        path = self._bridge(_HOUR, index, by_day / total[:, None], total, levels[:-1], levels[1:], coins)
        return self._bars(path, variance, index.ravel(), _HOUR, coins)

    def _refine_hours(self, hour: int, hours: int, coins: Ints) -> Bars:
        outer = self.hours(hour, hours, coins)
        shares = self._minute_shares(hour, hours)
        total = self.hour_variance(hour, hours)
        index = (np.arange(hours * 60) + hour * 60).reshape(hours, 60)
        path = self._bridge(_MINUTE, index, shares, total, outer.open, outer.close, coins)
        path = _fold(path, outer.low[:, None], outer.high[:, None])
        bars = self._bars(path, (shares * total[:, None]).ravel(), index.ravel(), _MINUTE, coins)
        high = np.minimum(bars.high.reshape(path.shape[0], 60, -1), outer.high[:, None])
        low = np.maximum(bars.low.reshape(path.shape[0], 60, -1), outer.low[:, None])
        # The minute that came nearest to the hour's high or low is the one that touched it.
        np.put_along_axis(high, high.argmax(axis=1)[:, None], outer.high[:, None], axis=1)
        np.put_along_axis(low, low.argmin(axis=1)[:, None], outer.low[:, None], axis=1)
        return Bars(bars.open, high.reshape(bars.high.shape), low.reshape(bars.low.shape), bars.close)

    def _bridge(
        self,
        level: int,
        index: Ints,
        weights: Floats,
        variance: Floats,
        start: Floats,
        end: Floats,
        coins: Ints,
    ) -> Floats:
        """Paths [parent, edge, coin] from ``start`` to ``end``; ``weights`` share the variance out."""
        factors = self._noise.normal(level, np.arange(len(self._loads)), index[..., None], tail=_TAIL)
        own = self._noise.normal(level, self._streams[coins], index[..., None], tail=_TAIL)
        increments = factors @ self._loads[:, coins] + own * self._own_vol[coins]
        increments *= np.sqrt(weights * variance[:, None])[..., None]
        walk = np.zeros((index.shape[0], index.shape[1] + 1, len(coins)))
        np.cumsum(increments, axis=1, out=walk[:, 1:])
        clock = np.zeros((index.shape[0], index.shape[1] + 1, 1))
        clock[:, 1:, 0] = np.cumsum(weights, axis=1)
        return start[:, None] + walk + clock * ((end - start)[:, None] - walk[:, -1:])

    def _bars(self, path: Floats, variance: Floats, index: Ints, level: int, coins: Ints) -> Bars:
        first = path[:, :-1].reshape(-1, len(coins))
        last = path[:, 1:].reshape(-1, len(coins))
        spread = 2 * variance[:, None] * self._variance[coins]
        middle, half = (first + last) / 2, (first - last) / 2
        streams = self._streams[coins]
        above = np.log(self._noise.uniform(_HIGH * 100 + level, streams, index[:, None]))
        below = np.log(self._noise.uniform(_LOW * 100 + level, streams, index[:, None]))
        high = middle + np.sqrt(half**2 - spread / 4 * above)
        low = middle - np.sqrt(half**2 - spread / 4 * below)
        return Bars(first, high, low, last)

    def days(self, first: int, count: int) -> Floats:
        """Levels [day, coin] at the opening of ``count`` days."""
        return self._daily(first + count)[first : first + count]

    def daily_value(self, coin: int) -> float:
        """USD traded on a normal day."""
        return float(self._volume[coin])

    # -- the days -------------------------------------------------------------------------------------------

    def _daily(self, day: int) -> Floats:
        """Levels [day edge, coin] at least up to ``day``."""
        while len(self._days) <= day:
            self._grow()
        return self._days

    def _grow(self) -> None:
        start = len(self._days) - 1
        index = np.arange(start, start + _GROWTH_DAYS)
        shocks = self._noise.normal(_DAY, np.arange(len(self._state)), index[:, None], tail=_TAIL)
        shocks *= np.sqrt(self.hour_variance(start * 24, _GROWTH_DAYS * 24).reshape(-1, 24).sum(axis=1))[
            :, None
        ]
        keep = 1 - np.concatenate([np.full(len(self._loads), _MARKET_PULL), self._pull])
        states = np.empty((_GROWTH_DAYS, len(self._state)))
        state = self._state
        for row, shock in enumerate(shocks):
            state = state * keep + shock
            states[row] = state
        self._state = state
        factors, own = states[:, : len(self._loads)], states[:, len(self._loads) :]
        levels = self._level + factors @ self._loads + own * self._own_vol
        self._days = np.concatenate([self._days, levels])

    # -- busy and quiet -------------------------------------------------------------------------------------

    def hour_variance(self, first: int, count: int) -> Floats:
        """Shares of a normal day's variance, about 1/24 each: the hour, the weekend and the regime."""
        hours = np.arange(first, first + count)
        days = hours // 24
        day_noise = self._noise.normal(_REGIME, 0, np.stack([days - 2, days - 1, days]))
        regime = 0.5 * day_noise.sum(axis=0) / np.sqrt(3) + 0.35 * self._noise.normal(_REGIME, 1, hours)
        weekend = np.where((days + 2) % 7 >= 5, 0.6, 1.1)  # the origin is a Wednesday
        shares: Floats = _HOUR_OF_DAY[hours % 24] * weekend * np.exp(regime - 0.19) / 24
        return shares

    def _minute_shares(self, hour: int, hours: int) -> Floats:
        minutes = (np.arange(hours * 60) + hour * 60).reshape(hours, 60)
        weights = np.exp(0.6 * self._noise.normal(_SHARE, 0, minutes))
        shares: Floats = weights / weights.sum(axis=1, keepdims=True)
        return shares

    def hour_volumes(self, first: int, count: int, coins: Ints) -> Floats:
        """Traded value [hour, coin] in USD, all venues together."""
        hours = np.arange(first, first + count)[:, None]
        own = np.exp(0.45 * self._noise.normal(_VOLUME, self._streams[coins], hours) - 0.1)
        volumes: Floats = self._volume[coins] * self.hour_variance(first, count)[:, None] * own
        return volumes

    def minute_volumes(self, hour: int, hours: int, coins: Ints) -> Floats:
        """The same for the minutes of ``hours`` hours; each hour's minutes add up to the hour."""
        minutes = (np.arange(hours * 60) + hour * 60).reshape(hours, 60)
        own = np.exp(0.7 * self._noise.normal(_SHARE, self._streams[coins], minutes[..., None]))
        weights = own * self._minute_shares(hour, hours)[..., None]
        shares = weights / weights.sum(axis=1, keepdims=True)
        volumes: Floats = (shares * self.hour_volumes(hour, hours, coins)[:, None]).reshape(-1, len(coins))
        return volumes


def _cut(bars: Bars, skip: int, count: int) -> Bars:
    span = slice(skip, skip + count)
    return Bars(bars.open[span], bars.high[span], bars.low[span], bars.close[span])


def _fold(path: Floats, low: Floats, high: Floats) -> Floats:
    """Reflect ``path`` at the two bounds until it lies between them."""
    width = np.maximum(high - low, 1e-12)
    phase = np.mod(path - low, 2 * width)
    folded: Floats = low + np.where(phase > width, 2 * width - phase, phase)
    return np.clip(folded, low, high)
