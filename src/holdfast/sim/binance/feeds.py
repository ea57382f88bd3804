"""What each stream has to say at a moment. A stream is made for its first listener and ends with its last."""

from collections.abc import Callable
from typing import Any, Final, Protocol

from holdfast.sim.binance.figures import Day, Depth, Side
from holdfast.sim.binance.flow import FILLS
from holdfast.sim.binance.klines import INTERVALS, SECOND_MS, Kline
from holdfast.sim.binance.listing import Pair, eight
from holdfast.sim.binance.rest import Desk, rows_of
from holdfast.sim.paths import DAY_MS, MINUTE_MS

Frame = dict[str, Any]
FAST_MS: Final = 100
SLOW_MS: Final = 1000
KLINE_MS: Final = 2000
LONGEST_BACK_MS: Final = 10 * MINUTE_MS
"""When the clock jumps, trades further back than this are never told."""
_MOST_KLINES: Final = 1000
_PARTIAL: Final = ("5", "10", "20")
_GONE: Final = "0.00000000"


class Feed(Protocol):
    def frames(self, now_ms: int) -> list[Any]:
        """What is new since the last time, in order."""
        ...


class TradeFeed:
    """Every trade, or with ``whole_orders`` one event for each taker's order."""

    def __init__(self, desk: Desk, pair: Pair, now_ms: int, *, whole_orders: bool) -> None:
        self._desk = desk
        self._pair = pair
        self._since_ms = now_ms + 1
        self._whole_orders = whole_orders

    def frames(self, now_ms: int) -> list[Frame]:
        if now_ms < self._since_ms:
            return []
        since_ms, self._since_ms = max(self._since_ms, now_ms - LONGEST_BACK_MS), now_ms + 1
        found = self._desk.flow.trades(self._pair, since_ms, now_ms)
        rows, step = rows_of(found), FILLS if self._whole_orders else 1
        return [
            self._frame(found.first_id + place, rows[place : place + step], now_ms)
            for place in range(0, len(rows), step)
        ]

    def _frame(self, first_id: int, fills: Any, now_ms: int) -> Frame:
        at_ms, ticks, _, buy = fills[0]
        amount = eight(sum(fill[2] for fill in fills) * self._pair.lot)
        frame: Frame = {
            "e": "aggTrade" if self._whole_orders else "trade",
            "E": now_ms,
            "s": self._pair.symbol,
        }
        if self._whole_orders:
            frame["a"] = first_id // FILLS
        else:
            frame["t"] = first_id
        frame |= {"p": eight(ticks * self._pair.tick), "q": amount}
        if self._whole_orders:
            frame |= {"f": first_id, "l": first_id + FILLS - 1}
        return frame | {"T": at_ms, "m": not buy, "M": True}


class KlineFeed:
    """The forming candle every two seconds (``1s``: every second), and each closed one exactly once, however
    far the clock jumps."""

    def __init__(self, desk: Desk, pair: Pair, interval: str, now_ms: int) -> None:
        self._desk = desk
        self._pair = pair
        self._interval = interval
        self._every_ms = SECOND_MS if interval == "1s" else KLINE_MS
        self._due_ms = now_ms
        (current,) = desk.klines.newest(pair, interval, now_ms, now_ms, 1)
        self._next_ms = current.open_ms
        self._told: Kline | None = None

    def frames(self, now_ms: int) -> list[Frame]:
        if now_ms < self._due_ms:
            return []
        found = self._desk.klines.read(
            self._pair, self._interval, self._next_ms, now_ms, now_ms, _MOST_KLINES
        )
        closed = [kline for kline in found if kline.close_ms < now_ms]
        forming = found[len(closed) :]
        self._due_ms = min([now_ms + self._every_ms, *(kline.close_ms + 1 for kline in forming)])
        if closed:
            self._next_ms = closed[-1].close_ms + 1
        fresh = [kline for kline in forming if kline != self._told]
        self._told = next(iter(forming), None)
        return [
            *(self._frame(kline, now_ms, closed=True) for kline in closed),
            *(self._frame(kline, now_ms, closed=False) for kline in fresh),
        ]

    def _frame(self, kline: Kline, now_ms: int, *, closed: bool) -> Frame:
        symbol = self._pair.symbol
        return {
            "e": "kline",
            "E": now_ms,
            "s": symbol,
            "k": kline.event(symbol, self._interval, closed=closed),
        }


class BookTickerFeed:
    def __init__(self, desk: Desk, pair: Pair) -> None:
        self._desk = desk
        self._pair = pair
        self._step = -1
        self._shown: tuple[int, ...] = ()

    def frames(self, now_ms: int) -> list[Frame]:
        step = self._desk.figures.step(now_ms)
        if step == self._step:
            return []
        self._step = step
        best = self._desk.figures.best(self._pair, now_ms)
        touch = (best.bid, best.bid_size, best.ask, best.ask_size)
        if touch == self._shown:
            return []
        self._shown = touch
        bid, bid_size, ask, ask_size = map(eight, touch)
        return [
            {"u": best.update_id, "s": self._pair.symbol, "b": bid, "B": bid_size, "a": ask, "A": ask_size}
        ]


