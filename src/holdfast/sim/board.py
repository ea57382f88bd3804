"""Prices of all symbols of one category at one step, computed together and kept as integers on the grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from holdfast.sim.books import least_lots, touch_lots
from holdfast.sim.instruments import SimInstrument
from holdfast.sim.noise import Floats, Ints, Noise
from holdfast.sim.paths import HOUR_MS, ORIGIN_MS

PREMIUM: Final = 0.0008
MARK_NOISE: Final = 0.0001
FUTURES_CARRY: Final = 0.05
_YEAR_MS: Final = 365 * 86_400_000
_SLOW, _FAST, _MARK, _SPREAD, _SIDE, _CROWD = range(101, 107)
VENUE_SHARE: Final = {"LinearPerpetual": 0.2, "LinearFutures": 0.004, "": 0.05}
"""The venue's part of a coin's traded value, by contract type ("" is spot)."""
USDC_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Sweep:
    """One moment of one category: ``index`` in quote coin per unit of base, sizes in lots, the rest ticks."""

    last: Ints
    bid: Ints
    ask: Ints
    mark: Ints
    index: Floats
    bid_lots: Ints
    ask_lots: Ints


class Board:
    def __init__(
        self,
        noise: Noise,
        instruments: Sequence[SimInstrument],
        columns: Sequence[int],
        values: Sequence[float],
        parts: Sequence[float],
    ) -> None:
        """``columns`` and ``values`` are each path's place on the tape and its USD traded on a normal day;
        ``parts`` how much of that is the instrument's own coin (1 unless the coin follows another)."""
        self._noise = noise
        self.instruments = tuple(instruments)
        self.place = {one.symbol: place for place, one in enumerate(instruments)}
        self.columns: Ints = np.array(columns, dtype=np.int64)
        self.tick = np.array([float(one.tick) for one in instruments])
        self.lot = np.array([float(one.lot) for one in instruments])
        self.multiplier = np.array([float(one.multiplier) for one in instruments])
        self.share = np.array(
            [USDC_SHARE if one.quote == "USDC" else VENUE_SHARE[one.contract_type] for one in instruments]
        ) * np.array(parts)
        """Turnover of the instrument as a part of the value traded on its path."""
        self._stream = np.array([one.symbol_id for one in instruments])
        self._least = np.array([least_lots(one) for one in instruments])
        self.crowding = noise.uniform(_CROWD, self._stream, 0)
        """How much open interest there is for the volume, in (0, 1)."""
        self._perpetual = np.array([one.is_perpetual for one in instruments])
        self._bound = np.full(len(self.instruments), PREMIUM)
        self._delivery = np.array(
            [one.delivery_ms if one.contract_type == "LinearFutures" else 0 for one in instruments]
        )
        self.turnover = np.array(values) * self.share
        """A normal day's turnover in quote coin."""

    def without_premium(self, place: int) -> None:
        """Let the last price of one perpetual be its index (a recording is shown as it was)."""
        self._bound[place] = 0.0

    def premium(self, hours: Ints | int, place: int | slice = slice(None)) -> Floats:
        """Relative distance of the last price from the index: bounded and slow; the carry of a future."""
        stream = self._stream[place]
        day, within = np.divmod(hours, 24)
        today, tomorrow = (self._noise.uniform(_SLOW, stream, edge) for edge in (day, day + 1))
        slow = (today * (24 - within) + tomorrow * within) / 24
        bounded = self._bound[place] * (
            1.6 * (slow - 0.46) + 0.2 * (self._noise.uniform(_FAST, stream, hours) - 0.5)
        )
        remaining = (
            np.maximum(self._delivery[place] - (ORIGIN_MS + np.asarray(hours) * HOUR_MS), 0) / _YEAR_MS
        )
        premium: Floats = np.where(self._perpetual[place], bounded, FUTURES_CARRY * remaining)
        return premium

    def ticks(self, price: Floats, hours: Ints, place: int) -> Ints:
        """Last prices, on the grid, of one symbol from its coin's prices and the hours they belong to."""
        one_unit = price * self.multiplier[place] * (1 + self.premium(hours, place))
        ticks: Ints = np.maximum(np.rint(one_unit / self.tick[place]), 2).astype(np.int64)
        return ticks

    def sweep(self, coin_prices: Floats, step: int, hour: int) -> Sweep:
        """``coin_prices`` by instrument (already picked by ``columns`` and scaled)."""
        index = coin_prices * self.multiplier
        premium = self.premium(hour)
        last = np.maximum(np.rint(index * (1 + premium) / self.tick), 2)
        drift = MARK_NOISE * (2 * self._noise.uniform(_MARK, self._stream, step // 20) - 1)
        mark = np.maximum(np.rint(index * (1 + 0.5 * premium + drift) / self.tick), 1)
        width = self._spread_ticks(last, step)
        buyer = self._noise.uniform(_SIDE, self._stream, step) < 0.5
        bid = np.where(buyer, np.maximum(last - width, 1), last)
        ask = np.where(buyer, last, last + width)
        return Sweep(
            last.astype(np.int64),
            bid.astype(np.int64),
            ask.astype(np.int64),
            mark.astype(np.int64),
            index,
            self._lots_at(bid, -1, step),
            self._lots_at(ask, 1, step),
        )

    def _lots_at(self, price: Floats, side: int, step: int) -> Ints:
        value_of_lot = price * self.tick * self.lot
        return touch_lots(self._noise, self._stream, side, step, self.turnover, value_of_lot, self._least)

    def _spread_ticks(self, last: Floats, step: int) -> Floats:
        """From one tick for the most traded to a fifth of a per cent for the least."""
        relative = np.minimum(8e-4 * (self.turnover / 1e6) ** -0.75, 2e-3)
        jitter = 0.5 + self._noise.uniform(_SPREAD, self._stream, step // 4)
        ticks: Floats = np.maximum(np.rint(relative * jitter * last), 1)
        return ticks
