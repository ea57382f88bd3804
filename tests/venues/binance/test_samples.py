"""Every documented Binance answer that concerns us is read, and read right.

The samples are examples of the vendor's documentation and fixtures of another adapter; they are not part of
this repository. HOLDFAST_SHARED names the folder that holds ``reference/contract_samples``.
"""

import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.instruments import InstrumentStatus
from holdfast.venues.binance import errors, parse
from holdfast.venues.binance.events import (
    AggTrade,
    BookTicker,
    DepthDiff,
    DepthSnapshot,
    Kline,
    KlineUpdate,
    MiniTicker,
    Shutdown,
    Trade,
)
from holdfast.venues.bybit.fields import Malformed
from holdfast.venues.protocol import Rejected

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("HOLDFAST_SHARED") or ROOT.parent / "shared")
SAMPLES = SHARED / "reference/contract_samples/binance"
STREAMS = "docs/web-socket-streams__"

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"the contract samples are not at {SAMPLES}")


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def told(stream: str, name: str) -> Any:
    (event,) = parse.events(stream, sample(f"{STREAMS}{name}"))
    return event


def test_streams() -> None:
    at = 1672515782136
    trade = told("bnbbtc@trade", "trade_streams__01")
    assert trade == Trade("BNBBTC", 12345, Decimal("0.001"), Decimal(100), at, True)
    assert told("bnbbtc@aggTrade", "aggregate_trade_streams__01") == AggTrade(
        "BNBBTC", 12345, Decimal("0.001"), Decimal(100), 100, 105, at, True
    )
    assert told("bnbusdt@bookTicker", "individual_symbol_book_ticker_streams__01") == BookTicker(
        "BNBUSDT", 400900217, Decimal("25.3519"), Decimal("31.21"), Decimal("25.3652"), Decimal("40.66")
    )
    assert told("bnbbtc@miniTicker", "individual_symbol_mini_ticker_stream__01") == MiniTicker(
        "BNBBTC", *map(Decimal, ("0.0025", "0.0010", "0.0025", "0.0010", "10000", "18")), at
    )
    assert told("bnbbtc@depth", "diff_depth_stream__01") == DepthDiff(
        "BNBBTC", 157, 160, ((Decimal("0.0024"), Decimal(10)),), ((Decimal("0.0026"), Decimal(100)),), at
    )
    assert told("bnbbtc@depth5", "partial_book_depth_streams__01") == DepthSnapshot(
        "BNBBTC", 160, ((Decimal("0.0024"), Decimal(10)),), ((Decimal("0.0026"), Decimal(100)),)
    )


def test_candles_of_streams() -> None:
    """The documentation's own candle opens below its low, and is refused for that; put right, it is read."""
    message = sample(f"{STREAMS}kline_candlestick_streams_for_utc__01")
    with pytest.raises(Malformed, match="cannot be"):
        parse.events("bnbbtc@kline_1m", message)
    message["k"]["l"] = "0.0010"
    kline = Kline(
        "BNBBTC", "1m", 1672515780000, 1672515839999,
        *map(Decimal, ("0.0010", "0.0025", "0.0010", "0.0020", "1000", "1.0000")), 100,
        Decimal(500), Decimal("0.500"),
    )  # fmt: skip
    assert parse.events("bnbbtc@kline_1m", message) == [KlineUpdate(kline, 100, 200, False, 1672515782136)]


def test_announcements() -> None:
    raw, combined = (sample(f"{STREAMS}server_shutdown__0{n}") for n in (1, 2))
    expected = [Shutdown(1770123456789)]
    assert parse.events("!serverShutdown", raw) == expected
    assert parse.events(combined["stream"], combined["data"]) == expected


def test_kinds_that_nobody_reads_say_nothing() -> None:
    for name in ("average_price__01", "block_trade_streams__01", "reference_price_streams__01"):
        assert parse.events("x@y", sample(f"{STREAMS}{name}")) == []


def test_rest_of_the_documentation() -> None:
    (kline,) = parse.klines(sample("docs/rest-api__kline_candlestick_data__01"), "X", "1w")
    assert (kline.open_ms, kline.close_ms, kline.trades) == (1499040000000, 1499644799999, 308)
    assert (kline.open, kline.high, kline.low) == (
        Decimal("0.01634790"),
        Decimal("0.8"),
        Decimal("0.01575800"),
    )
    assert (kline.volume, kline.turnover) == (Decimal("148976.11427815"), Decimal("2434.19055334"))
    (trade,) = parse.trades(sample("docs/rest-api__recent_trades_list__01"), "X")
    assert trade == Trade("X", 28457, Decimal("4.000001"), Decimal(12), 1499865549590, True)
    (order,) = parse.agg_trades(sample("docs/rest-api__compressed_aggregate_trades_list__01"), "X")
    assert (order.id, order.first_trade, order.last_trade) == (26129, 27781, 27781)
    book = parse.snapshot(sample("docs/rest-api__order_book__01"), "X")
    assert (book.last_id, book.bids, book.asks) == (
        1027024, ((Decimal(4), Decimal(431)),), ((Decimal("4.000002"), Decimal(12)),),
    )  # fmt: skip
    for number in (1, 2, 3, 4):
        rows = parse.day_rows(sample(f"docs/rest-api__24hr_ticker_price_change_statistics__0{number}"))
        found = [parse.day_ticker(row) for row in rows]
        assert found[0].symbol == "BNBBTC"
        assert found[0].last == Decimal("4.000002")
    refusal = errors.from_answer(400, {}, sample("docs/rest-api__error_codes__01"), datetime.now(UTC))
    assert isinstance(refusal, Rejected)
    assert refusal.code == "-1121"


def test_fixtures_of_another_adapter() -> None:
    rows = parse.pairs(sample("nautilus/http_spot_market_exchange_info"))
    (pair,) = [parse.instrument(row) for row in rows if row["symbol"] == "BTCUSDT"]
    assert (pair.tick, pair.lot, pair.status) == (
        Decimal("0.01"),
        Decimal("0.00001"),
        InstrumentStatus.TRADING,
    )
    assert pair.min_notional > 0
    candles = sample("nautilus/http_spot_market_klines")
    assert len(parse.klines(candles, "X", "1m")) == len(candles)
    assert parse.trades(sample("nautilus/http_spot_market_trades"), "X")
    assert parse.trades(sample("nautilus/http_spot_market_historical_trades"), "X")
    assert parse.agg_trades(sample("nautilus/http_spot_market_agg_trades"), "X")
    assert parse.snapshot(sample("nautilus/http_spot_market_depth"), "X").bids
    assert parse.server_time_ms(sample("nautilus/http_spot_market_time"))
    (day,) = parse.day_rows(sample("nautilus/ticker_24hr_response"))
    assert parse.day_ticker(day).last > 0
