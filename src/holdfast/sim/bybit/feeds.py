"""The topics of the public streams: what each shows at first, and what has changed since."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, Protocol

from holdfast.core.money import plain
from holdfast.core.time import from_ms, to_ms
from holdfast.sim.bybit.envelope import on_grid
from holdfast.sim.bybit.market_routes import INTERVALS, PRE_MARKET, level_rows, price_limits
from holdfast.sim.bybit.ports import Candle, Instrument
from holdfast.sim.bybit.system import status_rows
from holdfast.sim.bybit.venue import Venue
from holdfast.sim.paths import STEP_MS

Frame = dict[str, Any]
BOOK_DEPTHS: Final = ("1", "50", "200", "1000")
REPEAT_MS: Final = 3000
KLINE_EVERY_MS: Final = 1000
SPOT_TICKER: Final = (
    "symbol", "lastPrice", "highPrice24h", "lowPrice24h", "prevPrice24h", "volume24h", "turnover24h",
    "price24hPcnt", "usdIndexPrice",
)  # fmt: skip
MOST_TRADES: Final = 1024
PRICE_LIMIT_EVERY_MS: Final = 300
MISC: Final = "misc"
"""Where a public category is asked for: topics of no category."""


class Feed(Protocol):
    topic: str

    def snapshot(self, now_ms: int) -> list[Frame]:
        """What a new subscriber is sent; later frames build on it."""
        ...

    def changes(self, now_ms: int) -> list[Frame]: ...


class TickerFeed:
    """Linear: a snapshot, then only the fields that changed. Spot: snapshots only."""

    def __init__(self, topic: str, venue: Venue, instrument: Instrument) -> None:
        self.topic = topic
        self._venue = venue
        self._one = instrument
        self._shown: dict[str, str] = {}

    def snapshot(self, now_ms: int) -> list[Frame]:
        self._shown = self._shown or self._read()
        return [self._frame("snapshot", self._shown, now_ms)]

    def changes(self, now_ms: int) -> list[Frame]:
        fresh = self._read()
        changed = {name: value for name, value in fresh.items() if self._shown.get(name) != value}
        if not changed:
            return []
        if "lastPrice" in changed and self._one.category == "linear":
            rose = Decimal(fresh["lastPrice"]) > Decimal(self._shown["lastPrice"])
            fresh["tickDirection"] = changed["tickDirection"] = "PlusTick" if rose else "MinusTick"
        self._shown = fresh
        if self._one.category == "spot":
            return [self._frame("snapshot", fresh, now_ms)]
        return [self._frame("delta", {"symbol": self._one.symbol, **changed}, now_ms)]

    def _read(self) -> dict[str, str]:
        row = self._venue.ticker(self._one.category, self._one.symbol)
        if self._one.category == "spot":
            return {name: row[name] for name in SPOT_TICKER}
        return {**row, **PRE_MARKET, "tickDirection": self._shown.get("tickDirection", "ZeroPlusTick")}

    def _frame(self, kind: str, data: dict[str, str], now_ms: int) -> Frame:
        return {
            "topic": self.topic,
            "type": kind,
            "data": data,
            "cs": self._venue.ids.sequence(),
            "ts": now_ms,
        }


class BookFeed:
    """A snapshot, then deltas (size "0" deletes). Level 1: snapshots only, repeated after 3 s of silence."""

    def __init__(self, topic: str, venue: Venue, instrument: Instrument, depth: int) -> None:
        self.topic = topic
        self._venue = venue
        self._one = instrument
        self._depth = depth
        self._sides: dict[str, dict[str, str]] = {}
        self._update = venue.ids.sequence()
        self._sent_ms = 0
        self._seen = (0, 0)

    def snapshot(self, now_ms: int) -> list[Frame]:
        if not self._sides:
            self._sides = self._read(now_ms)
        return [self._frame("snapshot", self._rows(self._sides), now_ms)]

    def changes(self, now_ms: int) -> list[Frame]:
        moment = (now_ms // STEP_MS, self._venue.liquidity.version((self._one.category, self._one.symbol)))
        fresh = self._sides if moment == self._seen else self._read(now_ms)
        self._seen = moment
        if fresh == self._sides:
            repeat = self._depth == 1 and now_ms - self._sent_ms >= REPEAT_MS
            return [self._frame("snapshot", self._rows(fresh), now_ms)] if repeat else []
        before, self._sides = self._sides, fresh
        self._update += 1
        if self._depth == 1:
            return [self._frame("snapshot", self._rows(fresh), now_ms)]
        changed = {
            side: {
                **{price: "0" for price in before[side] if price not in levels},
                **{price: size for price, size in levels.items() if before[side].get(price) != size},
            }
            for side, levels in fresh.items()
        }
        return [self._frame("delta", self._rows(changed), now_ms)]

    def _read(self, now_ms: int) -> dict[str, dict[str, str]]:
        key = (self._one.category, self._one.symbol)
        bids, asks = self._venue.liquidity.published(key, self._depth, now_ms)
        return {
            "b": dict(level_rows(bids, self._one)),
            "a": dict(level_rows(asks, self._one)),
        }

    def _rows(self, sides: dict[str, dict[str, str]]) -> dict[str, list[list[str]]]:
        return {side: [[price, size] for price, size in levels.items()] for side, levels in sides.items()}

    def _frame(self, kind: str, sides: dict[str, list[list[str]]], now_ms: int) -> Frame:
        self._sent_ms = now_ms
        data = {"s": self._one.symbol, **sides, "u": self._update, "seq": self._venue.ids.sequence()}
        return {"topic": self.topic, "type": kind, "ts": now_ms, "data": data, "cts": now_ms}


class KlineFeed:
    """The forming candle at most once a second, and once more when it has closed."""

    def __init__(self, topic: str, venue: Venue, instrument: Instrument, interval: str) -> None:
        self.topic = topic
        self._venue = venue
        self._one = instrument
        self._interval = interval
        self._open_ms = 0
        self._shown: Candle | None = None
        self._read_ms = 0

    def snapshot(self, now_ms: int) -> list[Frame]:
        rows = self._rows(now_ms, now_ms)
        if not rows:
            return []
        self._shown, self._open_ms = rows[-1], rows[-1][0]
        return [self._frame(rows[-1], now_ms, confirm=False)]

    def changes(self, now_ms: int) -> list[Frame]:
        if now_ms - self._read_ms < KLINE_EVERY_MS:
            return []
        rows = self._rows(self._open_ms or now_ms, now_ms)
        if not rows or rows[-1] == self._shown:
            return []
        closed, forming = rows[:-1], rows[-1]
        self._shown, self._open_ms = forming, forming[0]
        return [
            *(self._frame(row, now_ms, confirm=True) for row in closed),
            self._frame(forming, now_ms, confirm=False),
        ]

    def _rows(self, start_ms: int, now_ms: int) -> list[Candle]:
        self._read_ms = now_ms
        one = self._one
        interval_ms = INTERVALS[self._interval]
        return list(self._venue.market.candles(one.category, one.symbol, interval_ms, start_ms, now_ms))

    def _frame(self, row: Candle, now_ms: int, *, confirm: bool) -> Frame:
        opened, first, high, low, last, volume, turnover = row
        tick = self._one.tick
        data = {
            "start": opened,
            "end": self._end_ms(opened),
            "interval": self._interval,
            "open": on_grid(first, tick),
            "close": on_grid(last, tick),
            "high": on_grid(high, tick),
            "low": on_grid(low, tick),
            "volume": plain(volume),
            "turnover": plain(turnover),
            "confirm": confirm,
            "timestamp": now_ms,
        }
        return {"topic": self.topic, "data": [data], "ts": now_ms, "type": "snapshot"}

    def _end_ms(self, opened: int) -> int:
        interval_ms = INTERVALS[self._interval]
        if interval_ms > 0:
            return opened + interval_ms - 1
        return next_month_ms(opened) - 1


class TradeFeed:
    def __init__(self, topic: str, venue: Venue, instrument: Instrument) -> None:
        self.topic = topic
        self._venue = venue
        self._one = instrument
        self._since_ms = venue.clock.now_ms()

    def snapshot(self, now_ms: int) -> list[Frame]:
        self._since_ms = max(self._since_ms, now_ms)
        return []

    def changes(self, now_ms: int) -> list[Frame]:
        one = self._one
        trades = self._venue.market.public_trades(one.category, one.symbol, self._since_ms)
        self._since_ms = now_ms + 1
        rows = [
            {
                "T": trade.at_ms,
                "s": one.symbol,
                "S": trade.side,
                "v": on_grid(trade.quantity, one.lot),
                "p": on_grid(trade.price, one.tick),
                "L": "PlusTick" if trade.side == "Buy" else "MinusTick",
                "i": trade.trade_id,
                "BT": False,
                "RPI": False,
                "seq": trade.sequence,
            }
            for trade in trades
            if trade.at_ms <= now_ms
        ]
        return [
            {"topic": self.topic, "type": "snapshot", "ts": now_ms, "data": rows[first : first + MOST_TRADES]}
            for first in range(0, len(rows), MOST_TRADES)
        ]


class PriceLimitFeed:
    """The highest buying and lowest selling price, every 300 ms [websocket/public/order-price-limit]."""

    def __init__(self, topic: str, venue: Venue, instrument: Instrument) -> None:
        self.topic = topic
        self._venue = venue
        self._one = instrument
        self._sent_ms = 0

    def snapshot(self, now_ms: int) -> list[Frame]:
        self._sent_ms = now_ms
        data = price_limits(self._venue, self._one, now_ms)
        return [{"topic": self.topic, "data": data, "ts": now_ms}]

    def changes(self, now_ms: int) -> list[Frame]:
        return self.snapshot(now_ms) if now_ms - self._sent_ms >= PRICE_LIMIT_EVERY_MS else []


class StatusFeed:
    """``system.status``: all windows whenever the state of one changes [websocket/system/system-status]."""

    topic = "system.status"

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._shown = status_rows(venue.faults, venue.clock.now_ms())

    def snapshot(self, now_ms: int) -> list[Frame]:
        """Sim rule: a new subscriber is told the present state when there is anything to tell."""
        return [self._frame(now_ms)] if self._shown else []

    def changes(self, now_ms: int) -> list[Frame]:
        fresh = status_rows(self._venue.faults, now_ms)
        if fresh == self._shown:
            return []
        self._shown = fresh
        return [self._frame(now_ms)]

    def _frame(self, now_ms: int) -> Frame:
        return {"topic": self.topic, "ts": now_ms, "data": self._shown}


def next_month_ms(month_start_ms: int) -> int:
    start = from_ms(month_start_ms)
    year, month = (start.year + 1, 1) if start.month == 12 else (start.year, start.month + 1)
    return to_ms(start.replace(year=year, month=month))


def feed_of(topic: str, category: str, venue: Venue) -> Feed | None:
    """The feed behind a topic name, ``None`` when there is no such topic or symbol."""
    kind, *details = topic.split(".")
    if category == MISC:
        return StatusFeed(venue) if topic == StatusFeed.topic else None
    if not details:
        return None
    one = venue.market.instruments.get((category, details[-1]))
    if one is None or one.status != "Trading":
        return None
    makers: dict[tuple[str, int], Callable[[], Feed | None]] = {
        ("tickers", 1): lambda: TickerFeed(topic, venue, one),
        ("priceLimit", 1): lambda: PriceLimitFeed(topic, venue, one),
        ("publicTrade", 1): lambda: TradeFeed(topic, venue, one),
        ("orderbook", 2): lambda: (
            BookFeed(topic, venue, one, int(details[0])) if details[0] in BOOK_DEPTHS else None
        ),
        ("kline", 2): lambda: KlineFeed(topic, venue, one, details[0]) if details[0] in INTERVALS else None,
    }
    maker = makers.get((kind, len(details)))
    return maker() if maker else None
