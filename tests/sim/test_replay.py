"""Recorded candles in the place of the simulated path."""

import io
import os
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
from tests.sim.conftest import NOON_MS

from holdfast.core.errors import InvalidInput
from holdfast.sim.clock import SimClock
from holdfast.sim.market import Market
from holdfast.sim.paths import DAY_MS, HOUR_MS, MINUTE_MS, STEP_MS
from holdfast.sim.replay import read_recording

START = NOON_MS // MINUTE_MS * MINUTE_MS
HEADER = "timestamp,open,high,low,close,volume\n"
ROWS = [
    (100.0, 101.0, 99.5, 100.5, 12.0),
    (100.5, 103.0, 100.4, 102.0, 7.5),
    (102.0, 102.0, 97.0, 98.0, 30.0),
]


def written(path: Path, rows: list[tuple[float, ...]] = ROWS, every_ms: int = MINUTE_MS) -> Path:
    lines = (",".join(map(str, (1_600_000_000_000 + n * every_ms, *row))) for n, row in enumerate(rows))
    path.write_text(HEADER + "\n".join(lines))
    return path


def replaying(path: Path, symbol: str = "ETHUSDT") -> tuple[Market, SimClock]:
    clock = SimClock(NOON_MS, source_ns=lambda: 0)
    return Market(5, clock, path, symbol), clock


def test_the_recorded_candles_come_back(tmp_path: Path) -> None:
    market, clock = replaying(written(tmp_path / "day.csv"))
    clock.advance(10 * MINUTE_MS)
    candles = market.candles("linear", "ETHUSDT", MINUTE_MS, START, START + 2 * MINUTE_MS)
    assert [tuple(float(value) for value in row[1:6]) for row in candles] == ROWS
    (whole,) = (
        market.candles("linear", "ETHUSDT", 3 * MINUTE_MS, START, START) if START % 180_000 == 0 else [None]
    )
    if whole is not None:
        assert [float(value) for value in whole[1:5]] == [100.0, 103.0, 97.0, 98.0]


def test_the_path_touches_high_and_low_of_every_recorded_minute(tmp_path: Path) -> None:
    market, _ = replaying(written(tmp_path / "day.csv"))
    for number, (opened, high, low, closed, _) in enumerate(ROWS):
        first = START + number * MINUTE_MS
        seen = [market.last_price("linear", "ETHUSDT", at) for at in range(first, first + MINUTE_MS, STEP_MS)]
        assert (float(seen[0]), float(max(seen)), float(min(seen)), float(seen[-1])) == (
            opened,
            high,
            low,
            closed,
        )


def test_the_market_joins_the_recording_at_both_ends(tmp_path: Path) -> None:
    market, clock = replaying(written(tmp_path / "day.csv"))
    clock.advance(DAY_MS)
    candles = market.candles("linear", "ETHUSDT", MINUTE_MS, START - 60 * MINUTE_MS, START + 60 * MINUTE_MS)
    closes = {row[0]: row[4] for row in candles}
    assert float(closes[START - MINUTE_MS]) == pytest.approx(100.0, rel=0.001)
    assert float(candles[63][1]) == pytest.approx(98.0, rel=0.001)
    hours = market.candles("linear", "ETHUSDT", HOUR_MS, START, START)
    inside = [row for row in candles if hours[0][0] <= row[0] < hours[0][0] + HOUR_MS]
    assert hours[0][2] == max(row[2] for row in inside)
    assert hours[0][3] == min(row[3] for row in inside)


def test_every_reading_of_the_price_follows_the_recording(tmp_path: Path) -> None:
    market, clock = replaying(written(tmp_path / "day.csv"))
    clock.advance(START + MINUTE_MS - clock.now_ms())
    assert market.last_price("linear", "ETHUSDT") == Decimal("100.50")
    assert float(market.mark_price("linear", "ETHUSDT")) == pytest.approx(100.5, rel=0.001)
    assert market.index_price("ethereum") == pytest.approx(100.5)
    assert market.book("linear", "ETHUSDT", 1).asks[0][0] >= Decimal("100.50")
    assert float(market.last_price("spot", "ETHUSDT")) == pytest.approx(100.5, rel=0.001)
    assert float(market.last_price("spot", "WETHUSDT")) == pytest.approx(100.5, rel=0.002)


def test_a_multiplied_symbol_keeps_its_price(tmp_path: Path) -> None:
    rows = [(0.004, 0.0041, 0.0039, 0.00405, 1e6)]
    market, _ = replaying(written(tmp_path / "pepe.csv", rows), "1000PEPEUSDT")
    assert float(market.last_price("linear", "1000PEPEUSDT", START)) == 0.004
    assert market.index_price("pepe", START) == pytest.approx(0.000004)


