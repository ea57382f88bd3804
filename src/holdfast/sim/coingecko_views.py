"""The answers of CoinGecko's calls."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import orjson
from aiohttp import web

from holdfast.sim.coingecko_quotes import CURRENCIES, WINDOWS, Quote, Quotes, chart_points, day_of
from holdfast.sim.coins import SimCoin
from holdfast.sim.market import Market
from holdfast.sim.paths import DAY_MS, HOUR_MS, MINUTE_MS, ORIGIN_MS

PAGE_LIMIT: Final = 250
HISTORY_DAYS: Final = 365
HOURLY_UP_TO_DAYS: Final = 90
RATE_LIMIT_TEXT: Final = "You've exceeded the Rate Limit. Please wait, or upgrade your plan."
_HISTORY_TEXT: Final = (
    "Your request exceeds the allowed time range. Public API users are limited to querying historical data "
    "within the past 365 days."
)
_ORDERS: Final[dict[str, tuple[Callable[[Quote], Any], bool]]] = {
    "market_cap": (lambda quote: quote.cap or 0.0, True),
    "volume": (lambda quote: quote.volume, True),
    "id": (lambda quote: quote.coin.id, False),
}
CATEGORY_NAMES: Final = {
    "layer-1": "Layer 1 (L1)", "layer-2": "Layer 2 (L2)", "smart-contract-platform": "Smart Contract Platform",
    "decentralized-finance-defi": "Decentralized Finance (DeFi)", "meme-token": "Meme",
    "artificial-intelligence": "Artificial Intelligence (AI)", "gaming": "Gaming (GameFi)",
    "payment-solutions": "Payment Solutions", "exchange-based-tokens": "Exchange-based Tokens",
    "privacy-coins": "Privacy", "oracle": "Oracle", "storage": "Storage",
    "real-world-assets-rwa": "Real World Assets (RWA)", "stablecoins": "Stablecoins",
    "usd-stablecoin": "USD Stablecoin", "eur-stablecoin": "EUR Stablecoin",
    "fiat-backed-stablecoin": "Fiat-backed Stablecoin", "tokenized-gold": "Tokenized Gold",
    "wrapped-tokens": "Wrapped-Tokens", "liquid-staking-tokens": "Liquid Staking Tokens",
}  # fmt: skip


@dataclass(slots=True)
class ApiError(Exception):
    """``code`` 0 gives the plain form ``{"error": message}``; ``nested`` wraps the status once more."""

    status: int
    code: int
    message: str
    nested: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        status = {"error_code": self.code, "error_message": self.message}
        body: dict[str, Any] = {"error": self.message} if self.code == 0 else {"status": status}
        if self.nested:
            body = {"error": body}
        return web.Response(
            status=self.status, body=orjson.dumps(body), content_type="application/json", headers=self.headers
        )


@dataclass(slots=True)
class Context:
    """One call: the request, and the world at the minute CoinGecko last refreshed."""

    request: web.Request
    market: Market
    quotes: Quotes
    minute: int = 0

    def __post_init__(self) -> None:
        self.minute = self.quotes.minute()

    @property
    def now_ms(self) -> int:
        return ORIGIN_MS + self.minute * MINUTE_MS

    @property
    def all(self) -> dict[str, Quote]:
        return self.quotes.at(self.minute)

    def text(self, name: str, default: str = "") -> str:
        return self.request.query.get(name, default)

    def flag(self, name: str) -> bool:
        return self.text(name).lower() == "true"

    def words(self, name: str) -> list[str]:
        return [word.strip().lower() for word in self.text(name).split(",") if word.strip()]

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """Out of bounds is pulled in, as the service does."""
        raw = self.text(name)
        if not raw:
            return default
        try:
            return min(max(int(raw), least), most)
        except ValueError:
            raise ApiError(400, 0, f"invalid {name}") from None

    def currency(self, name: str = "vs_currency") -> tuple[str, float]:
        """The currency asked for and its units for one USD."""
        wanted = self.text(name).lower()
        if not wanted:
            raise ApiError(400, 0, f"Missing parameter {name}")
        if wanted not in CURRENCIES:
            raise ApiError(400, 0, f"invalid {name}")
        return wanted, self.quotes.rate(wanted, self.now_ms)

    def coin(self) -> SimCoin:
        found = self.all.get(self.request.match_info["id"])
        if found is None:
            raise ApiError(404, 0, "coin not found")
        return found.coin


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
        rows.append(row | {"platforms": _platforms(quote.coin)} if with_platform else row)
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
    answer = _identity(coin)
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


def coin_details(context: Context) -> Any:
    coin = context.coin()
    quote = context.all[coin.id]
    rates = {currency: context.quotes.rate(currency, context.now_ms) for currency in CURRENCIES}
    figures = {"current_price": quote.price, "market_cap": quote.cap, "total_volume": quote.volume}
    return _identity(coin) | {
        "platforms": _platforms(coin),
        "categories": [CATEGORY_NAMES[category] for category in coin.categories],
        "market_cap_rank": quote.rank,
        "market_data": {
            name: {c: None if value is None else value * rate for c, rate in rates.items()}
            for name, value in figures.items()
        }
        | {
            "circulating_supply": quote.supply,
            "total_supply": quote.supply,
            "max_supply": quote.max_supply,
            "last_updated": iso(quote.updated_ms),
        },
        "last_updated": iso(quote.updated_ms),
    }


def categories(context: Context) -> Any:
    rows = []
    for category, name in CATEGORY_NAMES.items():
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
                "top_3_coins": [_image(quote.coin, "small") for quote in members[:3]],
                "volume_24h": sum(quote.volume for quote in members),
                "updated_at": iso(context.now_ms),
            }
        )
    return sorted(rows, key=lambda row: -row["market_cap"])


def categories_list(_context: Context) -> Any:
    return [{"category_id": category, "name": name} for category, name in sorted(CATEGORY_NAMES.items())]


VIEWS: Final[dict[str, Callable[[Context], Any]]] = {
    "/ping": ping,
    "/simple/price": simple_price,
    "/simple/supported_vs_currencies": supported,
    "/global": global_figures,
    "/coins/list": coins_list,
    "/coins/markets": coins_markets,
    "/coins/categories": categories,
    "/coins/categories/list": categories_list,
    "/coins/{id}": coin_details,
    "/coins/{id}/history": history,
    "/coins/{id}/market_chart": market_chart,
    "/coins/{id}/market_chart/range": market_chart_range,
}


def iso(at_ms: int) -> str:
    """CoinGecko's form of a moment."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _chosen(context: Context) -> Iterable[Quote]:
    """``category`` wins over ``ids``, ``ids`` over ``names``, ``names`` over ``symbols``."""
    quotes = context.all.values()
    if category := context.text("category"):
        if category not in CATEGORY_NAMES:
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
        "image": _image(coin, "large"),
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
        "market_cap_change_percentage_24h": None if cap_change is None else round(change * 100, 5),
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


def _identity(coin: SimCoin) -> dict[str, Any]:
    return {
        "id": coin.id,
        "symbol": coin.symbol,
        "name": coin.name,
        "localization": {"en": coin.name},
        "image": {size: _image(coin, size) for size in ("thumb", "small", "large")},
    }


def _platforms(coin: SimCoin) -> dict[str, str | None]:
    """Made-up addresses, for the coins that are tokens."""
    native = "layer-1" in coin.categories
    return {} if native else {"ethereum": f"0x{abs(hash_of(coin.id)):040x}"}


def hash_of(text: str) -> int:
    """A number for ``text`` that is the same in every process."""
    return int.from_bytes(text.encode()[:20], "big")


def _image(coin: SimCoin, size: str) -> str:
    return f"https://coin-images.coingecko.com/coins/images/0/{size}/{coin.id}.png"


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