class DepthFeed:
    """What changed in the book between two events; their update ids follow each other without a gap."""

    def __init__(self, desk: Desk, pair: Pair, every_ms: int, now_ms: int) -> None:
        self._desk = desk
        self._pair = pair
        self._every_ms = every_ms
        self._sent_ms = now_ms
        self._told = desk.figures.depth(pair, now_ms)

    def frames(self, now_ms: int) -> list[Frame]:
        figures = self._desk.figures
        is_due = now_ms - self._sent_ms >= self._every_ms
        if not is_due or figures.update_id(figures.step(now_ms)) == self._told.update_id:
            return []
        self._sent_ms = now_ms
        before, fresh = self._told, figures.depth(self._pair, now_ms)
        bids, asks = _changes(before.bids, fresh.bids), _changes(before.asks, fresh.asks)
        if not bids and not asks:
            return []
        self._told = fresh
        ids = {"U": before.update_id + 1, "u": fresh.update_id}
        return [{"e": "depthUpdate", "E": now_ms, "s": self._pair.symbol, **ids, "b": bids, "a": asks}]


class PartialFeed:
    """The best levels; the event names no symbol."""

    def __init__(self, desk: Desk, pair: Pair, levels: int, every_ms: int) -> None:
        self._desk = desk
        self._pair = pair
        self._levels = levels
        self._every_ms = every_ms
        self._sent_ms = 0
        self._told: Depth | None = None

    def frames(self, now_ms: int) -> list[Frame]:
        if now_ms - self._sent_ms < self._every_ms:
            return []
        fresh = self._desk.figures.depth(self._pair, now_ms, self._levels)
        if fresh == self._told:
            return []
        self._sent_ms, self._told = now_ms, fresh
        return [fresh.row(self._levels)]


class DayFeed:
    """``miniTicker`` or the longer ``ticker`` of one pair, every second."""

    def __init__(self, desk: Desk, pair: Pair, *, mini: bool) -> None:
        self._desk = desk
        self._pair = pair
        self._mini = mini
        self._sent_ms = 0

    def frames(self, now_ms: int) -> list[Frame]:
        if now_ms - self._sent_ms < SLOW_MS:
            return []
        self._sent_ms = now_ms
        day = self._desk.figures.day(self._pair)
        short = mini_ticker(self._pair, day, now_ms)
        return [short if self._mini else self._whole(short, day, now_ms)]

    def _whole(self, short: Frame, day: Day, now_ms: int) -> Frame:
        row = self._desk.figures.day_row(self._pair, day, now_ms, mini=False)
        return short | {
            "e": "24hrTicker", "w": eight(day.average),
            "p": row["priceChange"], "P": row["priceChangePercent"],
            "x": row["prevClosePrice"], "Q": row["lastQty"], "b": row["bidPrice"], "B": row["bidQty"],
            "a": row["askPrice"], "A": row["askQty"], "O": now_ms - DAY_MS, "C": now_ms,
            "F": row["firstId"], "L": row["lastId"], "n": row["count"],
        }  # fmt: skip


class AllDaysFeed:
    """``!miniTicker@arr``: all pairs whose figures changed, every second."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._sent_ms = 0
        self._told: dict[str, Day] = {}

    def frames(self, now_ms: int) -> list[list[Frame]]:
        if now_ms - self._sent_ms < SLOW_MS:
            return []
        self._sent_ms = now_ms
        changed = [
            (pair, day) for pair, day in self._desk.figures.days() if self._told.get(pair.symbol) != day
        ]
        self._told |= {pair.symbol: day for pair, day in changed}
        return [[mini_ticker(pair, day, now_ms) for pair, day in changed]] if changed else []


def mini_ticker(pair: Pair, day: Day, now_ms: int) -> Frame:
    return {
        "e": "24hrMiniTicker", "E": now_ms, "s": pair.symbol, "c": eight(day.last), "o": eight(day.open),
        "h": eight(day.high), "l": eight(day.low), "v": eight(day.volume), "q": eight(day.turnover),
    }  # fmt: skip


def _changes(before: Side, after: Side) -> list[list[str]]:
    gone = [[price, _GONE] for price in before if price not in after]
    return gone + [[price, size] for price, size in after.items() if before.get(price) != size]


def feed_of(name: str, desk: Desk, now_ms: int) -> Feed | None:
    """The feed behind a stream's name; ``None`` for a name that nothing ever comes on."""
    if name == "!miniTicker@arr":
        return AllDaysFeed(desk)
    symbol, _, rest = name.partition("@")
    kind, _, speed = rest.partition("@")
    pair = desk.listing.find(symbol.upper()) if symbol == symbol.lower() else None
    if pair is None or speed not in ("", "100ms") or (speed and not kind.startswith("depth")):
        return None
    if desk.listing.status(pair) != "TRADING":
        return None
    every_ms = FAST_MS if speed else SLOW_MS
    makers: dict[str, Callable[[], Feed]] = {
        "trade": lambda: TradeFeed(desk, pair, now_ms, whole_orders=False),
        "aggTrade": lambda: TradeFeed(desk, pair, now_ms, whole_orders=True),
        "bookTicker": lambda: BookTickerFeed(desk, pair),
        "miniTicker": lambda: DayFeed(desk, pair, mini=True),
        "ticker": lambda: DayFeed(desk, pair, mini=False),
        "depth": lambda: DepthFeed(desk, pair, every_ms, now_ms),
        **{f"depth{levels}": _partial(desk, pair, int(levels), every_ms) for levels in _PARTIAL},
        **{f"kline_{interval}": _kline(desk, pair, interval, now_ms) for interval in INTERVALS},
    }
    maker = makers.get(kind)
    return None if maker is None else maker()


def _partial(desk: Desk, pair: Pair, levels: int, every_ms: int) -> Callable[[], Feed]:
    return lambda: PartialFeed(desk, pair, levels, every_ms)


def _kline(desk: Desk, pair: Pair, interval: str, now_ms: int) -> Callable[[], Feed]:
    return lambda: KlineFeed(desk, pair, interval, now_ms)
