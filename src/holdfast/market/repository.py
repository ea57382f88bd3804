"""Every query on instruments."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus
from holdfast.market.models import InstrumentRow
from holdfast.platform.cache import touch

SYMBOLS: Final = "symbols"
"""What kept lists of what can be charted are tagged with."""

_FIELDS = tuple(field.name for field in fields(Instrument))


async def last_seen(session: AsyncSession, venue: str, kind: InstrumentKind) -> datetime | None:
    """When the venue's list was last read."""
    newest: datetime | None = await session.scalar(
        select(func.max(InstrumentRow.seen_at)).where(
            InstrumentRow.venue == venue, InstrumentRow.kind == kind
        )
    )
    return newest


async def instruments(session: AsyncSession, venue: str, kind: InstrumentKind) -> list[Instrument]:
    rows = await session.scalars(
        select(InstrumentRow).where(InstrumentRow.venue == venue, InstrumentRow.kind == kind)
    )
    return [_instrument(row) for row in rows]


async def instrument(
    session: AsyncSession, venue: str, kind: InstrumentKind, symbol: str
) -> Instrument | None:
    row = await session.get(InstrumentRow, (venue, symbol, kind.value))
    return _instrument(row) if row else None


async def save_seen(session: AsyncSession, venue: str, seen: Iterable[Instrument], now: datetime) -> None:
    """Write what the venue lists now."""
    values = [{"venue": venue, "seen_at": now, **{name: getattr(i, name) for name in _FIELDS}} for i in seen]
    if not values:
        return
    statement = insert(InstrumentRow)
    changed = {
        name: statement.excluded[name] for name in (*_FIELDS, "seen_at") if name not in ("symbol", "kind")
    }
    await session.execute(
        statement.on_conflict_do_update(index_elements=["venue", "symbol", "kind"], set_=changed), values
    )
    await touch(session, SYMBOLS)


async def close_unseen(session: AsyncSession, venue: str, kind: InstrumentKind, now: datetime) -> list[str]:
    """Mark what the venue no longer lists, and return the symbols that changed.

    Somebody may still hold them, so the rows stay: reduce-only until the announced delivery has passed,
    closed afterwards.
    """
    rows = await session.scalars(
        select(InstrumentRow).where(
            InstrumentRow.venue == venue,
            InstrumentRow.kind == kind,
            InstrumentRow.seen_at < now,
            InstrumentRow.status != InstrumentStatus.CLOSED,
        )
    )
    changed = []
    for row in rows:
        delivered = row.delivery_at is not None and row.delivery_at <= now
        status = InstrumentStatus.CLOSED if delivered else InstrumentStatus.REDUCE_ONLY
        if row.status != status:
            row.status = status
            changed.append(row.symbol)
    return changed


def _instrument(row: InstrumentRow) -> Instrument:
    values = {name: getattr(row, name) for name in _FIELDS}
    values["kind"] = InstrumentKind(row.kind)
    values["status"] = InstrumentStatus(row.status)
    return Instrument(**values)
