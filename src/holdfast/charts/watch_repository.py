"""Every query of the watch over price alerts. Long lists are read and written page by page, so that whoever
else works in the same process has to wait for one page at most."""

from collections.abc import AsyncIterator, Collection
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Uuid,
    and_,
    any_,
    cast,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.charts.crossing import ABOVE, BELOW
from holdfast.charts.firing import Armed, Firing
from holdfast.charts.levels import Level
from holdfast.charts.models import AlertWatch, FiredAlert, PriceAlert
from holdfast.core.identity import new_id

PAGE: Final = 250

_LEVELS: Final = select(*(getattr(PriceAlert, name) for name in Level._fields))
_ARMED: Final = select(*(getattr(PriceAlert, name) for name in Armed._fields))
_UNSEEN: Final = text(
    "changed_in >= pg_snapshot_xmin(CAST(:before AS pg_snapshot))::text::bigint "
    "AND changed_in < pg_snapshot_xmax(pg_current_snapshot())::text::bigint "
    "AND NOT pg_visible_in_snapshot(changed_in::text::xid8, CAST(:before AS pg_snapshot))"
)
"""A number that no transaction had yet is another server's, from which the rows were copied."""


async def snapshot(session: AsyncSession) -> str:
    """Which transactions are seen now: what others write can be asked for later."""
    return str(await session.scalar(text("SELECT pg_current_snapshot()::text")))


def levels(session: AsyncSession, before: str | None = None) -> AsyncIterator[list[Level]]:
    """Of all active alerts, or of those, active or not, that were written by what the snapshot ``before`` did
    not see."""
    unseen = None if before is None else _UNSEEN.bindparams(before=before)
    return _pages(session, _LEVELS.where(PriceAlert.active if unseen is None else unseen))


def levels_of(session: AsyncSession, alerts: Collection[UUID]) -> AsyncIterator[list[Level]]:
    """Of these alerts, as far as there are any."""
    return _pages(session, _LEVELS.where(PriceAlert.id == any_(cast(list(alerts), ARRAY(Uuid)))))


async def _pages(session: AsyncSession, query: Select[Any]) -> AsyncIterator[list[Level]]:
    rows = await session.stream(query.execution_options(yield_per=PAGE))
    async for page in rows.partitions():
        yield [Level._make(row) for row in page]


async def reached(
    session: AsyncSession, series: str, low: Decimal, high: Decimal
) -> AsyncIterator[list[Armed]]:
    """The active alerts that prices between ``low`` and ``high`` may bring to another side: what
    ``Levels.reached`` says. To be changed by nobody else, always locked in one order."""
    query = _ARMED.where(PriceAlert.active, PriceAlert.series == series, _between(low, high))
    query = query.order_by(PriceAlert.id).limit(PAGE).with_for_update()
    rows = (await session.execute(query)).all()
    while rows:
        yield [Armed._make(row) for row in rows]
        if len(rows) < PAGE:
            return
        rows = (await session.execute(query.where(PriceAlert.id > rows[-1].id))).all()


def _between(low: Decimal, high: Decimal) -> ColumnElement[bool]:
    return or_(
        and_(PriceAlert.side == ABOVE, PriceAlert.price >= low),
        and_(PriceAlert.side == BELOW, PriceAlert.price <= high),
        and_(PriceAlert.side.is_(None), or_(PriceAlert.price < high, PriceAlert.price > low)),
    )


async def save_armed(session: AsyncSession, alerts: Collection[Armed]) -> None:
    """What looking at these alerts has changed of them."""
    rows = [
        {"id": one.id, "side": one.side, "active": one.active, "fired_at": one.fired_at} for one in alerts
    ]
    if rows:
        await session.execute(update(PriceAlert), rows)


async def note_fired(session: AsyncSession, fired: Collection[tuple[Armed, Firing]]) -> None:
    """List what fired, in this order."""
    rows = [
        {
            "id": new_id(),
            "user_id": alert.user_id,
            "alert_id": alert.id,
            "series": alert.series,
            "direction": firing.reached.direction,
            "price": alert.price,
            "seen_price": firing.reached.price,
            "note": alert.note,
            "at": firing.at,
        }
        for alert, firing in fired
    ]
    if rows:
        await session.execute(insert(FiredAlert), rows)


async def locked_watch(session: AsyncSession, series: str) -> AlertWatch | None:
    """To be changed by nobody else, nor made where there is none."""
    query = (
        select(AlertWatch)
        .where(AlertWatch.series == series)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found: AlertWatch | None = await session.scalar(query)
    if found is None:
        name = func.hashtextextended(f"alert watch:{series}", 0)
        await session.execute(select(func.pg_advisory_xact_lock(name)))
        found = await session.scalar(query)
    return found


async def forget_watches(session: AsyncSession) -> None:
    """Series nobody has an alert on: where it was left off says nothing about an alert made later."""
    watched = exists().where(PriceAlert.active, PriceAlert.series == AlertWatch.series)
    await session.execute(delete(AlertWatch).where(~watched))
