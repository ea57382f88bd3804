"""In which order and in what groups a basket's orders leave. Pure.

Single and batch creation are counted apart, so up to ten single orders and one batch of ten fit into the
same second. What reduces goes first; openings alternate between long and short, largest first, so that a stop
in the middle leaves the smallest net exposure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, zip_longest
from typing import Any, Final

from holdfast.core.instruments import InstrumentKind, Side
from holdfast.core.money import plain
from holdfast.venues.protocol import OrderRequest

SINGLES: Final = 10
BATCH: Final = 10
"""Bybit's pages disagree about the largest batch (10 or 20); ten is right on all of them."""


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
    """Reducing orders first, then openings, buys and sells in turn, each by falling size."""
    reducing = [order for order in orders if order.reduce_only]
    opening = sorted((order for order in orders if not order.reduce_only), key=_falling_size)
    buys = [order for order in opening if order.side is Side.BUY]
    sells = [order for order in opening if order.side is Side.SELL]
    starting = opening[0].side if opening else Side.BUY
    turns = zip_longest(buys, sells) if starting is Side.BUY else zip_longest(sells, buys)
    return reducing + [order for order in chain.from_iterable(turns) if order]


def _falling_size(order: OrderRequest) -> Decimal:
    return -order.quantity * order.limit_price


def body(order: OrderRequest, kind: InstrumentKind) -> dict[str, Any]:
    """Bybit's form of an order: limit, take what is there at once, cancel the rest. Numbers as plain text."""
    common = {
        "symbol": order.symbol,
        "side": order.side.capitalize(),
        "orderType": "Limit",
        "timeInForce": "IOC",
        "qty": plain(order.quantity),
        "price": plain(order.limit_price),
        "orderLinkId": order.client_id,
    }
    if kind is InstrumentKind.SPOT:
        return {**common, "isLeverage": 0}
    return {**common, "positionIdx": 0, "reduceOnly": order.reduce_only}
