"""Bars made for tests."""

import os
from pathlib import Path

import numpy as np
import pytest

from holdfast.core.bars import Bars

SHARED = Path(os.environ.get("HOLDFAST_SHARED", Path(__file__).resolve().parents[4] / "shared"))
START = 1_672_617_600
"""Monday 2023-01-02 00:00 UTC."""
DAY = 86_400


def walk(count: int, *, start: int = START, step: int = 60, seed: int = 1, price_decimals: int = 2) -> Bars:
    """A random walk of possible bars."""
    random = np.random.default_rng(seed)
    close = 1_700_000 + np.cumsum(random.integers(-900, 901, count))
    opened = np.concatenate((close[:1] - 7, close[:-1]))
    high = np.maximum(opened, close) + random.integers(0, 500, count)
    low = np.minimum(opened, close) - random.integers(0, 500, count)
    volume = random.integers(0, 9_000_000, count)
    time = start + np.arange(count, dtype=np.int64) * step
    return Bars(time, opened, high, low, close, volume, price_decimals, 6)


def recorded(name: str) -> Path:
    """A file of recorded market data, or the test is skipped."""
    path = SHARED / "data" / name
    if not path.is_file():
        pytest.skip(f"{name} is not here: recorded market data is no part of the repository")
    return path
