"""Binance's market data as exact values. Pure; whatever cannot be read raises ``Malformed``.

Source: rest-api.md, web-socket-streams.md and filters.md of binance-spot-api-docs. Amounts are strings on the
wire; moments are milliseconds, or microseconds for who asked for them.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus
from holdfast.core.money import plain
from holdfast.venues.binance.events import (
    AggTrade,
    BookTicker,
    DepthDiff,
    DepthSnapshot,
    Kline,
    KlineUpdate,
    Level,
    MarketEvent,
    MiniTicker,
    Shutdown,
    Trade,
)
from holdfast.venues.bybit.fields import Malformed, decimal_of

Row = Mapping[str, Any]

MICROSECONDS: Final = 10**14
"""A stamp beyond this counts microseconds."""
_LATEST_MS: Final = 4_102_444_800_000
_KLINE_COLUMNS: Final = 11
_STATUS: Final = {
    "TRADING": InstrumentStatus.TRADING,
    "CANCEL_ONLY": InstrumentStatus.REDUCE_ONLY,
    "PRE_TRADING": InstrumentStatus.PRELAUNCH,
}


# -- REST ---------------------------------------------------------------------------------------------------


def server_time_ms(answer: Any) -> int:
    return moment(_object(answer), "serverTime")


def klines(answer: Any, symbol: str, interval: str) -> list[Kline]:
    """Rows in the order of the answer: oldest first."""
    return [_kline_row(row, symbol, interval) for row in _list(answer)]


def _kline_row(row: Any, symbol: str, interval: str) -> Kline:
    if not isinstance(row, list) or len(row) < _KLINE_COLUMNS:
        raise Malformed("a candle is not a list of eleven values")
    opened, op, hi, lo, cl, volume, closed, turnover, trades, taker, taker_turnover = row[:_KLINE_COLUMNS]
    return _sane(
        Kline(
            symbol, interval, stamp("open time", opened), stamp("close time", closed),
            decimal_of("open", str(op)), decimal_of("high", str(hi)), decimal_of("low", str(lo)),
            decimal_of("close", str(cl)),
            decimal_of("volume", str(volume)), decimal_of("quote volume", str(turnover)),
            _whole("number of trades", trades), decimal_of("taker volume", str(taker)),
            decimal_of("taker quote volume", str(taker_turnover)),
        )
    )  # fmt: skip


def _sane(kline: Kline) -> Kline:
    low, high = kline.low, kline.high
    if not 0 < low <= min(kline.open, kline.close) or high < max(kline.open, kline.close) or kline.volume < 0:
        raise Malformed(f"the candle of {kline.symbol} at {kline.open_ms} cannot be")
    return kline


def pairs(answer: Any) -> list[Row]:
    """The rows of exchangeInfo quoted in USDT."""
    rows = map(_object, _list(_object(answer).get("symbols")))
    return [row for row in rows if row.get("quoteAsset") == "USDT"]


def instrument(row: Row) -> Instrument:
    """One row of exchangeInfo."""
    symbol = text(row, "symbol")
    filters = {text(_object(one), "filterType"): _object(one) for one in _list(row.get("filters"))}
    lots, prices = filters.get("LOT_SIZE"), filters.get("PRICE_FILTER")
    if lots is None or prices is None:
        raise Malformed(f"{symbol} has no LOT_SIZE or no PRICE_FILTER")
    most = number(lots, "maxQty")
    market = filters.get("MARKET_LOT_SIZE")
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL")
    return Instrument(
        symbol=symbol,
        kind=InstrumentKind.SPOT,
        base=text(row, "baseAsset"),
        quote=text(row, "quoteAsset"),
        tick=_step(prices, "tickSize", row, "quotePrecision"),
        lot=_step(lots, "stepSize", row, "baseAssetPrecision"),
        min_quantity=number(lots, "minQty"),
        min_notional=number(notional, "minNotional") if notional else Decimal(0),
        max_market_quantity=(number(market, "maxQty") if market else Decimal(0)) or most,
        max_limit_quantity=most,
        status=_STATUS.get(text(row, "status"), InstrumentStatus.CLOSED),
    )


def _step(row: Row, name: str, pair: Row, precision: str) -> Decimal:
    """A step of 0 means that the filter is off: then the precision is the grid."""
    step = number(row, name)
    if step < 0:
        raise Malformed(f"{name} is below zero")
    if step:
        return Decimal(plain(step))
    return Decimal(1).scaleb(-_whole(precision, pair.get(precision)))


def snapshot(answer: Any, symbol: str) -> DepthSnapshot:
    row = _object(answer)
    return DepthSnapshot(symbol, _id(row, "lastUpdateId"), levels(row, "bids"), levels(row, "asks"))


def trades(answer: Any, symbol: str) -> list[Trade]:
    """Of ``trades`` and ``historicalTrades``; oldest first."""
    return [
        Trade(
            symbol, _id(row, "id"), number(row, "price"), number(row, "qty"), moment(row, "time"),
            flag(row, "isBuyerMaker"),
        )
        for row in map(_object, _list(answer))
    ]  # fmt: skip


def agg_trades(answer: Any, symbol: str) -> list[AggTrade]:
    return [_agg_trade(_object(row), symbol) for row in _list(answer)]


def _agg_trade(row: Row, symbol: str) -> AggTrade:
    return AggTrade(
        symbol, _id(row, "a"), number(row, "p"), number(row, "q"), _id(row, "f"), _id(row, "l"),
        moment(row, "T"), flag(row, "m"),
    )  # fmt: skip


def day_rows(answer: Any) -> list[Row]:
    """Of ``ticker/24hr`` for one pair or many."""
    return [_object(row) for row in (answer if isinstance(answer, list) else [answer])]


def day_ticker(row: Row) -> MiniTicker:
    """One row of ``ticker/24hr``, FULL or MINI. Without a trade in the last day its prices are 0."""
    names = ("lastPrice", "openPrice", "highPrice", "lowPrice", "volume", "quoteVolume")
    last, opened, high, low, volume, turnover = (number(row, name) for name in names)
    return MiniTicker(
        text(row, "symbol"), last, opened, high, low, volume, turnover, moment(row, "closeTime")
    )


# -- streams ------------------------------------------------------------------------------------------------


def events(stream: str, data: Any) -> list[MarketEvent | Shutdown]:
    """What a combined frame says; ``stream`` is its name. Kinds that nobody here reads say nothing."""
    if isinstance(data, list):
        return [event for one in data for event in events(stream, one)]
    row = _object(data)
    kind = row.get("e")
    if kind is None:
        return [_unnamed(stream, row)]
    reader = _READERS.get(str(kind))
    return [] if reader is None else [reader(row)]


def _unnamed(stream: str, row: Row) -> MarketEvent:
    """Best prices and partial books carry no kind; the latter not even their symbol."""
    if "lastUpdateId" in row:
        return snapshot(row, stream.partition("@")[0].upper())
    return BookTicker(
        text(row, "s"), _id(row, "u"), number(row, "b"), number(row, "B"), number(row, "a"), number(row, "A")
    )


def _trade_event(row: Row) -> Trade:
    return Trade(
        text(row, "s"), _id(row, "t"), number(row, "p"), number(row, "q"), moment(row, "T"), flag(row, "m")
    )


def _kline_event(row: Row) -> KlineUpdate:
    k = _object(row.get("k"))
    kline = Kline(
        text(k, "s"), text(k, "i"), moment(k, "t"), moment(k, "T"), number(k, "o"), number(k, "h"),
        number(k, "l"), number(k, "c"), number(k, "v"), number(k, "q"), _whole("n", k.get("n")),
        number(k, "V"), number(k, "Q"),
    )  # fmt: skip
    first, last = (_whole(name, k.get(name), least=-1) for name in ("f", "L"))
    return KlineUpdate(_sane(kline), first, last, flag(k, "x"), moment(row, "E"))


def _depth_event(row: Row) -> DepthDiff:
    first, last = _id(row, "U"), _id(row, "u")
    if last < first:
        raise Malformed(f"the updates {first} to {last} run backwards")
    return DepthDiff(text(row, "s"), first, last, levels(row, "b"), levels(row, "a"), moment(row, "E"))


def _mini_ticker_event(row: Row) -> MiniTicker:
    last, opened, high, low, volume, turnover = (number(row, name) for name in "cohlvq")
    return MiniTicker(text(row, "s"), last, opened, high, low, volume, turnover, moment(row, "E"))


_READERS: Final[dict[str, Callable[[Row], MarketEvent | Shutdown]]] = {
    "trade": _trade_event,
    "aggTrade": lambda row: _agg_trade(row, text(row, "s")),
    "kline": _kline_event,
    "depthUpdate": _depth_event,
    "24hrMiniTicker": _mini_ticker_event,
    "serverShutdown": lambda row: Shutdown(moment(row, "E")),
}

# -- single values ------------------------------------------------------------------------------------------


def levels(row: Row, name: str) -> tuple[Level, ...]:
    try:
        found = tuple((decimal_of(name, price), decimal_of(name, size)) for price, size in row[name])
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"{name} is missing or unreadable") from error
    if any(price <= 0 or size < 0 for price, size in found):
        raise Malformed(f"a level of {name} is below zero")
    return found


def text(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{name} is missing")
    return value


def number(row: Row, name: str) -> Decimal:
    value = row.get(name)
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise Malformed(f"{name} is missing")
    return decimal_of(name, str(value))


def flag(row: Row, name: str) -> bool:
    value = row.get(name)
    if not isinstance(value, bool):
        raise Malformed(f"{name} is neither true nor false")
    return value


def moment(row: Row, name: str) -> int:
    return stamp(name, row.get(name))


def stamp(name: str, value: Any) -> int:
    """Milliseconds since the epoch."""
    whole = _whole(name, value)
    milliseconds = whole // 1000 if whole > MICROSECONDS else whole
    if milliseconds > _LATEST_MS:
        raise Malformed(f"{name} is {value!r}, not a moment")
    return milliseconds


def _id(row: Row, name: str) -> int:
    return _whole(name, row.get(name))


def _whole(name: str, value: Any, *, least: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise Malformed(f"{name} is {value!r}, not a whole number")
    return value


def _object(value: Any) -> Row:
    if not isinstance(value, Mapping):
        raise Malformed("an object was expected")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Malformed("a list was expected")
    return value
