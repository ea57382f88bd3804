"""One trade out of all that is known of it: of a position, of single fills, or as its owner typed it."""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Final

from holdfast.core.errors import InvalidInput
from holdfast.core.instruments import Side as TradeSide
from holdfast.core.money import plain
from holdfast.indices.candles import SOURCE as INDEX
from holdfast.journal.books import Ended, Owner, Payment, Side
from holdfast.journal.figures import Outcome
from holdfast.journal.models import JournalEntry
from holdfast.journal.schemas import Direction, LegView, TradeView
from holdfast.portfolio.endings import by_hand_parts
from holdfast.portfolio.ledger import EXACT, QUOTE, Leg
from holdfast.portfolio.models import Alteration, Fill, Sleeve
from holdfast.portfolio.positions import CLOSED_STATES, index_name

Mark = Callable[[str], Decimal | None]
"""The present price of a symbol, if there is one."""

_FINEST: Final = Decimal("1e-18")
_PRICE_DIGITS: Final = 12
_ZERO: Final = Decimal(0)


@dataclass(slots=True)
class _Way:
    """One symbol in and out. Quantities and values are positive."""

    direction: Direction
    entered: Decimal = _ZERO
    paid: Decimal = _ZERO
    left: Decimal = _ZERO
    got: Decimal = _ZERO

    def add(self, *, bought: bool, quantity: Decimal, value: Decimal) -> None:
        if bought == (self.direction == "long"):
            self.entered, self.paid = self.entered + quantity, self.paid + value
        else:
            self.left, self.got = self.left + quantity, self.got + value

    @property
    def entry_price(self) -> Decimal | None:
        return _average(self.paid, self.entered)

    @property
    def exit_price(self) -> Decimal | None:
        return _average(self.got, self.left)


@dataclass(slots=True)
class _Sums:
    """Over all legs, in the quote coin. ``price_pnl`` is None once a price is missing."""

    value: Decimal = _ZERO
    fees: Decimal = _ZERO
    funding: Decimal = _ZERO
    price_pnl: Decimal | None = _ZERO
    others: dict[str, Decimal] = field(default_factory=dict)

    def add(self, way: _Way, leg: Leg, price_pnl: Decimal | None) -> None:
        self.value += way.paid
        self.fees += leg.fees.get(QUOTE, _ZERO)
        self.funding += leg.funding.get(QUOTE, _ZERO)
        for asset in leg.fees.keys() - {QUOTE}:
            self.others[asset] = self.others.get(asset, _ZERO) + leg.fees[asset]
        if self.price_pnl is None or price_pnl is None:
            self.price_pnl = None
        else:
            self.price_pnl += price_pnl

    @property
    def pnl(self) -> Decimal | None:
        return None if self.price_pnl is None else self.price_pnl - self.fees + self.funding


# --- positions ----------------------------------------------------------------------------------------------


def of_position(
    sleeve: Sleeve,
    legs: dict[str, Leg],
    sides: Mapping[str, Sequence[Side]],
    outstanding: Sequence[Alteration],
    mark: Mark,
) -> TradeView:
    """All that one position did, what was altered by hand and is not settled included. To be called in the
    context ``EXACT``."""
    ways = {symbol: _way(parts) for symbol, parts in sides.items()}
    held = {symbol: leg.quantity for symbol, leg in legs.items()}
    for alteration, part in by_hand_parts(held, outstanding):
        legs[alteration.symbol].move(part, -part * alteration.price)
        if alteration.symbol in ways:
            value = abs(part) * alteration.price
            ways[alteration.symbol].add(bought=part > 0, quantity=abs(part), value=value)
    sums, views = _Sums(), []
    for symbol, way in ways.items():
        leg = legs[symbol]
        price_pnl = _price_pnl(leg, mark)
        sums.add(way, leg, price_pnl)
        views.append(_leg(way, leg, price_pnl))
    only = views[0] if len(views) == 1 else None
    over = sleeve.state in CLOSED_STATES
    moments = [side for parts in sides.values() for side in parts]
    opened_at = sleeve.opened_at or sleeve.created_at
    return TradeView(
        kind="position",
        state="closed" if over else "open",
        series=f"{INDEX}:{sleeve.index_id}",
        name=index_name(sleeve.index_id),
        direction="long" if sleeve.direction == "long" else "short",
        entry_at=min((side.first_at for side in moments), default=opened_at),
        exit_at=max((side.last_at for side in moments), default=sleeve.closed_at) if over else None,
        quantity=only.quantity if only else None,
        entry_price=only.entry_price if only else None,
        exit_price=only.exit_price if only else None,
        **_totals(sums),
        legs=sorted(views, key=lambda view: view.symbol),
        position_id=sleeve.id,
        fills=[],
    )


