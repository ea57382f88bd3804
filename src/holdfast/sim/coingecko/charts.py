"""CoinGecko's history of one coin."""

import math
import re
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from holdfast.sim.candles import bucket_start, pieces
from holdfast.sim.coingecko.coin_page import identity
from holdfast.sim.coingecko.context import ApiError, Context
from holdfast.sim.coingecko.quotes import CURRENCIES
from holdfast.sim.coins import SimCoin
from holdfast.sim.market import Market
from holdfast.sim.paths import DAY_MS, HOUR_MS, MINUTE_MS, ORIGIN_MS

HISTORY_DAYS: Final = 365
HOURLY_UP_TO_DAYS: Final = 90
_CANDLE_WIDTHS: Final = {
    "1": 30 * MINUTE_MS, "7": 4 * HOUR_MS, "14": 4 * HOUR_MS, "30": 4 * HOUR_MS,
    "90": 4 * DAY_MS, "180": 4 * DAY_MS, "365": 4 * DAY_MS,
}  # fmt: skip
_HISTORY_TEXT: Final = (
    "Your request exceeds the allowed time range. Public API users are limited to querying historical data "
    "within the past 365 days."
)


def market_chart(context: Context) -> Any:
    _, rate = context.currency()
    raw, interval = context.text("days"), context.text("interval")
    if not raw:
        raise ApiError(400, 0, "Missing parameter days")
    if interval not in ("", "hourly", "daily"):
        raise ApiError(401, 10005, "This interval is limited to PRO API subscribers.")
    try:
        days = HISTORY_DAYS if raw == "max" else math.ceil(float(raw))
    except (ValueError, OverflowError):
        raise ApiError(400, 0, "invalid days") from None
    if days < 1:
        raise ApiError(400, 0, "invalid days")
    if days > HISTORY_DAYS:
        raise ApiError(401, 10012, _HISTORY_TEXT, nested=True)
    width = {"hourly": HOUR_MS, "daily": DAY_MS}.get(interval) or _granularity(days * DAY_MS)
    first_ms = context.now_ms - days * DAY_MS
    return _chart(
        context, rate, first_ms // DAY_MS * DAY_MS if width == DAY_MS else first_ms, context.now_ms, width
    )


def market_chart_range(context: Context) -> Any:
    _, rate = context.currency()
    try:
        first_ms, last_ms = (int(float(context.request.query[name]) * 1000) for name in ("from", "to"))
    except KeyError as error:
        raise ApiError(400, 0, f"Missing parameter {error.args[0]}") from None
    except (ValueError, OverflowError):
        raise ApiError(400, 0, "invalid from or to") from None
    last_ms = min(last_ms, context.now_ms)
    if first_ms < context.now_ms - (HISTORY_DAYS + 1) * DAY_MS:
        raise ApiError(401, 10012, _HISTORY_TEXT, nested=True)
    return _chart(context, rate, first_ms, last_ms, _granularity(last_ms - first_ms))


