"""The simulated market: the same for everybody who asks with the same seed, and consistent with itself."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.conftest import NOON_MS

from holdfast.core.money import exact_steps
from holdfast.sim.candles import MONTH_MS, WEEK_MS
from holdfast.sim.clock import SimClock
from holdfast.sim.coins import day_ms
from holdfast.sim.instruments import ANNOUNCED_BEFORE_MS, DELIVERING_MS, scheduled
from holdfast.sim.market import Market
from holdfast.sim.paths import DAY_MS, HOUR_MS, MINUTE_MS, ORIGIN_MS, STEP_MS

SYMBOLS = ("BTCUSDT", "ETHUSDT", "1000PEPEUSDT", "10000SATSUSDT", "BTCPERP", "PELPUSDT", "BTCUSDT-25DEC26")
SPOT = ("BTCUSDT", "WBTCUSDT", "PEPEUSDT")
KEYS = [*(("linear", symbol) for symbol in SYMBOLS), *(("spot", symbol) for symbol in SPOT)]
Key = tuple[str, str]
key = st.sampled_from(KEYS)
moment = st.integers(day_ms(2025, 11, 22), NOON_MS)


@pytest.fixture(scope="module")
def long_market() -> Market:
    return Market(11, SimClock(NOON_MS, source_ns=lambda: 0))


@pytest.fixture(scope="module")
def twin() -> Market:
    """The same seed in a world that began earlier and has been asked other things first."""
    clock = SimClock(day_ms(2025, 1, 1), source_ns=lambda: 0)
    twin = Market(11, clock)
    twin.tickers("linear")
    clock.advance(NOON_MS - clock.now_ms())
    return twin


@settings(max_examples=15, deadline=None)
@given(key, moment)
def test_two_worlds_of_one_seed_agree(long_market: Market, twin: Market, key: Key, at_ms: int) -> None:
    assert long_market.last_price(*key, at_ms) == twin.last_price(*key, at_ms)
    assert long_market.mark_price(*key, at_ms) == twin.mark_price(*key, at_ms)
    assert long_market.book(*key, 20, at_ms) == twin.book(*key, 20, at_ms)


def test_another_seed_is_another_market(market: Market, still: SimClock) -> None:
    other = Market(12, still)
    assert other.last_price("linear", "BTCUSDT") != market.last_price("linear", "BTCUSDT")
    assert set(other.coins) == set(market.coins)
    assert set(other.instruments) == set(market.instruments)


@settings(max_examples=20, deadline=None)
@given(key, moment, st.integers(1, 200))
def test_a_book_is_sane(long_market: Market, key: Key, at_ms: int, depth: int) -> None:
    book = long_market.book(*key, depth, at_ms)
    instrument = long_market.instruments[key]
    bids, asks = [price for price, _ in book.bids], [price for price, _ in book.asks]
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert bids[0] < asks[0]
    assert long_market.last_price(*key, at_ms) in (bids[0], asks[0])
    assert len(asks) == depth
    for price, quantity in (*book.bids, *book.asks):
        exact_steps(price, instrument.tick)
        exact_steps(quantity, instrument.lot)
        assert price > 0
        assert quantity >= instrument.min_qty


@settings(max_examples=10, deadline=None)
@given(key, moment)
def test_a_deeper_book_begins_with_the_same_levels(long_market: Market, key: Key, at_ms: int) -> None:
    shallow, deep = long_market.book(*key, 5, at_ms), long_market.book(*key, 200, at_ms)
    assert deep.bids[:5] == shallow.bids
    assert deep.asks[:5] == shallow.asks


@settings(max_examples=15, deadline=None)
@given(key, st.integers(0, 365 * 1440))
def test_a_minute_candle_holds_every_last_price(long_market: Market, key: Key, back: int) -> None:
    start = (NOON_MS // MINUTE_MS - 1 - back) * MINUTE_MS
    if start < long_market.instruments[key].launch_ms:
        return
    ((at, opened, high, low, closed, volume, turnover),) = long_market.candles(*key, MINUTE_MS, start, start)
    seen = [long_market.last_price(*key, start + step) for step in range(0, MINUTE_MS, STEP_MS)]
    assert at == start
    assert opened == seen[0]
    assert closed == seen[-1]
    assert low <= min(seen) <= max(seen) <= high
    assert volume >= 0
    assert volume == 0 or low <= turnover / volume <= high


@settings(max_examples=25, deadline=None)
@given(
    key,
    st.sampled_from([3 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS, DAY_MS, WEEK_MS]),
    st.integers(0, 300 * DAY_MS),
)
def test_a_long_candle_is_made_of_the_shorter_ones(
    long_market: Market, key: Key, width: int, back: int
) -> None:
    finer = HOUR_MS if width > HOUR_MS else MINUTE_MS
    end = NOON_MS - back
    (*_, whole) = long_market.candles(*key, width, end, end)
    parts = long_market.candles(*key, finer, whole[0], whole[0] + width - 1)
    assert whole[1] == parts[0][1]
    assert whole[2] == max(part[2] for part in parts)
    assert whole[3] == min(part[3] for part in parts)
    assert whole[4] == parts[-1][4]
    traded = float(sum(part[6] for part in parts))
    assert float(whole[6]) == pytest.approx(traded, rel=0.02, abs=100)


def test_the_forming_candle_ends_at_the_last_price(long_market: Market) -> None:
    for width in (MINUTE_MS, 5 * MINUTE_MS, HOUR_MS, DAY_MS, MONTH_MS):
        candle = long_market.candles("linear", "BTCUSDT", width, NOON_MS, NOON_MS)[-1]
        assert candle[4] == long_market.last_price("linear", "BTCUSDT")
        assert candle[0] <= NOON_MS


def test_candles_are_aligned(long_market: Market) -> None:
    days = long_market.candles("linear", "BTCUSDT", DAY_MS, NOON_MS - 10 * DAY_MS, NOON_MS)
    assert [row[0] for row in days] == [day_ms(2026, 11, 10) + n * DAY_MS for n in range(11)]
    (*_, week) = long_market.candles("linear", "BTCUSDT", WEEK_MS, NOON_MS, NOON_MS)
    assert week[0] == day_ms(2026, 11, 16)
    months = long_market.candles("linear", "BTCUSDT", MONTH_MS, day_ms(2026, 9, 20), NOON_MS)
    assert [row[0] for row in months] == [day_ms(2026, month, 1) for month in (9, 10, 11)]
    with pytest.raises(ValueError, match="minutes"):
        long_market.candles("linear", "BTCUSDT", 1_000, NOON_MS, NOON_MS)


def test_no_candle_lies_in_the_future_or_before_the_listing(long_market: Market) -> None:
    assert long_market.candles("linear", "BTCUSDT", HOUR_MS, NOON_MS + HOUR_MS, NOON_MS + DAY_MS) == []
    oldest = long_market.candles("linear", "BTCUSDT", DAY_MS, 0, day_ms(2020, 4, 2))
    assert oldest[0][0] == day_ms(2020, 3, 27)


def test_the_market_moves_while_the_clock_runs(market: Market, still: SimClock) -> None:
    seen = set()
    for _ in range(60):
        still.advance(STEP_MS)
        seen.add(market.last_price("linear", "BTCUSDT"))
    assert len(seen) > 20


def test_mark_and_last_stay_near_the_index(long_market: Market) -> None:
    sweep, board = long_market.sweep("linear"), long_market.board("linear")
    perpetual = np.array([one.is_perpetual for one in board.instruments])
    grid = board.tick / sweep.index
    assert (np.abs(sweep.last * board.tick / sweep.index - 1)[perpetual] <= 0.001 + grid[perpetual]).all()
    assert (np.abs(sweep.mark * board.tick / sweep.index - 1)[perpetual] <= 0.001 + grid[perpetual]).all()
    assert (sweep.mark != sweep.last).mean() > 0.5
    assert (sweep.bid < sweep.ask).all()


def test_spreads_widen_as_volume_falls(long_market: Market) -> None:
    def spread(symbol: str) -> float:
        row = long_market.ticker("linear", symbol)
        return float(Decimal(row["ask1Price"]) / Decimal(row["bid1Price"]) - 1)

    assert spread("BTCUSDT") < 0.00003
    assert spread("PELPUSDT") > 0.00003
    assert all(spread(row["symbol"]) < 0.01 for row in long_market.tickers("linear"))


def test_a_thousand_dollars_fit_into_every_book(long_market: Market) -> None:
    for (category, symbol), one in long_market.instruments.items():
        if category == "linear" and one.status == "Trading":
            book = long_market.book("linear", symbol, 50)
            assert sum(price * quantity for price, quantity in book.asks) > 1_000, symbol


def test_returns_look_like_a_crypto_market(long_market: Market) -> None:
    levels = long_market.tape.days(0, (NOON_MS - ORIGIN_MS) // DAY_MS)
    returns = np.diff(levels, axis=0)
    bitcoin, ether, doge = (
        returns[:, long_market.column(coin)] for coin in ("bitcoin", "ethereum", "dogecoin")
    )
    assert 0.012 < bitcoin.std() < 0.04
    assert bitcoin.std() < ether.std() < doge.std()
    assert 0.4 < np.corrcoef(bitcoin, ether)[0, 1] < 0.95
    assert ((bitcoin / bitcoin.std()) ** 4).mean() > 3.5  # a normal variable has 3
    assert np.abs(returns[:, long_market.column("tether")]).max() < 0.01
    hours = long_market.tape.field.hour_variance(0, 24 * 700).reshape(-1, 24).mean(axis=0)
    assert hours[15] > 2 * hours[3]  # the American morning and the small hours of UTC


def test_prices_stay_plausible_for_years(long_market: Market) -> None:
    levels = long_market.tape.days(0, (NOON_MS - ORIGIN_MS) // DAY_MS)
    bitcoin = np.exp(levels[:, long_market.column("bitcoin")])
    assert bitcoin.min() > 77_600 / 3
    assert bitcoin.max() < 77_600 * 3


@settings(max_examples=20, deadline=None)
@given(moment)
def test_pegged_and_tracking_coins_follow(long_market: Market, at_ms: int) -> None:
    assert long_market.index_price("tether", at_ms) == pytest.approx(1, abs=0.01)
    bitcoin, ether = (long_market.index_price(coin, at_ms) for coin in ("bitcoin", "ethereum"))
    assert long_market.index_price("wrapped-bitcoin", at_ms) == pytest.approx(bitcoin, rel=0.003)
    assert 1.0 <= long_market.index_price("wrapped-steth", at_ms) / ether < 1.2


def test_multiplied_symbols_count_many_coins(long_market: Market) -> None:
    price = long_market.last_price("linear", "1000PEPEUSDT")
    assert float(price) / 1000 == pytest.approx(long_market.index_price("pepe"), rel=0.002)
    assert long_market.instruments["linear", "1000PEPEUSDT"].base == "1000PEPE"


def test_instruments_are_many_and_of_all_kinds(long_market: Market) -> None:
    linear = [one for (category, _), one in long_market.instruments.items() if category == "linear"]
    assert sum(one.status == "Trading" and one.quote == "USDT" for one in linear) > 400
    assert len(linear) > 500
    assert {one.status for one in linear} >= {"Trading", "PreLaunch", "Closed"}
    assert {one.funding_interval_minutes for one in linear} >= {60, 240, 480}
    assert {one.contract_type for one in linear} == {"LinearPerpetual", "LinearFutures"}
    assert {"", "innovation", "stock"} <= {one.symbol_type for one in linear}
    assert len({one.symbol_id for one in long_market.instruments.values()}) == len(long_market.instruments)
    assert all(one.max_market_qty <= one.max_limit_qty for one in linear)
    btc = long_market.instruments["linear", "BTCUSDT"]
    assert (str(btc.tick), str(btc.lot), str(btc.min_notional)) == ("0.10", "0.001", "5")


def test_a_delisting_is_announced_then_delivered_then_closed(market: Market, still: SimClock) -> None:
    end = day_ms(2026, 12, 15) + 8 * HOUR_MS
    planned = scheduled(market.coins.values())
    (symbol,) = (one.symbol for one in planned if one.delivery_ms == end and one.category == "linear")
    stages = []
    for at_ms in (NOON_MS, end - ANNOUNCED_BEFORE_MS, end, end + DELIVERING_MS):
        still.advance(at_ms - still.now_ms())
        shown = market.instruments["linear", symbol]
        stages.append((shown.status, shown.delivery_ms))
    assert stages == [("Trading", 0), ("Trading", end), ("Delivering", end), ("Closed", end)]
    assert symbol not in {row["symbol"] for row in market.tickers("linear")}
    assert market.public_trades("linear", symbol, end - 60_000) == []
    assert market.candles("linear", symbol, HOUR_MS, end - HOUR_MS, end + DAY_MS)[-1][0] == end - HOUR_MS


def test_a_redenomination_divides_the_supply_and_keeps_the_cap(long_market: Market) -> None:
    redenominated = (one for one in long_market.coins.values() if one.redenominations)
    coin = min(redenominated, key=lambda one: one.redenominations)
    ((at_ms, old_per_new),) = coin.redenominations
    assert at_ms < NOON_MS
    before, after = (long_market.index_price(coin.id, at_ms + shift) for shift in (-STEP_MS, 0))
    assert after / before == pytest.approx(old_per_new, rel=0.05)
    caps = [
        long_market.index_price(coin.id, at) * long_market.supply_factor(coin.id, at)
        for at in (at_ms - STEP_MS, at_ms)
    ]
    assert caps[1] == pytest.approx(caps[0], rel=0.05)


def test_a_shock_moves_price_book_candle_and_day(market: Market, still: SimClock) -> None:
    before = market.last_price("linear", "SOLUSDT")
    market.set_price_shock("SOLUSDT", 0.8)
    after = market.last_price("linear", "SOLUSDT")
    assert float(after / before) == pytest.approx(0.8, rel=0.001)
    assert market.book("linear", "SOLUSDT", 1).asks[0][0] < before * Decimal("0.81")
    still.advance(2 * MINUTE_MS)
    first = market.candles("linear", "SOLUSDT", MINUTE_MS, NOON_MS, NOON_MS)[0]
    assert float(first[1]) > float(before) * 0.95
    assert first[3] <= after
    assert first[2] >= before
    assert Decimal(market.ticker("linear", "SOLUSDT")["lowPrice24h"]) <= after
    still.advance(HOUR_MS)
    (hour,) = market.candles("linear", "SOLUSDT", HOUR_MS, NOON_MS, NOON_MS)
    minutes = market.candles("linear", "SOLUSDT", MINUTE_MS, hour[0], hour[0] + HOUR_MS - 1)
    assert (hour[2], hour[3]) == (max(row[2] for row in minutes), min(row[3] for row in minutes))
    with pytest.raises(ValueError, match="factor"):
        market.set_price_shock("SOLUSDT", 0)


def test_a_status_can_be_forced(market: Market) -> None:
    market.set_status("ETHUSDT", "Closed")
    assert market.instruments["linear", "ETHUSDT"].status == "Closed"
    assert "ETHUSDT" not in {row["symbol"] for row in market.tickers("linear")}
    market.set_status("ETHUSDT", "Trading")
    assert market.instruments["linear", "ETHUSDT"].status == "Trading"


def test_tickers_agree_with_prices_book_and_candles(long_market: Market) -> None:
    rows = {row["symbol"]: row for row in long_market.tickers("linear")}
    row, one = rows["ETHUSDT"], long_market.instruments["linear", "ETHUSDT"]
    book = long_market.book("linear", "ETHUSDT", 1)
    assert Decimal(row["lastPrice"]) == long_market.last_price("linear", "ETHUSDT")
    assert Decimal(row["markPrice"]) == long_market.mark_price("linear", "ETHUSDT")
    assert (Decimal(row["bid1Price"]), Decimal(row["bid1Size"])) == book.bids[0]
    assert (Decimal(row["ask1Price"]), Decimal(row["ask1Size"])) == book.asks[0]
    minutes = long_market.candles("linear", "ETHUSDT", MINUTE_MS, NOON_MS - DAY_MS, NOON_MS)
    assert Decimal(row["prevPrice24h"]) == minutes[0][1]
    assert float(row["turnover24h"]) == pytest.approx(float(sum(m[6] for m in minutes)), rel=0.05)
    # A full day's extremes, to the width of what moves between the symbol's last price and its index.
    assert float(row["highPrice24h"]) == pytest.approx(float(max(m[2] for m in minutes)), rel=0.002)
    assert float(row["lowPrice24h"]) == pytest.approx(float(min(m[3] for m in minutes)), rel=0.002)
    assert Decimal(row["fundingRate"]) == long_market.funding_rate("ETHUSDT", NOON_MS)
    assert int(row["nextFundingTime"]) % (one.funding_interval_minutes * MINUTE_MS) == 0
    assert all("E" not in value for name, value in row.items() if name != "symbol")


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["BTCUSDT", "ETHUSDT", "PELPUSDT", "BTCPERP"]), moment)
def test_funding_is_bounded_and_constant_within_its_period(
    long_market: Market, symbol: str, at_ms: int
) -> None:
    period = long_market.instruments["linear", symbol].funding_interval_minutes * MINUTE_MS
    boundary = long_market.next_funding_ms(symbol, at_ms)
    assert at_ms < boundary <= at_ms + period
    rate = long_market.funding_rate(symbol, boundary)
    assert abs(rate) <= Decimal("0.00375")
    assert rate == long_market.funding_rate(symbol, boundary - period + 1)


def test_a_dated_future_has_no_funding(long_market: Market) -> None:
    assert long_market.funding_rate("BTCUSDT-25DEC26", NOON_MS) == 0
    assert long_market.next_funding_ms("BTCUSDT-25DEC26", NOON_MS) == 0


def test_public_trades_come_once_and_inside_the_spread(market: Market, still: SimClock) -> None:
    start = still.now_ms()
    still.advance(30_000)
    together = market.public_trades("linear", "BTCUSDT", start)
    parts = [
        trade
        for at_ms in range(start, start + 30_000, 1_000)
        for trade in market.public_trades("linear", "BTCUSDT", at_ms, at_ms + 999)
    ]
    assert [trade for trade in together if trade.at_ms < start + 30_000] == parts
    assert len({trade.trade_id for trade in together}) == len(together) > 30
    assert [trade.at_ms for trade in together] == sorted(trade.at_ms for trade in together)
    instrument = market.instruments["linear", "BTCUSDT"]
    for trade in together:
        exact_steps(trade.price, instrument.tick)
        exact_steps(trade.quantity, instrument.lot)
        assert trade.side in ("Buy", "Sell")
    quiet = market.public_trades("linear", "PELPUSDT", start)
    assert len(quiet) < len(together) / 5


def test_dominance_is_plausible(long_market: Market) -> None:
    caps = sorted(
        (
            long_market.index_price(coin.id)
            * (coin.supply or 0.0)
            * long_market.supply_factor(coin.id, NOON_MS)
            for coin in long_market.coins.values()
            if not coin.pegged and not coin.parent
        ),
        reverse=True,
    )
    assert 0.5 < caps[0] / sum(caps[:11]) < 0.85
