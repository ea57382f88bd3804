"""In which order and in what groups orders leave."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.instruments import InstrumentKind, Side
from holdfast.venues.bybit.placing import BATCH, SINGLES, body, sequence, waves
from holdfast.venues.protocol import OrderRequest, OrderStyle


def order(name: str, side: Side, size: str, *, reduce_only: bool = False) -> OrderRequest:
    return OrderRequest(name, f"{name}USDT", side, Decimal(size), Decimal(10), reduce_only)


baskets = st.lists(
    st.tuples(st.sampled_from(list(Side)), st.integers(1, 10**6), st.booleans()), max_size=60
).map(lambda legs: [order(f"c{i}", side, str(size), reduce_only=r) for i, (side, size, r) in enumerate(legs)])


def test_reductions_lead_and_openings_alternate_by_size() -> None:
    ordered = sequence(
        [
            order("small-buy", Side.BUY, "1"),
            order("big-sell", Side.SELL, "9"),
            order("close", Side.SELL, "0.5", reduce_only=True),
            order("big-buy", Side.BUY, "8"),
            order("small-sell", Side.SELL, "2"),
            order("last-sell", Side.SELL, "1"),
        ]
    )
    names = [o.client_id for o in ordered]
    assert names == ["close", "big-sell", "big-buy", "small-sell", "small-buy", "last-sell"]


@given(baskets)
def test_no_order_is_lost_or_doubled_and_waves_fit_the_limits(basket: list[OrderRequest]) -> None:
    found = waves(basket)
    assert [o for wave in found for group in wave for o in group.orders] == sequence(basket)
    assert sorted(o.client_id for o in sequence(basket)) == sorted(o.client_id for o in basket)
    for wave in found:
        assert all(len(group.orders) == 1 for group in wave if not group.batch)
        assert sum(not group.batch for group in wave) <= SINGLES
        assert sum(len(group.orders) for group in wave if group.batch) <= BATCH
        assert [group.batch for group in wave].count(True) <= 1
    assert len(found) == -(-len(basket) // (SINGLES + BATCH))


@given(baskets)
def test_nothing_opens_before_what_reduces(basket: list[OrderRequest]) -> None:
    opening = [not o.reduce_only for o in sequence(basket)]
    assert opening == sorted(opening)


def test_spot_orders_carry_no_perpetual_fields() -> None:
    sent = body(order("a", Side.SELL, "1E-7"), InstrumentKind.SPOT)
    assert sent["qty"] == "0.0000001"
    assert sent["isLeverage"] == 0
    assert not {"positionIdx", "reduceOnly"} & sent.keys()


def test_every_style_has_its_form() -> None:
    resting = body(replace(order("a", Side.SELL, "1"), style=OrderStyle.POST_ONLY), InstrumentKind.LINEAR)
    assert (resting["orderType"], resting["timeInForce"], resting["price"]) == ("Limit", "PostOnly", "10")
    market = replace(order("a", Side.SELL, "1"), style=OrderStyle.MARKET, slippage=Decimal("0.00509"))
    sent = body(market, InstrumentKind.LINEAR)
    assert (sent["orderType"], sent["slippageToleranceType"], sent["slippageTolerance"]) == (
        "Market",
        "Percent",
        "0.5",
    )
    assert not {"price", "timeInForce", "marketUnit"} & sent.keys()
    assert body(market, InstrumentKind.SPOT)["marketUnit"] == "baseCoin"


@given(st.decimals(0, 1, places=6))
def test_a_tolerance_is_one_the_venue_takes_and_never_wider_than_asked_for(slippage: Decimal) -> None:
    market = replace(order("a", Side.BUY, "1"), style=OrderStyle.MARKET, slippage=slippage)
    told = Decimal(body(market, InstrumentKind.LINEAR)["slippageTolerance"])
    assert Decimal("0.01") <= told <= 10
    assert told == round(told, 2)
    assert told <= max(slippage * 100, Decimal("0.01"))
