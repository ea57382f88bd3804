"""A task and its bars as bytes, on their way into the jail. Both are ours: only the source is untrusted."""

import json
from typing import Any, Final

import numpy as np

from holdfast.core.bars import FloatBars
from holdfast.core.timeframes import Timeframe
from holdfast.scripts.jail.packets import Data
from holdfast.scripts.language.run import Task

BAR_BYTES: Final = 6 * 8


def pack_task(task: Task) -> bytes:
    return json.dumps(
        {
            "source": task.source,
            "series": task.series,
            "symbol": task.symbol,
            "timeframe": task.timeframe.value,
            "inputs": dict(task.inputs),
            "wanted": task.wanted,
            "seed": task.seed,
        }
    ).encode()


def unpack_task(data: Data) -> Task:
    said: dict[str, Any] = json.loads(bytes(data))
    return Task(**{**said, "timeframe": Timeframe(said["timeframe"])})


def pack_bars(bars: FloatBars) -> list[bytes]:
    """One column after the other, of 8 bytes a bar."""
    prices = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    columns = [bars.time.astype("<i8", copy=False), *(one.astype("<f8", copy=False) for one in prices)]
    return [column.tobytes() for column in columns]


def unpack_bars(data: Data) -> FloatBars:
    """Views of the bytes: nothing is copied, and nothing can be written."""
    count = len(data) // BAR_BYTES
    time = np.frombuffer(data, "<i8", count)
    prices = (np.frombuffer(data, "<f8", count, 8 * count * place) for place in range(1, 6))
    return FloatBars(time, *prices)
