"""The calls of ``/api/v3`` for market data: parameters in, JSON out, each with its weight."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from holdfast.sim.binance import codes
from holdfast.sim.binance.codes import Refusal
from holdfast.sim.binance.figures import Figures
from holdfast.sim.binance.flow import FILLS, Flow, Trades
from holdfast.sim.binance.klines import INTERVALS, Klines
from holdfast.sim.binance.limits import WEIGHT_A_MINUTE
from holdfast.sim.binance.listing import EIGHT, Listing, Pair, eight
from holdfast.sim.market import Market
from holdfast.sim.paths import MINUTE_MS, ORIGIN_MS

MOST_ROWS: Final = 1000
MOST_LEVELS: Final = 5000
_MICROSECONDS: Final = 10**14
_FOR_EVER: Final = 2**62
_SYMBOL: Final = re.compile(r"[A-Z0-9-_.]{1,20}")
_WHOLE: Final = re.compile(r"[0-9]{1,20}")
_UTC: Final = ("", "0", "+0", "-0", "0:00", "00:00", "+00:00", "-00:00")
_DEPTH_WEIGHTS: Final = ((100, 5), (500, 25), (1000, 50), (MOST_LEVELS, 250))
_DAY_WEIGHTS: Final = ((20, 2), (100, 40))


@dataclass(frozen=True, slots=True)
class Desk:
    """What the calls are answered from."""

    market: Market
    listing: Listing
    flow: Flow
    klines: Klines
    figures: Figures

    @classmethod
    def of(cls, market: Market) -> "Desk":
        listing, flow = Listing(market), Flow(market)
        return cls(market, listing, flow, Klines(flow, listing), Figures(market, listing, flow))


@dataclass(frozen=True, slots=True)
class Call:
    desk: Desk
    params: Mapping[str, str]
    now_ms: int
    shown_ms: int
    """The time told to the client: off by the skew of a fault."""

    def whole(self, name: str, default: int, most: int = _FOR_EVER) -> int:
        """A whole number; more than ``most`` counts as ``most``.

        Raises:
            Refusal: it is none, or 0 where rows are counted.
        """
        given = self.params.get(name, "")
        if not given:
            return default
        if not _WHOLE.fullmatch(given):
            raise Refusal(
                codes.ILLEGAL,
                f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.",
            )
        if name == "limit" and int(given) == 0:
            raise Refusal(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(int(given), most)

    def moment(self, name: str, default: int) -> int:
        """Milliseconds; microseconds are taken too."""
        value = self.whole(name, default)
        return value // 1000 if _MICROSECONDS < value < _FOR_EVER else value

    def pair(self) -> Pair:
        return self.known(self.mandatory("symbol"))

    def mandatory(self, name: str) -> str:
        given = self.params.get(name, "")
        if not given:
            raise Refusal(
                codes.MANDATORY,
                f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
            )
        return given

    def known(self, symbol: str) -> Pair:
        if not _SYMBOL.fullmatch(symbol):
            raise Refusal(
                codes.ILLEGAL,
                "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'.",
            )
        pair = self.desk.listing.find(symbol)
        if pair is None:
            raise Refusal(codes.BAD_SYMBOL)
        return pair

    def pairs(self) -> list[Pair] | None:
        """Those named by ``symbols``, or ``None`` when neither it nor ``symbol`` is given."""
        one, several = self.params.get("symbol", ""), self.params.get("symbols", "")
        if one and several:
            raise Refusal(codes.BAD_COMBINATION)
        if not several:
            return [self.known(one)] if one else None
        try:
            names = orjson.loads(several)
        except orjson.JSONDecodeError:
            names = None
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise Refusal(
                codes.ILLEGAL,
                "Illegal characters found in parameter 'symbols'; legal range is "
                '\'^\\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\\]$\'.',
            )
        return [self.known(name) for name in names]


Handler = Callable[[Call], Any]
Weight = Callable[[Mapping[str, str]], int]


@dataclass(frozen=True, slots=True)
class Route:
    """``name`` is what faults call it: ``binance.rest.<name>``."""

    name: str
    handler: Handler
    weight: Weight
    takes: tuple[str, ...] = ()

    def answer(self, call: Call) -> Any:
        """Raises:
        Refusal: a parameter is wrong, missing, or unknown.
        """
        read = [name for name in call.params if name in self.takes]
        if len(read) < len(call.params):
            raise Refusal(
                codes.UNREAD,
                f"Not all sent parameters were read; read '{len(read)}' parameter(s) "
                f"but was sent '{len(call.params)}'.",
            )
        return self.handler(call)


def ping(_call: Call) -> Any:
    return {}


def server_time(call: Call) -> Any:
    return {"serverTime": call.shown_ms}


def exchange_info(call: Call) -> Any:
    status = call.params.get("symbolStatus", "")
    named = call.pairs()
    listing = call.desk.listing
    shown = listing.all() if named is None else named
    return {
        "timezone": "UTC",
        "serverTime": call.shown_ms,
        "rateLimits": [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": WEIGHT_A_MINUTE,
            },
            {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61_000},
        ],
        "exchangeFilters": [],
        "symbols": [listing.row(pair) for pair in shown if status in ("", listing.status(pair))],
    }


def klines(call: Call) -> Any:
    """Oldest first; the last may be forming. With a start the oldest from there, else the newest."""
    pair, interval = call.pair(), call.mandatory("interval")
    if interval not in INTERVALS:
        raise Refusal(codes.BAD_INTERVAL)
    if call.params.get("timeZone", "") not in _UTC:
        raise Refusal(-1020, "The simulator knows candles of UTC only: leave timeZone out.")
    limit = call.whole("limit", 500, MOST_ROWS)
    end_ms = call.moment("endTime", call.now_ms)
    if "startTime" in call.params:
        found = call.desk.klines.read(pair, interval, call.moment("startTime", 0), end_ms, call.now_ms, limit)
    else:
        found = call.desk.klines.newest(pair, interval, end_ms, call.now_ms, limit)
    return [kline.row() for kline in found]


def depth(call: Call) -> Any:
    limit = call.whole("limit", 100, MOST_LEVELS)
    return call.desk.figures.depth(call.pair(), call.now_ms, limit).row(limit)


def recent_trades(call: Call) -> Any:
    pair, limit = call.pair(), call.whole("limit", 500, MOST_ROWS)
    found = _newest(call, pair, limit)
    return trade_rows(pair, found)


def historical_trades(call: Call) -> Any:
    pair, limit = call.pair(), call.whole("limit", 500, MOST_ROWS)
    if "fromId" not in call.params:
        return trade_rows(pair, _newest(call, pair, limit))
    return trade_rows(pair, _from_id(call, pair, call.whole("fromId", 0), limit))


def aggregate_trades(call: Call) -> Any:
    """From an id, or from a moment, oldest first; or the newest."""
    pair, limit = call.pair(), call.whole("limit", 500, MOST_ROWS) * FILLS
    timed = "startTime" in call.params or "endTime" in call.params
    if "fromId" in call.params:
        if timed:
            raise Refusal(codes.BAD_COMBINATION)
        return aggregate_rows(pair, _from_id(call, pair, call.whole("fromId", 0) * FILLS, limit))
    if not timed:
        return aggregate_rows(pair, _newest(call, pair, limit))
    end_ms = min(call.moment("endTime", call.now_ms), call.now_ms)
    if "startTime" not in call.params:
        return aggregate_rows(pair, _newest(call, pair, limit, end_ms))
    start_ms = max(call.moment("startTime", 0), pair.one.launch_ms)
    minutes = limit // call.desk.flow.trades_a_minute(pair) + 2
    until_ms = min(end_ms, start_ms + minutes * MINUTE_MS)
    if until_ms < start_ms:
        return []
    return aggregate_rows(pair, call.desk.flow.trades(pair, start_ms, until_ms).cut(0, limit))


def _newest(call: Call, pair: Pair, limit: int, end_ms: int | None = None) -> Trades:
    until_ms = call.now_ms if end_ms is None else end_ms
    until_ms = min(until_ms, call.desk.listing.end_ms(pair) - 1)
    minutes = limit // call.desk.flow.trades_a_minute(pair) + 1
    found = call.desk.flow.trades(pair, until_ms - minutes * MINUTE_MS, until_ms)
    return found.cut(max(len(found) - limit, 0), len(found))


def _from_id(call: Call, pair: Pair, first_id: int, limit: int) -> Trades:
    each = call.desk.flow.trades_a_minute(pair)
    earliest = (pair.one.launch_ms - ORIGIN_MS) // MINUTE_MS * each
    first_id = max(first_id, earliest)
    start_ms = first_id // each * MINUTE_MS + ORIGIN_MS
    until_ms = min(call.now_ms, start_ms + (limit // each + 2) * MINUTE_MS)
    if until_ms < start_ms:
        return call.desk.flow.trades_of(pair, (call.now_ms - ORIGIN_MS) // MINUTE_MS).cut(0, 0)
    found = call.desk.flow.trades(pair, start_ms, until_ms)
    skip = first_id - found.first_id
    return found.cut(min(skip, len(found)), min(skip + limit, len(found)))


def trade_rows(pair: Pair, found: Trades) -> list[dict[str, Any]]:
    return [
        {
            "id": found.first_id + place,
            "price": eight(ticks * pair.tick),
            "qty": eight(lots * pair.lot),
            "quoteQty": eight(ticks * pair.tick * lots * pair.lot // EIGHT),
            "time": at_ms,
            "isBuyerMaker": not buy,
            "isBestMatch": True,
        }
        for place, (at_ms, ticks, lots, buy) in enumerate(rows_of(found))
    ]


def aggregate_rows(pair: Pair, found: Trades) -> list[dict[str, Any]]:
    """``found`` begins with an order's first trade."""
    rows = rows_of(found)
    return [
        {
            "a": (found.first_id + place) // FILLS,
            "p": eight(rows[place][1] * pair.tick),
            "q": eight(sum(row[2] for row in rows[place : place + FILLS]) * pair.lot),
            "f": found.first_id + place,
            "l": found.first_id + place + FILLS - 1,
            "T": rows[place][0],
            "m": not rows[place][3],
            "M": True,
        }
        for place in range(0, len(rows), FILLS)
    ]


