"""What came out of a back-test, as it is kept: packed, and read a piece at a time. Pure."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import orjson

from holdfast.backtest.thinning import kept
from holdfast.core.bars import Floats
from holdfast.market.candles import columns

TRADES_A_PART: Final = 1000
MOST_POINTS: Final = 10_000
CURVES: Final = ("time", "equity", "hold", "drawdown", "weight")
_LEVEL: Final = 6


def pack_curves(curves: dict[str, Floats], header: dict[str, Any]) -> bytes:
    """The columns, thinned by their equity to ``MOST_POINTS``."""
    content = _encoded(curves, header, MOST_POINTS)
    return zlib.compress(content, _LEVEL)


def thinned_curves(packed: bytes, points: int) -> bytes:
    """The column answer with at most ``points`` of what was packed."""
    content = zlib.decompress(packed)
    header, arrays = columns.decode(content)
    if header["count"] <= points:
        return content
    header.pop("columns")
    return _encoded(arrays, header, points)


def _encoded(curves: dict[str, Floats], header: dict[str, Any], points: int) -> bytes:
    places = kept(curves["equity"], points)
    shown = [(name, np.ascontiguousarray(curves[name][places])) for name in CURVES]
    return columns.encode({**header, "count": len(places)}, shown)


def pack_trades(trades: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    for start in range(0, len(trades), TRADES_A_PART):
        yield zlib.compress(orjson.dumps(trades[start : start + TRADES_A_PART]), _LEVEL)


def unpack_trades(packed: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = orjson.loads(zlib.decompress(packed))
    return rows
