"""From target weights to fills, in whole units: what a back-test and a strategy on paper both do. Pure.

A price counts 10^-``price_decimals`` quote coin, a quantity 10^-``lot_decimals`` base coin, and cash
10^-(``price_decimals`` + ``lot_decimals``) quote coin, so that price times quantity is cash without rounding.
Rates are parts of ``RATE``, weights parts of ``WEIGHT``.

The target of a bar is known at its close and traded at the open of the next one. The open is moved against us
by the slippage and rounded to the tick, against us again; the fee is rounded up. A long and its fees never
cost more than there is, a short and its fees never more than the book is worth.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np

from holdfast.core.bars import Bars, Floats, Ints
from holdfast.core.money import ceil_to, exact_steps, floor_to

RATE: Final = 10**8
WEIGHT: Final = 10**9
MOST_RATE: Final = RATE // 10


@dataclass(frozen=True, slots=True)
class Terms:
    """On which grid, at what cost and with how much is traded.

    ``cash``: to begin with. ``tick`` and ``lot``: what prices and quantities are multiples of.
    ``min_quantity`` and ``min_notional``: nothing smaller is traded.

    Raises:
        ValueError: no cash, no grid, or a cost beyond ``MOST_RATE``.
    """

    cash: int
    price_decimals: int
    lot_decimals: int
    tick: int = 1
    lot: int = 1
    min_quantity: int = 0
    min_notional: int = 0
    fee_rate: int = 0
    slippage: int = 0
    allow_short: bool = False

    def __post_init__(self) -> None:
        if self.cash <= 0 or self.tick <= 0 or self.lot <= 0:
            raise ValueError("cash, tick and lot are above zero")
        if not 0 <= self.fee_rate <= MOST_RATE or not 0 <= self.slippage <= MOST_RATE:
            raise ValueError(f"fees and slippage are 0 to {MOST_RATE / RATE:.0%}")

    @classmethod
    def of(
        cls,
        *,
        capital: Decimal,
        tick: Decimal,
        lot: Decimal,
        fee_rate: Decimal,
        slippage: Decimal,
        allow_short: bool,
        min_quantity: Decimal = Decimal(0),
        min_notional: Decimal = Decimal(0),
        price_decimals: int = 0,
    ) -> "Terms":
        """From amounts of coins, with at least ``price_decimals``.

        Raises:
            ValueError: as above, or a number that is not on its grid.
        """
        price_decimals, lot_decimals = max(price_decimals, _decimals(tick)), _decimals(lot)
        cash = Decimal(1).scaleb(-price_decimals - lot_decimals)
        quantity, rate = Decimal(1).scaleb(-lot_decimals), Decimal(1) / RATE
        return cls(
            cash=floor_to(capital, cash),
            price_decimals=price_decimals,
            lot_decimals=lot_decimals,
            tick=exact_steps(tick, Decimal(1).scaleb(-price_decimals)),
            lot=exact_steps(lot, quantity),
            min_quantity=ceil_to(min_quantity, quantity),
            min_notional=ceil_to(min_notional, cash),
            fee_rate=exact_steps(fee_rate, rate),
            slippage=exact_steps(slippage, rate),
            allow_short=allow_short,
        )

    def money(self, cash: int) -> Decimal:
        """Cash in quote coin."""
        return Decimal(cash).scaleb(-self.price_decimals - self.lot_decimals)

    def price(self, price: int) -> Decimal:
        return Decimal(price).scaleb(-self.price_decimals)

    def quantity(self, lots: int) -> Decimal:
        return Decimal(lots).scaleb(-self.lot_decimals)


class Fill(NamedTuple):
    """``lots`` bought (negative: sold) at ``price``. ``fee`` in cash."""

    lots: int
    price: int
    fee: int


@dataclass(slots=True)
class Book:
    """What is held. ``lots`` are signed; ``cost`` is what the open ones were bought (negative: sold) for,
    without fees; ``fees`` are all that were paid. ``asked``: the weight that was last asked for. ``ruined``:
    a short has lost everything, and nothing is traded any more."""

    cash: int
    lots: int = 0
    cost: int = 0
    fees: int = 0
    asked: int = 0
    ruined: bool = False

    def equity(self, price: int) -> int:
        """In cash."""
        return self.cash + self.lots * price

    @property
    def entry(self) -> Decimal | None:
        """The average price the open lots were bought or sold at; ``None`` when flat."""
        return Decimal(self.cost) / self.lots if self.lots else None


@dataclass(frozen=True, slots=True)
class Result:
    """``fills[i]`` was made at the open of bar ``at[i]``. ``equity`` in quote coin at each bar's close,
    ``weight`` the part of it that is held in coins there; ``book`` after the last bar."""

    fills: list[Fill]
    at: Ints
    equity: Floats
    weight: Floats
    book: Book


def weight_of(target: float, terms: Terms) -> int | None:
    """The target within its limits; ``None``, to hold, where it is no number."""
    if not math.isfinite(target):
        return None
    low = -1.0 if terms.allow_short else 0.0
    return round(min(max(target, low), 1.0) * WEIGHT)


def step(book: Book, target: float, price: int, terms: Terms) -> Fill | None:
    """Trade the target of the bar before at this bar's open ``price``; the book is changed.

    A target that is no number holds, and so does one equal to the last that was asked for: holdings are not
    brought back to their weight until another is asked for.
    """
    if book.ruined:
        return None
    if book.lots < 0 and book.equity(price) <= 0:
        return _close(book, price, terms)
    weight = weight_of(target, terms)
    if weight is None or weight == book.asked:
        return None
    return _ask(book, weight, price, terms)


def run(bars: Bars, targets: Floats, terms: Terms) -> Result:
    """What ``step`` does with every bar, the first of which trades nothing, in few steps per trade.

    Raises:
        ValueError: prices of zero, or of other decimals than the terms', or not one target a bar.
    """
    if bars.price_decimals != terms.price_decimals or len(bars) != len(targets):
        raise ValueError("bars, targets and terms do not belong together")
    if np.any(bars.open <= 0):
        raise ValueError("a price is above zero")
    book = Book(terms.cash)
    fills: list[Fill] = []
    at: list[int] = []
    for index, fill in _trades(bars.open, *_asked(targets, terms), book, terms):
        fills.append(fill)
        at.append(index)
    equity, weight = _marked(bars, at, fills, terms)
    return Result(fills, np.array(at, np.int64), equity, weight, book)


def _trades(
    opens: Ints, asking: list[int], weights: list[int], book: Book, terms: Terms
) -> Iterator[tuple[int, Fill]]:
    """The fills, each with its bar, in order; ``asking[i]`` is the bar at whose open ``weights[i]`` is to be
    traded."""
    prices = opens[np.array(asking, np.int64)].tolist()
    after = 1
    for index, weight, price in zip(asking, weights, prices, strict=True):
        if book.lots < 0 and (ruin := _ruin(book, opens, after, index + 1)) is not None:
            yield ruin, _close(book, int(opens[ruin]), terms)
            return
        if fill := _ask(book, weight, price, terms):
            yield index, fill
        after = index + 1
    if book.lots < 0 and (ruin := _ruin(book, opens, after, len(opens))) is not None:
        yield ruin, _close(book, int(opens[ruin]), terms)


def _asked(targets: Floats, terms: Terms) -> tuple[list[int], list[int]]:
    """At which bars another weight is asked for, and which."""
    before = targets[:-1]
    known = np.flatnonzero(np.isfinite(before))
    low = -1.0 if terms.allow_short else 0.0
    weights = np.rint(np.clip(before[known], low, 1.0) * WEIGHT).astype(np.int64)
    new = np.diff(weights, prepend=0) != 0
    return (known[new] + 1).tolist(), weights[new].tolist()


def _ruin(book: Book, opens: Ints, start: int, stop: int) -> int | None:
    """The first bar of [start, stop) that opens where this short is worth nothing."""
    bound = -(-book.cash // -book.lots)
    if bound > np.iinfo(np.int64).max:
        return None
    found = np.flatnonzero(opens[start:stop] >= bound)
    return start + int(found[0]) if len(found) else None


def _ask(book: Book, weight: int, price: int, terms: Terms) -> Fill | None:
    book.asked = weight
    held = book.lots
    equity = max(book.cash + held * price, 0)
    wanted = abs(weight) * equity // (WEIGHT * price) // terms.lot * terms.lot
    if weight < 0:
        wanted = -wanted
    if wanted == held:
        return None
    buys = wanted > held
    paid = _paid(price, buys, terms)
    if abs(wanted) > abs(held) or (wanted ^ held) < 0:
        wanted = _affordable(book, wanted, paid, terms)
    lots = wanted - held
    if lots == 0 or (lots > 0) is not buys:
        return None
    if abs(lots) < terms.min_quantity or abs(lots) * paid < terms.min_notional:
        return None
    return _fill(book, lots, paid, terms)


def _affordable(book: Book, wanted: int, paid: int, terms: Terms) -> int:
    """As much of ``wanted`` as the book can carry with the fee: what is held afterwards and the fee are
    together not worth more than the book is at the price that is paid."""
    rate = terms.fee_rate
    size, held = abs(wanted), abs(book.lots)
    closed = held if (wanted ^ book.lots) < 0 else -held
    worth = (book.cash + book.lots * paid) * RATE - rate * closed * paid
    most = max(worth, 0) // ((RATE + rate) * paid) // terms.lot * terms.lot
    size = min(size, most)
    return size if wanted > 0 else -size


def _paid(price: int, buys: bool, terms: Terms) -> int:
    """The price with the slippage, on the tick, against us."""
    tick = terms.tick
    if buys:
        return -(-price * (RATE + terms.slippage) // (RATE * tick)) * tick
    return max(price * (RATE - terms.slippage) // (RATE * tick), 1) * tick


def _fill(book: Book, lots: int, paid: int, terms: Terms) -> Fill:
    fee = -(-abs(lots) * paid * terms.fee_rate // RATE)
    held = book.lots
    after = held + lots
    if (held ^ lots) >= 0 or held == 0:
        book.cost += lots * paid
    elif (after ^ held) < 0 or after == 0:
        book.cost = after * paid
    else:
        book.cost = book.cost * after // held
    book.cash -= lots * paid + fee
    book.lots = after
    book.fees += fee
    return Fill(lots, paid, fee)


def _close(book: Book, price: int, terms: Terms) -> Fill:
    book.ruined, book.asked = True, 0
    return _fill(book, -book.lots, _paid(price, book.lots < 0, terms), terms)


def _marked(bars: Bars, at: list[int], fills: list[Fill], terms: Terms) -> tuple[Floats, Floats]:
    """Equity and weight at each close. Floats: for statistics and pictures."""
    cash = [*accumulate((-fill.lots * fill.price - fill.fee for fill in fills), initial=terms.cash)]
    lots = [*accumulate((fill.lots for fill in fills), initial=0)]
    edges = np.array([0, *at, len(bars)], np.int64)
    spans = edges[1:] - edges[:-1]
    close = bars.close / float(10**terms.price_decimals)
    money, units = float(10 ** (terms.price_decimals + terms.lot_decimals)), float(10**terms.lot_decimals)
    held = np.repeat(np.array(lots, np.float64) / units, spans) * close
    equity = np.repeat(np.array(cash, np.float64) / money, spans) + held
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(equity > 0, held / equity, 0.0)
    return equity, weight


def _decimals(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    if step <= 0 or not isinstance(exponent, int):
        raise ValueError("a tick or lot is above zero")
    return max(0, -exponent)
