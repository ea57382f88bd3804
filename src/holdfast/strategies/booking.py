"""What a step writes: the fill at a bar's open, the value at its close, and what is told of them.

Each function runs in one transaction, under the lock of the strategy's row, and writes nothing if the row has
changed since it was read: then somebody else was first, or its owner decided otherwise.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.backtest.engine import Book, Fill, Terms, step, weight_of
from holdfast.core.bars import DoesNotFit
from holdfast.core.time import from_seconds
from holdfast.core.timeframes import MINUTE, Timeframe, end_of
from holdfast.strategies import books, repository, states
from holdfast.strategies.models import Strategy, StrategyBar, StrategyEvent, StrategyFill
from holdfast.strategies.service import turn
from holdfast.strategies.values import Value

MOST_EVENTS: Final = 2000
FORGET_EVERY: Final = 60
"""Minutes of the clock: what is too much may stand a little longer."""
MOST_FAILURES: Final = 3
"""Bars in a row on which the script failed, then the strategy has."""
RUINED: Final = {
    "kind": "ruin",
    "message": "The short lost all there was on paper and was closed. Nothing more is traded.",
    "line": None,
}


class Bar(NamedTuple):
    """One bar in the terms' whole numbers. ``close`` is missing while it forms."""

    time: int
    open: int
    close: int | None = None


async def current(session: AsyncSession, read: Strategy) -> Strategy | None:
    """The row, locked, if it is still as it was read."""
    row = await repository.locked(session, read.id)
    return row if row is not None and row.turn == read.turn else None


async def book_open(session: AsyncSession, read: Strategy, bar: Bar, now: datetime) -> bool:
    """Trade the target of the bar before at this one's open. Whether anything could be written."""
    row = await current(session, read)
    if row is None:
        return False
    _open(session, row, bar, now)
    _changed(row, now)
    return True


async def book_close(
    session: AsyncSession,
    read: Strategy,
    bar: Bar,
    value: Value | None,
    seen: bytes,
    gaps: str,
    now: datetime,
) -> bool:
    """Trade at the bar's open, if that was not done when it began, and record its close. ``value`` is missing
    where the script was not asked: paused, failed, or before it was resumed."""
    row = await current(session, read)
    if row is None:
        return False
    assert bar.close is not None
    _open(session, row, bar, now)
    if gaps:
        _note(session, row, "gap", gaps, bar.time, now)
    held = states.FAILED if row.state == states.FAILED else states.PAUSED
    if value is not None:
        held = "error" if value.error else ""
        _take(session, row, bar, value, now)
    _mark(session, row, bar, value, seen, held, now)
    _changed(row, now)
    if bar.time // MINUTE % FORGET_EVERY == 0:
        await session.flush()
        await repository.forget_events(session, row.id, MOST_EVENTS)
    return True


async def book_end(session: AsyncSession, read: Strategy, bar: Bar, seen: bytes, now: datetime) -> bool:
    """Close the position of a stopped strategy at this open."""
    row = await current(session, read)
    if row is None:
        return False
    terms, book = books.terms_of(row.terms), books.book_of(row.book)
    _step(session, row, book, terms, 0.0, bar, "stop", now)
    row.closing_from = None
    left = terms.quantity(book.lots)
    rest = f" {left:f} are left: too little to be traded." if left else ""
    text = f"The position was closed at {terms.price(bar.open):f}.{rest}"
    _note(session, row, "closed", text, bar.time, now)
    session.add(_recorded(row, Bar(bar.time, bar.open, bar.open), None, seen, "stop", now))
    row.last_close, row.next_time = terms.price(bar.open), bar.time
    _changed(row, now)
    return True


async def note_failure(session: AsyncSession, read: Strategy, error: dict[str, Any], now: datetime) -> bool:
    """The strategy cannot go on."""
    row = await current(session, read)
    if row is None:
        return False
    _fail(session, row, error, now)
    return True


async def note_unclosed(session: AsyncSession, read: Strategy, reason: str, now: datetime) -> bool:
    """The position of a stopped strategy stays: there is no price to close it at."""
    row = await current(session, read)
    if row is None:
        return False
    row.closing_from = None
    _note(session, row, "error", f"The position could not be closed: {reason}", None, now)
    _changed(row, now)
    return True


async def note_anchor(session: AsyncSession, read: Strategy, anchor: int, now: datetime) -> bool:
    """Where what the script sees begins."""
    row = await current(session, read)
    if row is None:
        return False
    row.anchor = anchor
    _changed(row, now)
    return True


async def note_waiting(session: AsyncSession, read: Strategy, text: str, now: datetime) -> bool:
    """What keeps the next bar."""
    row = await current(session, read)
    if row is None or row.waiting == text:
        return False
    _changed(row, now)
    row.waiting = text
    return True


async def note_repainted(session: AsyncSession, read: Strategy, bar: int, text: str, now: datetime) -> None:
    """The script says something else now of a bar it has judged. Steps may go on meanwhile: they lose nothing
    by looking again."""
    row = await repository.locked(session, read.id)
    if row is None or row.repainted:
        return
    row.repainted, row.changed_at, row.turn = True, now, row.turn + 1
    _note(session, row, "repainted", text, bar, now)