def test_a_left_out_minute_stands_still(tmp_path: Path) -> None:
    path = tmp_path / "gap.csv"
    path.write_text(HEADER + "0,5,6,4,5.5,1\n180000,5.5,5.6,5.4,5.5,1\n240000,5.5,5.6,5.4,5.5,1\n")
    recording = read_recording(path)
    assert recording.close.tolist() == [5.5, 5.5, 5.5, 5.5, 5.5]
    assert recording.high.tolist() == [6, 5.5, 5.5, 5.6, 5.6]
    assert recording.volume.tolist() == [1, 0, 0, 1, 1]


def test_coarser_candles_are_spread_over_their_minutes(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path / "hours.csv", every_ms=HOUR_MS))
    assert len(recording) == 180
    for number, (opened, high, low, _, volume) in enumerate(ROWS):
        span = slice(number * 60, number * 60 + 60)
        assert recording.open[span][0] == opened
        assert recording.high[span].max() == pytest.approx(high, rel=1e-6)
        assert recording.low[span].min() == pytest.approx(low, rel=1e-6)
        assert recording.volume[span].sum() == pytest.approx(volume)


def test_iso_times_are_read(tmp_path: Path) -> None:
    path = tmp_path / "iso.csv"
    path.write_text(HEADER + "2024-01-01T00:00:00Z,5,6,4,5,1\n2024-01-01T00:01:00Z,5,6,4,5,1\n")
    assert len(read_recording(path)) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must begin"),
        ("1,2,3,4,5,6\n", "must begin"),
        (HEADER, "no candles"),
        (HEADER + "0,1,2,0.5,1\n", "not a candle"),
        (HEADER + "noon,1,2,0.5,1,1\n", "not a candle"),
        (HEADER + "0,1,0.9,0.5,1,1\n", "cannot be"),
        (HEADER + "0,1,2,0,1,1\n", "cannot be"),
        (HEADER + "0,nan,2,0.5,1,1\n", "cannot be"),
        (HEADER + "0,1,2,0.5,1,-1\n", "cannot be"),
        (HEADER + "60000,1,2,0.5,1,1\n0,1,2,0.5,1,1\n", "out of order"),
        (HEADER + "0,1,2,0.5,1,1\n1000,1,2,0.5,1,1\n", "one minute or more"),
        (HEADER + "0,1,2,0.5,1,1\n99999999999999,1,2,0.5,1,1\n", "400 days"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=reason):
        read_recording(path)


def test_a_missing_file_and_a_broken_zip_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_recording(tmp_path / "nowhere.csv")
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK but no")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_recording(broken)
    crowded = io.BytesIO()
    with zipfile.ZipFile(crowded, "w") as archive:
        archive.writestr("a.csv", "0,1,1,1,1,1")
        archive.writestr("b.csv", "0,1,1,1,1,1")
    (tmp_path / "two.zip").write_bytes(crowded.getvalue())
    with pytest.raises(InvalidInput, match="exactly one"):
        read_recording(tmp_path / "two.zip")


def test_only_a_listed_symbol_can_be_replayed(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="NOPEUSDT"):
        replaying(written(tmp_path / "day.csv"), "NOPEUSDT")


def shared_file(name: str) -> Path:
    path = Path(os.environ.get("HOLDFAST_SHARED", Path(__file__).parents[3] / "shared")) / "data" / name
    if not path.exists():
        pytest.skip(f"the recording {name} is not on this machine")
    return path


def test_a_real_day_of_btcusdt(tmp_path: Path) -> None:
    path = shared_file("bybit_btcusdt_1m_20221213_lean.zip")
    with zipfile.ZipFile(path) as archive:
        lines = archive.read(archive.namelist()[0]).decode().split()
    market, clock = replaying(path, "BTCUSDT")
    clock.advance(DAY_MS)
    candles = market.candles("linear", "BTCUSDT", MINUTE_MS, START, START + DAY_MS - 1)
    assert len(candles) == len(lines) == 1440
    for line, (_, opened, high, low, closed, volume, _) in zip(lines, candles, strict=True):
        recorded = [float(cell) for cell in line.split(",")[1:]]
        assert [float(opened), float(high), float(low), float(closed)] == pytest.approx(
            recorded[:4], abs=0.0501
        )
        assert float(volume) == pytest.approx(recorded[4], rel=1e-4, abs=0.002)


def test_years_of_real_candles_are_more_than_a_replay_holds() -> None:
    with pytest.raises(InvalidInput, match="400 days at most"):
        read_recording(shared_file("coinbase_btcusd_daily_lean.zip"))