def _way(parts: Sequence[Side]) -> _Way:
    """The side that came first is the way in."""
    way = _Way("long" if parts[0].bought else "short")
    for side in parts:
        way.add(bought=side.bought, quantity=side.quantity, value=side.value)
    return way


# --- fills --------------------------------------------------------------------------------------------------


def of_fills(
    fills: Sequence[Fill],
    venue: str,
    fees: Sequence[Mapping[str, Decimal]],
    payments: Mapping[Owner, Sequence[Payment]],
    mark: Mark,
) -> TradeView:
    """One trade of fills of one symbol. Of the funding of a holding it bears the share that its quantity had
    in the holding at that moment.

    Raises:
        InvalidInput: the fills are of several symbols, or close more than they open.
    """
    ordered = sorted(fills, key=lambda fill: (fill.executed_at, fill.exec_id))
    first = ordered[0]
    if any(fill.symbol != first.symbol for fill in ordered):
        raise InvalidInput(
            "These fills are of several symbols.",
            advice="Choose the fills of one symbol: they make one trade.",
        )
    way = _Way("long" if first.side == TradeSide.BUY else "short")
    with localcontext(EXACT):
        leg = Leg(first.symbol)
        for fill in ordered:
            moved = _signed(fill)
            leg.move(moved, -moved * fill.price)
            way.add(bought=moved > 0, quantity=fill.quantity, value=fill.quantity * fill.price)
            if way.left > way.entered:
                raise InvalidInput(
                    f"These fills close more than they open: {plain(way.left)} against {plain(way.entered)}.",
                    advice="Choose the fills of one trade, from its first entry on.",
                )
        for paid in fees:
            for asset, amount in paid.items():
                leg.fees[asset] = leg.fees.get(asset, _ZERO) + amount
        leg.funding[QUOTE] = _funding(ordered, payments)
        sums, price_pnl = _Sums(), _price_pnl(leg, mark)
        sums.add(way, leg, price_pnl)
        view = _leg(way, leg, price_pnl)
        return TradeView(
            kind="fills",
            state="open" if leg.quantity else "closed",
            series=f"{venue}:{first.symbol}",
            name=first.symbol,
            direction=way.direction,
            entry_at=first.executed_at,
            exit_at=None if leg.quantity else ordered[-1].executed_at,
            quantity=view.quantity,
            entry_price=view.entry_price,
            exit_price=view.exit_price,
            **_totals(sums),
            legs=[view],
            position_id=None,
            fills=[fill.exec_id for fill in ordered],
        )


def _funding(ordered: Sequence[Fill], payments: Mapping[Owner, Sequence[Payment]]) -> Decimal:
    """Both are oldest first."""
    total = _ZERO
    ahead: dict[Owner, deque[Fill]] = defaultdict(deque)
    for fill in ordered:
        ahead[owner_of(fill)].append(fill)
    for owner, own in ahead.items():
        quantity = _ZERO
        for payment in payments.get(owner, ()):
            while own and own[0].executed_at <= payment.at:
                quantity += _signed(own.popleft())
            if not own and not quantity:
                break
            total += _share(payment, quantity)
    return total.quantize(_FINEST)


def _share(payment: Payment, quantity: Decimal) -> Decimal:
    if not quantity or not payment.held or (quantity > 0) != (payment.held > 0):
        return _ZERO
    return payment.amount * min(quantity / payment.held, Decimal(1))


