"""From targets to the exact orders that reach them under the venue's rules. Pure and deterministic.

Floats propose, integers dispose: weights are floats, quantities whole lots, prices whole ticks, money exact.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any, Final, Literal

import orjson

from holdfast.core.instruments import InstrumentStatus, Side
from holdfast.core.money import CASH_UNIT, ceil_to, floor_to, plain
from holdfast.core.targets import Target
from holdfast.portfolio.ledger import EXACT
from holdfast.portfolio.rounding import Wish, round_lots
from holdfast.portfolio.sweep import LegMarket, sweep

MARGIN_RESERVE: Final = Decimal("0.003")
"""On top of gross and fee: what the venue keeps for closing (reference "Margin at 1x")."""

PRICE_BAND: Final = 0.03
"""How far the order book may be from the price the weights were computed with."""

_ZERO: Final = Decimal(0)
_PRICE_UNIT: Final = Decimal("1e-12")
_STAYS: Final = "it stays in your account as your own holding"

Action = Literal["trade", "skip", "by_hand"]


@dataclass(frozen=True, slots=True)
class DraftLeg:
    """``weight``, ``target_notional`` and ``residual_notional`` (wanted minus planned) are signed like the
    position the order makes; quantities and the other amounts are not."""

    symbol: str
    asset_id: str
    action: Action
    side: Side
    weight: float
    target_notional: Decimal
    quantity: Decimal = _ZERO
    expected_price: Decimal = _ZERO
    limit_price: Decimal = _ZERO
    notional: Decimal = _ZERO
    fee: Decimal = _ZERO
    slippage: Decimal = _ZERO
    residual_notional: Decimal = _ZERO
    note: str = ""
    problem: str = ""


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


@dataclass(frozen=True, slots=True)
class Held:
    """One instrument of a sleeve that is to be closed. ``quantity`` is signed and still the sleeve's own;
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
) -> PlanDraft:
    """The orders that put ``size`` of index notional on, from nothing.

    Args:
        targets: signed weights of a long position per unit of size, one per symbol, in any order.
        direction: 1 long, -1 short.
        size: in USDT.
        markets: by symbol; a target without one is a problem.
        allowance: how far a price may be from the expected one (0.005 = 0.5 %).
        available: margin the account has free, in USDT; ``None`` if unknown, which is a problem.

    Raises:
        ValueError: two targets name the same symbol.
    """
    with localcontext(EXACT):
        ordered = sorted(targets, key=lambda target: target.symbol)
        if len({target.symbol for target in ordered}) < len(ordered):
            raise ValueError("two targets name the same symbol")
        wanted = [_wanted(target, direction, size) for target in ordered]
        troubles = [_trouble(target, markets.get(target.symbol)) for target in ordered]
        sized = [i for i, trouble in enumerate(troubles) if not trouble]
        lots = dict(
            zip(
                sized,
                round_lots([_wish(wanted[i], markets[ordered[i].symbol], allowance) for i in sized]),
                strict=True,
            )
        )
        legs = [
            _leg(target, wanted[i], size, markets[target.symbol], lots[i], allowance)
            if i in lots
            else _untraded(target, wanted[i], size, troubles[i])
            for i, target in enumerate(ordered)
        ]
        fee_rates = {symbol: market.taker for symbol, market in markets.items()}
        margin = sum((_margin(leg.notional, fee_rates.get(leg.symbol, _ZERO)) for leg in legs), _ZERO)
        draft = _draft(legs, margin, available)
        if draft.gross or draft.problems:
            return draft
        return replace(draft, problems=("Every leg is below the venue's minimum: nothing to trade.",))


