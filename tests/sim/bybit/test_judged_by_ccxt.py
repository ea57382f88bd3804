"""Unmodified ccxt, a code base of its own, reads the simulator as the venue it knows.

ccxt pins its dependencies, so it lives in ``.venv-judges`` (installed from requirements/judges.txt).
"""

import json
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from .conftest import Served

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-judges" / "bin" / "python"

pytestmark = [
    pytest.mark.judge,
    pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-judges: `make test` creates it"),
]


@pytest.fixture(scope="module")
def seen(served: Served) -> dict[str, Any]:
    account = served.account(balances={"USDT": "50000"}, rate_limits={"account.fee-rate": 50})
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("ccxt_judge.py"), served.url, account.key.key, account.key.secret],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout)
    result["truth"] = served.world.accounts.truth(account.uid)
    return result


def test_markets(seen: dict[str, Any]) -> None:
    assert seen["swaps"] > 300
    assert seen["pairs"] > 100
    assert seen["btc"] == {
        "id": "BTCUSDT",
        "type": "swap",
        "settle": "USDT",
        "precision": {"amount": 0.001, "price": 0.1},
        "active": True,
    }
    assert seen["least"]["amount"] == {"min": 0.001, "max": 1190}
    assert seen["least"]["cost"]["min"] == 5


def test_prices(seen: dict[str, Any]) -> None:
    ticker, book = seen["ticker"], seen["book"]
    assert ticker["bid"] < ticker["ask"]
    assert abs(ticker["percentage"]) < 30
    assert seen["tickers"] > 300
    assert len(book["bids"]) == len(book["asks"]) == 20
    assert book["bids"][0][0] < book["asks"][0][0]
    stamps = [row[0] for row in seen["candles"]]
    assert len(stamps) == 10
    assert {later - earlier for earlier, later in pairwise(stamps)} == {300_000}
    assert len(seen["trades"]) == 5
    assert abs(seen["funding"]) < 0.01


def test_account(seen: dict[str, Any]) -> None:
    assert seen["balance"]["total"] == 50_000
    assert seen["fee"] == 0.00055


def test_orders(seen: dict[str, Any]) -> None:
    bought = seen["bought"]
    assert (bought["status"], bought["filled"], bought["clientOrderId"]) == ("closed", 0.01, "ccxt-1")
    assert sum(one["amount"] for one in seen["fills"]) == pytest.approx(0.01)
    assert all(one["fee"]["currency"] == "USDT" and one["fee"]["rate"] == 0.00055 for one in seen["fills"])
    held = seen["position"]
    assert (held["side"], held["contracts"], held["leverage"]) == ("long", 0.01, 3)
    assert [one["status"] for one in seen["open"]] == ["open"]
    assert (seen["cancelled"]["status"], seen["cancelled"]["filled"]) == ("canceled", 0)
    assert (seen["sold"]["status"], seen["flat"]) == ("closed", [0])
    assert (seen["spot"]["status"], seen["ledger"]) == ("closed", ["trade"])


def test_order_forms(seen: dict[str, Any]) -> None:
    forms = seen["forms"]
    assert forms["amended"] == {"status": "open", "amount": 0.02, "postOnly": True, "timeInForce": "PO"}
    assert (forms["cancelled"]["status"], forms["cancelled"]["filled"]) == ("canceled", 0)
    assert (forms["crossing"]["status"], forms["crossing"]["filled"]) == ("canceled", 0)


def test_ccxt_and_the_venue_tell_the_same_story(seen: dict[str, Any]) -> None:
    truth = {one["link_id"]: one for one in seen["truth"]["orders"] if one["link_id"]}
    assert float(truth["ccxt-1"]["value"]) == seen["bought"]["cost"]
    assert seen["truth"]["positions"] == []


def test_refusals_are_known_errors(seen: dict[str, Any]) -> None:
    assert seen["unchanged_leverage"] == "BadRequest"
    assert seen["errors"] == {
        "duplicate": "InvalidOrder",
        "too much": "InsufficientFunds",
        "nothing to reduce": "InvalidOrder",
        "unknown order": "OrderNotFound",
        "bad key": "AuthenticationError",
        "bad secret": "AuthenticationError",
    }
