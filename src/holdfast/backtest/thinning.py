"""Fewer points of a curve, with its extremes. Pure."""

import numpy as np

from holdfast.backtest.figures import drawdown
from holdfast.core.bars import Floats, Ints


def kept(equity: Floats, points: int) -> Ints:
    """The places of at most ``points`` values (at least 8) that look like all: the lowest and highest of
    every stretch, the first, the last, and where the deepest drawdown begins and ends."""
    count = len(equity)
    if count <= points:
        return np.arange(count)
    stretches = (points - 4) // 2
    edges = np.linspace(0, count, stretches + 1).astype(np.int64)
    length = int(np.diff(edges).max())
    places = np.minimum(edges[:-1, None] + np.arange(length), edges[1:, None] - 1)
    table = equity[places]
    rows = np.arange(stretches)
    trough = int(np.argmin(drawdown(equity)))
    peak = int(np.argmax(equity[: trough + 1]))
    lows, highs = places[rows, table.argmin(axis=1)], places[rows, table.argmax(axis=1)]
    return np.unique(np.concatenate((lows, highs, [0, count - 1, peak, trough]))).astype(np.int64)
