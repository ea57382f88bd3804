"""Snapshots and deltas of Bybit's ticker stream put together."""

import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.time import to_ms
from holdfast.market.tickers import TickerMerge, VenueClock

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SHARED = Path(os.environ.get("HOLDFAST_SHARED", Path(__file__).parents[2] / ".." / "shared"))

SNAPSHOT = {
    "symbol": "BTCUSDT",
    "lastPrice": "100.5",
    "markPrice": "100.4",
    "indexPrice": "100.3",
    "prevPrice24h": "90",
    "turnover24h": "1234.5",
    "fundingRate": "-0.0001",
    "bid1Price": "100",
    "ask1Price": "101",
}


def message(data, *, kind="delta", at=NOW, symbol="BTCUSDT"):
    return {"topic": f"tickers.{symbol}", "type": kind, "data": data, "ts": to_ms(at)}


def test_a_snapshot_is_a_whole_quote():
    merge = TickerMerge()
    assert merge.apply(message(SNAPSHOT, kind="snapshot"), NOW) == "BTCUSDT"
    (quote,) = merge.drain()
    assert (quote.bid, quote.ask, quote.last) == (Decimal(100), Decimal(101), Decimal("100.5"))
    assert (quote.mark, quote.index, quote.prev_24h) == (Decimal("100.4"), Decimal("100.3"), Decimal(90))
    assert (quote.turnover_24h, quote.funding_rate) == (Decimal("1234.5"), Decimal("-0.0001"))
    assert quote.at == NOW
    assert quote.mid == Decimal("100.5")
    assert merge.drain() == []


def test_an_absent_field_of_a_delta_is_unchanged():
    merge = TickerMerge()
    merge.apply(message(SNAPSHOT, kind="snapshot"), NOW)
    merge.apply(message({"symbol": "BTCUSDT", "ask1Price": "102"}), NOW)
    (quote,) = merge.drain()
    assert (quote.bid, quote.ask) == (Decimal(100), Decimal(102))


def test_a_delta_without_a_snapshot_is_nothing():
    merge = TickerMerge()
    assert merge.apply(message({"ask1Price": "102"}), NOW) is None
    assert merge.drain() == []


def test_a_new_snapshot_forgets_what_was():
    merge = TickerMerge()
    merge.apply(message(SNAPSHOT, kind="snapshot"), NOW)
    merge.apply(message({"symbol": "BTCUSDT", "lastPrice": "7"}, kind="snapshot"), NOW)
    (quote,) = merge.drain()
    assert (quote.last, quote.bid, quote.mark, quote.prev_24h) == (7, 0, 7, 0)
    assert quote.mid == 7, "an empty side of the book leaves the last price"


def test_a_quote_without_a_usable_price_is_not_given():
    merge = TickerMerge()
    for last in ("", "0", "NaN", "abc", None):
        merge.apply(message(SNAPSHOT | {"lastPrice": last}, kind="snapshot"), NOW)
        assert merge.drain() == []


def test_forgotten_symbols_need_a_new_snapshot():
    merge = TickerMerge()
    merge.apply(message(SNAPSHOT, kind="snapshot"), NOW)
    merge.forget("BTCUSDT")
    assert merge.drain() == []
    assert merge.apply(message({"ask1Price": "102"}), NOW) is None


@pytest.mark.parametrize("broken", [{}, {"topic": "tickers.A"}, message(5), message(None, kind="snapshot")])
def test_what_is_no_ticker_is_refused(broken):
    with pytest.raises((KeyError, TypeError, ValueError)):
        TickerMerge().apply(broken, NOW)


FIELDS = st.dictionaries(
    st.sampled_from([name for name in SNAPSHOT if name != "symbol"]),
    st.integers(1, 10**6).map(str),
)


@given(st.lists(FIELDS, max_size=20), st.booleans())
def test_merging_deltas_equals_the_venues_own_state(deltas, drain_between):
    state, merge = dict(SNAPSHOT), TickerMerge()
    merge.apply(message(SNAPSHOT, kind="snapshot"), NOW)
    last = merge.drain()
    for delta in deltas:
        state |= delta
        merge.apply(message(delta), NOW)
        if drain_between:
            last = merge.drain()
    last = merge.drain() or last
    assert last[0].bid == Decimal(state["bid1Price"])
    assert last[0].last == Decimal(state["lastPrice"])
    assert last[0].funding_rate == Decimal(state["fundingRate"])


@given(st.integers(-(10**7), 10**7))
def test_clocks_may_differ_but_growing_delay_is_age(offset_ms):
    clock, offset = VenueClock(), timedelta(milliseconds=offset_ms)
    sent = NOW + offset
    assert clock.true_at(sent, NOW) == NOW
    late = clock.true_at(sent + timedelta(seconds=1), NOW + timedelta(seconds=8))
    assert late == NOW + timedelta(seconds=1), "seven seconds old on arrival"
    assert clock.true_at(sent + timedelta(seconds=9), NOW + timedelta(seconds=9)) == NOW + timedelta(
        seconds=9
    )


def documented():
    folder = SHARED / "reference" / "contract_samples" / "bybit"
    return [
        folder / "docs" / "websocket__public__ticker__01.json",
        folder / "nautilus" / "ws_ticker_linear.json",
    ]


@pytest.mark.parametrize("path", documented(), ids=lambda path: path.name)
def test_documented_messages_are_read(path):
    if not path.exists():
        pytest.skip(f"the contract samples are not here: {path}")
    sample = json.loads(path.read_text())
    merge = TickerMerge()
    merge.apply(sample | {"type": "snapshot"}, NOW)
    (quote,) = merge.drain()
    assert quote.symbol == sample["data"]["symbol"]
    assert quote.bid == Decimal(sample["data"]["bid1Price"])
    assert quote.last == Decimal(sample["data"]["lastPrice"])
