"""Open, trade by hand at the venue, close: our books against the simulator's truth, to the last digit."""

from decimal import Decimal
from typing import Any

import pytest

from holdfast.core.instruments import Side
from holdfast.venues.protocol import OrderRequest

from .simulated import House

pytestmark = pytest.mark.timeout(180)


def sizes(truth: dict[str, Any]) -> dict[str, Decimal]:
    return {position["symbol"]: Decimal(position["size"]) for position in truth["positions"]}


async def by_hand(house: House, symbol: str, signed: str) -> None:
    """What the user does in the venue's own app."""
    book = await house.door.book(symbol, depth=1)
    side = Side.of(Decimal(signed))
    best = book.asks[0][0] if side is Side.BUY else book.bids[0][0]
    instrument = house.world.instruments.get(symbol)
    assert instrument is not None
    limit = instrument.price(instrument.ticks_not_worse(side, best * (1 + side.sign * Decimal("0.01"))))
    order = OrderRequest(f"own-{symbol}", symbol, side, abs(Decimal(signed)), limit, reduce_only=False)
    placed = await house.door.place([order])
    assert placed[0].error is None


async def test_a_position_that_was_altered_by_hand_ends_with_the_venue_and_us_agreeing(house: House) -> None:
    await by_hand(house, "XRPUSDT", "-20")
    execution = await house.execute(await house.preview("btc-d", "5000"))
    assert execution.state == "complete", execution.reason
    opened = await house.position(execution.sleeve_id)
    own = {leg.symbol: leg.quantity for leg in opened.legs}
    expected = {**own, "XRPUSDT": own["XRPUSDT"] - 20}
    assert await house.reconcile() == []
    assert sizes(await house.truth()) == expected

    await by_hand(house, "BTCUSDT", "-0.005")
    assert await house.reconcile() == []
    altered = await house.position(execution.sleeve_id)
    btc = next(leg for leg in altered.legs if leg.symbol == "BTCUSDT")
    assert (btc.altered, btc.quantity) == (Decimal("-0.005"), own["BTCUSDT"] - Decimal("0.005"))
    assert not any(leg.altered for leg in altered.legs if leg.symbol != "BTCUSDT")

    plan = await house.preview_close(execution.sleeve_id)
    assert [leg.action for leg in plan.legs if leg.symbol == "BTCUSDT"] == ["by_hand", "trade"]
    closing = await house.execute(plan)
    assert closing.state == "complete", closing.reason
    assert sizes(await house.truth()) == {"XRPUSDT": Decimal(-20)}
    assert await house.reconcile() == []

    closed = await house.position(execution.sleeve_id)
    assert closed.state == "closed"
    assert not any(leg.quantity for leg in closed.legs)
    assert closed.pnl == await truth_without(house, "XRPUSDT", by_hand="own-")


async def truth_without(house: House, symbol: str, *, by_hand: str) -> Decimal:
    """The result of every fill at the venue that belongs to the position: price P&L less own orders' fees.

    The part sold by hand counts at its price; its fee, like the user's own short, is the user's own.
    """
    total = Decimal(0)
    for fill in (await house.truth())["fills"]:
        mine = fill["link_id"].startswith(by_hand)
        if mine and fill["symbol"] == symbol:
            continue
        sign = 1 if fill["side"] == "Sell" else -1
        total += sign * Decimal(fill["qty"]) * Decimal(fill["price"])
        total -= Decimal(0) if mine else Decimal(fill["fee"])
    return total


async def test_a_short_and_a_basket_side_by_side_share_symbols_and_close_apart(house: House) -> None:
    short = await house.execute(await house.preview("eth-btc", "3000", "short"))
    basket = await house.execute(await house.preview("top-10", "3000"))
    assert (short.state, basket.state) == ("complete", "complete"), (short.reason, basket.reason)
    held = {leg.symbol: leg.quantity for leg in (await house.position(basket.sleeve_id)).legs}
    closing = await house.execute(await house.preview_close(short.sleeve_id))
    assert closing.state == "complete", closing.reason

    assert await house.reconcile() == []
    assert sizes(await house.truth()) == held
    assert not (await house.position(basket.sleeve_id)).altered


async def test_a_position_closed_entirely_by_hand_is_booked_without_an_order(house: House) -> None:
    execution = await house.execute(await house.preview("eth-btc", "3000"))
    before = len((await house.truth())["orders"])
    for leg in (await house.position(execution.sleeve_id)).legs:
        await by_hand(house, leg.symbol, str(-leg.quantity))
    assert await house.reconcile() == []
    closing = await house.execute(await house.preview_close(execution.sleeve_id))

    assert closing.state == "complete", closing.reason
    truth = await house.truth()
    assert sizes(truth) == {}
    assert len(truth["orders"]) == before + 2
    closed = await house.position(execution.sleeve_id)
    assert (closed.state, closed.gross) == ("closed", 0)
    assert closed.pnl is not None
    assert await house.reconcile() == []
