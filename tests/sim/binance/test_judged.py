"""Unmodified python-binance and ccxt, two code bases of their own, read the simulator as the real Binance.

They pin their dependencies, so they live in ``.venv-judges`` (installed from requirements/judges.txt).
"""

import json
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.sim.live import running

from holdfast.sim.binance import limits
from holdfast.sim.binance.routes import mount
from holdfast.sim.clock import SimClock
from holdfast.sim.market import Market
from holdfast.sim.world import WORLD, World

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-judges" / "bin" / "python"

pytestmark = [
    pytest.mark.judge,
    pytest.mark.timeout(150),
    pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-judges: `make test` creates it"),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    clock = SimClock()
    world = World(5, clock, Market(5, clock))
    app = web.Application()
    app[WORLD] = world
    mount(app, world)
    with running(app) as live, pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "_MINUTE_MS", 10**15)  # what is used in a minute: none ends meanwhile
        yield f"{live.base}/binance"


def verdict(script: str, url: str) -> dict[str, Any]:
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name(script), url],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


@pytest.fixture(scope="module")
def python_binance(url: str) -> dict[str, Any]:
    return verdict("python_binance_judge.py", url)


@pytest.fixture(scope="module")
def ccxt(url: str) -> dict[str, Any]:
    return verdict("ccxt_judge.py", url)


def follow(numbers: list[int], step: int = 1) -> bool:
    return all(after == before + step for before, after in pairwise(numbers))


def test_calls(python_binance: dict[str, Any]) -> None:
    seen = python_binance["rest"]
    assert seen["ping"] == {}
    assert seen["symbols"] > 400
    assert {"PRICE_FILTER", "LOT_SIZE", "NOTIONAL"} <= set(seen["filters"])
    assert follow([row[0] for row in seen["klines"]], 60_000)
    assert follow(seen["generated"], 60_000)
    assert len(seen["generated"]) > 1500, "paged by the client itself"
    assert seen["months"] > 70
    assert len(seen["book"]["bids"]) == len(seen["book"]["asks"]) == 20
    assert float(seen["best"]["bidPrice"]) < float(seen["best"]["askPrice"])
    assert follow([one["id"] for one in seen["trades"]])
    assert follow([one["a"] for one in seen["orders"]])
    assert follow(seen["iterated"])
    assert len(seen["iterated"]) == 650
    assert seen["tickers"] == seen["prices"] > 400
    assert seen["ticker"]["symbol"] == "BTCUSDT"
    assert int(seen["weight"]) > 100


def test_refusals(python_binance: dict[str, Any]) -> None:
    assert python_binance["rest"]["errors"] == {
        "symbol": [400, -1121, "Invalid symbol."],
        "interval": [400, -1120, "Invalid interval."],
        "missing": [
            400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
        ],
    }  # fmt: skip


def test_streams(python_binance: dict[str, Any]) -> None:
    seen = python_binance["streams"]
    assert follow([one["t"] for one in seen["btcusdt@trade"]])
    assert follow([one["a"] for one in seen["btcusdt@aggTrade"]])
    assert all(after["U"] == before["u"] + 1 for before, after in pairwise(seen["ethusdt@depth@100ms"]))
    assert {one["k"]["x"] for one in seen["btcusdt@kline_1m"]} <= {False, True}
    assert len(seen["!miniTicker@arr"][0]) > 400
    assert {"lastUpdateId", "bids", "asks"} == set(seen["ethusdt@depth10"][0])
    assert seen["raw kline"]["e"] == "kline"


def test_its_own_local_book_stays_in_step(python_binance: dict[str, Any]) -> None:
    cache = python_binance["streams"]["cache"]
    assert cache["bids"][0][0] < cache["asks"][0][0]
    assert cache["bids"] == sorted(cache["bids"], reverse=True)


def test_ccxt_reads_the_same_market(ccxt: dict[str, Any]) -> None:
    seen = ccxt["rest"]
    assert seen["pairs"] > 400
    assert seen["btc"]["precision"] == {"amount": 1e-06, "price": 0.1, "base": 1e-08, "quote": 1e-08}
    assert seen["least"] == 5
    assert seen["ticker"]["bid"] < seen["ticker"]["ask"]
    assert seen["tickers"] > 400
    assert follow([row[0] for row in seen["hours"]], 3_600_000)
    assert follow([row[0] for row in seen["minutes"]], 60_000)
    assert {one[0] for one in seen["trades"]} <= {"buy", "sell"}
    assert seen["unknown"] == "BadSymbol"


def test_ccxt_adds_minutes_up_to_the_hour(ccxt: dict[str, Any]) -> None:
    hours = {row[0]: row for row in ccxt["rest"]["hours"][:-1]}
    for opened, hour in hours.items():
        inside = [row for row in ccxt["rest"]["minutes"] if opened <= row[0] < opened + 3_600_000]
        if len(inside) < 60:
            continue
        assert hour[1:5] == [
            inside[0][1], max(row[2] for row in inside), min(row[3] for row in inside), inside[-1][4],
        ]  # fmt: skip
        assert hour[5] == pytest.approx(sum(row[5] for row in inside), rel=1e-9)


def test_ccxt_keeps_a_book_from_the_stream(ccxt: dict[str, Any]) -> None:
    book = ccxt["streams"]["book"]
    assert book["bids"][0][0] < book["asks"][0][0]
    assert ccxt["streams"]["best"]["bid"] < ccxt["streams"]["best"]["ask"]
    assert ccxt["streams"]["candles"]
    assert follow([int(one[0]) for one in ccxt["streams"]["trades"]])