def build_close_plan(
    held: Sequence[Held],
    *,
    markets: Mapping[str, LegMarket],
    allowance: Decimal,
    available: Decimal | None,
) -> PlanDraft:
    """The orders that bring a sleeve back to nothing, and what was already closed by hand.

    Only an order that takes the account's net position through zero needs margin: it opens the user's own
    opposite holding again.
    """
    with localcontext(EXACT):
        ordered = sorted(held, key=lambda leg: leg.symbol)
        gross = sum(
            (abs(leg.quantity) * _mid(markets.get(leg.symbol)) for leg in ordered if leg.quantity), _ZERO
        )
        legs: list[DraftLeg] = []
        margin = _ZERO
        for leg in ordered:
            market = markets.get(leg.symbol)
            if leg.by_hand:
                legs.append(_by_hand(leg))
            if not leg.quantity:
                continue
            draft = _closing_leg(leg, market, gross, allowance)
            legs.append(draft)
            if market and draft.action == "trade":
                opened = max(_ZERO, abs(leg.net - leg.quantity) - abs(leg.net)) * draft.expected_price
                margin += _margin(opened, market.taker)
        return _draft(legs, margin, available)


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
        f"This needs {_cents(needed, ROUND_CEILING)} USDT of margin and {_cents(available)} USDT are "
        f"available: {_cents(needed - available, ROUND_CEILING)} USDT are missing. Choose a smaller size or "
        "add funds."
    )


def _draft(legs: list[DraftLeg], margin: Decimal, available: Decimal | None) -> PlanDraft:
    traded = [leg for leg in legs if leg.action == "trade"]
    skipped = [leg for leg in legs if leg.action == "skip"]
    wanted = sum((abs(leg.target_notional) for leg in legs if leg.action != "by_hand"), _ZERO)
    missed = sum((abs(leg.residual_notional) for leg in legs), _ZERO)
    problems = [f"{leg.symbol}: {leg.problem}." for leg in legs if leg.problem]
    short = shortage(margin, available)
    return PlanDraft(
        legs=tuple(legs),
        gross=sum((leg.notional for leg in traded), _ZERO),
        net=sum((leg.side.sign * leg.notional for leg in traded), _ZERO),
        margin_needed=margin,
        fees=sum((leg.fee for leg in legs), _ZERO),
        slippage=sum((leg.slippage for leg in legs), _ZERO),
        left_out=sum((abs(leg.target_notional) for leg in skipped), _ZERO),
        tracking_error=float(missed / wanted) if wanted else 0.0,
        problems=(*problems, *([short] if short else [])),
    )


def _wanted(target: Target, direction: int, size: Decimal) -> Decimal:
    return (Decimal(repr(target.weight)) * direction * size).quantize(CASH_UNIT, ROUND_HALF_EVEN)


def _trouble(target: Target, market: LegMarket | None) -> str:
    """Why this leg cannot be opened; "" if it can."""
    blocked = _unusable(market)
    if blocked or market is None:
        return blocked
    if market.instrument.status is InstrumentStatus.REDUCE_ONLY or market.instrument.delivery_at:
        return "it is being delisted, the venue only takes orders that close positions"
    if abs(float(market.mid) - target.reference_price) > PRICE_BAND * target.reference_price:
        return (
            f"its order book ({plain(market.mid)}) is more than {PRICE_BAND:.0%} away from the price the "
            f"weights were computed with ({target.reference_price:g})"
        )
    return ""


def _unusable(market: LegMarket | None) -> str:
    if market is None:
        return "the venue does not list it"
    if market.trouble:
        return market.trouble
    if market.instrument.status in (InstrumentStatus.CLOSED, InstrumentStatus.PRELAUNCH):
        return "it is not open for trading"
    if not market.bids or not market.asks:
        return "its order book is empty"
    return ""


def _wish(wanted: Decimal, market: LegMarket, allowance: Decimal) -> Wish:
    """The venue's minimum value is met even at the worst limit price a leg could get."""
    lowest = market.mid * (1 - allowance) ** 2
    instrument = market.instrument
    return Wish(wanted, market.mid * instrument.lot, instrument.min_lots(lowest))


def _leg(
    target: Target, wanted: Decimal, size: Decimal, market: LegMarket, lots: int, allowance: Decimal
) -> DraftLeg:
    if not lots:
        least = market.instrument.quantity(market.instrument.min_lots(market.mid)) * market.mid
        note = f"Below the venue's minimum of about {_cents(least, ROUND_CEILING)} USDT: left out."
        return _untraded(target, wanted, size, "", note if wanted else "Nothing to do.")
    side = Side.of(1 if wanted > 0 else -1)
    planned = side.sign * market.instrument.quantity(lots) * market.mid
    return _priced(
        _untraded(target, wanted, size, ""), market, side, lots, allowance, residual=wanted - planned
    )


