"""From targets to the exact orders that reach them under the venue's rules. Pure and deterministic."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal, localcontext
from typing import Any, Final, Literal

import orjson

from holdfast.core.instruments import Side
from holdfast.core.money import ceil_to, floor_to, plain
from holdfast.core.targets import Target
from holdfast.portfolio.ledger import EXACT
from holdfast.portfolio.legs import (
    PRICE_UNIT,
    ZERO,
    DraftLeg,
    Terms,
    below_minimum,
    cash,
    cents,
    margin_of,
    mid_of,
    opening_trouble,
    priced,
    signed_cash,
    untraded,
    unusable,
    wanted_of,
    wish_of,
)
from holdfast.portfolio.rounding import round_lots
from holdfast.portfolio.sweep import LegMarket
from holdfast.portfolio.tactics import AT_ONCE, Tactic

STAYS: Final = "it stays in your account as your own holding"


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """``problems`` are the reasons why it cannot be carried out; empty if it can."""

    legs: tuple[DraftLeg, ...]
    gross: Decimal
    net: Decimal
    margin_needed: Decimal
    fees: Decimal
    slippage: Decimal
    left_out: Decimal
    tracking_error: float
    problems: tuple[str, ...]
    tracking_error_before: float | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """One instrument of a sleeve. ``quantity`` is signed and still the sleeve's own;
    ``by_hand`` are the (signed quantity, price) of fills that already closed part of it outside. ``net`` is
    the account's whole position in the symbol."""

    symbol: str
    asset_id: str
    quantity: Decimal
    net: Decimal
    by_hand: tuple[tuple[Decimal, Decimal], ...] = ()


def build_open_plan(
    targets: Sequence[Target],
    *,
    direction: Literal[1, -1],
    size: Decimal,
    markets: Mapping[str, LegMarket],
    allowance: Decimal,
    available: Decimal | None,
    tactic: Tactic = AT_ONCE,
) -> PlanDraft:
    """The orders that put ``size`` of index notional on, from nothing.

    Args:
        targets: signed weights of a long position per unit of size, one per symbol, in any order.
        direction: 1 long, -1 short.
        size: in USDT.
        markets: by symbol; a target without one is a problem.
        allowance: how far a price may be from the expected one (0.005 = 0.5 %).
        available: margin the account has free, in USDT; ``None`` if unknown, which is a problem.
        tactic: how the orders are to be sent.

    Raises:
        ValueError: two targets name the same symbol.
    """
    with localcontext(EXACT):
        terms = Terms(allowance, tactic)
        ordered = sorted_targets(targets)
        wanted = [wanted_of(target, direction, size) for target in ordered]
        troubles = [opening_trouble(target, markets.get(target.symbol)) for target in ordered]
        sized = [i for i, trouble in enumerate(troubles) if not trouble]
        wishes = [wish_of(wanted[i], markets[ordered[i].symbol], terms) for i in sized]
        lots = dict(zip(sized, round_lots(wishes), strict=True))
        legs = [
            _leg(target, wanted[i], size, markets[target.symbol], lots[i], terms)
            if i in lots
            else untraded(target, wanted[i], size, troubles[i])
            for i, target in enumerate(ordered)
        ]
        fee_rates = {symbol: market.taker for symbol, market in markets.items()}
        margin = sum((margin_of(leg.notional, fee_rates.get(leg.symbol, ZERO)) for leg in legs), ZERO)
        draft = draft_of(legs, margin, available)
        if draft.gross or draft.problems:
            return draft
        return replace(draft, problems=("Every leg is below the venue's minimum: nothing to trade.",))


def build_close_plan(
    held: Sequence[Held],
    *,
    markets: Mapping[str, LegMarket],
    allowance: Decimal,
    available: Decimal | None,
    tactic: Tactic = AT_ONCE,
) -> PlanDraft:
    """The orders that bring a sleeve back to nothing, and what was already closed by hand.

    Only an order that takes the account's net position through zero needs margin: it opens the user's own
    opposite holding again.
    """
    with localcontext(EXACT):
        terms = Terms(allowance, tactic)
        ordered = sorted(held, key=lambda leg: leg.symbol)
        gross = sum(
            (abs(leg.quantity) * mid_of(markets.get(leg.symbol)) for leg in ordered if leg.quantity), ZERO
        )
        legs: list[DraftLeg] = []
        margin = ZERO
        for leg in ordered:
            market = markets.get(leg.symbol)
            if leg.by_hand:
                legs.append(by_hand_leg(leg))
            if not leg.quantity:
                continue
            draft = closing_leg(leg, market, gross, terms)
            legs.append(draft)
            if market and draft.action == "trade":
                opened = max(ZERO, abs(leg.net - leg.quantity) - abs(leg.net)) * draft.expected_price
                margin += margin_of(opened, market.taker)
        return draft_of(legs, margin, available)


