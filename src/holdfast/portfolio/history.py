"""The pages of positions, fills and payments, newest first."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Row, Select, func, literal, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.errors import InvalidInput
from holdfast.core.instruments import Side
from holdfast.platform.paging import decode_cursor, encode_cursor
from holdfast.platform.schemas import Page
from holdfast.portfolio import positions
from holdfast.portfolio.ledger import QUOTE
from holdfast.portfolio.models import Fill, Posting, Sleeve
from holdfast.portfolio.positions import Prices, index_name
from holdfast.portfolio.schemas import FillView, PaymentView, PositionSummary

PaymentKind = Literal["fee", "funding", "adjustment"]

_FILL_COLUMNS: Final = (
    Fill.exec_id, Fill.sleeve_id, Fill.order_id, Fill.symbol, Fill.side, Fill.exec_type, Fill.quantity,
    Fill.price, Fill.fee, Fill.fee_asset, Fill.executed_at,
)  # fmt: skip
"""What a view of a fill is made from."""


@dataclass(frozen=True, slots=True)
class Filters:
    """``start`` is included, ``end`` is not."""

    position: UUID | None = None
    symbol: str = ""
    start: datetime | None = None
    end: datetime | None = None


async def positions_page(
    session: AsyncSession,
    user_id: UUID,
    states: Collection[str],
    prices: Prices,
    *,
    cursor: str | None,
    limit: int,
) -> Page[PositionSummary]:
    """The user's positions in one of ``states`` (empty: in any), at the latest prices.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    found = decode_cursor(cursor)
    before = (found[0], _uuid(found[1])) if found else None
    books = await positions.load(session, user_id, states=states, before=before, limit=limit + 1)
    last = books[limit - 1].sleeve if len(books) > limit else None
    return Page(
        items=[positions.summary(each, prices) for each in books[:limit]],
        next_cursor=encode_cursor(last.created_at, last.id) if last else None,
    )


async def fills_page(
    session: AsyncSession, user_id: UUID, filters: Filters, *, cursor: str | None, limit: int
) -> Page[FillView]:
    """Every execution on the user's connections, the user's own trades included.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    query = (
        select(Fill, Sleeve.index_id)
        .join(Connection, Connection.id == Fill.connection_id)
        .outerjoin(Sleeve, Sleeve.id == Fill.sleeve_id)
        .where(Connection.user_id == user_id)
        .order_by(Fill.executed_at.desc(), Fill.connection_id.desc(), Fill.exec_id.desc())
    )
    query = _filtered(query, filters, Fill.sleeve_id, Fill.symbol, Fill.executed_at)
    before = decode_cursor(cursor)
    if before:
        connection_id, _, exec_id = before[1].partition("/")
        place = tuple_(Fill.executed_at, Fill.connection_id, Fill.exec_id)
        mark = tuple_(literal(before[0]), literal(_uuid(connection_id)), literal(exec_id))
        query = query.where(place < mark)
    rows = (await session.execute(query.limit(limit + 1))).tuples().all()
    last = rows[limit - 1][0] if len(rows) > limit else None
    return Page(
        items=[_fill_view(fill, index_id) for fill, index_id in rows[:limit]],
        next_cursor=encode_cursor(last.executed_at, f"{last.connection_id}/{last.exec_id}") if last else None,
    )


async def newest_fills(
    session: AsyncSession, users: Sequence[UUID], *, limit: int
) -> dict[UUID, list[FillView]]:
    """The fills on each one's connections that were booked last, trades by hand included: latest first."""
    latest = (
        select(*_FILL_COLUMNS, Fill.booked_at)
        .where(Fill.connection_id == Connection.id)
        .order_by(*_booked_last(Fill))
        .limit(limit)
        .lateral()
    )
    rank = func.row_number().over(partition_by=Connection.user_id, order_by=_booked_last(latest.c))
    ranked = (
        select(Connection.user_id, latest, rank.label("rank"))
        .join(latest, true())
        .where(Connection.user_id.in_(users))
        .subquery()
    )
    rows = await session.execute(
        select(ranked, Sleeve.index_id)
        .outerjoin(Sleeve, Sleeve.id == ranked.c.sleeve_id)
        .where(ranked.c.rank <= limit)
        .order_by(ranked.c.user_id, ranked.c.rank)
    )
    found: dict[UUID, list[FillView]] = {user_id: [] for user_id in users}
    for row in rows:
        found[row.user_id].append(_fill_view(row, row.index_id))
    return found


