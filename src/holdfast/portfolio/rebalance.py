"""The orders that bring a sleeve to its index's present weights: differences only, no trifles. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Final, Literal

from holdfast.core.instruments import Side
from holdfast.core.targets import Target
from holdfast.portfolio.ledger import EXACT
from holdfast.portfolio.legs import (
    ZERO,
    DraftLeg,
    Terms,
    below_minimum,
    cents,
    is_leaving,
    margin_of,
    mid_of,
    opening_trouble,
    priced,
    unusable,
    wanted_of,
    wish_of,
)
from holdfast.portfolio.plan import (
    Held,
    PlanDraft,
    by_hand_leg,
    closing_leg,
    draft_of,
    sorted_targets,
)
from holdfast.portfolio.rounding import Wish, round_lots
from holdfast.portfolio.sweep import LegMarket
from holdfast.portfolio.tactics import AT_ONCE, Tactic

BAND: Final = Decimal("0.005")
"""A leg this near to its weight, as a share of the position's size, is left as it is."""

WORTH: Final = BAND / 2
"""An order that brings its leg less than this nearer, as a share of the size, is left out. It only ever
concerns lots that are larger than the band: without it prices that hardly move buy a lot, sell it, buy it."""

FREED: Final = Decimal("0.995")
"""How much of the margin of what is reduced counts for what is added after it."""

STAYS: Final = "it stays in the position"
NEAR_ENOUGH: Final = "Every coin is near enough to its weight: nothing to trade."


@dataclass(frozen=True, slots=True)
class _Line:
    """One instrument: what the sleeve holds of it, what the index wants, and the difference, as notionals."""

    held: Held
    target: Target | None
    market: LegMarket | None
    wanted: Decimal
    now: Decimal

    @property
    def difference(self) -> Decimal:
        return self.wanted - self.now

    @property
    def listed(self) -> LegMarket:
        """The market of a line that can be traded."""
        if self.market is None:
            raise ValueError(f"{self.held.symbol} is not listed")
        return self.market

    @property
    def reduces(self) -> bool:
        """Whether the difference only makes the holding smaller."""
        return self.now * self.wanted >= 0 and abs(self.wanted) <= abs(self.now)


def build_rebalance_plan(
    targets: Sequence[Target],
    held: Sequence[Held],
    *,
    direction: Literal[1, -1],
    size: Decimal,
    markets: Mapping[str, LegMarket],
    allowance: Decimal,
    available: Decimal | None,
    tactic: Tactic = AT_ONCE,
) -> PlanDraft:
    """The orders from what a sleeve still holds to ``size`` at the targets' weights.

    A coin that left the index is closed. A leg within ``BAND`` of its weight, one that no order brings nearer
    by ``WORTH``, and a difference the venue's minimums do not allow, are left with a note. What is reduced is
    never traded beyond nothing; a leg that changes its sign is one order.

    Args:
        targets: signed weights of a long position per unit of size, one per symbol, in any order.
        held: the sleeve's instruments, in any order; quantities without what was closed by hand.
        direction: 1 long, -1 short.
        size: in USDT.
        markets: by symbol, of every target and everything held.
        allowance: how far a price may be from the expected one (0.005 = 0.5 %).
        available: margin the account has free, in USDT; ``None`` if unknown, a problem if any is needed.
        tactic: how the orders are to be sent.

    Raises:
        ValueError: two targets, or two holdings, name the same symbol.
    """
    with localcontext(EXACT):
        terms = Terms(allowance, tactic)
        lines = _lines(targets, held, direction, size, markets)
        traded = [line for line in lines if line.wanted or line.held.quantity]
        legs = {line.held.symbol: _settled(line, size, terms) for line in traded}
        free = [line for line in traded if legs[line.held.symbol] is None]
        for line, lots in zip(free, round_lots([_wish(line, terms) for line in free]), strict=True):
            legs[line.held.symbol] = _traded(line, lots, terms)
        drafts = [by_hand_leg(line.held) for line in lines if line.held.by_hand]
        drafts += [_weighed(leg, line, size) for line in traded if (leg := legs[line.held.symbol])]
        return _draft(drafts, lines, terms, available)


def _lines(
    targets: Sequence[Target],
    held: Sequence[Held],
    direction: int,
    size: Decimal,
    markets: Mapping[str, LegMarket],
) -> list[_Line]:
    by_symbol = {target.symbol: target for target in sorted_targets(targets)}
    owned = {leg.symbol: leg for leg in held}
    if len(owned) < len(held):
        raise ValueError("two holdings name the same symbol")
    lines = []
    for symbol in sorted({*by_symbol, *owned}):
        target, market = by_symbol.get(symbol), markets.get(symbol)
        leg = owned.get(symbol) or Held(symbol, target.asset_id if target else symbol, ZERO, ZERO)
        wanted = wanted_of(target, direction, size) if target else ZERO
        now = leg.quantity * mid_of(market)
        if market and wanted * now < 0 and is_leaving(market):
            wanted = ZERO
        lines.append(_Line(leg, target, market, wanted, now))
    return [line for line in lines if line.wanted or line.held.quantity or line.held.by_hand]


