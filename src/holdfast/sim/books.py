"""Order books and public trades: what stands around the touch, and what was traded there."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from holdfast.sim.instruments import SimInstrument
from holdfast.sim.noise import Floats, Ints, Noise

MAX_DEPTH: Final = 1000
_GAP, _SIZE, _TRADES, _TRADE_SIZE, _TRADE_SIDE = range(201, 206)
MAX_TRADES: Final = 5
"""Expected in one step, at most."""
_SIDES: Final = 2


@dataclass(frozen=True, slots=True)
class Book:
    """Levels as (price, quantity), best first."""

    symbol: str
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]
    at_ms: int
    sequence: int


@dataclass(frozen=True, slots=True)
class SimTrade:
    """A public trade; ``side`` ("Buy" or "Sell") is the taker's."""

    trade_id: str
    at_ms: int
    side: str
    price: Decimal
    quantity: Decimal
    sequence: int


def levels(
    noise: Noise, instrument: SimInstrument, side: int, touch: int, depth: int, step: int, turnover: float
) -> list[tuple[Decimal, Decimal]]:
    """``depth`` levels from ``touch`` (ticks) outwards; ``side`` +1 for asks, -1 for bids.

    Levels stand some hundred-thousandths of the price apart near the touch and thin out from there; each
    holds a few hundred-thousandths of a day's turnover, more further out. A deeper book begins with the same
    levels.
    """
    streams = _streams(np.array([instrument.symbol_id]), side) + np.arange(depth)
    rank = np.arange(depth)
    apart = touch * max(1e-5, min(1e-3, 4e-4 * (turnover / 1e6) ** -0.75))
    gaps = -np.log(noise.uniform(_GAP, streams, step // 4)) * apart * (1 + rank / 40)
    gaps[0] = 0
    ticks = touch + side * np.cumsum(np.maximum(np.rint(gaps), rank > 0)).astype(np.int64)
    sizes = _size_noise(noise, streams, step) * _level_notional(np.array([turnover]))
    sizes *= 1 + rank / 5
    value_of_lot = ticks.astype(np.float64) * float(instrument.tick * instrument.lot)
    lots = whole_lots(sizes, value_of_lot, least_lots(instrument))
    tick, lot = instrument.tick, instrument.lot
    return [(t * tick, n * lot) for t, n in zip(ticks.tolist(), lots.tolist(), strict=True) if t > 0]


def touch_lots(
    noise: Noise, symbol_ids: Ints, side: int, step: int, turnover: Floats, value_of_lot: Floats, least: Ints
) -> Ints:
    """Lots at the best level of many books at once: the same that ``levels`` gives first."""
    sizes = _level_notional(turnover) * _size_noise(noise, _streams(symbol_ids, side), step)
    return whole_lots(sizes, value_of_lot, least)


def least_lots(instrument: SimInstrument) -> int:
    return int(instrument.min_qty / instrument.lot)


def whole_lots(notional: Floats, value_of_lot: Floats, least: Ints | int) -> Ints:
    lots: Ints = np.maximum(np.rint(notional / np.maximum(value_of_lot, 1e-12)), least).astype(np.int64)
    return lots


def _streams(symbol_ids: Ints, side: int) -> Ints:
    return (symbol_ids * _SIDES + (side > 0)) * MAX_DEPTH


def _level_notional(turnover: Floats) -> Floats:
    notional: Floats = np.maximum(turnover * 6e-6, 50.0)
    return notional


def _size_noise(noise: Noise, streams: Ints, step: int) -> Floats:
    sizes: Floats = np.exp(0.8 * noise.normal(_SIZE, streams, step // 2))
    return sizes


def trades(
    noise: Noise,
    instrument: SimInstrument,
    step: int,
    at_ms: int,
    bid: int,
    ask: int,
    turnover_per_step: float,
) -> list[SimTrade]:
    """The trades of one step: more of them the more is traded, each at the bid or the ask."""
    stream = instrument.symbol_id
    expected = min(turnover_per_step**0.6 / 60, MAX_TRADES)
    count = int(expected + noise.uniform(_TRADES, stream, step)[()])
    if count == 0:
        return []
    rank = step * 8 + np.arange(count)
    buys = noise.uniform(_TRADE_SIDE, stream, rank) < 0.5
    prices = np.where(buys, ask, bid)
    sizes = turnover_per_step / expected * np.exp(1.1 * noise.normal(_TRADE_SIZE, stream, rank) - 0.6)
    value_of_lot = prices * float(instrument.tick) * float(instrument.lot)
    lots = whole_lots(sizes, value_of_lot, least_lots(instrument)).tolist()
    words = noise.words(_TRADES, stream, rank).tolist()
    return [
        SimTrade(
            f"{word:016x}", at_ms + 90 * place, "Buy" if buy else "Sell", int(price) * instrument.tick,
            int(lot) * instrument.lot, int(rank[place]),
        )
        for place, (word, buy, price, lot) in enumerate(zip(words, buys, prices, lots, strict=True))
    ]  # fmt: skip
