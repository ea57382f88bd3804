"""The simulated market: one seed, one clock, and every price, book and candle as a function of both."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from holdfast.core.errors import InvalidInput
from holdfast.sim import books
from holdfast.sim.board import Board, Sweep
from holdfast.sim.books import Book, SimTrade
from holdfast.sim.candles import Candle, grouped, pieces
from holdfast.sim.clock import SimClock
from holdfast.sim.coins import SimCoin, all_coins
from holdfast.sim.instruments import LINEAR, SPOT, SimInstrument, as_of, next_change_ms, scheduled
from holdfast.sim.noise import Floats, Ints, Noise
from holdfast.sim.paths import DAY_MS, HOUR_MS, MINUTE_MS, ORIGIN_MS, STEP_MS, STEPS, PriceField
from holdfast.sim.replay import Overlay, Recording, read_recording
from holdfast.sim.statistics import DayStatistics, Statistics
from holdfast.sim.tape import Tape
from holdfast.sim.tickers import DayFigures, day_figures, ticker_row

INTEREST_8H: Final = 0.0001
FUNDING_CAP: Final = 0.00375
_ACCRUAL_START_MS: Final = 1_767_225_600_000
"""2026-01-01: the day for which the ratios in ``coins.json`` were set."""
_TRACKING: Final = 301

Key = tuple[str, str]


class Market:
    """``replay`` puts a candle file in the place of ``replay_symbol`` from the clock's present minute on."""

    def __init__(
        self, seed: int, clock: SimClock, replay: Path | None = None, replay_symbol: str = "BTCUSDT"
    ) -> None:
        self.seed = seed
        self.clock = clock
        self.version = 0
        """Counts what changed the tape after the start: shocks."""
        self._noise = Noise(seed)
        self._coins = {coin.id: coin for coin in all_coins()}
        roots = [coin for coin in self._coins.values() if not coin.parent]
        self._column = {coin.id: column for column, coin in enumerate(roots)}
        self._column |= {c.id: self._column[c.parent] for c in self._coins.values() if c.parent}
        self._stream = {coin_id: number for number, coin_id in enumerate(self._coins)}
        self.tape = Tape(PriceField(seed, roots))
        for coin in roots:
            for at_ms, factor in coin.redenominations:
                self.tape.jump(self._column[coin.id], at_ms, factor)
        self._planned = {one.key: one for one in scheduled(self._coins.values())}
        self._forced: dict[Key, SimInstrument] = {}
        self._shown: dict[Key, SimInstrument] = {}
        self._shown_until_ms = 0
        self._boards = {category: self._board(category) for category in (LINEAR, SPOT)}
        self._statistics = Statistics(self.tape)
        if replay is not None:
            self._lay(read_recording(replay), replay_symbol)
        self._minute_prices = lru_cache(maxsize=12)(self._prices_of_minute)
        self._sweeps = lru_cache(maxsize=64)(self._sweep_at)
        self._day_figures = lru_cache(maxsize=4)(self._day_figures_at)
        self._rows = lru_cache(maxsize=2)(self._rows_at)
        self._funding = lru_cache(maxsize=4096)(self._funding_at)
        self._scales_at = lru_cache(maxsize=16)(self._board_scales)

    def _lay(self, recording: Recording, symbol: str) -> None:
        board = self._boards[LINEAR]
        if symbol not in board.place:
            raise InvalidInput(f"Nobody lists {symbol}, so it cannot be replayed; name a linear symbol.")
        place = board.place[symbol]
        one = board.instruments[place]
        first = (self.clock.now_ms() - ORIGIN_MS) // MINUTE_MS
        board.without_premium(place)
        share = float(board.share[place])
        self.tape.lay(self._column[one.coin_id], Overlay(recording, first, one.multiplier), share)

    # -- coins ----------------------------------------------------------------------------------------------

    @property
    def coins(self) -> Mapping[str, SimCoin]:
        """By CoinGecko id."""
        return self._coins

    def index_price(self, coin_id: str, at_ms: int | None = None) -> float:
        """The coin's price in USD over all venues."""
        step = self._step(at_ms)
        return float(
            self._root_prices(step)[self._column[coin_id]] * self.scale(coin_id, step // STEPS // 60)
        )

    def scale(self, coin_id: str, hours: Ints | int) -> Floats:
        """Price of the coin in units of the coin whose path it follows (1 for most), by hour from the
        origin."""
        coin = self._coins[coin_id]
        if not coin.parent:
            return np.ones(np.shape(hours))
        wobble = 0.0006 * (self._noise.uniform(_TRACKING, self._stream[coin_id], hours) - 0.5)
        years = (np.asarray(hours) * HOUR_MS + ORIGIN_MS - _ACCRUAL_START_MS) / (365 * DAY_MS)
        ratios: Floats = coin.ratio * np.exp(coin.accrual * years + wobble)
        return ratios

    def column(self, coin_id: str) -> int:
        """Where the coin's path stands in ``tape``."""
        return self._column[coin_id]

    def supply_factor(self, coin_id: str, at_ms: int) -> float:
        """How many units the coin's supply in ``coins`` has at ``at_ms``: redenomination divides it."""
        factor = 1.0
        for moment, old_per_new in self._coins[coin_id].redenominations:
            if at_ms >= moment:
                factor /= old_per_new
        return factor

    def statistics(self, at_ms: int | None = None) -> DayStatistics:
        """Rolling 24 h figures of all paths."""
        return self._statistics.at(self._step(at_ms) // STEPS)

    # -- instruments ----------------------------------------------------------------------------------------

    @property
    def instruments(self) -> Mapping[Key, SimInstrument]:
        """By (category, symbol), as the venue shows them now."""
        now_ms = self.clock.now_ms()
        if now_ms >= self._shown_until_ms:
            self._shown = {
                key: self._forced.get(key) or as_of(one, now_ms) for key, one in self._planned.items()
            }
            self._shown_until_ms = next_change_ms(self._planned.values(), now_ms)
        return self._shown

    def set_status(self, symbol: str, status: str, category: str = LINEAR) -> None:
        """Force a status (Trading, PreLaunch, Delivering, Closed), whatever was planned. What trades again
        has no end any more."""
        one = self._find(category, symbol)
        delivery_ms = self.clock.now_ms() if status in ("Delivering", "Closed") else 0
        self._forced[one.key] = replace(one, status=status, delivery_ms=delivery_ms)
        self._shown_until_ms = 0

    def delist(self, symbol: str, at_ms: int, category: str = LINEAR) -> None:
        """Announce that ``symbol`` ends at ``at_ms``."""
        one = self._find(category, symbol)
        self._forced.pop(one.key, None)
        self._planned[one.key] = replace(self._planned[one.key], delivery_ms=at_ms)
        self._shown_until_ms = 0

    def set_price_shock(self, symbol: str, factor: float, category: str = LINEAR) -> None:
        """From now on the coin behind ``symbol`` is worth ``factor`` times as much, everywhere."""
        if not 0 < factor < float("inf"):
            raise ValueError("A shock's factor must be above zero, for example 0.9 for a fall of 10 %.")
        column = self._column[self._find(category, symbol).coin_id]
        step_start = self._step(None) * STEP_MS + ORIGIN_MS
        self.tape.jump(column, step_start, factor)
        self._forget()

    def _find(self, category: str, symbol: str) -> SimInstrument:
        return self.instruments[category, symbol]

    # -- prices ---------------------------------------------------------------------------------------------

    def sweep(self, category: str, at_ms: int | None = None) -> Sweep:
        """All prices of a category at once, in the order of ``board(category).instruments``."""
        return self._sweeps(category, self._step(at_ms))

    def board(self, category: str) -> Board:
        return self._boards[category]

    def last_price(self, category: str, symbol: str, at_ms: int | None = None) -> Decimal:
        board, sweep = self._boards[category], self.sweep(category, at_ms)
        place = board.place[symbol]
        return int(sweep.last[place]) * board.instruments[place].tick

    def mark_price(self, category: str, symbol: str, at_ms: int | None = None) -> Decimal:
        board, sweep = self._boards[category], self.sweep(category, at_ms)
        place = board.place[symbol]
        return int(sweep.mark[place]) * board.instruments[place].tick

    def book(self, category: str, symbol: str, depth: int = 50, at_ms: int | None = None) -> Book:
        """The best ``depth`` levels (at most 1000) of each side."""
        step = self._step(at_ms)
        board, sweep = self._boards[category], self._sweeps(category, step)
        place = board.place[symbol]
        instrument, turnover = board.instruments[place], float(board.turnover[place])
        depth = min(depth, books.MAX_DEPTH)
        bids = books.levels(self._noise, instrument, -1, int(sweep.bid[place]), depth, step, turnover)
        asks = books.levels(self._noise, instrument, 1, int(sweep.ask[place]), depth, step, turnover)
        return Book(symbol, bids, asks, step * STEP_MS + ORIGIN_MS, step)

    def public_trades(
        self, category: str, symbol: str, since_ms: int, until_ms: int | None = None, limit: int = 1000
    ) -> list[SimTrade]:
        """The trades from ``since_ms`` to ``until_ms`` (or now), oldest first; the last ``limit`` of them."""
        board = self._boards[category]
        place = board.place[symbol]
        instrument = board.instruments[place]
        now_ms = self.clock.now_ms() if until_ms is None else until_ms
        found: list[SimTrade] = []
        if self.instruments[instrument.key].status != "Trading":
            return found
        step = self._step(now_ms)
        while step * STEP_MS + ORIGIN_MS + STEP_MS > since_ms and len(found) < limit:
            sweep = self._sweeps(category, step)
            found[:0] = books.trades(
                self._noise, instrument, step, step * STEP_MS + ORIGIN_MS, int(sweep.bid[place]),
                int(sweep.ask[place]), float(board.turnover[place]) * STEP_MS / DAY_MS,
            )  # fmt: skip
            step -= 1
        return [one for one in found if since_ms <= one.at_ms <= now_ms][-limit:]

    def candles(
        self, category: str, symbol: str, interval_ms: int, start_ms: int, end_ms: int
    ) -> list[Candle]:
        """(open time, open, high, low, close, volume in base, turnover in quote), oldest first, of the
        candles that open between ``start_ms`` (its candle included) and ``end_ms``; the last one may be
        forming. ``interval_ms`` is a whole number of minutes, or ``candles.MONTH_MS``; weeks begin on
        Monday."""
        board = self._boards[category]
        place = board.place[symbol]
        one = board.instruments[place]
        start_ms = max(start_ms, one.launch_ms)
        last_ms = min(self.clock.now_ms(), (self._planned[one.key].delivery_ms or 2**62) - 1)
        column = int(board.columns[place])
        found = pieces(self.tape, column, interval_ms, start_ms, end_ms, last_ms)
        if found is None:
            return []
        unit = self.scale(one.coin_id, found.hours)
        on_grid = [
            board.ticks(np.exp(path) * unit, found.hours, place)
            for path in (found.open, found.high, found.low, found.close)
        ]
        return grouped(
            found, (on_grid[0], on_grid[1], on_grid[2], on_grid[3]), interval_ms, one, board.share[place]
        )

    # -- tickers and funding --------------------------------------------------------------------------------

    def ticker(self, category: str, symbol: str) -> dict[str, str]:
        """One row of ``tickers``."""
        return self._ticker(category, self._boards[category].place[symbol], self._step(None))

    def tickers(self, category: str) -> list[dict[str, str]]:
        """The rows of all symbols that trade, by their fields in Bybit's ``/v5/market/tickers``; strings."""
        shown = self.instruments
        rows = self._rows(category, self._step(None))
        return [row for row in rows if shown[category, row["symbol"]].status == "Trading"]

    def _rows_at(self, category: str, step: int) -> list[dict[str, str]]:
        return [
            self._ticker(category, place, step) for place in range(len(self._boards[category].instruments))
        ]

    def _ticker(self, category: str, place: int, step: int) -> dict[str, str]:
        board = self._boards[category]
        sweep, day = self._sweeps(category, step), self._day_figures(category, step // STEPS)
        row = ticker_row(board, sweep, day, place)
        return row | self._funding_fields(board.instruments[place], step) if category == LINEAR else row

    def funding_rate(self, symbol: str, at_ms: int) -> Decimal:
        """The rate of the period that holds ``at_ms``, paid at its end (a boundary belongs to the period it
        ends). Interest plus the mean premium, clamped as Bybit documents it; 0 for a dated future."""
        board = self._boards[LINEAR]
        place = board.place[symbol]
        minutes = board.instruments[place].funding_interval_minutes
        if minutes == 0:
            return Decimal(0)
        end_hour = -(-(at_ms - ORIGIN_MS) // (minutes * MINUTE_MS)) * minutes // 60
        return self._funding(place, end_hour, minutes)

    def next_funding_ms(self, symbol: str, at_ms: int) -> int:
        """The first boundary after ``at_ms``; 0 for a dated future."""
        board = self._boards[LINEAR]
        period = board.instruments[board.place[symbol]].funding_interval_minutes * MINUTE_MS
        return (at_ms // period + 1) * period if period else 0

    def _funding_at(self, place: int, end_hour: int, minutes: int) -> Decimal:
        board = self._boards[LINEAR]
        hours = np.arange(end_hour - max(minutes // 60, 1), end_hour)
        premium = float(board.premium(hours, place).mean()) * minutes / 480
        interest = INTEREST_8H * minutes / 480
        rate = premium + min(max(interest - premium, -0.0005), 0.0005)
        return Decimal(f"{min(max(rate, -FUNDING_CAP), FUNDING_CAP):.8f}")

    def _funding_fields(self, one: SimInstrument, step: int) -> dict[str, str]:
        if one.funding_interval_minutes == 0:
            return {"fundingRate": "", "nextFundingTime": "0", "fundingIntervalHour": "", "fundingCap": ""}
        now_ms = step * STEP_MS + ORIGIN_MS
        return {
            "fundingRate": f"{self.funding_rate(one.symbol, now_ms + 1):f}",
            "nextFundingTime": str(self.next_funding_ms(one.symbol, now_ms)),
            "fundingIntervalHour": str(one.funding_interval_minutes // 60),
            "fundingCap": str(FUNDING_CAP),
        }

    # -- behind the prices ----------------------------------------------------------------------------------

    def _step(self, at_ms: int | None) -> int:
        return ((self.clock.now_ms() if at_ms is None else at_ms) - ORIGIN_MS) // STEP_MS

    def _root_prices(self, step: int) -> Floats:
        minute, within = divmod(step, STEPS)
        prices: Floats = self._minute_prices(minute)[within]
        return prices

    def _prices_of_minute(self, minute: int) -> Floats:
        prices: Floats = np.exp(self.tape.steps(minute, self.tape.field.every))
        return prices

    def _sweep_at(self, category: str, step: int) -> Sweep:
        board, hour = self._boards[category], step // STEPS // 60
        prices = self._root_prices(step)[board.columns] * self._scales_at(category, hour)
        return board.sweep(prices, step, hour)

    def _board_scales(self, category: str, hour: int) -> Floats:
        return np.array([float(self.scale(one.coin_id, hour)) for one in self._boards[category].instruments])

    def _day_figures_at(self, category: str, minute: int) -> DayFigures:
        scales = self._scales_at(category, minute // 60)
        return day_figures(self._boards[category], self._statistics.at(minute), scales, minute // 60)

    def _board(self, category: str) -> Board:
        listed = [one for one in self._planned.values() if one.category == category]
        columns = [self._column[one.coin_id] for one in listed]
        values = [self.tape.field.daily_value(column) for column in columns]
        parts = [self._coins[o.coin_id].daily_volume / v for o, v in zip(listed, values, strict=True)]
        return Board(self._noise, listed, columns, values, parts)

    def _forget(self) -> None:
        self.version += 1
        for cache in (self._minute_prices, self._sweeps, self._day_figures, self._rows):
            cache.cache_clear()
        self._statistics.forget()
