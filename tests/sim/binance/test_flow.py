"""Trades, candles of every length and the other venue's candles tell one story."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.conftest import NOON_MS

from holdfast.sim.binance.flow import FILLS, Trades, shared_out
from holdfast.sim.binance.klines import INTERVALS, Kline
from holdfast.sim.binance.listing import EIGHT, Pair, eight
from holdfast.sim.binance.rest import Desk
from holdfast.sim.clock import SimClock
from holdfast.sim.coins import day_ms
from holdfast.sim.instruments import SPOT
from holdfast.sim.market import Market
from holdfast.sim.paths import HOUR_MS, MINUTE_MS

MARKET = Market(11, SimClock(NOON_MS, source_ns=lambda: 0))
DESK = Desk.of(MARKET)
LISTED = DESK.listing.trading()
pairs = st.sampled_from([DESK.listing.find("BTCUSDT"), DESK.listing.find("SOLUSDT"), *LISTED[::40]])
minutes = st.integers(min_value=(day_ms(2021, 1, 1)) // MINUTE_MS, max_value=NOON_MS // MINUTE_MS - 1)


def of_trades(pair: Pair, found: Trades, opened: int, width_ms: int) -> Kline:
    """The candle by its definition, one trade after the other."""
    prices = [int(ticks) * pair.tick for ticks in found.ticks]
    volume = sum(int(lots) for lots in found.lots) * pair.lot
    bought = sum(int(lots) for lots, buy in zip(found.lots, found.buy, strict=True) if buy) * pair.lot
    return Kline(
        opened, opened + width_ms - 1, prices[0], max(prices), min(prices), prices[-1], volume, bought,
        len(found), found.first_id,
    )  # fmt: skip


@given(pairs, minutes)
@settings(max_examples=60, deadline=None)
def test_a_minute_is_what_was_traded_in_it(pair: Pair, minute: int) -> None:
    opened = minute * MINUTE_MS
    found = DESK.flow.trades(pair, opened, opened + MINUTE_MS - 1)
    (kline,) = DESK.klines.read(pair, "1m", opened, opened, NOON_MS, 1)
    assert kline == of_trades(pair, found, opened, MINUTE_MS)
    assert found.lots.min() >= 1
    assert (np.diff(found.at_ms) >= 0).all()
    assert kline.low * kline.volume <= kline.turnover * EIGHT + EIGHT
    assert kline.turnover * EIGHT <= kline.high * kline.volume


@given(pairs, minutes)
@settings(max_examples=25, deadline=None)
def test_trades_come_in_whole_orders_and_ids_go_on_over_minutes(pair: Pair, minute: int) -> None:
    first, second = (
        DESK.flow.trades_of(pair, (at * MINUTE_MS - day_ms(2020, 1, 1)) // MINUTE_MS)
        for at in (minute, minute + 1)
    )
    assert first.first_id + len(first) == second.first_id
    for column in (first.at_ms, first.ticks, first.buy):
        assert (column[::FILLS] == column[1::FILLS]).all()
    assert first.first_id % FILLS == 0


@pytest.mark.parametrize("interval", [name for name in INTERVALS if name not in ("1s", "1m")])
def test_long_candles_are_their_minutes_or_hours(interval: str) -> None:
    pair = DESK.listing.find("ETHUSDT")
    assert pair is not None
    part = "1m" if INTERVALS[interval] in range(1, HOUR_MS + 1) else "1h"
    for kline in DESK.klines.newest(pair, interval, NOON_MS, NOON_MS, 3):
        inside: list[Kline] = []
        while not inside or inside[-1].close_ms < min(kline.close_ms, NOON_MS):
            start = inside[-1].close_ms + 1 if inside else kline.open_ms
            inside += DESK.klines.read(pair, part, start, kline.close_ms, NOON_MS, 1000)
        assert (kline.open, kline.close) == (inside[0].open, inside[-1].close)
        assert (kline.high, kline.low) == (max(one.high for one in inside), min(one.low for one in inside))
        assert kline.volume == sum(one.volume for one in inside)
        assert kline.bought == sum(one.bought for one in inside)
        assert (kline.first, kline.last) == (inside[0].first, inside[-1].last)


def test_seconds_add_up_to_their_minute_and_may_be_empty() -> None:
    pair = LISTED[200]
    opened = NOON_MS // MINUTE_MS * MINUTE_MS - MINUTE_MS
    seconds = DESK.klines.read(pair, "1s", opened, opened + MINUTE_MS - 1, NOON_MS, 1000)
    (minute,) = DESK.klines.read(pair, "1m", opened, opened, NOON_MS, 1)
    assert len(seconds) == 60
    assert sum(one.volume for one in seconds) == minute.volume
    empty = [one for one in seconds if not one.count]
    assert empty
    assert all((one.first, one.last, one.volume, one.open) == (-1, -1, 0, one.close) for one in empty)


@pytest.mark.parametrize("interval", ["1m", "15m", "1h", "1d", "1w", "1M"])
def test_closed_candles_have_the_prices_of_the_other_venue(interval: str) -> None:
    pair = DESK.listing.find("BTCUSDT")
    assert pair is not None
    ours = DESK.klines.newest(pair, interval, NOON_MS, NOON_MS, 40)[:-1]
    theirs = {
        row[0]: row[1:5]
        for row in MARKET.candles(SPOT, "BTCUSDT", INTERVALS[interval], ours[0].open_ms, ours[-1].open_ms)
    }
    for kline in ours:
        prices = tuple(Decimal(eight(one)) for one in (kline.open, kline.high, kline.low, kline.close))
        assert prices == theirs[kline.open_ms]


def test_every_trade_stands_between_the_best_prices_or_touches_an_extreme() -> None:
    pair = DESK.listing.find("BTCUSDT")
    assert pair is not None
    start = NOON_MS // MINUTE_MS * MINUTE_MS - MINUTE_MS
    found = DESK.flow.trades(pair, start, start + MINUTE_MS - 1)
    (kline,) = DESK.klines.read(pair, "1m", start, start, NOON_MS, 1)
    extremes = {kline.open, kline.high, kline.low, kline.close}
    for at_ms, ticks in zip(found.at_ms.tolist(), found.ticks.tolist(), strict=True):
        best = DESK.figures.best(pair, at_ms)
        assert best.bid <= ticks * pair.tick <= best.ask or ticks * pair.tick in extremes


def test_the_same_seed_tells_the_same_trades_and_another_does_not() -> None:
    def told(seed: int) -> list[int]:
        desk = Desk.of(Market(seed, SimClock(NOON_MS, source_ns=lambda: 0)))
        pair = desk.listing.find("BTCUSDT")
        assert pair is not None
        return desk.flow.trades(pair, NOON_MS - MINUTE_MS, NOON_MS).ticks.tolist()

    assert told(11) == told(11) != told(12)


def test_a_shock_moves_prices_and_leaves_what_was_before(still: SimClock) -> None:
    market = Market(11, still)
    desk = Desk.of(market)
    pair = desk.listing.find("BTCUSDT")
    assert pair is not None
    before = desk.klines.newest(pair, "1m", NOON_MS, NOON_MS, 60)[:-1]
    market.set_price_shock("BTCUSDT", 0.5)
    still.advance(2 * MINUTE_MS)
    after = desk.klines.newest(pair, "1m", still.now_ms(), still.now_ms(), 63)
    assert after[1 : 1 + len(before)] == before
    assert after[-1].close < 0.6 * before[-1].close
    opened = after[-2].open_ms
    assert after[-2] == of_trades(
        pair, desk.flow.trades(pair, opened, opened + MINUTE_MS - 1), opened, MINUTE_MS
    )


def test_a_recording_is_traded_as_it_was(tmp_path: Path, still: SimClock) -> None:
    """Prices of the file, also in minutes without volume and with a wide spread of prices."""
    start = NOON_MS // MINUTE_MS * MINUTE_MS
    rows = [
        (100, 110, 90, 105, 7),
        (105, 105, 105, 105, 0),
        (105, 300, 105, 200, 1e-9),
        (200, 200, 1, 1, 1e6),
    ]
    lines = [f"{start + place * MINUTE_MS},{','.join(map(str, row))}" for place, row in enumerate(rows)]
    file = tmp_path / "recording.csv"
    file.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines))
    desk = Desk.of(Market(11, still, file))
    pair = desk.listing.find("BTCUSDT")
    assert pair is not None
    still.advance(5 * MINUTE_MS)
    found = desk.klines.read(pair, "1m", start, start + 3 * MINUTE_MS, still.now_ms(), 10)
    assert [(k.open, k.high, k.low, k.close) for k in found] == [
        tuple(int(price) * EIGHT for price in row[:4]) for row in rows
    ]
    for kline in found:
        trades = desk.flow.trades(pair, kline.open_ms, kline.close_ms)
        assert kline == of_trades(pair, trades, kline.open_ms, MINUTE_MS)


@given(st.lists(st.floats(min_value=1e-6, max_value=1e6), min_size=1, max_size=50), st.integers(0, 10**12))
def test_sharing_out_is_exact(weights: list[float], more: int) -> None:
    parts = shared_out(len(weights) + more, np.array(weights))
    assert parts.sum() == len(weights) + more
    assert parts.min() >= 1


@given(st.integers(min_value=-(10**20), max_value=10**20))
def test_eight_decimals_are_exact(units: int) -> None:
    assert Decimal(eight(units)) == Decimal(units).scaleb(-8)
