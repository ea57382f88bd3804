"""Sealed days come back exactly, whatever the numbers; and are small on real ones."""

import zipfile
import zlib
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.market.candles.made import recorded, walk

from holdfast.core.bars import Bars
from holdfast.market.candles import chunks

int64 = st.integers(-(2**63), 2**63 - 1)


@st.composite
def any_bars(draw: st.DrawFn) -> Bars:
    time = sorted(draw(st.lists(int64, unique=True, max_size=40)))
    columns = [draw(arrays(np.int64, len(time), elements=int64)) for _ in range(5)]
    return Bars(np.array(time, dtype=np.int64), *columns, price_decimals=3, volume_decimals=5)


@settings(deadline=None)
@given(any_bars())
def test_any_numbers_come_back(bars: Bars) -> None:
    back = chunks.decode(chunks.encode(bars), 3, 5)
    assert all(np.array_equal(a, b) for a, b in zip(back.columns, bars.columns, strict=True))
    assert chunks.digest(back) == chunks.digest(bars)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(chunks.BrokenChunk):
        chunks.decode(junk, 0, 0)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_damaged_chunk_is_noticed(place: int, change: int) -> None:
    bars = walk(200)
    payload = bytearray(chunks.encode(bars))
    payload[place % len(payload)] ^= change
    try:
        found = chunks.decode(bytes(payload), 2, 6)
    except chunks.BrokenChunk:
        return
    assert chunks.digest(found) == chunks.digest(bars), "damage that changes a number and goes unnoticed"


def test_a_bomb_does_not_go_off() -> None:
    bomb = chunks.encode(walk(1))[:1] + (2).to_bytes(4, "little") + zlib.compress(bytes(50_000_000))
    with pytest.raises(chunks.BrokenChunk):
        chunks.decode(bomb, 0, 0)


def test_a_real_day_takes_at_most_twelve_bytes_a_bar() -> None:
    archive = zipfile.ZipFile(recorded("bybit_btcusdt_1m_20221213_lean.zip"))
    lines = archive.read(archive.namelist()[0]).decode().split()
    rows = [(int(ms) // 1000, *map(Decimal, rest)) for ms, *rest in (line.split(",") for line in lines)]
    bars = Bars.of_decimals(rows)
    payload = chunks.encode(bars)
    assert len(bars) == 1440
    assert chunks.decode(payload, bars.price_decimals, bars.volume_decimals) == bars
    assert len(payload) / len(bars) <= 12
