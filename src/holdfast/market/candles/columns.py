"""The binary answer that charts are drawn from: a JSON header, then one typed array after the other.

4 bytes ``HFC1``, the length of the header as u32, the header, padded with spaces so that the body begins at a
multiple of 8, then the columns, each at a multiple of 8 from the start of the body. Little endian. Pure.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from holdfast.core.bars import Bars

MEDIA_TYPE: Final = "application/vnd.holdfast.columns"
MAGIC: Final = b"HFC1"
_ALIGN: Final = 8
_START: Final = struct.Struct("<4sI")

Column = tuple[str, npt.NDArray[np.float64] | npt.NDArray[np.float32]]


def encode(header: dict[str, Any], columns: Sequence[Column]) -> bytes:
    """The answer. ``header`` gets the member ``columns``."""
    described, parts, offset = [], [], 0
    for name, values in columns:
        kind = "f32" if values.dtype == np.float32 else "f64"
        content = np.ascontiguousarray(values, "<f4" if kind == "f32" else "<f8").tobytes()
        described.append({"name": name, "type": kind, "offset": offset})
        padded = content + bytes(-len(content) % _ALIGN)
        parts.append(padded)
        offset += len(padded)
    text = orjson.dumps({**header, "columns": described})
    text += b" " * (-(_START.size + len(text)) % _ALIGN)
    return b"".join((_START.pack(MAGIC, len(text)), text, *parts))


def of_bars(bars: Bars) -> list[Column]:
    """Time and prices as f64, volume as f32."""
    floats = bars.as_floats()
    return [
        ("time", floats.time.astype(np.float64)),
        ("open", floats.open),
        ("high", floats.high),
        ("low", floats.low),
        ("close", floats.close),
        ("volume", floats.volume.astype(np.float32)),
    ]


def decode(content: bytes) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The header and the columns by name. Raises ``ValueError`` if these bytes are no such answer."""
    if len(content) < _START.size or content[:4] != MAGIC:
        raise ValueError("this is not a column answer")
    _, length = _START.unpack_from(content)
    header: dict[str, Any] = orjson.loads(content[_START.size : _START.size + length])
    body, count = _START.size + length, header["count"]
    types = {"f32": "<f4", "f64": "<f8"}
    arrays = {
        column["name"]: np.frombuffer(content, types[column["type"]], count, body + column["offset"])
        for column in header["columns"]
    }
    return header, arrays
