"""Drives the simulator with unmodified python-binance, in an environment of its own; prints what it saw.

Usage: python_binance_judge.py URL (…/binance)
"""

import asyncio
import json
import sys
import time
from typing import Any

from binance import AsyncClient, BinanceSocketManager, DepthCacheManager
from binance.client import Client
from binance.exceptions import BinanceAPIException

SYMBOL = "BTCUSDT"


def rest(url: str) -> dict[str, Any]:
    Client.API_URL = f"{url}/api"
    client = Client(ping=False)
    info = client.get_exchange_info()
    klines = client.get_klines(symbol=SYMBOL, interval=Client.KLINE_INTERVAL_1MINUTE, limit=200)
    generated = list(
        client.get_historical_klines_generator(
            SYMBOL, Client.KLINE_INTERVAL_1MINUTE, klines[0][0] - 1500 * 60_000, klines[-2][0]
        )
    )
    seen: dict[str, Any] = {
        "ping": client.ping(),
        "skew": abs(client.get_server_time()["serverTime"] - time.time() * 1000),
        "symbols": len(info["symbols"]),
        "filters": sorted(one["filterType"] for one in client.get_symbol_info(SYMBOL)["filters"]),
        "klines": klines,
        "generated": [row[0] for row in generated],
        "months": len(client.get_klines(symbol=SYMBOL, interval=Client.KLINE_INTERVAL_1MONTH)),
        "book": client.get_order_book(symbol=SYMBOL, limit=20),
        "trades": client.get_recent_trades(symbol=SYMBOL, limit=100),
        "orders": client.get_aggregate_trades(symbol=SYMBOL, limit=100),
        "iterated": [],
        "ticker": client.get_ticker(symbol=SYMBOL),
        "tickers": len(client.get_ticker()),
        "best": client.get_orderbook_ticker(symbol=SYMBOL),
        "prices": len(client.get_all_tickers()),
        "average": client.get_avg_price(symbol=SYMBOL)["price"],
        "weight": client.response.headers["X-MBX-USED-WEIGHT-1M"],
    }
    for order in client.aggregate_trade_iter(SYMBOL, last_id=seen["orders"][0]["a"] - 700):
        seen["iterated"].append(order["a"])
        if len(seen["iterated"]) == 650:
            break
    seen["errors"] = {}
    for name, call in {
        "symbol": lambda: client.get_klines(symbol="NOBODY", interval="1m"),
        "interval": lambda: client.get_klines(symbol=SYMBOL, interval="7m"),
        "missing": lambda: client.get_order_book(),
    }.items():
        try:
            call()
        except BinanceAPIException as error:
            seen["errors"][name] = [error.status_code, error.code, error.message]
    return seen


async def streams(url: str) -> dict[str, Any]:
    AsyncClient.API_URL = f"{url}/api"
    client = AsyncClient()
    manager = BinanceSocketManager(client)
    manager.STREAM_URL = f"{url.replace('http', 'ws', 1)}/"
    names = [
        "btcusdt@trade", "btcusdt@aggTrade", "btcusdt@kline_1m", "btcusdt@bookTicker", "btcusdt@miniTicker",
        "ethusdt@depth@100ms", "ethusdt@depth10", "!miniTicker@arr",
    ]  # fmt: skip
    seen: dict[str, Any] = {}
    async with manager.multiplex_socket(names) as socket:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and (len(seen) < len(names) or len(seen["btcusdt@trade"]) < 20):
            message = await socket.recv()
            seen.setdefault(message["stream"], []).append(message["data"])
    async with manager.kline_socket(SYMBOL, "1m") as socket:
        seen["raw kline"] = await socket.recv()
    async with DepthCacheManager(client, SYMBOL, bm=manager, ws_interval=100) as cache_socket:
        for _ in range(4):
            cache = await cache_socket.recv()
        seen["cache"] = {
            "bids": cache.get_bids()[:5], "asks": cache.get_asks()[:5], "id": cache_socket._last_update_id,
        }  # fmt: skip
    await client.close_connection()
    return seen


if __name__ == "__main__":
    given = sys.argv[1]
    print(json.dumps({"rest": rest(given), "streams": asyncio.run(streams(given))}))