def rows_of(found: Trades) -> Sequence[tuple[int, int, int, bool]]:
    """(time, ticks, lots, taker bought) of every trade."""
    columns = (found.at_ms.tolist(), found.ticks.tolist(), found.lots.tolist(), found.buy.tolist())
    return list(zip(*columns, strict=True))


def average_price(call: Call) -> Any:
    """Over five whole minutes."""
    pair = call.pair()
    found = call.desk.klines.newest(pair, "1m", call.now_ms, call.now_ms, 5)
    volume, turnover = sum(one.volume for one in found), sum(one.turnover for one in found)
    price = turnover * EIGHT // volume if volume else found[-1].close
    return {"mins": 5, "price": eight(price), "closeTime": call.now_ms}


def day_ticker(call: Call) -> Any:
    kind = call.params.get("type", "FULL")
    if kind not in ("FULL", "MINI"):
        raise Refusal(-1130, "Data sent for parameter 'type' is not valid.")
    named, figures = call.pairs(), call.desk.figures
    found = figures.days() if named is None else [(pair, figures.day(pair)) for pair in named]
    rows = [figures.day_row(pair, day, call.now_ms, mini=kind == "MINI") for pair, day in found]
    return rows[0] if "symbol" in call.params else rows


def book_ticker(call: Call) -> Any:
    named = call.pairs()
    shown = call.desk.listing.trading() if named is None else named
    rows = [call.desk.figures.best_row(pair, call.now_ms) for pair in shown]
    return rows[0] if "symbol" in call.params else rows


