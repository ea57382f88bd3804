"""The trades of every pair in every minute, and what they add up to, reachable at random.

Candles come first: the tape says open, high, low and close of any minute. The orders of a minute are then
laid so that they add up to its candle exactly: the first trades at the open, the last at the close, one each
touches the high and the low, and the volume and the takers' purchases are shared out whole. Every pair has
the same number of orders in every minute, and each taker's order meets two makers: so ids count through
without a gap, and a trade is found by its id as well as by its time (sim rules).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from holdfast.sim.binance.listing import VOLUME_SHARE, Pair
from holdfast.sim.instruments import SPOT
from holdfast.sim.market import Market
from holdfast.sim.noise import Floats, Ints, Noise
from holdfast.sim.paths import HOUR_MS, MINUTE_MS, ORIGIN_MS, STEP_MS, STEPS

FILLS: Final = 2
"""Trades of one order, hence of one aggregate trade."""
FEWEST_ORDERS: Final = 4
MOST_ORDERS: Final = 150
_LOTS_A_TRADE: Final = 8
_BUY_LEAST, _BUY_WIDTH = 0.3, 0.4
_KEPT_MINUTES: Final = 1024
_BUYS, _TIMES, _SIDES, _SIZES = range(601, 605)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive hours or minutes of one pair: prices in ticks, ``lots`` traded and of these ``bought`` by
    takers, ``count`` trades from id ``first`` on."""

    open_ms: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    lots: Ints
    bought: Ints
    first: Ints
    count: Ints


@dataclass(frozen=True, slots=True)
class Trades:
    """In the order of their ids, which follow each other. ``buy``: the taker bought."""

    first_id: int
    at_ms: Ints
    ticks: Ints
    lots: Ints
    buy: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.at_ms)

    def cut(self, start: int, stop: int) -> "Trades":
        span = slice(start, stop)
        return Trades(
            self.first_id + start, self.at_ms[span], self.ticks[span], self.lots[span], self.buy[span]
        )

    def until(self, moment_ms: int) -> "Trades":
        """Those not later than ``moment_ms``."""
        return self.cut(0, int(np.searchsorted(self.at_ms, moment_ms, side="right")))


