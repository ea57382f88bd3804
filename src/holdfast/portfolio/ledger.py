"""Pure folds over postings: quantity, cash, price P&L, fees, funding and average entry, all exact.

A trade is two lines with one reference: the contract and its value in the quote coin. Nothing here is
stored; every figure can be computed again from the lines.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Final, TypeVar

Key = TypeVar("Key", bound=Hashable)

QUOTE: Final = "USDT"
"""The coin every linear contract here is valued and settled in."""

EXACT: Final = Context(prec=80, rounding=ROUND_HALF_EVEN)
"""Wide enough that no sum or product of 38-digit amounts is ever rounded."""

_ZERO: Final = Decimal(0)
_FINEST: Final = Decimal("1e-18")
_MOVES = frozenset({"trade", "opening", "adjustment"})


@dataclass(frozen=True, slots=True)
class Line:
    """One posting without its owner. ``symbol`` is the instrument it belongs to; ``asset`` equals ``symbol``
    for the contract itself."""

    kind: str
    asset: str
    symbol: str
    amount: Decimal
    reference: str


@dataclass(slots=True)
class Leg:
    """Everything that happened in one instrument.

    ``quantity`` is signed, in base units. ``cash`` is what trades paid (-) or brought (+) in the quote coin.
    ``cost`` is the signed value at which the open quantity was entered (average cost), so that
    ``realised + unrealised == price_pnl`` to the last digit. ``fees`` are positive when paid, ``funding``
    positive when received, each by asset.
    """

    symbol: str
    quantity: Decimal = _ZERO
    cash: Decimal = _ZERO
    cost: Decimal = _ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)
    funding: dict[str, Decimal] = field(default_factory=dict)

    @property
    def entry_price(self) -> Decimal | None:
        """The average entry of what is open, or ``None`` when flat."""
        return EXACT.divide(self.cost, self.quantity) if self.quantity else None

    @property
    def realised(self) -> Decimal:
        """Price P&L of what was closed, before fees and funding."""
        return EXACT.add(self.cash, self.cost)

    def unrealised(self, mark: Decimal) -> Decimal:
        """Price P&L of what is open, at ``mark``."""
        return EXACT.subtract(EXACT.multiply(self.quantity, mark), self.cost)

    def price_pnl(self, mark: Decimal) -> Decimal:
        """Price P&L since the beginning. ``mark`` does not matter once the leg is flat."""
        return EXACT.add(self.cash, EXACT.multiply(self.quantity, mark))

    def move(self, quantity: Decimal, value: Decimal) -> None:
        """Apply a trade of signed ``quantity`` that changed the cash by ``value``."""
        held, self.quantity, self.cash = self.quantity, self.quantity + quantity, self.cash + value
        if not held or (held > 0) == (quantity > 0):
            self.cost -= value
        elif abs(quantity) <= abs(held):
            self.cost = _finest(self.cost * self.quantity / held)
        else:
            self.cost = _finest(-value * self.quantity / quantity)


def fold(lines: Iterable[Line]) -> dict[str, Leg]:
    """The legs by symbol. ``lines`` in the order they happened (it matters only to the average entry)."""
    legs: dict[str, Leg] = {}
    moves: dict[tuple[str, str, str], list[Decimal]] = {}
    with localcontext(EXACT):
        for line in lines:
            leg = legs.setdefault(line.symbol, Leg(line.symbol))
            if line.kind == "fee":
                leg.fees[line.asset] = leg.fees.get(line.asset, _ZERO) - line.amount
            elif line.kind == "funding":
                leg.funding[line.asset] = leg.funding.get(line.asset, _ZERO) + line.amount
            elif line.kind in _MOVES:
                move = moves.setdefault((line.symbol, line.kind, line.reference), [_ZERO, _ZERO])
                move[line.asset != line.symbol] += line.amount
            else:
                raise ValueError(f"unknown kind of posting: {line.kind}")
        for (symbol, _, _), (quantity, value) in moves.items():
            legs[symbol].move(quantity, value)
    return legs


def fold_sums(sums: Iterable[Line], moves: Iterable[Line]) -> dict[str, Leg]:
    """The legs that ``fold`` would make of every line, from far fewer.

    ``sums``: what the lines of one kind, asset and instrument add up to, whatever moves quantity or cash
    being of kind "trade". ``moves``: the single lines of those legs whose quantity is not zero, in order; the
    average entry needs them. A flat leg has no cost, so its sums say everything.
    """
    totals = list(sums)
    open_legs = fold(moves)
    legs = fold(line for line in totals if line.kind not in _MOVES)
    with localcontext(EXACT):
        for line in totals:
            if line.kind in _MOVES:
                leg = legs.setdefault(line.symbol, Leg(line.symbol))
                if line.asset != line.symbol:
                    leg.cash += line.amount
        for symbol, moved in open_legs.items():
            leg = legs.setdefault(symbol, Leg(symbol))
            leg.quantity, leg.cash, leg.cost = moved.quantity, moved.cash, moved.cost
    return legs


def share_out(
    amount: Decimal, weights: Mapping[Key, Decimal], whole: Decimal, unit: Decimal
) -> tuple[dict[Key, Decimal], Decimal]:
    """Divide ``amount`` in proportion ``weight / whole``; what belongs to nobody is the remainder.

    Exact to the last ``unit`` by the largest remainder rule: the shares and the remainder add up to
    ``amount``, and each is less than one unit from its exact part. Ties go to the first key. Weights may
    have both signs.

    Raises:
        ValueError: ``amount`` is not a multiple of ``unit``, or ``whole`` is zero.
    """
    if not whole:
        raise ValueError("nothing to share out over")
    with localcontext(EXACT):
        units = amount / unit
        if units != units.to_integral_value():
            raise ValueError(f"{amount} is not a multiple of {unit}")
        scale = grain(whole, *weights.values())
        divisor = int(whole / scale)
        parts = [*(int(weight / scale) for weight in weights.values()), 0]
        parts[-1] = divisor - sum(parts)
        total, sign = int(units), 1 if divisor > 0 else -1
        split = [divmod(total * part * sign, abs(divisor)) for part in parts]
        counts = [whole_units for whole_units, _ in split]
        by_remainder = sorted(range(len(split)), key=lambda i: (-split[i][1], i))
        for i in by_remainder[: total - sum(counts)]:
            counts[i] += 1
        shares = {key: count * unit for key, count in zip(weights, counts, strict=False)}
        return shares, counts[-1] * unit


def share_forced(
    fill: Decimal, sleeves: Mapping[Key, Decimal], manual: Decimal
) -> tuple[dict[Key, Decimal], Decimal]:
    """Share a forced fill (signed) out to the holders it shrank: every sleeve and the manual holding in
    proportion to their signed quantities. What goes beyond closing the net position is manual.

    Rule: reference "Things the venue does to us", forced fills carry no client id.
    """
    net = sum(sleeves.values(), manual)
    if not net or (fill > 0) == (net > 0):
        return {}, fill
    closing = -net if abs(fill) > abs(net) else fill
    shares, remainder = share_out(closing, sleeves, net, grain(fill, manual, *sleeves.values()))
    return {key: share for key, share in shares.items() if share}, remainder + fill - closing


def eaten(fill: Decimal, sleeves: Mapping[Key, Decimal], manual: Decimal) -> dict[Key, Decimal]:
    """Which part of whose leg a manual fill closed, signed like the fill.

    ``sleeves`` are the quantities not yet altered and ``manual`` everything else on the account, so that they
    add up to the net position. A fill eats into the sleeves only where it opposes them, only as far as it
    brings the net position towards zero, and only after the user's own holding on that side is used up. The
    largest leg gives first. A manual position on the other side is the user's own and never counts.
    """
    held = sum(sleeves.values(), _ZERO)
    net = held + manual
    if not held or (fill > 0) == (held > 0) or not net or (net > 0) != (held > 0):
        return {}
    sign = 1 if held > 0 else -1
    left = min(min(abs(fill), abs(net)) - max(_ZERO, manual * sign), abs(held))
    eaten_parts: dict[Key, Decimal] = {}
    for key, quantity in sorted(sleeves.items(), key=lambda item: (-item[1] * sign, str(item[0]))):
        part = min(left, quantity * sign)
        if part <= 0:
            break
        eaten_parts[key] = -part * sign
        left -= part
    return eaten_parts


def unaltered(quantity: Decimal, altered: Decimal) -> Decimal:
    """What is left of a sleeve's ``quantity`` after outstanding alterations (signed against it)."""
    if not quantity or not altered or (quantity > 0) == (altered > 0):
        return quantity
    return quantity + altered if abs(altered) < abs(quantity) else _ZERO


def grain(*values: Decimal) -> Decimal:
    """The coarsest power of ten of which every value is a multiple (1 at most)."""
    exponents = [int(value.normalize(EXACT).as_tuple().exponent) for value in values]
    return Decimal(1).scaleb(min([0, *exponents]))


def _finest(value: Decimal) -> Decimal:
    return value.quantize(_FINEST)
