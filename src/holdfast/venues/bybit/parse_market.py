"""Bybit's market data in the words of the venue port. Pure; whatever cannot be read raises ``Malformed``."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus
from holdfast.venues.bybit.fields import (
    SETTLE_COIN,
    Malformed,
    Row,
    decimal_of,
    moment,
    moment_of,
    moment_or_none,
    needed,
    number,
    number_or,
    part,
    text,
)
from holdfast.venues.protocol import Book, Candle, PriceLimit, Quote

_NOT_CRYPTO: Final = frozenset({"stock", "commodity", "forex"})

MULTIPLIERS: Final = {
    "SHIB1000": 1000,
    "1000BONK": 1000,
    "1000BTT": 1000,
    "1000CAT": 1000,
    "1000FLOKI": 1000,
    "1000LUNC": 1000,
    "1000NEIROCTO": 1000,
    "1000PEPE": 1000,
    "1000RATS": 1000,
    "1000TURBO": 1000,
    "1000XEC": 1000,
    "10000COQ": 10000,
    "10000LADYS": 10000,
    "10000SATS": 10000,
    "1000000BABYDOGE": 1000000,
    "1000000MOG": 1000000,
}
"""Symbol without its quote coin → coins in one unit. No field of Bybit carries this, and guessing from digits
in a name is how one buys a thousand times too much: only listed names count."""


def server_time(result: Row) -> datetime:
    return moment_of("timeNano", number(result, "timeNano") // 1_000_000)


def instruments(rows: Iterable[Row], kind: InstrumentKind) -> list[Instrument]:
    """The instruments an account settled in USDT could hold: USDT perpetuals on coins, or USDT spot pairs.

    A perpetual with an announced delisting, or in delivery, may only be reduced.
    """
    read = _linear_instrument if kind is InstrumentKind.LINEAR else _spot_instrument
    found = (read(row) for row in rows)
    return [instrument for instrument in found if instrument]


def _linear_instrument(row: Row) -> Instrument | None:
    ours = (
        text(row, "contractType") == "LinearPerpetual"
        and text(row, "quoteCoin") == text(row, "settleCoin") == SETTLE_COIN
        and row.get("unifiedMarginTrade") is True
        and text(row, "symbolType") not in _NOT_CRYPTO
    )
    if not ours:
        return None
    lots, symbol = part(row, "lotSizeFilter"), needed(row, "symbol")
    delivery_at = moment_or_none(row, "deliveryTime")
    return Instrument(
        symbol=symbol,
        kind=InstrumentKind.LINEAR,
        base=needed(row, "baseCoin"),
        quote=SETTLE_COIN,
        tick=_step(part(row, "priceFilter"), "tickSize"),
        lot=_step(lots, "qtyStep"),
        min_quantity=number(lots, "minOrderQty"),
        min_notional=number(lots, "minNotionalValue"),
        max_market_quantity=number(lots, "maxMktOrderQty"),
        max_limit_quantity=number(lots, "maxOrderQty"),
        status=_linear_status(row, delivery_at),
        delivery_at=delivery_at,
        funding_interval_minutes=int(number_or(row, "fundingInterval", Decimal(480))),
        multiplier=MULTIPLIERS.get(symbol.removesuffix(SETTLE_COIN), 1),
    )


def _linear_status(row: Row, delivery_at: datetime | None) -> InstrumentStatus:
    status = text(row, "status")
    if status == "PreLaunch" or (status == "Trading" and row.get("isPreListing") is True):
        return InstrumentStatus.PRELAUNCH
    if status == "Delivering" or (status == "Trading" and delivery_at):
        return InstrumentStatus.REDUCE_ONLY
    return InstrumentStatus.TRADING if status == "Trading" else InstrumentStatus.CLOSED


def _spot_instrument(row: Row) -> Instrument | None:
    if text(row, "quoteCoin") != SETTLE_COIN:
        return None
    lots = part(row, "lotSizeFilter")
    lot = _step(lots, "basePrecision")
    return Instrument(
        symbol=needed(row, "symbol"),
        kind=InstrumentKind.SPOT,
        base=needed(row, "baseCoin"),
        quote=SETTLE_COIN,
        tick=_step(part(row, "priceFilter"), "tickSize"),
        lot=lot,
        min_quantity=lot,
        min_notional=number(lots, "minOrderAmt"),
        max_market_quantity=_first_number(lots, "maxMarketOrderQty", "maxOrderQty"),
        max_limit_quantity=_first_number(lots, "maxLimitOrderQty", "maxOrderQty"),
        status=InstrumentStatus.TRADING if text(row, "status") == "Trading" else InstrumentStatus.CLOSED,
    )


def _step(row: Row, name: str) -> Decimal:
    step = number(row, name)
    if step <= 0:
        raise Malformed(f"{name} is not above zero")
    return step


def _first_number(row: Row, *names: str) -> Decimal:
    return number(row, next((name for name in names if text(row, name)), names[-1]))


def quotes(rows: Iterable[Row], at: datetime) -> list[Quote]:
    """Tickers with both sides of the book; a symbol without a bid or an ask has no quote."""
    return [quote(row, at) for row in rows if text(row, "bid1Price") and text(row, "ask1Price")]


def quote(row: Row, at: datetime) -> Quote:
    """One ticker. Spot has neither mark nor index price of its own: the last price stands for the mark."""
    last = number(row, "lastPrice")
    return Quote(
        symbol=needed(row, "symbol"),
        bid=number(row, "bid1Price"),
        ask=number(row, "ask1Price"),
        last=last,
        mark=number_or(row, "markPrice", last),
        index=number_or(row, "indexPrice", number_or(row, "usdIndexPrice", last)),
        turnover_24h=number_or(row, "turnover24h"),
        funding_rate=number_or(row, "fundingRate"),
        next_funding_at=moment_or_none(row, "nextFundingTime"),
        at=at,
    )


def book(result: Row) -> Book:
    return Book(
        symbol=needed(result, "s"),
        bids=_levels(result, "b"),
        asks=_levels(result, "a"),
        at=moment(result, "cts", "ts"),
    )


def _levels(result: Row, name: str) -> tuple[tuple[Decimal, Decimal], ...]:
    levels = result.get(name)
    if not isinstance(levels, list):
        raise Malformed(f"{name} is missing")
    try:
        return tuple((decimal_of(name, str(price)), decimal_of(name, str(size))) for price, size in levels)
    except (TypeError, ValueError) as error:
        raise Malformed(f"a level of {name} is unreadable") from error


def candles(result: Row) -> list[Candle]:
    """Oldest first; Bybit sends newest first."""
    found = result.get("list")
    if not isinstance(found, list):
        raise Malformed("the answer has no list of candles")
    return [_candle(row) for row in reversed(found)]


def _candle(row: Any) -> Candle:
    if not isinstance(row, list) or len(row) < 7:
        raise Malformed("a candle is not a list of seven values")
    opened, *values = (decimal_of("candle", str(value)) for value in row[:7])
    return Candle(moment_of("candle", opened), *values)


def price_limit(result: Row) -> PriceLimit:
    return PriceLimit(needed(result, "symbol"), number(result, "buyLmt"), number(result, "sellLmt"))