def _untraded(target: Target, wanted: Decimal, size: Decimal, problem: str, note: str = "") -> DraftLeg:
    return DraftLeg(
        symbol=target.symbol,
        asset_id=target.asset_id,
        action="skip",
        side=Side.BUY if wanted >= 0 else Side.SELL,
        weight=float(wanted / size),
        target_notional=wanted,
        residual_notional=wanted,
        note=note,
        problem=problem,
    )


def _priced(
    leg: DraftLeg,
    market: LegMarket,
    side: Side,
    lots: int,
    allowance: Decimal,
    *,
    residual: Decimal,
    note: str = "",
) -> DraftLeg:
    instrument = market.instrument
    quantity = instrument.quantity(lots)
    cost = sweep(market, side, lots, allowance)
    problem = cost.problem
    if quantity > instrument.max_limit_quantity:
        problem = f"the venue takes at most {plain(instrument.max_limit_quantity)} in one order"
    return replace(
        leg,
        action="trade",
        side=side,
        quantity=quantity,
        expected_price=cost.expected_price.quantize(_PRICE_UNIT),
        limit_price=cost.limit_price,
        notional=_cash(cost.value),
        fee=_cash(cost.value * market.taker),
        slippage=_cash(side.sign * (cost.value - quantity * market.mid)),
        residual_notional=residual.quantize(CASH_UNIT),
        note=note,
        problem=problem,
    )


def _closing_leg(held: Held, market: LegMarket | None, gross: Decimal, allowance: Decimal) -> DraftLeg:
    side = Side.of(-held.quantity)
    value = -held.quantity * _mid(market)
    weight = float(value / gross) if gross else 0.0
    signed = _signed_cash(value)
    leg = DraftLeg(
        held.symbol, held.asset_id, "skip", side, weight, target_notional=signed, residual_notional=signed
    )
    blocked = _unusable(market)
    if blocked or market is None:
        return replace(leg, problem=blocked)
    instrument = market.instrument
    lots = floor_to(abs(held.quantity), instrument.lot)
    if lots < ceil_to(instrument.min_quantity, instrument.lot) or not lots:
        return replace(leg, note=f"Below the venue's least quantity: {_STAYS}.")
    reduces = (held.net > 0) == (held.quantity > 0) and abs(held.quantity) <= abs(held.net)
    note = ""
    if lots < instrument.min_lots(market.mid * (1 - allowance) ** 2):
        if not reduces:
            return replace(leg, note=f"Below the venue's least order value: {_STAYS}.")
        note = f"Below the venue's least order value, so the venue may refuse it; then {_STAYS}."
    planned = side.sign * instrument.quantity(lots) * market.mid
    return _priced(leg, market, side, lots, allowance, residual=value - planned, note=note)


def _by_hand(held: Held) -> DraftLeg:
    """What was closed outside, at the average price it was closed at."""
    quantity = sum((part for part, _ in held.by_hand), _ZERO)
    value = sum((part * price for part, price in held.by_hand), _ZERO)
    price = (value / quantity).quantize(_PRICE_UNIT)
    return DraftLeg(
        symbol=held.symbol,
        asset_id=held.asset_id,
        action="by_hand",
        side=Side.of(quantity),
        weight=0.0,
        target_notional=_signed_cash(value),
        quantity=abs(quantity),
        expected_price=price,
        limit_price=price,
        notional=_cash(abs(value)),
        note="Already closed outside Holdfast: it is booked at that price, not traded.",
    )


def _mid(market: LegMarket | None) -> Decimal:
    return market.mid if market and market.bids and market.asks else _ZERO


def _margin(notional: Decimal, fee_rate: Decimal) -> Decimal:
    return _cash(notional * (1 + fee_rate + MARGIN_RESERVE))


def _cash(value: Decimal) -> Decimal:
    """A cost, rounded up to the cash unit."""
    return value.quantize(CASH_UNIT, ROUND_CEILING)


def _signed_cash(value: Decimal) -> Decimal:
    return value.quantize(CASH_UNIT, ROUND_HALF_EVEN)


def _cents(value: Decimal, rounding: str = ROUND_HALF_EVEN) -> str:
    return f"{value.quantize(Decimal('0.01'), rounding):,f}"


def _plain_decimal(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    raise TypeError(f"not JSON: {type(value).__name__}")