def price_ticker(call: Call) -> Any:
    named = call.pairs()
    shown = call.desk.listing.trading() if named is None else named
    rows = [
        {"symbol": pair.symbol, "price": eight(call.desk.figures.last_price(pair, call.now_ms))}
        for pair in shown
    ]
    return rows[0] if "symbol" in call.params else rows


def _fixed(weight: int) -> Weight:
    return lambda _params: weight


def _few(one: int, many: int) -> Weight:
    return lambda params: one if params.get("symbol") else many


def _depth_weight(params: Mapping[str, str]) -> int:
    given = params.get("limit", "")
    limit = int(given) if _WHOLE.fullmatch(given) else 100
    return next((weight for most, weight in _DEPTH_WEIGHTS if limit <= most), _DEPTH_WEIGHTS[-1][1])


def _day_weight(params: Mapping[str, str]) -> int:
    if params.get("symbol"):
        return 2
    names = params.get("symbols", "").count(",") + 1 if params.get("symbols") else _FOR_EVER
    return next((weight for most, weight in _DAY_WEIGHTS if names <= most), 80)


ROUTES: Final = {
    "/ping": Route("ping", ping, _fixed(1)),
    "/time": Route("time", server_time, _fixed(1)),
    "/exchangeInfo": Route(
        "exchangeInfo", exchange_info, _fixed(20),
        ("symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus"),
    ),
    "/klines": Route(
        "klines", klines, _fixed(2), ("symbol", "interval", "startTime", "endTime", "timeZone", "limit")
    ),
    "/depth": Route("depth", depth, _depth_weight, ("symbol", "limit")),
    "/trades": Route("trades", recent_trades, _fixed(25), ("symbol", "limit")),
    "/historicalTrades": Route(
        "historicalTrades", historical_trades, _fixed(25), ("symbol", "limit", "fromId")
    ),
    "/aggTrades": Route(
        "aggTrades", aggregate_trades, _fixed(4), ("symbol", "fromId", "startTime", "endTime", "limit")
    ),
    "/avgPrice": Route("avgPrice", average_price, _fixed(2), ("symbol",)),
    "/ticker/24hr": Route("ticker.24hr", day_ticker, _day_weight, ("symbol", "symbols", "type")),
    "/ticker/bookTicker": Route("ticker.bookTicker", book_ticker, _few(2, 4), ("symbol", "symbols")),
    "/ticker/price": Route("ticker.price", price_ticker, _few(2, 4), ("symbol", "symbols")),
}  # fmt: skip
