"""Archives of exchanges and of LEAN go in exactly, and once; other things are refused, naming the rows."""

import contextlib
import errno
import gzip
import hashlib
import io
import itertools
import struct
import zipfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession
from tests.market.candles.made import DAY, START, recorded, walk

from holdfast.core.bars import Bars
from holdfast.core.errors import Conflict, HoldfastError, InvalidInput
from holdfast.market.candles import archive, coverage, importing, store
from holdfast.market.candles.gaps import Reason
from holdfast.market.candles.importing import Target, check
from holdfast.market.candles.models import CandleSeries
from holdfast.market.candles.parsing import Parser
from holdfast.market.candles.store import Written
from holdfast.platform.database import Database

NOW = datetime.fromtimestamp(START + 40 * DAY, UTC)
TARGET = Target("binance", "BTCUSDT")


def texts(bars: Bars, at: int) -> list[str]:
    price, lot = Decimal(1).scaleb(-bars.price_decimals), Decimal(1).scaleb(-bars.volume_decimals)
    values = [f"{int(column[at]) * price:f}" for column in bars.columns[1:5]]
    return [*values, f"{int(bars.volume[at]) * lot:f}"]


def binance(bars: Bars, *, unit: int = 1000, header: bool = False) -> bytes:
    lines = (
        ["open_time,open,high,low,close,volume,close_time,quote_volume,count,b,q,ignore"] if header else []
    )
    for at, time in enumerate(bars.time.tolist()):
        row = [str(time * unit), *texts(bars, at), str((time + 60) * unit - 1), "1.5", "7", "0.5", "0.5", "0"]
        lines.append(",".join(row))
    return ("\n".join(lines) + "\n").encode()


def zipped(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name.replace("__", "-") + ".csv", content)
    return path


async def bring_in(database: Database, path: Path, target: Target = TARGET, **options: timedelta) -> Written:
    found = check(path, **options)
    assert found.problems == []
    async with database.transaction() as session:
        one = await importing.begin(session, target, found, None)
    return await importing.write(database, one, path, found, origin="import", now=NOW, **options)


async def stored(database: Database, target: Target = TARGET) -> tuple[CandleSeries, Bars]:
    async with database.transaction() as session:
        one = await store.series(session, target.source, target.symbol)
        return one, await store.read(session, one.id, 0, 2**40)


async def test_binance_archives_old_and_new(database: Database, tmp_path: Path) -> None:
    """Milliseconds until 2024, microseconds since 2025, a header or none, and every bar once."""
    bars = walk(3 * 1440)
    old = zipped(tmp_path / "BTCUSDT-1m-2023-01-02.zip", a=binance(bars.take(slice(0, 2000))))
    new = zipped(tmp_path / "b.zip", b=binance(bars.take(slice(1440, 4320)), unit=1_000_000, header=True))
    assert await bring_in(database, old) == Written(2000, 0, 0)
    assert await bring_in(database, new) == Written(2320, 560, 0)
    assert await bring_in(database, old) == Written(0, 2000, 0)
    one, found = await stored(database)
    assert found == bars
    assert (one.base_seconds, one.price_decimals) == (60, 2)


async def test_a_hole_in_an_archive_is_a_fact(database: Database, tmp_path: Path) -> None:
    bars = walk(1440)
    holed = bars.take((bars.time < START + 3600) | (bars.time >= START + 7200))
    path = tmp_path / "BTCUSDT-1m-2023-01-02.csv"
    path.write_bytes(binance(holed))
    await bring_in(database, path)
    async with database.transaction() as session:
        one = await store.series(session, "binance", "BTCUSDT")
        gaps = await coverage.gaps(session, one, START - 60, START + DAY)
    assert [(gap.start, gap.until, gap.reason) for gap in gaps] == [
        (START - 60, START, Reason.NOT_FETCHED),
        (START + 3600, START + 7200, Reason.EXCHANGE_DOWN),
    ]


async def test_a_republished_file_that_differs_changes_nothing(database: Database, tmp_path: Path) -> None:
    bars = walk(1440)
    path = tmp_path / "x.csv"
    path.write_bytes(binance(bars))
    await bring_in(database, path)
    path.write_bytes(binance(bars).replace(b",1.5,7,", b",1.5,8,"))
    assert await bring_in(database, path) == Written(0, 1440, 0), "columns that are no part of a bar"
    other = Bars(*bars.columns[:5], bars.volume + 1, 2, 6)
    path.write_bytes(binance(other))
    assert await bring_in(database, path) == Written(0, 0, 1440)
    assert (await stored(database))[1] == bars


