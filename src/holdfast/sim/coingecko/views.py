"""The answers of CoinGecko's calls about many coins, and the table of all calls."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np

from holdfast.sim.coingecko import charts, coin_page
from holdfast.sim.coingecko.coin_page import image, iso, platforms
from holdfast.sim.coingecko.context import ApiError, Context
from holdfast.sim.coingecko.quotes import CURRENCIES, WINDOWS, Quote, day_of
from holdfast.sim.coins import SimCoin, category_names
from holdfast.sim.paths import DAY_MS, ORIGIN_MS

PAGE_LIMIT: Final = 250
_ORDERS: Final[dict[str, tuple[Callable[[Quote], Any], bool]]] = {
    "market_cap": (lambda quote: quote.cap or 0.0, True),
    "volume": (lambda quote: quote.volume, True),
    "id": (lambda quote: quote.coin.id, False),
}


def ping(_context: Context) -> Any:
    return {"gecko_says": "(V3) To the Moon!"}


def supported(_context: Context) -> Any:
    return list(CURRENCIES)


def coins_list(context: Context) -> Any:
    if context.text("status", "active") != "active":
        raise ApiError(401, 10005, "Inactive coins are limited to PRO API subscribers.")
    with_platform = context.flag("include_platform")
    rows = []
    for quote in sorted(context.all.values(), key=lambda quote: quote.coin.id):
        row: dict[str, Any] = {"id": quote.coin.id, "symbol": quote.coin.symbol, "name": quote.coin.name}
        rows.append(row | {"platforms": platforms(quote.coin)} if with_platform else row)
    return rows


def coins_markets(context: Context) -> Any:
    _, rate = context.currency()
    found = _ordered(_chosen(context), context.text("order", "market_cap_desc"))
    per_page = context.whole("per_page", 100, 1, PAGE_LIMIT)
    start = (context.whole("page", 1, 1, 1_000_000) - 1) * per_page
    windows = [word for word in context.words("price_change_percentage") if word in WINDOWS]
    return [_market_row(context, quote, rate, windows) for quote in found[start : start + per_page]]


def simple_price(context: Context) -> Any:
    currencies = [word for word in context.words("vs_currencies") if word in CURRENCIES]
    if not context.words("vs_currencies"):
        raise ApiError(400, 0, "Missing parameter vs_currencies")
    if not any(context.words(name) for name in ("ids", "names", "symbols")):
        raise ApiError(400, 0, "Missing parameter ids")
    answer: dict[str, dict[str, Any]] = {}
    for quote in _chosen(context):
        row: dict[str, Any] = {}
        for currency in currencies:
            rate = context.quotes.rate(currency, context.now_ms)
            row[currency] = _rounded(quote.price * rate, context.text("precision"))
            if context.flag("include_market_cap"):
                row[f"{currency}_market_cap"] = None if quote.cap is None else quote.cap * rate
            if context.flag("include_24hr_vol"):
                row[f"{currency}_24h_vol"] = quote.volume * rate
            if context.flag("include_24hr_change"):
                row[f"{currency}_24h_change"] = (quote.price / quote.day_ago - 1) * 100
        if context.flag("include_last_updated_at"):
            row["last_updated_at"] = quote.updated_ms // 1000
        answer[quote.coin.id] = row
    return answer


def global_figures(context: Context) -> Any:
    quotes = [quote for quote in context.all.values() if quote.cap and not quote.coin.parent]
    total = sum(quote.cap or 0.0 for quote in quotes)
    before = sum(quote.cap_day_ago or 0.0 for quote in quotes)
    volume, volume_before = sum(q.volume for q in quotes), sum(q.volume_before for q in quotes)
    rates = {currency: context.quotes.rate(currency, context.now_ms) for currency in CURRENCIES}
    return {
        "data": {
            "active_cryptocurrencies": len(context.all),
            "upcoming_icos": 0,
            "ongoing_icos": 49,
            "ended_icos": 3376,
            "markets": 1,
            "total_market_cap": {currency: total * rate for currency, rate in rates.items()},
            "total_volume": {currency: volume * rate for currency, rate in rates.items()},
            "market_cap_percentage": {q.coin.symbol: 100 * (q.cap or 0.0) / total for q in quotes[:10]},
            "market_cap_change_percentage_24h_usd": (total / before - 1) * 100,
            "volume_change_percentage_24h_usd": (volume / volume_before - 1) * 100,
            "updated_at": context.now_ms // 1000,
        }
    }


def categories(context: Context) -> Any:
    rows = []
    for category, name in category_names().items():
        members = [quote for quote in context.all.values() if category in quote.coin.categories]
        cap, before = sum(q.cap or 0.0 for q in members), sum(q.cap_day_ago or 0.0 for q in members)
        rows.append(
            {
                "id": category,
                "name": name,
                "market_cap": cap,
                "market_cap_change_24h": (cap / before - 1) * 100 if before else None,
                "content": "",
                "top_3_coins_id": [quote.coin.id for quote in members[:3]],
                "top_3_coins": [image(quote.coin, "small") for quote in members[:3]],
                "volume_24h": sum(quote.volume for quote in members),
                "updated_at": iso(context.now_ms),
            }
        )
    return sorted(rows, key=lambda row: -row["market_cap"])


def categories_list(_context: Context) -> Any:
    return [{"category_id": category, "name": name} for category, name in sorted(category_names().items())]


VIEWS: Final[dict[str, Callable[[Context], Any]]] = {
    "/ping": ping,
    "/simple/price": simple_price,
    "/simple/supported_vs_currencies": supported,
    "/global": global_figures,
    "/coins/list": coins_list,
    "/coins/markets": coins_markets,
    "/coins/categories": categories,
    "/coins/categories/list": categories_list,
    "/coins/{id}": coin_page.coin_details,
    "/coins/{id}/history": charts.history,
    "/coins/{id}/ohlc": charts.ohlc,
    "/coins/{id}/market_chart": charts.market_chart,
    "/coins/{id}/market_chart/range": charts.market_chart_range,
}


def _chosen(context: Context) -> Iterable[Quote]:
    """``category`` wins over ``ids``, ``ids`` over ``names``, ``names`` over ``symbols``."""
    quotes = context.all.values()
    if category := context.text("category"):
        if category not in category_names():
            raise ApiError(404, 0, "category not found")
        return [quote for quote in quotes if category in quote.coin.categories]
    if ids := context.words("ids"):
        return [quote for quote in quotes if quote.coin.id in ids]
    if names := context.words("names"):
        return [quote for quote in quotes if quote.coin.name.lower() in names]
    if symbols := context.words("symbols"):
        return _of_symbols(quotes, symbols, every=context.text("include_tokens") == "all")
    return quotes


def _of_symbols(quotes: Iterable[Quote], symbols: list[str], *, every: bool) -> list[Quote]:
    """A ticker may belong to several coins: only the largest of them unless ``every`` is asked for."""
    seen: set[str] = set()
    chosen = []
    for quote in quotes:
        if quote.coin.symbol in symbols and (every or quote.coin.symbol not in seen):
            seen.add(quote.coin.symbol)
            chosen.append(quote)
    return chosen


def _ordered(quotes: Iterable[Quote], order: str) -> list[Quote]:
    name, _, direction = order.rpartition("_")
    if name not in _ORDERS or direction not in ("asc", "desc"):
        raise ApiError(400, 0, "invalid order")
    key, _ = _ORDERS[name]
    return sorted(quotes, key=key, reverse=direction == "desc")


def _market_row(context: Context, quote: Quote, rate: float, windows: list[str]) -> dict[str, Any]:
    coin, precision = quote.coin, context.text("precision")
    column = context.market.column(coin.id)
    unit = context.quotes.scale(coin, context.minute // 60)
    highest, high_day, lowest, low_day = context.quotes.extremes(day_of(context.now_ms))
    ath = max(float(np.exp(highest[column])) * unit, quote.high)
    atl = min(float(np.exp(lowest[column])) * unit, quote.low)
    change = quote.price / quote.day_ago - 1
    cap_change = None if quote.cap is None or quote.cap_day_ago is None else quote.cap - quote.cap_day_ago
    row: dict[str, Any] = {
        "id": coin.id,
        "symbol": coin.symbol,
        "name": coin.name,
        "image": image(coin, "large"),
        "current_price": _rounded(quote.price * rate, precision),
        "market_cap": _whole(quote.cap, rate),
        "market_cap_rank": quote.rank,
        "fully_diluted_valuation": _whole(_diluted(quote), rate),
        "total_volume": _whole(quote.volume, rate),
        "high_24h": _rounded(quote.high * rate, precision),
        "low_24h": _rounded(quote.low * rate, precision),
        "price_change_24h": (quote.price - quote.day_ago) * rate,
        "price_change_percentage_24h": round(change * 100, 5),
        "market_cap_change_24h": None if cap_change is None else cap_change * rate,
        "market_cap_change_percentage_24h": _percent(quote.cap, quote.cap_day_ago),
        "circulating_supply": quote.supply,
        "total_supply": quote.supply,
        "max_supply": quote.max_supply,
        "ath": _rounded(ath * rate, precision),
        "ath_change_percentage": round((quote.price / ath - 1) * 100, 5),
        "ath_date": iso(ORIGIN_MS + int(high_day[column]) * DAY_MS),
        "atl": _rounded(atl * rate, precision),
        "atl_change_percentage": round((quote.price / atl - 1) * 100, 5),
        "atl_date": iso(ORIGIN_MS + int(low_day[column]) * DAY_MS),
        "roi": None,
        "last_updated": iso(quote.updated_ms),
    }
    if context.flag("include_rehypothecated"):
        row["market_cap_rank_with_rehypothecated"] = _rank_with_all(context, quote)
    for window in windows:
        changes = context.quotes.changes(WINDOWS[window], context.minute)
        row[f"price_change_percentage_{window}_in_currency"] = float(changes[column]) * 100
    if context.flag("sparkline"):
        row["sparkline_in_7d"] = {"price": _sparkline(context, coin, rate)}
    return row


def _percent(now: float | None, before: float | None) -> float | None:
    return round((now / before - 1) * 100, 5) if now and before else None


def _rank_with_all(context: Context, quote: Quote) -> int | None:
    if quote.cap is None:
        return None
    return 1 + sum((other.cap or 0.0) > quote.cap for other in context.all.values())


def _diluted(quote: Quote) -> float | None:
    supply = quote.max_supply or quote.supply
    return None if supply is None else supply * quote.price


def _sparkline(context: Context, coin: SimCoin, rate: float) -> list[float]:
    hour = context.minute // 60
    path = context.market.tape.hours(hour - 167, 168, np.array([context.market.column(coin.id)])).open[:, 0]
    prices: list[float] = (np.exp(path) * context.quotes.scale(coin, hour) * rate).tolist()
    return prices


def _whole(value: float | None, rate: float) -> float | None:
    if value is None:
        return None
    return round(value * rate) if rate >= 0.1 else value * rate


def _rounded(price: float, precision: str) -> float:
    """``precision`` "full" or a number of decimals; without it as the service prints prices."""
    if precision == "full":
        return price
    if precision:
        try:
            return round(price, min(max(int(precision), 0), 18))
        except ValueError:
            raise ApiError(400, 0, "invalid precision") from None
    if price >= 10_000:
        return round(price)
    return round(price, 2) if price >= 1 else float(f"{price:.6g}")