def _settled(line: _Line, size: Decimal, terms: Terms) -> DraftLeg | None:
    """The leg, where its quantity does not depend on the others'; ``None`` where it does."""
    leg = _untraded(line)
    blocked = unusable(line.market)
    if blocked or line.market is None:
        return replace(leg, problem=blocked)
    if not line.wanted:
        return closing_leg(line.held, line.market, abs(line.now), terms, stays=STAYS)
    if abs(line.difference) < BAND * size:
        return replace(
            leg,
            note=f"Within {cents(BAND * size)} USDT of its weight: left as it is.",
            target_notional=ZERO,
        )
    if _hardly_nearer(line, size, terms):
        note = "The venue's lots let no order bring it much nearer: left as it is."
        return replace(leg, note=note, target_notional=ZERO)
    if not line.reduces and is_leaving(line.market):
        return replace(leg, note="It is being delisted, so nothing is added: left out.")
    trouble = "" if line.reduces or line.target is None else opening_trouble(line.target, line.market)
    return replace(leg, problem=trouble) if trouble else None


def _hardly_nearer(line: _Line, size: Decimal, terms: Terms) -> bool:
    """Whether the best order there is leaves the leg about as far from its weight as it is."""
    wish = _wish(line, terms)
    [lots] = round_lots([wish])
    return lots > 0 and abs(line.difference) - abs(wish.error(lots)) < WORTH * size


def _untraded(line: _Line) -> DraftLeg:
    return DraftLeg(
        symbol=line.held.symbol,
        asset_id=line.held.asset_id,
        action="skip",
        side=Side.BUY if line.difference >= 0 else Side.SELL,
        weight=0.0,
        target_notional=line.difference,
        residual_notional=line.difference,
        reduces=line.reduces,
    )


def _wish(line: _Line, terms: Terms) -> Wish:
    wish = wish_of(line.difference, line.listed, terms)
    if not line.reduces:
        return wish
    return replace(wish, most=line.listed.instrument.floor_lots(abs(line.held.quantity)))


def _traded(line: _Line, lots: int, terms: Terms) -> DraftLeg:
    leg, market = _untraded(line), line.listed
    if not lots:
        return replace(leg, note=below_minimum(market))
    planned = leg.side.sign * market.instrument.quantity(lots) * market.mid
    return priced(leg, market, leg.side, lots, terms, residual=line.difference - planned)


def _weighed(leg: DraftLeg, line: _Line, size: Decimal) -> DraftLeg:
    return replace(
        leg,
        weight=float(line.wanted / size),
        held_weight=float(line.now / size),
        held_quantity=line.held.quantity,
    )


def _draft(
    legs: list[DraftLeg], lines: Sequence[_Line], terms: Terms, available: Decimal | None
) -> PlanDraft:
    margin = _margin([leg for leg in legs if leg.action == "trade"], lines, terms)
    draft = draft_of(legs, margin, available)
    gross = sum((abs(line.wanted) for line in lines), ZERO)
    before = sum((abs(line.difference) for line in lines), ZERO)
    after = sum((abs(leg.residual_notional) for leg in legs), ZERO)
    idle = not draft.gross and not draft.problems
    return replace(
        draft,
        tracking_error=float(after / gross) if gross else 0.0,
        tracking_error_before=float(before / gross) if gross else 0.0,
        problems=(NEAR_ENOUGH,) if idle else draft.problems,
    )


def _margin(traded: list[DraftLeg], lines: Sequence[_Line], terms: Terms) -> Decimal:
    """What must be free for what is added to the account's net positions. Where what is reduced comes first,
    its margin counts as free by then."""
    by_symbol = {line.held.symbol: line for line in lines}
    needed = freed = ZERO
    for leg in traded:
        line = by_symbol[leg.symbol]
        moved = leg.side.sign * leg.quantity
        growth = (abs(line.held.net + moved) - abs(line.held.net)) * leg.expected_price
        if growth > 0 and line.market:
            needed += margin_of(growth, line.market.taker)
        else:
            needed += leg.fee
            freed -= growth
    credit = ZERO if terms.tactic.takes_time else freed * FREED
    return max(ZERO, needed - credit)
