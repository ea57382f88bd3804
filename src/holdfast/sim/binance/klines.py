"""Candles of every interval: whole hours, whole minutes, then the trades of the minute that is forming."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from holdfast.sim.binance.flow import Flow, Stretch, Trades
from holdfast.sim.binance.listing import EIGHT, Listing, Pair, eight
from holdfast.sim.candles import MONTH_MS, bucket_start
from holdfast.sim.paths import DAY_MS, HOUR_MS, MINUTE_MS, ORIGIN_MS

SECOND_MS: Final = 1000
INTERVALS: Final = {
    "1s": SECOND_MS,
    **{f"{minutes}m": minutes * MINUTE_MS for minutes in (1, 3, 5, 15, 30)},
    **{f"{hours}h": hours * HOUR_MS for hours in (1, 2, 4, 6, 8, 12)},
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": 7 * DAY_MS,
    "1M": MONTH_MS,
}
"""Case-sensitive: 1m is a minute, 1M a month."""


@dataclass(frozen=True, slots=True)
class Kline:
    """Prices and amounts in units of 1e-8. ``first`` is -1 when nothing was traded. The turnover is volume ×
    the mean of open, high, low and close (sim rule), so it lies between volume × low and volume × high."""

    open_ms: int
    close_ms: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    bought: int
    count: int
    first: int

    @property
    def last(self) -> int:
        return self.first + self.count - 1 if self.count else -1

    @property
    def turnover(self) -> int:
        return self._value(self.volume)

    def _value(self, volume: int) -> int:
        return volume * (self.open + self.high + self.low + self.close) // (4 * EIGHT)

    def row(self) -> list[Any]:
        """As REST writes it."""
        return [
            self.open_ms, *(eight(price) for price in (self.open, self.high, self.low, self.close)),
            eight(self.volume), self.close_ms, eight(self.turnover), self.count,
            eight(self.bought), eight(self._value(self.bought)), "0",
        ]  # fmt: skip

    def event(self, symbol: str, interval: str, *, closed: bool) -> dict[str, Any]:
        """The ``k`` of a stream."""
        return {
            "t": self.open_ms, "T": self.close_ms, "s": symbol, "i": interval,
            "f": self.first, "L": self.last,
            "o": eight(self.open), "c": eight(self.close), "h": eight(self.high), "l": eight(self.low),
            "v": eight(self.volume), "n": self.count, "x": closed, "q": eight(self.turnover),
            "V": eight(self.bought), "Q": eight(self._value(self.bought)), "B": "0",
        }  # fmt: skip


class Klines:
    def __init__(self, flow: Flow, listing: Listing) -> None:
        self._flow = flow
        self._listing = listing

    def read(
        self, pair: Pair, interval: str, start_ms: int, end_ms: int, now_ms: int, limit: int
    ) -> list[Kline]:
        """The oldest ``limit`` candles that open from ``start_ms`` to ``end_ms``; the last may be forming."""
        width_ms = INTERVALS[interval]
        last_ms = self._last_ms(pair, now_ms)
        first = _next_start(max(start_ms, pair.one.launch_ms, ORIGIN_MS), width_ms)
        last = int(bucket_start(np.array([min(end_ms, last_ms)]), width_ms)[0])
        last = min(last, _moved(first, width_ms, limit - 1))
        if last < first:
            return []
        return self._between(pair, width_ms, first, min(_moved(last, width_ms, 1) - 1, last_ms))

    def newest(self, pair: Pair, interval: str, end_ms: int, now_ms: int, limit: int) -> list[Kline]:
        """The newest ``limit`` candles that open up to ``end_ms``, oldest first."""
        width_ms = INTERVALS[interval]
        last_ms = min(end_ms, self._last_ms(pair, now_ms))
        last = int(bucket_start(np.array([last_ms]), width_ms)[0])
        return self.read(pair, interval, _moved(last, width_ms, 1 - limit), end_ms, now_ms, limit)

    def _last_ms(self, pair: Pair, now_ms: int) -> int:
        return min(now_ms, self._listing.end_ms(pair) - 1)

    def _between(self, pair: Pair, width_ms: int, start_ms: int, last_ms: int) -> list[Kline]:
        """All candles from ``start_ms``, an opening, to the moment ``last_ms``."""
        if width_ms == SECOND_MS:
            return _by_second(pair, self._flow.trades(pair, start_ms, last_ms), start_ms, last_ms, self._flow)
        parts: list[Stretch] = []
        at_ms = start_ms
        if width_ms == MONTH_MS or width_ms % HOUR_MS == 0:
            hours = (last_ms + 1 - at_ms) // HOUR_MS
            if hours > 0:
                parts.append(self._flow.hours(pair, (at_ms - ORIGIN_MS) // HOUR_MS, hours))
                at_ms += hours * HOUR_MS
        minutes = (last_ms + 1 - at_ms) // MINUTE_MS
        if minutes > 0:
            parts.append(self._flow.minutes(pair, (at_ms - ORIGIN_MS) // MINUTE_MS, minutes))
            at_ms += minutes * MINUTE_MS
        if at_ms <= last_ms:
            parts.append(self._forming(pair, at_ms, last_ms))
        return _grouped(pair, parts, width_ms)

    def _forming(self, pair: Pair, minute_ms: int, now_ms: int) -> Stretch:
        """One minute, of which only the trades up to ``now_ms`` have happened. Before the first of them its
        price is the last minute's close."""
        minute = (minute_ms - ORIGIN_MS) // MINUTE_MS
        found = self._flow.trades_of(pair, minute).until(now_ms)
        ticks = found.ticks if len(found) else self._flow.minutes(pair, minute, 1).open
        lots, bought = found.lots.sum(), found.lots[found.buy].sum()
        columns = (
            minute_ms, ticks[0], ticks.max(), ticks.min(), ticks[-1], lots, bought, found.first_id,
            len(found),
        )  # fmt: skip
        return Stretch(*(np.array([value], dtype=np.int64) for value in columns))