async def test_bybits_minutes_for_metatrader_need_their_clock(database: Database, tmp_path: Path) -> None:
    bars = walk(300)
    path = tmp_path / "BTCUSDT_1_2023-01-01_2023-01-31.csv.gz"
    ahead = timedelta(hours=3)
    lines = [
        ",".join([f"{datetime.fromtimestamp(time, UTC) + ahead:%Y.%m.%d %H:%M}", *texts(bars, at)])
        for at, time in enumerate(bars.time.tolist())
    ]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    with pytest.raises(InvalidInput, match="MetaTrader"):
        check(path)
    target = Target("bybit", "BTCUSDT")
    assert await bring_in(database, path, target, utc_offset=ahead) == Written(300, 0, 0)
    assert (await stored(database, target))[1] == bars


async def test_bybits_answers_as_rows(database: Database, tmp_path: Path) -> None:
    bars = walk(50)
    rows = [",".join([f"{time}000", *texts(bars, at), "9.9"]) for at, time in enumerate(bars.time.tolist())]
    path = tmp_path / "bybit.csv"
    path.write_text(
        "startTime,openPrice,highPrice,lowPrice,closePrice,volume,turnover\r\n" + "\r\n".join(rows)
    )
    await bring_in(database, path)
    assert (await stored(database))[1] == bars


async def test_leans_minutes_of_a_real_day(database: Database) -> None:
    path = recorded("bybit_btcusdt_1m_20221213_lean.zip")
    target = Target("bybit", "BTCUSDT")
    assert await bring_in(database, path, target) == Written(1440, 0, 0)
    assert await bring_in(database, path, target) == Written(0, 1440, 0)
    one, found = await stored(database, target)
    first = found.as_floats()
    assert datetime.fromtimestamp(int(found.time[0]), UTC) == datetime(2022, 12, 13, tzinfo=UTC)
    assert (first.open[0], first.high[0], first.low[0], first.close[0]) == (
        17208.86,
        17212.99,
        17205.0,
        17205.0,
    )
    assert (first.close[-1], first.volume[-1]) == (17778.49, 0.617669)
    assert (one.price_decimals, one.volume_decimals) == (2, 6)


async def test_leans_days_of_a_real_market(database: Database) -> None:
    path = recorded("coinbase_btcusd_daily_lean.zip")
    target = Target("coinbase", "BTCUSD")
    assert await bring_in(database, path, target) == Written(1318, 0, 0)
    one, found = await stored(database, target)
    assert one.base_seconds == DAY
    assert datetime.fromtimestamp(int(found.time[0]), UTC) == datetime(2014, 12, 1, tzinfo=UTC)
    assert found.as_floats().volume[-1] == 10178.43146644
    async with database.transaction() as session:
        gaps = await coverage.gaps(session, one, int(found.time[0]), int(found.time[-1]))
    missing = (int(found.time[-1]) - int(found.time[0])) // DAY + 1 - 1318
    assert sum(gap.until - gap.start for gap in gaps) // DAY == missing
    assert {gap.reason for gap in gaps} <= {Reason.NO_TRADES}


