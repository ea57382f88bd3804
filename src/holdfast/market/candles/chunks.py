"""How a sealed day of bars is kept: differences, their bytes of equal weight together, deflated.

Exact for any int64: differences wrap around at 64 bits and wrap back. Pure.
"""

import hashlib
import struct
import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from holdfast.core.bars import Bars, Ints

_HEADER: Final = struct.Struct("<BI")
_VERSION: Final = 1
_LEVEL: Final = 6
_COLUMNS: Final = 6
_WIDTH: Final = 8
_SIGN: Final = np.int64(63)
_DIGEST_BYTES: Final = 16
_MOST_BARS: Final = 1_000_000
_ONE: Final = np.uint64(1)


class BrokenChunk(ValueError):
    """These bytes are not what was written."""


def encode(bars: Bars) -> bytes:
    """The columns without their scale.

    Times as differences of differences, closes as differences, opens against the close before, highs and lows
    against the body of their bar: on real markets nearly all of their bytes are zero.
    """
    count = len(bars)
    small = np.empty((_COLUMNS, count), dtype=np.int64)
    small[0] = _differences(_differences(bars.time))
    small[1] = _differences(bars.close)
    small[2] = bars.open - _before(bars.close)
    small[3] = bars.high - np.maximum(bars.open, bars.close)
    small[4] = np.minimum(bars.open, bars.close) - bars.low
    small[5] = bars.volume
    unsigned = ((small << np.int64(1)) ^ (small >> _SIGN)).astype("<u8", copy=False)
    planes = unsigned.view(np.uint8).reshape(_COLUMNS, count, _WIDTH).transpose(0, 2, 1)
    return _HEADER.pack(_VERSION, count) + zlib.compress(planes.tobytes(), _LEVEL)


def decode(payload: bytes, price_decimals: int, volume_decimals: int) -> Bars:
    """The inverse of ``encode``.

    Raises:
        BrokenChunk: the payload was damaged.
    """
    small = _unpacked(payload)
    time = np.cumsum(np.cumsum(small[0]))
    close = np.cumsum(small[1])
    opened = small[2] + _before(close)
    high = small[3] + np.maximum(opened, close)
    low = np.minimum(opened, close) - small[4]
    try:
        return Bars(time, opened, high, low, close, small[5], price_decimals, volume_decimals)
    except ValueError as error:
        raise BrokenChunk(str(error)) from error


def digest(bars: Bars) -> bytes:
    """A fingerprint of the columns themselves, whatever they are packed in."""
    fingerprint = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for column in bars.columns:
        fingerprint.update(column.astype("<i8", copy=False).tobytes())
    return fingerprint.digest()


def joined(payloads: Sequence[bytes], price_decimals: int, volume_decimals: int) -> Bars:
    """Many chunks, in the order of their times, as one."""
    if not payloads:
        return Bars.empty(price_decimals, volume_decimals)
    return Bars.concat([decode(payload, price_decimals, volume_decimals) for payload in payloads])


def _unpacked(payload: bytes) -> Ints:
    if len(payload) < _HEADER.size:
        raise BrokenChunk("too short")
    version, count = _HEADER.unpack_from(payload)
    size = count * _COLUMNS * _WIDTH
    if version != _VERSION or count > _MOST_BARS:
        raise BrokenChunk(f"unknown version {version} or impossible count {count}")
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(payload[_HEADER.size :], size + 1)
    except zlib.error as error:
        raise BrokenChunk(str(error)) from error
    if len(raw) != size or not inflater.eof:
        raise BrokenChunk("another length than announced")
    planes = np.frombuffer(raw, np.uint8).reshape(_COLUMNS, _WIDTH, count).transpose(0, 2, 1)
    unsigned = np.ascontiguousarray(planes).view("<u8").reshape(_COLUMNS, count).astype(np.uint64, copy=False)
    signed: Ints = (unsigned >> _ONE).view(np.int64) ^ -(unsigned & _ONE).view(np.int64)
    return signed


def _before(column: Ints) -> Ints:
    """Each value's predecessor; 0 for the first."""
    shifted: Ints = np.concatenate((np.zeros(1, np.int64), column[:-1]))[: len(column)]
    return shifted


def _differences(column: Ints) -> npt.NDArray[np.int64]:
    return column - _before(column)