def owner_of(fill: Fill) -> Owner:
    return fill.connection_id, fill.sleeve_id, fill.symbol


def _signed(fill: Fill) -> Decimal:
    return TradeSide(fill.side).sign * fill.quantity


# --- by hand ------------------------------------------------------------------------------------------------


def by_hand(entry: JournalEntry, name: str) -> TradeView:
    """What its owner typed, and what follows from it. ``name``: what its series is called."""
    assert entry.quantity is not None
    assert entry.entry_price is not None
    direction: Direction = "short" if entry.direction == "short" else "long"
    fees = entry.fees or _ZERO
    with localcontext(EXACT):
        way = _Way(direction, entry.quantity, entry.quantity * entry.entry_price)
        price_pnl = None
        if entry.exit_price is not None:
            way.left, way.got = entry.quantity, entry.quantity * entry.exit_price
            price_pnl = way.got - way.paid if direction == "long" else way.paid - way.got
        pnl = None if price_pnl is None else price_pnl - fees
        return TradeView(
            kind="hand",
            state="open" if entry.exit_at is None else "closed",
            series=entry.series,
            name=name,
            direction=direction,
            entry_at=entry.entry_at,
            exit_at=entry.exit_at,
            quantity=entry.quantity,
            entry_price=entry.entry_price,
            exit_price=entry.exit_price,
            value=way.paid,
            fees=fees,
            funding=_ZERO,
            price_pnl=price_pnl,
            pnl=pnl,
            other_fees=[],
            legs=[],
            position_id=None,
            fills=[],
        )


# --- outcomes -----------------------------------------------------------------------------------------------


def outcome_of_position(sleeve: Sleeve, ended: Ended | None) -> Outcome:
    """As the trade of the position would have it, from its totals alone."""
    over = ended if ended and not ended.holds else None
    return Outcome(
        by_hand=False,
        series=f"{INDEX}:{sleeve.index_id}",
        name=index_name(sleeve.index_id),
        direction=sleeve.direction,
        entry_at=(ended and ended.first_at) or sleeve.opened_at or sleeve.created_at,
        exit_at=(over.last_at or sleeve.closed_at) if over else None,
        pnl=over.pnl if over else None,
    )


def outcome_of(trade: TradeView) -> Outcome:
    over = trade.state == "closed"
    return Outcome(
        by_hand=trade.kind == "hand",
        series=trade.series,
        name=trade.name,
        direction=trade.direction,
        entry_at=trade.entry_at,
        exit_at=trade.exit_at if over else None,
        pnl=trade.pnl if over else None,
    )


# --- shared -------------------------------------------------------------------------------------------------


def _price_pnl(leg: Leg, mark: Mark) -> Decimal | None:
    if not leg.quantity:
        return leg.realised
    price = mark(leg.symbol)
    return None if price is None else leg.price_pnl(price)


def _leg(way: _Way, leg: Leg, price_pnl: Decimal | None) -> LegView:
    fees, funding = leg.fees.get(QUOTE, _ZERO), leg.funding.get(QUOTE, _ZERO)
    return LegView(
        symbol=leg.symbol,
        direction=way.direction,
        quantity=way.entered,
        open_quantity=leg.quantity,
        entry_price=way.entry_price,
        exit_price=way.exit_price,
        fees=fees,
        funding=funding,
        pnl=None if price_pnl is None else price_pnl - fees + funding,
    )


def _totals(sums: _Sums) -> dict[str, object]:
    others = [f"{plain(amount)} {asset}" for asset, amount in sorted(sums.others.items()) if amount]
    return {
        "value": sums.value,
        "fees": sums.fees,
        "funding": sums.funding,
        "price_pnl": sums.price_pnl,
        "pnl": sums.pnl,
        "other_fees": others,
    }


def _average(value: Decimal, quantity: Decimal) -> Decimal | None:
    return round(value / quantity, _PRICE_DIGITS) if quantity else None