def ohlc(context: Context) -> Any:
    """Candles stamped with their closing time, without volume."""
    _, rate = context.currency()
    days = context.text("days")
    if days not in _CANDLE_WIDTHS:
        raise ApiError(400, 0, "invalid days")
    coin, width = context.coin(), _CANDLE_WIDTHS[days]
    found = pieces(
        context.market.tape, context.market.column(coin.id), width, context.now_ms - int(days) * DAY_MS,
        context.now_ms, context.now_ms,
    )  # fmt: skip
    if found is None:
        return []
    unit = context.market.scale(coin.id, found.hours) * rate
    opens, highs, lows, closes = (
        np.exp(path) * unit for path in (found.open, found.high, found.low, found.close)
    )
    buckets = bucket_start(found.open_ms, width)
    heads = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
    tails = np.append(heads[1:], len(buckets)) - 1
    columns = (
        np.minimum(buckets[heads] + width, context.now_ms),
        opens[heads],
        np.maximum.reduceat(highs, heads),
        np.minimum.reduceat(lows, heads),
        closes[tails],
    )
    return [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def history(context: Context) -> Any:
    coin = context.coin()
    found = re.fullmatch(r"(\d{1,2})-(\d{1,2})-(\d{4})", context.text("date"))
    try:
        if found is None:
            raise ValueError
        day, month, year = map(int, found.groups())
        at_ms = int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1000
    except ValueError:
        raise ApiError(400, 0, "invalid date") from None
    if at_ms < context.now_ms - (HISTORY_DAYS + 1) * DAY_MS:
        raise ApiError(401, 10012, _HISTORY_TEXT, nested=True)
    answer = identity(coin)
    points = chart_points(context.market, coin, at_ms, min(at_ms, context.now_ms), DAY_MS)
    if not points:
        return answer
    _, price, cap, volume = points[0]
    rates = {currency: context.quotes.rate(currency, at_ms) for currency in CURRENCIES}
    figures = {"current_price": price, "market_cap": cap, "total_volume": volume}
    return answer | {
        "market_data": {
            name: {currency: value * rate for currency, rate in rates.items()}
            for name, value in figures.items()
        }
    }


def _granularity(span_ms: int) -> int:
    """Up to a day 5-minute points, up to 90 days hourly ones, above that daily ones at midnight UTC."""
    if span_ms <= DAY_MS:
        return 5 * MINUTE_MS
    return HOUR_MS if span_ms <= HOURLY_UP_TO_DAYS * DAY_MS else DAY_MS


def _chart(context: Context, rate: float, first_ms: int, last_ms: int, width_ms: int) -> dict[str, Any]:
    coin = context.coin()
    points = chart_points(context.market, coin, first_ms, last_ms, width_ms)
    quote = context.all[coin.id]
    if last_ms == context.now_ms and (not points or points[-1][0] < last_ms):
        points.append((last_ms, quote.price, quote.cap or 0.0, quote.volume))
    names = ("prices", "market_caps", "total_volumes")
    return {
        name: [[point[0], point[1 + place] * rate] for point in points] for place, name in enumerate(names)
    }


def chart_points(market: Market, coin: SimCoin, first_ms: int, last_ms: int, width_ms: int) -> list[Any]:
    """(ms, price, cap, rolling 24 h volume) in USD at every multiple of ``width_ms`` (5 minutes, an hour or a
    day) from ``first_ms`` to ``last_ms``. A cap that is not known is 0."""
    column = np.array([market.column(coin.id)])
    grid = max(width_ms, 5 * MINUTE_MS)
    start = -(-first_ms // grid) * grid
    times = np.arange(start, last_ms + 1, grid, dtype=np.int64)
    if len(times) == 0:
        return []
    minutes = (times - ORIGIN_MS) // MINUTE_MS
    if grid < HOUR_MS:
        path = market.tape.minutes(int(minutes[0]), int(minutes[-1] - minutes[0]) + 1, column)
        logs = path.open[minutes - minutes[0], 0]
    else:
        hours = minutes // 60
        path = market.tape.hours(int(hours[0]), int(hours[-1] - hours[0]) + 1, column)
        logs = path.open[hours - hours[0], 0]
    hours = minutes // 60
    prices = np.exp(logs) * market.scale(coin.id, hours)
    supplies = np.array([(coin.supply or 0.0) * market.supply_factor(coin.id, int(at)) for at in times])
    volumes = _rolling_volumes(market, coin, hours)
    return list(
        zip(times.tolist(), prices.tolist(), (prices * supplies).tolist(), volumes.tolist(), strict=True)
    )


def _rolling_volumes(market: Market, coin: SimCoin, hours: Any) -> Any:
    column = market.column(coin.id)
    first = int(hours[0]) - 24
    values = market.tape.hour_values(first, int(hours[-1]) - first, np.array([column]))[:, 0]
    total = np.concatenate([[0.0], np.cumsum(values)])
    share = coin.daily_volume / market.tape.field.daily_value(column)
    return (total[hours - first] - total[hours - 24 - first]) * share
