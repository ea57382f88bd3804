"""Rows of Bybit's ``/v5/market/tickers``, from the board and the rolling figures."""

from dataclasses import dataclass

import numpy as np

from holdfast.sim.board import Board, Sweep
from holdfast.sim.books import levels
from holdfast.sim.instruments import SPOT
from holdfast.sim.noise import Floats, Ints, Noise
from holdfast.sim.statistics import DayStatistics


@dataclass(frozen=True, slots=True)
class DayFigures:
    """By place on the board: prices in ticks, turnover in quote coin, volume and open interest in lots."""

    high: Ints
    low: Ints
    day_ago: Ints
    hour_ago: Ints
    turnover: Floats
    volume: Ints
    open_interest: Ints


def day_figures(board: Board, statistics: DayStatistics, scales: Floats, hour: int) -> DayFigures:
    """``scales`` turn the price of each instrument's path into the price of its coin."""

    def ticks(path: Floats, at_hour: int) -> Ints:
        unit = np.exp(path)[board.columns] * scales * board.multiplier
        return np.maximum(np.rint(unit * (1 + board.premium(at_hour)) / board.tick), 2).astype(np.int64)

    turnover = statistics.value[board.columns] * board.share
    day_ago, hour_ago = ticks(statistics.day_ago, hour - 24), ticks(statistics.hour_ago, hour - 1)
    high, low = ticks(statistics.high, hour), ticks(statistics.low, hour)
    volume = turnover / ((high + low) / 2 * board.tick * board.lot)
    return DayFigures(
        high, low, day_ago, hour_ago, turnover, np.rint(volume).astype(np.int64),
        np.rint(volume * (0.25 + 0.5 * board.crowding)).astype(np.int64),
    )  # fmt: skip


def ticker_row(
    board: Board, sweep: Sweep, day: DayFigures, place: int, noise: Noise, step: int
) -> dict[str, str]:
    """One row without its funding fields."""
    one = board.instruments[place]
    tick, lot, turnover = one.tick, one.lot, float(board.turnover[place])
    last, bid, ask, mark = (int(a[place]) for a in (sweep.last, sweep.bid, sweep.ask, sweep.mark))
    high, low = max(int(day.high[place]), last), min(int(day.low[place]), last)
    before = int(day.day_ago[place])
    bid_size = levels(noise, one, -1, bid, 1, step, turnover)[0][1]
    ask_size = levels(noise, one, 1, ask, 1, step, turnover)[0][1]
    row = {
        "symbol": one.symbol,
        "lastPrice": f"{last * tick:f}",
        "prevPrice24h": f"{before * tick:f}",
        "price24hPcnt": f"{last / before - 1:.6f}",
        "highPrice24h": f"{high * tick:f}",
        "lowPrice24h": f"{low * tick:f}",
        "turnover24h": f"{day.turnover[place]:.4f}",
        "volume24h": f"{int(day.volume[place]) * lot:f}",
        "bid1Price": f"{bid * tick:f}",
        "bid1Size": f"{bid_size:f}",
        "ask1Price": f"{ask * tick:f}",
        "ask1Size": f"{ask_size:f}",
    }
    if one.category == SPOT:
        return row | {"usdIndexPrice": f"{float(sweep.index[place]):.10g}"}
    open_interest = int(day.open_interest[place]) * lot
    return row | {
        "indexPrice": f"{round(float(sweep.index[place]) / float(tick)) * tick:f}",
        "markPrice": f"{mark * tick:f}",
        "prevPrice1h": f"{int(day.hour_ago[place]) * tick:f}",
        "openInterest": f"{open_interest:f}",
        "openInterestValue": f"{open_interest * mark * tick:.4f}",
        "singleOpenInterest": f"{open_interest / 2:f}",
        "singleOpenInterestValue": f"{open_interest * mark * tick / 2:.4f}",
    }
