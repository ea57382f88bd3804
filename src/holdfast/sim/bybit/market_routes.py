"""Public market data over REST (bybit.md, section 3; bybit_linear.md, sections 2 and 3)."""

from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, unquote

from holdfast.core.money import plain
from holdfast.sim.bybit import bands, rules
from holdfast.sim.bybit.envelope import Refusal, decimals_of, on_grid
from holdfast.sim.bybit.http import Call, Result, Route
from holdfast.sim.bybit.ports import Candle, Instrument, Level
from holdfast.sim.bybit.system import status_rows
from holdfast.sim.bybit.venue import Venue

MINUTE_MS: Final = 60_000
MONTH_MS: Final = -1
INTERVALS: Final = {
    **{str(minutes): minutes * MINUTE_MS for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": 1440 * MINUTE_MS,
    "W": 7 * 1440 * MINUTE_MS,
    "M": MONTH_MS,
}
LONGEST_MONTH_MS: Final = 31 * 1440 * MINUTE_MS
STATUSES: Final = ("PreLaunch", "Trading", "Delivering", "Closed")
PRE_MARKET: Final = {"preOpenPrice": "", "preQty": "", "curPreListingPhase": ""}
DELIVERY: Final = dict.fromkeys(
    ("predictedDeliveryPrice", "basis", "basisRate", "basisRateYear", "deliveryFeeRate"), ""
)
STATUS_ROUTE: Final = "system.status"
OTHER_CATEGORIES: Final = ("inverse", "option")
"""Categories this venue has no instruments of."""


def server_time(call: Call) -> Result:
    shown_ms = call.now_ms + call.skew_ms
    return {"timeSecond": str(shown_ms // 1000), "timeNano": f"{shown_ms}000000"}


def instruments_info(call: Call) -> Result:
    """Linear is paged, 500 by default, and shows Trading only unless a status is named; spot is not paged."""
    if call.text("category") in OTHER_CATEGORIES:
        return {"category": call.text("category"), "list": [], "nextPageCursor": ""}
    category = rules.category_of(call.params)
    status = call.text("status") or "Trading"
    if status not in STATUSES:
        raise Refusal(10001, "params error: status invalid")
    symbol = call.text("symbol")
    if symbol:
        rules.instrument_of(call.venue.market, category, symbol)
    shown = [
        one
        for (kind, name), one in sorted(call.venue.market.instruments.items())
        if kind == category and one.status == status and symbol in ("", name)
    ]
    base = call.text("baseCoin")
    if base:
        shown = [one for one in shown if one.base == base]
    if category == "spot":
        return {"category": category, "list": [_spot_info(one) for one in shown]}
    limit = call.integer("limit", 500, 1, 1000)
    after = unquote(call.text("cursor")).removeprefix("after=")
    page = [one for one in shown if one.symbol > after]
    more = len(page) > limit
    page = page[:limit]
    cursor = quote(f"after={page[-1].symbol}", safe="") if more else ""
    return {"category": category, "list": [_linear_info(one) for one in page], "nextPageCursor": cursor}


def _linear_info(one: Instrument) -> dict[str, Any]:
    x, y = bands.ratios(one)
    pre_launch = one.status == "PreLaunch"
    return {
        "symbol": one.symbol,
        "symbolId": one.symbol_id,
        "contractType": one.contract_type,
        "status": one.status,
        "baseCoin": one.base,
        "quoteCoin": one.quote,
        "launchTime": str(one.launch_ms),
        "deliveryTime": str(one.delivery_ms),
        "deliveryFeeRate": "",
        "priceScale": str(decimals_of(one.tick)),
        "leverageFilter": {
            "minLeverage": "1",
            "maxLeverage": f"{one.max_leverage:.2f}",
            "leverageStep": "0.01",
        },
        "priceFilter": {
            "minPrice": plain_grid(one.tick),
            "maxPrice": on_grid(rules.highest_price(one), one.tick),
            "tickSize": plain_grid(one.tick),
        },
        "lotSizeFilter": {
            "maxOrderQty": on_grid(one.max_limit_qty, one.lot),
            "minOrderQty": on_grid(one.min_qty, one.lot),
            "qtyStep": plain_grid(one.lot),
            "postOnlyMaxOrderQty": on_grid(one.max_limit_qty, one.lot),
            "maxMktOrderQty": on_grid(one.max_market_qty, one.lot),
            "minNotionalValue": plain(one.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": one.funding_interval_minutes,
        "settleCoin": one.settle,
        "copyTrading": "none",
        "upperFundingRate": "0.00375" if one.max_leverage >= bands.MAJOR_LEVERAGE else "0.02",
        "lowerFundingRate": "-0.00375" if one.max_leverage >= bands.MAJOR_LEVERAGE else "-0.02",
        "isPreListing": pre_launch,
        "preListingInfo": _pre_listing(one) if pre_launch else None,
        "riskParameters": {"priceLimitRatioX": plain(x), "priceLimitRatioY": plain(y)},
        "displayName": "",
        "symbolType": one.symbol_type,
    }


def _pre_listing(one: Instrument) -> dict[str, Any]:
    return {
        "curAuctionPhase": "NotStarted",
        "phases": [{"phase": "ContinuousTrading", "startTime": str(one.launch_ms), "endTime": ""}],
        "auctionFeeInfo": {"auctionFeeRate": "0", "takerFeeRate": "0.001", "makerFeeRate": "0.0004"},
    }


def _spot_info(one: Instrument) -> dict[str, Any]:
    x, y = bands.ratios(one)
    return {
        "symbolId": one.symbol_id,
        "symbol": one.symbol,
        "baseCoin": one.base,
        "quoteCoin": one.quote,
        "innovation": "1" if one.symbol_type == "innovation" else "0",
        "status": one.status,
        "marginTrading": "none",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": plain_grid(one.lot),
            "quotePrecision": "0.00000001",
            "minOrderQty": on_grid(one.min_qty, one.lot),
            "maxOrderQty": on_grid(one.max_limit_qty, one.lot),
            "minOrderAmt": plain(one.min_notional),
            "maxOrderAmt": "4000000",
            "maxLimitOrderQty": on_grid(one.max_limit_qty, one.lot),
            "maxMarketOrderQty": on_grid(one.max_market_qty, one.lot),
            "postOnlyMaxLimitOrderSize": on_grid(one.max_limit_qty, one.lot),
        },
        "priceFilter": {"tickSize": plain_grid(one.tick)},
        "riskParameters": {"priceLimitRatioX": plain(x), "priceLimitRatioY": plain(y)},
        "symbolType": one.symbol_type,
    }


def plain_grid(step: Decimal) -> str:
    return on_grid(step, step)


def tickers(call: Call) -> Result:
    if call.text("category") in OTHER_CATEGORIES:
        return {"category": call.text("category"), "list": []}
    category = rules.category_of(call.params)
    symbol = call.text("symbol")
    if symbol:
        rules.instrument_of(call.venue.market, category, symbol)
    venue = call.venue
    rows = [venue.ticker(category, symbol)] if symbol else venue.tickers(category)
    if category == "linear":
        rows = [_with_delivery(row, venue.market.instruments["linear", row["symbol"]]) for row in rows]
    return {"category": category, "list": rows}


def _with_delivery(row: dict[str, str], one: Instrument) -> dict[str, str]:
    """The fields that mean something for dated and pre-market contracts only."""
    return row | PRE_MARKET | DELIVERY | {"deliveryTime": str(one.delivery_ms)}


def system_status(call: Call) -> Result:
    """It answers during maintenance too: telling of it is what it is for."""
    wanted, state = call.text("id"), call.text("state")
    rows = status_rows(call.venue.faults, call.now_ms)
    return {"list": [row for row in rows if wanted in ("", row["id"]) and state in ("", row["state"])]}


def kline(call: Call) -> Result:
    """Newest first; the newest candle may still be open. The category is linear unless told otherwise."""
    category, one = _instrument(call)
    rows = [
        [str(row[0]), *(on_grid(price, one.tick) for price in row[1:5]), plain(row[5]), plain(row[6])]
        for row in _candles(call, category, one)
    ]
    return {"category": category, "symbol": one.symbol, "list": rows}


def mark_price_kline(call: Call) -> Result:
    category, one = _instrument(call)
    rows = [
        [str(row[0]), *(on_grid(price, one.tick) for price in row[1:5])]
        for row in _candles(call, category, one)
    ]
    return {"category": category, "symbol": one.symbol, "list": rows}


def _instrument(call: Call) -> tuple[str, Instrument]:
    category = rules.category_of(call.params, default="linear")
    return category, rules.instrument_of(call.venue.market, category, call.text("symbol"))


def _candles(call: Call, category: str, one: Instrument) -> list[Candle]:
    interval_ms = INTERVALS.get(call.text("interval"))
    if interval_ms is None:
        raise Refusal(10001, "params error: interval invalid")
    limit = call.integer("limit", 200, 1, 1000)
    width_ms = LONGEST_MONTH_MS if interval_ms == MONTH_MS else interval_ms
    end_ms = min(call.integer("end", call.now_ms, 0, 2**62), call.now_ms)
    start_ms = call.integer("start", 0, 0, 2**62)
    if "start" in call.params and "end" not in call.params:
        end_ms = min(end_ms, start_ms + (limit - 1) * width_ms)
    if start_ms > end_ms:
        return []
    earliest = end_ms - limit * width_ms
    rows = call.venue.market.candles(category, one.symbol, interval_ms, max(start_ms, earliest), end_ms)
    inside = [row for row in rows if start_ms <= row[0] <= end_ms]
    return inside[::-1][:limit]


def orderbook(call: Call) -> Result:
    category, one = _instrument(call)
    depth = call.integer("limit", 1 if category == "spot" else 25, 1, 1000)
    bids, asks = call.venue.liquidity.published((category, one.symbol), depth, call.now_ms)
    sequence = call.venue.market.book(category, one.symbol, 1).sequence
    return {
        "s": one.symbol,
        "b": level_rows(bids, one),
        "a": level_rows(asks, one),
        "ts": call.now_ms,
        "u": sequence,
        "seq": sequence,
        "cts": call.now_ms,
    }


def level_rows(levels: list[Level], one: Instrument) -> list[tuple[str, str]]:
    return [(on_grid(price, one.tick), on_grid(qty, one.lot)) for price, qty in levels]


def price_limit(call: Call) -> Result:
    _, one = _instrument(call)
    return price_limits(call.venue, one, call.now_ms) | {"ts": str(call.now_ms)}


def price_limits(venue: Venue, one: Instrument, now_ms: int) -> dict[str, Any]:
    allowed = bands.band(venue.market, one, venue.margin.index_price(one, now_ms))
    return {
        "symbol": one.symbol,
        "buyLmt": on_grid(allowed.highest_buy, one.tick),
        "sellLmt": on_grid(allowed.lowest_sell, one.tick),
    }


def recent_trade(call: Call) -> Result:
    category, one = _instrument(call)
    limit = call.integer("limit", 60 if category == "spot" else 500, 1, 60 if category == "spot" else 1000)
    trades = call.venue.market.public_trades(category, one.symbol, call.now_ms - 10 * MINUTE_MS)
    return {
        "category": category,
        "list": [
            {
                "execId": trade.trade_id,
                "symbol": one.symbol,
                "price": on_grid(trade.price, one.tick),
                "size": on_grid(trade.quantity, one.lot),
                "side": trade.side,
                "time": str(trade.at_ms),
                "isBlockTrade": False,
                "isRPITrade": False,
                "seq": str(trade.sequence),
            }
            for trade in list(trades)[::-1][:limit]
        ],
    }


def funding_history(call: Call) -> Result:
    """startTime alone is an error; newest first, at most 200 [market/history-fund-rate]."""
    category, one = _instrument(call)
    if category != "linear" or not one.funding_interval_minutes:
        raise Refusal(10001, "params error: symbol has no funding")
    if call.text("startTime") and not call.text("endTime"):
        raise Refusal(10001, "params error: endTime is required together with startTime")
    limit = call.integer("limit", 200, 1, 200)
    end_ms = min(call.integer("endTime", call.now_ms, 0, 2**62), call.now_ms)
    start_ms = max(call.integer("startTime", 0, 0, 2**62), one.launch_ms)
    interval_ms = one.funding_interval_minutes * MINUTE_MS
    newest = end_ms // interval_ms * interval_ms
    stamps = range(newest, max(start_ms - 1, newest - limit * interval_ms), -interval_ms)
    return {
        "category": "linear",
        "list": [
            {
                "symbol": one.symbol,
                "fundingRate": plain(call.venue.market.funding_rate(one.symbol, stamp)),
                "fundingRateTimestamp": str(stamp),
            }
            for stamp in stamps
        ],
    }


def risk_limit(call: Call) -> Result:
    """One tier per symbol, fractions, 15 symbols a page [market/risk-limit]."""
    if rules.category_of(call.params, default="linear") != "linear":
        raise Refusal(10001, "Illegal category")
    symbol = call.text("symbol")
    if symbol:
        rules.instrument_of(call.venue.market, "linear", symbol)
    after = unquote(call.text("cursor")).removeprefix("after=")
    shown = [
        one
        for (kind, name), one in sorted(call.venue.market.instruments.items())
        if kind == "linear" and one.status == "Trading" and symbol in ("", name) and name > after
    ]
    cursor = quote(f"after={shown[14].symbol}", safe="") if len(shown) > 15 else ""
    return {
        "category": "linear",
        "list": [
            {
                "id": one.symbol_id,
                "symbol": one.symbol,
                "riskLimitValue": "2000000",
                "maintenanceMargin": plain(round(1 / (2 * one.max_leverage), 6)),
                "initialMargin": plain(round(1 / one.max_leverage, 6)),
                "isLowestRisk": 1,
                "maxLeverage": f"{one.max_leverage:.2f}",
                "mmDeduction": "",
            }
            for one in shown[:15]
        ],
        "nextPageCursor": cursor,
    }


ROUTES: Final = (
    Route("GET", "/v5/system/status", STATUS_ROUTE, system_status),
    Route("GET", "/v5/market/time", "market.time", server_time),
    Route("GET", "/v5/market/instruments-info", "market.instruments-info", instruments_info),
    Route("GET", "/v5/market/tickers", "market.tickers", tickers),
    Route("GET", "/v5/market/kline", "market.kline", kline),
    Route("GET", "/v5/market/mark-price-kline", "market.mark-price-kline", mark_price_kline),
    Route("GET", "/v5/market/orderbook", "market.orderbook", orderbook),
    Route("GET", "/v5/market/price-limit", "market.price-limit", price_limit),
    Route("GET", "/v5/market/recent-trade", "market.recent-trade", recent_trade),
    Route("GET", "/v5/market/funding/history", "market.funding-history", funding_history),
    Route("GET", "/v5/market/risk-limit", "market.risk-limit", risk_limit),
)
