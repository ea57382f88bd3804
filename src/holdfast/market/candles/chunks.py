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
_VERSION: Final = 2
_LEVEL: Final = 6
_COLUMNS: Final = 6
_WIDTH: Final = 8
_PLANES: Final = _COLUMNS * _WIDTH
_MASK_BYTES: Final = _PLANES // 8
_SIGN: Final = np.int64(63)
_DIGEST_BYTES: Final = 16
_MOST_BARS: Final = 1_000_000
_ONE: Final = np.uint64(1)


class BrokenChunk(ValueError):
    """These bytes are not what was written."""


def encode(bars: Bars) -> bytes:
    """The columns without their scale.

    Times as differences of differences, closes as differences, opens against the close before, highs and lows
    against the body of their bar: on real markets most planes of equal bytes are zero, and are left out.
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
    planes = (
        unsigned.view(np.uint8).reshape(_COLUMNS, count, _WIDTH).transpose(0, 2, 1).reshape(_PLANES, count)
    )
    told = planes.any(axis=1)
    body = np.packbits(told).tobytes() + planes[told].tobytes()
    return _HEADER.pack(_VERSION, count) + zlib.compress(body, _LEVEL)


def decode(payload: bytes, price_decimals: int, volume_decimals: int) -> Bars:
    """The inverse of ``encode``.

    Raises:
        BrokenChunk: the payload was damaged.
    """
    return joined([payload], price_decimals, volume_decimals)


def joined(payloads: Sequence[bytes], price_decimals: int, volume_decimals: int) -> Bars:
    """Many chunks, in the order of their times, unpacked together.

    Raises:
        BrokenChunk: a payload was damaged, or they are not in order.
    """
    counts = [_count(payload) for payload in payloads]
    starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    small = _unpacked(payloads, starts.tolist())
    time = _sums(_sums(small[0], starts), starts)
    close = _sums(small[1], starts)
    before = _before(close)
    before[starts[:-1][np.diff(starts) > 0]] = 0
    opened = small[2] + before
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


def _count(payload: bytes) -> int:
    if len(payload) < _HEADER.size:
        raise BrokenChunk("too short")
    version, count = _HEADER.unpack_from(payload)
    if version != _VERSION or count > _MOST_BARS:
        raise BrokenChunk(f"unknown version {version} or impossible count {count}")
    return int(count)


def _unpacked(payloads: Sequence[bytes], starts: Sequence[int]) -> Ints:
    """The small numbers of all payloads side by side, a row for each column."""
    total = starts[-1]
    planes: dict[int, npt.NDArray[np.uint8]] = {}
    for payload, start, stop in zip(payloads, starts, starts[1:], strict=False):
        told, content = _inflated(payload, stop - start)
        for place, plane in zip(told, content, strict=True):
            if place not in planes:
                planes[place] = np.zeros(total, np.uint8)
            planes[place][start:stop] = plane
    unsigned = np.zeros((_COLUMNS, total), dtype=np.uint64)
    spare = np.empty(total, dtype=np.uint64)
    for place, plane in planes.items():
        column, weight = divmod(place, _WIDTH)
        np.left_shift(plane, np.uint64(8 * weight), out=spare)
        unsigned[column] |= spare
    for row in unsigned:
        np.bitwise_and(row, _ONE, out=spare)
        np.negative(spare, out=spare)
        row >>= _ONE
        row ^= spare
    return unsigned.view(np.int64)


def _inflated(payload: bytes, count: int) -> tuple[list[int], npt.NDArray[np.uint8]]:
    """Which planes a payload tells, and those planes."""
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(payload[_HEADER.size :], _MASK_BYTES + _PLANES * count + 1)
    except zlib.error as error:
        raise BrokenChunk(str(error)) from error
    told = np.flatnonzero(np.unpackbits(np.frombuffer(raw[:_MASK_BYTES], np.uint8))).tolist()
    if len(raw) != _MASK_BYTES + len(told) * count or not inflater.eof:
        raise BrokenChunk("another length than announced")
    return told, np.frombuffer(raw, np.uint8, offset=_MASK_BYTES).reshape(len(told), count)


def _sums(differences: Ints, starts: Ints) -> Ints:
    """Running sums that begin anew at every start."""
    summed: Ints = np.cumsum(differences)
    offsets = np.concatenate(([0], summed))[starts[:-1]]
    anew: Ints = summed - np.repeat(offsets, np.diff(starts))
    return anew


def _before(column: Ints) -> Ints:
    """Each value's predecessor; 0 for the first."""
    shifted: Ints = np.concatenate((np.zeros(1, np.int64), column[:-1]))[: len(column)]
    return shifted


def _differences(column: Ints) -> npt.NDArray[np.int64]:
    return column - _before(column)
