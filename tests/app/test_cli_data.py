"""``holdfast data`` from end to end, on a real database and the simulated venue."""

import asyncio
import hashlib
import json
import zipfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from tests.market.candles.conftest import sim, there, work
from tests.market.candles.made import START, walk
from tests.market.candles.test_importing import binance
from typer.testing import CliRunner

from holdfast.app.cli.main import app
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Work

__all__ = ["sim", "there", "work"]

Run = Callable[..., Awaitable[Result]]


@pytest.fixture
def run(settings: Settings) -> Run:
    return _runner(settings)


def _runner(settings: Settings) -> Run:
    settings.home.mkdir(exist_ok=True)
    environment = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "HOLDFAST_HOME": str(settings.home),
        "HOLDFAST_SIM_PORT": str(settings.sim_port),
    }

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, ["data", *arguments], env=environment)

    return run


def archive(path: Path, bars: Any) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(path.with_suffix(".csv").name, binance(bars))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(f"{path.name}.CHECKSUM").write_text(f"{digest}  {path.name}\n")
    return path


async def test_in_through_and_out_again(run: Run, tmp_path: Path) -> None:
    bars = walk(3000)
    archive(tmp_path / "BTCUSDT-1m-2023-01-02.zip", bars.take(slice(0, 1500)))
    archive(tmp_path / "BTCUSDT-1m-2023-01-03.zip", bars.take(slice(1600, 3000)))
    done = await run("import", str(tmp_path), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [(one["series"], one["new"], one["checksum"]) for one in told] == [
        ("binance:BTCUSDT", 1500, "verified"),
        ("binance:BTCUSDT", 1400, "verified"),
    ]
    again = json.loads((await run("import", str(tmp_path), "--json")).stdout)
    assert [(one["new"], one["same"]) for one in again] == [(0, 1500), (0, 1400)]
    (listed,) = json.loads((await run("series", "--json")).stdout)
    assert (listed["series"], listed["bars"]) == ("binance:BTCUSDT", 2900)
    until = "2023-01-04T02:00:00"
    missing = json.loads((await run("gaps", "binance:BTCUSDT", "--until", until, "--json")).stdout)
    assert [(gap["bars"], gap["reason"]) for gap in missing] == [(100, "not_fetched")]
    sound = await run("verify")
    assert sound.exit_code == 0
    assert "2,900 bars of 1 series read, 0 faults." in sound.output
    target = tmp_path / "out.csv"
    assert (await run("export", "binance:BTCUSDT", str(target))).exit_code == 0
    lines = target.read_text().splitlines()
    assert len(lines) == 2901
    assert lines[1].startswith(f"{START},")
    for command in ("series", "conflicts"):
        assert (await run(command)).exit_code == 0
    assert "not fetched" in (await run("gaps", "binance:BTCUSDT")).output


async def test_conflicts_are_shown_and_settled(run: Run, tmp_path: Path) -> None:
    bars = walk(200)
    path = tmp_path / "x.csv"
    path.write_bytes(binance(bars))
    await run("import", str(path), "--series", "lab:X")
    path.write_bytes(binance(walk(200, seed=9)))
    assert "200 conflicting" in (await run("import", str(path), "--series", "lab:X")).output
    assert "lab:X" in (await run("conflicts")).output
    shown = json.loads((await run("conflicts", "lab:X", "--limit", "3", "--json")).stdout)
    assert len(shown) == 3
    assert shown[0]["stored"] != shown[0]["offered"]
    assert "200 conflicts settled" in (await run("conflicts", "lab:X", "--take", "x.csv")).output
    assert json.loads((await run("conflicts", "--json")).stdout) == []
    assert (await run("verify", "lab:X")).exit_code == 0


async def test_filling_from_the_venue(work: Work, there: Settings) -> None:
    run = _runner(there)
    since = work.clock.now() - timedelta(hours=30)
    done = await run("backfill", "bybit:BTCUSDT", "--since", f"{since:%Y-%m-%dT%H:%M:%S}", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["done"] == told["total"] >= 1799
    gaps = await run("gaps", "bybit:BTCUSDT", "--until", f"{work.clock.now():%Y-%m-%dT%H:00:00}")
    assert "Nothing is missing" in gaps.output


async def test_a_symbol_is_pinned_and_let_go(work: Work, there: Settings) -> None:
    run = _runner(there)
    for _ in "twice":
        assert "bybit:BTCUSDT is pinned" in (await run("pin", "bybit:BTCUSDT")).output
    (listed,) = json.loads((await run("series", "--json")).stdout)
    assert (listed["series"], listed["pinned"]) == ("bybit:BTCUSDT", True)
    assert "pinned" in (await run("series")).output
    assert json.loads((await run("unpin", "bybit:BTCUSDT", "--json")).stdout) == {
        "series": "bybit:BTCUSDT",
        "pinned": False,
    }
    (listed,) = json.loads((await run("series", "--json")).stdout)
    assert not listed["pinned"]
    assert "bybit:BTCUSDT" in (await run("series")).output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gaps", "bybit:NOTHING"), "no bars"),
        (("gaps", "nothing"), "names no series"),
        (("export", "bybit:NOTHING", "x.doc"), "neither csv nor parquet"),
        (("export", "bybit:NOTHING", "x.csv", "--timeframe", "7m"), "no timeframe"),
        (("backfill", "coinbase:BTCUSD"), "no venue"),
        (("pin", "coinbase:BTCUSD"), "no venue"),
        (("unpin", "bybit:NOTHING"), "no bars"),
        (("conflicts", "--keep"), "Of which series"),
    ],
)
async def test_what_cannot_be_done_is_said(run: Run, arguments: tuple[str, ...], words: str) -> None:
    done = await run(*arguments)
    assert done.exit_code != 0
    said = done.output + str(getattr(done.exception, "detail", ""))
    assert words in said


async def test_bad_files_are_refused_and_good_ones_go_in(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(binance(walk(50)))
    (tmp_path / "b.csv").write_text("1672617600,10,12,9,11,5\n1672617660,11,10,10,11,5\n")
    done = await run("import", str(tmp_path), "--series", "lab:X")
    assert done.exit_code == 2
    assert "row 2: the high 10 is below" in done.output
    assert "50 new" in done.output