@pytest.mark.parametrize("form", ["s", "ms", "us", "ns", "iso", "z"])
def test_times_in_every_form(tmp_path: Path, form: str) -> None:
    bars = walk(30)
    moments = {
        "s": lambda t: str(t),
        "ms": lambda t: f"{t}000",
        "us": lambda t: f"{t}000000",
        "ns": lambda t: f"{t}000000000",
        "iso": lambda t: datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "z": lambda t: datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    rows = [",".join([moments[form](time), *texts(bars, at)]) for at, time in enumerate(bars.time.tolist())]
    content = "\n".join(["timestamp,open,high,low,close,volume", *rows]).encode()
    blocks = list(Parser("x.csv").blocks([content]))
    assert Bars.concat([block.bars for block in blocks]) == bars


async def test_an_import_that_was_broken_off_goes_on(database: Database, tmp_path: Path) -> None:
    bars = walk(60_000)
    path = zipped(tmp_path / "BTCUSDT-1m-2023.zip", a=binance(bars))
    found = check(path)
    async with database.transaction() as session:
        one = await importing.begin(session, TARGET, found, None)
    reached = 0

    class Killed(Exception):
        pass

    async def die(_: AsyncSession, rows: int, __: Written) -> None:
        nonlocal reached
        if reached:
            raise Killed
        reached = rows

    with pytest.raises(Killed):
        await importing.write(database, one, path, found, origin="i", now=NOW, progress=die)
    assert len((await stored(database))[1]) == reached
    assert 0 < reached < 60_000
    rest = await importing.write(database, one, path, found, origin="i", now=NOW, done=reached)
    assert rest == Written(60_000 - reached, 0, 0)
    assert (await stored(database))[1] == bars


GOOD = "1672617600,10,12,9,11,5\n1672617660,11,12,10,11,5\n"


@pytest.mark.parametrize(
    ("rows", "row", "message"),
    [
        (GOOD + "1672617660,11,12,10,11,5\n", 3, "the same time twice"),
        (GOOD + "1672617000,11,12,10,11,5\n", 3, "not later"),
        (GOOD + "1672617720,-11,12,10,11,5\n", 3, "zero or below"),
        (GOOD + "1672617720,11,12,10,11,-5\n", 3, "negative volume"),
        (GOOD + "1672617720,11,10,10,11,5\n", 3, "high 10 is below"),
        (GOOD + "1672617720,11,12,11.5,11,5\n", 3, "low 11.5 is above"),
        (GOOD + "1672617720,eleven,12,10,11,5\n", 3, "'eleven' is no number"),
        (GOOD + "1672617720,NaN,12,10,11,5\n", 3, "no number"),
        (GOOD + "1672617720,11,1e999,10,11,5\n", 3, "too large"),
        (GOOD + "1672617720,11,12,10,11\n", 3, "5 columns instead of 6"),
        (GOOD + "99999999999999999999,11,12,10,11,5\n", 3, ""),
        (GOOD + "\n\nsoon,11,12,10,11,5\n", 5, "'soon' is no time"),
        (GOOD + "1672617720.5,11,12,10,11,5\n", 3, "whole second"),
        ("timestamp,open,high,low,close,volume\n" + GOOD + "x,1,1,1,1,1\n", 4, "no time"),
        (GOOD + "1672617720,,12,10,11,5\n", 3, "no number"),
        (GOOD + "1672617720,1_1,12,10,11,5\n", 3, "'1_1' is no number"),
        (GOOD + "1672617720,11,12,10,11,\u0665\n", 3, "no number"),
        (GOOD + "\u0661672617720,11,12,10,11,5\n", 3, "no time"),
        (GOOD + "1672617720" + ",1e-999999" * 4 + ",5\n", 3, "more than 18 decimals"),
        (GOOD + "1672617720,11,12,10,11,1e999999\n", 3, "too large"),
        (GOOD + "1672617720,11,12,10,11,1e-19\n", 3, "more than 18 decimals"),
        (GOOD + f"1672617720,11,12,10,11,{'1' * 101}\n", 3, "no number"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, rows: str, row: int, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(rows)
    problems = check(path).problems
    assert [problem.row for problem in problems] == [row]
    assert message in problems[0].message


def test_unusual_but_right_numbers_are_exact() -> None:
    rows = b"1672617600,1e1,1.2E+1,9.,011,.5\n"
    (block,) = Parser("x.csv").blocks([rows])
    assert block.problems == []
    assert block.bars == Bars.of_decimals(
        [(1672617600, Decimal(10), Decimal(12), Decimal(9), Decimal(11), Decimal("0.5"))]
    )


def test_powers_of_ten_are_read_as_such_in_every_row() -> None:
    (block,) = Parser("x.csv").blocks([b"1672617600,1,1,1,1,1.5e10\n1672617660,1,1,1,1,1.50\n"])
    one = Decimal(1)
    assert block.bars == Bars.of_decimals(
        [
            (1672617600, one, one, one, one, Decimal("1.5e10")),
            (1672617660, one, one, one, one, Decimal("1.5")),
        ]
    )


def test_rows_that_no_one_scale_holds_are_named() -> None:
    rows = b"1672617600" + b",9e17" * 4 + b",1\n1672617660" + b",1e-18" * 4 + b",1\n"
    with pytest.raises(InvalidInput, match=r"Rows 1 to 2 .*too large"):
        list(Parser("x.csv").blocks([rows]))


async def test_numbers_too_far_apart_are_refused_before_anything_is_written(
    database: Database, tmp_path: Path
) -> None:
    """Each half of the file fits by itself."""
    path = tmp_path / "far.zip"
    large, small = (
        "".join(f"{time},{price},{price},{price},{price},1\n" for time in (start, start + 60)).encode()
        for start, price in ((START, "9e17"), (START + 120, "1e-18"))
    )
    zipped(path, a=large, b=small)
    with pytest.raises(InvalidInput, match="too large"):
        await bring_in(database, path)
    assert len((await stored(database))[1]) == 0


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_junk_never_gets_in(junk: bytes) -> None:
    try:
        blocks = list(Parser("junk.csv").blocks([junk]))
    except InvalidInput:
        return
    for block in blocks:
        assert len(block.bars) == 0 or not block.problems


def test_files_that_are_no_files_of_bars(tmp_path: Path) -> None:
    def refuse(name: str, content: bytes, words: str) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(HoldfastError, match=words) as caught:
            check(path)
        assert caught.value.advice

    refuse("empty.csv", b"", "holds no bars")
    refuse("binary.csv", b"1,2,3,4,5,6\n" * 3 + bytes(range(256)), "Row 4 .* no text")
    refuse("picture.png", b"\x89PNG\r\n\x1a\n\xff\xfe", "no text|columns")
    refuse("line.csv", b"1672617600,1,1,1,1,1" + b"1" * 5_000_000, "longer than")
    refuse("torn.zip", zipped(tmp_path / "t.zip", a=GOOD.encode()).read_bytes()[:-30], "damaged")
    refuse("torn.gz", gzip.compress(GOOD.encode() * 1000)[:-20], "damaged")
    refuse("names.csv", b"a,b,c,d,e,f\n1,2,3,4,5,6\n", "neither bars nor their names")
    image = io.BytesIO()
    with zipfile.ZipFile(image, "w") as made:
        made.writestr("a.png", b"x")
    refuse("pictures.zip", image.getvalue(), "0 CSV files")
    for packing in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", packing) as made:
            made.writestr("a.csv", GOOD)
        refuse("packed.zip", packed.getvalue(), "packed in a way")


@pytest.mark.parametrize("packing", ["zip", "gz"])
def test_damage_anywhere_is_refused_or_harmless(tmp_path: Path, packing: str) -> None:
    text = binance(walk(60))
    whole = gzip.compress(text) if packing == "gz" else zipped(tmp_path / "w.zip", a=text).read_bytes()
    path = tmp_path / f"x.{packing}"
    for place in range(4, len(whole), 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with contextlib.suppress(InvalidInput):
            assert check(path).problems or check(path).rows == 60


def test_places_outside_of_an_archive_are_damage(tmp_path: Path) -> None:
    """The system answers them as it does a fault of its own."""
    path = zipped(tmp_path / "x.zip", a=GOOD.encode())
    whole = bytearray(path.read_bytes())
    (place,) = struct.unpack_from("<I", whole, len(whole) - 6)
    struct.pack_into("<I", whole, len(whole) - 6, place + 7)
    path.write_bytes(whole)
    with pytest.raises(InvalidInput, match="damaged"):
        check(path)


@pytest.mark.parametrize("name", ["x.zip", "x.csv.gz"])
def test_a_disk_that_cannot_be_read_is_no_damage_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = zipped(tmp_path / "x.zip", a=GOOD.encode())
    if name != path.name:
        path = tmp_path / name
        path.write_bytes(gzip.compress(GOOD.encode()))

    def broken(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(archive.zipfile, "ZipFile", broken)
    monkeypatch.setattr(archive.gzip, "open", broken)
    with pytest.raises(OSError, match="Input/output"):
        check(path)


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.csv", b"0" * 60_000_000)
    with pytest.raises(InvalidInput, match="far more"):
        archive.members(bomb)
    tight = tmp_path / "bomb.csv.gz"
    tight.write_bytes(gzip.compress(b"1,1,1,1,1,1\n" * 5_000_000))
    pieces = archive.content(archive.members(tight)[0])
    with pytest.raises(InvalidInput, match="far more"):
        assert sum(len(piece) for piece in itertools.islice(pieces, 80)) < 0, "20 MB came out"


def test_a_checksum_is_believed_when_it_is_there(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", a=GOOD.encode())
    assert archive.check_checksum(path) is False
    beside = tmp_path / "a.zip.CHECKSUM"
    beside.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  a.zip\n")
    assert archive.check_checksum(path) is True
    beside.write_text("0" * 64 + "  a.zip\n")
    with pytest.raises(InvalidInput, match="not the file"):
        archive.check_checksum(path)


async def test_bars_of_another_length_do_not_mix(database: Database, tmp_path: Path) -> None:
    minutes, hours = tmp_path / "m.csv", tmp_path / "h.csv"
    minutes.write_bytes(binance(walk(120)))
    hours.write_bytes(binance(walk(48, step=3600)))
    other = Target("lab", "BTCUSDT")
    await bring_in(database, minutes, other)
    with pytest.raises(Conflict, match="60 s"):
        await bring_in(database, hours, other)
    with pytest.raises(Conflict, match="minutes are kept"):
        await bring_in(database, hours)
    shifted = tmp_path / "s.csv"
    shifted.write_bytes(binance(walk(120, start=START + 30)))
    with pytest.raises(InvalidInput, match="whole multiples"):
        await bring_in(database, shifted, other)
    one = tmp_path / "one.csv"
    one.write_text("1672617600,10,12,9,11,5\n")
    with pytest.raises(InvalidInput, match="cannot be told"):
        await bring_in(database, one)


@pytest.mark.parametrize(
    "name", ["index:btc-d", "own:x", "Bybit:BTCUSDT", "bybit:../etc", "bybit:" + "A" * 41]
)
def test_some_names_are_not_for_imports(name: str) -> None:
    with pytest.raises(InvalidInput):
        Target(*name.split(":"))
