"""Plans on the grids Bybit documents: tick, lot, least quantity and least value as the vendor writes them.

HOLDFAST_SHARED names the folder that holds ``reference/contract_samples``.
"""

import json
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus
from holdfast.core.targets import Target
from holdfast.portfolio.plan import DraftLeg, Held, PlanDraft, build_close_plan, build_open_plan
from holdfast.portfolio.sweep import LegMarket
from holdfast.venues.bybit import parse_market

from .markets import market

SHARED = Path(os.environ.get("HOLDFAST_SHARED") or Path(__file__).resolve().parents[3] / "shared")
SAMPLES = SHARED / "reference/contract_samples/bybit"
FILES = sorted(
    [
        *SAMPLES.glob("docs/market__instrument__*.json"),
        *SAMPLES.glob("nautilus/http_get_instruments_linear*.json"),
    ]
)
ALLOWANCE = Decimal("0.005")
PLENTY = Decimal(10**12)
PRICES = {"BTCUSDT": "17208.86", "ETHUSDT": "1273.4", "BIOUSDT": "0.0712"}
"""About what they cost; the samples do not say."""

pytestmark = pytest.mark.skipif(not FILES, reason=f"the contract samples are not at {SAMPLES}")


def documented() -> list[Instrument]:
    """Every USDT perpetual of the samples, as our adapter reads it."""
    rows: list[Any] = [row for file in FILES for row in json.loads(file.read_text())["result"]["list"]]
    return parse_market.instruments(rows, InstrumentKind.LINEAR)


def priced(of: Instrument, *, trading: bool = True) -> LegMarket:
    """A deep book around the instrument's price; with ``trading``, as it is on an ordinary day."""
    ordinary = replace(of, status=InstrumentStatus.TRADING, delivery_at=None) if trading else of
    return market(ordinary, int(Decimal(PRICES[of.symbol]) / of.tick))


def target(of: LegMarket, weight: float) -> Target:
    return Target(of.instrument.base.lower(), of.instrument.symbol, weight, float(of.mid))


def open_plan(legs: list[tuple[LegMarket, float]], size: Decimal, direction: Any = 1) -> PlanDraft:
    return build_open_plan(
        [target(*leg) for leg in legs],
        direction=direction,
        size=size,
        markets={of.instrument.symbol: of for of, _ in legs},
        allowance=ALLOWANCE,
        available=PLENTY,
    )


def assert_takeable(leg: DraftLeg, instrument: Instrument) -> None:
    """What the venue checks of an order."""
    assert leg.limit_price % instrument.tick == 0
    assert leg.quantity % instrument.lot == 0
    assert leg.quantity >= instrument.min_quantity
    assert leg.quantity * leg.limit_price >= instrument.min_notional
    assert leg.problem or leg.quantity <= instrument.max_limit_quantity


def test_the_samples_hold_what_this_is_about() -> None:
    found = documented()
    assert {instrument.symbol for instrument in found} == PRICES.keys()
    assert {str(instrument.tick) for instrument in found if instrument.symbol == "BTCUSDT"} == {"0.10", "0.5"}


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_order_of_a_plan_is_one_the_venue_takes(data: st.DataObject) -> None:
    instruments = {
        symbol: data.draw(st.sampled_from([i for i in documented() if i.symbol == symbol]))
        for symbol in PRICES
    }
    weights = [data.draw(st.floats(0.001, 0.5)) * data.draw(st.sampled_from((1, -1))) for _ in instruments]
    size = data.draw(st.decimals("1", "5000000", places=2))
    legs = [(priced(of), weight) for of, weight in zip(instruments.values(), weights, strict=True)]
    plan = open_plan(legs, size, data.draw(st.sampled_from((1, -1))))
    assert {leg.symbol for leg in plan.legs} == instruments.keys()
    for leg in plan.legs:
        if leg.action == "trade":
            assert_takeable(leg, instruments[leg.symbol])
        else:
            assert leg.quantity == 0
            assert leg.note

    opened = [leg for leg in plan.legs if leg.action == "trade" and not leg.problem]
    held = [
        Held(leg.symbol, leg.asset_id, leg.side.sign * leg.quantity, leg.side.sign * leg.quantity)
        for leg in opened
    ]
    closing = build_close_plan(
        held,
        markets={of.instrument.symbol: of for of, _ in legs},
        allowance=ALLOWANCE,
        available=PLENTY,
    )
    assert {(leg.symbol, leg.side.opposite, leg.quantity) for leg in closing.legs} == {
        (leg.symbol, leg.side, leg.quantity) for leg in opened
    }
    for leg in closing.legs:
        assert_takeable(leg, instruments[leg.symbol])


def test_the_least_order_of_a_documented_contract() -> None:
    (bitcoin,) = (i for i in documented() if i.symbol == "BTCUSDT" and i.status is InstrumentStatus.TRADING)
    of = priced(bitcoin)
    least = open_plan([(of, 1.0)], Decimal("9")).legs[0]
    assert (least.action, least.quantity, least.limit_price) == (
        "trade",
        Decimal("0.001"),
        Decimal("17294.90"),
    )
    assert open_plan([(of, 1.0)], Decimal("8")).legs[0].action == "skip"


def test_what_the_samples_say_is_ending_or_not_begun_is_not_opened() -> None:
    for instrument in documented():
        (leg,) = open_plan([(priced(instrument, trading=False), 1.0)], Decimal(1000)).legs
        if instrument.status is InstrumentStatus.TRADING:
            assert (leg.action, leg.problem) == ("trade", "")
        else:
            assert leg.action == "skip"
            assert leg.problem
