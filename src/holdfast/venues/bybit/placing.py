"""In which order and in what groups a basket's orders leave. Pure.

Single and batch creation are counted apart, so up to ten single orders and one batch of ten fit into the
same second. What reduces goes first; within that, buys and sells alternate, largest first, so that a stop in
the middle leaves the smallest net exposure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from itertools import chain, zip_longest
from typing import Any, Final

from holdfast.core.instruments import InstrumentKind, Side
from holdfast.core.money import plain
from holdfast.venues.protocol import OrderRequest, OrderStyle

SINGLES: Final = 10
BATCH: Final = 10
"""Bybit's pages disagree about the largest batch (10 or 20); ten is right on all of them."""
LEAST_TOLERANCE: Final = Decimal("0.01")
WIDEST_TOLERANCE: Final = Decimal(10)
"""Percent from the best price, for market orders."""


@dataclass(frozen=True, slots=True)
class Group:
    """Orders that share one request (``batch``), or one order that has its own."""

    orders: tuple[OrderRequest, ...]
    batch: bool


def waves(orders: Sequence[OrderRequest]) -> list[list[Group]]:
    """What leaves together: ten singles and a batch of ten, then the next such wave."""
    ordered = sequence(orders)
    return [_wave(ordered[at : at + SINGLES + BATCH]) for at in range(0, len(ordered), SINGLES + BATCH)]


def _wave(orders: Sequence[OrderRequest]) -> list[Group]:
    singles = [Group((order,), batch=False) for order in orders[:SINGLES]]
    batch = tuple(orders[SINGLES:])
    return [*singles, Group(batch, batch=True)] if batch else singles


def sequence(orders: Sequence[OrderRequest]) -> list[OrderRequest]:
    """Reducing orders first, then openings; within each, buys and sells in turn, each by falling size."""
    reducing = [order for order in orders if order.reduce_only]
    opening = [order for order in orders if not order.reduce_only]
    return _in_turn(reducing) + _in_turn(opening)


def _in_turn(orders: Sequence[OrderRequest]) -> list[OrderRequest]:
    ordered = sorted(orders, key=_falling_size)
    buys = [order for order in ordered if order.side is Side.BUY]
    sells = [order for order in ordered if order.side is Side.SELL]
    starting = ordered[0].side if ordered else Side.BUY
    turns = zip_longest(buys, sells) if starting is Side.BUY else zip_longest(sells, buys)
    return [order for order in chain.from_iterable(turns) if order]


def _falling_size(order: OrderRequest) -> Decimal:
    return -order.quantity * order.limit_price


def body(order: OrderRequest, kind: InstrumentKind) -> dict[str, Any]:
    """Bybit's form of an order. Numbers as plain text; quantities always in the base coin."""
    common = {
        "symbol": order.symbol,
        "side": order.side.capitalize(),
        "qty": plain(order.quantity),
        "orderLinkId": order.client_id,
        **_style(order),
    }
    if kind is InstrumentKind.SPOT:
        in_base = {"marketUnit": "baseCoin"} if order.style is OrderStyle.MARKET else {}
        return {**common, **in_base, "isLeverage": 0}
    return {**common, "positionIdx": 0, "reduceOnly": order.reduce_only}


def _style(order: OrderRequest) -> dict[str, str]:
    match order.style:
        case OrderStyle.IOC:
            return {"orderType": "Limit", "timeInForce": "IOC", "price": plain(order.limit_price)}
        case OrderStyle.POST_ONLY:
            return {"orderType": "Limit", "timeInForce": "PostOnly", "price": plain(order.limit_price)}
        case OrderStyle.MARKET:
            return {
                "orderType": "Market",
                "slippageToleranceType": "Percent",
                "slippageTolerance": plain(_tolerance(order.slippage)),
            }


def _tolerance(slippage: Decimal) -> Decimal:
    """In percent with two decimals, never wider than asked for, within what Bybit takes."""
    percent = (slippage * 100).quantize(Decimal("0.01"), ROUND_FLOOR)
    return min(max(percent, LEAST_TOLERANCE), WIDEST_TOLERANCE)
