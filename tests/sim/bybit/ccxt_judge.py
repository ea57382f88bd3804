"""Drives the simulator with unmodified ccxt, in an environment of its own; prints what it saw as JSON.

Usage: ccxt_judge.py URL KEY SECRET
"""

import json
import sys
import time
from typing import Any

import ccxt


def exchange(url: str, key: str, secret: str) -> Any:
    return ccxt.bybit(
        {
            "apiKey": key,
            "secret": secret,
            "enableRateLimit": False,
            "urls": {"api": {"public": url, "private": url}},
            "options": {"defaultType": "swap"},
        }
    )


def settled(venue: Any, order_id: str, symbol: str) -> dict[str, Any]:
    """The order once it is no longer open."""
    for _ in range(1000):
        order = venue.fetch_open_order(order_id, symbol)
        if order["status"] != "open":
            return dict(order)
        time.sleep(0.02)
    raise SystemExit(f"order {order_id} stays open")


def error_of(action: Any) -> str:
    try:
        action()
    except ccxt.BaseError as error:
        return type(error).__name__
    return "none"


def short(order: dict[str, Any]) -> dict[str, Any]:
    names = ("status", "symbol", "side", "amount", "filled", "cost", "average", "remaining", "clientOrderId")
    return {name: order[name] for name in names}


def order_forms(venue: Any, symbol: str, low: float, ask: float) -> dict[str, Any]:
    """Post-only that rests, is amended and cancelled with all others; post-only that would cross."""
    maker = {"postOnly": True}
    resting = venue.create_order(symbol, "limit", "buy", 0.01, low, params=maker)
    venue.edit_order(resting["id"], symbol, "limit", "buy", 0.02, low)
    amended = venue.fetch_open_order(resting["id"], symbol)
    venue.cancel_all_orders(symbol)
    crossing = venue.create_order(symbol, "limit", "buy", 0.01, ask * 1.002, params=maker)
    return {
        "amended": {name: amended[name] for name in ("status", "amount", "postOnly", "timeInForce")},
        "cancelled": short(settled(venue, resting["id"], symbol)),
        "crossing": short(settled(venue, crossing["id"], symbol)),
    }


def judge(url: str, key: str, secret: str) -> dict[str, Any]:
    venue = exchange(url, key, secret)
    perpetual, pair = "BTC/USDT:USDT", "BTC/USDT"
    markets = venue.load_markets()
    ticker = venue.fetch_ticker(perpetual)
    seen: dict[str, Any] = {
        "swaps": sum(1 for one in markets.values() if one["swap"] and one["linear"]),
        "pairs": sum(1 for one in markets.values() if one["spot"]),
        "btc": {name: markets[perpetual][name] for name in ("id", "type", "settle", "precision", "active")},
        "least": markets[perpetual]["limits"],
        "ticker": {name: ticker[name] for name in ("bid", "ask", "last", "percentage")},
        "tickers": len(venue.fetch_tickers(params={"type": "swap"})),
        "funding": venue.fetch_funding_rate(perpetual)["fundingRate"],
        "candles": venue.fetch_ohlcv(perpetual, "5m", limit=10),
        "book": venue.fetch_order_book(perpetual, 20),
        "trades": [one["side"] for one in venue.fetch_trades(perpetual, limit=5)],
        "balance": venue.fetch_balance()["USDT"],
        "fee": venue.fetch_trading_fee(perpetual)["taker"],
        "unchanged_leverage": error_of(lambda: [venue.set_leverage(3, perpetual) for _ in range(2)]),
    }
    bought = venue.create_order(perpetual, "market", "buy", 0.01, params={"clientOrderId": "ccxt-1"})
    seen["bought"] = short(settled(venue, bought["id"], perpetual))
    seen["fills"] = [
        {name: one[name] for name in ("side", "amount", "price", "cost", "fee", "takerOrMaker")}
        for one in venue.fetch_my_trades(perpetual)
    ]
    (held,) = venue.fetch_positions([perpetual])
    seen["position"] = {name: held[name] for name in ("side", "contracts", "entryPrice", "leverage")}
    low = venue.price_to_precision(perpetual, seen["ticker"]["bid"] * 0.995)
    resting = venue.create_order(perpetual, "limit", "buy", 0.01, float(low))
    seen["open"] = [short(one) for one in venue.fetch_open_orders(perpetual)]
    venue.cancel_order(resting["id"], perpetual)
    seen["cancelled"] = short(settled(venue, resting["id"], perpetual))
    seen["forms"] = order_forms(venue, perpetual, float(low), seen["ticker"]["ask"])
    sold = venue.create_order(perpetual, "market", "sell", 0.01, params={"reduceOnly": True})
    seen["sold"] = short(settled(venue, sold["id"], perpetual))
    seen["flat"] = [one["contracts"] for one in venue.fetch_positions([perpetual])]
    seen["errors"] = {
        "duplicate": error_of(
            lambda: venue.create_order(perpetual, "market", "buy", 0.01, params={"clientOrderId": "ccxt-1"})
        ),
        "too much": error_of(lambda: venue.create_order(perpetual, "market", "buy", 400)),
        "nothing to reduce": error_of(
            lambda: venue.create_order(perpetual, "market", "sell", 0.01, params={"reduceOnly": True})
        ),
        "unknown order": error_of(lambda: venue.cancel_order("nobody", perpetual)),
        "bad key": error_of(exchange(url, "nobody", secret).fetch_balance),
        "bad secret": error_of(exchange(url, key, "wrong").fetch_balance),
    }
    spot = venue.create_order(pair, "market", "buy", 1, params={"cost": 100})
    seen["spot"] = short(settled(venue, spot["id"], pair))
    seen["ledger"] = sorted({one["type"] for one in venue.fetch_ledger("USDT")})
    return seen


if __name__ == "__main__":
    print(json.dumps(judge(*sys.argv[1:4])))
