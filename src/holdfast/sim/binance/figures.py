"""Books, best prices and rolling 24-hour figures."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from holdfast.sim.binance.flow import Flow
from holdfast.sim.binance.listing import EIGHT, VOLUME_SHARE, Listing, Pair, eight
from holdfast.sim.instruments import SPOT
from holdfast.sim.market import Market
from holdfast.sim.paths import DAY_MS, MINUTE_MS, ORIGIN_MS, STEP_MS

DEEPEST: Final = 200
"""Levels of a side: all there are, in snapshots as in the stream."""
_UPDATES: Final = 16
"""Update ids of one step of the market: an id tells of which step a book is."""

Side = dict[str, str]


@dataclass(frozen=True, slots=True)
class Depth:
    """A book at one step: price → quantity, best first."""

    update_id: int
    bids: Side
    asks: Side

    def row(self, limit: int) -> dict[str, Any]:
        return {
            "lastUpdateId": self.update_id,
            "bids": [list(level) for level in list(self.bids.items())[:limit]],
            "asks": [list(level) for level in list(self.asks.items())[:limit]],
        }


@dataclass(frozen=True, slots=True)
class Best:
    """The touch, prices and quantities in units of 1e-8."""

    update_id: int
    bid: int
    bid_size: int
    ask: int
    ask_size: int


@dataclass(frozen=True, slots=True)
class Day:
    """The last 24 hours of a pair, in units of 1e-8."""

    last: int
    open: int
    high: int
    low: int
    volume: int
    turnover: int

    @property
    def average(self) -> int:
        return self.turnover * EIGHT // self.volume if self.volume else 0


class Figures:
    def __init__(self, market: Market, listing: Listing, flow: Flow) -> None:
        self._market = market
        self._listing = listing
        self._flow = flow

    def step(self, now_ms: int) -> int:
        return (now_ms - ORIGIN_MS) // STEP_MS

    def update_id(self, step: int) -> int:
        return (step + 1) * _UPDATES

    def depth(self, pair: Pair, now_ms: int, limit: int = DEEPEST) -> Depth:
        book = self._market.book(SPOT, pair.symbol, min(limit, DEEPEST), now_ms)
        bids, asks = (
            {eight(int(price * EIGHT)): eight(int(size * EIGHT)) for price, size in side}
            for side in (book.bids, book.asks)
        )
        return Depth(self.update_id(book.sequence), bids, asks)

    def best(self, pair: Pair, now_ms: int) -> Best:
        sweep, place = self._market.sweep(SPOT, now_ms), pair.place
        return Best(
            self.update_id(self.step(now_ms)),
            int(sweep.bid[place]) * pair.tick, int(sweep.bid_lots[place]) * pair.lot,
            int(sweep.ask[place]) * pair.tick, int(sweep.ask_lots[place]) * pair.lot,
        )  # fmt: skip

    def last_price(self, pair: Pair, now_ms: int) -> int:
        return int(self._market.sweep(SPOT, now_ms).last[pair.place]) * pair.tick

    def day(self, pair: Pair) -> Day:
        """Rolled once a minute."""
        return _day(self._market.ticker(SPOT, pair.symbol))

    def days(self) -> list[tuple[Pair, Day]]:
        """Of all pairs that trade."""
        rows = {row["symbol"]: row for row in self._market.tickers(SPOT)}
        return [(pair, _day(rows[pair.symbol])) for pair in self._listing.trading() if pair.symbol in rows]

    # -- rows of REST ---------------------------------------------------------------------------------------

    def day_row(self, pair: Pair, day: Day, now_ms: int, *, mini: bool) -> dict[str, Any]:
        """Trades are counted to the end of the last whole minute (sim rule)."""
        each = self._flow.trades_a_minute(pair)
        minute = (now_ms - ORIGIN_MS) // MINUTE_MS
        short = {
            "symbol": pair.symbol,
            "openPrice": eight(day.open),
            "highPrice": eight(day.high),
            "lowPrice": eight(day.low),
            "lastPrice": eight(day.last),
            "volume": eight(day.volume),
            "quoteVolume": eight(day.turnover),
            "openTime": now_ms - DAY_MS,
            "closeTime": now_ms,
            "firstId": (minute - 1440) * each,
            "lastId": minute * each - 1,
            "count": 1440 * each,
        }
        if mini:
            return short
        best = self.best(pair, now_ms)
        return short | {
            "priceChange": eight(day.last - day.open),
            "priceChangePercent": f"{(day.last / day.open - 1) * 100:.3f}",
            "weightedAvgPrice": eight(day.average),
            "prevClosePrice": eight(day.open),
            "lastQty": eight(best.bid_size),
            **_best_fields(best),
        }

    def best_row(self, pair: Pair, now_ms: int) -> dict[str, str]:
        return {"symbol": pair.symbol, **_best_fields(self.best(pair, now_ms))}


def _best_fields(best: Best) -> dict[str, str]:
    return {
        "bidPrice": eight(best.bid),
        "bidQty": eight(best.bid_size),
        "askPrice": eight(best.ask),
        "askQty": eight(best.ask_size),
    }


def _day(row: dict[str, str]) -> Day:
    last, opened, high, low, volume, turnover = (
        int(Decimal(row[name]) * EIGHT)
        for name in (
            "lastPrice", "prevPrice24h", "highPrice24h", "lowPrice24h", "volume24h", "turnover24h",
        )
    )  # fmt: skip
    return Day(last, opened, high, low, volume * VOLUME_SHARE, turnover * VOLUME_SHARE)
