"""Whatever Binance sends, reading it ends in events or in ``Malformed``; never in another exception."""

import copy
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.venues.binance import errors, parse
from holdfast.venues.bybit.fields import Malformed
from holdfast.venues.protocol import RateLimited, Rejected, Unreachable, VenueError

KLINE = {
    "e": "kline", "E": 1672515782136, "s": "X",
    "k": {
        "t": 1672515780000, "T": 1672515839999, "s": "X", "i": "1m", "f": 100, "L": 200, "o": "2", "c": "2",
        "h": "3", "l": "1", "v": "1000", "n": 100, "x": False, "q": "1.0", "V": "500", "Q": "0.5", "B": "1",
    },
}  # fmt: skip
PAIR = {
    "symbol": "XUSDT", "status": "TRADING", "baseAsset": "X", "quoteAsset": "USDT", "baseAssetPrecision": 8,
    "quotePrecision": 8,
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0", "maxPrice": "0", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "1", "maxQty": "9", "stepSize": "1"},
        {"filterType": "NOTIONAL", "minNotional": "5"},
    ],
}  # fmt: skip
ROW = [1499040000000, "1", "3", "1", "2", "5", 1499644799999, "9", 308, "1", "2", "0"]
READERS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "kline": (lambda data: parse.events("x@kline_1m", data), KLINE),
    "trade": (
        lambda data: parse.events("x@trade", data),
        {"e": "trade", "E": 1, "s": "X", "t": 1, "p": "1", "q": "1", "T": 1, "m": True},
    ),
    "best": (
        lambda data: parse.events("x@bookTicker", data),
        {"u": 1, "s": "X", "b": "1", "B": "1", "a": "2", "A": "1"},
    ),
    "depth": (
        lambda data: parse.events("x@depth", data),
        {"e": "depthUpdate", "E": 1, "s": "X", "U": 1, "u": 2, "b": [["1", "2"]], "a": [["2", "0"]]},
    ),
    "partial": (
        lambda data: parse.events("x@depth5", data),
        {"lastUpdateId": 1, "bids": [["1", "2"]], "asks": []},
    ),
    "days": (
        lambda data: parse.events("!miniTicker@arr", data),
        [{"e": "24hrMiniTicker", "E": 1, "s": "X", **dict.fromkeys("cohlvq", "1")}],
    ),
    "rows": (lambda data: parse.klines(data, "X", "1m"), [ROW]),
    "pairs": (lambda data: [parse.instrument(row) for row in parse.pairs(data)], {"symbols": [PAIR]}),
    "day": (
        lambda data: [parse.day_ticker(row) for row in parse.day_rows(data)],
        {
            "symbol": "X", "lastPrice": "1", "openPrice": "1", "highPrice": "1", "lowPrice": "1",
            "volume": "1", "quoteVolume": "1", "closeTime": 1,
        },
    ),
    "orders": (
        lambda data: parse.agg_trades(data, "X"),
        [{"a": 1, "p": "1", "q": "1", "f": 1, "l": 1, "T": 1, "m": True}],
    ),
}  # fmt: skip

junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "NaN",
            "Infinity",
            "1e999999",
            "-1E-999999",
            "abc",
            "²",
            "9" * 30,
            "{}",
            "[1]",
            [],
            {},
        ]
    ),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    return [path, *(place for key in keys for place in places(value[key], (*path, key)))]


def broken(document: Any, path: tuple[Any, ...], put: Any) -> Any:
    if not path:
        return put
    changed = copy.deepcopy(document)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = put
    return changed


@pytest.mark.parametrize("name", READERS)
def test_a_good_document_is_read(name: str) -> None:
    read, document = READERS[name]
    assert read(document)


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_a_broken_document_is_malformed_at_most(name: str, data: st.DataObject) -> None:
    read, document = READERS[name]
    path = data.draw(st.sampled_from(places(document)))
    with suppress(Malformed):
        read(broken(document, path, data.draw(junk)))


@given(
    st.integers(201, 599),
    st.dictionaries(st.just("Retry-After"), st.sampled_from(["", "0", "7", "-1", "soon", "²", "9" * 30])),
    st.one_of(junk, st.fixed_dictionaries({"code": junk, "msg": junk})),
)
def test_every_refusal_means_something(status: int, headers: dict[str, str], body: Any) -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    found: VenueError = errors.from_answer(status, headers, body, now)
    assert isinstance(found, RateLimited | Rejected | Unreachable)
    if status in (403, 418, 429):
        assert isinstance(found, RateLimited)
    if isinstance(found, RateLimited):
        assert found.until >= now
    if status >= 500:
        assert not isinstance(found, Rejected)
