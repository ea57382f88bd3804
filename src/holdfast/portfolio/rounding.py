"""How many lots of each leg: whole numbers as near to what is wanted as the venue allows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Wish:
    """``wanted`` is the signed notional, ``lot_value`` the price of one lot, ``least`` the fewest lots the
    venue takes in one order. ``most``: no more than this may be traded (what there is to reduce)."""

    wanted: Decimal
    lot_value: Decimal
    least: int
    most: int | None = None

    @property
    def sign(self) -> int:
        return 1 if self.wanted > 0 else -1

    def error(self, lots: int) -> Decimal:
        """Planned minus wanted, signed like a position."""
        return self.sign * lots * self.lot_value - self.wanted


def round_lots(wishes: Sequence[Wish]) -> list[int]:
    """Lots of each leg, 0 where it has to be left out.

    Each leg takes one of its two neighbours on the venue's grid, so that it misses by at most a lot. A leg
    below the venue's minimum takes the nearer of nothing and the minimum. Starting from the nearer neighbour,
    the choice that helps most is turned until none lowers ``|net error| + sum of |leg errors|`` any further:
    a dollar of lost hedge counts as much as a dollar of missed weight. Every turn lowers that sum and there
    are finitely many choices, so it ends. The result depends on the order of ``wishes`` only in ties.
    """
    pairs = [_neighbours(wish) for wish in wishes]
    lots = [
        min(pair, key=lambda count: (abs(wish.error(count)), count))
        for wish, pair in zip(wishes, pairs, strict=True)
    ]
    errors = [wish.error(count) for wish, count in zip(wishes, lots, strict=True)]
    net = sum(errors, Decimal(0))
    while True:
        turns = [
            (abs(net - old + new) - abs(net) + abs(new) - abs(old), i, other)
            for i, (wish, pair) in enumerate(zip(wishes, pairs, strict=True))
            for other in pair
            for old, new in [(errors[i], wish.error(other))]
        ]
        gain, i, other = min(turns, default=(Decimal(0), 0, 0))
        if gain >= 0:
            return lots
        lots[i], new = other, wishes[i].error(other)
        net, errors[i] = net - errors[i] + new, new


def _neighbours(wish: Wish) -> tuple[int, ...]:
    found = _on_the_grid(wish)
    if wish.most is None:
        return found
    return tuple(lots for lots in found if lots <= wish.most) or (0,)


def _on_the_grid(wish: Wish) -> tuple[int, ...]:
    below = int(abs(wish.wanted) // wish.lot_value)
    if below < wish.least:
        return (wish.least if 2 * abs(wish.wanted) >= wish.least * wish.lot_value else 0,)
    return below, below + 1