class Flow:
    def __init__(self, market: Market) -> None:
        self._market = market
        self._board = market.board(SPOT)
        self._tape = market.tape
        self._noise = Noise(market.seed)
        self._kept = lru_cache(maxsize=_KEPT_MINUTES)(self._laid)

    def orders_a_minute(self, pair: Pair) -> int:
        millions = float(self._board.turnover[pair.place]) * VOLUME_SHARE / 1e6
        return int(np.clip(round(4 * millions**0.45), FEWEST_ORDERS, MOST_ORDERS))

    def trades_a_minute(self, pair: Pair) -> int:
        return self.orders_a_minute(pair) * FILLS

    # -- candles --------------------------------------------------------------------------------------------

    def hours(self, pair: Pair, first: int, count: int) -> Stretch:
        """``count`` hours from hour ``first`` of the tape."""
        coin = np.array([pair.column])
        bars = self._tape.hours(first, count, coin)
        hours = first + np.arange(count)
        opened, high, low, close = (
            self._ticks(pair, path[:, 0], hours) for path in (bars.open, bars.high, bars.low, bars.close)
        )
        lots, bought = self._hour_lots(pair, hours, opened)
        trades = 60 * self.trades_a_minute(pair)
        return Stretch(
            ORIGIN_MS + hours * HOUR_MS, opened, high, low, close, lots, bought,
            hours * trades, np.full(count, trades),
        )  # fmt: skip

    def minutes(self, pair: Pair, first: int, count: int) -> Stretch:
        """``count`` minutes from minute ``first`` of the tape. The minutes of an hour add up to it."""
        hour = first // 60
        hours = hour + np.arange(-(-(first + count) // 60) - hour)
        bars = self._tape.minutes(hour * 60, len(hours) * 60, np.array([pair.column]))
        minutes = hour * 60 + np.arange(len(hours) * 60)
        opened, high, low, close = (
            self._ticks(pair, path[:, 0], minutes // 60)
            for path in (bars.open, bars.high, bars.low, bars.close)
        )
        lots, bought = self._minute_lots(pair, hours, opened[::60])
        trades = self.trades_a_minute(pair)
        every = (
            ORIGIN_MS + minutes * MINUTE_MS, opened, high, low, close, lots, bought,
            minutes * trades, np.full(len(minutes), trades),
        )  # fmt: skip
        skip = first - hour * 60
        return Stretch(*(column[skip : skip + count] for column in every))

    def _ticks(self, pair: Pair, path: Floats, hours: Ints) -> Ints:
        prices = np.exp(path) * self._market.scale(pair.one.coin_id, hours)
        return self._board.ticks(prices, hours, pair.place)

    def _hour_lots(self, pair: Pair, hours: Ints, opened: Ints) -> tuple[Ints, Ints]:
        """Lots traded in each hour, and bought by takers. At the hour's opening price: a jump later in the
        hour leaves the volume of its earlier minutes as it was."""
        values = self._tape.hour_values(int(hours[0]), len(hours), np.array([pair.column]))[:, 0]
        share = float(self._board.share[pair.place]) * VOLUME_SHARE
        value_of_lot = opened * float(pair.one.tick) * float(pair.one.lot)
        least = 60 * self._least_lots(pair)
        lots = np.maximum(np.rint(values * share / value_of_lot), least).astype(np.int64)
        part = _BUY_LEAST + _BUY_WIDTH * self._noise.uniform(_BUYS, pair.one.symbol_id, hours)
        return lots, np.rint(lots * part).astype(np.int64)

    def _minute_lots(self, pair: Pair, hours: Ints, opened: Ints) -> tuple[Ints, Ints]:
        lots, bought = self._hour_lots(pair, hours, opened)
        values = self._tape.minute_values(int(hours[0]) * 60, len(hours) * 60, np.array([pair.column]))
        least = self._least_lots(pair)
        shares = _shares(values[:, 0].reshape(len(hours), 60))
        edges = np.rint((lots - 60 * least)[:, None] * shares).astype(np.int64)
        by_minute = np.diff(edges, axis=1, prepend=0) + least
        buys = np.rint(by_minute.cumsum(axis=1) * (bought / lots)[:, None]).astype(np.int64)
        return by_minute.ravel(), np.diff(buys, axis=1, prepend=0).ravel()

    def _least_lots(self, pair: Pair) -> int:
        """Lots of a minute, at the least: enough for both sides of every trade to get some."""
        return _LOTS_A_TRADE * self.trades_a_minute(pair)

    # -- trades ---------------------------------------------------------------------------------------------

    def trades_of(self, pair: Pair, minute: int) -> Trades:
        """All trades of one minute of the tape, whether they lie in the future or not."""
        return self._kept(pair, minute, self._market.version)

    def trades(self, pair: Pair, since_ms: int, until_ms: int) -> Trades:
        """Those with ``since_ms`` ≤ time ≤ ``until_ms``."""
        first, last = ((at - ORIGIN_MS) // MINUTE_MS for at in (since_ms, until_ms))
        found = joined([self.trades_of(pair, minute) for minute in range(first, last + 1)])
        found = found.until(until_ms)
        return found.cut(int(np.searchsorted(found.at_ms, since_ms)), len(found))

    def _laid(self, pair: Pair, minute: int, _version: int) -> Trades:
        bar = self.minutes(pair, minute, 1)
        orders = self.orders_a_minute(pair)
        rank = minute * MOST_ORDERS + np.arange(orders)
        stream = pair.one.symbol_id
        offsets = self._offsets(stream, rank)
        prices = self._prices(pair, minute, offsets, bar)
        buy = self._noise.uniform(_SIDES, stream, rank) < 0.5
        buy[1] = not buy[0]
        fills = np.repeat(buy, FILLS)
        weights = np.exp(1.1 * self._noise.normal(_SIZES, stream, minute * 1000 + np.arange(orders * FILLS)))
        lots = np.empty(orders * FILLS, dtype=np.int64)
        bought, traded = int(bar.bought[0]), int(bar.lots[0])
        lots[fills] = shared_out(bought, weights[fills])
        lots[~fills] = shared_out(traded - bought, weights[~fills])
        at_ms = ORIGIN_MS + minute * MINUTE_MS + offsets
        return Trades(int(bar.first[0]), np.repeat(at_ms, FILLS), np.repeat(prices, FILLS), lots, fills)

    def _offsets(self, stream: int, rank: Ints) -> Ints:
        """Milliseconds into the minute: even, with jitter; the first and the last in its outermost steps."""
        jitter = self._noise.uniform(_TIMES, stream, rank)
        offsets = (np.arange(len(rank)) + jitter) * (MINUTE_MS / len(rank))
        offsets[0] = STEP_MS * jitter[0]
        offsets[-1] = MINUTE_MS - STEP_MS * (1 - jitter[-1])
        return np.sort(np.minimum(offsets.astype(np.int64), MINUTE_MS - 1))

    def _prices(self, pair: Pair, minute: int, offsets: Ints, bar: Stretch) -> Ints:
        """The pair's price at each order's step; the minute's extremes are touched by the orders that come
        nearest to them."""
        path = self._tape.steps(minute, np.array([pair.column]))[:, 0]
        steps = np.minimum(offsets // STEP_MS, STEPS - 1)
        low, high = int(bar.low[0]), int(bar.high[0])
        prices = np.clip(self._ticks(pair, path[steps], np.full(len(steps), minute // 60)), low, high)
        prices[0], prices[-1] = bar.open[0], bar.close[0]
        inner = prices[1:-1]
        highest = int(inner.argmax())
        if prices.max() < high:
            inner[highest] = high
        if prices.min() > low:
            inner[int(np.where(np.arange(len(inner)) == highest, high + 1, inner).argmin())] = low
        return prices


def shared_out(total: int, weights: Floats) -> Ints:
    """``total`` as whole numbers of at least 1, about in proportion to ``weights``."""
    edges = np.rint((total - len(weights)) * _shares(weights[None, :])[0]).astype(np.int64)
    parts: Ints = np.diff(edges, prepend=0) + 1
    return parts


def _shares(weights: Floats) -> Floats:
    """Cumulative shares along the rows, ending in exactly 1; all equal where a row has no weight."""
    total = weights.sum(axis=1, keepdims=True)
    safe = np.where(total > 0, weights, 1.0)
    summed = safe.cumsum(axis=1)
    shares: Floats = summed / summed[:, -1:]
    return shares


def joined(parts: list[Trades]) -> Trades:
    """Trades of consecutive minutes as one."""
    if len(parts) == 1:
        return parts[0]
    names = ("at_ms", "ticks", "lots", "buy")
    return Trades(
        parts[0].first_id, *(np.concatenate([getattr(part, name) for part in parts]) for name in names)
    )
