"""Drives the simulator with unmodified ccxt and ccxt.pro; prints what they saw as JSON.

Usage: ccxt_judge.py URL (…/binance)
"""

import asyncio
import json
import sys
from typing import Any

import ccxt
import ccxt.pro

PAIR = "BTC/USDT"


def options(url: str) -> dict[str, Any]:
    stream = f"{url.replace('http', 'ws', 1)}/ws"
    return {
        "enableRateLimit": False,
        "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False},
        "urls": {"api": {"public": f"{url}/api/v3", "ws": {"spot": stream}}},
    }


def error_of(action: Any) -> str:
    try:
        action()
    except ccxt.BaseError as error:
        return type(error).__name__
    return "none"


def rest(url: str) -> dict[str, Any]:
    venue = ccxt.binance(options(url))
    markets = venue.load_markets()
    ticker = venue.fetch_ticker(PAIR)
    first = venue.fetch_ohlcv(PAIR, "1h", limit=3)[0][0]
    return {
        "pairs": len(markets),
        "btc": {name: markets[PAIR][name] for name in ("id", "type", "active", "precision")},
        "least": markets[PAIR]["limits"]["cost"]["min"],
        "ticker": {name: ticker[name] for name in ("bid", "ask", "last", "percentage", "baseVolume")},
        "tickers": len(venue.fetch_tickers()),
        "hours": venue.fetch_ohlcv(PAIR, "1h", since=first, limit=5),
        "minutes": venue.fetch_ohlcv(PAIR, "1m", limit=240),
        "book": venue.fetch_order_book(PAIR, 20),
        "trades": [[one["side"], one["price"], one["amount"]] for one in venue.fetch_trades(PAIR, limit=20)],
        "unknown": error_of(lambda: venue.publicGetKlines({"symbol": "NOBODY", "interval": "1m"})),
    }


async def streams(url: str) -> dict[str, Any]:
    venue = ccxt.pro.binance(options(url))
    seen: dict[str, Any] = {}
    seen["trades"] = [[one["id"], one["price"]] for one in await venue.watch_trades(PAIR)]
    seen["candles"] = await venue.watch_ohlcv(PAIR, "1m")
    book = await venue.watch_order_book("ETH/USDT", 20)
    for _ in range(3):
        book = await venue.watch_order_book("ETH/USDT", 20)
    seen["book"] = {"bids": book["bids"], "asks": book["asks"], "nonce": book["nonce"]}
    ticker = await venue.watch_bids_asks([PAIR])
    seen["best"] = {name: ticker[PAIR][name] for name in ("bid", "ask")}
    await venue.close()
    return seen


if __name__ == "__main__":
    given = sys.argv[1]
    print(json.dumps({"rest": rest(given), "streams": asyncio.run(streams(given))}))