def sorted_targets(targets: Sequence[Target]) -> list[Target]:
    """By symbol. Raises ``ValueError`` if two name the same one."""
    ordered = sorted(targets, key=lambda target: target.symbol)
    if len({target.symbol for target in ordered}) < len(ordered):
        raise ValueError("two targets name the same symbol")
    return ordered


def digest(body: Mapping[str, Any]) -> str:
    """The name of a plan's content: SHA-256 over its canonical JSON (sorted keys, Decimals as plain strings).
    A ``digest`` inside is not part of it."""
    content = {key: value for key, value in body.items() if key != "digest"}
    canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS, default=_plain_decimal)
    return hashlib.sha256(canonical).hexdigest()


def shortage(needed: Decimal, available: Decimal | None) -> str:
    """What is missing in margin, in words; "" if nothing is."""
    if not needed:
        return ""
    if available is None:
        return "The balance of this account is not known yet. Wait a few seconds and preview again."
    if needed <= available:
        return ""
    return (
        f"This needs {cents(needed, ROUND_CEILING)} USDT of margin and {cents(available)} USDT are "
        f"available: {cents(needed - available, ROUND_CEILING)} USDT are missing. Choose a smaller size or "
        "add funds."
    )


def draft_of(legs: list[DraftLeg], margin: Decimal, available: Decimal | None) -> PlanDraft:
    """The sums over the legs."""
    traded = [leg for leg in legs if leg.action == "trade"]
    skipped = [leg for leg in legs if leg.action == "skip"]
    wanted = sum((abs(leg.target_notional) for leg in legs if leg.action != "by_hand"), ZERO)
    missed = sum((abs(leg.residual_notional) for leg in legs), ZERO)
    problems = [f"{leg.symbol}: {leg.problem}." for leg in legs if leg.problem]
    short = shortage(margin, available)
    return PlanDraft(
        legs=tuple(legs),
        gross=sum((leg.notional for leg in traded), ZERO),
        net=sum((leg.side.sign * leg.notional for leg in traded), ZERO),
        margin_needed=margin,
        fees=sum((leg.fee for leg in legs), ZERO),
        slippage=sum((leg.slippage for leg in legs), ZERO),
        left_out=sum((abs(leg.target_notional) for leg in skipped), ZERO),
        tracking_error=float(missed / wanted) if wanted else 0.0,
        problems=(*problems, *([short] if short else [])),
    )


def _leg(
    target: Target, wanted: Decimal, size: Decimal, market: LegMarket, lots: int, terms: Terms
) -> DraftLeg:
    if not lots:
        return untraded(target, wanted, size, "", below_minimum(market) if wanted else "Nothing to do.")
    side = Side.of(1 if wanted > 0 else -1)
    planned = side.sign * market.instrument.quantity(lots) * market.mid
    return priced(untraded(target, wanted, size, ""), market, side, lots, terms, residual=wanted - planned)


def closing_leg(
    held: Held, market: LegMarket | None, gross: Decimal, terms: Terms, *, stays: str = STAYS
) -> DraftLeg:
    """All that is held of one instrument, as an order. ``stays``: what becomes of it if it is too small."""
    side = Side.of(-held.quantity)
    value = -held.quantity * mid_of(market)
    weight = float(value / gross) if gross else 0.0
    signed = signed_cash(value)
    leg = DraftLeg(
        held.symbol,
        held.asset_id,
        "skip",
        side,
        weight,
        target_notional=signed,
        residual_notional=signed,
        reduces=True,
    )
    blocked = unusable(market)
    if blocked or market is None:
        return replace(leg, problem=blocked)
    instrument = market.instrument
    lots = floor_to(abs(held.quantity), instrument.lot)
    if lots < ceil_to(instrument.min_quantity, instrument.lot) or not lots:
        return replace(leg, note=f"Below the venue's least quantity: {stays}.")
    reduces = (held.net > 0) == (held.quantity > 0) and abs(held.quantity) <= abs(held.net)
    note = ""
    if lots < instrument.min_lots(terms.lowest(market)):
        if not reduces:
            return replace(leg, note=f"Below the venue's least order value: {stays}.")
        note = f"Below the venue's least order value, so the venue may refuse it; then {stays}."
    planned = side.sign * instrument.quantity(lots) * market.mid
    return priced(leg, market, side, lots, terms, residual=value - planned, note=note)


def by_hand_leg(held: Held) -> DraftLeg:
    """What was closed outside, at the average price it was closed at."""
    quantity = sum((part for part, _ in held.by_hand), ZERO)
    value = sum((part * price for part, price in held.by_hand), ZERO)
    price = (value / quantity).quantize(PRICE_UNIT)
    return DraftLeg(
        symbol=held.symbol,
        asset_id=held.asset_id,
        action="by_hand",
        side=Side.of(quantity),
        weight=0.0,
        target_notional=signed_cash(value),
        quantity=abs(quantity),
        expected_price=price,
        limit_price=price,
        notional=cash(abs(value)),
        note="Already closed outside Holdfast: it is booked at that price, not traded.",
    )


def _plain_decimal(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    raise TypeError(f"not JSON: {type(value).__name__}")
