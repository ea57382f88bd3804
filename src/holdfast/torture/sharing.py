"""What trades that are not ours took from whom, worked out once more from everything that was booked."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from holdfast.core.money import plain
from holdfast.core.time import from_ms
from holdfast.execution.ids import is_ours
from holdfast.portfolio.booking import FORCED
from holdfast.portfolio.ledger import eaten, grain, unaltered
from holdfast.portfolio.models import Alteration, Posting
from holdfast.sim.bybit.records import Execution as Trade
from holdfast.torture.truth import ZERO, Books


@dataclass(frozen=True)
class _Before:
    """Who held what in a trade's symbol right before it. Whatever the venue told of later belongs to it."""

    books: Books
    trade: Trade

    @cached_property
    def sleeves(self) -> dict[UUID, Decimal]:
        """What is still theirs to trade: without what was closed by hand and is not settled yet."""
        altered: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
        for one in self.books.alterations:
            if one.symbol == self.trade.symbol and self._is_outstanding(one):
                altered[one.sleeve_id] += one.quantity
        return {
            owner: unaltered(quantity, altered[owner])
            for owner, quantity in self._held.items()
            if owner is not None and quantity
        }

    @property
    def manual(self) -> Decimal:
        return sum(self._held.values(), ZERO) - sum(self.sleeves.values(), ZERO)

    @property
    def net(self) -> Decimal:
        return sum(self._held.values(), ZERO)

    @cached_property
    def _held(self) -> dict[UUID | None, Decimal]:
        held: dict[UUID | None, Decimal] = defaultdict(lambda: ZERO)
        for posting in self.books.contracts(self.trade.symbol):
            if self._precedes(posting.at, posting.reference):
                held[posting.sleeve_id] += posting.amount
        return held

    def _is_outstanding(self, one: Alteration) -> bool:
        settled = one.settled_at is not None and one.settled_at <= self._at
        return not settled and self._precedes(one.at, one.exec_id)

    def _precedes(self, at: datetime, reference: str) -> bool:
        """Trades of one millisecond are told apart by the venue's own order."""
        if at != self._at:
            return at < self._at
        other = self.books.sequences.get(reference)
        return other is None or other < self.trade.sequence

    @property
    def _at(self) -> datetime:
        return from_ms(self.trade.time_ms)


def forced_by_the_rule(books: Books) -> Iterator[str]:
    """A forced trade is shared out to those who held the position, in proportion, to the last lot"""
    for trade in books.trades:
        if trade.exec_type not in FORCED:
            continue
        before, moved = _Before(books, trade), _signed(trade)
        shares = {
            p.sleeve_id: p.amount for p in books.contracts(trade.symbol) if p.reference == trade.exec_id
        }
        closes = before.net * moved < 0
        closing = max(-abs(before.net), min(abs(before.net), moved)) if closes else ZERO
        unit = grain(moved, before.manual, *before.sleeves.values())
        for owner in {*before.sleeves, *shares} - {None}:
            assert owner
            exact = closing * before.sleeves.get(owner, ZERO) / before.net if closes else ZERO
            if abs(shares.get(owner, ZERO) - exact) >= unit:
                bore = plain(shares.get(owner, ZERO))
                yield f"{trade.symbol} {trade.exec_id[:8]}: {owner} bore {bore}, not {exact:f}"


def hands_take_the_largest_leg(books: Books) -> Iterator[str]:
    """A trade by hand closes of positions what goes beyond the user's own holding, and not a lot more"""
    altered: dict[str, dict[UUID, Alteration]] = defaultdict(dict)
    for one in books.alterations:
        altered[one.exec_id][one.sleeve_id] = one
    for trade in books.trades:
        if trade.exec_type in FORCED or is_ours(trade.link_id):
            continue
        before = _Before(books, trade)
        parts, found = eaten(_signed(trade), before.sleeves, before.manual), altered[trade.exec_id]
        for owner in {*parts, *found}:
            part = parts.get(owner, ZERO)
            booked = found[owner].quantity if owner in found else ZERO
            if booked != part and not _went_since(books, trade, owner, part, booked):
                name = f"{trade.symbol} {trade.exec_id[:8]}"
                yield f"{name}: {plain(booked)} of {owner} counts as closed by hand, not {plain(part)}"


def _went_since(books: Books, trade: Trade, owner: UUID, part: Decimal, booked: Decimal) -> bool:
    """Whether the position had closed some of that part itself before the trade was told of: what is gone
    cannot count as closed by hand."""
    at = from_ms(trade.time_ms)
    told = books.fills[trade.exec_id].booked_at if trade.exec_id in books.fills else at
    went = any(
        p.sleeve_id == owner and p.at >= at and p.booked_at <= told and p.amount * part > 0
        for p in books.contracts(trade.symbol)
    )
    return went and abs(booked) < abs(part) and booked * part >= 0


def settled_as_altered(books: Books) -> Iterator[str]:
    """What was closed by hand changes hands once, for no more than it was and the position still had"""
    moved = {
        posting.reference: posting
        for posting in books.postings
        if posting.kind == "adjustment" and posting.sleeve_id and posting.asset == posting.symbol
    }
    for one in books.alterations:
        posting = moved.get(f"alteration:{one.id}")
        if posting and (posting.sleeve_id, posting.symbol) != (one.sleeve_id, one.symbol):
            yield f"{one.symbol} {one.exec_id[:8]}: another position's changed hands"
            continue
        amount, least, most = posting.amount if posting else ZERO, *_may_settle(books, one, posting)
        if not least <= abs(amount) <= most or amount * one.quantity < 0:
            told = f"{plain(amount)} changed hands, not {plain(one.quantity)}"
            yield f"{one.symbol} {one.exec_id[:8]} of {one.sleeve_id}: {told}"


def _may_settle(books: Books, one: Alteration, posting: Posting | None) -> tuple[Decimal, Decimal]:
    """The least and the most that may change hands: all of it, unless the position had less; of a forced
    trade nothing, because that is booked as shares."""
    forced = one.exec_id in books.fills and books.fills[one.exec_id].exec_type in FORCED
    if forced or one.settled_at is None:
        return ZERO, ZERO
    left = sum((p.amount for p in _until(books, one, posting)), ZERO)
    return abs(one.quantity) if left * one.quantity < 0 else ZERO, abs(one.quantity)


def _until(books: Books, one: Alteration, posting: Posting | None) -> Iterator[Posting]:
    """What was booked of a position when an alteration of it was settled, that included."""
    for other in books.contracts(one.symbol):
        if other.sleeve_id != one.sleeve_id or one.settled_at is None:
            continue
        if other.id <= posting.id if posting else other.booked_at <= one.settled_at:
            yield other


def _signed(trade: Trade) -> Decimal:
    return trade.qty if trade.side == "Buy" else -trade.qty
