"""The whole job on a recorded day: the simulator replays Bybit's BTCUSDT of 2022-12-13, minute by minute.

HOLDFAST_SHARED names the folder that holds ``data``.
"""

import csv
import io
import os
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.e2e.installation import ROOT, Installation, installed
from tests.e2e.trader import ENDED, Trader, eventually, held, venue_sizes

SHARED = Path(os.environ.get("HOLDFAST_SHARED") or ROOT.parent / "shared")
DAY = SHARED / "data/bybit_btcusdt_1m_20221213_lean.zip"
MINUTES_PLAYED = 10
"""The replay begins when the simulator starts; the tests are done long before this."""
SPREAD = Decimal("0.0005")
"""How far from the recorded price a fill may be: half the spread and the depth a small order needs."""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not DAY.exists(), reason=f"the recorded day is not at {DAY}"),
]


@pytest.fixture(scope="module")
def replaying() -> Iterator[Installation]:
    """An installation whose simulated Bitcoin is the real one of that day."""
    with installed(HOLDFAST_SIM_REPLAY=str(DAY), HOLDFAST_SIM_REPLAY_SYMBOL="BTCUSDT") as running:
        yield running


def recorded() -> tuple[Decimal, Decimal]:
    """The lowest and the highest price of the minutes that are played."""
    with zipfile.ZipFile(DAY) as archive:
        rows = list(csv.reader(io.StringIO(archive.read(archive.namelist()[0]).decode())))
    played = rows[:MINUTES_PLAYED]
    return min(Decimal(row[3]) for row in played), max(Decimal(row[2]) for row in played)


@pytest.mark.parametrize("direction", ["long", "short"])
def test_the_whole_job_on_a_real_day(replaying: Installation, direction: str) -> None:
    trader = Trader(replaying)
    lowest, highest = recorded()
    plan = trader.preview(size="5000", direction=direction)
    (bitcoin,) = (leg for leg in plan["legs"] if leg["symbol"] == "BTCUSDT")
    assert lowest * (1 - SPREAD) <= Decimal(bitcoin["expected_price"]) <= highest * (1 + SPREAD)

    execution = trader.execute(plan)
    assert execution["state"] == "complete", execution["reason"]
    path = f"/api/positions/{execution['position_id']}"
    position = trader.get(path)
    assert held(position) == venue_sizes(trader.truth())
    first = Decimal(position["pnl"])
    eventually(lambda: Decimal(trader.get(path)["pnl"]) != first, what="a move of the P&L")

    closed = trader.execute(trader.preview_close(position["id"]))
    assert closed["state"] in ENDED, closed["reason"]
    assert venue_sizes(trader.truth()) == {}
    trader.check_books()
    fills = trader.fills()
    prices = [Decimal(fill["price"]) for fill in fills if fill["symbol"] == "BTCUSDT"]
    assert len(prices) >= 2
    assert lowest * (1 - SPREAD) <= min(prices) <= max(prices) <= highest * (1 + SPREAD)
    cash = sum(Decimal(fill["value"]) * (1 if fill["side"] == "sell" else -1) for fill in fills)
    fees = sum(Decimal(fill["fee"]) for fill in fills)
    over = trader.get(path)
    assert (over["state"], Decimal(over["price_pnl"]), Decimal(over["fees"])) == ("closed", cash, fees)
    assert Decimal(over["pnl"]) == cash - fees + Decimal(over["funding"])
