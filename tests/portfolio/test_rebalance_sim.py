"""Rebalancing and tactics against the simulator: our books against its truth, to the last lot."""

from decimal import Decimal
from typing import Any

import pytest

from .simulated import House
from .test_whole_job_sim import by_hand, sizes

pytestmark = pytest.mark.timeout(180)


async def own(house: House, position_id: Any) -> dict[str, Decimal]:
    """What the position holds, as its page shows it."""
    legs = (await house.position(position_id)).legs
    return {leg.symbol: leg.quantity for leg in legs if leg.quantity}


SIZE = "20000"
"""So large that every coin's lot is small beside the band in which a leg is left alone: whatever the market's
hour, rounding and a price that moves between two requests decide nothing here."""


async def test_a_position_altered_by_hand_is_brought_back_to_its_weights(house: House) -> None:
    opened = await house.execute(await house.preview("btc-d", SIZE))
    assert opened.state == "complete", opened.reason
    await by_hand(house, "BTCUSDT", "-0.02")
    await by_hand(house, "ETHUSDT", "-0.05")
    assert await house.reconcile() == []

    plan = await house.preview_rebalance(opened.sleeve_id)
    assert plan.executable, plan.blocked_reason
    trading = {leg.symbol: leg for leg in plan.legs if leg.action == "trade"}
    assert trading["BTCUSDT"].side == "buy"
    assert "ETHUSDT" not in trading
    before, after = plan.totals.tracking_error_before, plan.totals.tracking_error
    assert before is not None
    assert after < 0.02 < before

    execution = await house.execute(plan)
    assert execution.state in ("complete", "complete_with_residual"), execution.reason
    assert await house.reconcile() == []
    held = await own(house, opened.sleeve_id)
    assert sizes(await house.truth()) == held | {"ETHUSDT": held["ETHUSDT"] - Decimal("0.05")}
    shown = await house.position(opened.sleeve_id)
    assert shown.state == "active"
    assert shown.drift is not None
    assert shown.drift < 0.02

    again = await house.preview_rebalance(opened.sleeve_id)
    assert not again.executable
    assert "nothing to trade" in again.blocked_reason

    closing = await house.execute(await house.preview_close(opened.sleeve_id))
    assert closing.state == "complete", closing.reason
    assert sizes(await house.truth()) == {"ETHUSDT": Decimal("-0.05")}
    assert (await house.position(opened.sleeve_id)).state == "closed"


@pytest.mark.parametrize(
    "tactic",
    [
        {"kind": "market"},
        {"kind": "passive", "deadline_seconds": 6},
        {"kind": "twap", "slices": 3, "seconds": 10},
    ],
    ids=lambda tactic: tactic["kind"],
)
async def test_every_tactic_opens_what_was_previewed_and_nothing_more(
    house: House, tactic: dict[str, Any]
) -> None:
    plan = await house.preview("eth-btc", "6000", tactic=tactic)
    assert plan.executable, plan.blocked_reason
    assert plan.tactic.kind == tactic["kind"]
    assert plan.tactic.note
    assert plan.totals.expected_cost == plan.totals.fees + plan.totals.slippage
    execution = await house.execute(plan)
    assert execution.state in ("complete", "complete_with_residual"), execution.reason
    assert await house.reconcile() == []
    wanted = {leg.symbol: leg.side.sign * leg.quantity for leg in plan.legs if leg.action == "trade"}
    held = await own(house, execution.sleeve_id)
    assert held == sizes(await house.truth())
    for symbol, quantity in wanted.items():
        rules = house.world.instruments.get(symbol)
        assert rules is not None
        least = rules.min_lots(plan.legs[0].limit_price) * rules.lot
        assert 0 <= abs(quantity) - abs(held[symbol]) < max(least, rules.lot)
    truth = await house.truth()
    assert not [order for order in truth["orders"] if order["status"] in ("New", "PartiallyFilled")]
    links = [order["link_id"] for order in truth["orders"]]
    assert len(links) == len(set(links))
    if tactic["kind"] == "twap":
        assert len(links) >= 6
