"""Levels of the past, rebuilt from CoinGecko's history with today's members. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from holdfast.indices.catalogue import Dominance, IndexDefinition
from holdfast.indices.methodology import Floats
from holdfast.indices.valuation import Composition, level_of

Series = Sequence[tuple[datetime, float]]


def needs_market_caps(definition: IndexDefinition) -> bool:
    """Whether the level is of market caps (a dominance) or of prices (a pair, a basket)."""
    return isinstance(definition.rule, Dominance)


def rebuilt_levels(
    definition: IndexDefinition,
    composition: Composition,
    history: Mapping[str, Series],
    *,
    start: datetime,
    end: datetime,
    step: timedelta,
) -> list[tuple[datetime, float]]:
    """Levels at every multiple of ``step`` in [start, end] at which every member's figure is known.

    ``history``: asset id → market caps or prices, ascending. A figure holds until the next one, but for no
    longer than three steps.
    """
    width = int(step.total_seconds())
    first = -(-int(start.timestamp()) // width) * width
    grid = np.arange(first, int(end.timestamp()) + 1, width)
    columns = [_held(history[member.asset_id], grid, 3 * width) for member in composition.members]
    figures = np.array(columns)
    if not needs_market_caps(definition):
        quantities = np.array([member.quantity or 1.0 for member in composition.members])
        figures = figures * quantities[:, None]
    known = np.all(figures > 0, axis=0)
    return [
        (datetime.fromtimestamp(int(at), start.tzinfo), level_of(definition, composition, figures[:, column]))
        for column, at in enumerate(grid)
        if known[column]
    ]


def _held(series: Series, grid: np.ndarray[tuple[int], np.dtype[np.int64]], longest: int) -> Floats:
    """The last figure at or before each moment of the grid; 0 where there is none or it is too old."""
    if not series:
        return np.zeros(len(grid))
    moments = np.array([at.timestamp() for at, _ in series])
    values = np.array([value for _, value in series])
    index = np.searchsorted(moments, grid, side="right") - 1
    fresh = (index >= 0) & (grid - moments[np.maximum(index, 0)] <= longest)
    held: Floats = np.where(fresh, values[np.maximum(index, 0)], 0.0)
    return held