def wants_open(row: Strategy) -> bool:
    """Whether the next open would be traded at."""
    if row.state != states.PAPER or not row.pending or row.target is None:
        return False
    return weight_of(row.target, books.terms_of(row.terms)) != books.book_of(row.book).asked


def _open(session: AsyncSession, row: Strategy, bar: Bar, now: datetime) -> None:
    if row.opened is not None and row.opened >= bar.time:
        return
    row.opened = bar.time
    terms, book = books.terms_of(row.terms), books.book_of(row.book)
    if row.last_bar is not None and row.hold_open is None:
        row.hold_open = terms.price(bar.open)
    if row.state != states.PAPER:
        return
    target = row.target if row.pending and row.target is not None else float("nan")
    row.pending = False
    _step(session, row, book, terms, target, bar, "target", now)
    if book.ruined:
        _fail(session, row, RUINED, now, bar.time)


def _step(
    session: AsyncSession,
    row: Strategy,
    book: Book,
    terms: Terms,
    target: float,
    bar: Bar,
    reason: str,
    now: datetime,
) -> None:
    fill = step(book, target, bar.open, terms)
    row.book = books.dump(book)
    if fill is not None:
        session.add(_filled(row, fill, terms, bar.time, "ruin" if book.ruined else reason, now))


def _filled(row: Strategy, fill: Fill, terms: Terms, time: int, reason: str, now: datetime) -> StrategyFill:
    return StrategyFill(
        strategy_id=row.id,
        time=time,
        quantity=terms.quantity(fill.lots),
        price=terms.price(fill.price),
        fee=terms.money(fill.fee),
        reason=reason,
        recorded_at=now,
    )


def _take(session: AsyncSession, row: Strategy, bar: Bar, value: Value, now: datetime) -> None:
    """What the script said, or that it failed. A strategy that was ruined at this bar's open stays so."""
    for text in value.alerts:
        _note(session, row, "alert", text, bar.time, now)
    if value.signal and (not row.signal or (value.signal > 0) is not (row.signal > 0)):
        _note(
            session, row, "signal", "Signal: long." if value.signal > 0 else "Signal: short.", bar.time, now
        )
    row.target, row.signal = value.target, value.signal
    row.pending = value.target is not None and row.state == states.PAPER
    if row.state != states.PAPER:
        return
    row.error = value.error
    if value.error is None:
        row.failures = 0
        return
    row.failures += 1
    if row.failures >= MOST_FAILURES:
        _fail(session, row, value.error, now, bar.time)
    else:
        _note(session, row, "error", f"The script failed: {value.error['message']}", bar.time, now)


def _mark(
    session: AsyncSession,
    row: Strategy,
    bar: Bar,
    value: Value | None,
    seen: bytes,
    held: str,
    now: datetime,
) -> None:
    assert bar.close is not None
    session.add(_recorded(row, bar, value, seen, held, now))
    end = end_of(bar.time, Timeframe(row.timeframe))
    row.last_bar, row.next_time = bar.time, end
    row.last_close = books.terms_of(row.terms).price(bar.close)
    row.next_due = from_seconds(end_of(end, Timeframe(row.timeframe)))


def _recorded(
    row: Strategy, bar: Bar, value: Value | None, seen: bytes, held: str, now: datetime
) -> StrategyBar:
    assert bar.close is not None
    terms, book = books.terms_of(row.terms), books.book_of(row.book)
    return StrategyBar(
        strategy_id=row.id,
        time=bar.time,
        target=value.target if value else None,
        signal=value.signal if value else None,
        close=terms.price(bar.close),
        quantity=terms.quantity(book.lots),
        equity=terms.money(book.equity(bar.close)),
        bars=seen,
        held=held,
        recorded_at=now,
    )


def _fail(
    session: AsyncSession, row: Strategy, error: dict[str, Any], now: datetime, bar: int | None = None
) -> None:
    turn(row, states.FAIL, now)
    row.error, row.pending, row.waiting = error, False, ""
    _note(session, row, "failed", f"Failed, and trades no more: {error['message']}", bar, now)


def _changed(row: Strategy, now: datetime) -> None:
    row.turn, row.changed_at, row.waiting = row.turn + 1, now, ""


def _note(session: AsyncSession, row: Strategy, kind: str, text: str, bar: int | None, now: datetime) -> None:
    session.add(StrategyEvent(strategy_id=row.id, at=now, bar=bar, kind=kind, text=text))


def at_scale(prices: Sequence[int], decimals: int, terms: Terms) -> list[int]:
    """Prices of so many decimals in the terms' whole numbers.

    Raises:
        DoesNotFit: one has more decimals than the terms.
    """
    if decimals <= terms.price_decimals:
        factor = 10 ** (terms.price_decimals - decimals)
        return [price * factor for price in prices]
    unit = 10 ** (decimals - terms.price_decimals)
    if any(price % unit for price in prices):
        raise DoesNotFit(f"a price has more than {terms.price_decimals} decimals")
    return [price // unit for price in prices]