def _booked_last(fill: Any) -> tuple[ColumnElement[Any], ...]:
    return fill.booked_at.desc(), fill.executed_at.desc(), fill.exec_id.desc()


async def payments_page(
    session: AsyncSession,
    user_id: UUID,
    filters: Filters,
    *,
    kind: PaymentKind | None,
    cursor: str | None,
    limit: int,
) -> Page[PaymentView]:
    """Fees and funding (``kind`` ``None``), one of them, or what positions handed over without a trade.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    query = (
        select(Posting, Sleeve.index_id)
        .join(Connection, Connection.id == Posting.connection_id)
        .outerjoin(Sleeve, Sleeve.id == Posting.sleeve_id)
        .where(Connection.user_id == user_id, Posting.kind.in_([kind] if kind else ["fee", "funding"]))
        .order_by(Posting.at.desc(), Posting.id.desc())
    )
    if kind == "adjustment":
        query = query.where(Posting.asset == QUOTE, Posting.sleeve_id.is_not(None))
    query = _filtered(query, filters, Posting.sleeve_id, Posting.symbol, Posting.at)
    before = decode_cursor(cursor)
    if before:
        mark = tuple_(literal(before[0]), literal(_integer(before[1]), BigInteger))
        query = query.where(tuple_(Posting.at, Posting.id) < mark)
    rows = (await session.execute(query.limit(limit + 1))).tuples().all()
    last = rows[limit - 1][0] if len(rows) > limit else None
    return Page(
        items=[_payment_view(posting, index_id) for posting, index_id in rows[:limit]],
        next_cursor=encode_cursor(last.at, last.id) if last else None,
    )


def _filtered(query: Select[Any], filters: Filters, sleeve_id: Any, symbol: Any, at: Any) -> Select[Any]:
    if filters.position is not None:
        query = query.where(sleeve_id == filters.position)
    if filters.symbol:
        query = query.where(symbol == filters.symbol.upper())
    if filters.start is not None:
        query = query.where(at >= filters.start)
    if filters.end is not None:
        query = query.where(at < filters.end)
    return query


def _fill_view(fill: Fill | Row[Any], index_id: str | None) -> FillView:
    return FillView(
        exec_id=fill.exec_id,
        position_id=fill.sleeve_id,
        index_name=index_name(index_id) if index_id else "",
        symbol=fill.symbol,
        side=Side(fill.side),
        exec_type=fill.exec_type,
        quantity=fill.quantity,
        price=fill.price,
        value=fill.quantity * fill.price,
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        by_hand=fill.order_id is None,
        executed_at=fill.executed_at,
    )


def _payment_view(posting: Posting, index_id: str | None) -> PaymentView:
    return PaymentView(
        id=posting.id,
        kind=posting.kind,
        position_id=posting.sleeve_id,
        index_name=index_name(index_id) if index_id else "",
        symbol=posting.symbol,
        amount=posting.amount,
        asset=posting.asset,
        at=posting.at,
    )


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise _unreadable() from error


def _integer(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise _unreadable()
    return int(text)


def _unreadable() -> InvalidInput:
    return InvalidInput("This page cursor cannot be read.", advice="Start again from the first page.")


def fill_row(fill: FillView) -> Sequence[object]:
    return (
        fill.executed_at, fill.index_name, fill.position_id, fill.symbol, fill.side.value, fill.quantity,
        fill.price, fill.value, fill.fee, fill.fee_asset, fill.exec_type, fill.by_hand, fill.exec_id,
    )  # fmt: skip


def payment_row(payment: PaymentView) -> Sequence[object]:
    return (
        payment.at, payment.index_name, payment.position_id, payment.kind, payment.symbol, payment.amount,
        payment.asset,
    )  # fmt: skip


FILL_COLUMNS = (
    "time", "index", "position", "symbol", "side", "quantity", "price", "value", "fee", "fee_asset", "type",
    "by_hand", "execution",
)  # fmt: skip
PAYMENT_COLUMNS = ("time", "index", "position", "kind", "symbol", "amount", "asset")
