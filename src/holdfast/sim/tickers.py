"""Rows of Bybit's ``/v5/market/tickers``, from the board and the rolling figures."""

from dataclasses import dataclass

import numpy as np

from holdfast.sim.board import Board, Sweep
from holdfast.sim.instruments import SPOT
from holdfast.sim.noise import Floats, Ints
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
        found: Ints = np.maximum(np.rint(unit * (1 + board.premium(at_hour)) / board.tick), 2).astype(
            np.int64
        )
        return found

    turnover = statistics.value[board.columns] * board.share
    day_ago, hour_ago = ticks(statistics.day_ago, hour - 24), ticks(statistics.hour_ago, hour - 1)
    high, low = ticks(statistics.high, hour), ticks(statistics.low, hour)
    volume = turnover / ((high + low) / 2 * board.tick * board.lot)
    return DayFigures(
        high, low, day_ago, hour_ago, turnover, np.rint(volume).astype(np.int64),
        np.rint(volume * (0.25 + 0.5 * board.crowding)).astype(np.int64),
    )  # fmt: skip


def ticker_row(board: Board, sweep: Sweep, day: DayFigures, place: int) -> dict[str, str]:
    """One row without its funding fields."""
    one = board.instruments[place]
    tick, lot = one.tick, one.lot
    last, mark, before = int(sweep.last[place]), int(sweep.mark[place]), int(day.day_ago[place])
    row = {
        "symbol": one.symbol,
        "lastPrice": f"{last * tick:f}",
        "prevPrice24h": f"{before * tick:f}",
        "price24hPcnt": f"{last / before - 1:.6f}",
        "highPrice24h": f"{max(int(day.high[place]), last) * tick:f}",
        "lowPrice24h": f"{min(int(day.low[place]), last) * tick:f}",
        "turnover24h": f"{day.turnover[place]:.4f}",
        "volume24h": f"{int(day.volume[place]) * lot:f}",
        "bid1Price": f"{int(sweep.bid[place]) * tick:f}",
        "bid1Size": f"{int(sweep.bid_lots[place]) * lot:f}",
        "ask1Price": f"{int(sweep.ask[place]) * tick:f}",
        "ask1Size": f"{int(sweep.ask_lots[place]) * lot:f}",
    }
    index = float(sweep.index[place])
    if one.category == SPOT:
        return row | {"usdIndexPrice": f"{index:.10f}".rstrip("0")}
    open_interest = int(day.open_interest[place]) * lot
    value = float(open_interest) * mark * float(tick)
    return row | {
        "indexPrice": f"{round(index / board.tick[place]) * tick:f}",
        "markPrice": f"{mark * tick:f}",
        "prevPrice1h": f"{int(day.hour_ago[place]) * tick:f}",
        "openInterest": f"{open_interest:f}",
        "openInterestValue": f"{value:.4f}",
        "singleOpenInterest": f"{open_interest / 2:f}",
        "singleOpenInterestValue": f"{value / 2:.4f}",
    }
