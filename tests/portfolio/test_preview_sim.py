"""Previews with real parts: the simulator's books over HTTP, its market caps, the real index board."""

from decimal import Decimal

import pytest

from .simulated import House

pytestmark = pytest.mark.timeout(180)


async def test_a_thousand_dollars_of_bitcoin_dominance(house: House) -> None:
    plan = await house.preview("btc-d", "1000")

    assert plan.executable, plan.blocked_reason
    assert len(plan.legs) == 11
    sides = {leg.symbol: leg.side for leg in plan.legs if leg.action == "trade"}
    assert sides.pop("BTCUSDT") == "buy"
    assert set(sides.values()) == {"sell"}
    assert plan.totals.left_out <= Decimal("0.03") * plan.totals.gross
    for leg in plan.legs:
        of = house.world.instruments.get(leg.symbol)
        assert of is not None
        assert leg.quantity % of.lot == 0
        assert leg.limit_price % of.tick == 0


async def test_every_index_can_be_previewed_at_a_size_that_follows_it_closely(house: House) -> None:
    for index_id in ("btc-d", "eth-d", "eth-btc", "top-10"):
        plan = await house.preview(index_id, "10000")
        assert plan.executable, (index_id, plan.blocked_reason)
        assert plan.totals.tracking_error < 0.03, index_id
        if index_id != "top-10":
            assert abs(plan.totals.net) < Decimal("0.02") * plan.totals.gross, index_id
