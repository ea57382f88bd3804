"""Market data: which instruments there are, on which grid, and at what prices."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus
from holdfast.venues.bybit import parse_market
from holdfast.venues.bybit.fields import Malformed

LISTED: dict[str, Any] = json.loads((Path(__file__).parent / "fixtures/instruments_linear.json").read_text())
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def linear(**rows: Any) -> dict[str, Instrument]:
    found = parse_market.instruments((rows or LISTED).values(), InstrumentKind.LINEAR)
    return {instrument.symbol: instrument for instrument in found}


def test_only_usdt_perpetuals_on_coins_are_instruments() -> None:
    assert set(LISTED) - set(linear()) == {"BTCPERP", "BTCUSDT-26MAR27", "TSLAUSDT"}


@pytest.mark.parametrize(
    ("symbol", "status"),
    [
        ("BTCUSDT", InstrumentStatus.TRADING),
        ("DELISTUSDT", InstrumentStatus.REDUCE_ONLY),
        ("SETTLINGUSDT", InstrumentStatus.REDUCE_ONLY),
        ("SOONUSDT", InstrumentStatus.PRELAUNCH),
        ("GONEUSDT", InstrumentStatus.CLOSED),
    ],
)
def test_what_may_be_done_with_an_instrument(symbol: str, status: InstrumentStatus) -> None:
    assert linear()[symbol].status is status


def test_the_grid_and_the_limits() -> None:
    bitcoin = linear()["BTCUSDT"]
    assert (bitcoin.tick, bitcoin.lot) == (Decimal("0.10"), Decimal("0.001"))
    assert (bitcoin.min_quantity, bitcoin.min_notional) == (Decimal("0.001"), Decimal(5))
    assert (bitcoin.max_market_quantity, bitcoin.max_limit_quantity) == (Decimal(500), Decimal(1190))
    assert (bitcoin.funding_interval_minutes, bitcoin.delivery_at) == (240, None)
    assert linear()["DELISTUSDT"].delivery_at == datetime(2023, 11, 15, tzinfo=UTC)


def test_multiplied_symbols_are_known_by_name_only() -> None:
    found = linear()
    assert found["1000PEPEUSDT"].multiplier == found["SHIB1000USDT"].multiplier == 1000
    assert found["BTCUSDT"].multiplier == 1
    unlisted = LISTED["1000PEPEUSDT"] | {"symbol": "1000NOBODYUSDT", "baseCoin": "1000NOBODY"}
    assert linear(a=unlisted)["1000NOBODYUSDT"].multiplier == 1


@pytest.mark.parametrize("step", ["0", "-0.1", "", "NaN"])
def test_a_grid_without_steps_is_malformed(step: str) -> None:
    with pytest.raises(Malformed):
        linear(a=LISTED["BTCUSDT"] | {"priceFilter": {"tickSize": step}})


def test_spot_pairs_ignore_the_filters_bybit_no_longer_checks() -> None:
    [pair] = parse_market.instruments(
        [
            {
                "symbol": "BTCUSDT",
                "baseCoin": "BTC",
                "quoteCoin": "USDT",
                "status": "Trading",
                "lotSizeFilter": {
                    "basePrecision": "0.000001",
                    "quotePrecision": "0.0000001",
                    "minOrderQty": "0.000011",
                    "maxOrderQty": "83",
                    "minOrderAmt": "5",
                    "maxLimitOrderQty": "166",
                    "maxMarketOrderQty": "83",
                },
                "priceFilter": {"tickSize": "0.1"},
            },
            {"symbol": "ETHBTC", "quoteCoin": "BTC"},
        ],
        InstrumentKind.SPOT,
    )
    assert (pair.lot, pair.min_quantity, pair.min_notional) == (
        Decimal("0.000001"),
        Decimal("0.000001"),
        Decimal(5),
    )
    assert (pair.max_limit_quantity, pair.max_market_quantity) == (166, 83)


def ticker(**changes: str) -> dict[str, str]:
    return {
        "symbol": "BTCUSDT",
        "bid1Price": "67000.1",
        "ask1Price": "67000.2",
        "lastPrice": "67000.2",
        "markPrice": "66999",
        "indexPrice": "66998",
        "turnover24h": "1000000.5",
        "fundingRate": "-0.0001",
        "nextFundingTime": "1700006400000",
    } | changes


def test_a_ticker_is_a_quote() -> None:
    [quote] = parse_market.quotes([ticker()], AT)
    assert (quote.bid, quote.ask, quote.mark) == (Decimal("67000.1"), Decimal("67000.2"), Decimal(66999))
    assert (quote.index, quote.funding_rate) == (Decimal(66998), Decimal("-0.0001"))
    assert quote.next_funding_at == datetime(2023, 11, 15, tzinfo=UTC)
    assert quote.at == AT


def test_a_symbol_with_an_empty_side_of_the_book_has_no_quote() -> None:
    assert parse_market.quotes([ticker(bid1Price=""), ticker(ask1Price="")], AT) == []


def test_a_spot_ticker_borrows_its_mark_from_the_last_price() -> None:
    quote = parse_market.quote(
        ticker(markPrice="", indexPrice="", fundingRate="", nextFundingTime="", usdIndexPrice="66990"), AT
    )
    assert (quote.mark, quote.index, quote.funding_rate) == (Decimal("67000.2"), Decimal(66990), 0)
    assert quote.next_funding_at is None


def test_a_book_keeps_best_first_and_its_matching_time() -> None:
    book = parse_market.book(
        {
            "s": "BTCUSDT",
            "b": [["10", "1"], ["9.5", "2"]],
            "a": [["10.5", "3"]],
            "ts": 1700000000031,
            "cts": 1700000000000,
        }
    )
    assert book.bids == ((Decimal(10), Decimal(1)), (Decimal("9.5"), Decimal(2)))
    assert book.asks == ((Decimal("10.5"), Decimal(3)),)
    assert book.at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_candles_are_turned_oldest_first() -> None:
    rows = [
        ["1700000060000", "2", "3", "1", "2.5", "10", "25"],
        ["1700000000000", "1", "2", "1", "2", "5", "9"],
    ]
    first, second = parse_market.candles({"list": rows})
    assert first.open_time < second.open_time
    assert (second.open, second.high, second.low, second.close) == (2, 3, 1, Decimal("2.5"))
    assert (second.volume, second.turnover) == (10, 25)
    with pytest.raises(Malformed):
        parse_market.candles({"list": [["1700000060000", "2"]]})


def test_the_venues_clock_is_read_from_its_nanoseconds() -> None:
    assert parse_market.server_time({"timeNano": "1700000000123456789"}) == datetime(
        2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC
    )