def _grouped(pair: Pair, parts: list[Stretch], width_ms: int) -> list[Kline]:
    column = {name: np.concatenate([getattr(part, name) for part in parts]) for name in Stretch.__slots__}
    buckets = bucket_start(column["open_ms"], width_ms)
    heads = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
    tails = np.append(heads[1:], len(buckets)) - 1
    columns = (
        buckets[heads],
        column["open"][heads] * pair.tick,
        np.maximum.reduceat(column["high"], heads) * pair.tick,
        np.minimum.reduceat(column["low"], heads) * pair.tick,
        column["close"][tails] * pair.tick,
        np.add.reduceat(column["lots"], heads),
        np.add.reduceat(column["bought"], heads),
        np.add.reduceat(column["count"], heads),
        column["first"][heads],
    )
    return [
        _kline(pair, width_ms, *row) for row in zip(*(values.tolist() for values in columns), strict=True)
    ]


def _kline(
    pair: Pair, width_ms: int, opened: int, op: int, hi: int, lo: int, cl: int, lots: int, bought: int,
    count: int, first: int,
) -> Kline:  # fmt: skip
    return Kline(
        opened, _moved(opened, width_ms, 1) - 1, op, hi, lo, cl, lots * pair.lot, bought * pair.lot, count,
        first if count else -1,
    )  # fmt: skip


def _by_second(pair: Pair, found: Trades, start_ms: int, last_ms: int, flow: Flow) -> list[Kline]:
    """A second without trades stands at the close before it."""
    seconds = np.arange(start_ms, last_ms + SECOND_MS + 1, SECOND_MS)
    edges = np.searchsorted(found.at_ms, seconds).tolist()
    before = flow.trades(pair, start_ms - MINUTE_MS, start_ms - 1).ticks.tolist()
    every, lots, bought = (
        values.tolist() for values in (found.ticks, found.lots, np.where(found.buy, found.lots, 0))
    )
    price = (before or every or [0])[-1 if before else 0]
    rows: list[Kline] = []
    for place, opened in enumerate(range(start_ms, last_ms + 1, SECOND_MS)):
        span = slice(edges[place], edges[place + 1])
        ticks = every[span] or [price]
        price = ticks[-1]
        opening, high, low = (one * pair.tick for one in (ticks[0], max(ticks), min(ticks)))
        rows.append(
            _kline(
                pair, SECOND_MS, opened, opening, high, low, price * pair.tick, sum(lots[span]),
                sum(bought[span]), span.stop - span.start, found.first_id + span.start,
            )
        )  # fmt: skip
    return rows


def _next_start(moment_ms: int, width_ms: int) -> int:
    """The first opening that is not before ``moment_ms``."""
    start = int(bucket_start(np.array([moment_ms]), width_ms)[0])
    return start if start == moment_ms else _moved(start, width_ms, 1)


def _moved(start_ms: int, width_ms: int, candles: int) -> int:
    """The opening of the candle so many after (negative: before) the one that opens at ``start_ms``."""
    if width_ms != MONTH_MS:
        return start_ms + candles * width_ms
    month = np.datetime64(start_ms, "ms").astype("datetime64[M]") + np.timedelta64(candles, "M")
    return int(month.astype("datetime64[ms]").astype(np.int64))
